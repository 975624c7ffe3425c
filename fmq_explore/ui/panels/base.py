"""What panels share: a titled card, captions, and small figure helpers."""

__all__ = [
    "Card",
    "caption",
    "clean_figure",
    "column_source",
    "fixed_range",
    "log_range",
    "mirrored_percent",
    "segments",
    "toggle",
    "tutorial_button",
]

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, Range1d
from bokeh.plotting import figure

from ..tutorials import TUTORIALS


class Card(w.VBox):
    """A titled card with tools at the right of its head.

    Args:
        title: The heading.
        tools: What stands at the right of it.
        body: What stands below.
        tutorial: The name of the tutorial that goes with it, a key of `TUTORIALS`.
    """

    def __init__(
        self, title: str, tools: Sequence[w.Widget], body: Sequence[w.Widget], tutorial: str
    ) -> None:
        self.title = w.HTML(_heading(title)).add_class("fmq-card-title")
        self.note = w.HTML().add_class("fmq-card-note")
        self.tutorial = tutorial_button(tutorial)
        self._tutorial_name = tutorial
        gap = w.Box().add_class("fmq-gap-filler")
        head = w.HBox([self.title, self.tutorial, gap, *tools]).add_class("fmq-card-head")
        super().__init__([head, self.note, *body])
        self.add_class("fmq-card")

    def on_tutorial(self, open_tutorial: Callable[[str], None]) -> None:
        """Calls a function with the tutorial's name when it is asked for."""
        self.tutorial.on_click(lambda _: open_tutorial(self._tutorial_name))

    def wait(self) -> None:
        """Dims what is on show until it is measured anew; where there is nothing yet, says so."""
        self.add_class("fmq-stale")
        if not self.note.value:
            self.note.value = caption("measuring …")

    def explain(self, sentence: str) -> None:
        """Says why there is nothing to show, or with an empty sentence shows what there is."""
        self.remove_class("fmq-stale")
        (self.add_class if sentence else self.remove_class)("fmq-nothing")
        if sentence:
            self.note.value = caption(escape(sentence))


def tutorial_button(name: str) -> w.Button:
    """Returns a small button that stands for a tutorial, a key of `TUTORIALS`."""
    tutorial = TUTORIALS[name]
    tip = f"Opens tutorial {tutorial.number}: {tutorial.title}."
    button = w.Button(description=f"tutorial {tutorial.number}", tooltip=tip)
    return button.add_class("fmq-tutorial")


def _heading(title: str) -> str:
    return f"<h2>{escape(title)}</h2>"


def caption(text: str) -> str:
    """Returns the HTML of a short note beside a title."""
    return f"<span>{text}</span>"


def toggle(options: dict[str, str], tooltips: Sequence[str]) -> w.ToggleButtons:
    """Returns small buttons for one of several views, ``{label: value}``."""
    buttons = w.ToggleButtons(options=list(options.items()), tooltips=list(tooltips))
    return buttons.add_class("fmq-toggle")


def clean_figure(**options: Any):
    """Returns a figure that fills its place, without toolbar or logo."""
    return figure(
        sizing_mode="stretch_both",
        toolbar_location=None,
        tools=options.pop("tools", ""),
        output_backend="canvas",
        **options,
    )


def log_range(values: np.ndarray, name: str, margin: float = 1.35) -> dict[str, dict[str, float]]:
    """Returns the property update that fits a log axis to positive values."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return {}
    return {name: {"start": positive.min() / margin, "end": positive.max() * margin}}


def segments(paths: np.ndarray) -> dict[str, np.ndarray]:
    """Strings paths (steps + 1, n, 2) together as one line with NaN between them."""
    n_states, n, _ = paths.shape
    line = np.full((n, n_states + 1, 2), np.nan, dtype=np.float32)
    line[:, :n_states] = paths.transpose(1, 0, 2)
    flat = line.reshape(-1, 2)
    return {"x": flat[:, 0].copy(), "y": flat[:, 1].copy()}


def mirrored_percent() -> CustomJSTickFormatter:
    """Returns a formatter for shares that are drawn both upwards and downwards."""
    return CustomJSTickFormatter(code="return `${Math.abs(Math.round(100 * tick))}%`")


def column_source(name: str, *columns: str) -> ColumnDataSource:
    """Returns a named, empty source with the given columns."""
    return ColumnDataSource({column: [] for column in columns}, name=name)


def fixed_range(name: str, start: float = 0.0, end: float = 1.0) -> Range1d:
    """Returns a named range that only Python moves."""
    return Range1d(start=start, end=end, name=name)
