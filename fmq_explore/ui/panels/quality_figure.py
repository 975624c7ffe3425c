"""The figure of the quality panel: a line a scheme, a band for the reference, rings for now."""

__all__ = ["LOGARITHMIC", "quality_columns", "quality_figure"]

from typing import Any

import numpy as np
from bokeh.models import BoxAnnotation, FixedTicker, HoverTool, NumeralTickFormatter, Span

from ...explore import MEASURES, LivePoint, QualityLine, QualityView
from ..theme import MARKERS, SHORT_TITLES, palette
from .base import clean_figure, column_source, fixed_range
from .frame import Frame, place_names
from .labels import add_labels

LOGARITHMIC = ("fd", "kid", "swd")
LABEL_GAP = 0.078  # of the plot's height, between neighbouring names
LABEL_SHARE = 0.24  # of the plot's width, at the right of the lines, for their names
TRUE_TICKS = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32]


def quality_figure(theme: str, name: str, by: str):
    """Returns the figure of a measure, over label bits or true bits."""
    measure = MEASURES[name]
    plot = clean_figure(
        x_range=fixed_range("bits", 1.5, 10.5),
        y_range=fixed_range("figure", 1e-3, 1.0),
        x_axis_type="linear" if by == "label" else "log",
        y_axis_type="log" if name in LOGARITHMIC else "linear",
    )
    plot.xaxis.axis_label = (
        "label bits" if by == "label" else "true bits: size of the file in bits per weight"
    )
    plot.xaxis.ticker = FixedTicker(ticks=list(range(1, 9)) if by == "label" else TRUE_TICKS)
    plot.xaxis.formatter = NumeralTickFormatter(format="0")
    unit = f" ({measure.unit})" if measure.unit else ""
    plot.yaxis.axis_label = measure.title + unit
    if name == "readability":
        plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    plot.xgrid.visible = False
    _reference(plot, theme)
    _lines(plot, theme)
    _live(plot, theme)
    return plot


def _reference(plot, theme: str) -> None:
    """Adds the full-precision model: a band from the sweep, a dashed line from these samples."""
    colours = palette(theme)
    band = {"fill_color": colours.reference, "fill_alpha": 0.13, "line_color": None}
    plot.add_layout(BoxAnnotation(name="band", bottom=0, top=0, visible=False, **band))
    look = {"line_color": colours.reference, "line_width": 1.5}
    for name, dash in (("mean", "solid"), ("now", [6, 4])):
        line = Span(dimension="width", location=0, visible=False, name=name, line_dash=dash, **look)
        plot.add_layout(line)
    words = {"text_color": colours.reference, "text_baseline": "bottom"}
    add_labels(plot, "reference_name", theme, **words)


def _lines(plot, theme: str) -> None:
    """Adds a line with markers for every scheme, and the names at their ends."""
    colours, renderers = palette(theme), []
    for scheme in SHORT_TITLES:
        colour = colours.scheme[scheme]
        source = column_source(f"line_{scheme}", "x", "y", "bits", "true", "title", "low", "high")
        line = plot.line("x", "y", source=source, line_color=colour)
        points = plot.scatter(
            "x",
            "y",
            source=source,
            marker=MARKERS[scheme],
            size=7,
            line_color=colour,
            fill_color=colour,
        )
        line.glyph.name, points.glyph.name = f"line_look_{scheme}", f"points_look_{scheme}"
        renderers.append(points)
    add_labels(
        plot,
        "names",
        theme,
        "color",
        "alpha",
        text_color="color",
        text_alpha="alpha",
        text_baseline="middle",
        background_fill_color=colours.card,
        background_fill_alpha=0.8,
    )
    tips = [
        ("", "@title"),
        ("label bits, true bits", "@bits, @true{0.00}"),
        ("mean of the seeds", "@y{0.0000}"),
        ("lowest, highest", "@low{0.0000}, @high{0.0000}"),
    ]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=tips))


def _live(plot, theme: str) -> None:
    """Adds the rings of the samples on screen, with their intervals."""
    colours = palette(theme)
    source = column_source("live", "x", "y", "low", "high", "color", "title", "text")
    plot.segment("x", "low", "x", "high", source=source, line_color="color", line_width=3)
    ring = plot.scatter(
        "x", "y", source=source, size=15, fill_color=colours.card, line_color="color", line_width=3
    )
    tips = [("these samples", "@title"), ("", "@text")]
    plot.add_tools(HoverTool(renderers=[ring], tooltips=tips))


def quality_columns(view: QualityView, name: str, by: str, theme: str) -> tuple[dict, dict]:
    """Returns the sources and properties that show a measure."""
    lines = view.lines.get(name, {})
    chosen = [point.scheme for point in view.live]
    x_range = _x_range(view, by)
    y_range = _y_range(view, name)
    sources, properties = {}, {"bits": x_range, "figure": y_range}
    for scheme in SHORT_TITLES:
        sources[f"line_{scheme}"] = _line_columns(lines.get(scheme), scheme, by, y_range["start"])
        strong = scheme in chosen
        look = {"line_width": 3.5 if strong else 1.3, "line_alpha": 1.0 if strong else 0.55}
        properties[f"line_look_{scheme}"] = look
        alpha = 1.0 if strong else 0.45
        properties[f"points_look_{scheme}"] = {"fill_alpha": alpha, "line_alpha": alpha}
    frame = Frame(x_range, y_range, by == "true", name in LOGARITHMIC)
    sources["names"] = _names(lines, chosen, frame, theme)
    sources["reference_name"] = _reference_name(view, name, frame)
    sources["live"] = _live_columns(view.live, name, by, y_range["start"], theme)
    return sources, properties | _reference_look(view, name)


