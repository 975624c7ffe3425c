"""The explorer app: state, controls and panels on one screen, fed by the headless explorer."""

__all__ = ["ExplorerApp", "explorer"]

import asyncio
from collections.abc import Callable
from functools import wraps
from html import escape
from threading import Thread
from typing import Any

import ipywidgets as w

from ..explore import DistanceView, Failure, SamplesView, Status, TraceView, WeightsView
from .catalog import Catalog, load_catalog
from .controls import Controls
from .page import Page
from .panels import DistancePanel, SamplesPanel, TrajectoriesPanel, WeightsPanel
from .query import query_string
from .scrubber import Scrubber
from .state import REQUEST_NAMES, Choice
from .status import StatusBar
from .theme import LARGE
from .threads import wait_patiently

HEADLINE = (
    "<h1>fmq<span>explore</span></h1><p>see what quantization does to a flow-matching model</p>"
)


def explorer(query: str | None = None) -> w.Widget:
    """Returns the explorer, ready to be shown in Voila or JupyterLab.

    Args:
        query: A link's query string; by default the one of the page's own address, if it has one.
    """
    return ExplorerApp(query_string() if query is None else query).widget


def guarded(method: Callable) -> Callable:
    """Shows an exception of a callback as one sentence; Voila would hide it."""

    @wraps(method)
    def call(self: "ExplorerApp", *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            text = str(error).strip() or repr(error)
            self.status.fail(Failure("choice", text.splitlines()[0]))
            return None

    return call


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
        tooltips = self.controls.tooltips
        self.page = Page(self._on_page, theme=self._theme(), tooltips=tooltips)
        self.weights = WeightsPanel()
        self.distance = DistancePanel(self._choose_layer, self._choose_point)
        self.samples = SamplesPanel()
        self.trajectories = TrajectoriesPanel()
        self.scrubber = Scrubber(self.choice)
        self.backend: Any = None
        self._catalog: Catalog | None = None
        self._loop = _running_loop()
        self._large = False
        self._scheduled = False
        self._make_tools()
        self.widget = self._arrange()
        self._observe()
        self._problems = problems
        self._tell_problems()
        self._show_time()
        if start:
            Thread(target=self._load, daemon=True, name="load").start()

    # Building

    def _make_tools(self) -> None:
        self.reset = _button("reset", "Returns every choice to its default.")
        self.code = _button("code", "Shows the Python that gives this very result.")
        self.link = _button("copy link", "Copies an address that restores exactly this view.")
        self.dark = _button("light / dark", "Switches between the light and the dark theme.")
        self.code_text = w.HTML().add_class("fmq-code-text")
        self.copy_code = _button("copy", "Copies the code.")
        self.close_code = _button("close", "Closes the code.")
        buttons = w.HBox([self.copy_code, self.close_code])
        self.dialog = w.VBox([buttons, self.code_text]).add_class("fmq-dialog")
        self.dialog.layout.display = "none"

    def _arrange(self) -> w.Widget:
        title = w.HTML(HEADLINE).add_class("fmq-headline")
        tools = w.HBox([self.code, self.link, self.reset, self.dark]).add_class("fmq-tools")
        head = w.HBox([title, tools]).add_class("fmq-head")
        panels = w.Box(
            [
                self.weights.widget,
                self.distance.widget,
                self.samples.widget,
                self.trajectories.widget,
            ]
        ).add_class("fmq-panels")
        main = w.VBox([panels, self.scrubber.widget]).add_class("fmq-main")
        body = w.HBox([self.controls.widget, main]).add_class("fmq-body")
        root = w.VBox([head, body, self.status.widget, self.dialog, self.page])
        return root.add_class("fmq-root")

    def _observe(self) -> None:
        choice = self.choice
        choice.observe(lambda _: self._schedule(), REQUEST_NAMES)
        choice.observe(lambda _: self._show_time(), "time")
        choice.observe(lambda _: self._build(), "theme")
        views = {
            "weights_as": self.weights,
            "distance_of": self.distance,
            "samples_as": self.samples,
        }
        for name, panel in views.items():
            panel.mode.value = getattr(choice, name)
            panel.mode.observe(lambda change, n=name: setattr(choice, n, change.new), "value")
            choice.observe(lambda change, p=panel: self._change_view(p, change.new), name)
        self.weights.row.observe(lambda change: setattr(choice, "row", change.new - 1), "value")
        self.reset.on_click(lambda _: self._reset())
        self.code.on_click(lambda _: self._show_code())
        self.copy_code.on_click(lambda _: self.page.copy_text(self._code()))
        self.close_code.on_click(lambda _: self._close_code())
        self.link.on_click(lambda _: self._copy_link())
        self.dark.on_click(lambda _: self._switch_theme())

    # Loading: the page is up before torch is

    def _load(self) -> None:
        """Loads the library in a thread of its own, then hands over to the interface thread."""
        try:
            wait_patiently()
            catalog = load_catalog()
            from ..explore.explorer import Explorer

            backend = Explorer(self._on_record, self._post)
            self._post(lambda: self._start(catalog, backend))
        except Exception as error:
            sentence = f"The library could not be loaded: {error}"
            self._post(lambda: self.status.fail(Failure("load", sentence)))

    @guarded
    def _start(self, catalog: Catalog, backend: Any) -> None:
        if not catalog.models:
            raise FileNotFoundError(
                "No trained models were found; reinstall fmq_explore, or run fmq-explore train."
            )
        self._catalog, self.backend = catalog, backend
        self._problems += self.controls.fill(catalog)
        self._build()
        self._submit()
        self._tell_problems()

    def _tell_problems(self) -> None:
        """Says what was wrong with the link, until the next choice."""
        if self._problems:
            self.status.fail(Failure("choice", " ".join(self._problems)))

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
        self.backend.submit(request)
        self.page.query = self.choice.query()

    @guarded
    def _on_record(self, record: Any) -> None:
        if isinstance(record, WeightsView):
            self.weights.draw(record)
            self.weights.row.value = record.row + 1
        elif isinstance(record, DistanceView):
            self.controls.set_layers(record.layers, record.layer)
            self.distance.draw(record)
            self.status.clear("weights")
        elif isinstance(record, SamplesView):
            self.samples.draw(record)
            self.status.clear("samples")
        elif isinstance(record, TraceView):
            self.samples.set_background(record)
            self.trajectories.draw(record)
        elif isinstance(record, Status | Failure):
            self.status.show(record)

    # Looking

    @guarded
    def _build(self) -> None:
        """Makes all figures anew in the chosen theme."""
        theme = self._theme()
        self.page.theme = theme
        for panel in (self.weights, self.distance, self.samples, self.trajectories):
            panel.build(self._figures())

    @guarded
    def _change_view(self, panel: Any, value: str) -> None:
        panel.mode.value = value
        panel.build(self._figures())
        self.page.query = self.choice.query()

    @guarded
    def _show_time(self) -> None:
        self.samples.draw_time(self.choice.time)
        self.trajectories.draw_time(self.choice.time)
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
            self.choice.bits = None if value in (0, 9) else value

    @guarded
    def _choose_layer(self, name: str) -> None:
        self.choice.layer, self.choice.row = name, 0
        self.choice.distance_of = "layers"

    @guarded
    def _choose_point(self, scheme: str, bits: int) -> None:
        self.choice.scheme, self.choice.bits = scheme, bits

    @guarded
    def _reset(self) -> None:
        self.choice.reset()
        self._close_code()
        self.status.say("Every choice is back at its default.")

    @guarded
    def _switch_theme(self) -> None:
        self.choice.theme = "light" if self._theme() == "dark" else "dark"

    @guarded
    def _copy_link(self) -> None:
        self.page.copy_link(self.choice.query())
        self.status.say("The link is on the clipboard: it restores exactly this view.")

    @guarded
    def _show_code(self) -> None:
        self.code_text.value = f"<pre>{escape(self._code())}</pre>"
        self.dialog.layout.display = None

    def _close_code(self) -> None:
        self.dialog.layout.display = "none"

    def _code(self) -> str:
        from ..explore import code_for, full_size

        request = self.choice.request()
        size = full_size(request, self.backend.workspace)
        classes = self._catalog.models[request.model].class_names if self._catalog else ()
        return code_for(request, size, len(classes) or None)


def _button(text: str, tooltip: str) -> w.Button:
    return w.Button(description=text, tooltip=tooltip).add_class("fmq-quiet")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
