"""The bars of the distance panel: an error of every tensor, to be clicked."""

__all__ = ["Bars", "tensors_columns", "tensors_figure"]

from dataclasses import dataclass

import numpy as np
from bokeh.models import HoverTool, NumeralTickFormatter, TapTool

from ..theme import palette
from .base import clean_figure, column_source, fixed_range


@dataclass(frozen=True, eq=False)
class Bars:
    """What is drawn.

    Attributes:
        layers: The tensors.
        chosen: The one on show.
        schemes: The schemes of the bars and of the dashes; the latter may be empty.
        errors: The height of each bar.
        compare_errors: The height of each dash, or None.
    """

    layers: tuple[str, ...]
    chosen: str
    schemes: tuple[str, str]
    errors: np.ndarray
    compare_errors: np.ndarray | None


def tensors_figure(title: str):
    """Returns the figure; a click on a bar selects it.

    Args:
        title: What the height of a bar is.
    """
    plot = clean_figure(x_range=fixed_range("index"), y_range=fixed_range("error"), tools="")
    plot.xaxis.axis_label = "tensors, from input to output"
    plot.xaxis.major_label_text_font_size = "0px"
    plot.xaxis.major_tick_line_color = None
    plot.yaxis.axis_label = title
    plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    plot.xgrid.visible = False
    source = column_source("tensors", "x", "top", "name", "color", "alpha")
    bars = plot.vbar("x", 0.8, "top", source=source, color="color", alpha="alpha")
    bars.nonselection_glyph = None
    second = column_source("second", "x", "y", "color")
    plot.scatter("x", "y", source=second, marker="dash", size=11, line_width=2.5, color="color")
    tips = [("", "@name"), (title, "@top{0.0%}")]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=tips), TapTool(renderers=[bars]))
    return plot


def tensors_columns(bars: Bars, theme: str) -> tuple[dict, dict]:
    colours = palette(theme)
    n = len(bars.layers)
    x = np.arange(n, dtype=float)
    own, other = (colours.scheme.get(scheme, colours.reference) for scheme in bars.schemes)
    sources = {
        "tensors": {
            "x": x,
            "top": bars.errors,
            "name": list(bars.layers),
            "color": [own] * n,
            "alpha": np.where(np.array(bars.layers) == bars.chosen, 1.0, 0.5),
        },
        "second": {"x": np.empty(0), "y": np.empty(0), "color": []},
    }
    highest = bars.errors.max(initial=0.0)
    if bars.compare_errors is not None:
        sources["second"] = {"x": x, "y": bars.compare_errors, "color": [other] * n}
        highest = max(highest, bars.compare_errors.max(initial=0.0))
    return sources, {
        "index": {"start": -0.8, "end": n - 0.2},
        "error": {"start": 0.0, "end": 1.1 * highest or 1.0},
    }
