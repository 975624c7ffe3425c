"""The figure of the frontier panel: bytes against quality, the front, and rings for now."""

__all__ = ["LOGARITHMIC", "Ring", "drawn", "frontier_columns", "frontier_figure"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import (
    BoxAnnotation,
    CustomJSTickFormatter,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    TapTool,
)

from ...explore import FRONTIER_MEASURES, RESCUED, FrontierPoint, FrontierView
from ..theme import MARKERS, SHORT_TITLES, palette
from .base import clean_figure, column_source, fixed_range
from .labels import add_labels

LOGARITHMIC = ("fd", "kid", "swd", "relative_error")
SHARES = ("ssim", "readability")
TICKS = [m * 10**k for k in range(3, 9) for m in (1, 2, 3, 5)]
BYTES = "return tick >= 1e6 ? `${tick / 1e6} MB` : `${tick / 1e3} kB`"
MIXED_MARKER = "circle_cross"
FILLS = {"channel": 1.0, "tensor": 0.0, "shared": 0.35, "group": 0.35}
COLUMNS = ("x", "y", "low", "high", "marker", "size", "fill", "alpha", "color", "title", "bytes")


@dataclass(frozen=True)
class Ring:
    """What is on screen: a scheme or a rescued network, its bytes and its figure."""

    scheme: str
    n_bytes: int
    value: float


def frontier_figure(theme: str, name: str):
    """Returns the figure of a measure; a click on a point selects it."""
    measure, colours = FRONTIER_MEASURES[name], palette(theme)
    plot = clean_figure(
        x_range=fixed_range("bytes", 1e5, 1e6),
        y_range=fixed_range("figure", 1e-3, 1.0),
        x_axis_type="log",
        y_axis_type="log" if name in LOGARITHMIC else "linear",
    )
    plot.xaxis.axis_label = "size of the file"
    plot.xaxis.ticker = FixedTicker(ticks=TICKS)
    plot.xaxis.formatter = CustomJSTickFormatter(code=BYTES)
    plot.yaxis.axis_label = measure.title + (f" ({measure.unit})" if measure.unit else "")
    if name in ("readability", "relative_error"):
        plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    plot.xgrid.visible = False
    band = {"fill_color": colours.reference, "fill_alpha": 0.13, "line_color": None}
    plot.add_layout(BoxAnnotation(name="band", bottom=0, top=0, visible=False, **band))
    front = column_source("front", "x", "y")
    plot.step("x", "y", source=front, mode="after", line_color=colours.muted, line_width=1.5)
    _points(plot)
    rings = column_source("rings", "x", "y", "color")
    plot.scatter(
        "x", "y", source=rings, size=19, fill_color=None, line_color="color", line_width=3.5
    )
    look = {"text_color": colours.reference, "text_baseline": "bottom"}
    add_labels(plot, "reference_name", theme, **look)
    return plot


def _points(plot) -> None:
    source = column_source("points", *COLUMNS)
    points = plot.scatter(
        "x",
        "y",
        source=source,
        marker="marker",
        size="size",
        fill_color="color",
        fill_alpha="fill",
        line_color="color",
        line_alpha="alpha",
        line_width=1.6,
    )
    points.nonselection_glyph = None
    tips = [
        ("", "@title"),
        ("file", "@bytes"),
        ("mean of the seeds", "@y{0.000}"),
        ("lowest, highest", "@low{0.000}, @high{0.000}"),
    ]
    plot.add_tools(HoverTool(renderers=[points], tooltips=tips), TapTool(renderers=[points]))


def drawn(view: FrontierView, name: str) -> list[int]:
    """Returns which points have a figure, in the order in which they are drawn."""
    return [i for i, point in enumerate(view.points) if name in point.values]


def frontier_columns(
    view: FrontierView, name: str, rings: Sequence[Ring], theme: str
) -> tuple[dict, dict]:
    """Returns the sources and properties that show a measure."""
    shown = drawn(view, name)
    x_range, y_range = _x_range(view, shown, rings), _y_range(view, name, shown, rings)
    foot = y_range["start"]
    front = [i for i in view.fronts.get(name, ()) if i in set(shown)]
    on_front = set(front)
    points = [(view.points[i], i in on_front) for i in shown]
    corners = [(view.points[i].n_bytes, view.points[i].values[name][0]) for i in front]
    corners += [(x_range["end"], corners[-1][1])] if corners else []
    colours = palette(theme).scheme
    known = view.reference.get(name)
    sources = {
        "points": _columns(points, name, foot, colours),
        "front": {
            "x": np.array([x for x, _ in corners], dtype=float),
            "y": np.array([max(y, foot) for _, y in corners], dtype=float),
        },
        "rings": {
            "x": np.array([ring.n_bytes for ring in rings], dtype=float),
            "y": np.array([max(ring.value, foot) for ring in rings], dtype=float),
            "color": [colours[ring.scheme] for ring in rings],
        },
        "reference_name": {
            "x": np.array([x_range["start"] * 1.01] if known else []),
            "y": np.array([known[2]] if known else []),
            "text": ["full precision"] if known else [],
        },
    }
    band: dict[str, Any] = {"visible": known is not None}
    if known is not None:
        band |= {"bottom": known[1], "top": known[2]}
    return sources, {"bytes": x_range, "figure": y_range, "band": band}


def _columns(
    points: list[tuple[FrontierPoint, bool]], name: str, foot: float, colours: dict[str, str]
) -> dict:
    alpha = [1.0 if front else 0.5 for _, front in points]
    fills = [_fill(point) for point, _ in points]
    spreads = np.array([point.values[name] for point, _ in points], dtype=float).reshape(-1, 3)
    return {
        "x": np.array([point.n_bytes for point, _ in points], dtype=float),
        "y": np.maximum(spreads[:, 0], foot),
        "low": spreads[:, 1],
        "high": spreads[:, 2],
        "marker": [_marker(point) for point, _ in points],
        "size": np.array([_size(point, front) for point, front in points], dtype=float),
        "fill": np.array([f * a for f, a in zip(fills, alpha, strict=True)]),
        "alpha": np.array(alpha),
        "color": [colours[RESCUED if p.rescue else p.scheme] for p, _ in points],
        "title": [title_of(point) for point, _ in points],
        "bytes": [f"{p.n_bytes:,} bytes, {p.bits_per_weight:.2f} true bits" for p, _ in points],
    }


def _marker(point: FrontierPoint) -> str:
    if point.rescue:
        return MARKERS[RESCUED]
    return MIXED_MARKER if point.budget else MARKERS[point.scheme]


def _fill(point: FrontierPoint) -> float:
    """Returns how opaque a point is; the cross of one whose bytes are shared out shows through."""
    fill = FILLS.get(point.granularity, 0.35)
    return 0.5 * fill if point.budget and not point.rescue else fill


def _size(point: FrontierPoint, on_front: bool) -> float:
    return (12.0 if point.rescue or point.budget else 8.0) + (2.0 if on_front else 0.0)


def title_of(point: FrontierPoint) -> str:
    """Returns a configuration in a few words."""
    bits = f"{point.bits} bit{'s' if point.bits > 1 else ''}"
    if point.budget:
        bits = f"shared out by {point.objective}"
    grain = "shared codebook" if point.granularity == "shared" else f"per {point.granularity}"
    words = f"{SHORT_TITLES.get(point.scheme, point.scheme)}, {bits}, {grain}"
    return f"{words}, rescued ({point.rescue})" if point.rescue else words


def _x_range(view: FrontierView, shown: list[int], rings: Sequence[Ring]) -> dict[str, float]:
    sizes = [view.points[i].n_bytes for i in shown] + [ring.n_bytes for ring in rings]
    if not sizes:
        return {"start": 1e5, "end": 1e6}
    return {"start": min(sizes) / 1.08, "end": max(sizes) * 1.08}


def _y_range(
    view: FrontierView, name: str, shown: list[int], rings: Sequence[Ring]
) -> dict[str, float]:
    """Fits the axis to everything that is drawn."""
    found = [view.points[i].values[name][0] for i in shown] + [ring.value for ring in rings]
    values = np.array([*found, *view.reference.get(name, ())], dtype=float)
    values = values[np.isfinite(values)]
    if name in SHARES:
        return {"start": 0.0, "end": 1.04}
    if name in LOGARITHMIC:
        positive = values[values > 0]
        if not positive.size:
            return {"start": 1e-3, "end": 1.0}
        return {"start": float(0.8 * positive.min()), "end": float(1.25 * positive.max())}
    high = float(values.max(initial=1.0))
    return {"start": min(0.0, float(values.min(initial=0.0))), "end": 1.06 * high}
