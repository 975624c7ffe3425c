"""The velocity network for points: a multilayer perceptron with residual layers."""

__all__ = ["MLP"]

from typing import Any

import torch
from torch import Tensor, nn

from .network import ConditionEmbedding, VelocityNetwork


class MLP(VelocityNetwork):
    """A perceptron v(x, t, label) on vectors, with `depth` residual hidden layers.

    Args:
        data_shape: Shape of one sample, `(d,)`.
        n_classes: Number of classes, or None.
        width: Width of the hidden layers.
        depth: Number of hidden layers.
        embedding: Length of the embedding of time and class.

    Example:
        >>> v = MLP((2,), width=32)
        >>> v(torch.zeros(5, 2), 0.5).shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        data_shape: tuple[int, ...] = (2,),
        n_classes: int | None = None,
        width: int = 128,
        depth: int = 3,
        embedding: int = 32,
    ) -> None:
        super().__init__()
        if len(data_shape) != 1:
            raise ValueError(f"data_shape {data_shape} must be (d,) for an MLP: use a U-Net")
        self.data_shape, self.n_classes = tuple(data_shape), n_classes
        self.width, self.depth, self.embedding = width, depth, embedding
        self.condition = ConditionEmbedding(
            embedding, n_classes, n_frequencies=16, max_frequency=50
        )
        self.first = nn.Linear(data_shape[0] + embedding, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, data_shape[0])
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, t: Tensor | float, label: Tensor | int | None = None) -> Tensor:
        """Returns the velocity at `x` (n, d) and `t` (scalar or (n,)), shape (n, d)."""
        condition = self.condition(t, label).expand(x.shape[0], -1)
        h = self.first(torch.cat((x, condition), dim=-1))
        for layer in self.hidden:
            h = h + layer(nn.functional.silu(h))
        return self.last(nn.functional.silu(h))

    def config(self) -> dict[str, Any]:
        """Returns what `build_network` needs to make a network of this architecture."""
        return {
            "architecture": "mlp",
            "data_shape": list(self.data_shape),
            "n_classes": self.n_classes,
            "width": self.width,
            "depth": self.depth,
            "embedding": self.embedding,
        }
