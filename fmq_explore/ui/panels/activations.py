"""The activation panel: what goes into a layer over time, and what its static range costs."""

__all__ = ["ActivationsPanel"]

from html import escape

import ipywidgets as w

from ...explore import ACTIVATION_METHODS, ActivationCost, ActivationView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .activation_figure import activation_columns, activation_figure
from .base import Card, caption, toggle

TUTORIAL = "03_quantizing_a_generator"
COLUMNS = {"": "float", **ACTIVATION_METHODS}
TIPS = {
    "": "Activations stay in floating point.",
    "min_max": "Clips nothing: from the smallest value seen to the largest.",
    "mse": "Takes the range of least squared error.",
    "percentile": "Clips 0.05 % of the values at either end.",
    "entropy": "Takes the range that loses the least information about the histogram.",
}


class ActivationsPanel:
    """Shows one layer's input at every time under the range that has to serve all times."""

    def __init__(self) -> None:
        names = {title: name for name, title in ACTIVATION_METHODS.items()}
        self.mode = toggle(names, [TIPS[name] for name in ACTIVATION_METHODS])
        self.view = FigureView("Input of a layer over time, and its static range")
        self.table = w.HTML().add_class("fmq-costs")
        self.widget = Card("Activations", [self.mode], [self.view, self.table], TUTORIAL)
        self.widget.add_class("fmq-activations")
        self._theme = "light"
        self._layer = ""
        self._drawn: ActivationView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew in a theme."""
        self._theme = theme
        self.view.show(activation_figure(theme), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def show_layer(self, tensor: str) -> None:
        """Takes the tensor on show, whose layer is drawn."""
        name = tensor.removesuffix(".weight")
        if name != self._layer:
            self._layer = name
            if self._drawn is not None:
                self.draw(self._drawn)

    def draw(self, view: ActivationView) -> None:
        """Draws a view."""
        self._drawn = view
        method = str(self.mode.value)
        self.table.value = _table(view, method, self._theme)
        layer = view.layers.get(self._layer)
        if layer is None:
            self.view.layout.visibility = "hidden"
            self.widget.note.value = caption(_without(self._layer))
            return
        self.view.layout.visibility = None
        self.view.update(*activation_columns(view, layer, method, self._theme))
        self.widget.note.value = caption(
            f"<b>{escape(self._layer)}</b>: what goes in while the reference draws {view.n} samples"
            f"<br>dashes: one {view.bits}-bit grid for all times, 0 exactly on it"
        )


def _without(name: str) -> str:
    if not name:
        return ""
    return f"<b>{escape(name)}</b> is no convolution or linear layer: choose another tensor."


def _table(view: ActivationView, method: str, theme: str) -> str:
    """Returns the cost of every method, a column each, the chosen one set off."""
    colours = palette(theme)
    figure = next(iter(view.costs.values())).figure
    measure = f"{figure} (dB)" if figure == "PSNR" else figure
    rows = [
        _row(
            "velocity error",
            "Relative RMS error of the velocity along the reference's path, with weights in full "
            "precision.",
            colours.muted,
            [_error(view.costs.get(m)) for m in COLUMNS],
            method,
        ),
        _row(
            f"{measure}, float weights",
            f"{figure} to the reference's samples, with weights in full precision.",
            colours.muted,
            [_fidelity(view.costs.get(m)) for m in COLUMNS],
            method,
        ),
    ]
    if view.scheme:
        title = SHORT_TITLES.get(view.scheme, view.scheme)
        rows.append(
            _row(
                f"{measure}, {title}",
                f"{figure} to the reference's samples, with the weights of {title}.",
                colours.scheme.get(view.scheme, colours.reference),
                [_fidelity(view.scheme_costs[m]) for m in COLUMNS],
                method,
            )
        )
    heads = "".join(
        f'<th{_chosen(m, method)} title="{TIPS[m]}">{title}</th>' for m, title in COLUMNS.items()
    )
    head = f"<thead><tr><td>activations in {view.bits} bits</td>{heads}</tr></thead>"
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def _row(title: str, tip: str, colour: str, cells: list[str], method: str) -> str:
    columns = "".join(
        f"<td{_chosen(m, method)}>{cell}</td>" for m, cell in zip(COLUMNS, cells, strict=True)
    )
    return f'<tr><th scope="row" title="{tip}" style="--c:{colour}">{title}</th>{columns}</tr>'


def _chosen(column: str, method: str) -> str:
    return ' class="fmq-chosen"' if column == method else ""


def _error(cost: ActivationCost | None) -> str:
    return "–" if cost is None else f"{cost.velocity_error:.1%}"


def _fidelity(cost: ActivationCost | None) -> str:
    if cost is None:
        return "–"
    return f"{cost.fidelity:.1f}" if cost.figure == "PSNR" else f"{cost.fidelity:.4f}"
