"""The bars of the distance panel: the relative error of every tensor, to be clicked."""

__all__ = ["tensors_columns", "tensors_figure"]

import numpy as np
from bokeh.models import HoverTool, NumeralTickFormatter, TapTool

from ...explore import DistanceView
from ..theme import palette
from .base import clean_figure, column_source, fixed_range


def tensors_figure():
    """Returns the figure; a click on a bar selects it."""
    plot = clean_figure(x_range=fixed_range("index"), y_range=fixed_range("error"), tools="")
    plot.xaxis.axis_label = "tensors, from input to output"
    plot.xaxis.major_label_text_font_size = "0px"
    plot.xaxis.major_tick_line_color = None
    plot.yaxis.axis_label = "relative error"
    plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    plot.xgrid.visible = False
    source = column_source("tensors", "x", "top", "name", "color", "alpha")
    bars = plot.vbar("x", 0.8, "top", source=source, color="color", alpha="alpha")
    bars.nonselection_glyph = None
    second = column_source("second", "x", "y", "color")
    plot.scatter("x", "y", source=second, marker="dash", size=11, line_width=2.5, color="color")
    tips = [("", "@name"), ("relative error", "@top{0.0%}")]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=tips), TapTool(renderers=[bars]))
    return plot


def tensors_columns(view: DistanceView, theme: str) -> tuple[dict, dict]:
    colours = palette(theme).scheme
    n = len(view.layers)
    x = np.arange(n, dtype=float)
    bar = colours[view.primary.scheme]
    sources = {
        "tensors": {
            "x": x,
            "top": view.layer_errors,
            "name": list(view.layers),
            "color": [bar] * n,
            "alpha": np.where(np.array(view.layers) == view.layer, 1.0, 0.5),
        },
        "second": {"x": np.empty(0), "y": np.empty(0), "color": []},
    }
    highest = view.layer_errors.max(initial=0.0)
    if view.compare and view.compare_errors is not None:
        line = [colours[view.compare.scheme]] * n
        sources["second"] = {"x": x, "y": view.compare_errors, "color": line}
        highest = max(highest, view.compare_errors.max(initial=0.0))
    return sources, {
        "index": {"start": -0.8, "end": n - 0.2},
        "error": {"start": 0.0, "end": 1.1 * highest or 1.0},
    }
