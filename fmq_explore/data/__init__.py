"""Data sets as files on disk or generated from a seed; nothing is ever downloaded."""

__all__ = ["DATASETS", "Dataset", "load"]

import os
from collections.abc import Callable
from pathlib import Path

from .cifar import cifar10
from .dataset import Dataset
from .emoji import emoji
from .folder import image_folder, is_image_folder
from .grey import digits, fashion, mnist
from .points import checkerboard, gaussians, moons, spiral

DATASETS: dict[str, Callable[[Path | None, str], Dataset]] = {
    "gaussians": gaussians,
    "moons": moons,
    "checkerboard": checkerboard,
    "spiral": spiral,
    "digits": digits,
    "mnist": mnist,
    "fashion": fashion,
    "cifar10": cifar10,
    "emoji": emoji,
}


def load(
    name: str,
    root: str | os.PathLike[str] | None = None,
    split: str = "train",
    size: int | None = None,
) -> Dataset:
    """Loads or generates a data set.

    Any other name than those of `DATASETS` belongs to a folder of images, see `image_folder`.

    Args:
        name: A key of `DATASETS`, or a name of your own for the images in `root`.
        root: Folder that holds the files, or whose subfolder `name` does. By default the folder
            in the environment variable FMQ_DATA, then `data` in the current directory.
        split: "train" or "test".
        size: Side of the images of a folder in pixels, by default 32.

    Raises:
        ValueError: If the name or the split is unknown, or a file is not what its name says.
        FileNotFoundError: If the files are not there; the message says how to get them.

    Example:
        >>> load("moons").x.shape
        torch.Size([20000, 2])
    """
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    folder = None if root is None else Path(root)
    if name in DATASETS:
        if size is not None:
            raise ValueError(f"{name} has a size of its own: leave size out")
        return DATASETS[name](folder, split)
    base = folder or Path(os.environ.get("FMQ_DATA", "data"))
    for candidate in (base / name, base):
        if is_image_folder(candidate, needed=folder is not None or candidate != base):
            return image_folder(candidate, split, name, 32 if size is None else size)
    raise ValueError(
        f"unknown data set {name!r}: choose one of {', '.join(DATASETS)}, "
        "or name a folder of images with --data"
    )
