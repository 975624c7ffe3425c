"""Real test data that generated samples are held against."""

__all__ = ["Reference", "available_references", "load_reference"]

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ..assets import assets_folder, read_tensors

N_IMAGES = 512
N_FEATURES = 2000


@dataclass(frozen=True, eq=False)
class Reference:
    """Real data that no model and no reader was trained on.

    Attributes:
        images: Test images in [-1, 1], shape (m, c, h, w), m up to 512; or, for a model of points,
            up to 2,000 points, shape (m, 2).
        labels: Their classes, shape (m,), or None.
        features: Features of up to 2,000 test images, the m images first, shape (M, 64), made by
            the reader of the data set; None for points.
    """

    images: Tensor
    labels: Tensor | None
    features: Tensor | None

    def save(self, name: str, folder: Path) -> Path:
        """Writes images as bytes and features in half precision to `folder/reference`."""
        path = folder / "reference" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        as_bytes = self.images.ndim == 4
        pixels = ((self.images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        tensors = {"images": pixels if as_bytes else self.images.float()}
        if self.labels is not None:
            tensors["labels"] = self.labels.to(torch.uint8)
        if self.features is not None:
            tensors["features"] = self.features.half()
        path.write_bytes(save({key: value.contiguous() for key, value in tensors.items()}))
        return path


def available_references() -> list[str]:
    """Names the data sets whose test data ship with the project.

    Example:
        >>> "mnist" in available_references()
        True
    """
    return sorted(path.stem for path in (assets_folder() / "reference").glob("*.safetensors"))


def load_reference(name: str, folder: Path | None = None) -> Reference:
    """Loads the real test data of a data set.

    Args:
        name: One of `available_references`.
        folder: A folder with a subfolder `reference`, instead of the assets.

    Raises:
        ValueError: If there are none, or the file is not what it should be.

    Example:
        >>> reference = load_reference("mnist")
        >>> reference.images.shape, reference.features.shape
        (torch.Size([512, 1, 28, 28]), torch.Size([2000, 64]))
    """
    references = (folder or assets_folder()) / "reference"
    path = references / f"{name}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in references.glob("*.safetensors"))) or "none"
        raise ValueError(
            f"no reference data {name!r}: there is {known}; fmq-explore collect-reference makes one"
        )
    tensors = read_tensors(path)
    if "images" not in tensors:
        raise ValueError(f"{path} holds no images: it is not a file of reference data")
    images, labels = tensors["images"], tensors.get("labels")
    features = tensors.get("features")
    return Reference(
        images.float() / 127.5 - 1 if images.dtype == torch.uint8 else images,
        None if labels is None else labels.long(),
        None if features is None else features.float(),
    )
