"""The distance panel: W2 against bits for all schemes, tensor by tensor, and plain figures."""

__all__ = ["DistancePanel"]

from collections.abc import Callable
from html import escape

import ipywidgets as w
import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, NumeralTickFormatter, TapTool

from ...explore import DistanceView, Figures
from ..figure import FigureView
from ..theme import FONT, MARKERS, SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, clean_figure, fixed_range, log_range, toggle

LABEL_GAP = 0.062  # of the plot's height, between neighbouring line labels


class DistancePanel:
    """Shows where the chosen point lies among all schemes and bit widths.

    Args:
        on_layer: Called with a tensor's name when a person clicks its bar.
        on_bits: Called with a scheme and a bit width when a person clicks a point of a curve.
    """

    def __init__(
        self, on_layer: Callable[[str], None], on_point: Callable[[str, int], None]
    ) -> None:
        self.mode = toggle(
            {"model": "model", "tensor": "layer", "all tensors": "layers"},
            [
                "Shows the distance of the whole model against bits.",
                "Shows the distance of the chosen tensor against bits.",
                "Shows the relative error of every tensor; click a bar to choose it.",
            ],
        )
        self.view = FigureView("Wasserstein-2 distance against bits", self._select)
        self.table = w.HTML().add_class("fmq-figures")
        body = w.HBox([self.view, self.table]).add_class("fmq-distance-body")
        self.widget = Card("Distance", [self.mode], [body]).add_class("fmq-distance")
        self._on_layer, self._on_point = on_layer, on_point
        self._theme, self._mode = "light", "model"
        self._drawn: DistanceView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew, in a theme and for the chosen mode."""
        self._theme, self._mode = theme, str(self.mode.value)
        if self._mode == "layers":
            self.view.show(_layers_figure(), bokeh_theme(theme), selectable=("tensors",))
        else:
            selectable = tuple(f"curve_{scheme}" for scheme in SHORT_TITLES)
            self.view.show(_curves_figure(theme), bokeh_theme(theme), selectable)
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: DistanceView) -> None:
        """Draws a view."""
        self._drawn = view
        self.table.value = _table(view, palette(self._theme).scheme)
        if self._mode == "layers":
            self.widget.note.value = caption("relative error of each tensor")
            self.view.update(*_layers_columns(view, self._theme))
            return
        of = "the whole model" if self._mode == "model" else escape(view.layer)
        self.widget.note.value = caption(f"W₂ of {of} against bits")
        curves = view.model_curves if self._mode == "model" else view.layer_curves
        self.view.update(*_curves_columns(view, curves, self._theme))

    def _select(self, source: str, indices: list[int]) -> None:
        if self._drawn is None:
            return
        if source == "tensors":
            self._on_layer(self._drawn.layers[indices[0]])
        else:
            self._on_point(source.removeprefix("curve_"), int(self._drawn.bits[indices[0]]))


def _curves_figure(theme: str):
    colours = palette(theme)
    plot = clean_figure(
        x_range=fixed_range("bits", 0.6, 11.9),
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
        source = ColumnDataSource({"x": [], "y": [], "title": []}, name=f"curve_{scheme}")
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
    marked = ColumnDataSource({"x": [], "y": [], "color": []}, name="marked")
    plot.scatter(
        "x", "y", source=marked, size=17, fill_color=None, line_color="color", line_width=3
    )
    names = ColumnDataSource({"x": [], "y": [], "text": [], "color": [], "alpha": []}, name="names")
    plot.text(
        "x",
        "y",
        "text",
        source=names,
        text_color="color",
        text_alpha="alpha",
        text_baseline="middle",
        text_font_size="12.5px",
        text_font=value(FONT),
    )
    tips = [("", "@title"), ("bits", "@x"), ("W₂", "@y{0.00000}")]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=tips), TapTool(renderers=renderers))
    return plot


def _curves_columns(
    view: DistanceView, curves: dict[str, np.ndarray], theme: str
) -> tuple[dict, dict]:
    chosen = [view.primary.scheme] + ([view.compare.scheme] if view.compare else [])
    sources, properties = {}, {}
    for scheme, curve in curves.items():
        known = np.isfinite(curve) & (curve > 0)
        title = [SHORT_TITLES[scheme]] * int(known.sum())
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
        value = curves[figures.scheme][figures.label_bits - 1]
        if np.isfinite(value) and value > 0:
            x.append(float(figures.label_bits))
            y.append(float(value))
            color.append(palette(theme).scheme[figures.scheme])
    return {"x": np.array(x), "y": np.array(y), "color": color}


def _names(
    curves: dict[str, np.ndarray], chosen: list[str], limits: dict[str, float], theme: str
) -> dict:
    """Places each line's name at its right end, moved apart so that none hides another."""
    ends = {}
    for scheme, curve in curves.items():
        known = np.flatnonzero(np.isfinite(curve) & (curve > 0))
        if known.size:
            ends[scheme] = float(np.log(curve[known[-1]]))
    order = sorted(ends, key=ends.__getitem__)
    low, high = np.log(limits["start"]), np.log(limits["end"])
    places = _spread([ends[s] for s in order], LABEL_GAP * (high - low), low, high)
    colours = palette(theme).scheme
    return {
        "x": np.full(len(order), 8.25),
        "y": np.exp(places),
        "text": [SHORT_TITLES.get(s, s) for s in order],
        "color": [colours[s] for s in order],
        "alpha": [1.0 if s in chosen else 0.8 for s in order],
    }


