"""Integer operators: equal to ONNX Runtime bit for bit, and to exact arithmetic on integers."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from fmq_explore.integer import ROUNDINGS, AffineGrid, quantized_conv2d, quantized_linear
from fmq_explore.integer.operators import accumulate_conv2d, accumulate_linear
from fmq_explore.integer.requantize import fixed_point_multiplier

from . import runtime


def integers(shape: tuple[int, ...], low: int, high: int, seed: int = 0) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=torch.Generator().manual_seed(seed))


def steps(n: int, seed: int = 1) -> Tensor:
    return 0.001 + 0.01 * torch.rand(n, generator=torch.Generator().manual_seed(seed))


def codes(*shape: int, seed: int = 2) -> Tensor:
    return integers(shape, 0, 255, seed).to(torch.uint8)


def weights(*shape: int, largest: int = 127, seed: int = 3) -> Tensor:
    return integers(shape, -largest, largest, seed).to(torch.int8)


INPUT, OUTPUT = AffineGrid(0.0217, 37), AffineGrid(0.36, 121)

GEOMETRIES = [
    # x, weight, stride, padding, dilation, groups
    ((2, 4, 14, 14), (32, 4, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 32, 14, 14), (64, 32, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((3, 64, 7, 7), (192, 64, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((1, 6, 9, 11), (10, 3, 3, 5), (2, 1), (0, 2), (1, 1), 2),
    ((2, 8, 8, 8), (8, 1, 3, 3), (1, 1), (1, 1), (1, 1), 8),
    ((1, 5, 12, 12), (7, 5, 3, 3), (1, 1), (2, 2), (2, 2), 1),
]


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_a_convolution_has_the_codes_of_qlinearconv(geometry, with_bias: bool) -> None:
    x_shape, w_shape, *options = geometry
    x, w, scale = codes(*x_shape), weights(*w_shape), steps(w_shape[0])
    bias = integers((w_shape[0],), -9000, 9000).int() if with_bias else None
    ours = quantized_conv2d(x, INPUT, w, scale, bias, OUTPUT, *options)
    theirs = runtime.conv2d(x, INPUT, w, scale, bias, OUTPUT, *options)
    assert torch.equal(ours, theirs)
    assert len(ours.unique()) > 50  # neither all clipped nor constant


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(("n", "k", "m"), [(1, 64, 128), (5, 300, 40), (64, 128, 7)])
def test_a_linear_layer_has_the_codes_of_qgemm_and_qlinearmatmul(n, k, m, with_bias) -> None:
    x, w, scale = codes(n, k), weights(m, k), steps(m)
    bias = integers((m,), -9000, 9000).int() if with_bias else None
    ours = quantized_linear(x, INPUT, w, scale, bias, OUTPUT)
    assert torch.equal(ours, runtime.linear(x, INPUT, w, scale, bias, OUTPUT))
    assert len(ours.unique()) > 20


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_signed_weights_of_seven_bits_are_exact_on_every_machine(bits: int) -> None:
    largest = 2 ** (bits - 1) - 1
    assert 2 * 255 * largest < 2**15  # a sum of two products fits 16 bits, see the next test
    x, w, scale = codes(2, 32, 7, 7), weights(16, 32, 3, 3, largest=largest), 9 * steps(16)
    ours = quantized_conv2d(x, INPUT, w, scale, None, OUTPUT, 1, 1)
    theirs = runtime.conv2d(x, INPUT, w, scale, None, OUTPUT, padding=(1, 1), signed=True)
    assert torch.equal(ours, theirs)


def test_sums_of_two_products_that_saturate_at_16_bits_are_wrong_for_signed_weights() -> None:
    """What VPMADDUBSW does on machines without VNNI, and why the reference here is unsigned."""

    def saturating(x: Tensor, w: Tensor) -> Tensor:
        products = x[:, None].int() * w.int()
        pairs = products.reshape(*products.shape[:-1], -1, 2).sum(-1)
        return pairs.clamp(-(2**15), 2**15 - 1).sum(-1)

    x, grid = codes(64, 32), AffineGrid(1.0, 0)
    wide, narrow = weights(16, 32), weights(16, 32, largest=63)
    assert not torch.equal(saturating(x, wide), accumulate_linear(x, grid, wide).long())
    assert torch.equal(saturating(x, narrow), accumulate_linear(x, grid, narrow).long())


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_accumulators_are_the_exact_sums(geometry) -> None:
    x_shape, w_shape, *options = geometry
    x, w = codes(*x_shape), weights(*w_shape)
    exact = torch.nn.functional.conv2d(x.double() - 37, w.double(), None, *options)
    assert torch.equal(accumulate_conv2d(x, INPUT, w, None, *options).double(), exact)


def test_sums_beyond_what_float32_holds_are_exact_too() -> None:
    x = torch.full((1, 2000), 255, dtype=torch.uint8)
    w = torch.full((1, 2000), 127, dtype=torch.int8)
    w[0, 0], x[0, 1] = 126, 254
    sums = accumulate_linear(x, AffineGrid(1.0, 0), w)
    assert sums.item() == 255 * 126 + 254 * 127 + 1998 * 255 * 127  # odd, and above 2^24


def test_an_accumulator_that_could_overflow_is_refused() -> None:
    w = torch.full((1, 70_000), 127, dtype=torch.int8)
    with pytest.raises(ValueError, match="beyond 32 bits"):
        accumulate_linear(codes(1, 70_000), AffineGrid(1.0, 0), w)


@pytest.mark.parametrize("grid", [INPUT, AffineGrid(1 / 3, 0), AffineGrid(0.0078125, 255)])
def test_codes_of_activations_are_those_of_quantizelinear(grid: AffineGrid) -> None:
    halves = grid.scale * (torch.arange(-600, 600) / 2)  # ties among them
    x = torch.cat((halves, 3 * torch.randn(5000, generator=torch.Generator().manual_seed(0))))
    theirs = runtime.run("QuantizeLinear", x, runtime.scale_and_zero("g", grid))
    assert torch.equal(grid.quantize(x), theirs)
    assert torch.equal(grid.dequantize(theirs), grid.round(x))


@pytest.mark.parametrize("low", [-4.0, -0.278, 0.0, 0.5])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_spanning_grid_holds_zero_exactly_and_its_ends_to_half_a_step(low, bits) -> None:
    grid = AffineGrid.spanning(low, 3.7, bits)
    assert grid.round(torch.zeros(1)).item() == 0.0
    ends = torch.tensor([min(low, 0.0), 3.7])
    assert (grid.round(ends) - ends).abs().max() <= grid.scale / 2 * (1 + 1e-5)
    assert grid.high - grid.low == pytest.approx(3.7 - min(low, 0.0))


@pytest.mark.parametrize("range_", [(0.0, 0.0), (5e-324, 5e-324)])
def test_a_range_of_nothing_but_zero_has_a_grid(range_) -> None:
    assert AffineGrid.spanning(*range_).round(torch.zeros(3)).tolist() == [0.0] * 3


def gemmlowp(accumulator: int, mantissa: int, exponent: int) -> int:
    """The scalar definition of TFLite's rescaling, in exact fractions."""
    doubled = Fraction((accumulator << max(exponent, 0)) * mantissa, 2**31)
    nudged = doubled + (Fraction(1, 2) if doubled >= 0 else Fraction(1, 2**31) - Fraction(1, 2))
    high = int(nudged)  # towards zero, as C divides
    shifted = Fraction(high, 2 ** max(-exponent, 0))
    away = int(abs(shifted) + Fraction(1, 2))
    return away if shifted >= 0 else -away


