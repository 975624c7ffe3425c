"""Panels draw the very numbers of the views they are given."""

import numpy as np
import pytest

from fmq_explore.explore import RESCUED, Request, Results, Workspace, explore
from fmq_explore.ui.panels import DistancePanel, SamplesPanel, TrajectoriesPanel, WeightsPanel
from fmq_explore.ui.panels.base import segments
from fmq_explore.ui.theme import MARKERS, SCHEME_COLOURS, SHORT_TITLES, palette

REQUEST = Request(model="moons", bits=2, scheme="optimal", compare="uniform", steps=3)


@pytest.fixture(scope="module")
def results() -> Results:
    return explore(REQUEST, Workspace())


def test_every_scheme_has_a_colour_a_marker_and_a_name() -> None:
    from fmq_explore.quantize import SCHEMES

    for known in (SCHEME_COLOURS, MARKERS, SHORT_TITLES):  # and what becomes of one
        assert set(known) == {*SCHEMES, RESCUED}
    for theme in ("light", "dark"):
        assert len(set(palette(theme).scheme.values())) == len(SCHEMES) + 1
    assert len(set(MARKERS.values())) == len(MARKERS)


@pytest.mark.parametrize(("theme", "background"), [("light", "#ffffff"), ("dark", "#182231")])
def test_colours_stand_out_from_their_card(theme: str, background: str) -> None:
    colours = palette(theme)
    for colour in (colours.text, colours.muted, colours.reference, *colours.scheme.values()):
        assert contrast(colour, background) >= 3.0, colour
    assert contrast(colours.text, background) >= 7.0
    assert contrast(colours.muted, background) >= 4.5


def contrast(a: str, b: str) -> float:
    """Contrast ratio of WCAG 2."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("mode", ["histogram", "transport"])
def test_weights_panel(results: Results, mode: str) -> None:
    panel = WeightsPanel()
    panel.mode.value = mode
    panel.build("light")
    panel.draw(results.weights)
    columns = panel.view._columns
    if mode == "histogram":
        assert np.array_equal(columns["bars"]["top"], results.weights.share)
        assert (columns["levels_b"]["y"] <= 0).all()
        assert len(columns["borders"]["x"]) == sum(
            len(c.borders) for c in (results.weights.primary, results.weights.compare)
        )
    else:
        gap = columns["area"]["y1"] - columns["area"]["y2"]
        n = len(results.weights.sorted_row)
        assert n <= 1000
        assert np.sqrt(np.mean(gap**2)) == pytest.approx(results.weights.primary.w2, rel=1e-6)
    assert "moons" not in panel.widget.note.value
    assert results.weights.layer in panel.widget.note.value


@pytest.mark.parametrize("mode", ["model", "layer", "layers"])
def test_distance_panel(results: Results, mode: str) -> None:
    chosen: list = []
    panel = DistancePanel(
        lambda name: chosen.append(name), lambda scheme, bits: chosen.append((scheme, bits))
    )
    panel.mode.value = mode
    panel.build("light")
    panel.draw(results.distance)
    view, columns = results.distance, panel.view._columns
    if mode == "layers":
        assert np.array_equal(columns["tensors"]["top"], view.layer_errors)
        panel._select("tensors", [1])
        assert chosen == [view.layers[1]]
    else:
        curves = view.model_curves if mode == "model" else view.layer_curves
        for scheme, curve in curves.items():
            assert np.array_equal(columns[f"curve_{scheme}"]["y"], curve[curve > 0])
        assert columns["marked"]["y"][0] == curves["optimal"][1]
        names = columns["names"]
        for x in set(names["x"]):
            places = np.sort(np.log(names["y"][names["x"] == x]))
            assert (np.diff(places) > 0).all()
        panel._select("curve_uniform", [4])
        panel._select("curve_minifloat", [0])  # which begins at 3 bits
        assert chosen == [("uniform", 5), ("minifloat", 3)]
    table = panel.table.value
    assert f"{view.primary.w2:.5f}" in table
    assert f"{view.compare.bits_per_weight:.2f}" in table


def test_samples_panel_draws_points_at_a_time(results: Results) -> None:
    panel = SamplesPanel()
    panel.build("dark")
    panel.draw(results.samples)
    for fraction, index in ((1.0, 3), (0.0, 0), (0.34, 1)):
        panel.draw_time(fraction)
        points = panel.clouds["a"]._columns["points"]
        expected = results.samples.primary.path[index].numpy()
        assert np.array_equal(np.stack([points["x"], points["y"]], 1), expected)
    assert "RMS gap" in panel.heads["a"].value
    panel.mode.value = "difference"
    panel.draw(results.samples)
    links = panel.clouds["a"]._columns["links"]
    assert len(links["x"]) == 3 * len(expected)


def test_images_become_bytes() -> None:
    import torch

    from fmq_explore.ui.panels.samples import _tiles

    images = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0]).reshape(5, 1, 1, 1).expand(5, 3, 2, 2)
    tiles = _tiles(images)
    assert tiles.shape == (5, 2, 2, 3)
    assert tiles.dtype == np.uint8
    assert tiles[:, 0, 0, 0].tolist() == [0, 0, 128, 255, 255]


def test_trajectories_panel(results: Results) -> None:
    panel = TrajectoriesPanel()
    panel.build("light")
    panel.draw(results.trace)
    columns = panel.gap._columns
    assert np.array_equal(columns["gap_a"]["gap"], results.trace.divergence["optimal"])
    assert np.array_equal(columns["gap_b"]["gap"], results.trace.divergence["uniform"])
    panel.draw_time(0.0)
    dots = panel.plane._columns["dots_reference"]
    panel_dots = np.stack([dots["x"], dots["y"]], 1)
    assert np.array_equal(panel_dots, results.trace.reference[0])
    assert panel.gap._properties["now"] == {"location": 0.0}


def test_paths_are_strung_with_gaps() -> None:
    paths = np.arange(12.0).reshape(3, 2, 2)
    line = segments(paths)
    assert np.isnan(line["x"]).tolist() == [False, False, False, True] * 2
    assert line["x"][:3].tolist() == paths[:, 0, 0].tolist()
    assert line["y"][4:7].tolist() == paths[:, 1, 1].tolist()
