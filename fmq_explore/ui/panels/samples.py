"""The samples panel: reference and quantized samples from the same noise, at any time."""

__all__ = ["SamplesPanel"]

from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np

from ...explore import SampleSet, SamplesView, TraceView
from ..figure import FigureView
from ..sheet import SheetView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, clean_figure, column_source, fixed_range, toggle

if TYPE_CHECKING:
    from torch import Tensor

ROLES = ("reference", "a", "b")


class SamplesPanel:
    """Shows what the networks make of the same noise."""

    def __init__(self) -> None:
        self.mode = toggle(
            {"samples": "samples", "difference": "difference"},
            [
                "Shows the samples themselves.",
                "Shows each quantized sample minus the reference's: grey is no difference.",
            ],
        )
        self.heads = {role: w.HTML().add_class("fmq-sample-head") for role in ROLES}
        self.sheets = {role: SheetView(f"Samples: {role}") for role in ROLES}
        self.clouds = {role: FigureView(f"Samples: {role}") for role in ROLES}
        self.columns = {role: w.VBox().add_class("fmq-sample-column") for role in ROLES}
        self.body = w.HBox(list(self.columns.values())).add_class("fmq-samples-body")
        self.widget = Card(
            "Samples", [self.mode], [self.body], "03_quantizing_a_generator"
        ).add_class("fmq-samples")
        self._theme = "light"
        self._drawn: SamplesView | None = None
        self._background = np.empty((0, 2))
        self._images: bool | None = None
        self._fraction = 1.0

    def build(self, theme: str) -> None:
        """Makes the figures anew in a theme."""
        self._theme = theme
        if self._images is False:
            self._build_clouds()
        if self._drawn is not None:
            self.draw(self._drawn)

    def _build_clouds(self) -> None:
        for role, cloud in self.clouds.items():
            cloud.show(_cloud_figure(self._theme, role), bokeh_theme(self._theme))

    def set_background(self, trace: TraceView) -> None:
        """Takes the real data that lie behind clouds of points."""
        if trace.background is not self._background:
            self._background = trace.background
            if self._images is False:
                for cloud in self.clouds.values():
                    cloud.update({"data": _xy(trace.background)}, _square(trace.background))

    def draw(self, view: SamplesView) -> None:
        """Draws a view at the time chosen last."""
        self._drawn = view
        self._arrange(view)
        for role, samples in _roles(view):
            if samples is not None:
                self.heads[role].value = self._head(role, samples)
        quick = " · quick preview" if view.preview else ""
        quick += " · grey is no difference" if self._shows_difference(view) else ""
        n, steps = view.reference.path.shape[1], len(view.times) - 1
        self.widget.note.value = caption(f"{n} from the same noise, {steps} steps{quick}")
        self.draw_time(self._fraction)

    def draw_time(self, fraction: float) -> None:
        """Draws all samples at a time between noise (0) and data (1)."""
        view = self._drawn
        self._fraction = fraction
        if view is None:
            return
        reference = _at(view.reference.path, fraction)
        for role, samples in _roles(view):
            if samples is not None:
                self._draw_one(role, _at(samples.path, fraction), reference, view.n_full)

    def _draw_one(self, role: str, samples: "Tensor", reference: "Tensor", n_full: int) -> None:
        difference = self.mode.value == "difference" and role != "reference"
        if self._images:
            shown = samples - reference if difference else samples
            self.sheets[role].update(_tiles(shown), n_full)
        else:
            links = _links(reference, samples) if difference else _xy(np.empty((0, 2)))
            self.clouds[role].update({"points": _xy(samples.numpy()), "links": links})

    def _shows_difference(self, view: SamplesView) -> bool:
        return self.mode.value == "difference" and view.reference.path.ndim == 5

    def _arrange(self, view: SamplesView) -> None:
        """Shows sheets for images and clouds for points, and a third column for a second scheme."""
        images = view.reference.path.ndim == 5
        if images is not self._images:
            self._images = images
            if not images:
                self._build_clouds()  # they take a tenth of a second, and images need none
            views = self.sheets if images else self.clouds
            for role, column in self.columns.items():
                column.children = [self.heads[role], views[role]]
            self._background = np.empty((0, 2))
        for sheet in self.sheets.values():
            sheet.columns = 4 if view.n_full <= 16 else 8
        self.columns["b"].layout.display = None if view.compare else "none"
        (self.body.add_class if view.compare else self.body.remove_class)("fmq-three")
        for role, samples in (("a", view.primary), ("b", view.compare)):
            if samples is not None and not images:
                colour = palette(self._theme).scheme.get(samples.scheme)
                look = {"dots_points": {"fill_color": colour}} if colour else {}
                self.clouds[role].update(properties=look)

    def _head(self, role: str, samples: SampleSet) -> str:
        colours = palette(self._theme)
        if role == "reference":
            return _head_html(colours.reference, "full precision", "the reference")
        title = SHORT_TITLES.get(samples.scheme, "full precision")
        colour = colours.scheme.get(samples.scheme, colours.reference)
        figures = "".join(_figure_text(k, v) for k, v in samples.fidelity.items())
        return _head_html(colour, title, figures)


