"""The latent panel: the noise that each network finds behind the same real images."""

__all__ = ["LatentsPanel"]

from typing import Any

import ipywidgets as w
import numpy as np
from bokeh.models import FixedTicker, HoverTool, Span

from ...explore import LatentSet, LatentView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, clean_figure, column_source, fixed_range

ROLES = ("reference", "a", "b")
REACH = 3.2  # standard deviations of noise that are always in sight
ANGLES = np.linspace(0, 2 * np.pi, 97)


class LatentsPanel:
    """Shows latents in one fixed plane, and their variance along each axis of one fixed basis."""

    def __init__(self) -> None:
        self.plane = FigureView("Latents of real images in a fixed plane").add_class("fmq-square")
        self.axes = FigureView("Variance of the latents along each axis")
        self.table = w.HTML().add_class("fmq-figures")
        self.legend = w.HTML().add_class("fmq-legend")
        body = w.HBox([self.plane, self.axes, self.table]).add_class("fmq-latents-body")
        tutorial = "05_latents_and_trajectories"
        self.widget = Card("Latents", [self.legend], [body], tutorial).add_class("fmq-latents")
        self._theme = "light"
        self._drawn: LatentView | None = None

    def build(self, theme: str) -> None:
        """Makes the figures anew in a theme."""
        self._theme = theme
        self.plane.show(_plane_figure(theme), bokeh_theme(theme))
        self.axes.show(_axes_figure(theme), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: LatentView) -> None:
        """Draws a view."""
        self._drawn = view
        sets = _sets(view)
        self.plane.update(*_plane_columns(view, self._theme))
        sources: dict[str, Any] = {}
        properties: dict[str, Any] = {"axis": {"start": 0.3, "end": _n_axes(view) + 0.7}}
        for role, one in zip(ROLES, sets, strict=True):
            variance = np.empty(0) if one is None else one.variance
            sources[f"variance_{role}"] = {"x": np.arange(1.0, len(variance) + 1), "y": variance}
            look = {"line_color": self._colour(one)}
            properties |= {f"variance_{role}_look": look, f"variance_{role}_dots": look}
        highest = max(float(one.variance.max()) for one in sets if one is not None)
        properties["variance"] = {"start": 0.0, "end": 1.08 * max(highest, 1.2)}
        self.axes.update(sources, properties)
        self._describe(view)

    def _colour(self, one: LatentSet | None) -> str:
        colours = palette(self._theme)
        return (
            colours.reference if one is None else colours.scheme.get(one.scheme, colours.reference)
        )

    def _describe(self, view: LatentView) -> None:
        shown = [one for one in _sets(view) if one is not None]
        self.widget.note.value = caption(
            f"{view.n} real test samples, integrated back to noise · circles: 1 and 2 standard "
            "deviations of the noise · axes fitted once, on the reference"
        )
        self.legend.value = "".join(
            f'<span class="fmq-key" style="--c:{self._colour(one)}">{_title(one)}</span>'
            for one in shown
        )
        self.table.value = _table(shown, [self._colour(one) for one in shown])


def _sets(view: LatentView) -> tuple[LatentSet, LatentSet | None, LatentSet | None]:
    primary = view.primary if view.primary.scheme else None
    return view.reference, primary, view.compare


def _title(one: LatentSet) -> str:
    return SHORT_TITLES.get(one.scheme, one.scheme) if one.scheme else "reference"


def _n_axes(view: LatentView) -> int:
    return len(view.reference.variance)


ROWS = (
    (
        "drift",
        "Root mean square difference to the reference's latents of the same images, a coordinate.",
        lambda one: "–" if one.drift is None else f"{one.drift:.3f}",
    ),
    (
        "variance",
        "Variance of a coordinate of the latents; that of the noise is 1.",
        lambda one: f"{one.total_variance:.3f}",
    ),
    (
        "normality",
        "Squared W2 distance of each axis, standardised, to a Gaussian, less what chance gives: "
        "0 for a Gaussian.",
        lambda one: f"{one.normality:+.3f}".replace("-", "−"),
    ),
)


