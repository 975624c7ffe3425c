"""Bounds on what quantization does to samples, beside what it really does."""

__all__ = ["Bounds", "bounds"]

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Cancelled
from ..flow import noise as draw_noise
from ..flow.field import Field, Label, check_label
from .gap import Bounds, Step, assemble
from .jacobian import field_constants, weight_constant

ShouldStop = Callable[[], bool]
Progress = Callable[[float], Any]


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
        seen.append(Step.of(x - y, vx - vy, vy - vq, h, probed))
        if changed and k in {i * (steps - 1) // 3 for i in range(4)}:
            few = None if labels is None else labels[:n_probes]
            arguments = (y[:n_probes], torch.tensor(t, dtype=y.dtype), few)
            theta.append(weight_constant(model, changed, arguments[: 2 + (few is not None)]))
        x, y = torch.add(x, vx, alpha=h), torch.add(y, vq, alpha=h)
        if progress is not None:
            progress((k + 1) / steps)
    return assemble(seen, x - y, theta, weight_error)


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
