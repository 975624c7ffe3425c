"""How wrong the velocity of one network is where another network's samples pass."""

__all__ = ["velocities", "velocity_error"]

from collections.abc import Callable

import torch
from torch import Tensor

from ..flow import Cancelled
from ..flow.field import Field, Label, check_label


def velocities(
    model: Callable[..., Tensor],
    path: Tensor,
    times: Tensor,
    label: Label = None,
    guidance: float = 1.0,
    should_stop: Callable[[], bool] | None = None,
) -> Tensor:
    """Computes the velocity at the states of a path.

    Args:
        model: Velocity v(x, t) or v(x, t, label).
        path: States, shape (k, n, ...); of a recorded path leave out the end, where no step begins.
        times: Their times, shape (k,).
        label: Class of all samples, or of each; None for no class.
        guidance: Scale of guidance.
        should_stop: Asked before every time.

    Returns:
        The velocities, shape of the path.

    Raises:
        ValueError: If the lengths differ, or a label does not suit the model.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> velocities(lambda x, t: t * x, torch.ones(3, 1, 2), torch.tensor([0.0, 0.5, 1.0]))[1]
        tensor([[0.5000, 0.5000]])
    """
    if len(path) != len(times) or not len(path):
        raise ValueError(f"{len(path)} states and {len(times)} times: give one time for each")
    field = Field(model, check_label(model, label, path.shape[1]), guidance)
    found = []
    with torch.no_grad():
        for x, t in zip(path, times.tolist(), strict=True):
            if should_stop is not None and should_stop():
                raise Cancelled(f"cancelled after {len(found)} of {len(path)} times")
            found.append(field(x, t))
    return torch.stack(found)


def velocity_error(reference: Tensor, velocity: Tensor) -> float:
    r"""Computes the relative root-mean-square error of a velocity.

    .. math:: \sqrt{\frac{\sum_{k, i} \left\| v_{k,i} - u_{k,i} \right\|^2}
                         {\sum_{k, i} \left\| u_{k,i} \right\|^2}}

    Args:
        reference: The velocities u of the full-precision network, shape (k, n, ...).
        velocity: The velocities v of another at the same states.

    Raises:
        ValueError: If the shapes differ, or the reference is 0 or not finite.

    Example:
        >>> round(velocity_error(torch.full((2, 3, 1), 2.0), torch.full((2, 3, 1), 2.1)), 4)
        0.05
    """
    if reference.shape != velocity.shape:
        raise ValueError(
            f"velocities of shapes {tuple(reference.shape)} and {tuple(velocity.shape)} cannot be "
            "compared: take both at the same states"
        )
    total = float(reference.double().square().sum())
    if not 0 < total < float("inf"):
        raise ValueError(
            f"the squared velocity adds up to {total}, so that no relative error exists: use a "
            "trained network with finite weights"
        )
    return (float((velocity - reference).double().square().sum()) / total) ** 0.5
