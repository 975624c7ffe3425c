"""From a network and a budget to bits, in one call."""

__all__ = ["allocate", "curves_of"]

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ..measure.sensitivity import sensitivity_of
from ..quantize import SCHEMES, PreparedModel, prepare
from .curves import AllocationCurves, allocation_curves
from .record import Allocation

KINDS = ("error", "sensitivity")
SENSITIVITY_BITS = 3
"""Where the sensitivity is measured: low enough to be felt, high enough for errors to add up."""
N_SAMPLES, N_STEPS = 16, 4


def allocate(
    model: nn.Module,
    budget_bytes: int,
    scheme: str = "optimal",
    granularity: str = "channel",
    group_size: int | None = None,
    keep: str | Iterable[str] = ("bias", "norm"),
    codebook_dtype: str = "float32",
    weights: str | Mapping[str, float] = "error",
) -> Allocation:
    r"""Chooses the bits of every tensor, so that the file fits a budget and the error is least.

    Bytes are counted as in the file: codes, codebooks or scales, kept tensors and the header. A
    tensor of short rows may therefore get few bits although its error is large: its codebooks
    would cost more than its codes.

    What is made least is :math:`\sqrt{\sum_i a_i \, \mathrm{SSE}_i(b_i) / N}` over the bits
    :math:`b_i` of the tensors, 1 to 8, where SSE is the summed squared error of a tensor and

    - `weights="error"`: :math:`a_i = 1` and N the summed squared weights. It is the
      `relative_error` of the quantized model.
    - `weights="sensitivity"`: :math:`a_i = s_i^2 / \mathrm{SSE}_i(3)` and N = 1, with
      `fmq_explore.measure.sensitivity` measured at 3 bits, one tensor at a time: an error counts
      for what arrives at the velocity. The measure at one width is carried over to the others by
      the tensor's own curve, and the squares are added up as if errors were independent; both hold
      better for small errors than at 1 and 2 bits.
    - a mapping: :math:`a_i` from it, and N = :math:`\sum a_i \lVert w_i \rVert^2`.

    How it is found is described at `fmq_explore.allocation.minimise`.

    Args:
        model: The network.
        budget_bytes: The most bytes that the file may have, header included.
        scheme: A name in `SCHEMES`.
        granularity: Weights that share a codebook: `"tensor"`, `"channel"` or `"group"`.
        group_size: Consecutive weights of a channel in a group, for `"group"`.
        keep: Tensors left in full precision, as for `quantize_model`.
        codebook_dtype: `"float32"` or `"float16"`, how codebooks are stored.
        weights: `"error"`, `"sensitivity"`, or a mapping from names or patterns of tensors.

    Raises:
        ValueError: The budget is too small for any bits, or an argument is out of range.

    Example:
        >>> net = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64))
        >>> allocation = allocate(net, budget_bytes=7_000, codebook_dtype="float16")
        >>> from fmq_explore.quantize import quantize_model
        >>> qm = quantize_model(net, bits=allocation.bits, codebook_dtype="float16")
        >>> qm.n_bytes == allocation.n_bytes <= 7_000
        True
    """
    prepared = prepare(model, granularity, group_size, keep)
    return curves_of(prepared, model, scheme, codebook_dtype, weights).allocate(budget_bytes)


def curves_of(
    prepared: PreparedModel,
    model: nn.Module,
    scheme: str = "optimal",
    codebook_dtype: str = "float32",
    weights: str | Mapping[str, float] = "error",
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[float], Any] | None = None,
) -> AllocationCurves:
    """Collects the curves for `allocate`; one collection serves all budgets.

    Args:
        prepared: The network's sorted weights.
        model: The network itself; it runs only for `"sensitivity"`.
        scheme: This and the further arguments are those of `allocate`.
        should_stop: Asked before every tensor whose sensitivity is measured; True cancels.
        progress: Told the finished fraction of that.

    Raises:
        ValueError: An argument is out of range.
        fmq_explore.flow.Cancelled: If `should_stop` said so.
    """
    if not isinstance(weights, str):
        return allocation_curves(prepared, scheme, codebook_dtype, weights)
    if weights not in KINDS:
        raise ValueError(f"weights is {weights!r}; choose one of {', '.join(KINDS)}, or a mapping")
    if weights == "error":
        return allocation_curves(prepared, scheme, codebook_dtype)
    counts = sensitivity_weights(prepared, model, scheme, codebook_dtype, should_stop, progress)
    return allocation_curves(prepared, scheme, codebook_dtype, counts, whole=1.0)


def sensitivity_weights(
    prepared: PreparedModel,
    model: nn.Module,
    scheme: str,
    codebook_dtype: str,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[float], Any] | None = None,
) -> dict[str, float]:
    """Measures what the squared error of each tensor does to the squared relative velocity.

    A tensor of fewer weights than 3 bits have levels is left as it is there; it counts nothing.
    """
    bits = SCHEMES[scheme].nearest_bits(SENSITIVITY_BITS)
    fit = prepared.fit(scheme, bits, codebook_dtype)
    classes = getattr(model, "n_classes", None)
    label = torch.arange(N_SAMPLES) % classes if classes else None
    found = sensitivity_of(
        fit, model, N_SAMPLES, N_STEPS, label=label, should_stop=should_stop, progress=progress
    )
    sse = {name: fit.fits[name].sse for name in prepared.names}
    return {name: s * s / sse[name] if sse[name] > 0.0 else 0.0 for name, s in found.items()}
