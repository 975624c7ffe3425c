"""The weights panel: one row's histogram with levels and cells, or the transport map."""

__all__ = ["WeightsPanel"]

import ipywidgets as w
import numpy as np
from bokeh.models import HoverTool, LinearAxis, NumeralTickFormatter

from ...explore import SchemeCells, WeightsView
from ..figure import FigureView
from ..theme import bokeh_theme, palette
from .base import Card, caption, clean_figure, column_source, fixed_range, mirrored_percent, toggle

N_QUANTILES = 1000


class WeightsPanel:
    """Shows what one or two schemes make of one row of weights."""

    def __init__(self) -> None:
        self.mode = toggle(
            {"histogram": "histogram", "transport map": "transport"},
            [
                "Shows the row's histogram with the levels and the borders of their cells.",
                "Shows the quantile function of the weights and the staircase they are moved to.",
            ],
        )
        self.row = w.BoundedIntText(
            min=1, max=1, description="row", tooltip="Chooses the row of the tensor that is shown."
        ).add_class("fmq-row")
        self.view = FigureView("Histogram of the chosen weights with quantization levels")
        self.widget = Card("Weights", [self.row, self.mode], [self.view], "01_quantizers_and_w2")
        self.widget.add_class("fmq-weights")
        self._theme = "light"
        self._drawn: WeightsView | None = None
        self._mode = "histogram"

    def build(self, theme: str) -> None:
        """Makes the figure anew, in a theme and for the chosen mode."""
        self._theme, self._mode = theme, str(self.mode.value)
        make = _histogram_figure if self._mode == "histogram" else _transport_figure
        self.view.show(make(theme), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: WeightsView) -> None:
        """Draws a view; nothing is computed here but coordinates."""
        self._drawn = view
        self._describe(view)
        columns = _histogram_columns if self._mode == "histogram" else _transport_columns
        sources, properties = columns(view)
        for role, cells in (("a", view.primary), ("b", view.compare)):
            colour = palette(self._theme).scheme[cells.scheme] if cells else "#000000"
            properties |= {f"{kind}_{role}": _coloured(kind, colour) for kind in self._kinds()}
        self.view.update(sources, properties)

    def _kinds(self) -> tuple[str, ...]:
        return ("stems", "dots") if self._mode == "histogram" else ("stairs",)

    def _describe(self, view: WeightsView) -> None:
        shape = "×".join(map(str, view.shape))
        n = len(view.sorted_row)
        rows = f"row {view.row + 1} of {view.n_rows}" if view.n_rows > 1 else "one row"
        words = f"<b>{view.layer}</b> {shape} · {rows}: {n:,} weights"
        if view.primary is not None:
            words += f" · {view.primary.bits} bit{'s' if view.primary.bits > 1 else ''}"
        self.widget.note.value = caption(words)
        if self.row.max != view.n_rows:
            self.row.max = view.n_rows
        self.row.layout.display = None if view.n_rows > 1 else "none"


def _coloured(kind: str, colour: str) -> dict[str, str]:
    line = {"line_color": colour}
    return line | {"fill_color": colour} if kind == "dots" else line


def _histogram_figure(theme: str):
    """Weights as bars, the scheme's levels as stems above the line, the second's below."""
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("x"), y_range=fixed_range("bins"))
    plot.extra_y_ranges = {"mass": fixed_range("mass")}
    plot.xaxis.axis_label = "weight"
    plot.yaxis.axis_label = "weights in each bar"
    plot.yaxis.formatter = mirrored_percent()
    right = LinearAxis(y_range_name="mass", axis_label="weights on each level")
    right.formatter = mirrored_percent()  # type: ignore[assignment]
    plot.add_layout(right, "right")
    plot.xgrid.visible = False
    bars = column_source("bars", "left", "right", "top")
    plot.quad("left", "right", "top", 0, source=bars, fill_color=colours.bars, line_color=None)
    borders = column_source("borders", "x", "y0", "y1")
    plot.segment(
        "x",
        "y0",
        "x",
        "y1",
        source=borders,
        color=colours.muted,
        line_dash=[3, 3],
        line_alpha=0.75,
        y_range_name="mass",
    )
    for role in ("b", "a"):
        _stems(plot, role)
    return plot


