"""Figures of the notebooks: one style, the schemes' colours, levels on histograms, image sheets."""

__all__ = [
    "colour",
    "image_rows",
    "label_ends",
    "levels",
    "marker",
    "points",
    "scheme_lines",
    "style",
    "title",
]

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .palette import MARKERS, SHORT_TITLES, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .quantize import QuantizedTensor

_MATPLOTLIB_MARKERS = {
    "square": "s",
    "triangle": "^",
    "inverted_triangle": "v",
    "plus": "P",
    "x": "X",
    "diamond": "D",
    "circle": "o",
    "star": "*",
    "hex": "h",
    "dash": "_",
    "y": "1",
    "asterisk": "p",
    "square_pin": "8",
    "triangle_pin": ">",
    "cross": "+",
}


def style() -> None:
    """Sets matplotlib's defaults: quiet axes, the project's colours, a size that suits a page."""
    import matplotlib as mpl

    colours = palette("light")
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 9,
            "text.color": colours.text,
            "axes.titlesize": 9,
            "axes.titlelocation": "left",
            "axes.labelcolor": colours.muted,
            "axes.edgecolor": colours.muted,
            "axes.linewidth": 0.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "grid.color": colours.grid,
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.5,
            "lines.markersize": 4.5,
            "xtick.color": colours.muted,
            "ytick.color": colours.muted,
            "legend.frameon": False,
            "legend.fontsize": 8,
        }
    )


def colour(scheme: str) -> str:
    """Returns the colour of a scheme, or of `"reference"` and of `"bars"` (data, histograms).

    Example:
        >>> colour("optimal")
        '#008a66'
    """
    colours = palette("light")
    known = {"reference": colours.reference, "bars": colours.bars, **colours.scheme}
    if scheme not in known:
        raise ValueError(f"{scheme!r} has no colour; choose one of {', '.join(known)}")
    return known[scheme]


def title(scheme: str) -> str:
    """Returns the short title of a scheme; any other word is its own title.

    Example:
        >>> title("equal_mass"), title("reference")
        ('OT equal mass', 'reference')
    """
    return SHORT_TITLES.get(scheme, scheme)


def marker(scheme: str) -> str:
    """Returns matplotlib's name of a scheme's marker; anything else is a point.

    Example:
        >>> marker("equal_mass")
        'o'
    """
    return _MATPLOTLIB_MARKERS.get(MARKERS.get(scheme, ""), ".")


def levels(ax: "Axes", row: Tensor, quantized: "QuantizedTensor", bins: int = 60) -> None:
    """Draws the histogram of one row with the levels and cell borders of its quantizer.

    Solid lines are the levels that are in use, dotted ones the borders between their cells: halfway
    between two levels, or between the outermost weights of two cells where a scheme has its own.

    Args:
        ax: Axes to draw on.
        row: Weights, any shape; all belong to the first row of `quantized`.
        quantized: What `quantize` made of that row.
        bins: Bars of the histogram.
    """
    from .quantize import SCHEMES

    weights = row.detach().flatten()
    codes = quantized.codes.flatten().long()
    used = codes.unique()
    found = quantized.codebook[0][used]
    lower, upper = found[:-1], found[1:]
    if SCHEMES[quantized.scheme].own_cells:
        lower = torch.stack([weights[codes == k].max() for k in used[:-1]])
        upper = torch.stack([weights[codes == k].min() for k in used[1:]])
    ax.hist(weights.numpy(), bins=bins, color=colour("bars"))
    top = ax.get_ylim()[1]
    borders = ((lower + upper) / 2).numpy()
    ax.vlines(borders, 0, top, color=colour("reference"), linewidth=0.6, linestyle=":")
    ax.vlines(found.numpy(), 0, 0.93 * top, color=colour(quantized.scheme), linewidth=1.3)
    ax.set(ylim=(0, top), yticks=[])
    ax.spines["left"].set_visible(False)


