"""Convolutions and linear layers in integers, equal to ONNX Runtime's operators bit for bit."""

__all__ = ["accumulate_conv2d", "accumulate_linear", "quantized_conv2d", "quantized_linear"]

import torch
from torch import Tensor
from torch.nn import functional

from .affine import AffineGrid
from .requantize import ROUNDINGS, check_rounding

Pair = int | tuple[int, int]

_FLOAT32_INTEGERS = 2**24  # up to here float32 holds every integer
_INT32_MAX = 2**31 - 1


def quantized_linear(
    x: Tensor,
    input: AffineGrid,
    weight: Tensor,
    weight_scale: Tensor,
    bias: Tensor | None,
    output: AffineGrid,
    rounding: str = "half_even",
) -> Tensor:
    r"""Computes a linear layer on codes: :math:`y = W (x - z_x) + b` in int32, then rescaled.

    The rescaling is :math:`q = \text{round}(y \, s_x s_w / s_y) + z_y`, clamped to the grid. With
    `rounding="half_even"` the codes are those of ONNX Runtime's ``QGemm``, and without a bias those
    of ``QLinearMatMul``.

    Args:
        x: Codes of the input, uint8, shape (..., k).
        input: Grid of the input.
        weight: Signed integers, int8, shape (m, k).
        weight_scale: Step of every row, float32, shape (m,).
        bias: Integers in steps of s_x s_w, int32, shape (m,), or None.
        output: Grid of the output.
        rounding: A name in `ROUNDINGS`.

    Returns:
        Codes of the output, uint8, shape (..., m).

    Raises:
        ValueError: If types or shapes do not fit, or an accumulator could overflow 32 bits.

    Example:
        >>> grid = AffineGrid(scale=0.5, zero_point=10)
        >>> w = torch.tensor([[1, -2]], dtype=torch.int8)
        >>> codes = grid.quantize(torch.tensor([[3.0, 1.0]]))
        >>> grid.dequantize(quantized_linear(codes, grid, w, torch.tensor([2.0]), None, grid))
        tensor([[2.]])
    """
    y = accumulate_linear(x, input, weight, bias)
    multipliers = _multipliers(input, weight_scale, output)
    return _requantize(rounding, y, multipliers, output)


def quantized_conv2d(
    x: Tensor,
    input: AffineGrid,
    weight: Tensor,
    weight_scale: Tensor,
    bias: Tensor | None,
    output: AffineGrid,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    rounding: str = "half_even",
) -> Tensor:
    """Computes a convolution on codes; see `quantized_linear`.

    With `rounding="half_even"` the codes are those of ONNX Runtime's ``QLinearConv``.

    Args:
        x: Codes of the input, uint8, shape (n, c, h, w); the border is padded with zeros, which
            have the code `input.zero_point`.
        input: Grid of the input.
        weight: Signed integers, int8, shape (m, c / groups, kh, kw).
        weight_scale: Step of every output channel, float32, shape (m,).
        bias: Integers in steps of s_x s_w, int32, shape (m,), or None.
        output: Grid of the output.
        stride: As for `torch.nn.functional.conv2d`, like padding, dilation and groups.
        padding: Zeros on each side.
        dilation: Distance of the kernel's points.
        groups: Groups of channels.
        rounding: A name in `ROUNDINGS`.

    Returns:
        Codes of the output, uint8, shape (n, m, h', w').

    Raises:
        ValueError: If types or shapes do not fit, or an accumulator could overflow 32 bits.
    """
    y = accumulate_conv2d(x, input, weight, bias, stride, padding, dilation, groups)
    multipliers = _multipliers(input, weight_scale, output)[:, None, None]
    return _requantize(rounding, y, multipliers, output)


def accumulate_linear(
    x: Tensor, input: AffineGrid, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Returns the 32-bit accumulators of `quantized_linear`, shape (..., m)."""
    _check(x, weight, bias, 2)
    if x.shape[-1] != weight.shape[1]:
        raise ValueError(f"x has {x.shape[-1]} columns and the weight {weight.shape[1]}")
    dtype = _exact_type(weight, input, bias)
    y = (x.to(dtype) - input.zero_point) @ weight.to(dtype).T
    return _add(y, bias)


def accumulate_conv2d(
    x: Tensor,
    input: AffineGrid,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Returns the 32-bit accumulators of `quantized_conv2d`, shape (n, m, h', w')."""
    _check(x, weight, bias, 4)
    if x.ndim != 4 or x.shape[1] != groups * weight.shape[1] or len(weight) % groups:
        raise ValueError(
            f"x of shape {tuple(x.shape)} and a weight of shape {tuple(weight.shape)} do not fit "
            f"with {groups} groups: x needs {groups * weight.shape[1]} channels"
        )
    dtype = _exact_type(weight, input, bias)
    stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
    centred = x.to(dtype) - input.zero_point  # so that padding is 0
    n, m, kernel = len(x), len(weight), weight.shape[2:]
    height, width = (
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, p, d, k, s in zip(x.shape[2:], padding, dilation, kernel, stride, strict=True)
    )
    # A matrix product adds integers and nothing else; a convolution might choose Winograd's way
    columns = functional.unfold(centred, kernel, dilation, padding, stride)
    columns = columns.reshape(n, groups, -1, height * width)
    y = weight.to(dtype).reshape(groups, m // groups, -1) @ columns
    y = y.reshape(n, m, height, width)
    return _add(y, None if bias is None else bias[:, None, None])


def _requantize(rounding: str, y: Tensor, multipliers: Tensor, output: AffineGrid) -> Tensor:
    return ROUNDINGS[check_rounding(rounding)](y, multipliers, output)


def _multipliers(input: AffineGrid, weight_scale: Tensor, output: AffineGrid) -> Tensor:
    """Returns s_x s_w / s_y of every row, in float32 and in ONNX Runtime's order."""
    return weight_scale.to(torch.float32) * input.scale / output.scale


def _add(y: Tensor, bias: Tensor | None) -> Tensor:
    y = y.to(torch.int32)
    return y if bias is None else y + bias


def _exact_type(weight: Tensor, input: AffineGrid, bias: Tensor | None) -> torch.dtype:
    """Returns a type in which every partial sum is an integer that it holds, whatever the order.

    Raises:
        ValueError: If an accumulator could overflow 32 bits.
    """
    reach = max(input.zero_point, input.top - input.zero_point)
    sums = reach * weight.long().abs().flatten(1).sum(1)
    largest = int((sums if bias is None else sums + bias.long().abs()).max())
    if largest > _INT32_MAX:
        raise ValueError(
            f"an accumulator could reach {largest}, beyond 32 bits: use fewer bits, or a layer "
            "with fewer inputs"
        )
    return torch.float32 if int(sums.max()) <= _FLOAT32_INTEGERS else torch.float64


def _check(x: Tensor, weight: Tensor, bias: Tensor | None, ndim: int) -> None:
    types = (x.dtype, weight.dtype, torch.int32 if bias is None else bias.dtype)
    if types != (torch.uint8, torch.int8, torch.int32):
        raise ValueError(
            f"x, weight and bias are {', '.join(map(str, types))}: use uint8, int8 and int32"
        )
    if weight.ndim != ndim or (bias is not None and bias.shape != weight.shape[:1]):
        shape = None if bias is None else tuple(bias.shape)
        raise ValueError(
            f"a weight of shape {tuple(weight.shape)} and a bias of shape {shape} do not fit: "
            f"give {ndim} dimensions, and one bias for each output"
        )


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value
