"""The curves of the distance panel: W2 against bits, one line a scheme, its name at the end."""

__all__ = ["LABEL_GAP", "curves_columns", "curves_figure", "drawn", "spread"]

import numpy as np
from bokeh.models import FixedTicker, HoverTool, TapTool

from ...explore import DistanceView
from ..theme import MARKERS, SHORT_TITLES, palette
from .base import clean_figure, column_source, fixed_range, log_range
from .labels import add_labels

LABEL_GAP = 0.062  # of the plot's height, between neighbouring line labels


def curves_figure(theme: str):
    """Returns the figure; every scheme has a line, and points that can be clicked."""
    colours = palette(theme)
    plot = clean_figure(
        x_range=fixed_range("bits", 0.6, 14.0),
        y_range=fixed_range("w2", 1e-4, 1.0),
        y_axis_type="log",
        tools="",
    )
    plot.xaxis.axis_label = "bits"
    plot.xaxis.axis_label_text_align = "left"
    plot.xaxis.ticker = FixedTicker(ticks=list(range(1, 9)))
    plot.yaxis.axis_label = "W₂ (weight units)"
    plot.xgrid.visible = False
    renderers = []
    for scheme in SHORT_TITLES:
        colour = colours.scheme[scheme]
        source = column_source(f"curve_{scheme}", "x", "y", "title")
        line = plot.line("x", "y", source=source, line_color=colour)
        line.glyph.name = f"line_{scheme}"
        points = plot.scatter(
            "x",
            "y",
            source=source,
            marker=MARKERS[scheme],
            size=7,
            line_color=colour,
            fill_color=colour,
            nonselection_alpha=1.0,
        )
        points.glyph.name = f"points_{scheme}"
        points.nonselection_glyph = None
        renderers.append(points)
    marked = column_source("marked", "x", "y", "color")
    plot.scatter(
        "x", "y", source=marked, size=17, fill_color=None, line_color="color", line_width=3
    )
    look = {"text_color": "color", "text_alpha": "alpha", "text_baseline": "middle"}
    add_labels(plot, "names", theme, "color", "alpha", **look)
    tips = [("", "@title"), ("bits", "@x"), ("W₂", "@y{0.00000}")]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=tips), TapTool(renderers=renderers))
    return plot


def drawn(curve: np.ndarray) -> np.ndarray:
    """Returns which points of a curve are drawn: a scheme need not have all bit widths."""
    return np.flatnonzero(np.isfinite(curve) & (curve > 0))


def curves_columns(
    view: DistanceView, curves: dict[str, np.ndarray], theme: str
) -> tuple[dict, dict]:
    chosen = [view.primary.scheme] + ([view.compare.scheme] if view.compare else [])
    sources, properties = {}, {}
    for scheme, curve in curves.items():
        known = drawn(curve)
        title = [SHORT_TITLES[scheme]] * len(known)
        columns = {"x": view.bits[known] * 1.0, "y": curve[known], "title": title}
        sources[f"curve_{scheme}"] = columns
        strong = scheme in chosen
        look = {"line_width": 3.5 if strong else 1.3, "line_alpha": 1.0 if strong else 0.55}
        properties[f"line_{scheme}"] = look
        properties[f"points_{scheme}"] = {
            "fill_alpha": 1.0 if strong else 0.45,
            "line_alpha": 1.0 if strong else 0.45,
        }
    limits = log_range(np.concatenate(list(curves.values())), "w2")
    sources["marked"] = _marked(view, curves, theme)
    if limits:
        sources["names"] = _names(curves, chosen, limits["w2"], theme)
    return sources, properties | limits


def _marked(view: DistanceView, curves: dict[str, np.ndarray], theme: str) -> dict:
    """Returns the current points, one for each chosen scheme."""
    x, y, color = [], [], []
    for figures in (view.primary, view.compare):
        if figures is None or figures.label_bits > 8:
            continue
        of_layer = curves is view.layer_curves
        value = figures.layer_w2 if of_layer else figures.w2
        if value > 0:
            x.append(float(figures.layer_bits if of_layer else figures.label_bits))
            y.append(value)
            color.append(palette(theme).scheme[figures.scheme])
    return {"x": np.array(x), "y": np.array(y), "color": color}


def _names(
    curves: dict[str, np.ndarray], chosen: list[str], limits: dict[str, float], theme: str
) -> dict:
    """Places each line's name at its right end, moved apart so that none hides another.

    A line that ends before 8 bits, among the others, is named only where it is chosen.
    """
    ends: dict[int, dict[str, float]] = {}  # where names stand above each other: by the last bits
    for scheme, curve in curves.items():
        known = drawn(curve)
        if known.size and (known[-1] == len(curve) - 1 or scheme in chosen):
            ends.setdefault(int(known[-1]), {})[scheme] = float(np.log(curve[known[-1]]))
    low, high = np.log(limits["start"]), np.log(limits["end"])
    order, x, y = [], [], []
    for last, column in ends.items():
        names = sorted(column, key=column.__getitem__)
        order += names
        x += [last + 1.25] * len(names)
        y += [*spread([column[s] for s in names], LABEL_GAP * (high - low), low, high)]
    colours = palette(theme).scheme
    return {
        "x": np.array(x),
        "y": np.exp(y),
        "text": [SHORT_TITLES.get(s, s) for s in order],
        "color": [colours[s] for s in order],
        "alpha": [1.0 if s in chosen else 0.8 for s in order],
    }


def spread(values: list[float], gap: float, low: float, high: float) -> np.ndarray:
    """Moves ascending values apart to at least ``gap``, upwards first, then back below ``high``."""
    places = np.array(values, dtype=float)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    top = high - gap / 2
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], top)
        top = places[i] - gap
    return np.maximum(places, low)
