"""The frontier panel: what every configuration costs in bytes, and what it is worth."""

__all__ = ["FrontierPanel"]

from collections.abc import Callable

import ipywidgets as w

from ...explore import FRONTIER_MEASURES, DistanceView, FrontierPoint, FrontierView, QualityView
from ..figure import FigureView
from ..theme import bokeh_theme
from .base import Card, caption
from .frontier_figure import Ring, drawn, frontier_columns, frontier_figure

TUTORIAL = "08_mixed_precision"
AGAINST = {
    "fidelity": "<b>fidelity</b>: to the full-precision model's samples",
    "quality": "<b>quality</b>: to data",
    "weights": "<b>weights</b>: how far they move",
}
BEST = {"high": "higher is better", "low": "lower is better"}
KEYS: tuple[tuple[str, str, Callable[[FrontierPoint], bool]], ...] = (
    ("full", "per channel", lambda p: p.granularity == "channel"),
    ("hollow", "per tensor", lambda p: p.granularity == "tensor"),
    ("light", "shared codebook or groups", lambda p: p.granularity in ("shared", "group")),
    ("cross", "bytes shared out", lambda p: bool(p.budget and not p.rescue)),
    ("hexagon", "rescued", lambda p: bool(p.rescue)),
)
"""What a shape stands for, and whether a point has it."""


class FrontierPanel:
    """Shows bytes against quality for everything that was measured, and where a request lies.

    Args:
        on_configuration: Called with the configuration whose point a person clicks.
    """

    def __init__(self, on_configuration: Callable[[FrontierPoint], None]) -> None:
        self.mode = w.Dropdown(
            options=[(f"{m.title} ({m.against})", n) for n, m in FRONTIER_MEASURES.items()],
            tooltip="Chooses the figure that is set against bytes.",
        ).add_class("fmq-measure")
        self.view = FigureView("Size of the file against quality", self._select)
        self.keys = w.HTML().add_class("fmq-constants").add_class("fmq-shapes")
        self.widget = Card("Bytes and quality", [self.mode], [self.view, self.keys], TUTORIAL)
        self.widget.add_class("fmq-frontier")
        self._on_configuration = on_configuration
        self._theme = "light"
        self._drawn: FrontierView | None = None
        self._now: DistanceView | None = None
        self._live: QualityView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew, in a theme and for the chosen measure."""
        self._theme = theme
        figure = frontier_figure(theme, str(self.mode.value))
        self.view.show(figure, bokeh_theme(theme), selectable=("points",))
        self._draw()

    def draw(self, view: FrontierView) -> None:
        """Draws a view."""
        self._drawn = view
        self.keys.value = _keys(view)
        self._draw()

    def draw_now(self, view: DistanceView) -> None:
        """Takes the bytes on screen; what was measured of others waits for its turn."""
        self._now, self._live = view, None
        self._draw()

    def draw_live(self, view: QualityView) -> None:
        """Takes the figures of the samples on screen."""
        self._live = view
        self._draw()

    def _draw(self) -> None:
        if self._drawn is None:
            return
        name = str(self.mode.value)
        rings = self._rings(name)
        self.view.update(*frontier_columns(self._drawn, name, rings, self._theme))
        self.widget.note.value = caption(_words(self._drawn, name, self._live))

    def _rings(self, name: str) -> list[Ring]:
        """Returns where what is on screen lies, as far as that is measured."""
        now = self._now
        figures = [f for f in (now.primary, now.compare) if f and f.label_bits <= 8] if now else []
        if name == "relative_error":
            return [Ring(f.scheme, f.n_bytes, f.relative_error) for f in figures]
        live = {p.scheme: p.estimates for p in self._live.live} if self._live else {}
        return [
            Ring(f.scheme, f.n_bytes, live[f.scheme][name].value)
            for f in figures
            if name in live.get(f.scheme, {})
        ]

    def _select(self, source: str, indices: list[int]) -> None:
        """Loads the topmost of the points that were hit."""
        if self._drawn is not None:
            chosen = drawn(self._drawn, str(self.mode.value))[indices[-1]]
            self._on_configuration(self._drawn.points[chosen])


def _keys(view: FrontierView) -> str:
    """Explains the shapes that are there."""
    found = [key[:2] for key in KEYS if any(map(key[2], view.points))] + [("ring", "on screen")]
    keys = "".join(f'<span class="fmq-shape fmq-{kind}">{words}</span>' for kind, words in found)
    return f"<div>{keys}</div>"


def _words(view: FrontierView, name: str, live: QualityView | None) -> str:
    """Says what is measured against what, and on how many samples: two lines."""
    measure = FRONTIER_MEASURES[name]
    first = f"{AGAINST[measure.against]} · {BEST[measure.best]}"
    if view.remark:
        return f"{first}<br>{view.remark}"
    second = f"points: {view.words}"
    if live is not None and name != "relative_error":
        second += f" · ring: these {live.n_live} samples"
    return f"{first}<br>{second} · click to load"
