"""Estimated figures with their intervals, by resampling."""

__all__ = ["Estimate", "bootstrap", "proportion"]

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """A figure that was estimated from samples, and the interval that goes with it.

    Attributes:
        value: The figure.
        low: Lower end of the interval.
        high: Upper end of the interval.

    Example:
        >>> print(Estimate(0.9123, 0.891, 0.932))
        0.912 (0.89 to 0.93)
        >>> print(Estimate(23.82, 23.5, 24.1))
        23.82 (23.5 to 24.1)
    """

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the length of the interval, in the unit of the value."""
        return (self.high - self.low) / 2

    def at_least(self, bound: float) -> "Estimate":
        """Returns the estimate of a figure that cannot be below a bound, such as a distance.

        Example:
            >>> Estimate(0.1, -0.2, 0.4).at_least(0.0)
            Estimate(value=0.1, low=0.0, high=0.4)
        """
        return Estimate(self.value, max(bound, self.low), self.high)

    def __str__(self) -> str:
        if not 0 < self.half_width < float("inf"):
            return f"{self.value:.3g}"
        places = max(0, -floor(log10(self.half_width)))
        return f"{self.value:.{places + 1}f} ({self.low:.{places}f} to {self.high:.{places}f})"


def bootstrap(
    statistic: Callable[..., float],
    *samples: Tensor | NDArray[Any],
    n_resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    r"""Estimates how far a statistic of a sample would move if the sample were drawn anew.

    The sample is redrawn from itself, with replacement, B times. With the replicates
    :math:`T^*_1, \dots, T^*_B`, their mean :math:`\bar T^*` and their quantiles :math:`q^*`, the
    interval is

    .. math:: \left[ T + q^*_{(1-\ell)/2} - \bar T^*, \; T + q^*_{(1+\ell)/2} - \bar T^* \right].

    It is centred on T because a redrawn sample holds points twice, which pushes distances (sliced
    W2, the Fréchet distance, KID) up: their plain percentiles may not even contain T. What the
    interval covers is therefore the *expectation of T at this sample size*, any bias of T included;
    compare such figures at equal n only.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, chapters 10 and 13, 1993

    Args:
        statistic: Takes as many arrays as there are samples, and returns a number.
        *samples: Tensors or arrays of one length, redrawn together: row i of one stays with row i
            of the others. What is not given here but used by the statistic counts as fixed.
        n_resamples: How often to redraw, B.
        level: Share of the intervals that should cover, in (0, 1).
        seed: Seed of the redrawing.

    Returns:
        The statistic of the samples, and its interval. Where a replicate is infinite the interval
        is that of the plain percentiles; where one is NaN its ends are NaN.

    Raises:
        ValueError: If there is no sample, their lengths differ or are 0, or `level` or
            `n_resamples` is out of range.

    Example:
        >>> rows = torch.arange(100.0)
        >>> print(bootstrap(lambda x: float(x.mean()), rows))
        49.5 (44 to 55)
    """
    lengths = {len(sample) for sample in samples}
    if len(lengths) != 1 or not min(lengths):
        raise ValueError(
            f"bootstrap got samples of lengths {[len(s) for s in samples]}, but needs at least one "
            "sample and equal lengths of at least 1: let the statistic hold what is fixed."
        )
    if not 0 < level < 1 or n_resamples < 2:
        raise ValueError(
            f"level is {level} and n_resamples {n_resamples}: use a level between 0 and 1, such as "
            "0.95, and at least 2 resamples."
        )
    n = lengths.pop()
    rng = np.random.default_rng(seed)
    value = float(statistic(*samples))
    replicates = np.array(
        [
            float(statistic(*(_take(sample, index) for sample in samples)))
            for index in rng.integers(n, size=(n_resamples, n))
        ]
    )
    return Estimate(value, *_ends(value, replicates, level))


def proportion(right: Tensor, level: float = 0.95) -> Estimate:
    r"""Estimates a share, with Wilson's interval.

    .. math:: \frac{p + z^2 / 2n \pm z \sqrt{p (1 - p) / n + z^2 / 4n^2}}{1 + z^2 / n}

    for the share p of n and the normal quantile z of the level. Where all or none are right it is
    still an interval, while a bootstrap would shrink to a point.

    Reference:
        Wilson, Probable inference, the law of succession, and statistical inference, Journal of the
        American Statistical Association 22, 1927

    Args:
        right: Whether each sample is right, shape (n,), bool.
        level: Share of the intervals that should cover, in (0, 1).

    Raises:
        ValueError: If there is no sample, or `level` is out of range.

    Example:
        >>> print(proportion(torch.ones(256, dtype=torch.bool)))
        1.0000 (0.985 to 1.000)
    """
    n = len(right)
    if not n or not 0 < level < 1:
        raise ValueError(
            f"got {n} samples and a level of {level}: use at least 1, and a level between 0 and 1"
        )
    p, z = float(right.double().mean()), NormalDist().inv_cdf((1 + level) / 2)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Estimate(p, min(p, middle - half), max(p, middle + half))  # rounding at 0 and 1


def _ends(value: float, replicates: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Returns the ends of the interval, centred where that can be computed."""
    tails = ((1 - level) / 2, (1 + level) / 2)
    if np.isfinite(replicates).all() and np.isfinite(value):
        low, high = np.quantile(replicates, tails) - replicates.mean() + value
    else:  # an infinity cannot be interpolated or centred
        low, high = np.quantile(replicates, tails, method="nearest")
    return float(low), float(high)


def _take(sample: Tensor | NDArray[Any], index: NDArray[np.int64]) -> Tensor | NDArray[Any]:
    """Returns rows of a sample."""
    return sample[torch.from_numpy(index)] if isinstance(sample, Tensor) else sample[index]
