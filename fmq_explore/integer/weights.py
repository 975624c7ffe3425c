"""Weights as signed integers: one step for each output channel, and no zero point."""

__all__ = ["WEIGHT_METHODS", "integer_weights"]

import numpy as np
import torch
from torch import Tensor

WEIGHT_METHODS = ("min_max", "mse")
"""How the step of a row follows from its weights: nothing clipped, or the least squared error."""

_FACTORS = np.linspace(1.0, 0.1, 91)  # ranges that "mse" tries, in parts of the largest weight
_BIAS_LIMIT = 2.0**30  # steps of a bias: half of what 32 bits hold, the rest is for the sum


def integer_weights(
    weight: Tensor, bits: int = 8, method: str = "min_max", bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Writes every row of a weight as :math:`w \approx s k` with integers k.

    .. math:: k = \text{clamp}(\text{round}(w / s), \; -T, \; T), \quad T = 2^{b - 1} - 1

    The code :math:`-2^{b-1}` stays unused, as in TFLite and ONNX Runtime, so that the grid is
    symmetric; two bits are -1, 0 and 1. With ``"min_max"`` the step is max|w| / T, with ``"mse"``
    it is the one of least squared error among shorter ranges, down to a tenth: what lies beyond is
    clipped.

    Args:
        weight: Weights, dimension 0 counts the output channels, shape (m, ...).
        bits: Bits b of an integer, 2 to 8.
        method: A name in `WEIGHT_METHODS`.
        bias: What is added to a row in units of the input's steps, shape (m,), or None. It is
            stored as an int32 in units of s: a row with a large one and hardly a weight gets a
            wider step, so that it fits.

    Returns:
        The integers, int8, shape of the weight, and the step of each row, float32, shape (m,).

    Raises:
        ValueError: If an argument is out of range, or a weight is not finite.

    Example:
        >>> codes, step = integer_weights(torch.tensor([[0.7, -0.3, 0.1]]), bits=4)
        >>> codes.tolist(), step
        ([[7, -3, 1]], tensor([0.1000]))
    """
    if bits not in range(2, 9):
        raise ValueError(f"bits of integer weights is {bits!r}: use 2 to 8")
    if method not in WEIGHT_METHODS:
        raise ValueError(f"method is {method!r}: choose one of {', '.join(WEIGHT_METHODS)}")
    rows = weight.detach().double().flatten(1)
    if not bool(torch.isfinite(rows).all()):
        raise ValueError("a weight is not finite: integers cannot hold it")
    top = 2 ** (bits - 1) - 1
    step = rows.abs().amax(1) / top
    if method == "mse":
        step = _best_steps(rows, step, top)
    if bias is not None:
        step = torch.maximum(step, bias.detach().double().abs() / _BIAS_LIMIT)
    step = torch.where(step.float() > 0, step.float(), 1.0)  # a row of zeros and no bias
    codes = (rows / step[:, None].double()).round_().clamp_(-top, top)
    return codes.to(torch.int8).reshape(weight.shape), step


def _best_steps(rows: Tensor, widest: Tensor, top: int) -> Tensor:
    """Returns the step of each row with the least squared error, of those that are tried."""
    best, least = widest, torch.full_like(widest, torch.inf)
    for factor in _FACTORS:
        step = (widest * factor).clamp_min(torch.finfo(torch.float64).tiny)[:, None]
        error = ((rows / step).round_().clamp_(-top, top) * step - rows).square_().sum(1)
        best = torch.where(error < least, widest * factor, best)
        least = torch.minimum(least, error)
    return best
