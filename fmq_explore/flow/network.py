"""What velocity networks share: data shape and classes, the embedding, the configuration."""

__all__ = ["ConditionEmbedding", "VelocityNetwork", "build_network"]

from abc import abstractmethod
from math import log, prod
from typing import Any

import torch
from torch import Tensor, nn


class VelocityNetwork(nn.Module):
    """Base of the networks v(x, t, label) that ship with the project.

    Attributes:
        data_shape: Shape of one sample, such as `(2,)` or `(1, 28, 28)`.
        n_classes: Number of classes, or None for a model without labels. Class `n_classes` itself
            stands for "no label".
        card: What the zoo knows about the model, or None.
        note: What had to be assumed when the model was read from a file, as a sentence.
    """

    data_shape: tuple[int, ...]
    n_classes: int | None
    card: Any = None
    note: str = ""

    @abstractmethod
    def forward(self, x: Tensor, t: Tensor | float, label: Tensor | int | None = None) -> Tensor:
        """Returns the velocity at `x` (n, ...) and `t` (scalar or (n,)), in the shape of `x`."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Returns what `build_network` needs to make a network of this architecture."""

    @property
    def n_parameters(self) -> int:
        """Number of weights, biases and norms included."""
        return sum(p.numel() for p in self.parameters())


class ConditionEmbedding(nn.Module):
    """Embeds time, and a class if there are classes, into one vector.

    Time enters as cosines and sines of geometrically spaced frequencies (arXiv 1706.03762). A
    scalar `t` and a missing label are embedded once for the whole batch, not once per sample.

    Args:
        width: Length of the embedding.
        n_classes: Number of classes, or None.
        n_frequencies: Number of frequencies.
        max_frequency: Highest frequency in radians per unit of time; the lowest is 1.

    Example:
        >>> embed = ConditionEmbedding(16, n_classes=10)
        >>> embed(torch.tensor(0.5), None).shape, embed(torch.rand(4), torch.arange(4)).shape
        (torch.Size([1, 16]), torch.Size([4, 16]))
    """

    frequencies: Tensor

    def __init__(
        self,
        width: int,
        n_classes: int | None = None,
        n_frequencies: int = 32,
        max_frequency: float = 200.0,
    ) -> None:
        super().__init__()
        self.n_classes = n_classes
        spacing = torch.linspace(0.0, log(max_frequency), n_frequencies)
        self.register_buffer("frequencies", spacing.exp(), persistent=False)
        self.time_in = nn.Linear(2 * n_frequencies, width)
        self.time_out = nn.Linear(width, width)
        self.classes = nn.Embedding(n_classes + 1, width) if n_classes else None

    def forward(self, t: Tensor | float, label: Tensor | int | None) -> Tensor:
        """Returns the embedding, shape (n, width), or (1, width) where all samples share it."""
        t = torch.as_tensor(t, dtype=torch.float32, device=self.frequencies.device)
        angles = t.reshape(-1, 1) * self.frequencies
        features = torch.cat((angles.cos(), angles.sin()), dim=-1)
        embedding = self.time_out(nn.functional.silu(self.time_in(features)))
        if self.classes is not None and self.n_classes is not None:
            index = torch.as_tensor(self.n_classes if label is None else label, device=t.device)
            embedding = embedding + self.classes(index.reshape(-1))
        return embedding


def build_network(config: dict[str, Any]) -> VelocityNetwork:
    """Builds an untrained network from what `VelocityNetwork.config` returned.

    Raises:
        ValueError: If the architecture is unknown or the settings do not belong to it.

    Example:
        >>> build_network({"architecture": "mlp", "data_shape": [2], "width": 8}).data_shape
        (2,)
    """
    from .mlp import MLP
    from .torchcfm_unet import TorchcfmUNet
    from .unet import UNet
    from .weights_only import WeightsOnly

    architectures: dict[str, type[VelocityNetwork]] = {
        "mlp": MLP,
        "torchcfm_unet": TorchcfmUNet,
        "unet": UNet,
        "weights_only": WeightsOnly,
    }
    settings = dict(config)
    name = settings.pop("architecture", None)
    if name not in architectures:
        raise ValueError(
            f"unknown architecture {name!r}: choose one of {', '.join(sorted(architectures))}"
        )
    try:
        settings["data_shape"] = tuple(int(size) for size in settings["data_shape"])
        if not prod(settings["data_shape"]) > 0:
            raise ValueError(f"data_shape {settings['data_shape']} must be positive throughout")
        return architectures[name](**settings)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the settings {sorted(config)} do not describe a {name} network ({error}): "
            "use those that its config() returns"
        ) from error
