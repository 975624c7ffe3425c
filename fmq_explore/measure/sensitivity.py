"""Which tensors a network can least afford to quantize."""

__all__ = ["sensitivity", "sensitivity_of"]

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Cancelled, sample
from ..flow.field import Field, Label, check_label
from ..quantize import Fit, prepare

ShouldStop = Callable[[], bool]
Progress = Callable[[float], Any]


def sensitivity(
    model: nn.Module,
    scheme: str = "optimal",
    bits: int | Mapping[str, int] = 3,
    granularity: str = "channel",
    group_size: int | None = None,
    keep: str | Iterable[str] = ("bias", "norm"),
    n: int = 64,
    steps: int = 4,
    seed: int = 0,
    label: Label = None,
    noise: Tensor | None = None,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    r"""Measures how much the velocity changes when one tensor alone is quantized.

    .. math:: s = \sqrt{\frac{\sum_{k, i} \left\| v_q(x_{k,i}, t_k) - v(x_{k,i}, t_k) \right\|^2}
                             {\sum_{k, i} \left\| v(x_{k,i}, t_k) \right\|^2}}

    over the states of the reference's own path, recorded once with the midpoint rule, at the times
    0, 1/steps, ..., 1. Errors of one layer that later layers amplify count as they arrive at the
    output; that later states would drift is left out.

    Where errors are small and independent their squares add up, so that the root of the sum of
    squares comes near the error of the whole quantized network. At few bits it does not, and a
    tensor may cost more or less in company.

    Args:
        model: The network v(x, t) or v(x, t, label); it is copied, not changed.
        scheme: A name in `SCHEMES`.
        bits: Bits in a code, 1 to 8, for all tensors or by name; names may be patterns.
        granularity: A name in `fmq_explore.quantize.GRANULARITIES`: weights that share a codebook.
        group_size: Consecutive weights of a channel in a group, for `"group"`.
        keep: Tensors left in full precision, as for `quantize_model`.
        n: Number of samples.
        steps: Steps of the path; the velocity is compared at steps + 1 times.
        seed: Seed of the noise.
        label: Class of all samples, or of each; None for no class.
        noise: Noise to start from, shape (n, ...), instead of `n` and `seed`.
        should_stop: Asked before every tensor; True cancels.
        progress: Told the finished fraction, 0 to 1.

    Returns:
        The relative error by name of the tensor, in the model's order; 0 for tensors with fewer
        weights than levels, which quantization leaves as they are.

    Raises:
        ValueError: If an argument is out of range, or the velocity is 0 or not finite on the path.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> _ = torch.manual_seed(0)
        >>> model = MLP(width=16, depth=1)
        >>> _ = nn.init.normal_(model.last.weight)
        >>> found = sensitivity(model, bits=2, keep=("bias", "time"))
        >>> list(found)
        ['first.weight', 'hidden.0.weight', 'last.weight']
    """
    fit = prepare(model, granularity, group_size, keep).fit(scheme, bits)
    return sensitivity_of(fit, model, n, steps, seed, label, noise, should_stop, progress)


def sensitivity_of(
    fit: Fit,
    model: nn.Module,
    n: int = 64,
    steps: int = 4,
    seed: int = 0,
    label: Label = None,
    noise: Tensor | None = None,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Measures what `sensitivity` does for codebooks that are at hand.

    Args:
        fit: The codebooks of the model's tensors.
        model: The network that they belong to; this and all further arguments, the result and the
            errors are those of `sensitivity`.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> model = MLP(width=16, depth=1)
        >>> _ = nn.init.normal_(model.last.weight)
        >>> fit = prepare(model).fit("optimal", 3)
        >>> sensitivity_of(fit, model, n=8) == sensitivity(model, "optimal", 3, n=8)
        True
    """
    flow = sample(model, n, steps, seed=seed, label=label, noise=noise, record=True)
    assert flow.path is not None
    network = copy.deepcopy(model)
    field = Field(network, check_label(model, label, flow.path.shape[1]), 1.0)
    truth = _velocities(field, flow.path, flow.times)
    total = float(truth.double().square().sum())
    if not 0 < total < float("inf"):
        raise ValueError(
            f"the squared velocity adds up to {total} along the path, so that no relative error "
            "exists: use a trained network with finite weights."
        )
    found: dict[str, float] = {}
    for i, name in enumerate(fit.prepared.names):
        if should_stop is not None and should_stop():
            raise Cancelled(f"cancelled after {i} of {len(fit.prepared.names)} tensors")
        found[name] = 0.0
        if not fit.fits[name].left:
            error = _error(field, network, fit, name, flow.path, flow.times, truth)
            found[name] = (error / total) ** 0.5
        if progress is not None:
            progress((i + 1) / len(fit.prepared.names))
    return found


def _error(
    field: Field,
    network: nn.Module,
    fit: Fit,
    name: str,
    path: Tensor,
    times: Tensor,
    truth: Tensor,
) -> float:
    """Returns the squared error of the velocity with one tensor quantized, and puts that back."""
    weight = network.get_parameter(name)
    original = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.copy_(fit.tensor(name).dequantize())
        return float((_velocities(field, path, times) - truth).double().square().sum())
    finally:
        with torch.no_grad():
            weight.copy_(original)


def _velocities(field: Field, path: Tensor, times: Tensor) -> Tensor:
    """Returns the velocity at every state of a path (steps+1, n, ...)."""
    with torch.no_grad():
        return torch.stack([field(x, float(t)) for x, t in zip(path, times, strict=True)])