def _stems(plot, role: str) -> None:
    source = column_source(f"levels_{role}", "x", "y")
    stems = plot.segment("x", 0, "x", "y", source=source, line_width=2.5, y_range_name="mass")
    dots = plot.scatter("x", "y", source=source, size=8, y_range_name="mass")
    stems.glyph.name, dots.glyph.name = f"stems_{role}", f"dots_{role}"
    tips = [("level", "@x{0.0000}"), ("weights on it", "@share{0.0%}")]
    plot.add_tools(HoverTool(renderers=[dots], tooltips=tips))


def _histogram_columns(view: WeightsView) -> tuple[dict, dict]:
    sources = {
        "bars": {"left": view.edges[:-1], "right": view.edges[1:], "top": view.share},
        "borders": _borders(view),
        "levels_a": _levels(view.primary, 1.0),
        "levels_b": _levels(view.compare, -1.0),
    }
    cells = [c for c in (view.primary, view.compare) if c]
    used = [c.levels[c.mass > 0] for c in cells]
    low = min(view.edges[0], *(levels[0] for levels in used), np.inf)
    high = max(view.edges[-1], *(levels[-1] for levels in used), -np.inf)
    margin = 0.03 * (high - low)
    masses = [c.mass.max() for c in cells]
    floor = -1.0 if view.compare else 0.0
    mass, bins = 1.15 * max(masses, default=1.0), 1.15 * view.share.max()
    return sources, {
        "x": {"start": low - margin, "end": high + margin},
        "mass": {"start": floor * mass, "end": mass},
        "bins": {"start": floor * bins, "end": bins},
    }


def _levels(cells: SchemeCells | None, sign: float) -> dict[str, np.ndarray]:
    if cells is None:
        return dict.fromkeys(("x", "y", "share"), np.empty(0))
    used = cells.mass > 0
    return {"x": cells.levels[used], "y": sign * cells.mass[used], "share": cells.mass[used]}


def _borders(view: WeightsView) -> dict[str, np.ndarray]:
    """Borders run up for the scheme and down for the second one, across the whole half."""
    upper = view.primary.borders if view.primary else np.empty(0)
    lower = view.compare.borders if view.compare else np.empty(0)
    ends = np.concatenate([np.ones_like(upper), -np.ones_like(lower)])
    return {"x": np.concatenate([upper, lower]), "y0": np.zeros_like(ends), "y1": ends}


def _transport_figure(theme: str):
    """Sorted weights against their rank, and the staircase of levels they are moved to."""
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("u"), y_range=fixed_range("y"))
    plot.xaxis.axis_label = "share of the weights below"
    plot.xaxis.formatter = NumeralTickFormatter(format="0%")
    plot.yaxis.axis_label = "weight"
    area = column_source("area", "u", "y1", "y2")
    plot.varea("u", "y1", "y2", source=area, fill_color=colours.bars, fill_alpha=0.6)
    curve = column_source("curve", "u", "y")
    plot.line("u", "y", source=curve, line_color=colours.reference, line_width=2.5)
    for role, dash in (("b", [6, 4]), ("a", "solid")):
        source = column_source(f"stairs_source_{role}", "u", "y")
        line = plot.line("u", "y", source=source, line_width=3, line_dash=dash)
        line.glyph.name = f"stairs_{role}"
    return plot


def _transport_columns(view: WeightsView) -> tuple[dict, dict]:
    n = len(view.sorted_row)
    index = np.unique(np.linspace(0, n - 1, min(n, N_QUANTILES)).astype(int))
    u, curve = (index + 0.5) / n, view.sorted_row[index]
    moved = curve if view.primary is None else _moved(view.primary, u)
    sources = {
        "curve": {"u": u, "y": curve},
        "area": {"u": u, "y1": curve, "y2": moved},
        "stairs_source_a": _stairs(view.primary),
        "stairs_source_b": _stairs(view.compare),
    }
    low, high = min(curve[0], moved[0]), max(curve[-1], moved[-1])
    margin = 0.05 * (high - low or 1.0)
    return sources, {"y": {"start": low - margin, "end": high + margin}}


def _moved(cells: SchemeCells, u: np.ndarray) -> np.ndarray:
    """Returns the level to which the weight of rank u goes."""
    ends = np.cumsum(cells.mass)
    return cells.levels[np.minimum(np.searchsorted(ends, u), len(ends) - 1)]


def _stairs(cells: SchemeCells | None) -> dict[str, np.ndarray]:
    if cells is None:
        return dict.fromkeys(("u", "y"), np.empty(0))
    ends = np.concatenate([[0.0], np.cumsum(cells.mass)])
    return {"u": np.stack([ends[:-1], ends[1:]], 1).ravel(), "y": np.repeat(cells.levels, 2)}
