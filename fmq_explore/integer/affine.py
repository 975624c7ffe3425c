"""The grid that activations are rounded to: a scale, and an integer that stands for zero."""

__all__ = ["AffineGrid"]

from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class AffineGrid:
    r"""Numbers as unsigned integers, :math:`x \approx s (q - z)` with :math:`0 \le q < 2^b`.

    .. math:: q = \text{clamp}(\text{round}(x / s) + z, \; 0, \; 2^b - 1)

    Ties go to the even neighbour and everything is float32, as in ONNX's ``QuantizeLinear``. A
    stack with signed codes (TFLite, CMSIS-NN) stores q - 128 and z - 128: the same grid.

    Attributes:
        scale: The step s, a float32 number, positive.
        zero_point: The code z of zero, which therefore has no error.
        bits: Bits b of a code, 2 to 8.

    Example:
        >>> grid = AffineGrid.spanning(-1.0, 4.1, bits=8)
        >>> grid.zero_point, grid.quantize(torch.tensor([-1.0, 0.0, 0.02, 99.0])).tolist()
        (50, [0, 50, 51, 255])
    """

    scale: float
    zero_point: int
    bits: int = 8

    def __post_init__(self) -> None:
        """Raises ValueError where a number is out of range."""
        if self.bits not in range(2, 9):
            raise ValueError(f"bits of activations is {self.bits!r}: use 2 to 8")
        if not (isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale is {self.scale}: it must be positive and finite")
        if not 0 <= self.zero_point <= self.top:
            raise ValueError(f"zero_point is {self.zero_point}: use 0 to {self.top}")

    @classmethod
    def spanning(cls, low: float, high: float, bits: int = 8) -> "AffineGrid":
        """Returns the grid from `low` to `high`, widened to hold zero.

        The zero point is rounded, so that the ends may lie up to half a step beyond the grid.

        Raises:
            ValueError: If an end is not finite, or `low` is above `high`.
        """
        if not (isfinite(low) and isfinite(high) and low <= high):
            raise ValueError(f"the range is {low} to {high}: give finite ends in ascending order")
        low, high = min(float(low), 0.0), max(float(high), 0.0)
        top = 2**bits - 1
        scale = float(np.float32((high - low) / top))
        if scale == 0.0:  # nothing but zeros, which every scale holds
            return cls(1.0, 0, bits)
        return cls(scale, min(max(round(-low / scale), 0), top), bits)

    @property
    def top(self) -> int:
        """The largest code."""
        return 2**self.bits - 1

    @property
    def low(self) -> float:
        """The smallest number on the grid."""
        return -self.scale * self.zero_point

    @property
    def high(self) -> float:
        """The largest number on the grid."""
        return self.scale * (self.top - self.zero_point)

    def quantize(self, x: Tensor) -> Tensor:
        """Returns the codes of float32 numbers, uint8, in their shape."""
        codes = torch.div(x, self.scale).round_().add_(self.zero_point)
        return codes.clamp_(0, self.top).to(torch.uint8)

    def dequantize(self, codes: Tensor) -> Tensor:
        """Returns the numbers that codes stand for, float32."""
        return (codes.to(torch.float32) - self.zero_point).mul_(self.scale)

    def round(self, x: Tensor) -> Tensor:
        """Returns the numbers of the grid nearest to `x`, float32: fake quantization."""
        codes = torch.div(x, self.scale).round_()
        return codes.clamp_(-self.zero_point, self.top - self.zero_point).mul_(self.scale)
