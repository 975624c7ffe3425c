"""Weight distances against POT, scipy, closed forms and brute force."""

from itertools import permutations

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm, wasserstein_distance

from fmq_explore.measure import aggregate_w2, layer_w2, pooled_w2, w2_1d, w2_points


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("n", [1, 2, 17, 500])
def test_w2_1d_equals_pot(n: int, rng: np.random.Generator) -> None:
    a, b = rng.normal(size=n), rng.standard_t(3, size=n)
    assert w2_1d(a, b) == pytest.approx(np.sqrt(ot.emd2_1d(a, b)), rel=1e-9)
    assert w2_1d(a, b) >= wasserstein_distance(a, b) - 1e-12  # W2 is never below W1


def test_w2_1d_is_the_cheapest_of_all_couplings(rng: np.random.Generator) -> None:
    for _ in range(20):
        a, b = rng.normal(size=5), rng.normal(size=5)
        best = min(np.mean((a - b[list(p)]) ** 2) for p in permutations(range(5)))
        assert w2_1d(a, b) ** 2 == pytest.approx(best, rel=1e-12)


def test_w2_1d_closed_forms(rng: np.random.Generator) -> None:
    a = rng.normal(size=1000)
    assert w2_1d(a, a[::-1]) == 0
    assert w2_1d(a, a + 3) == pytest.approx(3)
    assert w2_1d(5 * a, 5 * a + 3) == pytest.approx(3)
    assert w2_1d(a, 2 * a) == pytest.approx(np.sqrt(np.mean(a**2)))
    # Two Gaussians: W2^2 = (m1 - m2)^2 + (s1 - s2)^2, here on their quantiles
    q = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert w2_1d(1 + 2 * q, -1 + 0.5 * q) == pytest.approx(2.5, rel=1e-4)


def test_w2_1d_is_a_metric(rng: np.random.Generator) -> None:
    a, b, c = rng.normal(size=(3, 40))
    assert w2_1d(a, b) == w2_1d(b, a)
    assert w2_1d(a, c) <= w2_1d(a, b) + w2_1d(b, c) + 1e-12


def test_w2_of_a_monotone_quantizer_is_its_rms_error(rng: np.random.Generator) -> None:
    w = rng.laplace(size=300)
    quantized = np.round(w * 2) / 2
    assert w2_1d(w, quantized) == pytest.approx(np.sqrt(np.mean((w - quantized) ** 2)), rel=1e-12)


def test_float16_and_tensors_are_taken_in_double_precision() -> None:
    a = torch.linspace(-1, 1, 9, dtype=torch.bfloat16, requires_grad=True)
    assert w2_1d(a, a + 0.25) == pytest.approx(0.25, rel=1e-2)
    assert w2_1d(torch.tensor([1.0, 1e8]), torch.tensor([0.0, 1e8])) == pytest.approx(0.5**0.5)


def test_aggregate_is_the_mean_squared_error_of_ragged_rows(rng: np.random.Generator) -> None:
    rows = [rng.normal(scale=s, size=n) for s, n in [(1, 7), (10, 30), (0.1, 1)]]
    rounded = [np.round(row) for row in rows]
    error = np.concatenate(rows) - np.concatenate(rounded)
    assert layer_w2(rows, rounded) ** 2 == pytest.approx(np.mean(error**2), rel=1e-12)
    w2 = [w2_1d(a, b) for a, b in zip(rows, rounded, strict=True)]
    assert aggregate_w2(w2, [7, 30, 1]) == layer_w2(rows, rounded)
    # Joining in two steps is joining in one
    first = aggregate_w2(w2[:2], [7, 30])
    assert aggregate_w2([first, w2[2]], [37, 1]) == pytest.approx(layer_w2(rows, rounded))


def test_pooling_inverts_a_ranking(rng: np.random.Generator) -> None:
    """The trap: rows of different scale, where the pooled distance prefers the worse scheme."""
    rows = np.exp(rng.normal(size=(64, 1))) * rng.normal(size=(64, 1152))
    low, high = rows.min(1, keepdims=True), rows.max(1, keepdims=True)
    step = (high - low) / 7
    min_max = low + np.round((rows - low) / step) * step
    chunks = np.sort(rows, 1).reshape(64, 8, 144).mean(2)
    ranks = rows.argsort(1).argsort(1)
    equal_mass = np.take_along_axis(chunks, ranks // 144, 1)
    for quantized in (min_max, equal_mass):
        mse = np.mean((rows - quantized) ** 2)
        assert layer_w2(list(rows), list(quantized)) ** 2 == pytest.approx(mse, rel=1e-10)
        assert pooled_w2(list(rows), list(quantized)) ** 2 < 0.5 * mse
    assert layer_w2(list(rows), list(equal_mass)) < layer_w2(list(rows), list(min_max))
    assert pooled_w2(list(rows), list(equal_mass)) > pooled_w2(list(rows), list(min_max))


def test_pooled_of_one_row_is_the_row(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, 1, 50))
    assert pooled_w2(list(a), list(b)) == layer_w2(list(a), list(b)) == w2_1d(a, b)


@pytest.mark.parametrize("n", [1, 6, 60])
def test_w2_points_equals_the_assignment_problem(n: int, rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 1
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)
    best = cost[linear_sum_assignment(cost)].mean()
    assert w2_points(a, b) ** 2 == pytest.approx(best, rel=1e-9)
    assert w2_points(a, b) ** 2 == pytest.approx(ot.emd2([], [], cost), rel=1e-9)


def test_w2_points_closed_forms(rng: np.random.Generator) -> None:
    a = rng.normal(size=(50, 2))
    assert w2_points(a, rng.permutation(a)) == 0
    assert w2_points(a, a + np.array([3, 4])) == pytest.approx(5)
    assert w2_points(np.repeat(a, 2, 0), a + np.array([0, 1])) == pytest.approx(
        1
    )  # sizes may differ
    line = rng.normal(size=(2, 80, 1))
    assert w2_points(*line) == pytest.approx(w2_1d(*line), rel=1e-9)
    images = torch.zeros(3, 1, 4, 4)
    assert w2_points(images, images + 1) == pytest.approx(4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: w2_1d([1.0], [1.0, 2.0]), "1 and 2 points"),
        (lambda: w2_1d([], []), "at least one"),
        (lambda: w2_1d([1.0, np.nan], [1.0, 2.0]), "a holds 1 values that are NaN"),
        (lambda: w2_1d([1.0], [np.inf]), "b holds 1 values"),
        (lambda: aggregate_w2([1.0], [1, 2]), r"\(1,\) and lengths of shape \(2,\)"),
        (lambda: aggregate_w2([-1.0], [2]), "distances >= 0"),
        (lambda: aggregate_w2([1.0], [0]), "leave empty rows out"),
        (lambda: layer_w2([[1.0]], [[1.0], [2.0]]), "1 and 2 rows"),
        (lambda: w2_points(np.zeros((2, 2)), np.zeros((2, 3))), "2 and with 3 coordinates"),
        (lambda: w2_points(np.zeros(4), np.zeros(4)), r"shape \(4,\)"),
        (lambda: w2_points(np.zeros((2001, 2)), np.zeros((2, 2))), "random part"),
    ],
)
def test_errors_are_sentences(call, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
