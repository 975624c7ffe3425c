"""The quality stage: figures of the samples on screen, beside the sweep's lines against bits."""

__all__ = ["quality_view"]

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np
from torch import Tensor

from ..flow import Cancelled
from ..measure.fidelity import psnr, ssim
from ..measure.interval import Estimate, bootstrap
from ..measure.quality import Judge
from .measures_results import MEASURES, LivePoint, QualityLine, QualityView
from .request import UNCONDITIONAL, Request
from .rows import FULL, describe, spread, whole
from .sampling import class_labels, full_size, samples_view
from .weights import mean_bits
from .workspace import Workspace
from .yardsticks import Row, Yardsticks

FULL_BITS = 32
QUALITY = tuple(name for name, measure in MEASURES.items() if measure.against == "quality")
AGAINST_DATA = ("swd", "fd", "kid")
READ = ("fd", "kid", "readability")
N_RESAMPLES = 100

ShouldStop = Callable[[], bool]
Progress = Callable[[float], None]


def quality_view(
    request: Request,
    workspace: Workspace,
    yardsticks: Yardsticks,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> QualityView:
    """Measures the samples on screen, each figure with its interval, and finds the sweep's lines.

    Args:
        request: What is on screen.
        workspace: Where the models and the finished paths are.
        yardsticks: Readers, real data and the sweep's table.
        should_stop: Asked between solver steps and between figures.
        progress: Told the finished fraction.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    samples = samples_view(request, workspace, full_size(request, workspace), should_stop)
    card = workspace.cards[request.model]
    judge = yardsticks.judge(card.data)
    reference = samples.reference.path[-1]
    # Samples of one class are not to be held against data of all classes
    against_data = card.n_classes is None or request.label in (None, UNCONDITIONAL)
    labels = class_labels(request, card.n_classes, len(reference))
    sets = [s for s in (samples.reference, samples.primary, samples.compare) if s]
    sets = sets[:1] if request.bits is None else sets
    points = []
    for i, one in enumerate(sets):
        if should_stop is not None and should_stop():
            raise Cancelled("cancelled between two sets of samples")
        estimates = _measure(one.path[-1], reference if one.scheme else None)
        estimates |= _judge(judge, one.path[-1], labels, against_data)
        points.append(LivePoint(one.scheme, *_bits(request, workspace, one.scheme), estimates))
        if progress:
            progress((i + 1) / len(sets))
    rows = _rows_of(request, yardsticks.rows())
    return QualityView(
        lines=_lines(rows),
        reference=_reference(rows),
        live=tuple(points[1:]),
        live_reference=points[0],
        n_live=len(reference),
        sweep=_describe(request, rows),
        remarks=_remarks(request, rows, judge, reference, labels is not None, against_data),
    )


def _measure(samples: Tensor, reference: Tensor | None) -> dict[str, Estimate]:
    """Returns the fidelity of images; the reference has none to itself."""
    if reference is None or samples.ndim != 4 or not samples.isfinite().all():
        return {}

    def mean(values: Tensor) -> float:
        return float(values.mean())

    return {
        "psnr": bootstrap(mean, psnr(reference, samples)),
        "ssim": bootstrap(mean, ssim(reference, samples)),
    }


def _judge(
    judge: Judge, samples: Tensor, labels: Tensor | None, against_data: bool
) -> dict[str, Estimate]:
    """Returns the quality of samples, as far as there is something to hold them against."""
    if not judge.suits(tuple(samples.shape[1:])):
        return {}
    found = judge.judge(samples, labels, against_data, n_resamples=N_RESAMPLES)
    known = {name: getattr(found, name) for name in QUALITY if getattr(found, name) is not None}
    return {name: estimate for name, estimate in known.items() if isfinite(estimate.value)}


def _bits(request: Request, workspace: Workspace, scheme: str) -> tuple[float, float]:
    if not scheme or request.bits is None:
        return float(FULL_BITS), float(FULL_BITS)
    fit = workspace.fit(request, scheme)
    return float(mean_bits(fit)), fit.bits_per_weight


def _rows_of(request: Request, rows: Sequence[Row]) -> list[Row]:
    """Keeps the rows of the model at the granularity on screen, and of its reference."""
    mine = [row for row in rows if row["model"] == request.model]
    grain, size = request.granularity, request.group_size

    def fits(row: Row) -> bool:
        if row["scheme"] == FULL:
            return True
        grouped = grain != "group" or whole(row["group_size"]) == size
        return row["granularity"] == grain and grouped

    return [row for row in mine if fits(row)]


def _lines(rows: list[Row]) -> dict[str, dict[str, QualityLine]]:
    """Averages the seeds of each scheme at each bit width."""
    lines: dict[str, dict[str, QualityLine]] = {}
    schemes = dict.fromkeys(row["scheme"] for row in rows if row["scheme"] != FULL)
    for measure in MEASURES:
        for scheme in schemes:
            line = _line([row for row in rows if row["scheme"] == scheme], measure)
            if len(line.bits):
                lines.setdefault(measure, {})[scheme] = line
    return lines


def _line(rows: list[Row], measure: str) -> QualityLine:
    columns: list[tuple[float, ...]] = []
    for bits in sorted({int(row["bits"]) for row in rows}):
        seeds = [row for row in rows if int(row["bits"]) == bits]
        figures, true_bits = spread(seeds, measure), spread(seeds, "bits_per_weight")
        if figures and true_bits:
            columns.append((float(bits), true_bits[0], *figures))
    return QualityLine(*np.array(columns, dtype=float).reshape(-1, 5).T)


def _reference(rows: list[Row]) -> dict[str, tuple[float, float, float]]:
    full = [row for row in rows if row["scheme"] == FULL]
    names = [name for name, measure in MEASURES.items() if measure.against == "quality"]
    found = {name: spread(full, name) for name in names}
    return {name: figures for name, figures in found.items() if figures is not None}


def _describe(request: Request, rows: list[Row]) -> str:
    """Says how the sweep was made: samples, steps and seeds, and what else differs from here."""
    made = [row for row in rows if row["scheme"] != FULL]
    if not made:
        return ""
    kept = "+".join(request.keep), request.codebook_dtype
    same = all((row["keep"], row["codebook_dtype"]) == kept for row in made)
    return describe(made) + ("" if same else ", other tensors kept or other entries than here")


def _remarks(
    request: Request,
    rows: list[Row],
    judge: Judge,
    samples: Tensor,
    has_labels: bool,
    against_data: bool,
) -> dict[str, str]:
    """Says in one sentence why something is missing."""
    found = {}
    if not any(row["scheme"] != FULL for row in rows):
        where = f" per {request.granularity}" if rows else ""
        found["sweep"] = f"The shipped sweep has no lines for this model{where}."
    suits = judge.suits(tuple(samples.shape[1:]))
    for name, measure in MEASURES.items():
        if measure.against == "fidelity":
            if samples.ndim != 4:
                found[name] = f"{measure.title} is for images: choose sliced W₂ for points."
        elif judge.reference is None or not suits:
            found[name] = "No real test data ship for this model's data set."
        elif name in READ and judge.reader is None:
            found[name] = f"{measure.title} needs a classifier, and none ships for this data set."
        elif name == "readability" and not has_labels:
            found[name] = "Readability needs a class to ask for: choose one under Sampling."
        elif name in AGAINST_DATA and not against_data:
            found[name] = "One class cannot be held against data of all: choose “each in turn”."
    return found
