"""The explorer app: state, controls and panels on one screen, fed by the headless explorer."""

__all__ = ["ExplorerApp", "explorer"]

from collections.abc import Callable
from html import escape
from threading import Thread
from typing import Any

import ipywidgets as w

from ..explore import UPLOAD, DistanceView, Failure, SamplesView, SensitivityView, Status
from .catalog import Catalog, ModelEntry, load_catalog, sweep_rows
from .controls import Controls
from .dialog import Dialog
from .guard import guarded, running_loop
from .header import Header
from .lesson_band import LessonBand
from .opening import TUTORIAL, Opening, open_named
from .page import Page
from .pages import MEASURED, VIEW_OF, Pages
from .query import query_string
from .state import REQUEST_NAMES, Choice
from .status import StatusBar
from .theme import LARGE
from .threads import wait_patiently
from .tutorials import TUTORIALS, tutorial_html

STAGE_OF = {
    DistanceView: "weights",
    SamplesView: "samples",
    SensitivityView: "sensitivity",
    **MEASURED,
}
"""The stage that has succeeded when a view comes."""


def explorer(query: str | None = None) -> w.Widget:
    """Returns the explorer, ready to be shown in Voila or JupyterLab.

    Args:
        query: A link's query string; by default the one of the page's own address, if it has one.
    """
    return ExplorerApp(query_string() if query is None else query).widget


