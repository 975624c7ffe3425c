"""The paper's four schemes against a plain row-by-row implementation of its words."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from fmq_explore.quantize import quantize

Row = NDArray[np.float64]


def nearest(row: Row, levels: Row) -> Row:
    return levels[np.abs(row[:, None] - levels).argmin(1)]


def uniform(row: Row, n_levels: int) -> Row:
    return nearest(row, np.linspace(row.min(), row.max(), n_levels))


def equal_mass(row: Row, n_levels: int) -> Row:
    ranks = np.argsort(row, kind="stable")
    cuts = np.cumsum([len(chunk) for chunk in np.array_split(ranks, n_levels)])[:-1]
    v = row[ranks]
    moved = []
    for cut in cuts:
        if 0 < cut < len(v) and v[cut - 1] == v[cut]:  # equal weights stay together
            run = np.flatnonzero(v == v[cut])
            begin, end = run[0], run[-1] + 1
            cut = begin if cut - begin <= end - cut else end
        moved.append(cut)
    out = np.empty_like(row)
    for chunk in np.split(ranks, moved):
        if len(chunk):
            out[chunk] = row[chunk].mean()
    return out


def piecewise(row: Row, n_levels: int) -> Row:
    edges = np.quantile(row, np.arange(n_levels + 1) / n_levels)
    cell = np.searchsorted(edges[1:-1], row, side="right")
    return 0.5 * (edges[:-1] + edges[1:])[cell]


def logarithmic(row: Row, n_levels: int) -> Row:
    levels = []
    for sign in (-1, 1):
        size = np.abs(row[row * sign > 0])
        if size.size:
            ends = np.log2(size.min()), np.log2(size.max())
            levels.append(sign * np.logspace(*ends, n_levels // 2, base=2))
    return nearest(row, np.sort(np.concatenate(levels))) if levels else row


REFERENCES: dict[str, Callable[[Row, int], Row]] = {
    "uniform": uniform,
    "equal_mass": equal_mass,
    "piecewise": piecewise,
    "logarithmic": logarithmic,
}

DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], NDArray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy": lambda rng, shape: rng.standard_t(2, size=shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) + 0.1,
    "shifted": lambda rng, shape: rng.normal(size=shape) - 5,
    "integers": lambda rng, shape: rng.integers(-4, 5, size=shape),
    "sparse": lambda rng, shape: rng.normal(size=shape) * (rng.random(shape) < 0.4),
    "constant": lambda rng, shape: np.repeat(rng.normal(size=(shape[0], 1)), shape[1], 1),
}


@pytest.mark.parametrize("scheme", REFERENCES)
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("bits", range(1, 9))
def test_equals_the_plain_implementation(scheme: str, draw: str, bits: int) -> None:
    rng = np.random.default_rng(bits)
    for n in (1, 5, 17, 64, 257):
        w = DRAWS[draw](rng, (max(6, 1 + 256 // n), n)).astype(np.float32)
        found = quantize(w, scheme, bits).dequantize().double().numpy()
        expected = np.stack([REFERENCES[scheme](row, 2**bits) for row in w.astype(np.float64)])
        tolerance = 1e-6 * np.abs(w).max()
        if scheme in ("uniform", "logarithmic"):  # half-way between two levels either is right
            w = w.astype(np.float64)
            found, expected = np.abs(found - w), np.abs(expected - w)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("scheme", REFERENCES)
def test_equal_weights_get_equal_levels(scheme: str, bits: int) -> None:
    w = np.random.default_rng(0).integers(-9, 10, size=(30, 300)).astype(np.float32)
    found = quantize(w, scheme, bits).dequantize().numpy()
    for before, after in zip(w, found, strict=True):
        assert all(len(set(after[before == v])) == 1 for v in set(before))


@pytest.mark.parametrize("scheme", REFERENCES)
def test_edge_rules(scheme: str) -> None:
    rng = np.random.default_rng(0)
    constant = np.full((40, 10), -0.3, dtype=np.float32)
    assert np.array_equal(quantize(constant, scheme, 3).dequantize(), constant)
    zeros = np.zeros((40, 10), dtype=np.float32)
    assert np.array_equal(quantize(zeros, scheme, 2).dequantize(), zeros)
    small = rng.normal(size=(3, 5)).astype(np.float32)  # 15 weights, 16 levels
    assert np.array_equal(quantize(small, scheme, 4).dequantize(), small) == (scheme != "uniform")
    short = rng.normal(size=(40, 7)).astype(np.float32)  # rows of fewer weights than levels
    kept = np.array_equal(quantize(short, scheme, 3).dequantize(), short)
    assert kept == (scheme == "equal_mass")


def test_logarithmic_has_no_level_at_zero() -> None:
    w = np.float32([[-8.0, -1.0, 0.0, 0.25, 1.0, 4.0] * 4])
    q = quantize(w, "logarithmic", 2)
    assert q.codebook.tolist() == [[-8.0, -1.0, 0.25, 4.0]]
    assert q.dequantize()[0, 2] == 0.25  # the level nearest to zero
    one_sign = quantize(np.abs(w) + 1, "logarithmic", 3).codebook[0]
    assert one_sign.min() == 1
    assert len(set(one_sign.tolist())) == 4
