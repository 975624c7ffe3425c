"""A quantized network with other levels, codes or kept tensors than its scheme gave it."""

__all__ = ["adopt", "retrained"]

import copy
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .fit import Fit
from .model import QuantizedModel
from .rows import row_lengths
from .scheme import get_scheme
from .solve import TensorFit
from .tensor import QuantizedTensor


def retrained(
    qm: QuantizedModel,
    reference: nn.Module,
    parameters: Mapping[str, NDArray],
    raw: Mapping[str, Tensor],
    codes: Mapping[str, Tensor] | None = None,
    row_scales: Mapping[str, NDArray] | None = None,
) -> QuantizedModel:
    """Returns a quantized network with other stored numbers; its errors are measured anew.

    Args:
        qm: The network whose numbers are replaced; it is not changed.
        reference: The full-precision network, against which errors are measured.
        parameters: What each row stores, by tensor, shape (rows, p) in the stored type.
        raw: Kept parameters that changed, by name.
        codes: Codes that changed, by tensor, uint8, shape of the weights.
        row_scales: Scales of rows that share a codebook, where they changed, shape (rows,).

    Raises:
        ValueError: Stored numbers are not finite.
    """
    codes, row_scales = codes or {}, row_scales or {}
    weights = reference.state_dict()
    changed = {
        name: replace(
            q,
            parameters=parameters.get(name, q.parameters),
            codes=codes.get(name, q.codes),
            row_scales=row_scales.get(name, q.row_scales),
        )
        for name, q in qm.tensors.items()
    }
    tensors = {name: _measured(q, name, weights[name]) for name, q in changed.items()}
    kept = {n: raw[n].to(t.dtype).clone() if n in raw else t for n, t in qm.raw.items()}
    for name, tensor in kept.items():
        _check_finite(tensor.float(), name)
    network = copy.deepcopy(qm.model)
    state = {name: q.dequantize() for name, q in tensors.items()} | kept
    state |= {name: state[other] for name, other in qm.tied.items()}
    network.load_state_dict(state, strict=False)
    return replace(qm, model=network, tensors=tensors, raw=kept)


def adopt(fit: Fit, qm: QuantizedModel) -> Fit:
    """Returns a retrained network as a fit, so that whatever measures a fit measures it too.

    Args:
        fit: What the network was before: the same tensors, rows and bits.
        qm: What `retrained` made of it.
    """
    prepared = fit.prepared
    raw = {name: tensor for name, tensor in qm.raw.items() if name not in qm.left}
    fits = {n: _as_fit(f, fit, n, qm) if n in qm.tensors else f for n, f in fit.fits.items()}
    return replace(fit, prepared=replace(prepared, raw=raw, _solved={}, _fits={}), fits=fits)


def _as_fit(old: TensorFit, fit: Fit, name: str, qm: QuantizedModel) -> TensorFit:
    """Returns one tensor with its errors row by row."""
    q, rows, where = qm.tensors[name], fit.prepared.rows, fit.prepared.rows_of(name)
    offsets = rows.offsets[where.start : where.stop + 1]
    lengths, base = np.diff(offsets), offsets[0]
    places = np.repeat(offsets[:-1] - base, lengths) + rows.order[base : offsets[-1]]
    weights = np.empty(offsets[-1] - base)
    weights[places] = rows.values[base : offsets[-1]]
    got = q.dequantize().double().flatten().numpy()
    row_sse = np.add.reduceat(np.square(weights - got), offsets[:-1] - base)
    assert q.row_w2 is not None
    return TensorFit(
        bits=old.bits,
        codes=q.codes.flatten().numpy(),
        levels=q.codebook.numpy(),
        parameters=q.parameters,
        row_sse=row_sse,
        own_cells=True,
        row_transport_sse=None if q.w2_squared is None else q.row_w2.numpy() ** 2 * lengths,
        row_scales=q.row_scales,
        radix=old.radix,
    )


def _measured(q: QuantizedTensor, name: str, weights: Tensor) -> QuantizedTensor:
    """Returns a tensor whose levels and errors are those of its new stored numbers."""
    levels = torch.from_numpy(get_scheme(q.scheme).levels(q.parameters, q.bits, q.row_scales))
    levels = levels.to(q.dtype).float()
    _check_finite(levels, name)
    replaced = replace(q, codebook=levels)
    wanted, got = weights.detach().double().cpu(), replaced.dequantize().double()
    lengths = row_lengths(q.shape, q.granularity, q.group_size)
    row_w2 = _row_w2(wanted.flatten(), got.flatten(), lengths)
    mse = float((wanted - got).square().mean())
    w2_squared = float((row_w2.square() * torch.from_numpy(lengths)).sum()) / q.codes.numel()
    return replace(
        replaced,
        mse=mse,
        norm_squared=float(wanted.square().sum()),
        row_w2=row_w2,
        w2_squared=None if math.isclose(w2_squared, mse, rel_tol=1e-9) else w2_squared,
    )


def _row_w2(a: Tensor, b: Tensor, lengths: NDArray[np.int64]) -> Tensor:
    """Returns the distance of every row: on a line the best coupling sorts both sides."""
    if len(lengths) and (lengths == lengths[0]).all():
        rows = (a.reshape(len(lengths), -1), b.reshape(len(lengths), -1))
        return (rows[0].sort(dim=1).values - rows[1].sort(dim=1).values).square().mean(1).sqrt()
    parts = zip(a.split(lengths.tolist()), b.split(lengths.tolist()), strict=True)
    return torch.stack(
        [(x.sort().values - y.sort().values).square().mean().sqrt() for x, y in parts]
    )


def _check_finite(tensor: Tensor, name: str) -> None:
    if not tensor.isfinite().all():
        raise ValueError(
            f"tensor {name!r} became NaN or infinite, or too large for its stored type; "
            "train with a smaller learning rate"
        )
