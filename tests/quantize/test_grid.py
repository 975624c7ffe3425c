"""Evenly spaced levels: uniform, symmetric, clipped, power of two."""

import numpy as np
import pytest
from scipy.stats import norm

from fmq_explore.quantize import quantize

CLIPPED = [0.36338, 0.11885, 0.03744, 0.01154, 0.00350, 1.04e-3, 3.04e-4, 8.8e-5]


def draws(seed: int, shape: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=shape).astype(np.float32),
        rng.standard_t(2, size=shape).astype(np.float32),
        (rng.exponential(size=shape) + 3).astype(np.float32),
        rng.integers(-5, 5, size=shape).astype(np.float32),
    ]


@pytest.mark.parametrize("bits", range(1, 9))
def test_symmetric_is_its_definition(bits: int) -> None:
    for w in draws(bits, (20, 100)):
        half = 2**bits // 2
        largest = np.abs(w).max(axis=1, keepdims=True)
        steps = np.array([-1, 1]) if bits == 1 else np.arange(-half, half)
        levels = largest / max(half - 1, 1) * steps
        np.testing.assert_allclose(quantize(w, "symmetric", bits).codebook, levels, rtol=1e-6)


@pytest.mark.parametrize("bits", range(1, 9))
def test_power_of_two_takes_the_best_exponent(bits: int) -> None:
    half = 2**bits // 2
    steps = np.array([-1, 1]) if bits == 1 else np.arange(-half, half)
    for w in draws(bits, (20, 100)):
        q = quantize(w * np.float32(3e-3), "power_of_two", bits)
        w = (w * np.float32(3e-3)).astype(np.float64)
        errors = []
        for exponent in range(-40, 20):
            levels = 2.0**exponent * steps
            errors.append(((w[:, :, None] - levels) ** 2).min(2).mean(1))
        np.testing.assert_allclose(q.row_w2.numpy() ** 2, np.min(errors, axis=0), rtol=1e-9)
        scale = q.codebook[:, -1].numpy() / steps[-1] if bits > 1 else q.codebook[:, 1].numpy()
        assert np.array_equal(np.exp2(np.round(np.log2(scale))), scale)


@pytest.mark.parametrize("bits", range(1, 9))
def test_clipped_is_even_and_never_worse_than_uniform(bits: int) -> None:
    for w in draws(bits, (20, 150)):
        q = quantize(w, "clipped", bits)
        gaps = np.diff(q.codebook.double().numpy(), axis=1)
        np.testing.assert_allclose(gaps, gaps.mean(1, keepdims=True) + 0 * gaps, rtol=2e-3)
        assert (q.row_w2 <= quantize(w, "uniform", bits).row_w2 * (1 + 1e-6)).all()


def test_clipped_reproduces_the_classical_table() -> None:
    w = norm.ppf((np.arange(40_000) + 0.5) / 40_000)[None]
    for bits, expected in enumerate(CLIPPED, start=1):
        found = quantize(w, "clipped", bits, "tensor").mse / np.mean(w**2)
        assert found == pytest.approx(expected, rel=0.03)  # the tails of a sample are finite


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_clipped_is_near_the_best_of_a_dense_search(bits: int) -> None:
    for w in draws(bits, (2, 200)):
        found = quantize(w, "clipped", bits).row_w2.numpy() ** 2
        for row, mse in zip(w.astype(np.float64), found, strict=True):
            low, high = np.meshgrid(*[np.linspace(row.min(), row.max(), 50)] * 2, indexing="ij")
            low, high = low[low < high], high[low < high]
            levels = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 2**bits)
            best = ((row[:, None, None] - levels) ** 2).min(2).mean(0).min()
            assert mse <= 1.1 * best + 1e-12


def test_uniform_has_both_ends() -> None:
    w = draws(0, (30, 64))[0]
    for bits in range(1, 9):
        levels = quantize(w, "uniform", bits).codebook.numpy()
        np.testing.assert_allclose(levels[:, 0], w.min(1), rtol=1e-6)
        np.testing.assert_allclose(levels[:, -1], w.max(1), rtol=1e-5)
