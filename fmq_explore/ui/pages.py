"""The two pages of panels: which panels there are, which are on show, and what each is told."""

__all__ = ["Pages"]

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from ..explore import DistanceView, SamplesView, TraceView, WeightsView
from .panels import DistancePanel, SamplesPanel, TrajectoriesPanel, WeightsPanel
from .scrubber import Scrubber
from .state import Choice

VIEW_OF = {"weights_as": "weights", "distance_of": "distance", "samples_as": "samples"}
"""The view traits that a panel's buttons set, and the panel."""


class Pages:
    """The main area: one page of panels at a time.

    Args:
        choice: The state, whose view traits the panels' buttons set.
        on_layer: Called with the name of a tensor that was clicked.
        on_point: Called with the scheme and the bits of a point that was clicked.
        on_tutorial: Called with the name of a panel's tutorial when it is asked for.
    """

    def __init__(
        self,
        choice: Choice,
        on_layer: Callable[[str], None],
        on_point: Callable[[str, int], None],
        on_tutorial: Callable[[str], None],
    ) -> None:
        self._choice = choice
        self.weights = WeightsPanel()
        self.distance = DistancePanel(on_layer, on_point)
        self.samples = SamplesPanel()
        self.trajectories = TrajectoriesPanel()
        self.scrubber = Scrubber(choice)
        self._first = (self.weights, self.distance, self.samples, self.trajectories)
        grid = w.Box([panel.widget for panel in self._first]).add_class("fmq-panels")
        self.widget = w.VBox([grid, self.scrubber.widget]).add_class("fmq-main")
        for panel in self._first:
            panel.widget.on_tutorial(on_tutorial)
        self.weights.row.observe(lambda change: setattr(choice, "row", change.new - 1), "value")
        for name, panel in VIEW_OF.items():
            self._tie(name, getattr(self, panel).mode)

    def build(self, theme: str) -> None:
        """Makes all figures anew in a theme."""
        for panel in self._first:
            panel.build(theme)

    def change_view(self, name: str, theme: str) -> None:
        """Follows a view trait: the panel that it belongs to is made anew."""
        panel = getattr(self, VIEW_OF[name])
        panel.mode.value = getattr(self._choice, name)
        panel.build(theme)

    def draw(self, record: Any) -> None:
        """Draws a view of the explorer in the panel it is for."""
        if isinstance(record, WeightsView):
            self.weights.draw(record)
            self.weights.row.value = record.row + 1
        elif isinstance(record, DistanceView):
            self.distance.draw(record)
        elif isinstance(record, SamplesView):
            self.samples.draw(record)
        elif isinstance(record, TraceView):
            self.samples.set_background(record)
            self.trajectories.draw(record)

    def draw_time(self, time: float) -> None:
        """Moves samples and paths to a time between noise (0) and data (1)."""
        self.samples.draw_time(time)
        self.trajectories.draw_time(time)

    def _tie(self, name: str, buttons: Any) -> None:
        buttons.value = getattr(self._choice, name)
        buttons.observe(lambda change: setattr(self._choice, name, change.new), "value")
