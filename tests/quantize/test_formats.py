"""Fixed tables of levels with one scale a row: against brute force, published values and torch."""

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from fmq_explore.quantize import SCHEMES, prepare, quantize, quantize_model
from fmq_explore.quantize.formats import minifloat_table, normal_float_table
from fmq_explore.quantize.packing import pack, packed_size, unpack

NF4 = (  # bitsandbytes and QLoRA, float32
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)


def draws(seed: int, shape: tuple[int, int]) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    kinds = [
        rng.normal(size=shape),
        rng.standard_t(2, size=shape),
        rng.exponential(size=shape) - 0.5,
        rng.integers(-4, 5, size=shape),
        rng.normal(size=shape) * (rng.random(shape) < 0.3),
    ]
    return [kind.astype(np.float32) for kind in kinds]


def error(row: NDArray, levels: NDArray) -> float:
    return float(np.square(row[:, None] - levels).min(1).sum())


def test_binary_is_the_best_pair_of_signs() -> None:
    for w in draws(0, (12, 50)):
        q = quantize(w, "binary", 1)
        assert q.row_w2 is not None
        for row, codebook, w2 in zip(w.astype(float), q.codebook.numpy(), q.row_w2, strict=True):
            found = minimize_scalar(
                lambda a, row=row: error(row, np.array([-a, a])), (0, np.abs(row).max() + 1e-3)
            )
            assert codebook[1] == pytest.approx(np.abs(row).mean())
            assert float(w2) ** 2 * len(row) <= found.fun * (1 + 1e-6) + 1e-12


def test_ternary_is_the_best_of_all_sets_off_zero() -> None:
    """Whichever weights are off zero, with their signs or not, and whatever the scale."""
    for w in draws(1, (8, 9)):
        q = quantize(w, "ternary", 2)
        assert q.row_w2 is not None
        for row, w2 in zip(w.astype(float), q.row_w2.numpy(), strict=True):
            best = np.square(row).sum()
            for k in range(1, len(row) + 1):
                for some in itertools.combinations(np.abs(row), k):
                    best = min(best, np.square(row).sum() - np.sum(some) ** 2 / k)
            assert w2**2 * len(row) == pytest.approx(best, rel=1e-6, abs=1e-9)


def test_ternary_beats_the_usual_guess_of_the_threshold() -> None:
    for w in draws(2, (20, 200)):
        q = quantize(w, "ternary", 2)
        assert q.row_w2 is not None
        for row, w2 in zip(w.astype(float), q.row_w2.numpy(), strict=True):
            kept = np.abs(row) > 0.7 * np.abs(row).mean()  # arXiv 1605.04711
            a = np.abs(row[kept]).mean() if kept.any() else 0.0
            guess = np.square(row - a * kept * np.sign(row)).sum()
            assert w2**2 * len(row) <= guess * (1 + 1e-6) + 1e-12


