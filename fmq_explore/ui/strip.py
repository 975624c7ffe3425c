"""The line of chips at the foot of the explorer: bytes, true bits, and which chips they fit."""

__all__ = ["ChipStrip", "strip_html"]

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w

from ..explore import HardwareView
from .amounts import file_size

if TYPE_CHECKING:
    from ..hardware import Assessment

NOTEBOOK = "../apps/hardware.ipynb"
"""The hardware app, from the folder of the tutorials, where the page looks for notebooks."""


class ChipStrip:
    """One line of fixed width; a pointer or the Tab key opens the list of chips above it."""

    def __init__(self) -> None:
        self.widget = w.HTML().add_class("fmq-strip")

    def draw(self, view: HardwareView, query: str) -> None:
        """Shows a view; the query leads to it in the hardware app."""
        self.widget.value = strip_html(view, query)


def strip_html(view: HardwareView, query: str) -> str:
    """Returns the line, and the list that opens above it."""
    n = len(view.assessments)
    unknown = bool(view.of("unknown"))
    count = len(view.of("unknown")) if unknown else view.n_fitting
    verb = "flash of" if unknown else "fits"
    words = f"{verb} <b>{count}</b> of {n} chips"
    link = f"?{escape(query)}"
    return (
        '<div class="fmq-strip-line">'
        f'<span title="Size of the saved file."><b>{file_size(view.weights.n_bytes)}</b></span>'
        '<span title="Bits per weight: size of the file, all included, over the number of '
        f'parameters."><b>{view.weights.bits_per_weight:.2f}</b> bits per weight</span>'
        f'<a class="fmq-voila-only" href="{link}" target="_blank">{words}</a>'
        f'<a class="fmq-lab-only" href="#" data-notebook="{NOTEBOOK}">{words}</a>'
        f"</div>{_box(view)}"
    )


def _box(view: HardwareView) -> str:
    groups = (
        ("fits", "as stored", view.of("fits")),
        ("decodes", "with decoding", view.of("decodes")),
        ("no-kernels", "room, but no kernels at this width", view.of("no kernels")),
        ("unknown", "room for the weights; there is no network", view.of("unknown")),
    )
    lines = [_group(name, words, found) for name, words, found in groups if found]
    small = view.of("too small")
    lines += ['<dt class="fmq-small">too small</dt><dd>' + _missing(small) + "</dd>"] * bool(small)
    plan = view.plan
    width = "int8" if plan.activation_bits == 8 else "float32"
    if view.assessments[0].activation_bits == 32:
        width = "float32"
    note = f"{width} activations, {plan.solver}, {plan.steps} steps. A click shows every figure."
    return f'<div class="fmq-strip-box"><dl>{"".join(lines)}</dl><p>{note}</p></div>'


def _group(name: str, words: str, found: Iterable["Assessment"]) -> str:
    titles = ", ".join(escape(one.device.title) for one in found)
    return f'<dt class="fmq-{name}">{words}</dt><dd>{titles}</dd>'


def _missing(found: Iterable["Assessment"]) -> str:
    return "<br>".join(f"{escape(one.device.title)} {escape(one.verdict.label)}" for one in found)
