"""A quantized tensor: codes, codebook, and what they cost in error and in bytes."""

__all__ = ["QuantizedTensor", "quantize"]

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .bits import check_bits
from .packing import pack, packed_size, unpack
from .report import relative_error
from .rows import check_granularity, row_lengths, sort_rows
from .scheme import get_scheme
from .shared import pool_rows
from .solve import TensorFit, check_codebook_dtype, solve, to_array


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """Weights as indices into small codebooks, one codebook for each row.

    With granularity `"shared"` the rows' codebooks are one codebook times a scale for each row, and
    only these are stored; `codebook` holds the product.

    Attributes:
        codes: Indices into the codebook of the row, uint8, shape of the weights.
        codebook: Levels, ascending, float32, shape (rows, K) with K = 2^bits; an unused level
            repeats its neighbour.
        dtype: The type of the weights, and of `dequantize()`.
        scheme: Name of the scheme.
        bits: Bits in a code, 1 to 8.
        granularity: What a row is: `"tensor"`, `"channel"`, `"group"`, or `"shared"`: a channel.
        group_size: Weights in a group, for `"group"`.
        parameters: What a file stores for each row, shape (rows, p): a scale, or the codebook; once
            for all rows, shape (1, p), with granularity `"shared"`.
        mse: Mean squared error of the stored levels.
        norm_squared: Sum of the squared weights.
        row_w2: W2 of each row, float64, shape (rows,); None for a tensor read from a file.
        left: Whether the tensor has fewer than 2^bits weights and was left as it is.
        w2_squared: W2^2 where it is not `mse`: codes that were trained need not be monotone.
        row_scales: The stored scale of each row, shape (rows,), with granularity `"shared"`.
    """

    codes: Tensor
    codebook: Tensor
    dtype: torch.dtype
    scheme: str
    bits: int
    granularity: str
    group_size: int | None
    parameters: NDArray
    mse: float
    norm_squared: float
    row_w2: Tensor | None
    left: bool = False
    w2_squared: float | None = None
    row_scales: NDArray[np.floating] | None = None

    @property
    def shape(self) -> torch.Size:
        """Shape of the weights."""
        return self.codes.shape

    @property
    def w2(self) -> float:
        """Wasserstein-2 distance between the weights and their levels, row by row.

        On a line the best coupling sorts both sides, and every scheme here is monotone, so W2^2 of
        a row is its mean squared error; rows count by their length. Codes that were trained may
        break that order, and W2^2 is then below the mean squared error.
        """
        return math.sqrt(self.mse if self.w2_squared is None else self.w2_squared)

    @property
    def relative_error(self) -> float:
        """Root mean squared error over the root mean square of the weights."""
        return relative_error(self.mse * self.codes.numel(), self.norm_squared)

    @property
    def n_bytes(self) -> int:
        """Bytes in a file: packed codes and codebooks or scales; the weights, if left alone."""
        if self.left:
            return self.codes.numel() * self.dtype.itemsize
        n, radix = self.codes.numel(), get_scheme(self.scheme).radix
        return len(self._stored_numbers()) + packed_size(n, self.bits, radix)

    @property
    def bits_per_weight(self) -> float:
        """Bits that the file holds for each weight, codebooks and scales included."""
        return 8 * self.n_bytes / self.codes.numel()

    @cached_property
    def rows(self) -> Tensor:
        """The row of every weight, shape of the weights."""
        lengths = row_lengths(self.shape, self.granularity, self.group_size)
        rows = torch.repeat_interleave(torch.from_numpy(lengths))
        return rows.reshape(self.shape)

    def dequantize(self) -> Tensor:
        """Returns the level of every weight, in the weights' shape and type."""
        return self.codebook[self.rows, self.codes.long()].to(self.dtype)

    def to_bytes(self) -> bytes:
        """Returns parameters, scales of rows if any, and packed codes, `n_bytes` long."""
        codes = pack(self.codes.numpy(), self.bits, get_scheme(self.scheme).radix)
        return self._stored_numbers() + codes.tobytes()

    def _stored_numbers(self) -> bytes:
        scales = b"" if self.row_scales is None else self.row_scales.tobytes()
        return self.parameters.tobytes() + scales