def _spread(values: list[float], gap: float, low: float, high: float) -> np.ndarray:
    """Moves ascending values apart to at least ``gap``, upwards first, then back below ``high``."""
    places = np.array(values, dtype=float)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    top = high - gap / 2
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], top)
        top = places[i] - gap
    return np.maximum(places, low)


def _layers_figure():
    plot = clean_figure(x_range=fixed_range("index"), y_range=fixed_range("error"), tools="")
    plot.xaxis.axis_label = "tensors, from input to output (click one)"
    plot.xaxis.major_label_text_font_size = "0px"
    plot.xaxis.major_tick_line_color = None
    plot.yaxis.axis_label = "relative error"
    plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    plot.xgrid.visible = False
    columns = {"x": [], "top": [], "name": [], "color": [], "alpha": []}
    source = ColumnDataSource(columns, name="tensors")
    bars = plot.vbar("x", 0.8, "top", source=source, color="color", alpha="alpha")
    bars.nonselection_glyph = None
    second = ColumnDataSource({"x": [], "y": [], "color": []}, name="second")
    plot.scatter("x", "y", source=second, marker="dash", size=11, line_width=2.5, color="color")
    tips = [("", "@name"), ("relative error", "@top{0.0%}")]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=tips), TapTool(renderers=[bars]))
    return plot


def _layers_columns(view: DistanceView, theme: str) -> tuple[dict, dict]:
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


def _table(view: DistanceView, colours: dict[str, str]) -> str:
    """Returns the plain figures as a table, one column a scheme."""
    columns = [view.primary] + ([view.compare] if view.compare else [])
    full = view.primary.label_bits > 8
    heads = "".join(f'<th style="--c:{colours[c.scheme]}">{_head(c, full)}</th>' for c in columns)
    rows = "".join(
        f'<tr><th scope="row" title="{escape(tip)}">{name}</th>'
        + "".join(f"<td>{text(c)}</td>" for c in columns)
        + "</tr>"
        for name, tip, text in ROWS
    )
    kind = "two" if view.compare else "one"
    return (
        f'<table class="fmq-{kind}"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _head(figures: Figures, full: bool) -> str:
    return "full precision" if full else SHORT_TITLES.get(figures.scheme, figures.scheme)


def bytes_text(n_bytes: int) -> str:
    """Writes a size with its unit: 1 kB is 1,000 bytes."""
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.1f} kB"


ROWS: tuple[tuple[str, str, Callable[[Figures], str]], ...] = (
    (
        "W₂",
        "Root of the weight-averaged squared W2 of the rows, in weight units.",
        lambda f: f"{f.w2:.5f}",
    ),
    (
        "relative error",
        "W2 over the root mean square of the quantized weights.",
        lambda f: f"{f.relative_error:.2%}",
    ),
    ("label bits", "Bits of one code.", lambda f: f"{f.label_bits}"),
    (
        "true bits / weight",
        "Size of the file over all parameters: codebooks, scales, kept tensors, header.",
        lambda f: f"{f.bits_per_weight:.2f}",
    ),
    ("file", "Size of the saved file.", lambda f: bytes_text(f.n_bytes)),
    (
        "compression",
        "Bytes of all parameters in float32 over the size of the file.",
        lambda f: f"{f.compression:.2f}×",
    ),
)
