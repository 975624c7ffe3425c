"""A quantized network whose stored numbers can be trained: levels or scales, and kept tensors."""

__all__ = ["Student", "detached", "laid_out", "stores_levels"]

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..quantize import SCHEMES, QuantizedModel, QuantizedTensor, Scheme
from ..quantize.retrained import retrained
from .targets import Batch

Levels = Callable[[Tensor, Scheme, int], Tensor]


def _affine(parameters: Tensor, _: Scheme, bits: int) -> Tensor:
    return parameters[:, :1] * torch.arange(2**bits).to(parameters) + parameters[:, 1:]


def _symmetric(parameters: Tensor, _: Scheme, bits: int) -> Tensor:
    half = 2**bits // 2
    steps = torch.arange(-half, half) if bits > 1 else torch.tensor([-1, 1])
    return parameters * steps.to(parameters)


def _scaled(parameters: Tensor, scheme: Scheme, bits: int) -> Tensor:
    assert scheme.table is not None
    return parameters * torch.from_numpy(scheme.table(bits)).to(parameters)


LEVELS: dict[str, Levels] = {
    "codebook": lambda parameters, *_: parameters,
    "affine": _affine,
    "symmetric": _symmetric,
    "scaled": _scaled,
}
"""How levels follow from what a row stores, so that gradients pass; other storages stay fixed."""


class Student:
    """The trainable numbers of a quantized network, and the velocity they give.

    Args:
        qm: The quantized network; it is not changed.
        reference: The network it came from.

    Attributes:
        stored: What each row stores, by tensor, shape (rows, p), or (1, p) for a shared codebook.
        scales: The scales of rows that share a codebook, by tensor, shape (rows, 1).
        kept: The kept parameters by name.
    """

    def __init__(self, qm: QuantizedModel, reference: nn.Module) -> None:
        self.qm, self.reference = qm, reference
        self.network = qm.model
        self.stored = {name: _trainable(q) for name, q in qm.tensors.items()}
        self.scales = {
            name: torch.from_numpy(q.row_scales.astype(np.float32))[:, None].requires_grad_(True)
            for name, q in qm.tensors.items()
            if q.row_scales is not None
        }
        names = {name for name, _ in qm.model.named_parameters()} - set(qm.left)
        self.kept = {
            name: tensor.detach().float().clone().requires_grad_(True)
            for name, tensor in qm.raw.items()
            if name in names and tensor.is_floating_point()
        }
        self._sizes = [q.codes.numel() for q in qm.tensors.values()]
        self._first = _first_levels(qm)
        self._codes = torch.cat([q.codes.flatten() for q in qm.tensors.values()]).int()

    def levels(self, name: str) -> Tensor:
        """Returns the levels of a tensor, shape (rows, K)."""
        q = self.qm.tensors[name]
        make = LEVELS.get(SCHEMES[q.scheme].storage)
        if make is None:
            return q.codebook
        levels = make(self.stored[name], SCHEMES[q.scheme], q.bits)
        return self.scales[name] * levels if name in self.scales else levels

    def spread(self, name: str) -> float:
        """Returns the standard deviation of a tensor's levels, the unit of their learning rate."""
        levels = self.levels(name).detach()
        return max(float(levels.std()), 1e-8) if levels.numel() > 1 else 1.0

    def weights(self) -> dict[str, Tensor]:
        """Returns every quantized tensor, from codes and levels."""
        levels = torch.cat([self.levels(name).flatten() for name in self.stored])
        parts = self._read(levels).split(self._sizes)
        return {
            name: laid_out(part.reshape(q.shape))
            for (name, q), part in zip(self.qm.tensors.items(), parts, strict=True)
        }

    def _read(self, levels: Tensor) -> Tensor:
        """Returns all weights in a row, from the levels of all tensors in a row."""
        # of all ways to look them up, the one whose gradient has the same sum in every run
        return levels.index_select(0, self._first + self._codes)

    def velocity(self, batch: Batch) -> Tensor:
        """Returns the velocity of the quantized network at a batch of states."""
        state = {**self.weights(), **self.kept}
        label = () if batch.label is None else (batch.label,)
        return functional_call(self.network, state, (batch.x, batch.t, *label))

    def groups(self, learning_rate: float, kept_learning_rate: float) -> list[dict]:
        """Returns what an optimiser takes: a step of levels is a share of their spread."""
        groups = []
        for name, tensor in self.stored.items():
            if tensor.requires_grad:
                rate = learning_rate * self.spread(name)
                if name in self.scales:  # of a product either factor makes half of the step
                    scale = max(float(self.scales[name].detach().mean()), 1e-8)
                    level = max(float(tensor.detach().abs().mean()), 1e-8)
                    groups.append({"params": [self.scales[name]], "peak": 0.5 * rate / level})
                    rate *= 0.5 / scale
                groups.append({"params": [tensor], "peak": rate})
        return [*groups, {"params": list(self.kept.values()), "peak": kept_learning_rate}]

    def before_step(self) -> None:
        """Called when the gradients of a step are known; here they are taken as they are."""

    @torch.no_grad()
    def after_step(self) -> None:
        """Keeps scales positive: levels that follow from one are ascending only then.

        Levels of a codebook may cross; `quantized` sorts them, and renames the codes accordingly.
        """
        for name, tensor in self.stored.items():
            if tensor.requires_grad and not stores_levels(self.qm.tensors[name]):
                tensor[:, :1].clamp_(min=0.0)
        for scales in self.scales.values():
            scales.clamp_(min=0.0)

    @torch.no_grad()
    def write_into(self, network: nn.Module) -> None:
        """Copies the weights as they are now into a network of the same architecture."""
        state = network.state_dict(keep_vars=True)
        for name, tensor in {**self.weights(), **self.kept}.items():
            state[name].copy_(tensor)

    def codes(self, name: str) -> Tensor:
        """Returns the codes as they are now, uint8, shape of the weights."""
        q, part = self.qm.tensors[name], list(self.stored).index(name)
        codes = self._codes.split(self._sizes)[part]
        return codes.to(torch.uint8).reshape(q.shape)

    def quantized(self) -> QuantizedModel:
        """Returns the network as it would be stored now."""
        stored, codes = {}, {name: self.codes(name) for name in self.stored}
        for name, tensor in self.stored.items():
            q = self.qm.tensors[name]
            stored[name] = q.parameters
            if tensor.requires_grad:
                stored[name] = tensor.detach().numpy().astype(q.parameters.dtype)
            if stores_levels(q):
                stored[name], codes[name] = sorted_levels(stored[name], codes[name], q.rows)
        scales = {
            name: tensor.detach()[:, 0].numpy().astype(self._scale_dtype(name))
            for name, tensor in self.scales.items()
        }
        return retrained(self.qm, self.reference, stored, detached(self.kept), codes, scales)

    def _scale_dtype(self, name: str) -> np.dtype:
        scales = self.qm.tensors[name].row_scales
        assert scales is not None
        return scales.dtype


