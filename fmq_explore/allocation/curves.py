"""Error and size of every tensor at every bit width: from these, a budget is shared out."""

__all__ = ["AllocationCurves", "allocation_curves", "file_bytes"]

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..quantize import SCHEMES, Fit, PreparedModel, Scheme
from .knapsack import Steps, hull_steps, minimise
from .record import Allocation

Choice = NDArray[np.intp]
HEADER_ROUNDS = 4
"""How often the size of the header, which depends on the choice, is put right."""


@dataclass(frozen=True, eq=False)
class AllocationCurves:
    """What every tensor costs in bytes and in error at every bit width. See `allocation_curves`.

    Attributes:
        prepared: The network's sorted weights.
        scheme: The scheme.
        codebook_dtype: How codebooks are stored.
        widths: The bit widths to choose from, ascending, k of them.
        n_bytes: Bytes of each tensor in the file, codebooks included, shape (n, k).
        errors: Weighted squared error of each tensor, shape (n, k).
        whole: What the sum of the squared errors is set in relation to.
    """

    prepared: PreparedModel
    scheme: Scheme
    codebook_dtype: str
    widths: tuple[int, ...]
    n_bytes: NDArray[np.int64]
    errors: NDArray[np.float64]
    whole: float
    _fits: tuple[Fit, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The quantized tensors, in the model's order."""
        return self.prepared.names

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        return self.n_bytes.astype(np.float64)

    @cached_property
    def _steps(self) -> Steps:
        return hull_steps(self.errors, self._weights)

    @cached_property
    def smallest(self) -> int:
        """Size of the smallest file that there is, header included."""
        return self._size(self._lightest)

    @cached_property
    def largest(self) -> int:
        """Size of the file beyond which more bytes bring nothing."""
        return self._size(self._best)

    @cached_property
    def equal_sizes(self) -> tuple[int, ...]:
        """Size of the file with each width for all tensors, shape (k,)."""
        return tuple(fit.n_bytes for fit in self._fits)

    @cached_property
    def equal_reaches(self) -> tuple[int, ...]:
        """The smallest file, shared out, that is as good as each width for all, shape (k,)."""
        found = [self.reach(error) for error in self.equal_errors]
        sizes = zip(found, self.equal_sizes, strict=True)
        return tuple(size if best is None else min(best.n_bytes, size) for best, size in sizes)

    @cached_property
    def equal_errors(self) -> tuple[float, ...]:
        """Error with each width for all tensors, shape (k,)."""
        return tuple(self._relative(self._total(self._all(i))) for i in range(len(self.widths)))

    def allocate(self, budget_bytes: int) -> Allocation:
        """Shares out a budget: the bits that make the error least within so many bytes.

        Args:
            budget_bytes: The most bytes that the file may have, header included.

        Raises:
            ValueError: Even the smallest file is larger.

        Example:
            >>> from torch import nn
            >>> from fmq_explore.quantize import prepare
            >>> net = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64))
            >>> curves = allocation_curves(prepare(net), "uniform")
            >>> allocation = curves.allocate(5_000)
            >>> allocation.n_bytes <= 5_000, allocation.error <= allocation.equal_error
            (True, True)
        """
        budget_bytes = self._check(budget_bytes)
        equal = self._equal(budget_bytes)
        choice, bound = self._within(budget_bytes)
        if equal is not None and self._total(self._all(equal)) <= self._total(choice):
            choice = self._all(equal)
        error = self._relative(self._total(choice))
        return Allocation(
            bits=self._bits(choice),
            n_bytes=self._size(choice),
            error=error,
            budget_bytes=budget_bytes,
            bound=min(self._relative(max(bound, 0.0)), error),
            equal_bits=None if equal is None else self.widths[equal],
            equal_error=None if equal is None else self.equal_errors[equal],
            equal_n_bytes=None if equal is None else self.equal_sizes[equal],
        )

    def reach(self, error: float) -> Allocation | None:
        """Finds the smallest file whose error is not above this one; None where there is none.

        The budget of the allocation is its own size.
        """
        total = (error * error) * self.whole * (1 + 1e-12)
        if self._total(self._best) > total:
            return None
        packing = minimise(self._weights, self.errors, total)
        return self.allocate(self._size(packing.choice))

    def fit(self, allocation: Allocation) -> Fit:
        """Returns the codebooks of an allocation, which are all at hand."""
        return self._fit(self._choice(allocation.bits))

    def error_of(self, fit: Fit) -> float:
        """Returns the error of the network at any bits, as it is counted here."""
        return self._relative(self._total(self._choice(fit.bits)))

    def _check(self, budget_bytes: int) -> int:
        whole = isinstance(budget_bytes, int | np.integer) and not isinstance(budget_bytes, bool)
        if not whole or budget_bytes < self.smallest:
            raise ValueError(
                f"budget_bytes is {budget_bytes!r}: the smallest file of this model with scheme "
                f"{self.scheme.name!r} has {self.smallest} bytes; give at least as many, or choose "
                "a scheme or granularity that stores less"
            )
        return int(budget_bytes)

    def _within(self, budget_bytes: int) -> tuple[Choice, float]:
        """Returns the best choice whose file fits, and what no choice can fall below.

        The header lists where each tensor lies in the file, so that its length depends a little on
        the choice: it is guessed, and put right.
        """
        best, bound = self._lightest, math.inf
        header, tried = self._header(self._lightest), set()
        while header not in tried and len(tried) < HEADER_ROUNDS:
            tried.add(header)
            room = budget_bytes - header
            if room < self._data(self._lightest):
                break
            found = minimise(self.errors, self._weights, room, self._steps)
            bound = min(bound, found.bound)
            header = self._header(found.choice)
            fits = self._data(found.choice) + header <= budget_bytes
            if fits and self._total(found.choice) < self._total(best):
                best = found.choice
        return best, min(bound, self._total(best))

    def _equal(self, budget_bytes: int) -> int | None:
        """Returns which width for all has the least error among those that fit, if any."""
        fitting = [i for i, size in enumerate(self.equal_sizes) if size <= budget_bytes]
        return min(fitting, key=lambda i: self.equal_errors[i], default=None)

    @cached_property
    def _lightest(self) -> Choice:
        return self._steps.first

    @cached_property
    def _best(self) -> Choice:
        """The least error; of several such options the lightest."""
        order = np.lexsort((self._weights, self.errors), axis=1)
        return order[:, 0]

    def _all(self, i: int) -> Choice:
        return np.full(len(self.names), i, dtype=np.intp)

    def _choice(self, bits: Mapping[str, int]) -> Choice:
        return np.array([self.widths.index(bits[name]) for name in self.names], dtype=np.intp)

    def _bits(self, choice: Choice) -> Mapping[str, int]:
        widths = (self.widths[i] for i in choice.tolist())
        return MappingProxyType(dict(zip(self.names, widths, strict=True)))

    def _fit(self, choice: Choice) -> Fit:
        rows = zip(self.names, choice.tolist(), strict=True)
        fits = {name: self._fits[i].fits[name] for name, i in rows}
        return Fit(self.prepared, self.scheme, self.codebook_dtype, self._bits(choice), fits)

    def _size(self, choice: Choice) -> int:
        return self._fit(choice).n_bytes

    def _data(self, choice: Choice) -> int:
        return int(self.n_bytes[np.arange(len(choice)), choice].sum())

    def _header(self, choice: Choice) -> int:
        """Returns the bytes of the file that are not those of a quantized tensor."""
        return self._size(choice) - self._data(choice)

    def _total(self, choice: Choice) -> float:
        return float(self.errors[np.arange(len(choice)), choice].sum())

    def _relative(self, total: float) -> float:
        return math.sqrt(total / self.whole) if total > 0.0 else 0.0


def allocation_curves(
    prepared: PreparedModel,
    scheme: str = "optimal",
    codebook_dtype: str = "float32",
    weights: Mapping[str, float] | NDArray[np.float64] | None = None,
    whole: float | None = None,
) -> AllocationCurves:
    r"""Collects the curves of all tensors; fits what is not at hand.

    The objective of an allocation is

    .. math:: \sqrt{\frac{\sum_i a_i \, \mathrm{SSE}_i(b_i)}{\sum_i a_i \lVert w_i \rVert^2}}

    with :math:`a_i = 1` where nothing else is said: then it is `QuantizedModel.relative_error`.

    Args:
        prepared: The network's sorted weights.
        scheme: A name in `SCHEMES`.
        codebook_dtype: `"float32"` or `"float16"`.
        weights: What a squared error counts for, by name of the tensor; names may be patterns. Or
            an array of it, shape (n, k), for every tensor at every width.
        whole: The denominator, where it is another one.

    Raises:
        ValueError: A weight is negative or not finite, or names no tensor; or a tensor has none.
    """
    widths = allowed_widths(scheme)
    prepared.fit_all(scheme, codebook_dtype=codebook_dtype, bits=widths)
    fits = tuple(prepared.fit(scheme, b, codebook_dtype) for b in widths)
    if isinstance(weights, np.ndarray):
        factors = weights
    else:
        factors = np.array(_factors(weights, prepared.names))[:, None]
    norms = np.array([prepared.plans[name].norm_squared for name in prepared.names])
    errors = np.array([[fit.fits[name].sse for fit in fits] for name in prepared.names])
    n_bytes = [[file_bytes(fit, name) for fit in fits] for name in prepared.names]
    total = float((factors[:, 0] * norms).sum()) if whole is None else whole
    return AllocationCurves(
        prepared,
        SCHEMES[scheme],
        codebook_dtype,
        widths,
        np.array(n_bytes, dtype=np.int64),
        factors * errors,
        total if total > 0.0 else 1.0,
        fits,
    )


def allowed_widths(scheme: str) -> tuple[int, ...]:
    """Returns the bit widths that a scheme can have."""
    return SCHEMES[scheme].allowed_bits


def file_bytes(fit: Fit, name: str) -> int:
    """Returns the bytes of a tensor in the file: its codes and codebooks, or itself if left."""
    found, plan = fit.fits[name], fit.prepared.plans[name]
    if found.left:
        return len(found.codes) * plan.dtype.itemsize
    return found.n_bytes


def _factors(weights: Mapping[str, float] | None, names: tuple[str, ...]) -> list[float]:
    """Returns what the error of each tensor counts for."""
    if weights is None:
        return [1.0] * len(names)
    for key, value in weights.items():
        if not (isinstance(value, int | float | np.number) and 0 <= value < math.inf):
            raise ValueError(f"weights[{key!r}] is {value!r}: use a finite number, 0 or more")
        if not any(name == key or fnmatchcase(name, key) for name in names):
            raise ValueError(f"weights[{key!r}] matches no quantized tensor; leave it out")
    return [_factor(weights, name) for name in names]


def _factor(weights: Mapping[str, float], name: str) -> float:
    """Returns the weight of a tensor: its own, else that of the first pattern."""
    if name in weights:
        return float(weights[name])
    for pattern, value in weights.items():
        if fnmatchcase(name, pattern):
            return float(value)
    raise ValueError(f"weights has none for tensor {name!r}; add it, or '*' for all others")
