"""The plain figures beside the curves, one column a scheme."""

__all__ = ["figures_table", "size_text"]

from collections.abc import Callable
from html import escape

from ...explore import DistanceView, Figures
from ..theme import SHORT_TITLES


def figures_table(view: DistanceView, colours: dict[str, str]) -> str:
    """Returns the plain figures as a table, one column a scheme."""
    columns = [view.primary] + ([view.compare] if view.compare else [])
    full = view.primary.label_bits > 8
    heads = "".join(f'<th style="--c:{colours[c.scheme]}">{_head(c, full)}</th>' for c in columns)
    rows = "".join(
        f'<tr><th scope="row" title="{escape(tip)}">{name}</th>'
        + "".join(f"<td>{text(c)}</td>" for c in columns)
        + "</tr>"
        for name, tip, text in ROWS
    )
    kind = "two" if view.compare else "one"
    return (
        f'<table class="fmq-{kind}"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _head(figures: Figures, full: bool) -> str:
    return "full precision" if full else SHORT_TITLES.get(figures.scheme, figures.scheme)


def _bits(figures: Figures) -> str:
    return "–".join(map(str, figures.mixed)) if figures.mixed else f"{figures.label_bits:g}"


def size_text(n_bytes: int) -> str:
    """Writes a size with its unit: 1 kB is 1,000 bytes."""
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


ROWS: tuple[tuple[str, str, Callable[[Figures], str]], ...] = (
    (
        "W₂",
        "Root of the weight-averaged squared W2 of the rows, in weight units.",
        lambda f: f"{f.w2:.5f}",
    ),
    (
        "relative error",
        "W2 over the root mean square of the quantized weights.",
        lambda f: f"{f.relative_error:.2%}",
    ),
    ("label bits", "Bits of one code; fewest to most where tensors differ.", _bits),
    (
        "true bits",
        "Bits per weight: size of the file, all included, over the number of parameters.",
        lambda f: f"{f.bits_per_weight:.2f}",
    ),
    ("file", "Size of the saved file.", lambda f: size_text(f.n_bytes)),
    (
        "compression",
        "Bytes of all parameters in float32 over the size of the file.",
        lambda f: f"{f.compression:.2f}×",
    ),
)
