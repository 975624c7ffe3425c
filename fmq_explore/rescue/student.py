"""A quantized network whose stored numbers can be trained: levels or scales, and kept tensors."""

__all__ = ["Student", "as_stored", "detached", "laid_out"]

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..quantize import QuantizedModel, QuantizedTensor
from ..quantize.retrained import retrained
from .targets import Batch

Levels = Callable[[Tensor, int], Tensor]


def _affine(parameters: Tensor, n_levels: int) -> Tensor:
    steps = torch.arange(n_levels, dtype=parameters.dtype)
    return parameters[:, :1] * steps + parameters[:, 1:]


def _symmetric(parameters: Tensor, n_levels: int) -> Tensor:
    half = n_levels // 2
    steps = torch.arange(-half, half) if n_levels > 2 else torch.tensor([-1, 1])
    return parameters * steps.to(parameters.dtype)


LEVELS: dict[str, Levels] = {
    "codebook": lambda parameters, _: parameters,
    "affine": _affine,
    "symmetric": _symmetric,
}
"""How levels follow from what a row stores, so that gradients pass; other storages stay fixed."""


class Student:
    """The trainable numbers of a quantized network, and the velocity they give.

    Args:
        qm: The quantized network; it is not changed.
        reference: The network it came from.

    Attributes:
        stored: What each row stores, by tensor, shape (rows, p), with gradients.
        kept: The kept parameters by name, with gradients.
    """

    def __init__(self, qm: QuantizedModel, reference: nn.Module) -> None:
        self.qm, self.reference = qm, reference
        self.network = qm.model
        self.stored = {name: _trainable(q) for name, q in qm.tensors.items()}
        names = {name for name, _ in qm.model.named_parameters()}
        self.kept = {
            name: tensor.detach().float().clone().requires_grad_(True)
            for name, tensor in qm.raw.items()
            if name in names - set(qm.left) and tensor.is_floating_point()
        }
        self._codes = {name: _flat_codes(q) for name, q in qm.tensors.items()}

    def levels(self, name: str) -> Tensor:
        """Returns the levels of a tensor, shape (rows, K)."""
        q = self.qm.tensors[name]
        return levels_of(q, self.stored[name])

    def spread(self, name: str) -> float:
        """Returns the standard deviation of a tensor's levels, the unit of their learning rate."""
        levels = self.levels(name).detach()
        return max(float(levels.std()), 1e-8) if levels.numel() > 1 else 1.0

    def weights(self) -> dict[str, Tensor]:
        """Returns every quantized tensor, from codes and levels."""
        return {name: self._weight(name) for name in self.stored}

    def _weight(self, name: str) -> Tensor:
        q = self.qm.tensors[name]
        weight = self.levels(name).flatten().take(self._codes[name]).reshape(q.shape)
        return laid_out(weight)

    def velocity(self, batch: Batch) -> Tensor:
        """Returns the velocity of the quantized network at a batch of states."""
        state = {**self.weights(), **self.kept}
        label = () if batch.label is None else (batch.label,)
        return functional_call(self.network, state, (batch.x, batch.t, *label))

    def groups(self, learning_rate: float, kept_learning_rate: float) -> list[dict]:
        """Returns what an optimiser takes: a step of levels is a share of their spread."""
        rates = {name: learning_rate * self.spread(name) for name in self.stored}
        groups = [
            {"params": [tensor], "peak": rates[name]}
            for name, tensor in self.stored.items()
            if tensor.requires_grad
        ]
        return [*groups, {"params": list(self.kept.values()), "peak": kept_learning_rate}]

    @torch.no_grad()
    def keep_scales_positive(self) -> None:
        """Ends a step: levels that follow from a scale are ascending only while it is positive.

        Levels of a codebook may cross; `quantized` sorts them, and renames the codes accordingly.
        """
        for name, tensor in self.stored.items():
            if tensor.requires_grad and not is_codebook(self.qm.tensors[name]):
                tensor[:, :1].clamp_(min=0.0)

    @torch.no_grad()
    def write_into(self, network: nn.Module) -> None:
        """Copies the weights as they are now into a network of the same architecture."""
        state = network.state_dict(keep_vars=True)
        for name, tensor in {**self.weights(), **self.kept}.items():
            state[name].copy_(tensor)

    def quantized(self) -> QuantizedModel:
        """Returns the network as it would be stored now."""
        stored, codes = {}, {}
        for name, tensor in self.stored.items():
            stored[name] = as_stored(self.qm, name, tensor)
            if is_codebook(self.qm.tensors[name]):
                stored[name], codes[name] = self._sorted(name, stored[name])
        return retrained(self.qm, self.reference, stored, detached(self.kept), codes)

    def _sorted(self, name: str, levels: np.ndarray) -> tuple[np.ndarray, Tensor]:
        """Returns levels in ascending order, and the codes by their new names."""
        q = self.qm.tensors[name]
        order = np.argsort(levels, axis=1, kind="stable")
        new_names = torch.from_numpy(np.argsort(order, axis=1, kind="stable").astype(np.uint8))
        return np.take_along_axis(levels, order, axis=1), new_names[q.rows, q.codes.long()]


def get_storage(q: QuantizedTensor) -> str:
    """Returns what a row of a tensor stores."""
    from ..quantize import SCHEMES

    return SCHEMES[q.scheme].storage


def is_codebook(q: QuantizedTensor) -> bool:
    """Tells whether the levels of a tensor are stored as they are."""
    return get_storage(q) == "codebook"


def levels_of(q: QuantizedTensor, stored: Tensor) -> Tensor:
    """Returns the levels that stored numbers stand for, with their gradient where there is one."""
    make = LEVELS.get(get_storage(q))
    return q.codebook if make is None else make(stored, q.codebook.shape[1])


def detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns copies without gradients."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _trainable(q: QuantizedTensor) -> Tensor:
    stored = torch.from_numpy(np.array(q.parameters, dtype=np.float32))
    return stored.requires_grad_(get_storage(q) in LEVELS)


def as_stored(qm: QuantizedModel, name: str, tensor: Tensor) -> np.ndarray:
    """Returns trained numbers in the type in which a file stores them."""
    dtype = qm.tensors[name].parameters.dtype
    if not tensor.requires_grad:
        return qm.tensors[name].parameters
    return tensor.detach().numpy().astype(dtype)


def _flat_codes(q: QuantizedTensor) -> Tensor:
    """Returns the place of every weight's level among the levels of all rows."""
    return (q.rows * q.codebook.shape[1] + q.codes.long()).reshape(-1)


def laid_out(weight: Tensor) -> Tensor:
    """Lays a convolution's kernel out as the networks here do, channels last."""
    if weight.ndim == 4:
        return weight.contiguous(memory_format=torch.channels_last)
    return weight