def stores_levels(q: QuantizedTensor) -> bool:
    """Tells whether the levels of a tensor are stored as they are."""
    return SCHEMES[q.scheme].storage == "codebook"


def sorted_levels(levels: np.ndarray, codes: Tensor, rows: Tensor) -> tuple[np.ndarray, Tensor]:
    """Returns levels in ascending order, and the codes by their new names.

    Args:
        levels: Levels of every row, shape (rows, K), or (1, K) where rows share them.
        codes: Codes, shape of the weights.
        rows: The row of every weight, in that shape.
    """
    order = np.argsort(levels, axis=1, kind="stable")
    names = torch.from_numpy(np.argsort(order, axis=1, kind="stable").astype(np.uint8))
    index = rows if len(levels) > 1 else torch.zeros_like(rows)
    return np.take_along_axis(levels, order, axis=1), names[index, codes.long()]


def detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns copies without gradients."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def laid_out(weight: Tensor) -> Tensor:
    """Lays a convolution's kernel out as the networks here do, channels last."""
    if weight.ndim == 4:
        return weight.contiguous(memory_format=torch.channels_last)
    return weight


def _trainable(q: QuantizedTensor) -> Tensor:
    stored = torch.from_numpy(np.array(q.parameters, dtype=np.float32))
    return stored.requires_grad_(SCHEMES[q.scheme].storage in LEVELS)


def _first_levels(qm: QuantizedModel) -> Tensor:
    """Returns, for every weight, where the levels of its row begin among those of all tensors."""
    starts, begin = [], 0
    for q in qm.tensors.values():
        starts.append(begin + q.rows.flatten() * q.codebook.shape[1])
        begin += q.codebook.numel()
    return torch.cat(starts).int()  # half the memory of an index, and so half the time
