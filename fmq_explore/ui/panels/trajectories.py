"""The trajectories panel: paths from noise to data in a fixed plane, and how far apart they run."""

__all__ = ["TrajectoriesPanel"]

from typing import Any

import ipywidgets as w
import numpy as np
from bokeh.models import BasicTicker, Span

from ...explore import TraceView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, clean_figure, column_source, fixed_range, segments

ROLES = ("reference", "a", "b")


class TrajectoriesPanel:
    """Shows the paths of all networks from the same noise, with the divergence over time below."""

    def __init__(self) -> None:
        self.plane = FigureView("Trajectories from noise to data")
        self.gap = FigureView("Distance to the reference over time")
        self.plane.add_class("fmq-plane")
        self.gap.add_class("fmq-gap")
        self.legend = w.HTML().add_class("fmq-legend")
        self.widget = Card(
            "Trajectories", [self.legend], [self.plane, self.gap], "02_flow_matching"
        )
        self.widget.add_class("fmq-trajectories")
        self._theme = "light"
        self._schemes: tuple[str, str] = ("", "")
        self._drawn: TraceView | None = None
        self._background: np.ndarray | None = None
        self._fraction = 1.0

    def build(self, theme: str) -> None:
        """Makes the figures anew in a theme."""
        self._theme = theme
        self.plane.show(_plane_figure(theme), bokeh_theme(theme))
        self.gap.show(_gap_figure(theme), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: TraceView) -> None:
        """Draws a view, with its dots at the time chosen last."""
        self._drawn = view
        self._schemes = (*list(view.divergence), "")[:2]  # type: ignore[assignment]
        empty = np.empty((2, 0, 2))
        sources = {
            f"paths_{role}": segments(empty if paths is None else paths)
            for role, paths in zip(ROLES, (view.reference, view.primary, view.compare), strict=True)
        }
        properties = {**self._colours(), **_axis_names(view)}
        if view.background is not self._background:
            self._background = view.background
            sources["data"] = {"x": view.background[:, 0] * 1.0, "y": view.background[:, 1] * 1.0}
        properties |= _reach(view)
        self.plane.update({**sources, **self._dots(view)}, properties)
        self.gap.update(*self._gap_columns(view))
        self._describe(view)

    def draw_time(self, fraction: float) -> None:
        """Moves the dots and the time line to a time between noise (0) and data (1)."""
        self._fraction = fraction
        if self._drawn is not None:
            self.plane.update(self._dots(self._drawn))
            self.gap.update(properties={"now": {"location": fraction}})

    def _dots(self, view: TraceView) -> dict[str, dict[str, np.ndarray]]:
        index = round(self._fraction * (len(view.times) - 1))
        sets = zip(ROLES, (view.reference, view.primary, view.compare), strict=True)
        return {
            f"dots_{role}": {"x": paths[index, :, 0].copy(), "y": paths[index, :, 1].copy()}
            if paths is not None
            else {"x": np.empty(0), "y": np.empty(0)}
            for role, paths in sets
        }

    def _colour(self, scheme: str) -> str:
        colours = palette(self._theme)
        return colours.scheme.get(scheme, colours.reference)

    def _colours(self) -> dict[str, dict[str, str]]:
        return {
            f"{kind}_{role}_look": {key: self._colour(scheme)}
            for role, scheme in zip(("a", "b"), self._schemes, strict=True)
            for kind, key in (("paths", "line_color"), ("dots", "fill_color"))
        }

    def _gap_columns(self, view: TraceView) -> tuple[dict, dict]:
        sources: dict[str, Any] = {}
        properties: dict[str, Any] = {"now": {"location": self._fraction}}
        values = [*view.divergence.values(), np.empty(0)][:2]
        for role, scheme, gap in zip(("a", "b"), self._schemes, values, strict=True):
            sources[f"gap_{role}"] = {"t": view.times[: len(gap)] * 1.0, "gap": gap}
            properties[f"gap_{role}_look"] = {"line_color": self._colour(scheme)}
        highest = max((float(v.max(initial=0.0)) for v in values), default=0.0)
        properties["gap"] = {"start": 0.0, "end": 1.12 * highest or 1.0}
        return sources, properties

    def _describe(self, view: TraceView) -> None:
        quick = " · quick preview" if view.preview else ""
        self.widget.note.value = caption(f"{view.reference.shape[1]} paths{quick}")
        names = [("reference", palette(self._theme).reference)]
        names += [(SHORT_TITLES[s], self._colour(s)) for s in self._schemes if s in SHORT_TITLES]
        self.legend.value = "".join(
            f'<span class="fmq-key" style="--c:{colour}">{name}</span>' for name, colour in names
        )


def _axis_names(view: TraceView) -> dict[str, dict[str, str]]:
    return {"x_axis": {"axis_label": view.axes[0]}, "y_axis": {"axis_label": view.axes[1]}}


def _reach(view: TraceView) -> dict[str, dict[str, float]]:
    """Fits both axes to data and reference paths, so that the frame stays while bits change."""
    data = np.quantile(view.background, [0.002, 0.998], axis=0)
    points = np.concatenate([data, view.reference.reshape(-1, 2)])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.05 * (high - low)
    return {
        name: {"start": float(low[i] - margin[i]), "end": float(high[i] + margin[i])}
        for i, name in enumerate(("x", "y"))
    }


def _plane_figure(theme: str):
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("x", -4, 4), y_range=fixed_range("y", -4, 4))
    plot.xaxis.name, plot.yaxis.name = "x_axis", "y_axis"
    data = column_source("data", "x", "y")
    plot.scatter(
        "x", "y", source=data, size=4, fill_color=colours.bars, fill_alpha=0.55, line_color=None
    )
    for role, alpha in (("reference", 0.3), ("b", 0.35), ("a", 0.4)):
        source = column_source(f"paths_{role}", "x", "y")
        line = plot.line(
            "x", "y", source=source, line_color=colours.reference, line_alpha=alpha, line_width=1.2
        )
        line.glyph.name = f"paths_{role}_look"
    for role in ROLES:
        source = column_source(f"dots_{role}", "x", "y")
        dots = plot.scatter(
            "x",
            "y",
            source=source,
            size=5,
            fill_color=colours.reference,
            line_color=None,
            fill_alpha=0.9,
        )
        dots.glyph.name = f"dots_{role}_look"
    return plot


def _gap_figure(theme: str):
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("t", -0.01, 1.01), y_range=fixed_range("gap"))
    plot.xaxis.axis_label = "t (0 noise, 1 data)"
    plot.yaxis.axis_label = "RMS gap"
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=3)
    plot.xgrid.visible = False
    for role in ("b", "a"):
        source = column_source(f"gap_{role}", "t", "gap")
        line = plot.line("t", "gap", source=source, line_width=3)
        line.glyph.name = f"gap_{role}_look"
    plot.add_layout(
        Span(
            dimension="height", location=1.0, line_color=colours.muted, line_dash=[4, 3], name="now"
        )
    )
    return plot
