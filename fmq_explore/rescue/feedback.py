"""Codes chosen by error feedback: what rounding one weight costs, the next ones make good."""

__all__ = ["feed_back_errors"]

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..flow import Cancelled
from ..quantize import QuantizedModel, QuantizedTensor
from ..quantize.retrained import retrained
from .moments import Moments, calls_in_order, moments_of
from .rounding import descend, feed_back, fitted_levels, output_error
from .student import sorted_levels, stores_levels
from .targets import Targets
from .tuner import find_reference

DAMPING = 0.01
"""Share of the mean diagonal that is added to a layer's second moments (arXiv 2210.17323)."""


def feed_back_errors(
    qm: QuantizedModel,
    reference: nn.Module | None = None,
    n: int = 384,
    rounds: int = 3,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> QuantizedModel:
    """Chooses codes anew so that each layer's output is met, not each weight.

    Layer by layer, in the order in which they are called: let r be the inputs that a layer y = W r
    has in the reference, and x those that it has here, behind layers that are quantized already.
    Its quantized weights are to be least in E |Q x - W r|^2 (arXiv 2504.02692), so that a layer
    makes good what those before it did. With H = E x x^T that is the error tr (V - Q) H (V - Q)^T
    for V = W (E r x^T) H^-1. It is lowered column by column, the error of each handed on to the
    weights not yet rounded (arXiv 2210.17323), then weight by weight (arXiv 2309.01885); then the
    levels of a codebook solve their least-squares problem, and the codes are chosen once more. No
    data are needed, and no byte is added but one figure a tensor where W2 is a third one.

    Args:
        qm: The quantized network; it is not changed.
        reference: The full-precision network; by default the one that was quantized.
        n: States at which the layers are met.
        rounds: How often codes are chosen; levels are fitted after each.
        seed: Of the paths and the states.
        should_stop: Asked before every layer.
        progress: Told the finished fraction after every layer.

    Raises:
        ValueError: There is no reference.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> import fmq_explore as fmq
        >>> model = fmq.load_model("moons")
        >>> qm = fmq.quantize_model(model, "optimal", bits=2)
        >>> met = feed_back_errors(qm)
        >>> any(bool((met.tensors[n].codes != q.codes).any()) for n, q in qm.tensors.items())
        True
    """
    found = find_reference(qm, reference)
    batch = Targets(found, seed=seed).batch(n, should_stop)
    network = copy.deepcopy(found)
    calls = calls_in_order(network, batch, qm.tensors)
    parameters: dict[str, np.ndarray] = {}
    codes: dict[str, Tensor] = {}
    for done, (layer, n_calls) in enumerate(calls.items(), start=1):
        if should_stop is not None and should_stop():
            raise Cancelled(f"cancelled before {layer}")
        name = f"{layer}.weight"
        moments = moments_of(network, found, layer, n_calls, batch)
        q, weights = qm.tensors[name], found.get_parameter(name).detach()
        parameters[name], codes[name] = _meet(q, weights, moments, rounds)
        levels = torch.from_numpy(parameters[name].astype(np.float32)) if is_free(q) else q.codebook
        with torch.no_grad():
            network.get_parameter(name).copy_(levels[q.rows, codes[name].long()])
        if progress is not None:
            progress(done / len(calls))
    return retrained(qm, found, parameters, {}, codes)


def is_free(q: QuantizedTensor) -> bool:
    """Tells whether every row stores its own levels."""
    return stores_levels(q) and q.parameters.shape == tuple(q.codebook.shape)


def _meet(
    q: QuantizedTensor, weights: Tensor, moments: Moments, rounds: int
) -> tuple[np.ndarray, Tensor]:
    """Returns what the rows of one tensor store, and its codes."""
    own, matrix = moments.own, weights.double().flatten(1)
    damping = DAMPING * own.diagonal().mean().clamp(min=1e-30) * torch.eye(len(own)).to(own)
    own = own + damping
    target = matrix + torch.linalg.solve(own, (moments.cross - moments.own) @ matrix.T).T
    levels, rows = q.codebook.double(), q.rows.flatten(1)
    codes = descend(target, levels, rows, feed_back(target, levels, rows, own), own)
    if not is_free(q):
        return q.parameters, codes.to(torch.uint8).reshape(q.shape)
    for _ in range(rounds - 1):
        levels = fitted_levels(target, levels, rows, codes, own)
        starts = codes, feed_back(target, levels, rows, own)
        ends = [descend(target, levels, rows, start, own) for start in starts]
        codes = min(ends, key=lambda end: output_error(target, levels, rows, end, own))
    levels = fitted_levels(target, levels, rows, codes, own)
    stored, codes = sorted_levels(levels.numpy().astype(q.parameters.dtype), codes, rows)
    return stored, codes.to(torch.uint8).reshape(q.shape)
