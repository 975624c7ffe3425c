"""The pages of panels: which panels there are, which are on show, and what each is told."""

__all__ = ["MEASURED", "VIEW_OF", "Pages"]

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from ..explore import (
    ActivationView,
    AllocationView,
    BoundView,
    DistanceView,
    FrontierPoint,
    FrontierView,
    LatentView,
    Missing,
    QualityView,
    SamplesView,
    SensitivityView,
    TraceView,
    WeightsView,
)
from .panels import (
    ActivationsPanel,
    AllocationPanel,
    BoundsPanel,
    DistancePanel,
    FrontierPanel,
    LatentsPanel,
    QualityPanel,
    SamplesPanel,
    TrajectoriesPanel,
    WeightsPanel,
)
from .scrubber import Scrubber
from .state import Choice

VIEW_OF = {
    "weights_as": ("weights", "mode"),
    "distance_of": ("distance", "mode"),
    "samples_as": ("samples", "mode"),
    "quality_of": ("quality", "mode"),
    "quality_by": ("quality", "by"),
    "calibration": ("activations", "mode"),
    "frontier_of": ("frontier", "mode"),
}
"""The view traits that a panel's buttons set: the panel, and its buttons."""

MEASURING = {
    "measures": ("quality", "latents", "bounds"),
    "budget": ("frontier", "allocation", "quality", "activations"),
}
"""The stages that each page needs; each but those of its own page is the name of a panel, too."""


MEASURED = {
    QualityView: "quality",
    LatentView: "latents",
    BoundView: "bounds",
    AllocationView: "allocation",
    ActivationView: "activations",
    FrontierView: "frontier",
}
"""The panel of each measured view."""


class Pages:
    """The main area: one page of panels at a time, each made when it is first looked at.

    Args:
        choice: The state, whose view traits the panels' buttons set.
        on_layer: Called with the name of a tensor that was clicked.
        on_point: Called with the scheme and the bits of a point that was clicked.
        on_budget: Called with a budget of bytes, 0 for equal bits.
        on_configuration: Called with a configuration whose point was clicked.
        on_tutorial: Called with the name of a panel's tutorial when it is asked for.

    Attributes:
        tooltips: What the page has to explain by itself, by CSS class; see `Controls`.
    """

    def __init__(
        self,
        choice: Choice,
        on_layer: Callable[[str], None],
        on_point: Callable[[str, int], None],
        on_budget: Callable[[int], None],
        on_configuration: Callable[[FrontierPoint], None],
        on_tutorial: Callable[[str], None],
    ) -> None:
        self._choice = choice
        self.weights = WeightsPanel()
        self.distance = DistancePanel(on_layer, on_point)
        self.samples = SamplesPanel()
        self.trajectories = TrajectoriesPanel()
        self.quality = QualityPanel()
        self.latents = LatentsPanel()
        self.bounds = BoundsPanel()
        self.allocation = AllocationPanel(on_layer, on_budget)
        self.activations = ActivationsPanel()
        self.frontier = FrontierPanel(on_configuration)
        self.scrubber = Scrubber(choice)
        first = (self.weights, self.distance, self.samples, self.trajectories)
        self._panels = {
            "samples": first,
            "measures": (self.quality, self.bounds, self.latents),
            "budget": (self.allocation, self.activations, self.frontier),
        }
        self._boxes = {
            "samples": [_grid(first, "fmq-panels"), self.scrubber.widget],
            "measures": [_grid(self._panels["measures"], "fmq-measures")],
            "budget": [_grid(self._panels["budget"], "fmq-budgets")],
        }
        self._built = dict.fromkeys(self._panels, "")
        self.widget = w.VBox([b for boxes in self._boxes.values() for b in boxes])
        self.widget.add_class("fmq-main")
        for panel in (panel for panels in self._panels.values() for panel in panels):
            panel.widget.on_tutorial(on_tutorial)
        self.weights.row.observe(lambda change: setattr(choice, "row", change.new - 1), "value")
        for name, (panel, buttons) in VIEW_OF.items():
            self._tie(name, getattr(getattr(self, panel), buttons))
        self._tie("objective", self.allocation.objective)
        choice.observe(
            lambda change: setattr(self.allocation.objective, "value", change.new), "objective"
        )
        self.tooltips = {"fmq-measure": str(self.quality.mode.tooltip)}
        self._show_page()

    @property
    def measures(self) -> tuple[str, ...]:
        """The measuring stages that what is on show needs."""
        if self._choice.page in MEASURING:
            return MEASURING[str(self._choice.page)]
        return ("sensitivity",) if self._choice.distance_of == "sensitivity" else ()

    def build(self, theme: str) -> None:
        """Makes the figures of the page on show anew in a theme; the others follow when shown."""
        self._built = dict.fromkeys(self._panels, "")
        self.show(theme)

    def show(self, theme: str) -> None:
        """Shows the chosen page."""
        page = str(self._choice.page)
        self._show_page()
        if self._built[page] != theme:
            self._built[page] = theme
            for panel in self._panels[page]:
                panel.build(theme)

    def change_view(self, name: str, theme: str) -> None:
        """Follows a view trait: the panel that it belongs to is made anew."""
        panel_name, buttons = VIEW_OF[name]
        panel = getattr(self, panel_name)
        getattr(panel, buttons).value = getattr(self._choice, name)
        panel.build(theme)
        if name == "distance_of" and "sensitivity" not in self.measures:
            panel.widget.explain("")  # nothing that would come is waited for any more

    def begin(self) -> None:
        """Dims what is to be measured anew, until it is there."""
        for name in self.measures:
            self._panel(name).widget.wait()

    def draw(self, record: Any) -> None:
        """Draws a view of the explorer in the panel it is for."""
        if isinstance(record, WeightsView):
            self.weights.draw(record)
            self.weights.row.value = record.row + 1
        elif isinstance(record, DistanceView):
            self.distance.widget.remove_class("fmq-nothing")
            self.distance.draw(record)
            self.activations.show_layer(record.layer)
            self.frontier.draw_now(record)
        elif isinstance(record, SamplesView):
            self.samples.widget.explain("")
            self.samples.draw(record)
        elif isinstance(record, TraceView):
            self.trajectories.widget.explain("")
            self.samples.set_background(record)
            self.trajectories.draw(record)
        elif isinstance(record, SensitivityView):
            self.distance.widget.explain("")
            self.distance.draw_sensitivity(record)
        elif isinstance(record, Missing):
            self._panel(record.stage).widget.explain(record.sentence)
        elif type(record) in MEASURED:
            panel = getattr(self, MEASURED[type(record)])
            panel.widget.explain("")
            panel.draw(record)
            if isinstance(record, QualityView):
                self.frontier.draw_live(record)

    def draw_time(self, time: float) -> None:
        """Moves samples and paths to a time between noise (0) and data (1)."""
        self.samples.draw_time(time)
        self.trajectories.draw_time(time)

    def _panel(self, stage: str) -> Any:
        """Returns the panel that shows what a measuring stage finds."""
        return self.distance if stage == "sensitivity" else getattr(self, stage)

    def _tie(self, name: str, buttons: Any) -> None:
        buttons.value = getattr(self._choice, name)
        buttons.observe(lambda change: setattr(self._choice, name, change.new), "value")

    def _show_page(self) -> None:
        for page, boxes in self._boxes.items():
            for box in boxes:
                box.layout.display = None if page == self._choice.page else "none"


def _grid(panels: tuple[Any, ...], name: str) -> w.Box:
    return w.Box([panel.widget for panel in panels]).add_class(name)
