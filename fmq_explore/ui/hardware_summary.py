"""The cards above the table: what the file holds, memory over one evaluation, work of a sample."""

__all__ = ["file_card", "memory_card", "work_card"]

from html import escape

import numpy as np

from ..explore import HardwareView
from .amounts import file_size, kib, mark, millions

WIDTH, HEIGHT = 600.0, 100.0  # of the drawing, stretched to its card
KERNELS = {
    "native_group_norm": "group norm",
    "addmm": "linear layer",
    "mm": "matrix product",
    "addcmul": "scale and shift",
    "native_layer_norm": "layer norm",
}


def file_card(view: HardwareView) -> str:
    """Returns the file taken apart, and its true bits."""
    held = view.weights
    parts = (
        ("codes", held.codes, "codes", "packed codes"),
        ("codebooks", held.codebooks, "codebooks or scales", "codebooks, scales and offsets"),
        ("kept", held.kept, "kept exact", "tensors in full precision"),
        ("names", held.rest, "names", "names, shapes and figures"),
    )
    shown = [part for part in parts if part[1]]
    bar = "".join(
        f'<s class="fmq-share-{name}" style="width:{100 * n / max(held.n_bytes, 1):.2f}%"></s>'
        for name, n, _, _ in shown
    )
    keys = "".join(
        f'<li title="{tip}: {n:,} bytes"><i class="fmq-share-{name}"></i>{words} '
        f"<b>{kib(n)}</b> KiB</li>"
        for name, n, words, tip in shown
    )
    return _card(
        "The file",
        f"{mark('measured', 'size of the saved file')}<b>{file_size(held.n_bytes)}</b> · "
        f"<b>{held.bits_per_weight:.2f}</b> bits per weight",
        f'<div class="fmq-file-bar">{bar}</div><ul class="fmq-file-keys">{keys}</ul>',
    )


def memory_card(view: HardwareView) -> str:
    """Draws what is alive at every operation of one evaluation."""
    if not len(view.live):
        return _card("Memory", "not known: weights without a network", "")
    total = view.live + view.decoding
    top = float(total.max())
    high, worst = kib(view.live.max()), kib(total.max())
    where = KERNELS.get(view.peak[1], view.peak[1])
    name = f"{escape(view.peak[0])} ({escape(where)})" if view.peak[0] else escape(where)
    source = "tensors alive at each operation of the recorded network"
    words = f"{mark('derived', source)}<b>{high}</b> KiB at {name}"
    if view.decoding.any():
        words += f" · <b>{worst}</b> with decoded weights"
    keys = '<i class="fmq-live"></i>tensors alive'
    keys += '<i class="fmq-decoding"></i>decoded weights' if view.decoding.any() else ""
    drawing = (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="fmq-decoding" d="{_area(total / top)}"/>'
        f'<path class="fmq-live" d="{_area(view.live / top)}"/></svg>'
        '<div class="fmq-memory-ends"><span>first operation</span>'
        f'<span class="fmq-memory-keys">{keys}</span><span>last</span></div>'
    )
    return _card("Memory over one evaluation", words, drawing)


def _area(shares: np.ndarray) -> str:
    """Returns the outline of steps, one an operation, filled down to the foot."""
    step = WIDTH / len(shares)
    heights = HEIGHT * (1.0 - shares)
    points = "".join(f"V{y:.1f}H{(i + 1) * step:.1f}" for i, y in enumerate(heights.tolist()))
    return f"M0 {HEIGHT:g}{points}V{HEIGHT:g}Z"


def work_card(view: HardwareView) -> str:
    """Returns evaluations and multiply-accumulates of one sample."""
    first = view.assessments[0]
    if first.macs.value is None:
        return _card("One sample", "not known: weights without a network", "")
    n, each = first.n_evaluations, first.macs.value
    if n is None:
        rows = [("evaluations", "chosen by the solver"), ("each", f"{millions(each)} MACs")]
        return _card("One sample", "an adaptive solver", _rows(rows))
    rows = [("evaluations", f"{n}"), ("MACs each", millions(each)), ("MACs", millions(n * each))]
    width = "float32" if first.activation_bits == 32 else "int8"
    words = f"{mark(first.macs.kind, first.macs.source)}{width} activations" + (
        ", guided: twice" if view.plan.batch > 1 else ""
    )
    return _card("One sample", words, _rows(rows))


def _rows(rows: list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f'<table class="fmq-work">{lines}</table>'


def _card(title: str, words: str, body: str) -> str:
    return f"<h2>{title}</h2><p>{words}</p>{body}"
