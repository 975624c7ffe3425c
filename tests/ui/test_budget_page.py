"""The page of budgets without a browser: the slider, the bars, the way back to equal bits."""

import pytest

from fmq_explore.ui.app import ExplorerApp
from fmq_explore.ui.catalog import Catalog, load_catalog

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
