"""The explorer app: state, controls and panels on one screen, fed by the headless explorer."""

__all__ = ["ExplorerApp", "explorer"]

from typing import Any

import ipywidgets as w

from ..explore import (
    DistanceView,
    Failure,
    FrontierPoint,
    HardwareView,
    RescueView,
    SamplesView,
    SensitivityView,
    Status,
)
from .catalog import frontier_rows, sweep_rows
from .guard import guarded
from .header import Header
from .lesson_band import LessonBand
from .links import open_app
from .pages import MEASURED, VIEW_OF, Pages
from .rescue import TUTORIAL
from .shell import Shell
from .state import Choice
from .strip import ChipStrip
from .theme import LARGE

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
    return open_app("explorer", query)


class ExplorerApp(Shell):
    """One page: a control column, four panels, a time scrubber and a status bar.

    Args:
        query: A link's query string.
        start: Loads the library and answers at once; tests may hold that back.
    """

    name = "explorer"

    def __init__(self, query: str = "", start: bool = True) -> None:
        super().__init__(Choice(), query)
        self.pages = Pages(
            self.choice,
            self._choose_layer,
            self._choose_point,
            self._choose_budget,
            self._choose_configuration,
            self._open_tutorial,
        )
        self.lessons = LessonBand(self.choice, self._open_tutorial)
        self.header = Header(self.choice)
        self.strip = ChipStrip()
        self.controls.rescue.tutorial.on_click(lambda _: self._open_tutorial(TUTORIAL))
        tooltips = self.controls.tooltips | self.pages.tooltips | self.lessons.tooltips
        self._finish(tooltips, start)
        self.pages.draw_time(self.choice.time)

    def _arrange(self) -> list[w.Widget]:
        body = w.HBox([self.controls.widget, self.pages.widget]).add_class("fmq-body")
        foot = w.HBox([self.status.widget, self.strip.widget]).add_class("fmq-foot")
        return [self.header.widget, self.lessons.widget, body, foot]

    def _tools(self) -> Header:
        return self.header

    def _observe(self) -> None:
        super()._observe()
        choice = self.choice
        choice.observe(lambda _: self._show_time(), "time")
        choice.observe(lambda change: self._change_view(change.name), tuple(VIEW_OF))
        choice.observe(lambda _: self._change_page(), "page")
        choice.observe(lambda _: self._show_query(), "lesson")
        self.header.lessons.on_click(lambda _: self._open_lesson())

    # Computing

    def _make_backend(self) -> Any:
        from ..explore import Explorer, Yardsticks

        yardsticks = Yardsticks(sweep_rows, frontier_rows)
        return Explorer(self._on_record, self._post, yardsticks=yardsticks)

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
        if isinstance(record, HardwareView):
            self.strip.draw(record, self.choice.hardware_query())
            return
        if isinstance(record, DistanceView):
            self.controls.set_layers(record.layers, record.layer)
        if isinstance(record, RescueView):
            self.controls.rescue.show(record)
            self.status.clear("rescue")
            return
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

    def _figures(self) -> str:
        return self._theme() + (LARGE if self._large else "")

    # Listening

    def _escape(self) -> bool:
        if not super()._escape():
            self.choice.lesson = ""
        return True

    @guarded
    def _choose_layer(self, name: str) -> None:
        self.choice.layer, self.choice.row = name, 0
        if self.choice.distance_of != "sensitivity":
            self.choice.distance_of = "layers"

    @guarded
    def _choose_point(self, scheme: str, bits: int) -> None:
        self.choice.scheme = scheme
        self._choose_bits(bits)

    @guarded
    def _choose_budget(self, n_bytes: int) -> None:
        self.choice.budget = n_bytes

    @guarded
    def _choose_configuration(self, point: FrontierPoint) -> None:
        """Loads a configuration that was measured; what it takes for granted comes along."""
        choice = self.choice
        choice.scheme, choice.granularity = point.scheme, point.granularity
        choice.group_size = point.group_size or choice.group_size
        choice.codebook_dtype, choice.keep = point.codebook_dtype, point.keep
        choice.bits = point.bits or choice.bits or Choice().bits
        choice.objective = point.objective or choice.objective
        choice.budget, choice.rescue = point.budget, point.rescue

    @guarded
    def _open_lesson(self) -> None:
        if not self.choice.lesson:
            self.lessons.open()

    def _code(self) -> str:
        from ..explore import code_for, full_size

        request = self.choice.request()
        workspace = self.backend.workspace
        can_sample = workspace.can_sample(request.model)
        size = full_size(request, workspace) if can_sample else None
        classes = self._catalog.models[request.model].class_names if self._catalog else ()
        return code_for(request, size, len(classes) or None)