class ExplorerApp:
    """One page: a control column, four panels, a time scrubber and a status bar.

    Args:
        query: A link's query string.
        start: Loads the library and answers at once; tests may hold that back.
    """

    def __init__(self, query: str = "", start: bool = True) -> None:
        self.choice = Choice()
        problems = self.choice.apply_query(query)
        self.status = StatusBar()
        self.controls = Controls(self.choice)
        self.pages = Pages(
            self.choice,
            self._choose_layer,
            self._choose_point,
            self._choose_budget,
            self._open_tutorial,
        )
        self.lessons = LessonBand(self.choice, self._open_tutorial)
        tooltips = self.controls.tooltips | self.pages.tooltips | self.lessons.tooltips
        self.page = Page(self._on_page, theme=self._theme(), tooltips=tooltips)
        self.header = Header(self.choice)
        self.dialog = Dialog(self.page.copy_text)
        self.opening = Opening(self.status, self._post, self._workspace, self._take_model)
        self.backend: Any = None
        self._catalog: Catalog | None = None
        self._loop = running_loop()
        self._large = False
        self._scheduled = False
        self.widget = self._arrange()
        self._observe()
        self._problems = problems
        self._tell_problems()
        self._show_time()
        if start:
            Thread(target=self._load, daemon=True, name="load").start()

    # Building

    def _arrange(self) -> w.Widget:
        body = w.HBox([self.controls.widget, self.pages.widget]).add_class("fmq-body")
        shown = [self.header.widget, self.lessons.widget, body, self.status.widget]
        boxes = [self.dialog.widget, self.opening.widget]
        return w.VBox([*shown, *boxes, self.page]).add_class("fmq-root")

    def _observe(self) -> None:
        choice, header = self.choice, self.header
        choice.observe(lambda _: self._schedule(), REQUEST_NAMES)
        choice.observe(lambda _: self._show_time(), "time")
        choice.observe(lambda _: self._build(), "theme")
        choice.observe(lambda change: self._change_view(change.name), tuple(VIEW_OF))
        choice.observe(lambda _: self._change_page(), "page")
        choice.observe(lambda _: self._show_query(), "lesson")
        header.reset.on_click(lambda _: self._reset())
        header.lessons.on_click(lambda _: self._open_lesson())
        header.code.on_click(lambda _: self._show_code())
        header.link.on_click(lambda _: self._copy_link())
        header.dark.on_click(lambda _: self._switch_theme())
        self.controls.open_file.on_click(lambda _: self.opening.show())
        self.opening.tutorial.on_click(lambda _: self._open_tutorial(TUTORIAL))

    # Loading: the page is up before torch is

    def _load(self) -> None:
        """Loads the library in a thread of its own, then hands over to the interface thread."""
        try:
            wait_patiently()
            catalog = load_catalog()
            from ..explore import Explorer, Yardsticks

            yardsticks = Yardsticks(sweep_rows)
            backend = Explorer(self._on_record, self._post, yardsticks=yardsticks)
            opened = open_named(catalog, backend.workspace, self.choice.model)
            self._post(lambda: self._start(opened[0], backend, *opened[1:]))
        except Exception as error:
            sentence = f"The library could not be loaded: {error}"
            self._post(lambda: self.status.fail(Failure("load", sentence)))

    @guarded
    def _start(
        self, catalog: Catalog, backend: Any, model: str | None = None, problem: str = ""
    ) -> None:
        if not catalog.models:
            raise FileNotFoundError(
                "No trained models were found; reinstall fmq_explore, or run fmq-explore train."
            )
        if model is not None:
            self.choice.model = model or Choice().model
        self._problems += [problem] if problem else []
        self._catalog, self.backend = catalog, backend
        self._problems += self.controls.fill(catalog)
        self._build()
        self._submit()
        self._tell_problems()

    def _tell_problems(self) -> None:
        """Says what was wrong with the link, until the next choice."""
        if self._problems:
            self.status.fail(Failure("choice", " ".join(self._problems)))

    def _workspace(self) -> Any:
        return None if self.backend is None else self.backend.workspace

    @guarded
    def _take_model(self, name: str, entry: ModelEntry) -> None:
        """Chooses a model that was opened; one of the same name is shown anew."""
        assert self._catalog is not None
        self._catalog = self._catalog.plus(name, entry)
        self.controls.fill(self._catalog)
        self.choice.model, self.choice.layer, self.choice.row = name, "", 0
        self.choice.budget = 0
        self._schedule()

    def _post(self, function: Callable[[], None]) -> None:
        if self._loop is None:
            function()
        else:
            self._loop.call_soon_threadsafe(function)

    # Computing

    def _schedule(self) -> None:
        """Submits once for all changes of one event."""
        if self._scheduled or self.backend is None:
            return
        self._scheduled = True
        self.status.clear("choice")
        if self._loop is None:
            self._submit()
        else:
            self._loop.call_soon(self._submit)

    @guarded
    def _submit(self) -> None:
        self._scheduled = False
        request = self.choice.request()
        self.status.begin()
        self.pages.begin()
        self.backend.submit(request, self.pages.measures)
        self.page.query = self.choice.query()

    @guarded
    def _on_record(self, record: Any) -> None:
        if isinstance(record, Status | Failure):
            self.status.show(record)
            return
        if isinstance(record, DistanceView):
            self.controls.set_layers(record.layers, record.layer)
        self.pages.draw(record)
        self.status.clear(STAGE_OF.get(type(record), ""))

    # Looking

    @guarded
    def _build(self) -> None:
        """Makes all figures anew in the chosen theme."""
        theme = self._theme()
        self.page.theme = theme
        self.pages.build(self._figures())

    @guarded
    def _change_view(self, name: str) -> None:
        self.pages.change_view(name, self._figures())
        if name == "distance_of" and self.pages.measures:
            self._schedule()
        self.page.query = self.choice.query()

    @guarded
    def _change_page(self) -> None:
        self.pages.show(self._figures())
        self.page.query = self.choice.query()
        self._schedule()

    @guarded
    def _show_time(self) -> None:
        self.pages.draw_time(self.choice.time)
        self.page.query = self.choice.query()

    def _show_query(self) -> None:
        self.page.query = self.choice.query()

    def _theme(self) -> str:
        return "light" if self.choice.theme == "auto" else str(self.choice.theme)

    def _figures(self) -> str:
        return self._theme() + (LARGE if self._large else "")

    # Listening

    @guarded
    def _on_page(self, event: dict[str, Any]) -> None:
        if event.get("event") == "hello":
            if event.get("large") != self._large:
                self._large = bool(event.get("large"))
                self._build()
            if event.get("dark") and self.choice.theme == "auto":
                self.choice.theme = "dark"
        elif event.get("event") == "bits":
            value = int(event["value"])
            self._choose_bits(None if value in (0, 9) else value)
        elif event.get("event") == "escape":
            self._escape()

    def _escape(self) -> None:
        """Closes what lies on top: a box, then the lesson."""
        if self.opening.is_open:
            self.opening.close()
        elif self.dialog.is_open:
            self.dialog.close()
        else:
            self.choice.lesson = ""

    @guarded
    def _choose_layer(self, name: str) -> None:
        self.choice.layer, self.choice.row = name, 0
        if self.choice.distance_of != "sensitivity":
            self.choice.distance_of = "layers"

    @guarded
    def _choose_point(self, scheme: str, bits: int) -> None:
        self.choice.scheme = scheme
        self._choose_bits(bits)

    def _choose_bits(self, bits: int | None) -> None:
        """Gives all tensors the same bits: that ends a budget."""
        self.choice.budget, self.choice.bits = 0, bits

    @guarded
    def _choose_budget(self, n_bytes: int) -> None:
        self.choice.budget = n_bytes

    @guarded
    def _reset(self) -> None:
        self.choice.reset()
        self.dialog.close()
        self.status.say("Every choice is back at its default.")

    @guarded
    def _switch_theme(self) -> None:
        self.choice.theme = "light" if self._theme() == "dark" else "dark"

    @guarded
    def _copy_link(self) -> None:
        self.page.copy_link(self.choice.query())
        self.status.say(
            "The link is on the clipboard, but this file was uploaded: it must be opened again."
            if self.choice.model.startswith(UPLOAD)
            else "The link is on the clipboard: it restores exactly this view."
        )

    @guarded
    def _show_code(self) -> None:
        code = self._code()
        self.dialog.open(f"<pre>{escape(code)}</pre>", code)

    @guarded
    def _open_lesson(self) -> None:
        if not self.choice.lesson:
            self.lessons.open()

    @guarded
    def _open_tutorial(self, name: str) -> None:
        tutorial = TUTORIALS[name]
        self.opening.close()
        self.dialog.open(tutorial_html(tutorial), tutorial.command)

    def _code(self) -> str:
        from ..explore import code_for, full_size

        request = self.choice.request()
        workspace = self.backend.workspace
        can_sample = workspace.can_sample(request.model)
        size = full_size(request, workspace) if can_sample else None
        classes = self._catalog.models[request.model].class_names if self._catalog else ()
        return code_for(request, size, len(classes) or None)
