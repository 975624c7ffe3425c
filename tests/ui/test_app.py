"""The app without a browser: every choice reaches every panel, and no error stays unseen."""

import pytest

from fmq_explore.explore import Explorer
from fmq_explore.ui.app import ExplorerApp
from fmq_explore.ui.catalog import Catalog, load_catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


class Waiting:
    """A backend whose answers are complete when submit returns."""

    def __init__(self, listener) -> None:
        self._explorer = Explorer(listener, idle_seconds=None)
        self.workspace = self._explorer.workspace

    def submit(self, request, measures=()) -> None:
        self._explorer.submit(request, measures).result(timeout=120)


@pytest.fixture
def app(catalog: Catalog) -> ExplorerApp:
    return started("model=moons&steps=3", catalog)


def started(query: str, catalog: Catalog) -> ExplorerApp:
    made = ExplorerApp(query, start=False)
    made._loop = None
    made._start(catalog, Waiting(made._on_record))
    return made


def test_every_panel_shows_the_first_request(app: ExplorerApp) -> None:
    assert "fmq-failed" not in app.status.widget.value
    assert app.pages.weights._drawn
    assert app.pages.distance._drawn
    assert app.pages.samples._drawn
    assert app.pages.trajectories._drawn
    assert app.page.query == "model=moons&steps=3"


def test_a_slider_changes_every_panel(app: ExplorerApp) -> None:
    panels = (app.pages.weights, app.pages.distance, app.pages.samples, app.pages.trajectories)
    before = [panel._drawn for panel in panels]
    app.controls.bits.value = 6
    assert all(panel._drawn is not old for panel, old in zip(panels, before, strict=True))
    assert app.pages.distance._drawn.primary.label_bits == 6
    assert "bits=6" in app.page.query


def test_a_digit_key_sets_the_bits(app: ExplorerApp) -> None:
    app._on_page({"event": "bits", "value": 2})
    assert app.controls.bits.value == 2
    app._on_page({"event": "bits", "value": 0})
    assert app.choice.bits is None


def test_a_bar_chooses_a_tensor(app: ExplorerApp) -> None:
    app.choice.distance_of = "layers"
    name = app.pages.distance._drawn.layers[1]
    app.pages.distance._select("tensors", [1])
    assert app.choice.layer == name == app.pages.weights._drawn.layer == app.controls.layer.value


def test_the_scrubber_moves_samples_and_paths(app: ExplorerApp) -> None:
    app.pages.scrubber.slider.value = 0
    assert app.choice.time == 0.0
    assert app.pages.samples._fraction == app.pages.trajectories._fraction == 0.0
    app.choice.steps = 8
    assert app.pages.scrubber.slider.max == 8
    assert app.pages.scrubber.slider.value == 0


def test_a_link_restores_the_view(app: ExplorerApp, catalog: Catalog) -> None:
    app.choice.scheme, app.choice.bits, app.choice.weights_as = "piecewise", 5, "transport"
    app.choice.time = 1 / 3
    twin = started(app.choice.query(), catalog)
    assert twin.choice.request() == app.choice.request()
    assert twin.pages.weights.mode.value == "transport"
    assert twin.pages.distance._drawn.primary == app.pages.distance._drawn.primary
    assert twin.pages.scrubber.slider.value == app.pages.scrubber.slider.value


def test_a_broken_link_is_one_sentence(catalog: Catalog) -> None:
    app = ExplorerApp("bits=77", start=False)
    assert "fmq-failed" in app.status.widget.value
    assert "bits is 77" in app.status.widget.value


def test_an_error_in_a_callback_is_seen_and_the_app_lives_on(app: ExplorerApp, monkeypatch) -> None:
    def fail(*_) -> None:
        raise RuntimeError("no such luck\nsecond line")

    monkeypatch.setattr(app.pages.distance, "draw", fail)
    app.controls.bits.value = 7
    assert "no such luck" in app.status.widget.value
    assert "second" not in app.status.widget.value
    monkeypatch.undo()
    app.controls.bits.value = 4
    assert app.pages.distance._drawn.primary.label_bits == 4


def test_code_link_reset_and_theme(app: ExplorerApp) -> None:
    app.header.code.click()
    assert app.dialog.widget.layout.display is None
    assert "load_model" in app.dialog.text.value
    app.dialog.close_button.click()
    assert app.dialog.widget.layout.display == "none"
    app.header.dark.click()
    assert app.page.theme == "dark"
    assert app.choice.theme == "dark"
    app.choice.bits = 8
    app.header.reset.click()
    assert app.choice.bits == 3
    assert app.choice.theme == "dark"


def test_a_panel_names_its_tutorial(app: ExplorerApp) -> None:
    app.pages.trajectories.widget.tutorial.click()
    assert app.dialog.widget.layout.display is None
    assert "jupyter lab notebooks/02_flow_matching.ipynb" in app.dialog.text.value
    app.dialog.close_button.click()
    assert app.dialog.widget.layout.display == "none"


def test_a_system_in_the_dark_is_followed(app: ExplorerApp) -> None:
    app._on_page({"event": "hello", "dark": True})
    assert app.page.theme == "dark"