def _roles(view: SamplesView) -> list[tuple[str, SampleSet | None]]:
    shown = (view.shown_reference, view.primary, view.compare)
    return list(zip(ROLES, shown, strict=True))


def _at(path: "Tensor", fraction: float) -> "Tensor":
    return path[round(fraction * (len(path) - 1))]


def _head_html(colour: str, title: str, figures: str) -> str:
    return (
        f'<div class="fmq-sample-title" style="--c:{colour}">{escape(title)}</div>'
        f'<div class="fmq-sample-figures">{figures or "…"}</div>'
    )


def _figure_text(name: str, value: float) -> str:
    units = {"PSNR": f"{value:.1f} dB", "SSIM": f"{value:.3f}"}
    text = "identical" if np.isinf(value) else units.get(name, f"{value:.4f}")
    tips = {
        "PSNR": "Fidelity: peak signal-to-noise ratio to the reference's images, data range 2.",
        "SSIM": "Fidelity: structural similarity to the reference's images, 1 is identical.",
        "RMS gap": "Fidelity: root mean square gap to the reference's sample, in a coordinate.",
    }
    return f'<span title="{tips.get(name, "")}">{name} <b>{text}</b></span>'


def _tiles(images: "Tensor") -> np.ndarray:
    """Maps images (n, c, h, w) in [-1, 1] to bytes (n, h, w, c); values outside are clipped."""
    scaled = images.clamp(-1.0, 1.0).add(1.0).mul_(127.5).round_()
    return scaled.permute(0, 2, 3, 1).byte().numpy()


def _xy(points: np.ndarray) -> dict[str, np.ndarray]:
    points = np.asarray(points, dtype=np.float32)
    return {"x": points[:, 0].copy(), "y": points[:, 1].copy()}


def _links(reference: "Tensor", samples: "Tensor") -> dict[str, np.ndarray]:
    """Joins each sample with the reference's from the same noise, NaN between the lines."""
    gap = np.full_like(samples.numpy(), np.nan)
    return _xy(np.stack([reference.numpy(), samples.numpy(), gap], axis=1).reshape(-1, 2))


def _square(points: np.ndarray) -> dict[str, dict[str, float]]:
    """Returns equal ranges on both axes around the data."""
    reach = 1.15 * float(np.abs(points).max(initial=1.0))
    return {name: {"start": -reach, "end": reach} for name in ("x", "y")}


def _cloud_figure(theme: str, role: str):
    colours = palette(theme)
    plot = clean_figure(
        x_range=fixed_range("x", -4, 4), y_range=fixed_range("y", -4, 4), min_border=0
    )
    plot.axis.visible = False
    plot.grid.visible = False
    for name, colour, alpha, size in (
        ("data", colours.bars, 0.7, 3),
        ("points", colours.reference if role == "reference" else colours.text, 0.7, 3.5),
    ):
        source = column_source(name, "x", "y")
        dots = plot.scatter(
            "x", "y", source=source, size=size, fill_color=colour, fill_alpha=alpha, line_color=None
        )
        dots.glyph.name = f"dots_{name}"
    links = column_source("links", "x", "y")
    plot.line("x", "y", source=links, line_color=colours.muted, line_alpha=0.6)
    return plot