def test_ternary_codes_are_digits_and_the_file_is_small() -> None:
    w = torch.randn(32, 250, generator=torch.Generator().manual_seed(0))
    q = quantize(w, "ternary", 2)
    assert q.codes.max() == 2
    assert q.n_bytes == len(q.to_bytes()) == 32 * 250 // 5 + 32 * 4
    assert q.bits_per_weight == pytest.approx(1.6 + 32 / 250)
    rng = np.random.default_rng(0)
    for n in (1, 4, 5, 6, 1001):
        codes = rng.integers(0, 3, n).astype(np.uint8)
        packed = pack(codes, 2, radix=3)
        assert packed.size == packed_size(n, 2, 3) == -(-n // 5)
        assert np.array_equal(unpack(packed, n, 2, 3), codes)
        value = sum(int(c) * 3**i for i, c in enumerate(codes[:5]))
        assert packed[0] == value


def test_normal_float_is_the_published_table() -> None:
    np.testing.assert_allclose(normal_float_table(4), NF4, atol=1e-6)


@pytest.mark.parametrize("bits", range(2, 9))
def test_normal_float_levels_are_quantiles_around_an_exact_zero(bits: int) -> None:
    table = normal_float_table(bits)
    assert table[2 ** (bits - 1) - 1] == 0.0
    assert (table[0], table[-1]) == (-1.0, 1.0)
    outermost = 1 - (1 / 2 ** (bits + 1) + 1 / (2 ** (bits + 1) - 2)) / 2
    mass = norm.cdf(table * norm.ppf(outermost))
    steps = np.diff(mass)
    np.testing.assert_allclose(steps[: 2 ** (bits - 1) - 1], steps[0], atol=1e-9)
    np.testing.assert_allclose(steps[2 ** (bits - 1) - 1 :], steps[-1], atol=1e-9)


def test_normal_float_scale_is_the_largest_magnitude() -> None:
    for w in draws(3, (10, 64)):
        levels = quantize(w, "normal_float", 4).codebook.numpy()
        np.testing.assert_allclose(levels[:, -1], np.abs(w).max(axis=1), rtol=1e-6)


def test_minifloat_e2m1_is_fp4() -> None:
    positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    assert minifloat_table(4).tolist() == [-v for v in positive[::-1]] + positive


def test_minifloat_e4m3_is_torchs() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    values = every[every.isfinite()].unique().double().numpy()
    np.testing.assert_array_equal(np.unique(minifloat_table(8)), values)
    assert values[-1] == 448.0


@pytest.mark.parametrize("bits", range(3, 9))
def test_minifloat_tables_have_a_code_for_each_level(bits: int) -> None:
    table = minifloat_table(bits)
    assert len(table) == 2**bits
    assert (np.diff(table) >= 0).all()
    assert np.array_equal(table, -table[::-1])
    assert len(np.unique(table)) == 2**bits - (3 if bits == 8 else 1)  # one zero, no NaN


@pytest.mark.parametrize("bits", range(3, 9))
def test_minifloat_scale_is_near_the_best_of_a_dense_search(bits: int) -> None:
    table = minifloat_table(bits)
    for w in draws(bits, (3, 120)):
        q = quantize(w, "minifloat", bits)
        assert q.row_w2 is not None
        for row, w2 in zip(w.astype(float), q.row_w2.numpy(), strict=True):
            widest = np.abs(row).max() / table[-1]
            scales = widest * np.geomspace(0.1, 1.0, 300)
            best = min(error(row, s * table) for s in scales)
            slack = 1.1 if bits < 8 else 1.4  # a grid of scales hits lucky ones: 253 levels
            assert w2**2 * len(row) <= slack * best + 1e-9
            assert w2**2 * len(row) <= error(row, widest * table) * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize("scheme", ["normal_float", "percentile", "entropy", "minifloat"])
def test_error_falls_with_bits_on_gaussian_rows(scheme: str) -> None:
    """Of minifloats, by two bits: one more exponent bit alone brings next to nothing."""
    w = draws(0, (16, 1500))[0]
    w2 = {bits: quantize(w, scheme, bits).w2 for bits in SCHEMES[scheme].allowed_bits}
    step = 2 if scheme == "minifloat" else 1
    assert all(w2[b] < 0.8 * w2[b - step] for b in w2 if b - step in w2)


def test_unused_levels_hold_no_weight() -> None:
    w = torch.randn(16, 3000, generator=torch.Generator().manual_seed(0))
    for scheme in ("ternary", "minifloat"):
        for bits in SCHEMES[scheme].allowed_bits:
            q = quantize(w, scheme, bits)
            repeats = torch.nn.functional.pad(q.codebook.diff(dim=1) == 0, (1, 0))
            assert not repeats[q.rows, q.codes.long()].any()


def test_percentile_clips_what_lies_outside_its_quantiles() -> None:
    w = draws(0, (4, 5000))[1]
    q = quantize(w, "percentile", 6)
    expected = np.quantile(w.astype(float), [0.0005, 0.9995], axis=1)
    np.testing.assert_allclose(q.codebook[:, [0, -1]].numpy().T, expected, rtol=1e-4)


def test_entropy_equals_the_range_that_calibrate_chooses() -> None:
    from fmq_explore.quantize import calibrate

    w = draws(0, (4, 900))[1]
    for bits in (2, 4, 6):
        found = quantize(w, "entropy", bits).codebook[:, [0, -1]]
        expected = [calibrate(row, bits, "entropy") for row in w]
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("scheme", "allowed", "nearest"),
    [
        ("binary", (1,), (1, 1, 1)),
        ("ternary", (2,), (2, 2, 2)),
        ("minifloat", (3, 4, 5, 6, 7, 8), (3, 4, 8)),
        ("optimal", tuple(range(1, 9)), (1, 4, 8)),
    ],
)
def test_schemes_say_which_bits_they_have(scheme: str, allowed: tuple, nearest: tuple) -> None:
    rule = SCHEMES[scheme]
    assert rule.allowed_bits == allowed
    assert tuple(rule.nearest_bits(b) for b in (1, 4, 8)) == nearest


def test_a_width_that_a_scheme_lacks_is_an_error_everywhere() -> None:
    net = torch.nn.Linear(20, 20)
    words = "'ternary' has 2 bits only, so it cannot have 5: give bits=2, or choose another"
    for call in (
        lambda: quantize(net.weight, "ternary", 5),
        lambda: quantize_model(net, "ternary", {"weight": 5}),
        lambda: prepare(net).fit("ternary", 5),
        lambda: prepare(net).fit_all("ternary", bits=(2, 5)),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    assert not prepare(net).is_fitted("ternary", 5)


def test_families_part_the_schemes() -> None:
    from fmq_explore.quantize import FAMILIES

    found = {family: [n for n, s in SCHEMES.items() if s.family == family] for family in FAMILIES}
    assert found["paper"] == ["uniform", "logarithmic", "piecewise", "equal_mass"]
    assert found["format"] == ["binary", "ternary", "normal_float", "minifloat"]
    assert found["calibration"] == ["percentile", "entropy"]
    assert sum(map(len, found.values())) == len(SCHEMES)
