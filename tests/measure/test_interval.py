"""Intervals against known laws: width, coverage, and what happens at infinity."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest

from fmq_explore.measure import Estimate, bootstrap, proportion


def test_the_interval_of_a_mean_is_the_textbook_one():
    x = torch.randn(4000, generator=torch.Generator().manual_seed(0)).double()
    found = bootstrap(lambda rows: float(rows.mean()), x, n_resamples=2000)
    assert found.value == float(x.mean())
    assert found.half_width == pytest.approx(1.96 * float(x.std()) / math.sqrt(4000), rel=0.06)
    assert (found.low + found.high) / 2 == pytest.approx(found.value, abs=0.1 * found.half_width)


def test_as_many_intervals_cover_as_the_level_says():
    """Means of 80 exponential values; the true mean is 1."""
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(200):
        found = bootstrap(np.mean, rng.exponential(size=80), level=0.9, seed=seed)
        covered.append(found.low <= 1 <= found.high)
    assert 0.83 < np.mean(covered) < 0.96  # 0.9, within three standard errors


def test_the_interval_of_a_distance_holds_its_mean_over_new_samples():
    """Redrawing pushes a distance up; the interval is about the figure at this n all the same."""
    rng = np.random.default_rng(1)

    def squared_mean(x):
        return float((x.mean(0) ** 2).sum())

    expected = 20 / 50  # of the squared mean of 50 standard normal vectors of 20 values
    found = [bootstrap(squared_mean, rng.normal(size=(50, 20)), seed=s) for s in range(100)]
    assert all(e.low <= e.value <= e.high for e in found)
    assert np.mean([e.low <= expected <= e.high for e in found]) > 0.85


def test_samples_are_redrawn_together():
    x = np.arange(50.0)
    paired = bootstrap(lambda a, b: float((a - b).mean()), x, x - 3)
    assert paired == Estimate(3, 3, 3)
    fixed = bootstrap(lambda a: float((a - (x - 3)).mean()), x)
    assert fixed.half_width > 1


def test_the_same_seed_gives_the_same_interval():
    x = torch.arange(30.0)
    one, two = (bootstrap(lambda a: float(a.median()), x, seed=s) for s in (0, 0))
    assert one == two
    assert one != bootstrap(lambda a: float(a.median()), x, seed=1)


def test_infinity_and_nan_are_said_not_hidden():
    same = bootstrap(lambda a: float(a.mean()), torch.full((5,), torch.inf))
    assert same == Estimate(math.inf, math.inf, math.inf)
    some = bootstrap(lambda a: float(a.mean()), torch.tensor([1.0] * 9 + [torch.inf]))
    assert (some.value, some.low, some.high) == (math.inf, 1, math.inf)
    none = bootstrap(lambda a: float(a.mean()), torch.tensor([1.0, torch.nan]))
    assert math.isnan(none.value)
    assert math.isnan(none.high)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.9123, 0.891, 0.932), "0.912 (0.89 to 0.93)"),
        (Estimate(1234.4, 1000, 1500), "1234.4 (1000 to 1500)"),
        (Estimate(-0.0012, -0.0031, 0.0007), "-0.0012 (-0.003 to 0.001)"),
        (Estimate(1, 1, 1), "1"),
        (Estimate(math.inf, 40, math.inf), "inf"),
        (Estimate(math.nan, math.nan, math.nan), "nan"),
    ],
)
def test_as_text(estimate, text):
    assert str(estimate) == text


def test_wrong_arguments_are_one_sentence():
    def mean(*rows):
        return float(rows[0].mean())

    for samples in ((), (np.zeros(0),), (np.zeros(3), np.zeros(4))):
        with pytest.raises(ValueError, match="needs at least one sample and equal lengths"):
            bootstrap(mean, *samples)
    for options in ({"level": 95}, {"level": 0}, {"n_resamples": 1}):
        with pytest.raises(ValueError, match="use a level between 0 and 1"):
            bootstrap(mean, np.zeros(3), **options)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (256, 256), (240, 256), (1, 1)])
def test_a_share_has_the_interval_of_wilson(k, n):
    found = proportion(torch.arange(n) < k, level=0.9)
    expected = binomtest(k, n).proportion_ci(0.9, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.low <= found.value == k / n <= found.high
    assert found.half_width > 0


def test_the_interval_of_a_share_covers_even_near_one():
    """Exact coverage at n = 256, over the binomial law of what is seen."""
    n, found = 256, [proportion(torch.arange(256) < k) for k in range(257)]
    for share in (0.5, 0.9, 0.97, 0.99):
        covers = [k for k in range(n + 1) if found[k].low <= share <= found[k].high]
        assert 0.92 < binom.pmf(covers, n, share).sum() < 0.99
    for samples, level in ((torch.ones(0), 0.9), (torch.ones(3), 1.0)):
        with pytest.raises(ValueError, match="use at least 1"):
            proportion(samples, level)
