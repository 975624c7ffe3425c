"""One task measured: a row of the table."""

__all__ = ["run_task"]

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite, nan
from threading import Lock
from time import perf_counter
from typing import Any, cast

import torch
from torch import Tensor

from ..flow import Flow, VelocityNetwork
from ..measure import psnr, rms_divergence, ssim
from ..measure.latents import latent_statistics
from ..measure.quality import Judge
from ..measure.sliced import sliced_w2
from ..quantize import Fit
from .bench import (
    Bench,
    bench,
    draw,
    forget,
    latents,
    origin,
    quantized,
    recipe,
    reference_run,
    rescued,
    turns,
)
from .table import EXTRA
from .tasks import MEASUREMENT, Task, content_key

WEIGHTS = ("bits_per_weight", "n_bytes", "w2", "relative_error")
QUALITY = ("swd", "fd", "kid", "readability")
LATENTS = ("latent_variance", "latent_normality", "latent_drift")

_TURN = Lock()  # the tasks of a process share one network to write into


def run_task(task: Task, key: str | None = None) -> dict[str, Any]:
    """Measures one task, in one thread, so that the row is the same wherever it is measured.

    - Weights: true bits per weight, bytes of the file, W2, relative error.
    - Fidelity to the reference from the same noise: PSNR and SSIM, means over images; `divergence`,
      the RMS difference per coordinate over all states of the path.
    - Quality: sliced W2, Fréchet distance and kernel distance to real test images, readability.
      Images are clipped to [-1, 1], as a screen would show them.
    - Latents of 64 real test images: `latent_variance`, that of a coordinate, averaged over all;
      `latent_normality` along 20 axes, fitted on the reference's latents of 64 other images;
      `latent_drift`, the RMS difference per coordinate to the reference's latents.

    What does not apply or is not finite is NaN: the fidelity of the reference to itself, figures of
    images for points, latents where the task does not ask for them.

    Args:
        task: What to measure.
        key: The content key that the caller expects; elsewhere the files may differ.

    Returns:
        A value for every name in `COLUMNS`, and for those in `EXTRA` of which the task says more.

    Raises:
        ValueError: If the key does not agree, or the task cannot be done.

    Example:
        >>> row = run_task(Task("moons", "uniform", 4, n=64))
        >>> row["scheme"], row["n"], 4 < row["bits_per_weight"] < 7, row["psnr"]
        ('uniform', 64, True, nan)
    """
    with _TURN, _one_thread():
        start = perf_counter()
        figures = _measure(task, _checked(task, key))
        seconds = perf_counter() - start
    return {
        "model": task.model,
        "scheme": task.scheme,
        "bits": task.bits,
        "granularity": task.granularity,
        "group_size": task.group_size,
        "seed": task.seed,
        "n": task.n,
        "steps": task.steps,
        "solver": task.solver,
        "codebook_dtype": task.codebook_dtype,
        "keep": "+".join(task.keep),
        **{name: value if isfinite(value) else nan for name, value in figures.items()},
        "seconds": seconds,
        "version": MEASUREMENT,
        **{name: getattr(task, name) for name in EXTRA if getattr(task, name)},
    }


def _checked(task: Task, key: str | None) -> Bench:
    """Loads what the task needs, and sees that it is what the caller meant."""
    for _ in range(2):
        on = bench(task.model)
        if key is None or content_key(task, on.fingerprint) == key:
            return on
        forget()  # the files may have changed since they were loaded
    raise ValueError(
        "the files of the model differ from those of the caller: "
        "install the same version of the project in both places"
    )


def _measure(task: Task, on: Bench) -> dict[str, float]:
    run = (task.n, task.steps, task.solver, task.seed)
    network, weights = _network(task, on)
    reference = reference_run(task.model, *run)
    flow = reference if task.is_baseline else draw(network, *run)
    return {
        **weights,
        **_fidelity(reference, flow, task.is_baseline),
        **_quality(flow.samples, turns(network, task.n), on.judge),
        **_latents(task, network, on.judge),
    }


def _network(task: Task, on: Bench) -> tuple[VelocityNetwork, dict[str, float]]:
    """Returns the network to run, and the figures of its weights."""
    if task.is_baseline:
        size = 4 * on.network.n_parameters
        return on.network, {"bits_per_weight": 32, "n_bytes": size, "w2": 0, "relative_error": 0}
    found = rescued(*recipe(task)) if task.rescue else quantized(*recipe(task))
    if isinstance(found, Fit):
        found.write_into(on.scratch)
        network = on.scratch
    else:
        network = cast(VelocityNetwork, found.model)
    return network, {name: getattr(found, name) for name in WEIGHTS}


def _fidelity(reference: Flow, flow: Flow, is_baseline: bool) -> dict[str, float]:
    if is_baseline:
        return {"psnr": nan, "ssim": nan, "divergence": nan}
    assert reference.path is not None
    assert flow.path is not None
    apart = rms_divergence(reference.path, flow.path).square().mean().sqrt()
    pair, images = (reference.samples, flow.samples), flow.samples.ndim == 4
    return {
        "psnr": float(psnr(*pair).mean()) if images else nan,
        "ssim": float(ssim(*pair).mean()) if images else nan,
        "divergence": float(apart),
    }


def _quality(samples: Tensor, labels: Tensor | None, judge: Judge) -> dict[str, float]:
    """Measures what `Judge.judge` does, but for the intervals, which take most of its time."""
    found: dict[str, float] = dict.fromkeys(QUALITY, nan)
    if not samples.isfinite().all():
        return found
    shown = samples.clamp(-1, 1) if samples.ndim == 4 else samples
    if judge.reference is not None:
        found["swd"] = sliced_w2(shown, judge.reference.images)
    if judge.reader is None:
        return found
    features, read = judge.reader.read(shown)
    if judge.frechet is not None and judge.kernel is not None:
        found["fd"] = judge.frechet.distance(features)
        found["kid"] = judge.kernel.kernels(features).distance()
    if labels is not None:
        found["readability"] = float((read == labels).float().mean())
    return found


def _latents(task: Task, network: VelocityNetwork, judge: Judge) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(LATENTS, nan)
    if judge.reference is None or not task.latents:
        return found
    start = origin(task.model, task.steps, task.solver)
    own = start.latents
    if not task.is_baseline:
        own = latents(network, judge.reference, task.steps, task.solver)
    if not own.isfinite().all():
        return found
    statistics = latent_statistics(own, start.basis, start.latents)
    found["latent_variance"] = statistics.total_variance
    found["latent_normality"] = statistics.normality
    if statistics.drift is not None and not task.is_baseline:
        found["latent_drift"] = statistics.drift
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Runs torch in one thread: workers share the cores, and sums come out the same everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