def _table(sets: list[LatentSet], colours: list[str]) -> str:
    heads = "".join(
        f'<th style="--c:{colour}">{_title(one)}</th>'
        for one, colour in zip(sets, colours, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row" title="{tip}">{name}</th>'
        + "".join(f"<td>{text(one)}</td>" for one in sets)
        + "</tr>"
        for name, tip, text in ROWS
    )
    head = f"<thead><tr><td></td>{heads}</tr></thead>"
    return f'<table class="fmq-two">{head}<tbody>{rows}</tbody></table>'


def _plane_figure(theme: str):
    """Returns a square figure: its borders are equal, so that circles are round."""
    colours = palette(theme)
    plot = clean_figure(
        x_range=fixed_range("x", -REACH, REACH),
        y_range=fixed_range("y", -REACH, REACH),
        min_border_left=52,
        min_border_bottom=52,
        min_border_right=6,
        min_border_top=6,
    )
    plot.xaxis.axis_label, plot.yaxis.axis_label = "axis 1", "axis 2"
    for role in ("b", "a"):
        links = column_source(f"links_{role}", "x", "y")
        line = plot.line("x", "y", source=links, line_alpha=0.45, line_width=1)
        line.glyph.name = f"links_{role}_look"
    for role in ("reference", "b", "a"):
        source = column_source(f"points_{role}", "x", "y")
        dots = plot.scatter("x", "y", source=source, size=5.5, line_color=None, fill_alpha=0.75)
        dots.glyph.name = f"points_{role}_look"
    for radius in (1, 2):
        x, y = radius * np.cos(ANGLES), radius * np.sin(ANGLES)
        plot.line(x, y, line_color=colours.text, line_dash=[5, 3], line_width=1.6)
    return plot


def _plane_columns(view: LatentView, theme: str) -> tuple[dict, dict]:
    colours = palette(theme)
    sources: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    reach = REACH
    for role, one in zip(ROLES, _sets(view), strict=True):
        points = np.empty((0, 2)) if one is None else one.points
        reach = max(reach, 1.06 * float(np.abs(points).max(initial=0.0)))
        colour = (
            colours.reference if one is None else colours.scheme.get(one.scheme, colours.reference)
        )
        sources[f"points_{role}"] = {"x": points[:, 0].copy(), "y": points[:, 1].copy()}
        properties[f"points_{role}_look"] = {"fill_color": colour}
        if role != "reference":
            sources[f"links_{role}"] = _links(view.reference.points, points)
            properties[f"links_{role}_look"] = {"line_color": colour}
    for name in ("x", "y"):
        properties[name] = {"start": -reach, "end": reach}
    return sources, properties


def _links(reference: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
    """Joins the two latents of each image, NaN between the lines."""
    if not len(points):
        return {"x": np.empty(0), "y": np.empty(0)}
    line = np.stack([reference, points, np.full_like(points, np.nan)], axis=1).reshape(-1, 2)
    return {"x": line[:, 0].copy(), "y": line[:, 1].copy()}


def _axes_figure(theme: str):
    colours = palette(theme)
    plot = clean_figure(x_range=fixed_range("axis", 0.3, 20.7), y_range=fixed_range("variance"))
    plot.xaxis.axis_label = "axis of the fixed basis"
    plot.xaxis.ticker = FixedTicker(ticks=[1, 5, 10, 15, 20])
    plot.yaxis.axis_label = "variance"
    plot.xgrid.visible = False
    one = Span(dimension="width", location=1.0, line_color=colours.muted, line_dash=[5, 4])
    plot.add_layout(one)
    renderers = []
    for role in ("reference", "b", "a"):
        source = column_source(f"variance_{role}", "x", "y")
        line = plot.line("x", "y", source=source, line_width=2.5)
        dots = plot.scatter("x", "y", source=source, size=6, fill_color=colours.card, line_width=2)
        line.glyph.name, dots.glyph.name = f"variance_{role}_look", f"variance_{role}_dots"
        renderers.append(dots)
    plot.add_tools(HoverTool(renderers=renderers, tooltips=[("axis", "@x"), ("variance", "@y")]))
    return plot
