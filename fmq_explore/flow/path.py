"""The straight path from noise to data, the flow-matching loss on it, and how times are drawn."""

__all__ = ["TIME_SAMPLERS", "TimeSampler", "flow_matching_loss", "interpolate", "target_velocity"]

from collections.abc import Callable

import torch
from torch import Generator, Tensor

TimeSampler = Callable[[int, Generator | None], Tensor]


def interpolate(x0: Tensor, x1: Tensor, t: Tensor) -> Tensor:
    """Returns the point xt = (1 - t) x0 + t x1 of the straight path (arXiv 2210.02747).

    Args:
        x0: Noise, shape (n, ...).
        x1: Data, shape (n, ...).
        t: Times in [0, 1], shape (n,) or scalar.

    Example:
        >>> interpolate(torch.zeros(2, 1), torch.ones(2, 1), torch.tensor([0.0, 0.25])).flatten()
        tensor([0.0000, 0.2500])
    """
    return torch.lerp(x0, x1, t.reshape(-1, *[1] * (x0.ndim - 1)))


def target_velocity(x0: Tensor, x1: Tensor) -> Tensor:
    """Returns the velocity x1 - x0 of the straight path, which does not depend on t."""
    return x1 - x0


def uniform_times(n: int, generator: Generator | None = None) -> Tensor:
    """Draws n times uniformly from [0, 1)."""
    return torch.rand(n, generator=generator)


def logit_normal_times(n: int, generator: Generator | None = None) -> Tensor:
    """Draws n times whose logit is standard normal: most in the middle (arXiv 2403.03206)."""
    return torch.randn(n, generator=generator).sigmoid()


TIME_SAMPLERS: dict[str, TimeSampler] = {
    "uniform": uniform_times,
    "logit_normal": logit_normal_times,
}


def flow_matching_loss(
    model: Callable[..., Tensor],
    x0: Tensor,
    x1: Tensor,
    t: Tensor,
    label: Tensor | None = None,
) -> Tensor:
    """Returns the mean of ||v(xt, t) - (x1 - x0)||^2 per dimension (arXiv 2210.02747, eq. 14).

    Args:
        model: Velocity field, called as v(x, t) or, with labels, as v(x, t, label).
        x0: Noise, shape (n, ...).
        x1: Data, shape (n, ...).
        t: Times, shape (n,).
        label: Classes, shape (n,), or None.

    Example:
        >>> x0, x1 = torch.zeros(3, 2), torch.ones(3, 2)
        >>> flow_matching_loss(lambda x, t: torch.ones_like(x), x0, x1, torch.rand(3))
        tensor(0.)
    """
    xt = interpolate(x0, x1, t)
    velocity = model(xt, t) if label is None else model(xt, t, label)
    return (velocity - target_velocity(x0, x1)).square().mean()
