"""The velocity network for images: a two-level U-Net small enough for a microcontroller."""

__all__ = ["UNet"]

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import ConditionEmbedding, VelocityNetwork


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose second norm is scaled and shifted by the condition (FiLM)."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * channels)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return x + self.conv2(functional.silu(h))


class Attention(nn.Module):
    """Residual self-attention over the pixels of the coarsest level (arXiv 1706.03762)."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        tokens = self.qkv(self.norm(x)).flatten(2).transpose(1, 2)
        q, k, v = tokens.reshape(n, height * width, 3 * self.heads, -1).transpose(1, 2).chunk(3, 1)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        mixed = mixed.transpose(1, 2).reshape(n, height, width, c).permute(0, 3, 1, 2)
        return x + self.out(mixed)


class UNet(VelocityNetwork):
    """A U-Net v(x, t, label) with two levels, and pixel-unshuffle instead of a finest level.

    Args:
        data_shape: Shape of one image, `(c, h, w)`; h and w divisible by `2 * patch`.
        n_classes: Number of classes, or None.
        channels: Channels at the fine level, a multiple of 8; the coarse level has twice as many.
        patch: Side of the pixel-unshuffle, 1 for none.
        embedding: Length of the embedding of time and class.

    Example:
        >>> v = UNet((1, 28, 28), n_classes=10)
        >>> v(torch.zeros(2, 1, 28, 28), 0.5, torch.tensor([3, 7])).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        data_shape: tuple[int, ...] = (1, 28, 28),
        n_classes: int | None = None,
        channels: int = 32,
        patch: int = 2,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        if len(data_shape) != 3 or any(side % (2 * patch) for side in data_shape[1:]):
            raise ValueError(
                f"data_shape {data_shape} must be (c, h, w) with h and w divisible by {2 * patch}: "
                "resize or pad the images"
            )
        self.data_shape, self.n_classes = tuple(data_shape), n_classes
        self.channels, self.patch, self.embedding = channels, patch, embedding
        fine, coarse = channels, 2 * channels
        self.condition = ConditionEmbedding(embedding, n_classes)
        self.first = nn.Conv2d(data_shape[0] * patch**2, fine, 3, padding=1)
        self.down = ResidualBlock(fine, embedding)
        self.shrink = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.middle1 = ResidualBlock(coarse, embedding)
        self.middle2 = ResidualBlock(coarse, embedding)
        self.attention = Attention(coarse)
        self.middle3 = ResidualBlock(coarse, embedding)
        self.middle4 = ResidualBlock(coarse, embedding)
        self.grow = nn.Conv2d(coarse, 4 * fine, 1)
        self.up = ResidualBlock(fine, embedding)
        self.norm = nn.GroupNorm(8, fine)
        self.last = nn.Conv2d(fine, data_shape[0] * patch**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor, t: Tensor | float, label: Tensor | int | None = None) -> Tensor:
        """Returns the velocity at `x` (n, c, h, w) and `t` (scalar or (n,)), like `x`."""
        condition = functional.silu(self.condition(t, label))
        h = functional.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last)
        fine = self.down(self.first(h), condition)
        coarse = self.middle1(self.shrink(fine), condition)
        h = self.attention(self.middle2(coarse, condition))
        h = self.middle4(self.middle3(h, condition) + coarse, condition)
        h = self.up(functional.pixel_shuffle(self.grow(h), 2) + fine, condition)
        h = self.last(functional.silu(self.norm(h)))
        return functional.pixel_shuffle(h, self.patch).contiguous()

    def config(self) -> dict[str, Any]:
        """Returns what `build_network` needs to make a network of this architecture."""
        return {
            "architecture": "unet",
            "data_shape": list(self.data_shape),
            "n_classes": self.n_classes,
            "channels": self.channels,
            "patch": self.patch,
            "embedding": self.embedding,
        }
