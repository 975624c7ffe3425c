"""The hardware app and the explorer's line of chips, without a browser."""

import re
from dataclasses import replace

import pytest

from fmq_explore.explore import ChipChoice, Explorer, HardwareExplorer, Request, Workspace
from fmq_explore.explore.hardware import hardware_view
from fmq_explore.hardware import KINDS, available_devices
from fmq_explore.ui.app import ExplorerApp
from fmq_explore.ui.catalog import load_catalog
from fmq_explore.ui.hardware_app import HardwareApp
from fmq_explore.ui.hardware_summary import file_card, memory_card, work_card
from fmq_explore.ui.hardware_table import hardware_table, legend
from fmq_explore.ui.links import open_app
from fmq_explore.ui.strip import strip_html

QUERY = "model=digits&scheme=symmetric&bits=4&steps=3"


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


class Waiting:
    """A backend whose answers are complete when it returns."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer, self.workspace = explorer, explorer.workspace

    def ask(self, request, chips) -> None:
        self._explorer.ask(request, chips).result(timeout=60)

    def submit(self, request, measures=()) -> None:
        self._explorer.submit(request, measures).result(timeout=60)


def started(query: str, workspace: Workspace) -> HardwareApp:
    app = HardwareApp(query, start=False)
    app._loop = None
    app._start(load_catalog(), Waiting(HardwareExplorer(app._on_record, workspace=workspace)))
    return app


def view_of(app: HardwareApp, workspace: Workspace):
    return hardware_view(app.choice.request(), workspace, app.choice.chips())


def test_every_chip_has_a_line(workspace: Workspace) -> None:
    app = started(QUERY, workspace)
    assert "fmq-failed" not in app.status.widget.value
    for chip in available_devices().values():
        assert f"<b>{chip.title}</b>" in app.table.value
    assert app.table.value == hardware_table(view_of(app, workspace))


def test_every_control_changes_the_table(workspace: Workspace) -> None:
    app = started(QUERY, workspace)
    changes = {
        app.controls.bits: 3,
        app.controls.scheme: "optimal",
        app.controls.decode_cycles: 30.0,
        app.controls.runtime_kib: 256,
        app.controls.activation_bits: 32,
        app.controls.steps: 20,
        app.controls.solver: "heun",
    }
    for control, value in changes.items():
        before = app.table.value
        control.value = value
        assert app.table.value != before, f"{control.description} changes nothing"
        assert app.table.value == hardware_table(view_of(app, workspace))
    assert app.choice.chips() == ChipChoice(32, 30.0, 256)


def test_a_link_restores_the_app_and_leads_to_the_explorer(workspace: Workspace) -> None:
    app = started(QUERY + "&decode_cycles=12&runtime_kib=128&activation_bits=32", workspace)
    assert app.page.query.startswith("app=hardware&")
    twin = started(app.page.query, workspace)
    assert twin.choice.request() == app.choice.request()
    assert twin.choice.chips() == app.choice.chips() == ChipChoice(32, 12.0, 128)
    assert twin.table.value == app.table.value
    found = re.search(r'href="\?([^"]*)"', app.header.explorer.value)
    assert found is not None
    query = found[1].replace("&amp;", "&")
    explorer = ExplorerApp(query, start=False)
    assert explorer.choice.request() == app.choice.request()
    assert explorer.choice.query().startswith("app=explorer&")  # a reload must not lead back


def test_any_page_opens_the_app_that_a_link_asks_for(monkeypatch) -> None:
    made = []
    for module, name in (("app", "ExplorerApp"), ("hardware_app", "HardwareApp")):

        def make(query, name=name):
            made.append((name, query))
            return type("App", (), {"widget": None})

        monkeypatch.setattr(f"fmq_explore.ui.{module}.{name}", make)
    open_app("explorer", "bits=2")
    open_app("explorer", "app=hardware&bits=2")
    open_app("hardware", "")
    open_app("hardware", "?app=explorer")
    assert [name for name, _ in made] == [
        "ExplorerApp",
        "HardwareApp",
        "HardwareApp",
        "ExplorerApp",
    ]


def test_a_wrong_link_is_one_sentence() -> None:
    app = HardwareApp("activation_bits=5&decode_cycles=-2", start=False)
    assert "activation_bits is 5" in app.status.widget.value
    assert "decode_cycles is -2" in app.status.widget.value
    assert app.choice.chips() == ChipChoice()


def test_reset_theme_and_code(workspace: Workspace) -> None:
    app = started(QUERY + "&runtime_kib=0", workspace)
    app.header.dark.click()
    assert app.page.theme == "dark"
    names: dict = {}
    app.header.code.click()
    assert "assess_all(qm, plan)" in app.dialog.text.value
    exec(app._code(), names)
    assert names["plan"] == view_of(app, workspace).plan
    assert names["qm"].n_bytes == view_of(app, workspace).weights.n_bytes
    app.backend = None  # nothing need be computed for the defaults
    app.header.reset.click()
    assert app.choice.chips() == ChipChoice()
    assert app.choice.request().bits == 3


def test_the_cards_say_what_the_view_holds(workspace: Workspace) -> None:
    app = started(QUERY, workspace)
    view = view_of(app, workspace)
    assert f"{view.weights.bits_per_weight:.2f}" in file_card(view)
    assert view.peak[0] in memory_card(view)
    assert f">{view.plan.n_evaluations}<" in work_card(view)
    assert all(kind in legend(view) for kind in KINDS)
    assert [card.value for card in app.cards] == [
        file_card(view),
        memory_card(view),
        work_card(view),
    ]


def test_what_is_not_published_is_said(workspace: Workspace) -> None:
    app = started(QUERY, workspace)
    view = view_of(app, workspace)
    missing = [one for a in view.assessments for one in (a.latency, a.energy) if one.value is None]
    assert app.table.value.count("not published</span>") == len(missing) > 0
    n_marks = len(re.findall(r'class="fmq-kind', app.table.value))
    assert n_marks == 2 * len(view.assessments)


def test_the_explorer_shows_the_line_of_chips(workspace: Workspace) -> None:
    app = ExplorerApp("model=moons&bits=4&steps=2", start=False)
    app._loop = None
    backend = Explorer(app._on_record, workspace=workspace, idle_seconds=None)
    app._start(load_catalog(), Waiting(backend))
    view = hardware_view(app.choice.request(), workspace)
    assert app.strip.widget.value == strip_html(view, app.choice.hardware_query())
    assert f"fits <b>{view.n_fitting}</b> of 16 chips" in app.strip.widget.value
    before = app.strip.widget.value
    app.controls.bits.value = 8
    assert app.strip.widget.value != before
    assert "bits=8" in app.strip.widget.value


def test_a_second_scheme_and_a_rescue_do_not_travel_to_the_chips() -> None:
    app = ExplorerApp(QUERY + "&compare=optimal&rescue=levels&theme=dark", start=False)
    request = app.choice.request()
    assert app.choice.hardware_query() == (
        f"app=hardware&{replace(request, compare='', rescue='').query()}&theme=dark"
    )


def test_the_line_names_who_is_too_small(workspace: Workspace) -> None:
    view = hardware_view(Request(model="cifar10", bits=None), workspace)
    text = strip_html(view, "app=hardware")
    assert "STM32F746 lacks 5.6 MiB flash and 61 KiB SRAM" in text
    assert "float32 activations" in text
