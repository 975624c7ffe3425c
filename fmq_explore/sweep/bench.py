"""What the rows of one worker process share: loaded and computed once, and bounded."""

__all__ = [
    "Bench",
    "Origin",
    "Reality",
    "bench",
    "draw",
    "latents",
    "origin",
    "prepared",
    "reference_run",
    "turns",
]

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..flow import Flow, VelocityNetwork, invert, sample
from ..measure.distribution import FrechetReference, KernelReference
from ..measure.latents import latent_basis
from ..measure.projection import Basis
from ..measure.reader import Reader, available_readers, load_reader
from ..measure.reference import available_references, load_reference
from ..measure.sliced import project_on_lines
from ..quantize import PreparedModel, prepare
from ..zoo import load_model
from .tasks import fingerprint

N_LATENTS = 64
"""Images that are inverted; as many others fix the axes in which the latents are described."""


@dataclass(frozen=True, eq=False)
class Reality:
    """Real test data, made ready to hold samples against.

    Attributes:
        images: Images, or points, to invert, shape (128, ...).
        labels: Their classes, shape (128,), or None.
        lines: All images projected on the directions of sliced W2.
        frechet: Moments of the features, or None for points.
        kernel: Kernel of the features, or None for points.
        reader: The classifier of the data set, or None.
    """

    images: Tensor
    labels: Tensor | None
    lines: Tensor
    frechet: FrechetReference | None
    kernel: KernelReference | None
    reader: Reader | None


@dataclass(frozen=True, eq=False)
class Bench:
    """A model on the bench.

    Attributes:
        network: The full-precision model.
        scratch: A second network of its kind, to write quantized weights into.
        fingerprint: Hash of all that rows of this model read.
        reality: Real data, or None where none ships with the project.
    """

    network: VelocityNetwork
    scratch: VelocityNetwork
    fingerprint: str
    reality: Reality | None


@dataclass(frozen=True, eq=False)
class Origin:
    """The reference's latents of the images, and the axes in which all latents are described."""

    latents: Tensor
    basis: Basis


@lru_cache(maxsize=1)  # tasks come model by model
def bench(model: str) -> Bench:
    """Loads a model, and the real data that its samples are held against."""
    network = load_model(model)
    reality = _reality(network, getattr(network.card, "data", ""))
    return Bench(network, load_model(model), fingerprint(network), reality)


def _reality(network: VelocityNetwork, data: str) -> Reality | None:
    if data not in available_references():
        return None
    real = load_reference(data)
    some = slice(0, 2 * N_LATENTS)
    features = real.features if data in available_readers() else None
    return Reality(
        images=real.images[some],
        labels=None if real.labels is None or not network.n_classes else real.labels[some],
        lines=project_on_lines(real.images),
        frechet=None if features is None else FrechetReference.of(features),
        kernel=None if features is None else KernelReference.of(features),
        reader=None if features is None else load_reader(data),
    )


@lru_cache(maxsize=1)  # with every fit of 8 schemes at 7 widths it holds some 100 MB
def prepared(
    model: str, granularity: str, group_size: int | None, keep: tuple[str, ...]
) -> PreparedModel:
    """Sorts the weights of a model once for all schemes and bits."""
    return prepare(bench(model).network, granularity, group_size, keep)


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
    on = bench(model)
    assert on.reality is not None
    real, rest = on.reality, slice(N_LATENTS, None)
    found = latents(on.network, real, steps, solver, rest)
    return Origin(latents(on.network, real, steps, solver), latent_basis(found))


def latents(
    network: VelocityNetwork,
    real: Reality,
    steps: int,
    solver: str,
    which: slice = slice(0, N_LATENTS),
) -> Tensor:
    """Runs real images backwards, each as a member of its class."""
    label = None if real.labels is None else real.labels[which]
    return invert(network, real.images[which], steps, solver, label).samples
