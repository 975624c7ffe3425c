"""The activation stage: the library's figures, those of the reference only once, and it stops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fmq_explore as fmq
from fmq_explore.explore import Request, Workspace, Yardsticks
from fmq_explore.explore.activation_results import ACTIVATION_METHODS
from fmq_explore.explore.activations import activation_view
from fmq_explore.flow import Cancelled
from fmq_explore.integer import calibrate_activations, integer_layers, quantize_activations
from fmq_explore.integer.recording import PERCENTS
from fmq_explore.measure import psnr, velocities, velocity_error
from fmq_explore.quantize.calibration import CALIBRATIONS

REQUEST = Request(model="digits", bits=3, steps=3, solver="euler", seed=2)
LABELS = torch.arange(32) % 10


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture(scope="module")
def view(workspace):
    return activation_view(REQUEST, workspace, Yardsticks())


def test_all_methods_and_all_layers_are_there(view) -> None:
    assert ACTIVATION_METHODS.keys() == CALIBRATIONS.keys() == view.costs.keys()
    assert view.scheme_costs.keys() == {"", *ACTIVATION_METHODS}
    assert view.layers.keys() == integer_layers(fmq.load_model("digits")).keys()
    assert (view.scheme, view.n, view.bits) == ("optimal", 32, 8)


def test_ranges_and_costs_are_those_of_the_library(view) -> None:
    model = fmq.load_model("digits")
    ranges = calibrate_activations(model, 32, 3, "euler", 2, LABELS, "mse")
    for name, layer in view.layers.items():
        chosen = ranges.inputs[name]
        assert layer.ranges["mse"] == (chosen.grid.low, chosen.grid.high)
        np.testing.assert_array_equal(layer.percentiles, chosen.seen.percentiles)
        assert layer.percentiles.shape == (3, len(PERCENTS))
    qm = fmq.quantize_model(model, "optimal", 3, codebook_dtype="float16")
    flow = fmq.sample(model, 32, 3, "euler", 2, LABELS, record=True)
    assert flow.path is not None
    truth = velocities(model, flow.path[:-1], flow.times[:-1], LABELS)
    for costs, weights in ((view.costs, model), (view.scheme_costs, qm.model)):
        network = quantize_activations(weights, ranges)
        error = velocity_error(truth, velocities(network, flow.path[:-1], flow.times[:-1], LABELS))
        samples = fmq.sample(network, 32, 3, "euler", 2, LABELS).samples
        assert costs["mse"].velocity_error == pytest.approx(error, rel=1e-3)
        assert costs["mse"].fidelity == pytest.approx(
            float(psnr(flow.samples, samples).mean()), abs=0.02
        )
        assert costs["mse"].figure == "PSNR"


def test_at_three_bits_weights_cost_more_than_activations_do(view) -> None:
    weights = view.scheme_costs[""].velocity_error
    assert view.costs["min_max"].velocity_error < weights / 3
    assert view.scheme_costs["min_max"].velocity_error == pytest.approx(weights, rel=0.1)


def test_another_scheme_measures_the_reference_no_second_time(workspace, view) -> None:
    done: list[float] = []
    again = activation_view(
        replace(REQUEST, scheme="uniform", layer="first.weight"),
        workspace,
        Yardsticks(),
        progress=done.append,
    )
    assert again.costs == view.costs  # the very records: they compare by their floats
    assert all(again.costs[m] is view.costs[m] for m in ACTIVATION_METHODS)
    assert again.scheme_costs[""] != view.scheme_costs[""]
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_full_precision_has_no_scheme_and_points_have_a_gap(workspace) -> None:
    points = activation_view(Request(model="moons", bits=None, steps=2), workspace, Yardsticks())
    assert (points.scheme, points.scheme_costs, points.n) == ("", {}, 500)
    assert points.costs["min_max"].figure == "RMS gap"
    assert points.costs["min_max"].fidelity < 0.1


@pytest.mark.parametrize("asked", [1, 8, 30])
def test_it_stops_wherever_it_is(asked: int) -> None:
    count = iter(range(1000))
    with pytest.raises(Cancelled):
        activation_view(
            REQUEST, Workspace(), Yardsticks(), should_stop=lambda: next(count) >= asked
        )
