"""How much the velocity depends on every single weight, and codebooks that heed it."""

__all__ = ["importance", "weighted_codebooks"]

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..flow import Cancelled
from ..quantize import QuantizedModel, prepare
from ..quantize.model import from_fit
from ..quantize.retrained import retrained
from ..quantize.weighted import weighted_levels
from .nearest import nearest_codes
from .targets import Targets

BATCH = 8


def importance(
    model: nn.Module,
    names: Iterable[str] | None = None,
    n_batches: int = 24,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, Tensor]:
    """Estimates the mean squared change of the velocity that each weight causes.

    With J the Jacobian of the velocity in the weights, h = diag(E J^T J) is drawn as the mean of
    (J^T r)^2 over random signs r (Hutchinson), at states of the model's own paths. It is the
    diagonal Fisher information of a velocity with Gaussian error, and needs no data.

    Args:
        model: The network.
        names: Its tensors of interest; all parameters by default.
        n_batches: Batches of 8 states, each with its own signs.
        seed: Of paths, states and signs.
        should_stop: Asked before every batch.

    Returns:
        h by name, in the shape of the weights.

    Raises:
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> h = importance(MLP(width=8, depth=1), ["first.weight"], n_batches=2)
        >>> bool((h["first.weight"] >= 0).all())
        True
    """
    chosen = [name for name, _ in model.named_parameters()] if names is None else list(names)
    targets = Targets(model, seed=seed)
    weights = {n: model.get_parameter(n).detach().clone().requires_grad_(True) for n in chosen}
    found = {name: torch.zeros_like(weights[name]) for name in chosen}
    generator = torch.Generator().manual_seed(seed)
    for i in range(n_batches):
        if should_stop is not None and should_stop():
            raise Cancelled(f"cancelled after {i} of {n_batches} batches")
        batch = targets.batch(BATCH, should_stop)
        signs = torch.randint(0, 2, batch.velocity.shape, generator=generator) * 2.0 - 1.0
        label = () if batch.label is None else (batch.label,)
        with torch.enable_grad():
            velocity = functional_call(model, weights, (batch.x, batch.t, *label))
            found_now = torch.autograd.grad(
                (velocity * signs).sum(), list(weights.values()), allow_unused=True
            )
        for name, gradient in zip(chosen, found_now, strict=True):
            if gradient is not None:
                found[name] += gradient.square() / (n_batches * BATCH)
    return found


def weighted_codebooks(
    model: nn.Module,
    bits: int | Mapping[str, int] = 3,
    granularity: str = "channel",
    group_size: int | None = None,
    keep: str | Iterable[str] = ("bias", "norm"),
    codebook_dtype: str = "float32",
    weights: Mapping[str, Tensor] | None = None,
    seed: int = 0,
) -> QuantizedModel:
    """Quantizes a network so that the weights that matter are met best (arXiv 2306.07629).

    Each row's levels minimise sum_i h_i (w_i - Q(w_i))^2, to the exact optimum; h is the
    `importance` of each weight. It costs a few seconds, and nothing in bytes.

    Args:
        model: The network; it and the further arguments are those of `quantize_model`.
        weights: h by tensor, not negative; by default it is estimated.
        seed: Of that estimate.

    Raises:
        ValueError: An argument is out of range, or h lacks a tensor.

    Example:
        >>> import fmq_explore as fmq
        >>> model = fmq.load_model("moons")
        >>> qm = weighted_codebooks(model, bits=2)
        >>> qm.n_bytes == fmq.quantize_model(model, "optimal", bits=2).n_bytes
        True
    """
    prepared = prepare(model, granularity, group_size, keep)
    fit = prepared.fit("optimal", bits, codebook_dtype)
    qm = from_fit(fit, model)
    if weights is None:
        weights = importance(model, qm.tensors, seed=seed)
    missing = [name for name in qm.tensors if name not in weights]
    if missing:
        raise ValueError(f"weights lack tensor {missing[0]!r}; give one tensor for each quantized")
    parameters, codes = {}, {}
    for name, q in qm.tensors.items():
        where = prepared.rows_of(name)
        h = weights[name].detach().double().flatten().numpy()
        levels = weighted_levels(prepared.rows, where.start, where.stop, h, q.bits)
        parameters[name] = levels.astype(q.parameters.dtype)
        stored = torch.from_numpy(parameters[name].astype(np.float32))
        codes[name] = nearest_codes(model.get_parameter(name).detach(), stored, q.rows)
    return retrained(qm, model, parameters, {}, codes)
