"""The gap between two flows, and the recursions that bound it."""

__all__ = ["Bounds", "Step", "assemble"]

from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from .jacobian import FieldConstants


@dataclass(frozen=True, eq=False)
class Bounds:
    r"""The gap between two flows from the same noise, and four upper bounds. Made by `bounds`.

    Gap and bounds are root mean squares over samples of the Euclidean distance of two samples (not
    per coordinate), at every time of the Euler paths x (full precision) and y (quantized), shape
    (steps+1,). The shared noise is a coupling, so that the W2 distance between the two sets of
    samples obeys every bound on the gap.

    With the error :math:`e_k = \|v(y_k, t_k) - v_q(y_k, t_k)\|` along the quantized path, the step
    h, and a constant of every step, each bound carries :math:`d_0 = 0` on to

    .. math::
        \text{discrete:} \quad & d_{k+1} = \|I + h J_k\| \, d_k + h e_k \\
        \text{log norm:} \quad & d_{k+1} = e^{h \mu_k} d_k + e_k (e^{h \mu_k} - 1) / \mu_k \\
        \text{field:} \quad & d_{k+1} = e^{h L_k} d_k + e_k (e^{h L_k} - 1) / L_k \\
        \text{weights:} \quad & d_k = L_\theta \|\theta - \theta_q\| (e^{L t_k} - 1) / L,
        \quad L = \max_k L_k

    The second and third are :math:`\int \exp(\int_s^t L) \, e_s \, ds` with what was found at a
    time held until the next. *Discrete* holds for Euler paths as they are, without a term for the
    discretisation, and so do the larger *field* and *weights*; *log norm* is about the exact flows.

    The constants are estimates, not certificates: see `bounds`. That the drawn bounds lie above the
    drawn gap is no proof that they hold elsewhere.

    Attributes:
        times: Times of the states, shape (steps+1,).
        gap_over_t: What is measured: the distance of the two paths.
        bound_weights_over_t: Bound 1, from the distance of the weights alone.
        bound_field_over_t: Bound 2, from the error of the velocity and the Lipschitz constant.
        bound_log_norm_over_t: The same with the logarithmic norm, which may be negative.
        bound_discrete_over_t: The same for Euler steps.
        field_error: Root mean square of e over samples at every step, shape (steps,).
        lipschitz_over_t: :math:`L_k`, shape (steps,).
        log_norm_over_t: :math:`\mu_k`, shape (steps,).
        growth_over_t: :math:`\|I + h J_k\|`, shape (steps,).
        lipschitz_theta: :math:`L_\theta`, for the worst change of the weights of a given size.
        lipschitz_theta_seen: The same for the change that quantization made: error of the velocity
            over distance of the weights, the largest of all times.
        weight_error: :math:`\|\theta - \theta_q\|`, Euclidean, over all weights that differ.
    """

    times: Tensor
    gap_over_t: Tensor
    bound_weights_over_t: Tensor
    bound_field_over_t: Tensor
    bound_log_norm_over_t: Tensor
    bound_discrete_over_t: Tensor
    field_error: Tensor
    lipschitz_over_t: Tensor
    log_norm_over_t: Tensor
    growth_over_t: Tensor
    lipschitz_theta: float
    lipschitz_theta_seen: float
    weight_error: float

    @property
    def gap(self) -> float:
        """Root-mean-square distance of the samples at t = 1."""
        return float(self.gap_over_t[-1])

    @property
    def bound_weights(self) -> float:
        """Bound 1 on the gap at t = 1; infinite where it is beyond what a number holds."""
        return float(self.bound_weights_over_t[-1])

    @property
    def bound_field(self) -> float:
        """Bound 2 on the gap at t = 1."""
        return float(self.bound_field_over_t[-1])

    @property
    def bound_log_norm(self) -> float:
        """Bound 2 on the gap at t = 1, with the logarithmic norm."""
        return float(self.bound_log_norm_over_t[-1])

    @property
    def bound_discrete(self) -> float:
        """Bound 2 on the gap at t = 1, for Euler steps."""
        return float(self.bound_discrete_over_t[-1])

    @property
    def lipschitz_x(self) -> float:
        """The largest Lipschitz constant in the state, of all times."""
        return float(self.lipschitz_over_t.max())

    @property
    def log_norm(self) -> float:
        """The largest logarithmic norm, of all times."""
        return float(self.log_norm_over_t.max())


