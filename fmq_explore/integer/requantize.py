"""From 32-bit accumulators to 8-bit codes: how integer kernels multiply by a scale, and round."""

__all__ = ["ROUNDINGS", "check_rounding", "fixed_point_multiplier"]

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .affine import AffineGrid

Requantize = Callable[[Tensor, Tensor, AffineGrid], Tensor]


def _half_even(accumulators: Tensor, multipliers: Tensor, output: AffineGrid) -> Tensor:
    """Multiplies in float32 and rounds ties to even, as ONNX Runtime's quantized operators do."""
    scaled = accumulators.to(torch.float32) * multipliers
    scaled.clamp_(-output.zero_point, output.top - output.zero_point)
    return scaled.round_().add_(output.zero_point).to(torch.uint8)


def fixed_point_multiplier(multiplier: float) -> tuple[int, int]:
    r"""Writes a positive factor as :math:`m \, 2^{e - 31}` with a 32-bit integer m.

    Returns:
        The mantissa m, :math:`2^{30} \le m < 2^{31}`, and the exponent e; 0 and 0 for a factor
        below :math:`2^{-32}`, which takes every sum to 0, as in TFLite.

    Raises:
        ValueError: If the factor is not positive and finite, or its exponent is above 30.

    Example:
        >>> fixed_point_multiplier(0.75)
        (1610612736, 0)
    """
    if not (0 < multiplier < np.inf):
        raise ValueError(f"multiplier is {multiplier}: it must be positive and finite")
    fraction, exponent = np.frexp(multiplier)
    mantissa, exponent = round(float(fraction) * 2**31), int(exponent)
    if mantissa == 2**31:
        mantissa, exponent = 2**30, exponent + 1
    if exponent > 30:
        raise ValueError(
            f"multiplier {multiplier} is too large for fixed point, which holds less than 2^30: "
            "widen the range of the output"
        )
    return (mantissa, exponent) if exponent >= -31 else (0, 0)


def _fixed_point(accumulators: Tensor, multipliers: Tensor, output: AffineGrid) -> Tensor:
    """Multiplies by a 32-bit integer and shifts, as TFLite's reference kernels do.

    The high half of the doubled product is rounded, then the shift is rounded with ties away from
    zero (``SaturatingRoundingDoublingHighMul`` and ``RoundingDivideByPOT`` of gemmlowp).
    """
    shape = multipliers.shape
    pairs = [fixed_point_multiplier(m) for m in multipliers.flatten().double().tolist()]
    mantissa = torch.tensor([m for m, _ in pairs]).reshape(shape)
    exponent = torch.tensor([e for _, e in pairs]).reshape(shape)
    left, right = exponent.clamp(min=0), (-exponent).clamp(min=0)
    product = (accumulators.long() << left).clamp(-(2**31), 2**31 - 1) * mantissa
    nudge = torch.where(product >= 0, 2**30, 1 - 2**30)
    high = torch.div(product + nudge, 2**31, rounding_mode="trunc")
    remainder = high & ((1 << right) - 1)
    threshold = (((1 << right) - 1) >> 1) + (high < 0)
    shifted = (high >> right) + (remainder > threshold)
    return shifted.add_(output.zero_point).clamp_(0, output.top).to(torch.uint8)


ROUNDINGS: dict[str, Requantize] = {"half_even": _half_even, "fixed_point": _fixed_point}
"""How accumulators become codes: as ONNX Runtime does it, and as TFLite's reference kernels do."""


def check_rounding(rounding: str) -> str:
    """Returns the name of a rounding; raises ValueError for an unknown one."""
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding is {rounding!r}: choose one of {', '.join(ROUNDINGS)}")
    return rounding
