"""The distance panel: W2 against bits for all schemes, tensor by tensor, and plain figures."""

__all__ = ["DistancePanel"]

from collections.abc import Callable
from html import escape

import ipywidgets as w
import numpy as np

from ...explore import DistanceView, SensitivityView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, toggle
from .curves import curves_columns, curves_figure, drawn
from .figures import figures_table
from .tensors import Bars, tensors_columns, tensors_figure

BARS = {"layers": "relative error", "sensitivity": "relative change of v"}
"""The modes that show a bar for each tensor, and what its height is."""


class DistancePanel:
    """Shows where the chosen point lies among all schemes and bit widths.

    Args:
        on_layer: Called with a tensor's name when a person clicks its bar.
        on_point: Called with a scheme and a bit width when a person clicks a point of a curve.
    """

    def __init__(
        self, on_layer: Callable[[str], None], on_point: Callable[[str, int], None]
    ) -> None:
        self.mode = toggle(
            {
                "model": "model",
                "tensor": "layer",
                "all tensors": "layers",
                "sensitivity": "sensitivity",
            },
            [
                "Shows the distance of the whole model against bits.",
                "Shows the distance of the chosen tensor against bits.",
                "Shows the relative error of every tensor; click a bar to choose it.",
                "Measures how much the velocity changes when one tensor alone is quantized.",
            ],
        )
        self.view = FigureView("Wasserstein-2 distance against bits", self._select)
        self.table = w.HTML().add_class("fmq-figures")
        body = w.HBox([self.view, self.table]).add_class("fmq-distance-body")
        self.widget = Card("Distance", [self.mode], [body], "01_quantizers_and_w2").add_class(
            "fmq-distance"
        )
        self._on_layer, self._on_point = on_layer, on_point
        self._theme, self._mode = "light", "model"
        self._drawn: DistanceView | None = None
        self._measured: SensitivityView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew, in a theme and for the chosen mode."""
        self._theme, self._mode = theme, str(self.mode.value)
        if self._mode in BARS:
            figure = tensors_figure(BARS[self._mode])
            self.view.show(figure, bokeh_theme(theme), selectable=("tensors",))
        else:
            selectable = tuple(f"curve_{scheme}" for scheme in SHORT_TITLES)
            self.view.show(curves_figure(theme), bokeh_theme(theme), selectable)
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: DistanceView) -> None:
        """Draws a view."""
        self._drawn = view
        self.table.value = figures_table(view, palette(self._theme).scheme)
        if self._mode in BARS:
            self._draw_bars(view)
            return
        of = "the whole model" if self._mode == "model" else escape(view.layer)
        self.widget.note.value = caption(f"W₂ of {of} against bits")
        self.view.update(*curves_columns(view, self._curves(view), self._theme))

    def draw_sensitivity(self, measured: SensitivityView) -> None:
        """Draws what was measured tensor by tensor."""
        self._measured = measured
        if self._mode == "sensitivity" and self._drawn is not None:
            self._draw_bars(self._drawn)

    def _draw_bars(self, view: DistanceView) -> None:
        schemes = view.primary.scheme, view.compare.scheme if view.compare else ""
        if self._mode == "layers":
            errors, compare_errors = view.layer_errors, view.compare_errors
            self.widget.note.value = caption("relative error of each tensor · click one")
        else:
            found = self._measured
            # What was measured of another model has no place here; of other bits it waits, dimmed
            known = found is not None and found.layers == view.layers
            errors = found.errors if known and found else np.zeros(len(view.layers))
            compare_errors = found.compare_errors if known and found else None
            self.widget.note.value = caption(
                "change of the velocity when one tensor alone is quantized · click one"
            )
        bars = Bars(view.layers, view.layer, schemes, errors, compare_errors)
        self.view.update(*tensors_columns(bars, self._theme))

    def _select(self, source: str, indices: list[int]) -> None:
        if self._drawn is None:
            return
        if source == "tensors":
            self._on_layer(self._drawn.layers[indices[0]])
        else:
            scheme = source.removeprefix("curve_")
            curve = self._curves(self._drawn)[scheme]
            self._on_point(scheme, int(self._drawn.bits[drawn(curve)[indices[0]]]))

    def _curves(self, view: DistanceView) -> dict[str, np.ndarray]:
        return view.model_curves if self._mode == "model" else view.layer_curves
