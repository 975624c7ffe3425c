"""A folder of images of any size as a data set: how CelebA or ImageNet come in."""

__all__ = ["image_folder", "is_image_folder", "read_image"]

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .dataset import Dataset

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"}
TEST_EVERY = 10
LEAST = 20
SIDES = (8, 256)


def is_image_folder(folder: Path, needed: bool = False) -> bool:
    """Tells whether a folder, or a subfolder of it, holds an image.

    Raises:
        FileNotFoundError: If `needed`, and the folder is there but holds none.
    """
    if not folder.is_dir():
        return False
    if any(_files(folder)):
        return True
    if needed:
        raise FileNotFoundError(
            f"no images in {folder}: it needs files that end with {', '.join(sorted(ENDINGS))}"
        )
    return False


def image_folder(folder: Path, split: str, name: str, size: int) -> Dataset:
    """Reads a folder of images, cropped to their central square and resized.

    Images in subfolders have the subfolder's name as their class. Of the sorted files of every
    class each tenth belongs to the test.

    Args:
        folder: The folder.
        split: "train" or "test".
        name: Name of the data set, and of a model trained on it.
        size: Side of the squares in pixels, a multiple of 4.

    Raises:
        ValueError: If the size cannot be used, there are too few images, or one cannot be read.
    """
    if size % 4 or not SIDES[0] <= size <= SIDES[1]:
        raise ValueError(f"size is {size}: use a multiple of 4 from {SIDES[0]} to {SIDES[1]}")
    if not name.isidentifier() and not name.replace("-", "_").isidentifier():
        raise ValueError(f"{name!r} cannot name a model: use letters, digits, - and _")
    files = _files(folder)
    if len(files) < LEAST:
        raise ValueError(f"{folder} holds {len(files)} images: at least {LEAST} are needed")
    loose = any(path.parent == folder for path in files)
    class_names = () if loose else tuple(sorted({path.parent.name for path in files}))
    chosen: list[tuple[Path, int]] = []
    for label in range(max(1, len(class_names))):
        own = [p for p in files if loose or p.parent.name == class_names[label]]
        part = own[TEST_EVERY - 1 :: TEST_EVERY] or own[-1:]
        kept = part if split == "test" else [p for p in own if p not in set(part)]
        chosen += [(path, label) for path in kept]
    x = torch.stack([read_image(path, size) for path, _ in chosen])
    labels = torch.tensor([label for _, label in chosen]) if len(class_names) > 1 else None
    names = class_names if labels is not None else ()
    return Dataset(name, name.replace("_", " "), x, labels, names, (-1.0, 1.0))


def read_image(path: Path, size: int) -> Tensor:
    """Reads an image as (3, size, size) in [-1, 1]: its central square, transparent parts white.

    Raises:
        ValueError: If the file cannot be read as an image.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture = picture.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as an image ({error}): remove it") from error
    ground = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(ground, picture).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    square = square.resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(square, dtype=np.float32).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(pixels)) / 127.5 - 1


def _files(folder: Path) -> list[Path]:
    """Lists the images of a folder: those in it, or else those of its subfolders."""
    own = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.is_file())
    below = (p for p in folder.glob("*/*") if p.suffix.lower() in ENDINGS and p.is_file())
    return own or sorted(below)
