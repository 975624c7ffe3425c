"""The quality panel: figures of samples against bits, the sweep's lines under the live rings."""

__all__ = ["QualityPanel"]

from typing import TYPE_CHECKING

import ipywidgets as w

from ...explore import MEASURES, QualityView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, toggle
from .quality_figure import LOGARITHMIC, quality_columns, quality_figure

if TYPE_CHECKING:
    from ...measure.interval import Estimate

KINDS = {
    "fidelity": "<b>fidelity</b>: to the full-precision model's samples",
    "quality": "<b>quality</b>: to data",
}
BEST = {"high": "higher is better", "low": "lower is better"}


class QualityPanel:
    """Shows how good the samples are at every bit width, and where those on screen lie."""

    def __init__(self) -> None:
        self.mode = w.Dropdown(
            options=[(f"{m.title} ({m.against})", name) for name, m in MEASURES.items()],
            tooltip="Chooses the figure on the vertical axis.",
        ).add_class("fmq-measure")
        self.by = toggle(
            {"label bits": "label", "true bits": "true"},
            [
                "Compares at equal bits of a code.",
                "Compares at equal size: bits per weight as they are in the file.",
            ],
        )
        self.view = FigureView("Quality of the samples against bits")
        self.now = w.HTML().add_class("fmq-constants")
        tools, body = [self.mode, self.by], [self.view, self.now]
        self.widget = Card("Quality", tools, body, "04_crossover").add_class("fmq-quality")
        self._theme = "light"
        self._drawn: QualityView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew, in a theme and for the chosen measure."""
        self._theme = theme
        by = str(self.by.value)
        self.view.show(quality_figure(theme, str(self.mode.value), by), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: QualityView) -> None:
        """Draws a view."""
        self._drawn = view
        name, by = str(self.mode.value), str(self.by.value)
        self.view.update(*quality_columns(view, name, by, self._theme))
        self.widget.note.value = caption(_words(view, name))
        self.now.value = _figures(view, name, self._theme)


def _words(view: QualityView, name: str) -> str:
    """Says what is measured against what, and on how many samples: two lines."""
    measure = MEASURES[name]
    first = f"{KINDS[measure.against]} · {BEST[measure.best]}"
    if name in view.remarks:
        return f"{first}<br>{view.remarks[name]}"
    lines = view.lines.get(name)
    sweep = f"lines: sweep, {view.sweep}" if lines else view.remarks.get("sweep", "")
    if measure.biased:
        first += " · grows as n falls: hold ring against dashes"
    if name in LOGARITHMIC and any((line.value <= 0).any() for line in (lines or {}).values()):
        first += " · at the foot: zero or below"
    return f"{first}<br>{sweep} · ring: these {view.n_live} samples"


def _interval(estimate: "Estimate") -> str:
    value, _, interval = str(estimate).replace("-", "−").partition(" ")
    return f"<b>{value}</b> {interval.replace(' to ', '…')}"


def _figures(view: QualityView, name: str, theme: str) -> str:
    """Writes the figures of the samples on screen, with their intervals."""
    colours = palette(theme)
    shown = [(p.scheme, p.estimates[name]) for p in view.live if name in p.estimates]
    if name in view.live_reference.estimates:
        shown.append(("", view.live_reference.estimates[name]))
    tip = f"Of the {view.n_live} samples on screen, with its 95 % interval by resampling."
    parts = [
        f'<span title="{tip}" style="--c:{colours.scheme.get(scheme, colours.reference)}">'
        f"<i>{SHORT_TITLES.get(scheme, 'reference')}</i> {_interval(estimate)}</span>"
        for scheme, estimate in shown
    ]
    return f"<div>{''.join(parts)}</div>"
