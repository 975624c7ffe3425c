"""The quality panel: figures of samples against bits, the sweep's lines under the live rings."""

__all__ = ["QualityPanel"]

import ipywidgets as w

from ...explore import MEASURES, QualityView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme
from .base import Card, caption, toggle
from .quality_figure import quality_columns, quality_figure

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
        tools = [self.mode, self.by]
        self.widget = Card("Quality", tools, [self.view], "04_crossover").add_class("fmq-quality")
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


def _words(view: QualityView, name: str) -> str:
    """Says what is measured against what, and on how many samples."""
    measure = MEASURES[name]
    parts = [KINDS[measure.against], BEST[measure.best]]
    if name in view.remarks:
        return " · ".join([*parts, view.remarks[name]])
    lines = view.lines.get(name)
    parts.append(f"line: sweep, {view.sweep}" if lines else view.remarks.get("sweep", ""))
    parts.append(f"ring: these {view.n_live} samples, 95 % interval")
    if name in view.live_reference.estimates:
        dashed = f"dashed: the same {view.n_live} at full precision"
        biased = "; fewer samples give a higher figure: hold ring against dashes"
        parts.append(dashed + (biased if measure.biased and lines else ""))
    for point in view.live:
        if name in point.estimates:
            title = SHORT_TITLES.get(point.scheme, point.scheme)
            parts.append(f"{title} <b>{point.estimates[name]}</b>")
    return " · ".join(part for part in parts if part)
