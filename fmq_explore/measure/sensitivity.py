"""Which tensors a network can least afford to quantize."""

__all__ = ["sensitivity", "sensitivity_of"]

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Cancelled, Flow, sample
from ..flow.field import Label
from ..quantize import Fit, prepare
from .velocity import velocities

KINDS = ("velocity", "samples")

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
    of: str = "velocity",
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    r"""Measures how much the velocity, or the samples, change when one tensor alone is quantized.

    .. math:: s = \sqrt{\frac{\sum_{k, i} \left\| v_q(x_{k,i}, t_k) - v(x_{k,i}, t_k) \right\|^2}
                             {\sum_{k, i} \left\| v(x_{k,i}, t_k) \right\|^2}}

    over the states of the reference's own path, recorded once with the midpoint rule, at the times
    0, 1/steps, ..., 1 - 1/steps where its steps begin. Errors of one layer that later layers
    amplify count as they arrive at the output; that later states would drift is left out.

    With `of="samples"` it is not: x(1) takes the place of v in the formula, the end of the path
    that the quantized network takes from the same noise, and of that of the original.

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
        steps: Steps of the path; the velocity is compared where each begins.
        seed: Seed of the noise.
        label: Class of all samples, or of each; None for no class.
        noise: Noise to start from, shape (n, ...), instead of `n` and `seed`.
        of: `"velocity"` or `"samples"`: what is looked at.
        should_stop: Asked before every tensor; True cancels.
        progress: Told the finished fraction, 0 to 1.

    Returns:
        The relative error by name of the tensor, in the model's order; 0 for tensors with fewer
        weights than levels, which quantization leaves as they are.

    Raises:
        ValueError: If an argument is out of range, or what is looked at is 0 or not finite.
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
    return sensitivity_of(fit, model, n, steps, seed, label, noise, of, should_stop, progress)


def sensitivity_of(
    fit: Fit,
    model: nn.Module,
    n: int = 64,
    steps: int = 4,
    seed: int = 0,
    label: Label = None,
    noise: Tensor | None = None,
    of: str = "velocity",
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
    if of not in KINDS:
        raise ValueError(f"of is {of!r}; choose one of {', '.join(KINDS)}")
    flow = sample(model, n, steps, seed=seed, label=label, noise=noise, record=True)
    network = copy.deepcopy(model)
    look = _look(of, network, flow, label)
    truth = look()
    total = float(truth.double().square().sum())
    if not 0 < total < float("inf"):
        raise ValueError(
            f"the squares of the {of} add up to {total}, so that no relative error exists: use a "
            "trained network with finite weights."
        )
    found: dict[str, float] = {}
    for i, name in enumerate(fit.prepared.names):
        if should_stop is not None and should_stop():
            raise Cancelled(f"cancelled after {i} of {len(fit.prepared.names)} tensors")
        found[name] = 0.0
        if not fit.fits[name].left:
            with _quantized(network, fit, name):
                error = float((look() - truth).double().square().sum())
            found[name] = (error / total) ** 0.5
        if progress is not None:
            progress((i + 1) / len(fit.prepared.names))
    return found


def _look(of: str, network: nn.Module, flow: Flow, label: Label) -> Callable[[], Tensor]:
    """Returns what asks the network, as it is by then, for its velocities or its samples."""
    path, times = flow.path, flow.times
    assert path is not None
    if of == "velocity":
        return lambda: velocities(network, path[:-1], times[:-1], label)
    return lambda: sample(network, steps=len(path) - 1, label=label, noise=path[0]).samples


@contextmanager
def _quantized(network: nn.Module, fit: Fit, name: str) -> Iterator[None]:
    """Quantizes one tensor, and puts back what was there."""
    weight = network.get_parameter(name)
    original = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.copy_(fit.tensor(name).dequantize())
        yield
    finally:
        with torch.no_grad():
            weight.copy_(original)
