"""The activation panel: the library's ranges as lines, one column a method, and clear sentences."""

import numpy as np
import pytest

from fmq_explore.explore import ACTIVATION_METHODS, ActivationCost, ActivationView, LayerActivations
from fmq_explore.ui.panels import ActivationsPanel
from fmq_explore.ui.state import Choice

STEPS = 3


def layer(scale: float) -> LayerActivations:
    high = scale * np.array([1.0, 2.0, 4.0])
    shares = np.array([-0.2, -0.1, 0.0, 0.5, 0.8])
    return LayerActivations(
        minimum=-0.3 * high,
        maximum=high,
        percentiles=high[:, None] * shares,
        rms=0.4 * high,
        ranges={m: (-scale * i, 4 * scale / i) for i, m in enumerate(ACTIVATION_METHODS, 1)},
    )


def view(scheme: str = "optimal", figure: str = "PSNR") -> ActivationView:
    costs = {
        m: ActivationCost(0.01 * i, figure, 40.0 - i) for i, m in enumerate(ACTIVATION_METHODS)
    }
    beside = {m: ActivationCost(0.2, figure, 20.0) for m in ("", *ACTIVATION_METHODS)}
    return ActivationView(
        times=(np.arange(STEPS) + 0.5) / STEPS,
        layers={"first": layer(1.0), "down.conv1": layer(10.0)},
        costs=costs,
        scheme=scheme,
        scheme_costs=beside if scheme else {},
        bits=8,
        n=32,
    )


@pytest.fixture
def panel() -> ActivationsPanel:
    made = ActivationsPanel()
    made.show_layer("first.weight")
    made.build("light")
    made.draw(view())
    return made


def test_bands_hold_their_value_over_each_step(panel) -> None:
    band = panel.view._columns["band all values"]
    np.testing.assert_allclose(band["t"], [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert band["high"].tolist() == [1, 1, 2, 2, 4, 4]
    inner = panel.view._columns["band 98 %"]["high"]
    assert inner.tolist() == [0.5, 0.5, 1, 1, 2, 2]


@pytest.mark.parametrize("method", ACTIVATION_METHODS)
def test_dashes_are_the_range_of_the_chosen_method(panel, method: str) -> None:
    panel.mode.value = method
    panel.build("dark")
    low, high = view().layers["first"].ranges[method]
    assert np.unique(panel.view._columns["range"]["y"][[0, 1, 3, 4]]).tolist() == [low, high]
    limits = panel.view._properties["value"]
    assert limits["start"] < -4 < 4 < limits["end"]  # room for every method: nothing jumps


def test_the_tensor_on_show_chooses_the_layer(panel) -> None:
    panel.show_layer("down.conv1.weight")
    assert "down.conv1" in panel.widget.note.value
    assert panel.view._columns["band all values"]["high"].max() == 40
    panel.show_layer("condition.classes.weight")
    assert "no convolution or linear layer" in panel.widget.note.value
    assert panel.view.layout.visibility == "hidden"
    panel.show_layer("first.weight")
    assert panel.view.layout.visibility != "hidden"


def test_the_table_has_a_column_for_every_method_and_sets_off_the_chosen_one(panel) -> None:
    table = panel.table.value
    assert table.count("<tr>") == 4
    assert all(title in table for title in ("float", *ACTIVATION_METHODS.values()))
    assert table.count("fmq-chosen") == 4
    assert "PSNR (dB), OT exact" in table
    assert "3.0%" in table


def test_without_weights_of_a_scheme_and_for_points_the_table_has_two_lines(panel) -> None:
    panel.draw(view(scheme="", figure="RMS gap"))
    assert panel.table.value.count("<tr>") == 3
    assert "RMS gap, float weights" in panel.table.value
    assert "dB" not in panel.table.value


def test_the_method_travels_in_the_link() -> None:
    choice = Choice(calibration="entropy")
    assert choice.query() == "calibration=entropy"
    again = Choice()
    assert not again.apply_query(choice.query())
    assert again.calibration == "entropy"
    assert again.apply_query("calibration=best")
