"""The page of budgets without a browser: the slider, the bars, the way back to equal bits."""

import pytest

from fmq_explore.explore import FrontierPoint, Yardsticks
from fmq_explore.ui.app import ExplorerApp
from fmq_explore.ui.catalog import Catalog, load_catalog, sweep_rows
from fmq_explore.ui.panels.frontier_figure import drawn

from .test_app import started

QUERY = "model=moons&steps=2&page=budget&objective=error"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def app(catalog: Catalog) -> ExplorerApp:
    return started(QUERY, catalog)


def test_the_slider_stands_at_the_file_and_sets_a_budget(app: ExplorerApp) -> None:
    panel = app.pages.allocation
    assert set(panel._drawn.primary.bits) == {3}
    assert panel.slider.value > 0
    assert panel.equal.disabled
    panel.slider.value = 120
    assert app.choice.budget == panel._bytes(120)
    assert panel._drawn.budget == app.choice.budget
    assert panel._drawn.primary.n_bytes <= app.choice.budget
    assert panel.slider.value == 120
    assert f"budget={app.choice.budget}" in app.page.query
    assert not panel.equal.disabled
    panel.equal.click()
    assert app.choice.budget == 0
    assert set(panel._drawn.primary.bits) == {3}


def test_a_link_restores_a_budget_to_the_byte(app: ExplorerApp, catalog: Catalog) -> None:
    app.choice.budget = 23_457
    twin = started(app.choice.query(), catalog)
    assert twin.choice.budget == 23_457
    assert twin.pages.allocation.slider.value == app.pages.allocation.slider.value
    shown = [a.pages.allocation._drawn.primary.bits.tolist() for a in (app, twin)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("by", ["slider", "key", "point", "button", "model"])
def test_what_is_set_by_hand_ends_a_budget(app: ExplorerApp, by: str) -> None:
    app.choice.budget = 25_000
    assert app.controls.budget_line.layout.display is None
    if by == "slider":
        app.controls.bits.value = 5
    elif by == "key":
        app._on_page({"event": "bits", "value": 3})
    elif by == "point":
        app._choose_point("uniform", 4)
    elif by == "button":
        app.controls.equal_bits.click()
    else:
        app.controls.model.value = "gaussians"
    assert app.choice.budget == 0
    assert app.controls.budget_line.layout.display == "none"


def test_a_bar_chooses_a_tensor_and_stays_on_the_page(app: ExplorerApp) -> None:
    app.pages.allocation._select("shares", [2])
    assert app.choice.layer == app.pages.allocation._drawn.layers[2]
    assert app.choice.page == "budget"


def test_a_budget_that_is_too_small_is_said_and_can_be_left(catalog: Catalog) -> None:
    app = started(QUERY + "&budget=500", catalog)
    panel = app.pages.allocation
    assert "smallest file" in panel.widget.note.value
    assert "smallest file" in app.status.widget.value
    panel.slider.value = 200
    assert panel._drawn.primary is not None
    assert "fmq-failed" not in app.status.widget.value


def test_the_objective_is_a_switch(app: ExplorerApp) -> None:
    app.choice.budget = 25_000
    before = app.pages.allocation._drawn.primary.bits.tolist()
    app.pages.allocation.objective.value = "sensitivity"
    assert app.choice.objective == "sensitivity"
    assert app.pages.allocation._drawn.objective == "sensitivity"
    assert app.pages.allocation._drawn.primary.bits.tolist() != before
    app.choice.objective = "error"
    assert app.pages.allocation.objective.value == "error"
    assert app.pages.allocation._drawn.primary.bits.tolist() == before


def test_a_point_of_the_frontier_loads_its_configuration(app: ExplorerApp) -> None:
    """The rows of another model are lent to this one, which is quicker to run."""
    rows = [{**row, "model": "moons"} for row in sweep_rows() if row["model"] == "digits"]
    explorer = app.backend._explorer
    explorer.yardsticks = Yardsticks(lambda: rows)
    app.choice.frontier_of = "relative_error"
    app._submit()
    panel = app.pages.frontier
    wanted = ("tensor", "uniform", 4)
    (point,) = [p for p in panel._drawn.points if (p.granularity, p.scheme, p.bits) == wanted]
    at = drawn(panel._drawn, "relative_error").index(panel._drawn.points.index(point))
    panel._select("points", [0, at])
    choice = app.choice
    assert (choice.granularity, choice.scheme, choice.bits) == wanted
    assert (choice.budget, choice.rescue) == (0, "")
    (ring,) = panel._rings("relative_error")
    assert ring.n_bytes == app.pages.distance._drawn.primary.n_bytes


def test_a_point_with_a_budget_brings_it_along(app: ExplorerApp) -> None:
    point = FrontierPoint(
        "optimal", "tensor", None, 0, 21_000, "error", "", "float16", ("bias", "norm"), 1, 1.0, {}
    )
    app.choice.bits = None
    app._choose_configuration(point)
    assert (app.choice.budget, app.choice.objective) == (21_000, "error")
    assert app.choice.bits == 3, "full precision has no budget"
    assert app.pages.allocation._drawn.primary.n_bytes <= 21_000


def test_the_measure_travels_in_the_link_and_rings_follow(app: ExplorerApp) -> None:
    panel = app.pages.frontier
    assert panel._rings("psnr") == [], "points have no PSNR"
    panel.mode.value = "relative_error"
    assert "frontier_of=relative_error" in app.page.query
    (ring,) = panel._rings("relative_error")
    assert ring.value == app.pages.distance._drawn.primary.relative_error
    assert "Nothing was measured" in panel.widget.note.value
    app.choice.bits = None
    assert panel._rings("relative_error") == []
