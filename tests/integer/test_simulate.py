"""Integer networks: every layer as ONNX Runtime computes it, and exact where integers are exact."""

import copy

import pytest
import torch
from torch import Tensor, nn

from fmq_explore import load_model, quantize, quantize_model, sample
from fmq_explore.flow import MLP
from fmq_explore.integer import (
    AffineGrid,
    IntegerConv2d,
    IntegerLinear,
    calibrate_activations,
    integer_layers,
    integer_weights,
    quantize_activations,
    simulate,
)
from fmq_explore.integer.layers import integer_layer

from . import runtime


def velocity_error(model: nn.Module, network: nn.Module, n: int = 8) -> float:
    """Relative RMS error of the velocity where the model's own path asks for it: not at t = 1."""
    flow = sample(model, n=n, steps=4, seed=9, record=True)
    assert flow.path is not None
    with torch.no_grad():
        pairs = [
            (model(x, t), network(x, t))
            for x, t in zip(flow.path[:-1], flow.times[:-1], strict=True)
        ]
    error = sum((v - q).square().sum() for v, q in pairs)
    return float((error / sum(v.square().sum() for v, _ in pairs)) ** 0.5)


def test_every_layer_of_the_shipped_unet_has_the_codes_of_onnx_runtime() -> None:
    """On what reaches the layers while digits are drawn, not on made-up tensors."""
    model = load_model("mnist")
    network = simulate(model, calibrate_activations(model, n=8, steps=3))
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    layers = {
        n: m for n, m in network.named_modules() if isinstance(m, IntegerConv2d | IntegerLinear)
    }
    assert layers.keys() == integer_layers(model).keys()
    for name, layer in layers.items():
        layer.register_forward_hook(
            lambda _, x, y, name=name: seen.__setitem__(name, (x[0].clone(), y.clone()))
        )
    sample(network, n=8, steps=2, label=torch.arange(8))
    for name, layer in layers.items():
        x, y = seen[name]
        assert layer.output is not None
        args = (layer.input.quantize(x.contiguous()), layer.input, layer.weight)
        args = (*args, layer.weight_scale, layer.bias, layer.output)
        if isinstance(layer, IntegerConv2d):
            codes = runtime.conv2d(*args, *layer.geometry)
        else:
            codes = runtime.linear(*args)
        assert torch.equal(layer.output.dequantize(codes), y), name
        assert len(codes.unique()) > 20, name


