"""From noise to samples and back: integrating the flow of a velocity model."""

__all__ = ["Cancelled", "Flow", "invert", "noise", "sample"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .field import Field, Label, check_label
from .solvers import SOLVERS

ShouldStop = Callable[[], bool]
Progress = Callable[[int, int], Any]


class Cancelled(Exception):  # noqa: N818 - a decision, not an error
    """Raised between two steps of an integration that is no longer wanted."""


@dataclass(frozen=True, eq=False)
class Flow:
    """The outcome of an integration.

    Attributes:
        samples: Final states, shape (n, ...).
        path: All states, shape (steps + 1, n, ...), or None if they were not recorded.
        times: Their times, shape (steps + 1,); descending for an inversion.
        n_evaluations: Calls of the network per sample; guidance calls it twice.
    """

    samples: Tensor
    path: Tensor | None
    times: Tensor
    n_evaluations: int


def noise(shape: Sequence[int], n: int, seed: int = 0) -> Tensor:
    """Draws n samples of standard normal noise, each of them the same whatever n is.

    Args:
        shape: Shape of one sample.
        n: Number of samples.
        seed: Seed, at least 0.

    Returns:
        Noise, float32, shape (n, *shape).

    Example:
        >>> bool((noise((3,), 64, seed=1)[:16] == noise((3,), 16, seed=1)).all())
        True
    """
    if n < 1:
        raise ValueError(f"n is {n}: ask for at least 1 sample")
    if seed < 0:
        raise ValueError(f"seed is {seed}: use a whole number of at least 0")
    # numpy draws one number after the other; torch's randn would depend on the total count
    drawn = np.random.default_rng(seed).standard_normal((n, prod(shape)), dtype=np.float32)
    return torch.from_numpy(drawn).reshape(n, *shape)


def sample(
    model: Callable[..., Tensor],
    n: int = 64,
    steps: int = 10,
    solver: str = "midpoint",
    seed: int = 0,
    label: Label = None,
    record: bool = False,
    guidance: float = 1.0,
    noise: Tensor | None = None,
    shape: Sequence[int] | None = None,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> Flow:
    """Integrates dx/dt = v(x, t) from noise at t = 0 to samples at t = 1.

    Args:
        model: Velocity v(x, t) or v(x, t, label): a module, or any callable.
        n: Number of samples.
        steps: Steps of equal length.
        solver: A key of `SOLVERS`.
        seed: Seed of the noise.
        label: Class of all samples, or of each, shape (n,); None for no class.
        record: Whether to keep the whole path.
        guidance: Scale g of v_none + g (v_label - v_none) (arXiv 2207.12598); 1 costs nothing.
        noise: Noise to start from, shape (n, ...), instead of `n` and `seed`.
        shape: Shape of one sample, for a model without `data_shape`.
        should_stop: Asked before every step; True cancels.
        progress: Called as `progress(done_steps, steps)` after every step.

    Raises:
        ValueError: If an argument is out of range.
        Cancelled: If `should_stop` said so.

    Example:
        >>> flow = sample(lambda x, t: 3 - 0 * x, n=2, shape=(1,), steps=4, record=True)
        >>> flow.path.shape, flow.n_evaluations
        (torch.Size([5, 2, 1]), 8)
        >>> (flow.samples - flow.path[0]).flatten()
        tensor([3., 3.])
    """
    start = _start_noise(model, n, seed, shape) if noise is None else noise
    plan = _Plan(steps, solver, label, record, guidance, should_stop, progress)
    return _integrate(model, start, (0.0, 1.0), plan)


def invert(
    model: Callable[..., Tensor],
    images: Tensor,
    steps: int = 10,
    solver: str = "midpoint",
    label: Label = None,
    record: bool = False,
    guidance: float = 1.0,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> Flow:
    """Integrates the ODE backwards, from data at t = 1 to the latents at t = 0.

    Args:
        model: As for `sample`.
        images: Data, shape (n, ...).
        steps: As for `sample`, like all further arguments.

    Returns:
        A flow whose `samples` are the latents, shape (n, ...).

    Example:
        >>> shift = lambda x, t: 3 - 0 * x
        >>> invert(shift, torch.tensor([[4.0]]), steps=4).samples
        tensor([[1.]])
    """
    plan = _Plan(steps, solver, label, record, guidance, should_stop, progress)
    return _integrate(model, images, (1.0, 0.0), plan)


@dataclass(frozen=True)
class _Plan:
    """How to integrate: the arguments that `sample` and `invert` share."""

    steps: int
    solver: str
    label: Label
    record: bool
    guidance: float
    should_stop: ShouldStop | None
    progress: Progress | None


def _integrate(
    model: Callable[..., Tensor], start: Tensor, span: tuple[float, float], plan: _Plan
) -> Flow:
    _validate(model, start, plan)
    step, steps = SOLVERS[plan.solver].step, plan.steps
    field = Field(model, check_label(model, plan.label, len(start)), plan.guidance)
    times = [span[0] + (span[1] - span[0]) * i / steps for i in range(steps + 1)]
    path = start.new_empty((steps + 1, *start.shape)) if plan.record else None
    x = start
    with torch.inference_mode():
        if path is not None:
            path[0] = x
        for i in range(steps):
            if plan.should_stop is not None and plan.should_stop():
                raise Cancelled(f"cancelled after {i} of {steps} steps")
            x = step(field, x, times[i], times[i + 1] - times[i])
            if path is not None:
                path[i + 1] = x
            if plan.progress is not None:
                plan.progress(i + 1, steps)
    # what leaves is an ordinary tensor, not one that autograd refuses
    samples = x.clone() if path is None else path[-1]
    return Flow(samples, path, torch.tensor(times), field.n_evaluations)


def _start_noise(model: Any, n: int, seed: int, shape: Sequence[int] | None) -> Tensor:
    shape = shape if shape is not None else getattr(model, "data_shape", None)
    if shape is None:
        raise ValueError(
            f"{type(model).__name__} has no data_shape: give the shape of one sample, "
            "such as shape=(2,)"
        )
    return noise(shape, n, seed)


def _validate(model: Any, start: Tensor, plan: _Plan) -> None:
    if not callable(model):
        raise ValueError(
            f"a {type(model).__name__} is not a velocity v(x, t): give a module or a callable, "
            "of a quantized model its .model"
        )
    if plan.solver not in SOLVERS:
        raise ValueError(f"unknown solver {plan.solver!r}: choose one of {', '.join(SOLVERS)}")
    if isinstance(plan.steps, bool) or not isinstance(plan.steps, int) or plan.steps < 1:
        raise ValueError(f"steps is {plan.steps!r}: use a whole number of at least 1")
    if not start.is_floating_point():
        raise ValueError(
            f"the states are {start.dtype}: convert them to float32, images to [-1, 1]"
        )
    shape = getattr(model, "data_shape", start.shape[1:])
    if tuple(start.shape[1:]) != tuple(shape):
        raise ValueError(
            f"states of shape {tuple(start.shape)} do not suit the model: use (n, "
            f"{', '.join(map(str, shape))})"
        )
