"""Bounds on what quantization does to samples, beside what it really does."""

__all__ = ["Bounds", "bounds"]

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Cancelled
from ..flow import noise as draw_noise
from ..flow.field import Field, Label, check_label
from .jacobian import FieldConstants, field_constants, weight_constant

ShouldStop = Callable[[], bool]
Progress = Callable[[float], Any]


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


def bounds(
    model: nn.Module,
    quantized: Any,
    n: int = 16,
    steps: int = 10,
    seed: int = 0,
    label: Label = None,
    noise: Tensor | None = None,
    n_probes: int = 4,
    iterations: int = 8,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> Bounds:
    r"""Measures the gap between a model and its quantized version, and bounds it.

    What is estimated, and how:

    - :math:`L_k`, :math:`\mu_k` and :math:`\|I + h J_k\|`: the largest found at the first
      `n_probes` states of either path (`field_constants`), or seen between the two states of any
      of the n pairs, where :math:`\|v(x_k) - v(y_k)\| / \|x_k - y_k\|` needs no estimate. The
      latter makes *discrete* and all above it true of these very paths.
    - :math:`L_\theta`: the largest of at most four times, at the first `n_probes` states of the
      quantized path (`weight_constant`), or `lipschitz_theta_seen` if that is larger.

    Each is a maximum over few points, hence never above the true constant of the field: the bounds
    are estimates. Time: 2 evaluations of the model a step for paths of n, and about 4 an iteration
    for the probes.

    Args:
        model: The full-precision network v(x, t) or v(x, t, label).
        quantized: Its quantized version: a `QuantizedModel`, or a network of the same architecture.
        n: Number of samples.
        steps: Euler steps of equal length.
        seed: Seed of the noise, and of the first directions.
        label: Class of all samples, or of each; None for no class.
        noise: Noise to start from, shape (n, ...), instead of `n`.
        n_probes: Samples at which constants are estimated.
        iterations: Directions in each Krylov space.
        should_stop: Asked before every step; True cancels.
        progress: Told the finished fraction, 0 to 1.

    Raises:
        ValueError: If a model is no network, the two do not match, or a velocity is not finite.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> from fmq_explore.quantize import quantize_model
        >>> from fmq_explore.flow import MLP
        >>> _ = torch.manual_seed(0)
        >>> model = MLP(width=16)
        >>> _ = nn.init.normal_(model.last.weight)
        >>> found = bounds(model, quantize_model(model, bits=4), n=8, steps=5)
        >>> found.gap <= found.bound_discrete <= found.bound_field <= found.bound_weights
        True
    """
    other, changed, weight_error = _compare(model, quantized)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is {steps!r}: use a whole number of at least 1")
    x = y = _noise(model, n, seed) if noise is None else noise
    labels = check_label(model, label, len(x))
    v, v_q = Field(model, labels, 1.0), Field(other, labels, 1.0)
    h, seen, theta = 1 / steps, [], []
    for k in range(steps):
        if should_stop is not None and should_stop():
            raise Cancelled(f"cancelled after {k} of {steps} steps")
        t = k / steps
        with torch.no_grad():
            vx, vy, vq = v(x, t), v(y, t), v_q(y, t)
        probes = torch.cat((x[:n_probes], y[:n_probes]))
        probe_labels = None if labels is None else labels[:n_probes].repeat(2)
        probed = field_constants(
            partial(Field(model, probe_labels, 1.0), t=t), probes, h, iterations, seed
        )
        seen.append(_Step.of(x - y, vx - vy, vy - vq, h, probed))
        if changed and k in {i * (steps - 1) // 3 for i in range(4)}:
            few = None if labels is None else labels[:n_probes]
            arguments = (y[:n_probes], torch.tensor(t, dtype=y.dtype), few)
            theta.append(weight_constant(model, changed, arguments[: 2 + (few is not None)]))
        x, y = torch.add(x, vx, alpha=h), torch.add(y, vq, alpha=h)
        if progress is not None:
            progress((k + 1) / steps)
    return _assemble(seen, _norms(x - y), theta, weight_error)


@dataclass(frozen=True, eq=False)
class _Step:
    """What was found at one time: distance and error of each sample, and the three constants."""

    gap: Tensor
    error: Tensor
    lipschitz: float
    log_norm: float
    growth: float

    @classmethod
    def of(
        cls, gap: Tensor, v_gap: Tensor, error: Tensor, h: float, probed: FieldConstants
    ) -> "_Step":
        """Joins what was probed with what the pairs themselves show."""
        distance = _norms(gap)
        # Closer than this, a quotient of float32 differences would be noise
        apart = distance > 1e-5 * max(float(distance.max()), 1.0)
        d, dv, length = (u.flatten(1).double()[apart] for u in (gap, v_gap, distance[:, None]))
        return cls(
            distance,
            _norms(error),
            _largest(probed.lipschitz, dv.norm(dim=1) / length[:, 0]),
            _largest(probed.log_norm, (d * dv).sum(1) / length[:, 0].square()),
            _largest(probed.growth, (d + h * dv).norm(dim=1) / length[:, 0]),
        )


def _assemble(seen: list[_Step], end: Tensor, theta: list[float], weight_error: float) -> Bounds:
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
    gaps = torch.stack([*(step.gap for step in seen), end])
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


def _noise(model: nn.Module, n: int, seed: int) -> Tensor:
    shape = getattr(model, "data_shape", None)
    if shape is None:
        raise ValueError(
            f"{type(model).__name__} has no data_shape: give noise of shape (n, ...) to start from."
        )
    return draw_noise(shape, n, seed)


def _compare(model: Any, quantized: Any) -> tuple[nn.Module, list[str], float]:
    """Returns the quantized network, the names of the weights that differ, and their distance."""
    other = quantized if isinstance(quantized, nn.Module) else getattr(quantized, "model", None)
    if not isinstance(model, nn.Module) or not isinstance(other, nn.Module):
        raise ValueError(
            f"bounds got a {type(model).__name__} and a {type(quantized).__name__}, but needs a "
            "network and its quantized version, such as quantize_model returns."
        )
    shapes, other_shapes = (
        {name: p.shape for name, p in m.named_parameters()} for m in (model, other)
    )
    if shapes != other_shapes:
        raise ValueError("the two networks have different weights: quantize this very model.")
    square = {
        name: float((p.detach() - other.get_parameter(name).detach()).double().square().sum())
        for name, p in model.named_parameters()
    }
    return other, [name for name, value in square.items() if value > 0], sqrt(sum(square.values()))
