"""The figure of the activation panel: what a layer takes in over time, and its static range."""

__all__ = ["activation_columns", "activation_figure"]

from typing import Any

import numpy as np
from bokeh.models import HoverTool

from ...explore import ActivationView, LayerActivations
from ..theme import palette
from .base import clean_figure, column_source, fixed_range
from .curves import spread
from .labels import add_labels

BANDS = {"all values": 0.16, "99.8 %": 0.22, "98 %": 0.32}
"""The bands, the widest first, and how strong each is drawn over the one below."""

LABEL_GAP = 0.09  # of the plot's height, between neighbouring names


def activation_figure(theme: str):
    """Returns the figure: bands of values, their median, and two lines for the static range."""
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("t", 0.0, 1.26), y_range=fixed_range("value", -1, 1))
    plot.xaxis.axis_label = "t (0 noise, 1 data)"
    plot.xaxis.axis_label_text_align = "left"
    plot.xaxis.ticker = [0, 0.2, 0.4, 0.6, 0.8, 1]
    plot.yaxis.axis_label = "input of the layer"
    plot.xgrid.visible = False
    for name, alpha in BANDS.items():
        source = column_source(f"band {name}", "t", "low", "high")
        plot.varea(
            "t", "low", "high", source=source, fill_color=colours.reference, fill_alpha=alpha
        )
    median = column_source("median", "t", "y")
    plot.line("t", "y", source=median, line_color=colours.reference, line_width=2)
    ends = column_source("range", "x", "y")
    plot.line("x", "y", source=ends, line_color=colours.text, line_dash=[6, 3], line_width=2)
    look = {"text_color": "color", "text_baseline": "middle"}
    add_labels(plot, "names", theme, "color", **look)
    dots = column_source(
        "steps",
        "t",
        "median",
        "low",
        "high",
        "inner_low",
        "inner_high",
        "minimum",
        "maximum",
        "rms",
    )
    unseen = plot.scatter("t", "median", source=dots, size=12, fill_alpha=0, line_alpha=0)
    tips = [
        ("t", "@t{0.00}"),
        ("all values", "@minimum{0.00} to @maximum{0.00}"),
        ("99.8 %", "@low{0.00} to @high{0.00}"),
        ("98 %", "@inner_low{0.00} to @inner_high{0.00}"),
        ("median", "@median{0.00}"),
        ("RMS", "@rms{0.00}"),
    ]
    plot.add_tools(HoverTool(renderers=[unseen], tooltips=tips, mode="vline"))
    return plot


def activation_columns(
    view: ActivationView, layer: LayerActivations, method: str, theme: str
) -> tuple[dict, dict]:
    """Returns the columns and properties that show one layer under one method."""
    edges = np.repeat(np.linspace(0.0, 1.0, len(view.times) + 1), 2)[1:-1]
    p = {name: layer.percentiles[:, i] for i, name in enumerate((0.1, 1, 50, 99, 99.9))}
    bands = ((layer.minimum, layer.maximum), (p[0.1], p[99.9]), (p[1], p[99]))
    sources: dict[str, Any] = {
        f"band {name}": {"t": edges, "low": np.repeat(low, 2), "high": np.repeat(high, 2)}
        for name, (low, high) in zip(BANDS, bands, strict=True)
    }
    low, high = layer.ranges[method]
    sources["median"] = {"t": edges, "y": np.repeat(p[50], 2)}
    sources["range"] = {
        "x": np.array([0.0, 1.0, np.nan, 0.0, 1.0]),
        "y": np.array([low, low, np.nan, high, high]),
    }
    sources["steps"] = {
        "t": view.times,
        "median": p[50],
        "low": p[0.1],
        "high": p[99.9],
        "inner_low": p[1],
        "inner_high": p[99],
        "minimum": layer.minimum,
        "maximum": layer.maximum,
        "rms": layer.rms,
    }
    limits = _limits(layer)
    sources["names"] = _names(layer, method, limits, theme)
    return sources, {"value": limits}


def _limits(layer: LayerActivations) -> dict[str, float]:
    """Returns an axis that holds all values and every method's range: it stays as they change."""
    ends = [layer.minimum.min(), layer.maximum.max(), *np.ravel(list(layer.ranges.values()))]
    low, high = float(min(ends)), float(max(ends))
    margin = 0.06 * ((high - low) or 1.0)
    return {"start": low - margin, "end": high + margin}


def _names(
    layer: LayerActivations, method: str, limits: dict[str, float], theme: str
) -> dict[str, Any]:
    """Names the two lines, and the upper edge of every band at the last step."""
    colours = palette(theme)
    low, high = layer.ranges[method]
    at = {
        f"grid {_number(low)}": (low, colours.text),
        f"grid {_number(high)}": (high, colours.text),
        "all values": (float(layer.maximum[-1]), colours.muted),
        "99.8 %": (float(layer.percentiles[-1, 4]), colours.muted),
        "98 %": (float(layer.percentiles[-1, 3]), colours.muted),
        "median": (float(layer.percentiles[-1, 2]), colours.muted),
    }
    order = sorted(at, key=lambda name: at[name][0])
    start, end = limits["start"], limits["end"]
    return {
        "x": np.full(len(order), 1.02),
        "y": spread([at[name][0] for name in order], LABEL_GAP * (end - start), start, end),
        "text": order,
        "color": [at[name][1] for name in order],
    }


def _number(number: float) -> str:
    """Writes a number with three digits, such as −0.278 or 12.4."""
    return f"{number:.3g}".replace("-", "−")
