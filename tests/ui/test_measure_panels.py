"""The panels of the second page draw the very numbers of the views they are given."""

import numpy as np
import pytest
import torch

from fmq_explore.explore import (
    MEASURES,
    BoundView,
    LatentSet,
    LatentView,
    LivePoint,
    QualityLine,
    QualityView,
)
from fmq_explore.measure import Estimate
from fmq_explore.quantize import SCHEMES
from fmq_explore.ui.panels import BoundsPanel, LatentsPanel, QualityPanel
from fmq_explore.ui.panels.frame import Frame, place_names

BITS = np.arange(2.0, 9.0)


def quality_view(**changes) -> QualityView:
    values = {name: np.linspace(1, 7, 7) * (i + 1) for i, name in enumerate(SCHEMES)}
    lines = {s: QualityLine(BITS, BITS * 1.5, v, v - 0.1, v + 0.1) for s, v in values.items()}
    estimates = {name: Estimate(0.5, 0.4, 0.7) for name in MEASURES}
    plain = {name: Estimate(0.6, 0.5, 0.8) for name in ("fd", "kid", "swd", "readability")}
    fields = {
        "lines": dict.fromkeys(MEASURES, lines),
        "reference": {"fd": (0.3, 0.2, 0.4)},
        "live": (LivePoint("optimal", 3.0, 4.9, estimates),),
        "live_reference": LivePoint("", 32.0, 32.0, plain),
        "n_live": 64,
        "sweep": "n = 128, 6 steps, 3 seeds",
    }
    return QualityView(**fields | changes)


def shown(measure: str, by: str = "label", **changes) -> QualityPanel:
    panel = QualityPanel()
    panel.mode.value, panel.by.value = measure, by
    panel.build("light")
    panel.draw(quality_view(**changes))
    return panel


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("by", ["label", "true"])
def test_lines_and_ring_are_the_views(measure: str, by: str) -> None:
    panel = shown(measure, by)
    columns, view = panel.view._columns, quality_view()
    for scheme, line in view.lines[measure].items():
        drawn = columns[f"line_{scheme}"]
        assert np.array_equal(drawn["y"], line.value)
        assert np.array_equal(drawn["x"], line.bits if by == "label" else line.true_bits)
    live = columns["live"]
    assert (live["x"][0], live["y"][0]) == (3.0 if by == "label" else 4.9, 0.5)
    limits = panel.view._properties
    assert limits["bits"]["start"] < live["x"][0] < limits["bits"]["end"]
    assert limits["figure"]["start"] < live["y"][0] < limits["figure"]["end"]
    assert (columns["names"]["x"] < limits["bits"]["end"]).all()


def test_fidelity_and_quality_are_never_mixed() -> None:
    for name, measure in MEASURES.items():
        words = shown(name).widget.note.value
        other = {"fidelity": "quality", "quality": "fidelity"}[measure.against]
        assert f"<b>{measure.against}</b>" in words
        assert other not in words
        assert "64 samples" in words
        assert "n = 128, 6 steps, 3 seeds" in words
        against = {"fidelity": "the full-precision model's samples", "quality": "to data"}
        assert against[measure.against] in words


def test_the_reference_is_a_band_and_the_samples_own_is_dashed() -> None:
    properties = shown("fd").view._properties
    assert (properties["band"]["bottom"], properties["band"]["top"]) == (0.2, 0.4)
    assert properties["mean"]["location"] == 0.3
    assert properties["now"]["location"] == 0.6
    assert not shown("psnr").view._properties["now"]["visible"]


def test_a_missing_measure_and_a_missing_sweep_are_sentences() -> None:
    remarks = {"sweep": "The shipped sweep has no lines for this model.", "fd": "No reader."}
    panel = shown("fd", lines={}, remarks=remarks)
    assert "No reader." in panel.widget.note.value
    assert "no lines for this model" in shown("psnr", lines={}, remarks=remarks).widget.note.value


def test_a_value_below_zero_stays_on_a_logarithmic_axis() -> None:
    low = LivePoint("optimal", 3.0, 4.9, {"kid": Estimate(-0.01, -0.02, 0.01)})
    panel = shown("kid", live=(low,))
    foot = panel.view._properties["figure"]["start"]
    assert panel.view._columns["live"]["y"][0] == foot > 0
    assert "−0.010" in panel.now.value
    assert "at the foot" not in panel.widget.note.value
    below = QualityLine(BITS, BITS, BITS - 5, BITS, BITS)
    lines = {"kid": {"optimal": below}}
    assert "at the foot: zero or below" in shown("kid", lines=lines).widget.note.value


