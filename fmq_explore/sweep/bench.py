"""What the rows of one worker process share: loaded and computed once, and bounded."""

__all__ = [
    "Bench",
    "Origin",
    "bench",
    "draw",
    "forget",
    "latents",
    "origin",
    "prepared",
    "quantized",
    "recipe",
    "reference_run",
    "rescued",
    "turns",
]

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ..allocation import AllocationCurves, curves_of
from ..flow import Flow, VelocityNetwork, invert, sample
from ..measure.latents import latent_basis
from ..measure.projection import Basis
from ..measure.quality import Judge
from ..measure.reference import Reference
from ..quantize import Fit, PreparedModel, QuantizedModel, prepare
from ..quantize.model import from_fit
from ..rescue import RESCUES
from ..zoo import load_model
from .tasks import Task, fingerprint

N_LATENTS = 64
"""Images that are inverted; as many others fix the axes in which the latents are described."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A model on the bench.

    Attributes:
        network: The full-precision model.
        scratch: A second network of its kind, to write quantized weights into.
        fingerprint: Hash of all that rows of this model read.
        judge: Real data and a reader, as far as they ship with the project.
    """

    network: VelocityNetwork
    scratch: VelocityNetwork
    fingerprint: str
    judge: Judge


@dataclass(frozen=True, eq=False)
class Origin:
    """The reference's latents of the images, and the axes in which all latents are described."""

    latents: Tensor
    basis: Basis


@lru_cache(maxsize=1)  # tasks come model by model
def bench(model: str) -> Bench:
    """Loads a model, and the real data that its samples are held against."""
    network = load_model(model)
    judge = Judge.load(getattr(network.card, "data", ""))
    return Bench(network, load_model(model), fingerprint(network), judge)


@lru_cache(maxsize=1)  # with every fit of 8 schemes at 7 widths it holds some 100 MB
def prepared(
    model: str, granularity: str, group_size: int | None, keep: tuple[str, ...]
) -> PreparedModel:
    """Sorts the weights of a model once for all schemes and bits."""
    return prepare(bench(model).network, granularity, group_size, keep)


Recipe = tuple[str, str, int, str, int | None, tuple[str, ...], str, int, str, str]


def recipe(task: Task) -> Recipe:
    """Returns what decides the weights of a task's network, and nothing else."""
    return (
        *(task.model, task.scheme, task.bits, task.granularity, task.group_size, task.keep),
        *(task.codebook_dtype, task.budget, task.objective, task.rescue),
    )


@lru_cache(maxsize=2)
def shares(
    model: str,
    scheme: str,
    granularity: str,
    group_size: int | None,
    keep: tuple[str, ...],
    codebook_dtype: str,
    objective: str,
) -> AllocationCurves:
    """Collects the curves by which all budgets of a model and a scheme are shared out."""
    rows = prepared(model, granularity, group_size, keep)
    return curves_of(rows, bench(model).network, scheme, codebook_dtype, objective)


def quantized(
    model: str,
    scheme: str,
    bits: int,
    granularity: str,
    group_size: int | None,
    keep: tuple[str, ...],
    codebook_dtype: str,
    budget: int,
    objective: str,
    rescue: str,
) -> Fit:
    """Quantizes a model at equal bits, or shares out a budget."""
    if not budget:
        rows = prepared(model, granularity, group_size, keep)
        return rows.fit(scheme, bits, codebook_dtype)
    curves = shares(model, scheme, granularity, group_size, keep, codebook_dtype, objective)
    return curves.fit(curves.allocate(budget))


@lru_cache(maxsize=2)  # the seeds of a recipe follow one another
def rescued(*what: Any) -> QuantizedModel:
    """Quantizes a model and trains it, as the task's rescue says."""
    model, rescue = what[0], what[-1]
    return RESCUES[rescue].apply(from_fit(quantized(*what), bench(model).network))


@lru_cache(maxsize=4)
def reference_run(model: str, n: int, steps: int, solver: str, seed: int) -> Flow:
    """Draws the reference's samples, with their path."""
    return draw(bench(model).network, n, steps, solver, seed)


def draw(network: VelocityNetwork, n: int, steps: int, solver: str, seed: int) -> Flow:
    """Draws samples with their path, the classes in turn."""
    return sample(network, n, steps, solver, seed, turns(network, n), record=True)


def turns(network: VelocityNetwork, n: int) -> Tensor | None:
    """Returns the classes of n samples, in turn, or None for a model without classes.

    Example:
        >>> turns(load_model("moons"), 5)
        tensor([0, 1, 0, 1, 0])
    """
    return torch.arange(n) % network.n_classes if network.n_classes else None


@lru_cache(maxsize=2)
def origin(model: str, steps: int, solver: str) -> Origin:
    """Inverts the images with the reference; the axes come from images that are not measured."""
    on, first, second = bench(model), slice(0, N_LATENTS), slice(N_LATENTS, 2 * N_LATENTS)
    found = latents(on.network, on.judge.reference, steps, solver, second)
    start = latents(on.network, on.judge.reference, steps, solver, first)
    return Origin(start, latent_basis(found))


def latents(
    network: VelocityNetwork,
    real: Reference | None,
    steps: int,
    solver: str,
    which: slice = slice(0, N_LATENTS),
) -> Tensor:
    """Runs real images backwards, each as a member of its class."""
    assert real is not None
    classes = real.labels if network.n_classes else None
    label = None if classes is None else classes[which]
    return invert(network, real.images[which], steps, solver, label).samples


def forget() -> None:
    """Drops all that is loaded and computed."""
    for known in (bench, prepared, shares, rescued, reference_run, origin):
        known.cache_clear()
