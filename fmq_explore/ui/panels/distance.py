"""The distance panel: W2 against bits for all schemes, tensor by tensor, and plain figures."""

__all__ = ["DistancePanel"]

from collections.abc import Callable
from html import escape

import ipywidgets as w

from ...explore import DistanceView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, toggle
from .curves import curves_columns, curves_figure
from .figures import figures_table
from .tensors import tensors_columns, tensors_figure


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
        self.widget = Card("Distance", [self.mode], [body], "01_quantizers_and_w2").add_class(
            "fmq-distance"
        )
        self._on_layer, self._on_point = on_layer, on_point
        self._theme, self._mode = "light", "model"
        self._drawn: DistanceView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew, in a theme and for the chosen mode."""
        self._theme, self._mode = theme, str(self.mode.value)
        if self._mode == "layers":
            self.view.show(tensors_figure(), bokeh_theme(theme), selectable=("tensors",))
        else:
            selectable = tuple(f"curve_{scheme}" for scheme in SHORT_TITLES)
            self.view.show(curves_figure(theme), bokeh_theme(theme), selectable)
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: DistanceView) -> None:
        """Draws a view."""
        self._drawn = view
        self.table.value = figures_table(view, palette(self._theme).scheme)
        if self._mode == "layers":
            self.widget.note.value = caption("relative error of each tensor · click one")
            self.view.update(*tensors_columns(view, self._theme))
            return
        of = "the whole model" if self._mode == "model" else escape(view.layer)
        self.widget.note.value = caption(f"W₂ of {of} against bits")
        curves = view.model_curves if self._mode == "model" else view.layer_curves
        self.view.update(*curves_columns(view, curves, self._theme))

    def _select(self, source: str, indices: list[int]) -> None:
        if self._drawn is None:
            return
        if source == "tensors":
            self._on_layer(self._drawn.layers[indices[0]])
        else:
            self._on_point(source.removeprefix("curve_"), int(self._drawn.bits[indices[0]]))
