"""The U-Net of the package torchcfm, seen as a velocity v(x, t, label)."""

__all__ = ["MISSING", "TorchcfmUNet"]

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from .network import VelocityNetwork

MISSING = (
    "without the package torchcfm, whose U-Net they belong to; "
    "pip install --no-deps torchcfm brings it"
)


class TorchcfmUNet(VelocityNetwork):
    """A `torchcfm.models.unet.unet.UNetModel` (arXiv 2302.00482) behind our calling convention.

    The package calls `v(t, x, y)`; time runs from noise at 0 to data at 1 as it does here. A
    network with classes has no class for "none": it needs a label, and knows no guidance.

    Args:
        data_shape: Shape of one image, `(c, h, w)`; h and w divisible by 2 for every level but one.
        n_classes: Number of classes, or None.
        settings: Further arguments of `UNetModel`.

    Raises:
        ValueError: If the package is missing, or the settings are not its.
    """

    def __init__(
        self, data_shape: tuple[int, ...], n_classes: int | None = None, **settings: Any
    ) -> None:
        super().__init__()
        if not TorchcfmUNet.is_available():
            raise ValueError(f"the network cannot be built {MISSING}")
        from torchcfm.models.unet.unet import UNetModel  # type: ignore[import-not-found]

        factor = 2 ** (len(settings["channel_mult"]) - 1)
        if len(data_shape) != 3 or any(side % factor for side in data_shape[1:]):
            raise ValueError(
                f"data_shape {tuple(data_shape)} must be (c, h, w) with h and w divisible by "
                f"{factor}: give the shape of the images that the network was trained on"
            )
        self.data_shape, self.n_classes = tuple(data_shape), n_classes
        self.settings = dict(settings)
        self.unet = UNetModel(
            image_size=data_shape[-1],
            in_channels=data_shape[0],
            out_channels=data_shape[0],
            num_classes=n_classes,
            **settings,
        )

    @staticmethod
    def is_available() -> bool:
        """Tells whether the package is installed, without loading it."""
        return find_spec("torchcfm") is not None

    def forward(self, x: Tensor, t: Tensor | float, label: Tensor | int | None = None) -> Tensor:
        """Returns the velocity at `x` (n, c, h, w) and `t` (scalar or (n,)), like `x`."""
        time = torch.as_tensor(t, dtype=x.dtype, device=x.device).expand(x.shape[0])
        if self.n_classes is None:
            return self.unet(time, x)
        classes = torch.as_tensor(-1 if label is None else label, device=x.device).reshape(-1)
        if bool(((classes < 0) | (classes >= self.n_classes)).any()):
            raise ValueError(
                "this network was trained with a class for every image: "
                f"give a label from 0 to {self.n_classes - 1}, and guidance 1"
            )
        return self.unet(time, x, classes.long().expand(x.shape[0]))

    def config(self) -> dict[str, Any]:
        """Returns what `build_network` needs to make a network of this architecture."""
        return {
            "architecture": "torchcfm_unet",
            "data_shape": list(self.data_shape),
            "n_classes": self.n_classes,
            **self.settings,
        }
