"""Codes chosen by error feedback: what rounding one weight costs, the next ones make good."""

__all__ = ["feed_back_errors"]

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..flow import Cancelled
from ..quantize import QuantizedModel, QuantizedTensor
from ..quantize.retrained import retrained
from .importance import time_weights
from .student import sorted_levels, stores_levels
from .targets import Batch, Targets, call
from .tuner import find_reference

DAMPING = 0.01
"""Share of the mean diagonal that is added to a layer's second moments, as in the paper."""


def feed_back_errors(
    qm: QuantizedModel,
    reference: nn.Module | None = None,
    n: int = 384,
    rounds: int = 3,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> QuantizedModel:
    """Chooses codes anew so that each layer's output is met, not each weight (arXiv 2210.17323).

    For a layer y = W x with second moments H = E x x^T along the reference's own paths, the error
    tr (W - Q) H (W - Q)^T is lowered column by column: each weight takes the level nearest to it,
    and its error is handed on to the weights not yet rounded, by the Cholesky factor of H^-1. Then
    the levels of a codebook solve their least-squares problem, and the codes are chosen once more.
    No data are needed, and no byte is added but one figure a tensor where W2 is a third one.

    Args:
        qm: The quantized network; it is not changed.
        reference: The full-precision network; by default the one that was quantized.
        n: States at which the layers are met.
        rounds: How often codes are chosen; levels are fitted after each.
        seed: Of the paths and the states.
        should_stop: Asked before every layer.

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
    batch = Targets(found, n=64, steps=8, seed=seed, should_stop=should_stop).batch(n)
    parameters: dict[str, np.ndarray] = {}
    codes: dict[str, Tensor] = {}
    for name, moments in _moments(found, batch, qm).items():
        if should_stop is not None and should_stop():
            raise Cancelled(f"cancelled before {name}")
        weights = found.get_parameter(name).detach().double()
        stored, chosen = _meet(qm, name, weights, moments, rounds)
        parameters[name], codes[name] = stored, chosen
    return retrained(qm, found, parameters, {}, codes)


def _meet(
    qm: QuantizedModel, name: str, weights: Tensor, moments: Tensor, rounds: int
) -> tuple[np.ndarray, Tensor]:
    """Returns what the rows of one tensor store, and its codes."""
    q = qm.tensors[name]
    matrix, rows = weights.flatten(1), q.rows.flatten(1)
    levels = q.codebook.double()
    codes = feed_back(matrix, levels, rows, moments)
    for _ in range(rounds - 1 if is_free(q) else 0):
        levels = fitted_levels(matrix, levels, rows, codes, moments)
        codes = feed_back(matrix, levels, rows, moments)
    if not is_free(q):
        return q.parameters, codes.to(torch.uint8).reshape(q.shape)
    levels = fitted_levels(matrix, levels, rows, codes, moments)
    stored, codes = sorted_levels(levels.numpy().astype(q.parameters.dtype), codes, rows)
    return stored, codes.to(torch.uint8).reshape(q.shape)


def is_free(q: QuantizedTensor) -> bool:
    """Tells whether every row stores its own levels."""
    return stores_levels(q) and q.parameters.shape == tuple(q.codebook.shape)


def feed_back(weights: Tensor, levels: Tensor, rows: Tensor, moments: Tensor) -> Tensor:
    """Rounds a matrix column by column, handing the error of each on to the columns to come.

    Args:
        weights: W, shape (out, in).
        levels: Levels of every row of the quantizer, shape (rows, K).
        rows: The row of every weight, shape (out, in).
        moments: H, shape (in, in).

    Returns:
        Codes, shape (out, in).
    """
    order = moments.diagonal().argsort(descending=True)
    damped = moments + DAMPING * moments.diagonal().mean() * torch.eye(len(moments)).to(moments)
    inverse = torch.linalg.inv(damped[order][:, order])
    factor = torch.linalg.cholesky((inverse + inverse.T) / 2, upper=True)
    left, index = weights[:, order].clone(), rows[:, order]
    codes = torch.empty_like(index)
    for j in range(left.shape[1]):
        own = levels[index[:, j]]
        codes[:, j] = (left[:, j : j + 1] - own).abs().argmin(dim=1)
        level = own.gather(1, codes[:, j : j + 1])[:, 0]
        error = (left[:, j] - level) / factor[j, j]
        left[:, j + 1 :] -= error[:, None] * factor[j, j + 1 :]
    return codes[:, order.argsort()]


def fitted_levels(
    weights: Tensor, levels: Tensor, rows: Tensor, codes: Tensor, moments: Tensor
) -> Tensor:
    """Returns the levels of least output error tr (W - Q) H (W - Q)^T for given codes.

    With the design Z of a channel, Z_jk = 1 where weight j has level k, its levels c solve
    (sum Z^T H Z) c = sum Z^T H w over all channels that share the row. A row that is a part of a
    channel keeps its levels, as the problem would no longer fall into rows.
    """
    n_levels = levels.shape[1]
    if not bool((rows == rows[:, :1]).all()):
        return levels
    design = functional.one_hot(codes, n_levels).to(weights)
    left = design.transpose(1, 2) @ moments @ design
    right = (design.transpose(1, 2) @ (moments @ weights[:, :, None]))[:, :, 0]
    index = rows[:, 0]
    normal = torch.zeros(len(levels), n_levels, n_levels).to(left).index_add_(0, index, left)
    wanted = torch.zeros(len(levels), n_levels).to(right).index_add_(0, index, right)
    # levels that no weight has stay where they are; the others are held ever so lightly
    scale = normal.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=1e-30)
    ridge = 1e-6 * scale[:, None, None] * torch.eye(n_levels).to(normal)
    return torch.linalg.solve(normal + ridge, wanted + 1e-6 * scale[:, None] * levels)


def _moments(network: nn.Module, batch: Batch, qm: QuantizedModel) -> dict[str, Tensor]:
    """Returns the second moments of the input of every layer that is quantized, by its weight."""
    found: dict[str, Tensor] = {}
    weights = time_weights(batch.t)
    handles = [
        module.register_forward_hook(_collect(f"{name}.weight", found, weights))
        for name, module in network.named_modules()
        if f"{name}.weight" in qm.tensors and _is_linear(module)
    ]
    try:
        with torch.no_grad():
            call(network, batch.x, batch.t, batch.label)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _is_linear(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and module.padding_mode == "zeros"
    return isinstance(module, nn.Linear)


def _collect(
    name: str, found: dict[str, Tensor], weights: Tensor
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        x = inputs[0].detach()
        if isinstance(module, nn.Conv2d):
            columns = functional.unfold(
                x,
                module.kernel_size,
                dilation=module.dilation,
                padding=module.padding,  # type: ignore[arg-type]
                stride=module.stride,
            ).transpose(1, 2)
        else:
            columns = x.reshape(len(x), -1, x.shape[-1])
        # one embedding may serve all samples
        scale = weights.sqrt()[:, None, None] if len(columns) == len(weights) else 1.0
        flat = (columns * scale).flatten(0, 1)
        found[name] = found.get(name, 0.0) + (flat.T @ flat).double() / len(flat)

    return hook