def from_bytes(
    data: bytes,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    scheme: str,
    bits: int,
    granularity: str,
    group_size: int | None,
    codebook_dtype: str,
    mse: float,
    norm_squared: float,
    w2_squared: float | None = None,
) -> QuantizedTensor:
    """Reads what `QuantizedTensor.to_bytes` wrote.

    Raises:
        ValueError: The length of the data does not fit the description.
    """
    rule = get_scheme(scheme)
    n = math.prod(shape)
    n_rows = len(row_lengths(shape, granularity, group_size))
    n_rows, n_scales = (1, n_rows) if granularity == "shared" else (n_rows, 0)
    n_numbers = rule.n_parameters(bits)
    stored, scale_dtype = rule.parameter_dtype(codebook_dtype), np.dtype(codebook_dtype)
    size = n_rows * n_numbers * stored.itemsize
    start = size + n_scales * scale_dtype.itemsize
    if len(data) != start + packed_size(n, bits, rule.radix):
        raise ValueError(
            f"{len(data)} bytes cannot hold {n} codes of {bits} bits and {n_rows} rows of "
            f"{n_numbers} parameters with {n_scales} scales"
        )
    parameters = np.frombuffer(data, stored, n_rows * n_numbers).reshape(n_rows, n_numbers).copy()
    scales = np.frombuffer(data[size:start], scale_dtype).copy() if n_scales else None
    packed = np.frombuffer(data, np.uint8, offset=start)
    codes = unpack(packed, n, bits, rule.radix).reshape(shape)
    levels = torch.from_numpy(rule.levels(parameters, bits, scales)).to(dtype).float()
    return QuantizedTensor(
        codes=torch.from_numpy(codes),
        codebook=levels,
        dtype=dtype,
        scheme=scheme,
        bits=bits,
        granularity=granularity,
        group_size=group_size,
        parameters=parameters,
        mse=mse,
        norm_squared=norm_squared,
        row_w2=None,
        w2_squared=w2_squared,
        row_scales=scales,
    )


def from_fit(
    fit: TensorFit,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    scheme: str,
    granularity: str,
    group_size: int | None,
    lengths: NDArray[np.int64],
    norm_squared: float,
) -> QuantizedTensor:
    """Wraps what `solve` found for one tensor."""
    return QuantizedTensor(
        codes=torch.from_numpy(fit.codes).reshape(shape),
        codebook=torch.from_numpy(fit.levels),
        dtype=dtype,
        scheme=scheme,
        bits=fit.bits,
        granularity=granularity,
        group_size=group_size,
        parameters=fit.parameters,
        mse=fit.sse / len(fit.codes),
        norm_squared=norm_squared,
        row_w2=torch.from_numpy(
            np.sqrt(
                (fit.row_sse if fit.row_transport_sse is None else fit.row_transport_sse) / lengths
            )
        ),
        left=fit.left,
        row_scales=fit.row_scales,
    )


def quantize(
    w: Tensor | ArrayLike,
    scheme: str = "optimal",
    bits: int = 3,
    granularity: str = "channel",
    group_size: int | None = None,
    codebook_dtype: str = "float32",
) -> QuantizedTensor:
    """Quantizes one tensor.

    Args:
        w: Weights, floating point, finite, not empty; dimension 0 counts the output channels.
        scheme: A name in `SCHEMES`.
        bits: Bits in a code, 1 to 8; some schemes have fewer widths, see `Scheme.allowed_bits`.
        granularity: Weights that share a codebook: `"tensor"`, `"channel"`, `"group"`, or
            `"shared"`: a codebook for the tensor and a scale for each channel.
        group_size: Consecutive weights of a channel in a group, for `"group"`.
        codebook_dtype: `"float32"` or `"float16"`, how codebooks are stored.

    Raises:
        ValueError: An argument is out of range, or a weight is not finite.

    Example:
        >>> q = quantize(torch.tensor([[0.0, 0.1, 0.9, 1.0]]), "optimal", bits=1)
        >>> q.codes.tolist(), q.codebook
        ([[0, 0, 1, 1]], tensor([[0.0500, 0.9500]]))
        >>> round(q.w2, 4), q.bits_per_weight
        (0.05, 18.0)
    """
    rule = get_scheme(scheme)
    check_granularity(granularity, group_size)
    check_codebook_dtype(codebook_dtype)
    bits = rule.require(check_bits(bits))
    group_size = group_size if granularity == "group" else None
    array, dtype = to_array(w, "w")
    rows = sort_rows([array], granularity, group_size)
    pool = pool_rows(rows, 0, len(rows)) if granularity == "shared" else None
    (fit,) = solve(rule, rows, 0, len(rows), [bits], codebook_dtype, dtype, "w", pool=pool)
    norm_squared = float(np.square(rows.values).sum())
    return from_fit(
        fit,
        array.shape,
        dtype,
        scheme,
        granularity,
        group_size,
        np.diff(rows.offsets),
        norm_squared,
    )
