"""The table as arrays: model x bits x seed, with what the claims are held against."""

__all__ = ["LOW_BITS", "Evidence", "geometric", "over_models", "slopes_db"]

import warnings
from dataclasses import dataclass
from functools import cached_property
from math import exp, nan

import numpy as np
from numpy.typing import NDArray

from ..measure.interval import Estimate
from .table import Row, Table
from .tasks import BASELINE

LOW_BITS = (2, 3)
N_RESAMPLES = 1000
SETTINGS = ("n", "steps", "solver", "version")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """The rows of one granularity, with their full-precision baselines.

    Attributes:
        table: A table of `fmq.sweep`, whose rows share one setting.
        granularity: `"channel"`, `"tensor"` or `"group"`.

    Raises:
        ValueError: If the table has no such rows, or mixes rows of several settings.
    """

    table: Table
    granularity: str = "channel"

    def __post_init__(self) -> None:
        for name in SETTINGS:
            found = self.table.values(name)
            if len(found) > 1:
                raise ValueError(
                    f"the table mixes {name} {found[0]} and {found[1]}, which cannot be compared: "
                    "select the rows of one"
                )
        if not self._rows or not self._baselines:
            raise ValueError(
                f"the table has no rows of granularity {self.granularity!r} with their baseline: "
                "run fmq-explore sweep with that granularity"
            )

    @cached_property
    def _rows(self) -> dict[tuple, Row]:
        rows = self.table.select(granularity=self.granularity).rows
        return {(r["scheme"], r["model"], r["bits"], r["seed"]): r for r in rows}

    @cached_property
    def _baselines(self) -> dict[tuple, Row]:
        rows = self.table.select(scheme=BASELINE).rows
        return {(r["model"], r["seed"]): r for r in rows}

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Models, from the smallest file to the largest."""
        sizes = {r["model"]: r["n_bytes"] for r in self._baselines.values()}
        present = {key[1] for key in self._rows}
        return tuple(sorted(present & set(sizes), key=lambda model: (sizes[model], model)))

    @cached_property
    def bits(self) -> tuple[int, ...]:
        """Bits, ascending."""
        return tuple(sorted({key[2] for key in self._rows}))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the noise, ascending."""
        return tuple(sorted({key[3] for key in self._rows}))

    def cube(self, scheme: str, column: str) -> Array:
        """Returns a column of a scheme, shape (models, bits, seeds), NaN where there is no row."""

        def value(model: str, bits: int, seed: int) -> float:
            row = self._rows.get((scheme, model, bits, seed))
            return nan if row is None else row[column]

        return np.array(
            [[[value(m, b, s) for s in self.seeds] for b in self.bits] for m in self.models]
        )

    def baseline(self, column: str) -> Array:
        """Returns a column of the full-precision models, shape (models, seeds)."""

        def value(model: str, seed: int) -> float:
            row = self._baselines.get((model, seed))
            return nan if row is None else row[column]

        return np.array([[value(m, s) for s in self.seeds] for m in self.models])

    def mean(self, scheme: str, column: str) -> Array:
        """Returns a column of a scheme, averaged over seeds, shape (models, bits)."""
        return mean_of_known(self.cube(scheme, column))

    def mean_baseline(self, column: str) -> Array:
        """Returns a column of the full-precision models, averaged over seeds, shape (models,)."""
        return mean_of_known(self.baseline(column))

    def excess(self, scheme: str, column: str = "fd") -> Array:
        """Returns what a scheme adds to the baseline of the same noise, shape (models, bits).

        NaN where it is not above the baseline with every seed, and so not told from chance.
        """
        added = self.cube(scheme, column) - self.baseline(column)[:, None, :]
        return np.where((added > 0).all(axis=2), mean_of_known(added), nan)

    def at(self, bits: tuple[int, ...]) -> list[int]:
        """Returns the positions of bit widths, of those that are there."""
        return [self.bits.index(b) for b in bits if b in self.bits]


def mean_of_known(values: Array) -> Array:
    """Averages over the last axis what is not NaN; NaN where nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's word on empty means
        return np.nanmean(values, axis=-1)


def over_models(values: Array) -> Estimate:
    """Averages one value a model, with the interval of `measure.bootstrap` over the models.

    With five models the interval is rough; it says how much depends on the choice of the models.

    Args:
        values: Shape (models,); NaN is left out.

    Returns:
        The mean with its 95 % interval; NaN without any value, no interval with a single one.

    Example:
        >>> print(over_models(np.array([1.0, 2.0, 3.0, np.nan])))
        2.0 (1 to 3)
    """
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return Estimate(nan, nan, nan)
    drawn = np.random.default_rng(0).integers(len(known), size=(N_RESAMPLES, len(known)))
    means = known[drawn].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975)) - means.mean() + known.mean()
    value = float(known.mean())
    return Estimate(value, float(low), float(high)) if len(known) > 1 else Estimate(*[value] * 3)


def geometric(values: Array) -> Estimate:
    """Averages positive values in logarithms, with the interval over models.

    Example:
        >>> round(geometric(np.array([1.0, 4.0])).value, 6)
        2.0
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        found = over_models(np.log(np.where(values > 0, values, nan)))
    return Estimate(exp(found.value), exp(found.low), exp(found.high))


def slopes_db(bits: tuple[int, ...], values: Array) -> Array:
    r"""Fits the slope of :math:`10 \log_{10}` of values against bits, by least squares.

    A quantity that falls as :math:`2^{-2b}` has a slope of -6.02 dB per bit.

    Args:
        bits: Bit widths.
        values: Positive values, shape (models, bits); others are left out.

    Returns:
        The slope of each model in dB per bit, shape (models,); NaN with fewer than 3 values.

    Example:
        >>> slopes_db((2, 3, 4), np.array([[4.0**-2, 4.0**-3, 4.0**-4]])).round(2)
        array([-6.02])
    """
    x, slopes = np.array(bits, dtype=float), []
    for row in values:
        known = np.isfinite(row) & (row > 0)
        enough = known.sum() >= 3
        slopes.append(np.polyfit(x[known], 10 * np.log10(row[known]), 1)[0] if enough else nan)
    return np.array(slopes)