@pytest.mark.parametrize(("log_x", "log_y"), [(False, False), (True, True), (False, True)])
def test_names_stand_at_their_lines_and_apart(log_x: bool, log_y: bool) -> None:
    frame = Frame({"start": 1.0, "end": 30.0}, {"start": 0.1, "end": 100.0}, log_x, log_y)
    ends = [(8.0, 9.0), (8.0, 10.0), (25.0, 9.5), (8.0, 11.0)]
    x, y = place_names(ends, frame, 0.06)
    shares = [frame.share_y(v) for v in y]
    near = sorted(shares[i] for i in (0, 1, 3))
    assert np.diff(near).min() >= 0.06 - 1e-9
    assert shares[2] == pytest.approx(frame.share_y(9.5))
    assert (x > [8.0, 8.0, 25.0, 8.0]).all()
    assert frame.x_of(frame.share_x(7.0)) == pytest.approx(7.0)


def latent_set(scheme: str, shift: float, drift: float | None) -> LatentSet:
    points = np.stack([np.linspace(-2, 2, 64), np.linspace(1, -1, 64)], 1) + shift
    return LatentSet(scheme, points, np.full(20, 1.0 + shift), 1.25, 0.031, drift)


def test_latents_are_points_joined_in_pairs() -> None:
    panel = LatentsPanel()
    panel.build("dark")
    reference, primary = latent_set("", 0.0, None), latent_set("optimal", 0.5, 0.125)
    panel.draw(LatentView(reference, primary, None, 64))
    columns = panel.plane._columns
    assert np.array_equal(columns["points_a"]["x"], primary.points[:, 0])
    links = columns["links_a"]["y"].reshape(64, 3)
    assert np.array_equal(links[:, 0], reference.points[:, 1])
    assert np.array_equal(links[:, 1], primary.points[:, 1])
    assert np.isnan(links[:, 2]).all()
    assert columns["points_b"]["x"].size == 0
    assert np.array_equal(panel.axes._columns["variance_a"]["y"], primary.variance)
    reach = panel.plane._properties
    assert reach["x"] == reach["y"], "circles would not be round"
    for text in ("0.125", "1.250", "+0.031", "–"):
        assert text in panel.table.value


class Found:
    """Bounds of four times, the last of them beyond all measure."""

    times = torch.linspace(0, 1, 5)
    gap_over_t = torch.tensor([0.0, 0.1, 0.2, 0.4, 0.8])
    bound_log_norm_over_t = gap_over_t * 2
    bound_discrete_over_t = gap_over_t * 3
    bound_field_over_t = gap_over_t * 10
    bound_weights_over_t = torch.tensor([0.0, 1e2, 1e9, 1e300, torch.inf], dtype=torch.float64)
    lipschitz_x, log_norm, lipschitz_theta, weight_error = 11.5, -0.25, 73.0, 5.15


def test_bounds_are_drawn_beside_the_gap_and_called_estimates() -> None:
    panel = BoundsPanel()
    panel.build("light")
    panel.draw(BoundView("optimal", Found(), 16))  # type: ignore[arg-type]
    columns, limits = panel.view._columns, panel.view._properties["distance"]
    assert columns["bound_gap"]["y"].tolist() == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert columns["bound_weights"]["y"].tolist() == [1e2, 1e9]
    assert limits["end"] / limits["start"] <= 10**12 * 1.01
    assert "measured gap 0.8" in columns["names"]["text"]
    assert "estimate" in panel.legend.value
    for text in ("11.5", "-0.25", "73", "5.15"):
        assert text in panel.constants.value
    panel.draw(BoundView("", None, 16))
    assert "no gap" in panel.widget.note.value
    assert panel.view._columns["bound_gap"]["y"].size == 0


def test_a_panel_says_that_it_is_measured_until_it_is_there() -> None:
    panel = QualityPanel()
    panel.widget.wait()
    assert "measuring …" in panel.widget.note.value
    panel.build("light")
    panel.draw(quality_view())
    assert "measuring" not in panel.widget.note.value
    note = panel.widget.note.value
    panel.widget.wait()  # anew: what is on show is dimmed, and keeps its note
    assert panel.widget.note.value == note
    assert "fmq-stale" in panel.widget._dom_classes