@dataclass(frozen=True, eq=False)
class Step:
    """What was found at one time: distance and error of each sample, and the three constants."""

    gap: Tensor
    error: Tensor
    lipschitz: float
    log_norm: float
    growth: float

    @classmethod
    def of(
        cls, gap: Tensor, v_gap: Tensor, error: Tensor, h: float, probed: FieldConstants
    ) -> "Step":
        """Joins what was probed with what the pairs themselves show."""
        distance, error = _norms(gap), _norms(error)
        _largest(distance, error)
        # Closer than this, a quotient of float32 differences would be noise
        apart = distance > 1e-5 * max(float(distance.max()), 1.0)
        d, dv, length = (u.flatten(1).double()[apart] for u in (gap, v_gap, distance[:, None]))
        return cls(
            distance,
            error,
            _largest(probed.lipschitz, dv.norm(dim=1) / length[:, 0]),
            _largest(probed.log_norm, (d * dv).sum(1) / length[:, 0].square()),
            _largest(probed.growth, (d + h * dv).norm(dim=1) / length[:, 0]),
        )


def assemble(seen: list[Step], end: Tensor, theta: list[float], weight_error: float) -> Bounds:
    """Carries the recursions of `Bounds` from noise to samples, sample by sample."""
    steps = len(seen)
    h, times = 1 / steps, torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    lipschitz, log_norm, growth = (
        torch.tensor([getattr(step, key) for step in seen], dtype=torch.float64)
        for key in ("lipschitz", "log_norm", "growth")
    )
    errors = torch.stack([step.error for step in seen])
    rms_error = errors.square().mean(1).sqrt()
    seen_theta = float(rms_error.max()) / weight_error if weight_error > 0 else 0.0
    worst_theta = max([seen_theta, *theta])
    fastest = float(lipschitz.max())
    gaps = torch.stack([*(step.gap for step in seen), _norms(end)])
    return Bounds(
        times=times,
        gap_over_t=gaps.square().mean(1).sqrt(),
        bound_weights_over_t=worst_theta * weight_error * times * _phi(fastest * times),
        bound_field_over_t=_carry(errors, (h * lipschitz).exp(), h * _phi(h * lipschitz)),
        bound_log_norm_over_t=_carry(errors, (h * log_norm).exp(), h * _phi(h * log_norm)),
        bound_discrete_over_t=_carry(errors, growth, torch.full_like(growth, h)),
        field_error=rms_error,
        lipschitz_over_t=lipschitz,
        log_norm_over_t=log_norm,
        growth_over_t=growth,
        lipschitz_theta=worst_theta,
        lipschitz_theta_seen=seen_theta,
        weight_error=weight_error,
    )


def _carry(errors: Tensor, growth: Tensor, weight: Tensor) -> Tensor:
    """Returns the root mean square over samples of d <- growth d + weight e, (steps+1,)."""
    d, found = torch.zeros_like(errors[0]), [torch.zeros((), dtype=errors.dtype)]
    for e, g, w in zip(errors, growth, weight, strict=True):
        d = g * d + w * e
        found.append(d.square().mean().sqrt())
    return torch.stack(found)


def _phi(z: Tensor) -> Tensor:
    """Returns (e^z - 1) / z, continued by 1 at 0, and held finite far up."""
    safe = torch.where(z.abs() < 1e-12, torch.ones_like(z), z)
    return torch.where(z.abs() < 1e-12, torch.ones_like(z), safe.clamp(max=700).expm1() / safe)


def _norms(difference: Tensor) -> Tensor:
    """Returns the Euclidean length of every sample, shape (n,), float64."""
    return difference.flatten(1).double().norm(dim=1)


def _largest(*values: Tensor) -> float:
    """Returns the largest of all values, and refuses what is not finite."""
    found = float(torch.cat(values).max())
    if not isfinite(found):
        raise ValueError("a velocity is not finite: check the weights of both models.")
    return found
