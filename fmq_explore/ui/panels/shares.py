"""The bars of the allocation panel: as wide as a tensor has weights, as high as it has bits."""

__all__ = ["shares_columns", "shares_figure"]

from typing import Any

import numpy as np
from bokeh.models import FixedTicker, HoverTool, Span, TapTool

from ...explore import AllocationView, Shares
from ..theme import palette
from .base import clean_figure, column_source, fixed_range
from .labels import add_labels

TOP = 8.6
FLOOR = 0.016  # of the width: the least that a bar has, so that it can be seen and hit
GAP = 0.0025  # of the width, between two bars
COLUMNS = ("left", "right", "bits", "top", "name", "true", "weights", "color", "alpha", "light")


def shares_figure(theme: str):
    """Returns the figure; a click on a bar selects its tensor."""
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("index"), y_range=fixed_range("height", 0, TOP))
    plot.xaxis.axis_label = "tensors, from input to output · width: weights"
    plot.xaxis.major_label_text_font_size = "0px"
    plot.xaxis.major_tick_line_color = None
    plot.yaxis.axis_label = "bits"
    plot.yaxis.ticker = FixedTicker(ticks=list(range(1, 9)))
    plot.xgrid.visible = False
    source = column_source("shares", *COLUMNS)
    bars = plot.quad(
        left="left",
        right="right",
        bottom=0,
        top="bits",
        source=source,
        fill_color="color",
        fill_alpha="alpha",
        line_color=None,
    )
    rest = plot.quad(
        left="left",
        right="right",
        bottom="bits",
        top="top",
        source=source,
        fill_color="color",
        fill_alpha="light",
        line_color=None,
    )
    bars.nonselection_glyph = rest.nonselection_glyph = None
    second = column_source("second", "left", "right", "bits", "color")
    plot.segment("left", "bits", "right", "bits", source=second, line_color="color", line_width=3)
    look = {"line_color": colours.reference, "line_width": 1.5, "line_dash": [6, 4]}
    plot.add_layout(Span(dimension="width", location=0, visible=False, name="equal", **look))
    add_labels(
        plot,
        "equal_name",
        theme,
        text_color=colours.reference,
        text_align="right",
        text_baseline="bottom",
        background_fill_color=colours.card,
        background_fill_alpha=0.7,
    )
    tips = [("", "@name"), ("bits", "@bits"), ("in the file", "@true{0.00}"), ("", "@weights")]
    plot.add_tools(HoverTool(renderers=[bars, rest], tooltips=tips))
    plot.add_tools(TapTool(renderers=[bars, rest]))
    return plot


def shares_columns(view: AllocationView, theme: str) -> tuple[dict, dict]:
    """Returns the sources and properties that show a view."""
    colours = palette(theme).scheme
    left, right = _places(view.n_weights)
    sources: dict[str, Any] = {"shares": _bars(view, left, right, colours)}
    compare = view.compare
    known = compare is not None
    sources["second"] = {
        "left": left if known else np.empty(0),
        "right": right if known else np.empty(0),
        "bits": compare.bits * 1.0 if known else np.empty(0),
        "color": [colours[compare.scheme]] * len(left) if known else [],
    }
    equal = _equal(view)
    end = float(right[-1]) if len(right) else 1.0
    shown = equal is not None
    sources["equal_name"] = {
        "x": np.array([end] if shown else []),
        "y": np.array([equal + 0.06] if shown else []),
        "text": [f"{equal} bit{'s' if equal > 1 else ''} for all"] if shown else [],
    }
    return sources, {
        "index": {"start": -0.012 * end, "end": 1.012 * end},
        "height": {"start": 0.0, "end": TOP},
        "equal": {"visible": shown, "location": equal or 0},
    }


def _bars(view: AllocationView, left: np.ndarray, right: np.ndarray, colours: dict) -> dict:
    shares = view.primary
    if shares is None:
        return {
            name: [] if name in ("name", "weights", "color") else np.empty(0) for name in COLUMNS
        }
    chosen = np.array(view.layers) == view.layer
    return {
        "left": left,
        "right": right,
        "bits": shares.bits * 1.0,
        "top": shares.true_bits,
        "name": list(view.layers),
        "true": shares.true_bits,
        "weights": [f"{n:,} weights" for n in view.n_weights.tolist()],
        "color": [colours[shares.scheme]] * len(view.layers),
        "alpha": np.where(chosen, 1.0, 0.55),
        "light": np.where(chosen, 0.4, 0.2),
    }


def _places(n_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where each bar begins and ends: as wide as it has weights, or the least width."""
    if not len(n_weights):
        return np.empty(0), np.empty(0)
    widths = np.maximum(n_weights / n_weights.sum(), FLOOR)
    ends = np.cumsum(widths + GAP)
    return ends - widths, ends


def _equal(view: AllocationView) -> int | None:
    """Returns the equal bits to draw a line at: those that the same bytes would buy."""
    shares: Shares | None = view.primary
    return shares.equal_bits if shares is not None and view.budget else None
