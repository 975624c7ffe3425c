"""From rows to a fitted tensor: levels as they are stored, codes, and the error of just those."""

__all__ = ["TensorFit", "check_codebook_dtype", "solve", "to_array"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .cells import assign_nearest, assign_splits
from .packing import packed_size
from .rows import Rows
from .scheme import CODEBOOK_DTYPES, Scheme, Solution
from .shared import Pool, scales_of


@dataclass(frozen=True, eq=False)
class TensorFit:
    """One tensor at one bit width.

    Attributes:
        bits: Bits in a code.
        codes: Index of every weight's level, uint8, shape (n,), in the tensor's own order.
        levels: Levels really used, float32, shape (rows, K).
        parameters: What a file stores for each row, shape (rows, p), or once for all, (1, p).
        row_sse: Summed squared error of each row, float64, shape (rows,).
        own_cells: Whether cells were chosen by rank and not by the nearest level.
        left: Whether the tensor was left as it is.
        row_transport_sse: Summed squared distance of each row to its levels under the best
            coupling, where that is not `row_sse`: codes that were trained need not be monotone.
        row_scales: The stored scale of every row, shape (rows,), where rows share a codebook.
        radix: How many codes are in use, where that decides how they are packed.
    """

    bits: int
    codes: NDArray[np.uint8]
    levels: NDArray[np.float32]
    parameters: NDArray
    row_sse: NDArray[np.float64]
    own_cells: bool = False
    left: bool = False
    row_transport_sse: NDArray[np.float64] | None = None
    row_scales: NDArray[np.floating] | None = None
    radix: int | None = None

    @property
    def n_bytes(self) -> int:
        """Bytes in a file: codebooks or scales, and packed codes."""
        scales = 0 if self.row_scales is None else self.row_scales.nbytes
        return self.parameters.nbytes + scales + packed_size(len(self.codes), self.bits, self.radix)

    @cached_property
    def sse(self) -> float:
        """Summed squared error of the tensor."""
        return float(self.row_sse.sum())

    @cached_property
    def transport_sse(self) -> float:
        """Summed squared distance under the best coupling of each row, from which W2 follows."""
        return self.sse if self.row_transport_sse is None else float(self.row_transport_sse.sum())


def check_codebook_dtype(codebook_dtype: str) -> None:
    """Raises ValueError unless codebooks can be stored in that type."""
    if codebook_dtype not in CODEBOOK_DTYPES:
        raise ValueError(
            f"codebook_dtype {codebook_dtype!r} is unknown; choose 'float32' or 'float16'"
        )


def to_array(w: Tensor | ArrayLike, name: str) -> tuple[NDArray[np.floating], torch.dtype]:
    """Returns weights as a contiguous float32 or float64 array, and their own type.

    Raises:
        ValueError: The tensor is empty, is not floating point, or holds a NaN or an infinity.
    """
    tensor = w.detach().cpu() if isinstance(w, Tensor) else torch.as_tensor(np.asarray(w))
    if not tensor.is_floating_point():
        raise ValueError(
            f"tensor {name!r} holds {str(tensor.dtype).removeprefix('torch.')}, not floating-point "
            f"weights; convert it first, e.g. with .float()"
        )
    if tensor.numel() == 0:
        raise ValueError(f"tensor {name!r} is empty, so there is nothing to quantize; leave it out")
    wide = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    array = tensor.to(wide).contiguous().numpy()
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(
            f"tensor {name!r} holds {array.size - np.count_nonzero(finite)} NaN or infinite "
            f"weights; quantization needs finite ones, so repair the tensor or keep it"
        )
    return array, tensor.dtype


def solve(
    scheme: Scheme,
    rows: Rows,
    first: int,
    last: int,
    bits: Sequence[int],
    codebook_dtype: str,
    dtype: torch.dtype,
    name: str,
    state: NDArray[np.int64] | None = None,
    pool: Pool | None = None,
) -> list[TensorFit]:
    """Fits the tensor in rows first..last at each bit width (ascending).

    The levels are rounded as the file and the tensor's own type round them before codes and errors
    are computed, so every figure is one of what is really used. Returns an empty list when
    `state[0]` asked to stop. With a pool the scheme sees the pooled row only, and every weight goes
    to the nearest level of its own row.

    Raises:
        ValueError: A level is out of range of the type that stores it.
    """
    n = int(rows.offsets[last] - rows.offsets[first])
    left = [b for b in bits if scheme.keeps_small and n < 2**b]
    fitted = [b for b in bits if b not in left]
    seen = (rows, first, last) if pool is None else (pool.rows, 0, 1)
    solutions = scheme.fit(*seen, fitted, codebook_dtype, state) if fitted else []
    if len(solutions) < len(fitted):
        return []
    fits = []
    for b, solution in zip(fitted, solutions, strict=True):
        scales = None
        if pool is not None:
            table = scheme.levels(solution.parameters, b)[0].astype(np.float64)
            scales = scales_of(rows, first, last, table, pool, np.dtype(codebook_dtype))
            solution = Solution(solution.parameters)
        levels = _round(scheme.levels(solution.parameters, b, scales), dtype)
        if not np.isfinite(levels).all():
            raise ValueError(
                f"tensor {name!r} has levels too large for {codebook_dtype} codebooks or its own "
                f"type; rescale it, keep it, or choose codebook_dtype='float32'"
            )
        fit = _assign(rows, first, last, b, levels, solution)
        fits.append(replace(fit, row_scales=scales, radix=scheme.radix))
    return fits + [_leave(rows, first, last, b, dtype) for b in left]


def _round(levels: NDArray[np.float32], dtype: torch.dtype) -> NDArray[np.float32]:
    """Rounds levels to what a tensor of that type can hold."""
    if dtype.itemsize >= 4:
        return levels
    return torch.from_numpy(levels).to(dtype).float().numpy()


def _assign(
    rows: Rows,
    first: int,
    last: int,
    bits: int,
    levels: NDArray[np.float32],
    solution: Solution,
) -> TensorFit:
    codes = np.empty(rows.offsets[last] - rows.offsets[first], dtype=np.uint8)
    sse = np.empty(last - first)
    head = (rows.values, rows.order, rows.offsets, first, last, levels)
    if solution.splits is None:
        assign_nearest(*head, codes, sse)
    else:
        assign_splits(*head, solution.splits, codes, sse)
    return TensorFit(bits, codes, levels, solution.parameters, sse, solution.splits is not None)


def _leave(rows: Rows, first: int, last: int, bits: int, dtype: torch.dtype) -> TensorFit:
    """Keeps the weights of a small tensor: the codebook of a row is the row, padded."""
    levels = np.empty((last - first, 2**bits), dtype=np.float32)
    for r in range(first, last):
        row = np.unique(rows.row(r))
        levels[r - first, : len(row)] = row
        levels[r - first, len(row) :] = row[-1]
    codes = np.empty(rows.offsets[last] - rows.offsets[first], dtype=np.uint8)
    sse = np.empty(last - first)
    assign_nearest(
        rows.values, rows.order, rows.offsets, first, last, _round(levels, dtype), codes, sse
    )
    return TensorFit(bits, codes, levels, levels, sse, left=True)
