"""The architecture and the training recipe of every model that ships with the project."""

__all__ = ["PRESETS", "Preset", "preset_for"]

from dataclasses import dataclass, field, replace
from typing import Any

from .training import Recipe


@dataclass(frozen=True)
class Preset:
    """A network configuration, without data shape and classes, and how to train it."""

    network: dict[str, Any]
    recipe: Recipe = field(default_factory=Recipe)


_PERCEPTRON = {"architecture": "mlp", "width": 128, "depth": 3}
_POINTS = Recipe(steps=14_000, batch_size=512, time_sampler="uniform")


def _unet(channels: int, patch: int = 2) -> dict[str, Any]:
    return {"architecture": "unet", "channels": channels, "patch": patch}


_IMAGES = Preset(_unet(32), Recipe(steps=20_000))

PRESETS: dict[str, Preset] = {
    "gaussians": Preset(_PERCEPTRON, replace(_POINTS, steps=5_000)),
    "moons": Preset(_PERCEPTRON, replace(_POINTS, steps=8_000, batch_size=1024)),
    "checkerboard": Preset(_PERCEPTRON, replace(_POINTS, steps=28_000)),
    "spiral": Preset(_PERCEPTRON, _POINTS),
    "digits": Preset(
        {"architecture": "unet", "channels": 16, "patch": 1, "embedding": 64},
        Recipe(steps=2_500, batch_size=128),
    ),
    "mnist": _IMAGES,
    "fashion": _IMAGES,
    "cifar10": Preset(_unet(64), Recipe(steps=7_000, precision="bfloat16")),
    "emoji": Preset(_unet(48), Recipe(steps=6_000, precision="bfloat16")),
}


def preset_for(name: str, data_shape: tuple[int, ...]) -> Preset:
    """Returns the preset of a data set, or the one for its kind of data.

    Colour images of any folder get 64 channels, and beyond 32 pixels a coarser first level, so that
    64x64 costs what 32x32 does.

    Example:
        >>> preset_for("mnist", (1, 28, 28)).network["channels"]
        32
    """
    if name in PRESETS:
        return PRESETS[name]
    if len(data_shape) == 1:
        return Preset(_PERCEPTRON, _POINTS)
    grey, large = data_shape[0] == 1, max(data_shape[1:]) > 32
    return _IMAGES if grey else Preset(_unet(64, patch=4 if large else 2), Recipe(steps=20_000))
