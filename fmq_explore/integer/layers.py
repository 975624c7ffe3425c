"""Layers that compute in integers, in the place of the ones with floating-point weights."""

__all__ = ["IntegerConv2d", "IntegerLinear", "QuantizedInput", "integer_layer"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .affine import AffineGrid
from .operators import accumulate_conv2d, accumulate_linear, quantized_conv2d, quantized_linear
from .requantize import check_rounding
from .weights import integer_weights


class _IntegerLayer(nn.Module):
    """Codes of the weights and of the bias, and the grids on both sides.

    Attributes:
        input: Grid of the input.
        output: Grid of the output, or None where the sum is handed on in floating point.
        rounding: How sums become codes of the output.
        weight: Signed integers, int8.
        weight_scale: Step of every output channel.
        bias: Integers in steps of the products, int32, or None.
    """

    weight: Tensor
    weight_scale: Tensor
    bias: Tensor | None

    def __init__(
        self,
        layer: nn.Conv2d | nn.Linear,
        input: AffineGrid,
        output: AffineGrid | None,
        weight_bits: int,
        weight_method: str,
        rounding: str,
    ) -> None:
        super().__init__()
        self.input, self.output, self.rounding = input, output, check_rounding(rounding)
        bias = None if layer.bias is None else layer.bias.detach()
        least = None if bias is None else bias / input.scale
        weight, scale = integer_weights(layer.weight.detach(), weight_bits, weight_method, least)
        steps = None if least is None else torch.round(least.double() / scale).to(torch.int32)
        self.register_buffer("weight", weight)
        self.register_buffer("weight_scale", scale)
        self.register_buffer("bias", steps)

    def _as_float(self, sums: Tensor, multipliers: Tensor) -> Tensor:
        return sums.to(torch.float32) * (multipliers * self.input.scale)


class IntegerLinear(_IntegerLayer):
    """An `nn.Linear` computed by `quantized_linear`; takes and returns float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns the layer's output at `x` (..., k), shape (..., m)."""
        codes = self.input.quantize(x)
        args = (codes, self.input, self.weight)
        if self.output is None:
            return self._as_float(accumulate_linear(*args, self.bias), self.weight_scale)
        found = quantized_linear(*args, self.weight_scale, self.bias, self.output, self.rounding)
        return self.output.dequantize(found)


class IntegerConv2d(_IntegerLayer):
    """An `nn.Conv2d` computed by `quantized_conv2d`; takes and returns float32."""

    def __init__(self, layer: nn.Conv2d, *args, **options) -> None:
        super().__init__(layer, *args, **options)
        if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            raise ValueError(
                f"a convolution with padding {layer.padding!r} ({layer.padding_mode}) has no "
                "integer form here: give it zeros, and their number"
            )
        stride, padding, dilation = map(_pair, (layer.stride, layer.padding, layer.dilation))
        self.geometry = (stride, padding, dilation, layer.groups)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the layer's output at `x` (n, c, h, w), shape (n, m, h', w')."""
        args = (self.input.quantize(x), self.input, self.weight)
        if self.output is None:
            sums = accumulate_conv2d(*args, self.bias, *self.geometry)
            return self._as_float(sums, self.weight_scale[:, None, None])
        found = quantized_conv2d(
            *args, self.weight_scale, self.bias, self.output, *self.geometry, self.rounding
        )
        return self.output.dequantize(found)


def _pair(sizes: Sequence[int]) -> tuple[int, int]:
    height, width = sizes
    return height, width


class QuantizedInput(nn.Module):
    """A layer as it is, whose input is rounded to a grid first: fake quantization.

    Attributes:
        layer: The layer.
        input: The static grid, or None for one from the extremes of every call's own values.
        bits: Bits of a code where there is no static grid.
    """

    def __init__(self, layer: nn.Module, input: AffineGrid | None, bits: int = 8) -> None:
        super().__init__()
        self.layer, self.input, self.bits = layer, input, bits

    def forward(self, x: Tensor) -> Tensor:
        """Returns the layer's output at `x` rounded to the grid."""
        grid = self.input
        if grid is None:
            low, high = torch.aminmax(x)
            grid = AffineGrid.spanning(float(low), float(high), self.bits)
        return self.layer(grid.round(x))


def integer_layer(
    layer: nn.Conv2d | nn.Linear,
    input: AffineGrid,
    output: AffineGrid | None = None,
    weight_bits: int = 8,
    weight_method: str = "min_max",
    rounding: str = "half_even",
) -> IntegerConv2d | IntegerLinear:
    """Returns the layer with its weights as integers; see `fmq_explore.integer.simulate`.

    Example:
        >>> layer = nn.Linear(8, 4)
        >>> x = torch.rand(2, 8)
        >>> grid = AffineGrid.spanning(0.0, 1.0)
        >>> torch.allclose(integer_layer(layer, grid)(x), layer(x), atol=0.02)
        True
    """
    kind = IntegerConv2d if isinstance(layer, nn.Conv2d) else IntegerLinear
    return kind(layer, input, output, weight_bits, weight_method, rounding)  # type: ignore[arg-type]