def test_a_layer_whose_numbers_are_on_the_grids_is_computed_without_error() -> None:
    """Steps are powers of two and the weights span the whole of +-127, so nothing is rounded."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(3, 4, 3, padding=1)
    with torch.no_grad():
        w = torch.randint(-127, 128, layer.weight.shape, generator=generator).float()
        w.flatten(1)[:, 0] = 127
        layer.weight.copy_(w / 64)
        layer.bias.copy_(torch.tensor([1.0, -2.0, 0.25, 0.0]))
    grid = AffineGrid(1 / 32, 128)
    x = grid.dequantize(torch.randint(0, 256, (2, 3, 8, 8), generator=generator))
    with torch.no_grad():
        assert torch.equal(integer_layer(layer, grid)(x), layer(x))


def test_a_channel_of_zeros_with_a_bias_hands_on_its_bias() -> None:
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight[0], layer.weight[1] = 0.0, 1e-12
        layer.bias.copy_(torch.tensor([0.7, -123.0]))
    y = integer_layer(layer, AffineGrid.spanning(-1.0, 1.0))(torch.rand(5, 4))
    torch.testing.assert_close(y, torch.tensor([0.7, -123.0]).expand(5, 2))
    layer.bias = None
    assert not integer_layer(layer, AffineGrid(1.0, 0))(torch.rand(5, 4))[:, 0].any()


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_integer_weights_are_those_of_the_symmetric_scheme(bits: int) -> None:
    w = torch.randn(16, 3, 5, 5, generator=torch.Generator().manual_seed(bits))
    codes, step = integer_weights(w, bits)
    ours = codes.float() * step[:, None, None, None]
    torch.testing.assert_close(ours, quantize(w, "symmetric", bits, "channel").dequantize())
    assert codes.abs().flatten(1).amax(1).unique().tolist() == [2 ** (bits - 1) - 1]


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_steps_of_least_error_are_near_the_best_of_all_and_follow_the_scale(bits: int) -> None:
    w = torch.randn(4, 500, generator=torch.Generator().manual_seed(0)).double()
    top = 2 ** (bits - 1) - 1

    def error(step: Tensor) -> Tensor:
        grid = (w / step[:, None]).round().clamp(-top, top) * step[:, None]
        return (grid - w).square().sum(1)

    _, step = integer_weights(w, bits, "mse")
    widest = w.abs().amax(1) / top
    best = torch.stack([error(widest * f) for f in torch.linspace(0.05, 1, 4000)]).amin(0)
    assert (error(step.double()) <= 1.01 * best).all()
    torch.testing.assert_close(integer_weights(8 * w, bits, "mse")[1], 8 * step)


def test_more_bits_of_activations_and_of_weights_are_closer() -> None:
    model = load_model("digits")
    ranges = calibrate_activations(model, n=16, steps=4)
    activations = [
        velocity_error(model, simulate(model, ranges, activation_bits=b)) for b in (4, 6, 8)
    ]
    weights = [velocity_error(model, simulate(model, ranges, weight_bits=b)) for b in (2, 4, 8)]
    assert activations == sorted(activations, reverse=True)
    assert weights == sorted(weights, reverse=True)
    assert activations[-1] < 0.05 < activations[0]


def test_the_sum_handed_on_in_floating_point_is_closer_than_its_code() -> None:
    model = load_model("digits")
    ranges = calibrate_activations(model, n=16, steps=4)
    sums, codes = (
        velocity_error(model, simulate(model, ranges, integer_outputs=i)) for i in (False, True)
    )
    assert sums < codes


def test_fixed_point_rounding_differs_by_a_code_at_most_and_costs_the_same() -> None:
    model = load_model("digits")
    ranges = calibrate_activations(model, n=16, steps=4)
    even, fixed = (simulate(model, ranges, rounding=r) for r in ("half_even", "fixed_point"))
    channels = model.first.weight.shape[1]
    x = torch.randn(64, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    gap = (even.first(x) - fixed.first(x)).abs().max().item()
    assert gap <= 1.001 * even.first.output.scale
    errors = [velocity_error(model, network) for network in (even, fixed)]
    assert errors[1] == pytest.approx(errors[0], rel=0.05)


def test_rounded_activations_leave_codebook_weights_as_they_are() -> None:
    model = load_model("digits")
    ranges = calibrate_activations(model, n=16, steps=4)
    qm = quantize_model(model, "optimal", 3)
    rounded = quantize_activations(qm.model, ranges)
    for name in integer_layers(model):
        kept = rounded.get_parameter(f"{name}.layer.weight")
        assert torch.equal(kept, qm.model.get_parameter(f"{name}.weight"))
    alone, both = (velocity_error(model, network) for network in (qm.model, rounded))
    eight = velocity_error(model, quantize_activations(model, ranges))
    assert eight < alone / 3  # at 3 bits it is the weights that cost
    assert both == pytest.approx((alone**2 + eight**2) ** 0.5, rel=0.2)  # nearly independent


def test_dynamic_ranges_are_those_of_the_call() -> None:
    torch.manual_seed(0)
    layer, x = nn.Sequential(nn.Linear(8, 4)), torch.randn(16, 8)
    grid = AffineGrid.spanning(float(x.min()), float(x.max()), 6)
    for scale in (1.0, 64.0):  # no static range would serve both
        y = quantize_activations(layer, None, bits=6)(scale * x)
        torch.testing.assert_close(y, layer(scale * grid.round(x)))


def test_kept_layers_and_the_network_itself_are_not_changed() -> None:
    torch.manual_seed(0)
    model = MLP(width=16, depth=2)
    nn.init.normal_(model.last.weight)
    before = copy.deepcopy(model.state_dict())
    ranges = calibrate_activations(model, n=16, steps=2)
    names = list(integer_layers(model))
    for network in (
        simulate(model, ranges, keep=names),
        quantize_activations(model, ranges, keep=names),
    ):
        assert velocity_error(model, network) == 0
    assert velocity_error(model, simulate(model, ranges, keep=["last"])) > 0
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_bits": 9}, "use 2 to 8"),
        ({"activation_bits": 1}, "use 2 to 8"),
        ({"weight_method": "best"}, "choose one of min_max, mse"),
        ({"keep": ["nowhere"]}, "choose among"),
        ({"rounding": "up"}, "choose one of half_even, fixed_point"),
    ],
)
def test_what_is_out_of_range_is_told(options, message: str) -> None:
    model = MLP(width=8, depth=1)
    ranges = calibrate_activations(model, n=4, steps=2)
    with pytest.raises(ValueError, match=message):
        simulate(model, ranges, **options)


def test_ranges_of_another_architecture_are_told() -> None:
    ranges = calibrate_activations(MLP(width=8, depth=1), n=4, steps=2)
    with pytest.raises(ValueError, match=r"hidden\.1 has no range"):
        simulate(MLP(width=8, depth=2), ranges)


def test_a_convolution_that_does_not_pad_with_zeros_is_told() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")
    with pytest.raises(ValueError, match="reflect"):
        integer_layer(layer, AffineGrid(1.0, 0))