def scheme_lines(
    ax: "Axes", x: Sequence[float], curves: Mapping[str, Sequence[float]], **options: Any
) -> None:
    """Draws one line a scheme, in its colour and with its marker, named at its right end.

    Args:
        ax: Axes to draw on; set the scale of its y axis first.
        x: What all curves share, such as bits, ascending.
        curves: Values by scheme; NaN leaves a gap.
        options: For `Axes.plot`.
    """
    for scheme, values in curves.items():
        ax.plot(x, values, color=colour(scheme), marker=marker(scheme), **options)
    ax.grid(axis="y")
    ends = {scheme: values[-1] for scheme, values in curves.items()}
    label_ends(ax, x[-1], ends)


def label_ends(ax: "Axes", x: float, ends: Mapping[str, float], gap: float = 0.065) -> None:
    """Writes the names of curves beside their right ends, moved apart where they would collide.

    The y axis stays as it is from then on, so that the names stay at their curves.

    Args:
        ax: Axes to draw on.
        x: Where the curves end.
        ends: The last value of each curve by scheme.
        gap: Least distance between two names, as a share of the height.
    """
    ax.set_ylim(ax.get_ylim())
    to_axes = ax.transData + ax.transAxes.inverted()
    wanted = {s: float(to_axes.transform((x, y))[1]) for s, y in ends.items() if np.isfinite(y)}
    names = sorted(wanted, key=wanted.__getitem__)
    heights = _spread([wanted[name] for name in names], gap)
    for name, height in zip(names, heights, strict=True):
        ax.annotate(
            title(name),
            (x, height),
            xycoords=("data", "axes fraction"),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour(name),
            annotation_clip=False,
        )


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Moves ascending heights least, in the square, until neighbours are at least `gap` apart.

    Isotonic regression on height minus its place: neighbours that collide form a block, which is
    centred where its members wanted to be.
    """
    blocks: list[list[float]] = []  # [sum of wishes, count]
    for i, height in enumerate(heights):
        blocks.append([height - i * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    flat = [total / count for total, count in blocks for _ in range(int(count))]
    return [value + i * gap for i, value in enumerate(flat)]


def image_rows(ax: "Axes", rows: Mapping[str, Tensor]) -> None:
    """Draws batches of images as the rows of one sheet, each with its name at the left.

    Args:
        ax: Axes to draw on.
        rows: Images in [-1, 1] by name, each of shape (n, 1 or 3, h, w).
    """
    shapes = {tuple(images.shape) for images in rows.values()}
    if len(shapes) != 1:
        raise ValueError(f"image_rows got shapes {sorted(shapes)}: give rows of equal shape")
    n, channels, height, width = shapes.pop()
    stack = torch.stack([images.detach().float().clamp(-1, 1) for images in rows.values()])
    tiles = torch.ones(len(rows), n, channels, height + 1, width + 1)  # white lines between them
    tiles[..., :-1, :-1] = stack
    sheet = tiles.permute(0, 3, 1, 4, 2).reshape(len(rows) * (height + 1), n * (width + 1), -1)
    picture = ((sheet[:-1, :-1] + 1) * 127.5).round().byte().numpy()
    picture = picture[..., 0] if channels == 1 else picture
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([(height + 1) * (i + 0.5) - 1 for i in range(len(rows))], list(rows))
    ax.tick_params(axis="y", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def points(
    ax: "Axes", x: Tensor, name: str = "reference", limit: float = 3.0, **options: Any
) -> None:
    """Draws points of the plane as small dots, with equal axes and no ticks.

    Args:
        ax: Axes to draw on.
        x: Points, shape (n, 2).
        name: Whose colour to use, see `colour`.
        limit: The axes go from -limit to limit.
        options: For `Axes.scatter`.
    """
    settings = {"s": 3, "linewidths": 0, "alpha": 0.6, "color": colour(name)} | options
    ax.scatter(*x.detach().numpy().T, **settings)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=colour("bars"))
