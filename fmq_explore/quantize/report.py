"""What quantization did to one tensor of a network."""

__all__ = ["TensorReport", "kept_report", "quantized_report", "relative_error"]

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class TensorReport:
    """One line of a report.

    Attributes:
        name: Name of the parameter.
        shape: Its shape.
        n_weights: Its number of weights.
        bits: Bits in a code, or bits of the full-precision type where the tensor is kept.
        kept: Whether the tensor stays in full precision.
        w2: Wasserstein-2 distance to the original weights, row by row.
        mse: Mean squared error: the square of `w2`, and above it only where codes were trained.
        relative_error: Root mean squared error over the root mean square of the weights.
        n_bytes: Bytes in the file, codebooks or scales included.
        bits_per_weight: `8 n_bytes / n_weights`.
        reason: Why the tensor is kept: `"keep"`, or `"small"` where it has fewer weights than there
            are levels; empty for a quantized one.
    """

    name: str
    shape: tuple[int, ...]
    n_weights: int
    bits: int
    kept: bool
    w2: float
    mse: float
    relative_error: float
    n_bytes: int
    bits_per_weight: float
    reason: str = ""


def relative_error(sse: float, norm_squared: float) -> float:
    """Returns the root of a summed squared error over that of the summed squared weights.

    Weights that are all zero have a relative error of 0, or of infinity where a scheme without a
    zero moved them.

    Example:
        >>> relative_error(4.0, 16.0), relative_error(0.0, 0.0), relative_error(1.0, 0.0)
        (0.5, 0.0, inf)
    """
    if sse <= 0.0:
        return 0.0
    return math.sqrt(sse / norm_squared) if norm_squared > 0.0 else math.inf


def quantized_report(
    name: str,
    shape: tuple[int, ...],
    bits: int,
    mse: float,
    norm_squared: float,
    n_bytes: int,
    w2: float,
) -> TensorReport:
    """Reports a quantized tensor from its errors and summed squared weights."""
    n = math.prod(shape)
    return TensorReport(
        name=name,
        shape=shape,
        n_weights=n,
        bits=bits,
        kept=False,
        w2=w2,
        mse=mse,
        relative_error=relative_error(mse * n, norm_squared),
        n_bytes=n_bytes,
        bits_per_weight=8 * n_bytes / n,
    )


def kept_report(name: str, shape: tuple[int, ...], itemsize: int, reason: str) -> TensorReport:
    """Reports a tensor that stays as it is, at `itemsize` bytes a weight."""
    n = math.prod(shape)
    bits = 8 * itemsize
    return TensorReport(
        name, shape, n, bits, True, 0.0, 0.0, 0.0, n * itemsize, float(bits), reason
    )
