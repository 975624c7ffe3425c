"""What a data set is in memory, and where its files are looked for."""

__all__ = ["Dataset", "find_folder"]

import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory.

    Attributes:
        name: Its name, a key of `DATASETS`.
        title: Its name for people.
        x: Samples, float32, shape (n, 2) or (n, c, h, w).
        labels: Classes, int64, shape (n,), or None.
        class_names: One name per class, empty without labels.
        data_range: Smallest and largest value a sample can have; images live in [-1, 1].
    """

    name: str
    title: str
    x: Tensor
    labels: Tensor | None
    class_names: tuple[str, ...]
    data_range: tuple[float, float]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x.shape[1:])

    @property
    def n_classes(self) -> int | None:
        """Number of classes, or None."""
        return len(self.class_names) or None


def find_folder(name: str, root: Path | None, patterns: tuple[str, ...], package: str) -> Path:
    """Returns the first folder that holds a file of a data set.

    Args:
        name: Name of the data set.
        root: Folder that holds the files, or whose subfolder `name` does; None for the folder in
            the environment variable FMQ_DATA, then `data`.
        patterns: File names that tell the data set, as glob patterns.
        package: Where the files can be had, for the message.

    Raises:
        FileNotFoundError: If there is none.
    """
    base = root or Path(os.environ.get("FMQ_DATA", "data"))
    for folder in (base / name, base, base / "data"):
        if any(any(folder.glob(pattern)) for pattern in patterns):
            return folder
    raise FileNotFoundError(
        f"no files of {name} in {base} or {base / name}: unpack {package} there, "
        "or name their folder with --data or FMQ_DATA"
    )