def test_fixed_point_rescaling_is_gemmlowps() -> None:
    y = torch.cat((integers((4000,), -40_000, 40_000), torch.arange(-300, 300))).int()
    for factor in (0.75, 0.5, 2**-9, 0.00123, 1.5):
        mantissa, exponent = fixed_point_multiplier(factor)
        assert Fraction(mantissa, 2**31) * Fraction(2) ** exponent == pytest.approx(factor)
        grid = AffineGrid(1.0, 128)
        found = ROUNDINGS["fixed_point"](y, torch.tensor(factor), grid)
        expected = [min(max(gemmlowp(v, mantissa, exponent) + 128, 0), 255) for v in y.tolist()]
        assert found.tolist() == expected


def test_factors_at_the_ends_of_fixed_point() -> None:
    assert fixed_point_multiplier(1 - 2**-40) == (2**30, 1)  # rounds up to 1
    assert fixed_point_multiplier(2**-32) == (2**30, -31)
    assert fixed_point_multiplier(2**-33) == (0, 0)
    for factor in (2.0**30, 0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="multiplier"):
            fixed_point_multiplier(factor)


def test_the_two_roundings_differ_at_ties_only() -> None:
    y = torch.arange(-200, 200, dtype=torch.int32)
    grid, half = AffineGrid(1.0, 128), torch.tensor(0.5)
    even, away = (ROUNDINGS[name](y, half, grid).int() - 128 for name in ROUNDINGS)
    differ = even != away
    assert (y[differ] % 2 != 0).all()
    assert differ.sum() == (y.abs() % 4 == 1).sum()  # +-0.5, +-2.5, ... go away from zero


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(2, 8)}, "use uint8"),
        ({"x": torch.zeros(2, 9, dtype=torch.uint8)}, "columns"),
        ({"bias": torch.zeros(3, dtype=torch.int32)}, "one bias for each output"),
        ({"rounding": "nearest"}, "choose one of half_even, fixed_point"),
    ],
)
def test_what_does_not_fit_is_told(change, message: str) -> None:
    options = {
        "x": codes(2, 8),
        "input": INPUT,
        "weight": weights(4, 8),
        "weight_scale": steps(4),
        "bias": None,
        "output": OUTPUT,
    }
    with pytest.raises(ValueError, match=message):
        quantized_linear(**(options | change))
