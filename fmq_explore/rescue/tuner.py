"""Codes stay, what they stand for is trained: levels or scales, biases and norms."""

__all__ = ["TuneRecipe", "Tuner", "find_reference", "reporting", "tune"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..flow import Cancelled
from ..quantize import QuantizedModel
from .student import Student
from .targets import Targets

ShouldStop = Callable[[], bool]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class TuneRecipe:
    """How a quantized network is tuned.

    Attributes:
        steps: Optimiser steps.
        batch_size: States per step; 0 for 32 images, or 512 points.
        learning_rate: Peak for levels and scales, as a share of the spread of a tensor's levels.
        kept_learning_rate: Peak for kept tensors.
        warm_up: Steps of the linear warm-up, after which a cosine goes down to zero.
        seed: Of the paths and of everything that is drawn.
    """

    steps: int = 600
    batch_size: int = 0
    learning_rate: float = 0.02
    kept_learning_rate: float = 0.005
    warm_up: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"steps": 1, "batch_size": 0, "seed": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ValueError(f"{name} is {value!r}: use a whole number of at least {low}")
        for name in ("learning_rate", "kept_learning_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: use a number of at least 0")

    def share_at(self, step: int) -> float:
        """Returns the share of the peak learning rate at a step, counted from 0."""
        warm = min(1.0, (step + 1) / max(self.warm_up, 1))
        return warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


class Tuner:
    """Tunes one quantized network; the same arguments give the same weights.

    Args:
        student: What is trained.
        recipe: How.

    Attributes:
        step: Steps done.
        errors: Of every step the RMS error of the velocity over the RMS of the velocity.
    """

    def __init__(self, student: Student, recipe: TuneRecipe) -> None:
        self.student, self.recipe = student, recipe
        self.step = 0
        self.errors: list[float] = []
        self._targets = Targets(student.reference, seed=recipe.seed)
        groups = student.groups(recipe.learning_rate, recipe.kept_learning_rate)
        self._optimiser = torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.99))

    def run(
        self,
        after_step: Callable[["Tuner"], None] | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        """Trains up to `recipe.steps`; after a cancellation it goes on where it stopped.

        Args:
            after_step: Called with the tuner after every step.
            should_stop: Asked before every step; True cancels.

        Raises:
            fmq_explore.flow.Cancelled: If `should_stop` said so.
            ValueError: If the loss is no longer finite.
        """
        while self.step < self.recipe.steps:
            if should_stop is not None and should_stop():
                raise Cancelled(f"cancelled after {self.step} of {self.recipe.steps} steps")
            self._train_step(should_stop)
            self.step += 1
            if after_step is not None:
                after_step(self)

    def _train_step(self, should_stop: ShouldStop | None) -> None:
        default = 512 if self._targets.are_points else 32
        batch = self._targets.batch(self.recipe.batch_size or default, should_stop)
        share = self.recipe.share_at(self.step)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * share
        self._optimiser.zero_grad()
        with torch.enable_grad():
            errors = (self.student.velocity(batch) - batch.velocity).square().flatten(1).mean(1)
            loss = errors.mean()
            self._check(loss)
            loss.backward()
        self.student.before_step()
        self._optimiser.step()
        self.student.after_step()
        scale = batch.velocity.square().mean().item()
        self.errors.append(math.sqrt(errors.detach().mean().item() / max(scale, 1e-30)))

    def _check(self, loss: Tensor) -> None:
        if not bool(loss.isfinite()):
            raise ValueError(
                f"the loss is {loss.item()} at step {self.step}: "
                "use a smaller learning rate, or more bits"
            )


def tune(
    qm: QuantizedModel,
    reference: nn.Module | None = None,
    steps: int = 600,
    batch_size: int = 0,
    learning_rate: float = 0.02,
    kept_learning_rate: float = 0.005,
    warm_up: int = 20,
    seed: int = 0,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
    after_step: Callable[[Tuner], None] | None = None,
) -> QuantizedModel:
    """Rescues a quantized network: trains what its codes stand for, at no cost in bytes.

    Which weights share a level stays as it is. The levels (or scales and offsets) c of every row
    and the kept tensors k, biases and norms, are trained so that the quantized velocity matches the
    reference's along the reference's own paths from noise to samples,

        min_{c, k}  E_{t, x_t} || v_{c, k}(x_t, t) - v(x_t, t) ||^2,

    so that no data are needed. The error of the weights grows: what is matched is the velocity.
    Levels of a row may cross; they are stored in order, and codes are renamed accordingly. Then the
    codes are no longer monotone in the weights, and W2 of a row falls below its root mean squared
    error: both are reported.

    Args:
        qm: The quantized network; it is not changed.
        reference: The full-precision network; by default the one that was quantized.
        steps: Optimiser steps (Adam).
        batch_size: States per step; 0 for 32 images, or 512 points.
        learning_rate: Peak for levels, as a share of the spread of a tensor's levels.
        kept_learning_rate: Peak for kept tensors.
        warm_up: Steps until the peak.
        seed: Of the paths and of everything that is drawn.
        should_stop: Asked before every step; True cancels.
        progress: Told the finished fraction after every step.
        after_step: Called with the tuner after every step.

    Returns:
        A network of the same cells and the same size in bytes, but for one figure a tensor where
        W2 is a third one.

    Raises:
        ValueError: An argument is out of range, or there is no reference.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> import fmq_explore as fmq
        >>> model = fmq.load_model("moons")
        >>> qm = fmq.quantize_model(model, "optimal", bits=2)
        >>> tuned = tune(qm, steps=50)
        >>> tuned.n_bytes - qm.n_bytes <= 4 * len(qm.tensors) + 8
        True
    """
    recipe = TuneRecipe(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        kept_learning_rate=kept_learning_rate,
        warm_up=warm_up,
        seed=seed,
    )
    tuner = Tuner(Student(qm, find_reference(qm, reference)), recipe)
    tuner.run(reporting(progress, after_step), should_stop)
    return tuner.student.quantized()


def reporting(
    progress: Progress | None, after_step: Callable[[Tuner], None] | None
) -> Callable[[Tuner], None]:
    """Returns what is called after every step."""

    def report(tuner: Tuner) -> None:
        if progress is not None:
            progress(tuner.step / tuner.recipe.steps)
        if after_step is not None:
            after_step(tuner)

    return report


def find_reference(qm: QuantizedModel, reference: nn.Module | None) -> nn.Module:
    """Returns the full-precision network of a quantized one.

    Raises:
        ValueError: It is not known, or is of another architecture.
    """
    found = reference if reference is not None else qm.reference
    if found is None:
        raise ValueError(
            "the full-precision network is not known, since this one was read from a file: "
            "give it as `reference`"
        )
    shapes = {name: tensor.shape for name, tensor in found.state_dict().items()}
    for name, q in qm.tensors.items():
        if shapes.get(name) != q.shape:
            raise ValueError(
                f"the reference has no tensor {name!r} of shape {tuple(q.shape)}: "
                "give the network that was quantized"
            )
    return found
