"""Solvers of the flow's ODE dx/dt = v(x, t), and their registry."""

__all__ = ["SOLVERS", "Solver", "Velocity"]

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Solver:
    """A one-step method.

    Attributes:
        name: Its key in `SOLVERS`.
        title: Its name for people.
        order: The global error falls like dt**order.
        stages: Evaluations of the velocity per step, or None where the method chooses.
        step: `step(v, x, t, dt)` returns the state at t + dt; dt may be negative.
    """

    name: str
    title: str
    order: int
    stages: int | None
    step: Callable[[Velocity, Tensor, float, float], Tensor]


def _euler(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    return torch.add(x, v(x, t), alpha=dt)


def _midpoint(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    middle = torch.add(x, v(x, t), alpha=dt / 2)
    return torch.add(x, v(middle, t + dt / 2), alpha=dt)


def _heun(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    k1 = v(x, t)
    k2 = v(torch.add(x, k1, alpha=dt), t + dt)
    return torch.add(x, k1 + k2, alpha=dt / 2)


def _rk4(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    k1 = v(x, t)
    k2 = v(torch.add(x, k1, alpha=dt / 2), t + dt / 2)
    k3 = v(torch.add(x, k2, alpha=dt / 2), t + dt / 2)
    k4 = v(torch.add(x, k3, alpha=dt), t + dt)
    return torch.add(x, k1 + 2 * k2 + 2 * k3 + k4, alpha=dt / 6)


def _dopri5(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    """Crosses [t, t + dt] with as many adaptive steps as an error of 1e-5 per step asks for."""
    from torchdiffeq import odeint

    times = torch.tensor([t, t + dt], dtype=x.dtype, device=x.device)
    states = odeint(lambda s, y: v(y, float(s)), x, times, rtol=1e-5, atol=1e-5, method="dopri5")
    return states[-1]  # type: ignore[index]


SOLVERS: dict[str, Solver] = {
    solver.name: solver
    for solver in (
        Solver("euler", "Euler", 1, 1, _euler),
        Solver("midpoint", "midpoint", 2, 2, _midpoint),
        Solver("heun", "Heun", 2, 2, _heun),
        Solver("rk4", "Runge-Kutta 4", 4, 4, _rk4),
        Solver("dopri5", "Dormand-Prince 5, adaptive", 5, None, _dopri5),
    )
}
