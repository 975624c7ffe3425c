"""The figures of the sweep: quality, latents and true bits as lines, samples as sheets."""

__all__ = ["draw_figures", "draw_samples"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import colour, image_rows, marker, style, title
from ..flow import sample
from ..quantize import SCHEMES, prepare
from ..zoo import load_model
from .bench import turns
from .evidence import Evidence
from .table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FULL = "full precision"
MAIN = ("uniform", "clipped", "equal_mass", "optimal")
LINES = {"channel": "-", "tensor": (0, (3, 2)), "group": ":"}
SHEET_BITS, SHEET_COLUMNS = (2, 3, 4), 8
TRUE_BITS = (2.0, 10.0)
PAGE = 10.5  # inches


@dataclass(frozen=True)
class Panel:
    """One row of small multiples: a column of the table against bits."""

    column: str
    label: str
    scale: str = "linear"


QUALITY = (
    Panel("psnr", "PSNR to full precision (dB)"),
    Panel("fd", "Fréchet distance to data", "log"),
    Panel("kid", "kernel distance to data", "symlog"),
    Panel("readability", "readability"),
)
LATENTS = (
    Panel("latent_variance", "variance of the latents", "log"),
    Panel("latent_drift", "drift of the latents"),
)
TRUE = (QUALITY[0], QUALITY[1])


def draw_figures(table: Table, folder: Path) -> list[Path]:
    """Draws quality and latents against bits, and quality against true bits, as SVG.

    Lines are means over the noise seeds, bands reach from the lowest to the highest seed; the grey
    band is the full-precision model.

    Args:
        table: A sweep.
        folder: Where the figures go.

    Returns:
        The files.
    """
    style()
    folder.mkdir(parents=True, exist_ok=True)
    known = [g for g in LINES if g in table.values("granularity")]
    parts = {granularity: Evidence(table, granularity) for granularity in known}
    schemes = tuple(scheme for scheme in SCHEMES if scheme in table.values("scheme"))
    paths = []
    for granularity, part in parts.items():
        for name, panels in (("quality", QUALITY), ("latents", LATENTS)):
            figure = _against_bits(part, schemes, panels)
            paths.append(_save(figure, folder / f"{name}-{granularity}.svg"))
    paths.append(_save(_against_true_bits(parts, schemes), folder / "true-bits.svg"))
    return paths


def draw_samples(table: Table, folder: Path) -> Iterator[Path]:
    """Draws, for each model, samples of all schemes at 2, 3 and 4 bits from the same noise, as PNG.

    The models are run anew, with the settings of the table and its first noise seed.

    Args:
        table: A sweep with per-channel rows.
        folder: Where the figures go.

    Yields:
        Each file once it is written.
    """
    style()
    folder.mkdir(parents=True, exist_ok=True)
    row = next(r for r in table.rows if r["granularity"] == "channel")
    schemes = tuple(scheme for scheme in SCHEMES if scheme in table.values("scheme"))
    for model in Evidence(table, "channel").models:
        yield _save(_sheet(model, row, schemes), folder / f"samples-{model}.png")


def _multiples(n_rows: int, models: tuple[str, ...]) -> tuple["Figure", Any]:
    """Makes a grid of small axes: a row a figure, a column a model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 0.5 + 1.75 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, len(models), sharex=True, squeeze=False)
    for ax, model in zip(axes[0], models, strict=True):
        ax.set_title(model)
    for ax in axes.flat:
        ax.grid(axis="y")
        ax.tick_params(labelsize=8)
    return figure, axes


def _against_bits(part: Evidence, schemes: tuple[str, ...], panels: tuple[Panel, ...]) -> "Figure":
    figure, axes = _multiples(len(panels), part.models)
    for panel, line in zip(panels, axes, strict=True):
        baseline = part.baseline(panel.column)
        cubes = {scheme: part.cube(scheme, panel.column) for scheme in schemes}
        for i, ax in enumerate(line):
            _reference(ax, baseline[i])
            for scheme, cube in cubes.items():
                _curve(ax, part.bits, cube[i], scheme)
            _scale(ax, panel, baseline[i])
        line[0].set_ylabel(panel.label, fontsize=8)
    for ax in axes[-1]:
        ax.set_xticks(part.bits)
    figure.supxlabel(f"bits on the label, per {part.granularity}", fontsize=9)
    _legend(figure, schemes)
    return figure


def _against_true_bits(parts: dict[str, Evidence], schemes: tuple[str, ...]) -> "Figure":
    first = next(iter(parts.values()))
    shown = tuple(scheme for scheme in MAIN if scheme in schemes)
    figure, axes = _multiples(len(TRUE), first.models)
    for panel, line in zip(TRUE, axes, strict=True):
        baseline = first.baseline(panel.column)
        for i, ax in enumerate(line):
            _reference(ax, baseline[i])
            for granularity, part in parts.items():
                for scheme in shown:
                    if first.models[i] in part.models:
                        _true_curve(ax, part, first.models[i], scheme, panel, granularity)
            ax.set_xlim(*TRUE_BITS)
            _scale(ax, panel, baseline[i])
        line[0].set_ylabel(panel.label, fontsize=8)
    figure.supxlabel("true bits per weight: file size over number of weights", fontsize=9)
    _legend(figure, shown, tuple(parts))
    return figure


def _true_curve(
    ax: "Axes", part: Evidence, model: str, scheme: str, panel: Panel, granularity: str
) -> None:
    i = part.models.index(model)
    x, y = part.mean(scheme, "bits_per_weight")[i], part.mean(scheme, panel.column)[i]
    dashes, kind = LINES[granularity], marker(scheme)
    ax.plot(x, y, ls=dashes, color=colour(scheme), marker=kind, ms=3, lw=1.1)


def _curve(ax: "Axes", bits: tuple[int, ...], values: np.ndarray, scheme: str) -> None:
    """Draws one scheme: the mean over seeds, and the range over seeds as a band."""
    known = np.isfinite(values).any(axis=1)
    if not known.any():
        return
    x, seeds = np.array(bits)[known], values[known]
    ax.plot(x, np.nanmean(seeds, axis=1), color=colour(scheme), marker=marker(scheme), ms=3, lw=1.1)
    if np.isfinite(seeds).sum(axis=1).max() > 1:
        low, high = np.nanmin(seeds, axis=1), np.nanmax(seeds, axis=1)
        ax.fill_between(x, low, high, color=colour(scheme), alpha=0.13, lw=0)


def _reference(ax: "Axes", seeds: np.ndarray) -> None:
    """Draws the full-precision model behind the curves: its range over seeds, and its mean."""
    known = seeds[np.isfinite(seeds)]
    if len(known):
        ax.axhspan(known.min(), known.max(), color=colour("bars"), alpha=0.7, lw=0)
        ax.axhline(known.mean(), color=colour("reference"), lw=0.8, ls=(0, (1, 1.5)))


def _scale(ax: "Axes", panel: Panel, baseline: np.ndarray) -> None:
    """Sets the scale of the values, with few ticks that are plain numbers."""
    known = np.abs(baseline[np.isfinite(baseline)])
    # linear where the full-precision model itself is not told from 0
    threshold = 10.0 ** np.ceil(np.log10(known.max())) if known.any() else 1e-3
    if panel.scale == "symlog":
        ax.set_yscale("symlog", linthresh=threshold, linscale=0.4)
    else:
        ax.set_yscale(panel.scale)
    if panel.scale != "linear":
        low, high = ax.get_ylim()
        ax.set_yticks(_ticks(low, high, threshold if panel.scale == "symlog" else 0.0))
        ax.set_ylim(low, high)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_locator(_no_ticks())
    if panel.column == "readability":
        ax.set_ylim(0, 1.02)


def _ticks(low: float, high: float, threshold: float) -> list[float]:
    """Chooses decades, or finer steps where there are few; 0 where the scale is linear there.

    Example:
        >>> _ticks(0.3, 40.0, 0.0), _ticks(0.5, 3.0, 0.0), _ticks(-0.002, 5.0, 0.01)
        ([1.0, 10.0], [0.5, 1.0, 2.0], [0.0, 0.01, 0.1, 1.0])
    """
    start = max(low, threshold) if threshold else low
    decades = range(int(np.floor(np.log10(start))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1,), (1, 2, 5)):
        found = [round(m * 10.0**k, 12) for k in decades for m in steps]
        found = [value for value in found if max(low, threshold) <= value <= high]
        if len(found) >= 2:
            break
    return [0.0, *found] if threshold else found


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _legend(
    figure: "Figure", schemes: tuple[str, ...], granularities: tuple[str, ...] = ()
) -> None:
    """Names the lines once, above all panels."""
    from matplotlib.lines import Line2D

    line: Callable[..., Line2D] = Line2D
    handles = [
        line([], [], color=colour(s), marker=marker(s), ms=4, lw=1.3, label=title(s))
        for s in schemes
    ]
    handles += [
        line([], [], color=colour("reference"), ls=LINES[g], lw=1.1, label=f"per {g}")
        for g in granularities
    ]
    handles.append(line([], [], color=colour("bars"), lw=6, label=FULL))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8)


def _sheet(model: str, row: Any, schemes: tuple[str, ...]) -> "Figure":
    """Draws one block of samples for each bit width: a row a scheme, a column a noise."""
    from matplotlib.figure import Figure

    network, scratch = load_model(model), load_model(model)
    prepared = prepare(network, "channel", keep=row["keep"].split("+"))
    run = (SHEET_COLUMNS, row["steps"], row["solver"], row["seed"], turns(network, SHEET_COLUMNS))
    figure = Figure(figsize=(PAGE, 3.9), layout="constrained")
    axes = figure.subplots(1, len(SHEET_BITS))
    whole = sample(network, *run).samples
    for ax, bits in zip(axes, SHEET_BITS, strict=True):
        rows = {FULL: whole}
        for scheme in schemes:
            prepared.fit(scheme, bits, row["codebook_dtype"]).write_into(scratch)
            rows[title(scheme)] = sample(scratch, *run).samples
        image_rows(ax, rows)
        ax.set_title(f"{model}, {bits} bits per channel")
        if bits != SHEET_BITS[0]:
            ax.set_yticks([])
    return figure


def _save(figure: "Figure", path: Path) -> Path:
    """Writes a figure whose bytes depend on nothing but what it shows."""
    import matplotlib as mpl

    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "fmq", "savefig.facecolor": "white"}):
        figure.savefig(path, metadata=metadata, dpi=150)
    return path
