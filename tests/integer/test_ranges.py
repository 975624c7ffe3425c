"""Activation ranges: what layers of a known flow see, extremes to the last value, and no traces."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fmq_explore import load_model, sample
from fmq_explore.flow import MLP, Cancelled
from fmq_explore.integer import calibrate_activations, choose_ranges, record_activations
from fmq_explore.integer.recording import KEPT_VALUES, PERCENTS


class Linear(nn.Module):
    """The field v(x, t) = W x + b, whose layer sees the states themselves."""

    def __init__(self, d: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.data_shape = (d,)
        self.layer = nn.Linear(d, d)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.layer(x)


def states(model: nn.Module, **options) -> Tensor:
    path = sample(model, solver="euler", record=True, **options).path
    assert path is not None
    return path[:-1].flatten(1)


def test_the_layer_of_a_linear_field_sees_the_states_of_its_path() -> None:
    model = Linear()
    record = record_activations(model, n=200, steps=5, solver="euler", seed=3)
    seen, path = record.inputs["layer"], states(model, n=200, steps=5, seed=3)
    np.testing.assert_array_equal(seen.minimum, path.amin(1))
    np.testing.assert_array_equal(seen.maximum, path.amax(1))
    np.testing.assert_allclose(seen.rms, path.square().mean(1).sqrt(), rtol=1e-5)
    np.testing.assert_allclose(seen.percentiles, np.percentile(path, PERCENTS, axis=1).T, rtol=1e-5)
    np.testing.assert_allclose(record.times, [0.1, 0.3, 0.5, 0.7, 0.9])


def test_all_evaluations_of_a_step_count_as_one() -> None:
    model = Linear()
    coarse = record_activations(model, n=50, steps=4, solver="rk4")
    assert coarse.inputs["layer"].values.shape == (4 * 4 * 50 * 3,)
    assert coarse.inputs["layer"].rms.shape == (4,)


def test_a_range_takes_the_extremes_of_all_values_but_percentiles_those_of_a_part() -> None:
    model = Linear(64)
    record = record_activations(model, n=500, steps=8, solver="euler")
    path = states(model, n=500, steps=8)
    assert path.numel() > len(record.inputs["layer"].values) <= KEPT_VALUES
    found = choose_ranges(record, "min_max").inputs["layer"]
    assert (found.low, found.high) == (path.min().item(), path.max().item())
    clipped = choose_ranges(record, "percentile").inputs["layer"]
    exact = np.percentile(path, [0.05, 99.95])
    np.testing.assert_allclose([clipped.low, clipped.high], exact, rtol=0.05)


def test_drawn_values_are_spread_over_channels_and_steps() -> None:
    """The mean square of the drawn values is that of all, within its sampling error."""
    record = record_activations(load_model("digits"), n=64, steps=4)
    for name, seen in record.inputs.items():
        if len(seen.values) < 10_000:
            continue
        drawn, everything = np.mean(seen.values**2), np.mean(seen.rms.astype(float) ** 2)
        error = np.std(seen.values**2) / len(seen.values) ** 0.5
        assert abs(drawn - everything) < 5 * error, name


@pytest.mark.parametrize("method", ["min_max", "percentile", "mse", "entropy"])
def test_ranges_hold_zero_and_are_the_same_again(method: str) -> None:
    model = load_model("moons")
    first, again = (
        calibrate_activations(model, n=32, steps=3, seed=5, method=method) for _ in range(2)
    )
    for side in ("inputs", "outputs"):
        for name, found in getattr(first, side).items():
            assert found.low <= 0 <= found.high
            assert found.grid.dequantize(found.grid.quantize(torch.zeros(1))).item() == 0
            assert found.grid == getattr(again, side)[name].grid
    assert first.method == method
    # SiLU has a least value, so that the inputs behind it have a lower end in common
    assert all(-0.2785 < first.inputs[f"hidden.{i}"].low < 0 for i in range(3))


def test_the_network_is_left_as_it_was_even_when_cancelled() -> None:
    model = MLP(width=8, depth=1)
    answers = iter([False, False, True])
    with pytest.raises(Cancelled, match="after 2 of 10"):
        calibrate_activations(model, n=4, should_stop=lambda: next(answers))
    assert not any(m._forward_hooks for m in model.modules())


def test_progress_is_told_step_by_step() -> None:
    done: list[tuple[int, int]] = []
    calibrate_activations(MLP(width=8, depth=1), n=4, steps=3, progress=lambda *d: done.append(d))
    assert done == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "range"}, "choose one of min_max, percentile, mse, entropy"),
        ({"bits": 1}, "use 2 to 8"),
        ({"bits": 9}, "use 2 to 8"),
        ({"steps": 0}, "at least 1"),
        ({"solver": "leap"}, "choose one of euler"),
    ],
)
def test_what_is_out_of_range_is_told(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate_activations(MLP(width=8, depth=1), n=4, **options)


def test_a_model_without_such_layers_is_told() -> None:
    with pytest.raises(ValueError, match="no convolution or linear layer"):
        calibrate_activations(nn.Identity())
