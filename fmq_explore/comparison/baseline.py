"""The full-precision side of a comparison, which many comparisons share."""

__all__ = ["PARTS", "Baseline", "Run", "Stages", "judge_of", "make_baseline", "settings_of"]

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Flow, invert, sample
from ..flow.field import Label, check_label
from ..measure.latents import LatentStatistics, latent_basis, latent_statistics
from ..measure.projection import Basis
from ..measure.quality import Judge, QualityFigures

PARTS = ("fidelity", "quality", "latents", "bounds")
"""What `compare` measures beside the weights."""
N_LATENTS = 64
"""Real images that are inverted; as many others fix the axes in which latents are described."""

ShouldStop = Callable[[], bool]
Progress = Callable[[float], Any]


@dataclass(frozen=True)
class Run:
    """How samples are drawn and measured; the same for both models.

    Attributes:
        n: Number of samples.
        steps: Steps of the solver.
        solver: A key of `flow.SOLVERS`.
        seed: Seed of the noise and of the resampling.
        label: The classes asked for, or None for all in turn.
        parts: What to measure, of `PARTS`.
        n_resamples: Resamples for an interval.
        should_stop: Asked between steps.
    """

    n: int
    steps: int
    solver: str
    seed: int
    label: Label
    parts: tuple[str, ...]
    n_resamples: int
    should_stop: ShouldStop | None

    def __post_init__(self) -> None:
        wrong = [part for part in self.parts if part not in PARTS]
        if wrong:
            raise ValueError(f"unknown part {wrong[0]!r}: choose of {', '.join(PARTS)}")
        if self.n < 2 or self.n_resamples < 2:
            raise ValueError(
                f"n is {self.n} and n_resamples {self.n_resamples}: use at least 2 of each"
            )

    @property
    def has_samples(self) -> bool:
        """Whether samples are needed."""
        return "fidelity" in self.parts or "quality" in self.parts

    def labels(self, model: Any) -> Tensor | None:
        """Returns the classes of the samples, shape (n,), or None for a model without classes."""
        n_classes = getattr(model, "n_classes", None)
        if self.label is None:
            return torch.arange(self.n) % n_classes if n_classes else None
        return check_label(model, self.label, self.n)

    def draw(self, model: nn.Module, like: nn.Module, progress: Callable[[float], None]) -> Flow:
        """Draws the samples of a model, in shape and classes like those of another one."""
        shape = getattr(like, "data_shape", None)
        if shape is None:
            raise ValueError(
                f"{type(like).__name__} has no data_shape: set it to the shape of one sample, such "
                "as model.data_shape = (1, 28, 28)"
            )
        return sample(
            model,
            self.n,
            self.steps,
            self.solver,
            self.seed,
            self.labels(like),
            record=True,
            shape=shape,
            should_stop=self.should_stop,
            progress=lambda done, steps: progress(done / steps),
        )

    def invert(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor | None,
        progress: Callable[[float], None],
    ) -> Tensor:
        """Returns the latents of images."""
        return invert(
            model,
            images,
            self.steps,
            self.solver,
            labels,
            should_stop=self.should_stop,
            progress=lambda done, steps: progress(done / steps),
        ).samples

    def quality(self, flow: Flow, labels: Tensor | None, judge: Judge) -> QualityFigures:
        """Judges samples; those of few classes are not held against the data of all."""
        return judge.judge(
            flow.samples, labels, self.label is None, self.n_resamples, seed=self.seed
        )


class Stages:
    """Joins the progress of stages, one after the other, into one fraction.

    Args:
        n: Number of stages.
        progress: Told the finished fraction of all of them.
    """

    def __init__(self, n: int, progress: Progress | None) -> None:
        self.n, self.progress, self.begun = n, progress, 0

    def next(self) -> Callable[[float], None]:
        """Begins a stage; returns what is to be told its own finished fraction."""
        before, self.begun = self.begun, self.begun + 1
        return lambda done: self.progress((before + done) / self.n) if self.progress else None


@dataclass(frozen=True, eq=False)
class Baseline:
    """What `compare` needs of the full-precision model, measured once for many comparisons.

    Attributes:
        parts: What was measured, of `PARTS`.
        settings: Hash of the model's weights, and how samples were drawn.
        judge: Real data, and the reader of them.
        flow: The reference's samples and their path, or None if not needed.
        labels: Classes of the samples, shape (n,), or None.
        quality: Quality of the samples, or None where it was left out.
        images: Real test images, or points, that are inverted, or None.
        image_labels: Their classes, or None.
        latents: The reference's latents of them, or None.
        basis: Axes in which all latents are described, fitted on other images, or None.
        latent_statistics: What the reference's latents look like, or None.
    """

    parts: tuple[str, ...]
    settings: tuple[Any, ...]
    judge: Judge
    flow: Flow | None
    labels: Tensor | None
    quality: QualityFigures | None
    images: Tensor | None = None
    image_labels: Tensor | None = None
    latents: Tensor | None = None
    basis: Basis | None = None
    latent_statistics: LatentStatistics | None = None


def make_baseline(model: nn.Module, run: Run, judge: Judge | None, stages: Stages) -> Baseline:
    """Measures the full-precision model, as far as the parts of the run need it."""
    judge = judge_of(model) if judge is None else judge
    labels = run.labels(model)
    flow = run.draw(model, model, stages.next()) if run.has_samples else None
    quality = None
    if flow is not None and "quality" in run.parts:
        quality = run.quality(flow, labels, judge)
    latents = _latents(model, run, judge, stages) if "latents" in run.parts else {}
    settings = settings_of(model, run)
    return Baseline(run.parts, settings, judge, flow, labels, quality, **latents)


def judge_of(model: Any) -> Judge:
    """Returns the judge of the data on a model's card; one that knows nothing without a card."""
    judge = Judge.load(getattr(getattr(model, "card", None), "data", ""))
    return judge if judge.suits(tuple(getattr(model, "data_shape", ()))) else Judge.of(None)


def settings_of(model: nn.Module, run: Run) -> tuple[Any, ...]:
    """Returns what decides a baseline: the weights, and how samples are drawn."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    labels = run.labels(model)
    asked = None if run.label is None or labels is None else tuple(labels.tolist())
    return digest.hexdigest(), run.n, run.steps, run.solver, run.seed, asked


def _latents(model: nn.Module, run: Run, judge: Judge, stages: Stages) -> dict[str, Any]:
    """Inverts real images; the axes are fitted on others, where variances are not picked."""
    first, second = stages.next(), stages.next()
    reference = judge.reference
    if reference is None or len(reference.images) < 8:
        return {}
    k = min(N_LATENTS, len(reference.images) // 2)
    known = getattr(model, "n_classes", None) and reference.labels is not None
    classes = reference.labels if known else None
    here, others = (None if classes is None else classes[s] for s in (slice(k), slice(k, 2 * k)))
    latents = run.invert(model, reference.images[:k], here, first)
    basis = latent_basis(run.invert(model, reference.images[k : 2 * k], others, second))
    return {
        "images": reference.images[:k],
        "image_labels": here,
        "latents": latents,
        "basis": basis,
        "latent_statistics": latent_statistics(latents, basis),
    }