def _line_columns(line: QualityLine | None, scheme: str, by: str, foot: float) -> dict:
    if line is None:
        names = ("x", "y", "bits", "true", "low", "high")
        return dict.fromkeys(names, np.empty(0)) | {"title": []}
    return {
        "x": line.bits if by == "label" else line.true_bits,
        "y": np.maximum(line.value, foot),
        "bits": line.bits,
        "true": line.true_bits,
        "low": line.low,
        "high": line.high,
        "title": [SHORT_TITLES.get(scheme, scheme)] * len(line.bits),
    }


def _live_columns(
    live: tuple[LivePoint, ...], name: str, by: str, foot: float, theme: str
) -> dict[str, np.ndarray | list[str]]:
    shown = [point for point in live if name in point.estimates]
    found = [point.estimates[name] for point in shown]
    ends = [[e.low, e.value, e.high] for e in found if np.isfinite(e.value)]
    low, middle, high = np.maximum(np.array(ends, dtype=float).reshape(-1, 3), foot).T
    finite = [p for p, e in zip(shown, found, strict=True) if np.isfinite(e.value)]
    return {
        "x": np.array([p.bits if by == "label" else p.true_bits for p in finite], dtype=float),
        "y": middle,
        "low": low,
        "high": high,
        "color": [palette(theme).scheme[p.scheme] for p in finite],
        "title": [SHORT_TITLES.get(p.scheme, p.scheme) for p in finite],
        "text": [str(p.estimates[name]) for p in finite],
    }


def _reference_look(view: QualityView, name: str) -> dict[str, dict[str, Any]]:
    """Places the band and the dashed line, where there is a reference to show."""
    found: dict[str, dict[str, Any]] = {}
    known = view.reference.get(name)
    found["band"] = {"visible": known is not None}
    found["mean"] = {"visible": known is not None}
    if known is not None:
        mean, low, high = known
        found["band"] |= {"bottom": low, "top": high}
        found["mean"] |= {"location": mean}
    now = view.live_reference.estimates.get(name)
    found["now"] = {"visible": now is not None}
    if now is not None:
        found["now"] |= {"location": now.value}
    return found


def _reference_name(view: QualityView, name: str, frame: Frame) -> dict:
    """Names the band at its left end."""
    if name not in view.reference:
        return {"x": np.empty(0), "y": np.empty(0), "text": []}
    at = frame.x_of(0.012), max(view.reference[name][2], frame.y_range["start"])
    return {"x": np.array([at[0]]), "y": np.array([at[1]]), "text": ["full precision"]}


def _x_range(view: QualityView, by: str) -> dict[str, float]:
    """Fits the axis to all lines and rings, and leaves room for the names."""
    if by == "label":
        low = min([1.6, *(p.bits - 0.4 for p in view.live)])
        return {"start": low, "end": 8.2 + (8.2 - low) * LABEL_SHARE}
    lines = [line.true_bits for of in view.lines.values() for line in of.values()]
    points = np.concatenate([*lines, [p.true_bits for p in view.live], [2.3, 8.6]])
    low, high = float(points.min()) / 1.06, float(points.max()) * 1.03
    return {"start": low, "end": high * (high / low) ** LABEL_SHARE}


def _y_range(view: QualityView, name: str) -> dict[str, float]:
    """Fits the axis to everything that is drawn; the end of an interval may run out of sight."""
    lines = [line.value for line in view.lines.get(name, {}).values()]
    points = [p.estimates[name] for p in (*view.live, view.live_reference) if name in p.estimates]
    ends = [v for e in points for v in (e.value, e.high)]
    values = np.concatenate([*lines, ends, view.reference.get(name, ())]).astype(float)
    values = values[np.isfinite(values)]
    if name in LOGARITHMIC:
        positive = values[values > 0]
        if not positive.size:
            return {"start": 1e-3, "end": 1.0}
        return {"start": float(0.7 * positive.min()), "end": float(1.3 * positive.max())}
    if name in ("ssim", "readability"):
        return {"start": 0.0, "end": 1.04}
    high = float(values.max(initial=1.0))
    return {"start": min(0.0, float(values.min(initial=0.0))), "end": 1.06 * high}


def _names(lines: dict[str, QualityLine], chosen: list[str], frame: Frame, theme: str) -> dict:
    """Places each line's name at its end."""
    ends = {
        scheme: (float((line.true_bits if frame.log_x else line.bits)[-1]), float(line.value[-1]))
        for scheme, line in lines.items()
    }
    x, y = place_names(list(ends.values()), frame, LABEL_GAP)
    colours = palette(theme).scheme
    return {
        "x": x,
        "y": y,
        "text": [SHORT_TITLES.get(s, s) for s in ends],
        "color": [colours[s] for s in ends],
        "alpha": [1.0 if s in chosen else 0.8 for s in ends],
    }
