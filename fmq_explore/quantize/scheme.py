"""What a scheme is, and the registry that drives the library, the command line and the app."""

__all__ = ["CODEBOOK_DTYPES", "FAMILIES", "SCHEMES", "Scheme", "Solution", "get_scheme"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import calibration, formats, grid, logarithmic, optimal, quantile
from .rows import Rows
from .types import Floats

Storage = Literal["codebook", "affine", "symmetric", "exponent", "scaled"]
Family = Literal["paper", "baseline", "optimum", "format", "calibration"]
CODEBOOK_DTYPES = ("float32", "float16")
ALL_BITS = tuple(range(1, 9))
FAMILIES: tuple[Family, ...] = ("paper", "baseline", "optimum", "format", "calibration")
"""What schemes are for, in the order in which a list shows them."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What a scheme found for some rows at one bit width.

    Attributes:
        parameters: What a file stores for each row, shape (rows, p): the levels, or the few numbers
            from which they follow. See `Scheme.storage`.
        splits: Where each cell begins and ends in the sorted row, shape (rows, K + 1); None where
            every weight goes to its nearest level.
    """

    parameters: NDArray
    splits: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Scheme:
    """A rule from a sorted row and a bit width to levels and cells.

    Attributes:
        name: The name in code, e.g. `"equal_mass"`.
        title: The name for people, e.g. `"OT, equal mass (paper)"`.
        storage: What a row keeps beside its codes: `"codebook"` 2^b levels, `"affine"` a scale and
            an offset, `"symmetric"` a scale, `"exponent"` an int8 power of two, `"scaled"` the
            scale of a fixed table.
        kernel: Compiled function of (values, offsets, first, last, K, out, splits); in place of K
            it gets the table where there is one.
        own_cells: Whether the scheme chooses its cells by rank; else a weight goes to the nearest.
        keeps_small: Whether a tensor of fewer than 2^b weights is left as it is.
        all_bits: Compiled function that solves a range of bit widths in one pass, if there is one.
        family: What the scheme is for, one of `FAMILIES`.
        allowed_bits: The bit widths that the scheme has, ascending.
        table: Function from a bit width to a fixed table of 2^b levels, ascending, for `"scaled"`.
        radix: How many codes are in use where that is no power of two: so they are packed.
    """

    name: str
    title: str
    storage: Storage
    kernel: Callable[..., None] | None
    own_cells: bool = False
    keeps_small: bool = True
    all_bits: Callable[..., None] | None = None
    family: Family = "baseline"
    allowed_bits: tuple[int, ...] = ALL_BITS
    table: Callable[[int], Floats] | None = None
    radix: int | None = None

    def nearest_bits(self, bits: int) -> int:
        """Returns the bit width that the scheme has nearest to another.

        Example:
            >>> [SCHEMES["binary"].nearest_bits(3), SCHEMES["minifloat"].nearest_bits(3)]
            [1, 3]
        """
        return min(self.allowed_bits, key=lambda b: (abs(b - bits), b))

    def require(self, bits: int) -> int:
        """Returns a bit width that the scheme has; raises ValueError for another."""
        if bits in self.allowed_bits:
            return bits
        low, high = self.allowed_bits[0], self.allowed_bits[-1]
        have = f"{low} to {high} bits" if low < high else f"{low} bit{'s' * (low > 1)} only"
        raise ValueError(
            f"scheme {self.name!r} has {have}, so it cannot have {bits}: give "
            f"bits={self.nearest_bits(bits)}, or choose another scheme"
        )

    def fit(
        self,
        rows: Rows,
        first: int,
        last: int,
        bits: Sequence[int],
        codebook_dtype: str = "float32",
        state: NDArray[np.int64] | None = None,
    ) -> list[Solution]:
        """Solves the rows first..last for each bit width.

        Args:
            rows: Sorted rows.
            first: The first row.
            last: One past the last row.
            bits: Bit widths, ascending; consecutive ones share work where the scheme can.
            codebook_dtype: `"float32"` or `"float16"`, how stored levels are rounded.
            state: Two integers shared with a watching thread: a wish to stop, and weights done.
        """
        state = np.zeros(2, dtype=np.int64) if state is None else state
        if self.all_bits is None:
            solutions: list[Solution] = []
            for b in bits:
                if state[0]:
                    return []
                solutions.append(self._fit_one(rows, first, last, b, codebook_dtype))
            state[1] += rows.offsets[last] - rows.offsets[first]
            return solutions
        low, high = bits[0], bits[-1]
        out = np.empty((last - first, 2 ** (high + 1) - 2**low))
        self.all_bits(rows.values, rows.offsets, first, last, low, high, out, state)
        if state[0]:
            return []
        with np.errstate(over="ignore"):  # the caller names the tensor whose levels are too large
            stored = out.astype(codebook_dtype)
        starts = [2**b - 2**low for b in bits]
        return [
            Solution(np.ascontiguousarray(stored[:, start : start + 2**b]))
            for b, start in zip(bits, starts, strict=True)
        ]

    def _fit_one(
        self, rows: Rows, first: int, last: int, bits: int, codebook_dtype: str
    ) -> Solution:
        assert self.kernel is not None
        n_levels = 2**bits
        shape = n_levels if self.table is None else self.table(bits)
        out = np.zeros((last - first, self.n_parameters(bits)))
        splits = np.zeros((last - first, n_levels + 1) if self.own_cells else (0, 0), np.int64)
        self.kernel(rows.values, rows.offsets, first, last, shape, out, splits)
        dtype = self.parameter_dtype(codebook_dtype)
        with np.errstate(over="ignore"):
            return Solution(out.astype(dtype), splits if self.own_cells else None)

    def n_parameters(self, bits: int) -> int:
        """Returns how many numbers a file stores for each row."""
        return {"codebook": 2**bits, "affine": 2}.get(self.storage, 1)

    def parameter_dtype(self, codebook_dtype: str) -> np.dtype:
        """Returns the type in which a file stores those numbers."""
        return np.dtype(
            {"codebook": codebook_dtype, "exponent": "int8"}.get(self.storage, "float32")
        )

    def levels(
        self, parameters: NDArray, bits: int, row_scales: NDArray | None = None
    ) -> NDArray[np.float32]:
        """Returns the levels that stored parameters stand for, ascending, shape (rows, K).

        One float32 formula serves fitting and loading, so that both give the same bits.

        Args:
            parameters: What a file stores, shape (rows, p), or (1, p) where rows share a codebook.
            bits: Bits in a code.
            row_scales: The scale of every row, shape (rows,), where they share a codebook.
        """
        levels = self._plain_levels(parameters, bits)
        if row_scales is None:
            return levels
        with np.errstate(over="ignore", invalid="ignore"):
            return row_scales.astype(np.float32)[:, None] * levels

    def _plain_levels(self, parameters: NDArray, bits: int) -> NDArray[np.float32]:
        if self.storage == "codebook":
            return parameters.astype(np.float32, copy=False)
        half = 2**bits // 2
        with np.errstate(over="ignore", invalid="ignore"):
            if self.storage == "affine":
                steps = np.arange(2**bits, dtype=np.float32)
                return parameters[:, :1] * steps + parameters[:, 1:]
            if self.table is not None:
                return parameters * self.table(bits).astype(np.float32)
            steps = np.arange(-half, half, dtype=np.float32)
            if bits == 1:
                steps = np.array([-1, 1], dtype=np.float32)
            if self.storage == "exponent":
                return np.ldexp(steps, parameters.astype(np.int32))
            return parameters * steps


_PAPER = (
    Scheme(
        "uniform", "uniform (min-max)", "affine", grid.uniform, keeps_small=False, family="paper"
    ),
    Scheme("symmetric", "uniform (symmetric)", "symmetric", grid.symmetric),
    Scheme("clipped", "uniform (MSE-optimal range)", "affine", grid.clipped),
    Scheme("power_of_two", "uniform (power-of-two scale)", "exponent", grid.power_of_two),
    Scheme("logarithmic", "logarithmic", "codebook", logarithmic.logarithmic, family="paper"),
    Scheme(
        *("piecewise", "piecewise (quantile cells)", "codebook", quantile.piecewise, True),
        family="paper",
    ),
    Scheme(
        *("equal_mass", "OT, equal mass (paper)", "codebook", quantile.equal_mass, True),
        family="paper",
    ),
    Scheme("optimal", "OT, exact W2", "codebook", None, all_bits=optimal.optimal, family="optimum"),
)
_FORMATS = (
    Scheme(
        *("binary", "binary (sign and scale)", "scaled", formats.binary),
        family="format",
        allowed_bits=(1,),
        table=formats.signs_table,
    ),
    Scheme(
        *("ternary", "ternary (zero, sign and scale)", "scaled", formats.ternary),
        family="format",
        allowed_bits=(2,),
        table=formats.trits_table,
        radix=3,
    ),
    Scheme(
        *("normal_float", "normal float (NF4 and others)", "scaled", formats.absmax),
        family="format",
        allowed_bits=tuple(range(2, 9)),
        table=formats.normal_float_table,
    ),
    Scheme(
        *("minifloat", "minifloat (E2M1 and others)", "scaled", formats.least_squares),
        family="format",
        allowed_bits=tuple(formats.FORMATS),
        table=formats.minifloat_table,
    ),
)
_CALIBRATED = (
    Scheme(
        *("percentile", "uniform (percentile range)", "affine", calibration.percentile),
        family="calibration",
    ),
    Scheme(
        *("entropy", "uniform (entropy-calibrated range)", "affine", calibration.entropy),
        family="calibration",
    ),
)

SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in _PAPER + _FORMATS + _CALIBRATED}


def get_scheme(name: str) -> Scheme:
    """Returns the scheme of that name; raises ValueError for an unknown one.

    Example:
        >>> get_scheme("optimal").title
        'OT, exact W2'
    """
    if name not in SCHEMES:
        raise ValueError(f"scheme {name!r} is unknown; choose one of {', '.join(SCHEMES)}")
    return SCHEMES[name]
