"""Ranges for even grids against numpy's quantiles, a dense search, and scipy's divergence."""

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import entropy

from fmq_explore.quantize import calibrate
from fmq_explore.quantize.calibration import CALIBRATIONS

Values = NDArray[np.float64]
METHODS = sorted(CALIBRATIONS)


def lattice(seed: int, n: int) -> Values:
    """Draws heavy-tailed multiples of 2^-12, whose sums and small multiples are exact."""
    values = np.random.default_rng(seed).standard_t(3, n)
    return np.round(4096 * np.clip(values, -30, 30)) / 4096


def divergence(values: Values, begin: int, end: int, n_bins: int, n_levels: int) -> float:
    """Returns KL(P || Q) of levels from the middle of bin `begin` to that of bin `end - 1`."""
    counts = np.histogram(values, n_bins)[0].astype(float)
    p, held = counts[begin:end].copy(), counts[begin:end]
    p[0] += counts[:begin].sum()
    p[-1] += counts[end:].sum()
    places = np.arange(end - begin)[:, None] * (n_levels - 1)  # whole numbers: ties are exact
    cell = np.abs(places - np.arange(n_levels) * (end - 1 - begin)).argmin(1)  # the lower of two
    q = np.zeros_like(p)
    for k in range(n_levels):
        inside = (cell == k) & (p > 0)
        q[inside] = max(held[cell == k].sum(), 1e-4) / max(inside.sum(), 1)
    return float(entropy(p, q)) if held.sum() > 0 else np.inf


def ranges(values: Values, n_bins: int, fewest: int) -> list[tuple[int, int]]:
    """Lists the ranges of at least so many bins that hold the middle half of the values."""
    below = np.cumsum(np.histogram(values, n_bins)[0]) / len(values)
    begins = [i for i in range(n_bins) if i == 0 or below[i - 1] <= 0.25]
    ends = [j for j in range(1, n_bins + 1) if below[j - 1] >= 0.75]
    return [(i, j) for i in begins for j in ends if j - i >= fewest]


def bins_of(values: Values, found: tuple[float, float], n_bins: int) -> tuple[int, int]:
    """Returns the bins whose middles are the ends of a range."""
    width = np.ptp(values) / n_bins
    begin, end = ((np.array(found) - values.min()) / width).tolist()
    return int(np.floor(begin + 1e-9)), int(np.ceil(end - 1e-9))


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_entropy_is_a_least_divergence(bits: int) -> None:
    """No range with one end in common, and none as far in from both sides, loses less."""
    n_levels, gaps = 2**bits, []
    for seed in range(5):
        values = lattice(seed, 128)
        n_bins, fewest = 128 // 4, 2 * n_levels
        places = ranges(values, n_bins, fewest)
        all_of = {place: divergence(values, *place, n_bins, n_levels) for place in places}
        begin, end = bins_of(values, calibrate(values, bits, "entropy"), n_bins)
        found = all_of[begin, end]
        near = [(i, j) for i, j in places if i == begin or j == end or i == n_bins - j]
        assert found <= min(all_of[place] for place in near) + 1e-9
        gaps.append(found - min(all_of.values()))
    assert np.mean(gaps) < 0.02  # nats; most searches end in the very best range


def test_entropy_clips_nothing_of_few_values() -> None:
    values = lattice(0, 100)  # 25 bins, and 8 levels ask for 32
    assert calibrate(values, 3, "entropy") == calibrate(values, 3, "min_max")
    assert calibrate(values, 2, "entropy") != calibrate(values, 2, "min_max")


def test_entropy_cuts_far_outliers_off() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=50_000), [60.0, -45.0]])
    for bits in (3, 5, 7):
        low, high = calibrate(values, bits, "entropy")
        assert -6 < low < -2
        assert 2 < high < 6
    low, high = calibrate(values, 8, "entropy")  # 512 of 4096 bins are the least for 256 levels
    assert high - low < 1.05 * np.ptp(values) / 8


@pytest.mark.parametrize("n", [1, 2, 7, 1000, 20_001])
def test_percentile_is_two_quantiles(n: int) -> None:
    values = lattice(n, n)
    expected = np.quantile(values, [0.0005, 0.9995])
    assert calibrate(values, 5, "percentile") == pytest.approx(tuple(expected), abs=1e-12)


def test_min_max_is_exact() -> None:
    values = np.random.default_rng(0).normal(size=777)
    assert calibrate(values, 8) == (values.min(), values.max())


@pytest.mark.parametrize("bits", [2, 4])
def test_mse_is_near_the_best_of_a_dense_search(bits: int) -> None:
    values = lattice(1, 300)

    def error(low: float, high: float) -> float:
        return float(np.square(values[:, None] - np.linspace(low, high, 2**bits)).min(1).sum())

    ends = np.linspace(values.min(), values.max(), 60)
    best = min(error(low, high) for low, high in itertools.combinations(ends, 2))
    assert error(*calibrate(values, bits, "mse")) <= 1.05 * best


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bits", [1, 3, 5, 8])
def test_follows_shift_scale_and_order(method: str, bits: int) -> None:
    values = lattice(bits, 6000)
    low, high = calibrate(values, bits, method)
    assert values.min() <= low < high <= values.max() + 1e-9
    moved = calibrate(4.0 * values - 3.0, bits, method)
    assert moved == pytest.approx((4.0 * low - 3.0, 4.0 * high - 3.0), abs=1e-3)
    assert calibrate(values[::-1].reshape(2, -1), bits, method) == (low, high)
    assert calibrate(torch.from_numpy(values), bits, method) == (low, high)


@pytest.mark.parametrize("method", METHODS)
def test_equal_values_are_a_range_of_no_width(method: str) -> None:
    assert calibrate([2.5] * 40, 3, method) == (2.5, 2.5)
    assert calibrate(torch.tensor(2.5), 3, method) == (2.5, 2.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "max"}, "'max' is unknown; choose one of min_max, percentile, mse, entropy"),
        ({"bits": 0}, "whole number from 1 to 8, got 0"),
        ({"values": []}, "hold no value"),
        ({"values": [1.0, float("nan")]}, "hold a NaN or an infinity"),
        ({"values": [-float("inf"), 1.0]}, "hold a NaN or an infinity"),
    ],
)
def test_errors_say_what_to_do(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        calibrate(**{"values": [0.0, 1.0], "bits": 3} | arguments)
