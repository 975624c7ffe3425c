"""The exact W2 minimiser against brute force, and against everything else."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from fmq_explore.quantize import SCHEMES, quantize
from fmq_explore.quantize.optimal import optimal
from fmq_explore.quantize.rows import sort_rows

DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], NDArray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "cauchy": lambda rng, shape: rng.standard_cauchy(size=shape),
    "integers": lambda rng, shape: rng.integers(-20, 20, size=shape).astype(float),
    "ties": lambda rng, shape: np.round(rng.normal(size=shape), 1),
    "lattice": lambda rng, shape: np.tile(np.arange(shape[1]) * 0.5, (shape[0], 1)),
    "clusters": lambda rng, shape: rng.integers(0, 6, shape) * 100 + rng.normal(size=shape),
    "offset": lambda rng, shape: 1e4 + rng.normal(size=shape),
    "geometric": lambda rng, shape: 2.0 ** rng.uniform(-12, 12, size=shape),
    "constant": lambda rng, shape: np.full(shape, 0.1),
}


def brute_force(w: NDArray, n_levels: int) -> NDArray:
    """Returns the least squared error of every row for 1..n_levels levels, (n_levels, rows).

    The quadratic dynamic programme, in extended precision: best[j] = min_i best[i] + c(i, j).
    """
    v = np.sort(w, axis=1).astype(np.longdouble)
    rows, n = v.shape
    cost = np.full((rows, n + 1, n + 1), np.inf, dtype=np.longdouble)
    for i in range(n):
        count = np.arange(1, n - i + 1)
        x = v[:, i:] - v[:, i : i + 1]
        cost[:, i, i + 1 :] = np.cumsum(x * x, 1) - np.cumsum(x, 1) ** 2 / count
    best = cost[:, 0].copy()
    found = [best[:, n]]
    for _ in range(1, n_levels):
        best = np.minimum(best, (best[:, :, None] + cost).min(1))
        found.append(best[:, n])
    return np.stack(found).astype(np.float64)


def solve(w: NDArray, low: int = 1, high: int = 8) -> list[NDArray]:
    """Returns the levels of every row for every bit width, in float64."""
    rows = sort_rows([np.asarray(w, dtype=np.float64)], "channel")
    out = np.empty((len(rows), 2 ** (high + 1) - 2**low))
    optimal(rows.values, rows.offsets, 0, len(rows), low, high, out, np.zeros(2, dtype=np.int64))
    return np.split(out, np.cumsum([2**b for b in range(low, high)]), axis=1)


def error(w: NDArray, levels: NDArray) -> NDArray:
    return ((w[:, :, None] - levels[:, None, :]) ** 2).min(2).sum(1)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize(("rows", "n"), [(150, 6), (150, 13), (100, 29), (50, 47), (6, 140)])
def test_equals_brute_force(draw: str, rows: int, n: int) -> None:
    w = DRAWS[draw](np.random.default_rng(n), (rows, n))
    least = brute_force(w, min(n, 128))
    for b, levels in enumerate(solve(w), start=1):
        assert (np.diff(levels) >= 0).all()
        expected = least[min(2**b, len(least)) - 1] if 2**b < n else np.zeros(rows)
        slack = 1e-9 * expected + 1e-14 * np.ptp(w, axis=1) ** 2
        assert (error(w, levels) <= expected + slack).all()


@pytest.mark.parametrize("draw", DRAWS)
def test_one_width_alone_equals_all_together(draw: str) -> None:
    w = DRAWS[draw](np.random.default_rng(0), (10, 400))
    together = solve(w)
    for b in range(1, 9):
        (alone,) = solve(w, b, b)
        np.testing.assert_allclose(
            error(w, alone), error(w, together[b - 1]), rtol=1e-9, atol=1e-18
        )


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("bits", range(1, 9))
def test_is_never_above_another_scheme(draw: str, bits: int) -> None:
    rng = np.random.default_rng(bits)
    for n in (9, 100, 300):
        w = DRAWS[draw](rng, (12, n)).astype(np.float32)
        least = quantize(w, "optimal", bits)
        rounding = 1e-7 * np.abs(w).max(axis=1)
        for scheme in (s for s, rule in SCHEMES.items() if bits in rule.allowed_bits):
            other = quantize(w, scheme, bits)
            assert (least.row_w2.numpy() <= other.row_w2.numpy() * (1 + 1e-6) + rounding).all()


def test_few_distinct_weights_come_out_unchanged() -> None:
    rng = np.random.default_rng(0)
    for bits in range(1, 9):
        values = rng.normal(size=2**bits).astype(np.float32)
        w = rng.choice(values, size=(20, 600))
        q = quantize(w, "optimal", bits)
        assert np.array_equal(q.dequantize(), w)
        assert q.mse == 0.0


def test_error_falls_with_every_bit() -> None:
    w = np.random.default_rng(0).standard_t(3, size=(20, 500)).astype(np.float32)
    errors = [quantize(w, "optimal", bits).row_w2.numpy() for bits in range(1, 9)]
    assert (np.diff(errors, axis=0) < 0).all()


def test_its_levels_are_a_fixed_point() -> None:
    """Every level is the mean of its cell, and every weight is at its nearest level."""
    w = np.random.default_rng(0).normal(size=(1, 5000)).astype(np.float32)
    for bits in (2, 5, 8):
        q = quantize(w, "optimal", bits)
        codes, levels = q.codes[0].numpy(), q.codebook[0].double().numpy()
        means = [w[0, codes == k].astype(np.float64).mean() for k in range(2**bits)]
        np.testing.assert_allclose(levels, means, atol=1e-6)
        assert np.array_equal(codes, np.abs(w.T - levels).argmin(1))
        again = quantize(q.dequantize(), "optimal", bits)
        assert np.array_equal(again.dequantize(), q.dequantize())


LLOYD_MAX = [0.36338, 0.11748, 0.03455, 0.00950, 0.00250, 6.44e-4, 1.63e-4, 4.1e-5]


def test_reproduces_the_classical_table() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    w = scipy_stats.norm.ppf((np.arange(150_000) + 0.5) / 150_000)[None]
    for bits, expected in enumerate(LLOYD_MAX, start=1):
        found = quantize(w, "optimal", bits, "tensor").mse / np.mean(w**2)
        assert found == pytest.approx(expected, rel=0.015)
