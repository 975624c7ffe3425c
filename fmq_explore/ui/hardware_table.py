"""The table of chips: one line each with its verdict, memories, time, energy and kernels."""

__all__ = ["hardware_table", "legend"]

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from ..explore import HardwareView
from ..hardware.figure import KINDS
from .amounts import duration, energy, kib, mark

if TYPE_CHECKING:
    from ..hardware import Assessment, Figure
    from ..hardware.verdict import Memory

COLUMNS = (
    ("chip", "Core and clock; a second core counts only where kernels use it."),
    ("verdict", "Room for it, and published kernels that multiply the weights as stored?"),
    ("flash (KiB)", "The file, and the runtime that is assumed (hatched), in the chip's flash."),
    ("memory (KiB)", "All that is alive at the worst moment, in the chip's SRAM."),
    ("time", "Of one sample: evaluations × MACs / (MAC per cycle × clock), and decoding."),
    ("energy", "Of one sample: evaluations × MACs × energy of a MAC, and power × decoding."),
    ("kernels", "Software with published kernels that multiply the weights as they are stored."),
)
SIGNS = {"fits": "✓", "decodes": "✓", "no kernels": "?", "too small": "✕", "unknown": "?"}
CLASSES = {
    "codes": "codes",
    "codebooks": "codebooks",
    "kept tensors": "kept",
    "names": "names",
    "runtime": "assumed",
    "activations": "codes",
    "decoding": "codebooks",
    "ODE state": "kept",
    "working": "assumed",
}


def hardware_table(view: HardwareView) -> str:
    """Returns the table of all chips."""
    heads = "".join(f'<th scope="col" title="{escape(tip)}">{name}</th>' for name, tip in COLUMNS)
    columns = "".join(f'<col class="fmq-col-{i}">' for i in range(len(COLUMNS)))
    rows = "".join(_row(one) for one in view.assessments)
    return (
        f'<table class="fmq-chips-table"><colgroup>{columns}</colgroup>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(one: "Assessment") -> str:
    chip, verdict = one.device, one.verdict
    mhz = "–".join(f"{end:g}" for end in (chip.clock_mhz.value, chip.clock_mhz.high) if end)
    note = escape(f"{chip.title}: {chip.note}" if chip.note else chip.title)
    kind = verdict.answer.replace(" ", "-")
    cells = (
        f'<th scope="row" title="{note}"><div><b>{chip.title}</b> {mhz} MHz</div>'
        f"<span>{chip.core}</span></th>",
        f'<td class="fmq-verdict fmq-is-{kind}" title="{escape(verdict.sentence)}">'
        f"<div><i>{SIGNS[verdict.answer]}</i><span>{escape(verdict.label)}</span></div></td>",
        f"<td>{_bar(one.flash, 'external')}</td>",
        f"<td>{_bar(one.sram) if one.sram else _nothing(one.macs)}</td>",
        f"<td>{_figure(one.latency, duration)}</td>",
        f"<td>{_figure(one.energy, energy)}</td>",
        f"<td>{_stacks(one)}</td>",
    )
    return f'<tr class="fmq-row-{kind}">{"".join(cells)}</tr>'


def _bar(memory: "Memory", elsewhere: str = "") -> str:
    """Draws what lies in a memory as shares of its size, and writes both."""
    capacity = memory.capacity_bytes
    full = max(capacity or 0, memory.n_bytes)
    shares = "".join(
        f'<s class="fmq-share-{CLASSES[part.name]}" '
        f'style="width:{100 * part.n_bytes / full:.1f}%"></s>'
        for part in memory.parts
        if capacity is not None
    )
    state = "fmq-over" if memory.n_missing else "" if capacity is not None else "fmq-open"
    size = kib(capacity) if capacity is not None else elsewhere
    of = f"of {size}" if capacity is not None else size
    return (
        f'<div class="fmq-memory {state}" title="{escape(_tip(memory))}"><em>{shares}</em>'
        f"<span>{kib(memory.n_bytes)}<u> {of}</u></span></div>"
    )


def _tip(memory: "Memory") -> str:
    lines = [f"{p.name}: {p.n_bytes:,} bytes ({p.kind}: {p.source})" for p in memory.parts]
    return "\n".join([f"{memory.name}: {memory.capacity.text}", memory.capacity.source, *lines])


def _figure(figure: "Figure", write: Callable[[float, float | None], str]) -> str:
    if figure.value is None:
        return _nothing(figure)
    text = write(figure.value, figure.high)
    least = "≥ " if figure.bound else ""
    return f"{mark(figure.kind, figure.source)}<span>{least}{text}</span>"


def _nothing(figure: "Figure") -> str:
    return f'{mark(figure.kind, figure.source)}<span class="fmq-none">not published</span>'


def _stacks(one: "Assessment") -> str:
    if not one.stacks:
        return '<span class="fmq-none">none published</span>'
    names = ", ".join(one.stacks)
    return f'<span class="fmq-stacks" title="{escape(names)}">{escape(names)}</span>'


def legend(view: HardwareView) -> str:
    """Explains the marks, and says how far the formula was from the one published time."""
    kinds = "".join(
        f"<span>{mark(kind, words)}{escape(kind)}</span>" for kind, words in KINDS.items()
    )
    hatched = '<span><i class="fmq-share-assumed"></i>assumed: runtime, working memory</span>'
    return f'<div class="fmq-kinds">{kinds}{hatched}</div><p>{_anchor(view)}</p>'


def _anchor(view: HardwareView) -> str:
    found = view.anchor
    times = [one.value for one in (found.measured, found.predicted, found.independent)]
    measured, own, other = (duration(value) for value in times if value is not None)
    return (
        f"How good is it? {escape(found.title)}: measured {measured}; by formula {own} with the "
        f"rate found there, {other} with that of another Cortex-M33."
    )
