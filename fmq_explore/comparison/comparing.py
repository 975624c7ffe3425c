"""Comparing a quantized model with its original."""

__all__ = ["compare", "measure_baseline"]

from collections.abc import Collection
from math import nan, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Flow
from ..flow.field import Label
from ..measure.bounds import bounds
from ..measure.fidelity import psnr, ssim
from ..measure.gap import Bounds
from ..measure.interval import Estimate, bootstrap
from ..measure.latents import LatentStatistics, latent_statistics
from ..measure.paths import rms_divergence
from ..measure.quality import Judge
from ..quantize import QuantizedModel
from .baseline import PARTS, Baseline, Progress, Run, ShouldStop, Stages, make_baseline, settings_of
from .record import Comparison, FidelityFigures, WeightFigures

N_BOUNDS = 16
"""Euler paths on which the bounds are estimated."""


def compare(
    model: nn.Module,
    qm: QuantizedModel | nn.Module,
    n: int = 256,
    steps: int = 10,
    seed: int = 0,
    solver: str = "midpoint",
    label: Label = None,
    parts: Collection[str] = PARTS,
    baseline: Baseline | None = None,
    judge: Judge | None = None,
    n_resamples: int = 200,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Measures a quantized model against its full-precision original and against real data.

    Both are run from the same noise. Quality and latents need real test data and a reader, which
    ship for the data sets of the project; for other models give a `judge`, or do without.

    Args:
        model: The full-precision network v(x, t, label), the reference.
        qm: Its quantized version: a `QuantizedModel`, or any network of the same architecture.
        n: Number of samples. Compare quality at equal n only: most figures fall with n.
        steps: Steps of the solver for sampling and inverting, and Euler steps for the bounds.
        seed: Seed of the noise and of the resampling.
        solver: A key of `flow.SOLVERS`.
        label: Class of all samples, or of each, shape (n,), which are then not held against the
            data of all classes; None for all classes in turn.
        parts: What to measure beside the weights, of `PARTS`.
        baseline: From `measure_baseline` with the same model and settings, to measure it only once.
        judge: Real data and a reader, instead of those that ship for the model's data set.
        n_resamples: Resamples for the 95 % intervals.
        should_stop: Asked between steps; True cancels.
        progress: Told the finished fraction, 0 to 1.

    Returns:
        All figures; print it for a table, or take `.record()`.

    Raises:
        ValueError: If a part is unknown, the baseline belongs to another model or to other
            settings, or an argument is out of range.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> import fmq_explore as fmq
        >>> model = fmq.load_model("moons")
        >>> qm = fmq.quantize_model(model, scheme="optimal", bits=3)
        >>> found = fmq.compare(model, qm, n=64, steps=5, parts=("fidelity", "quality"))
        >>> found.quality.swd.value > 0, found.quality.fd is None, found.record()["fd"]
        (True, True, nan)
    """
    run = Run(n, steps, solver, seed, label, tuple(parts), n_resamples, should_stop)
    stages = Stages(_count(run, 1) + (_count(run, 0) if baseline is None else 0), progress)
    if baseline is None:
        baseline = make_baseline(model, run, judge, stages)
    _check_baseline(baseline, model, run)
    network = qm.model if isinstance(qm, QuantizedModel) else qm
    flow = run.draw(network, model, stages.next()) if run.has_samples else None
    quality = fidelity = None
    if flow is not None and "quality" in parts:
        quality = run.quality(flow, baseline.labels, baseline.judge)
    if flow is not None and baseline.flow is not None and "fidelity" in parts:
        fidelity = _fidelity(baseline.flow, flow, run)
    return Comparison(
        weights=_weights(model, qm),
        fidelity=fidelity,
        quality=quality,
        baseline=None if quality is None else baseline.quality,
        latents=_latents(network, baseline, run, stages) if "latents" in parts else None,
        baseline_latents=baseline.latent_statistics if "latents" in parts else None,
        bounds=_bounds(model, network, run, stages) if "bounds" in parts else None,
        n=n,
        steps=steps,
        solver=solver,
        seed=seed,
    )


def measure_baseline(
    model: nn.Module,
    n: int = 256,
    steps: int = 10,
    seed: int = 0,
    solver: str = "midpoint",
    label: Label = None,
    parts: Collection[str] = PARTS,
    judge: Judge | None = None,
    n_resamples: int = 200,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> Baseline:
    """Measures the full-precision side of a comparison, to be given to many calls of `compare`.

    Args:
        model: The full-precision network.
        n: Number of samples; this and all further arguments are those of `compare`.

    Example:
        >>> import fmq_explore as fmq
        >>> from fmq_explore.comparison import measure_baseline
        >>> model = fmq.load_model("moons")
        >>> settings = {"n": 32, "steps": 2, "parts": ("fidelity",)}
        >>> baseline = measure_baseline(model, **settings)
        >>> qm = fmq.quantize_model(model, bits=8)
        >>> fmq.compare(model, qm, baseline=baseline, **settings).fidelity.drift.shape
        torch.Size([3])
    """
    run = Run(n, steps, solver, seed, label, tuple(parts), n_resamples, should_stop)
    return make_baseline(model, run, judge, Stages(_count(run, 0), progress))


def _count(run: Run, quantized: int) -> int:
    """Counts the stages of one side: sampling, inverting (the reference twice), bounds."""
    latents = (2 - quantized) * ("latents" in run.parts)
    return run.has_samples + latents + quantized * ("bounds" in run.parts)


def _check_baseline(baseline: Baseline, model: nn.Module, run: Run) -> None:
    """Refuses a baseline that does not belong here."""
    if baseline.settings != settings_of(model, run):
        raise ValueError(
            "the baseline belongs to another model, or to other values of n, steps, solver, seed "
            "or label: measure it anew with measure_baseline"
        )
    missing = [part for part in run.parts if part not in (*baseline.parts, "bounds")]
    if missing:
        raise ValueError(
            f"the baseline was measured without {missing[0]}: give measure_baseline the same parts"
        )


def _weights(model: nn.Module, qm: QuantizedModel | nn.Module) -> WeightFigures:
    """Reads the figures of a quantized model; measures those of any other network."""
    if isinstance(qm, QuantizedModel):
        return WeightFigures(qm.w2, qm.relative_error, qm.bits_per_weight, qm.n_bytes)
    parameters = dict(qm.named_parameters())
    n_bytes = sum(p.nbytes for p in parameters.values())
    bits = 8 * n_bytes / max(1, sum(p.numel() for p in parameters.values()))
    originals = dict(model.named_parameters())
    if {k: p.shape for k, p in originals.items()} != {k: p.shape for k, p in parameters.items()}:
        return WeightFigures(nan, nan, bits, n_bytes)
    pairs = [(_rows(p), _rows(parameters[name])) for name, p in originals.items()]
    changed = [(a, b) for a, b in pairs if not torch.equal(a, b)]
    if not changed:
        return WeightFigures(0.0, 0.0, bits, n_bytes)
    n = sum(a.numel() for a, _ in changed)
    transport = sum(_squares(a.sort(1).values - b.sort(1).values) for a, b in changed)
    error = sum(_squares(a - b) for a, b in changed)
    norm = sum(_squares(a) for a, _ in changed)
    return WeightFigures(sqrt(transport / n), sqrt(error / norm) if norm else nan, bits, n_bytes)


def _squares(x: Tensor) -> float:
    return float(x.square().sum())


def _rows(tensor: Tensor) -> Tensor:
    """Takes a tensor as one row an output channel, or as one row if it is a vector."""
    rows = tensor.detach().double()
    return rows.flatten(1) if rows.ndim > 1 else rows.reshape(1, -1)


def _fidelity(reference: Flow, flow: Flow, run: Run) -> FidelityFigures:
    """Measures samples and paths that share their noise."""
    assert reference.path is not None
    assert flow.path is not None
    options: dict[str, Any] = {"n_resamples": run.n_resamples, "seed": run.seed}
    squares = (flow.path - reference.path).flatten(2).double().square().mean(2).T  # (n, steps+1)
    images = flow.samples.ndim == 4

    def mean(values: Tensor) -> Estimate:
        return bootstrap(lambda x: float(x.mean()), values.double(), **options)

    def rms(values: Tensor) -> Estimate:
        return bootstrap(lambda x: float(x.mean().sqrt()), values, **options)

    return FidelityFigures(
        psnr=mean(psnr(reference.samples, flow.samples)) if images else None,
        ssim=mean(ssim(reference.samples, flow.samples)) if images else None,
        divergence=rms(squares),
        end_divergence=rms(squares[:, -1]),
        times=flow.times,
        drift=rms_divergence(reference.path, flow.path),
    )


def _latents(
    network: nn.Module, baseline: Baseline, run: Run, stages: Stages
) -> LatentStatistics | None:
    """Inverts the reference's images; None without any, or where a latent is not finite."""
    progress = stages.next()
    if baseline.images is None:
        return None
    latents = run.invert(network, baseline.images, baseline.image_labels, progress)
    if not latents.isfinite().all():
        return None
    return latent_statistics(latents, baseline.basis, baseline.latents)


def _bounds(model: nn.Module, network: nn.Module, run: Run, stages: Stages) -> Bounds | None:
    """Bounds the gap of few Euler paths, from the first noise of the samples."""
    k = min(N_BOUNDS, run.n)
    labels = run.labels(model)
    return bounds(
        model,
        network,
        k,
        run.steps,
        run.seed,
        None if labels is None else labels[:k],
        should_stop=run.should_stop,
        progress=stages.next(),
    )
