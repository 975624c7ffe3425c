"""What one evaluation of a velocity network costs: multiply-accumulates, and memory at its peak."""

__all__ = ["Cost", "is_counted", "network_cost"]

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .graph import Graph, Operation, record


@dataclass(frozen=True)
class Cost:
    """The operations of one evaluation on a batch of one. Made by `network_cost`.

    Attributes:
        operations: The operations in order, each with the elements alive while it runs.
        n_state: Numbers in one sample, which is the state of the ODE.
    """

    operations: tuple[Operation, ...]
    n_state: int

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one evaluation."""
        return sum(operation.macs for operation in self.operations)

    @cached_property
    def peak(self) -> Operation:
        """The first operation at which most elements are alive."""
        return max(self.operations, key=lambda operation: operation.n_live)

    @cached_property
    def _live(self) -> NDArray[np.int64]:
        return np.array([operation.n_live for operation in self.operations], dtype=np.int64)

    def peak_bytes(
        self,
        activation_bits: int = 8,
        decoded: Collection[str] = (),
        decoded_bytes: int = 1,
        batch: int = 1,
    ) -> int:
        """Returns the most memory that an operation needs at once, in bytes.

        max over operations of: batch x elements alive x width, and the parameters among `decoded`
        that it reads, which lie decompressed beside them.

        Args:
            activation_bits: Width of an activation.
            decoded: Names of parameters that are decompressed when they are read.
            decoded_bytes: Bytes of a decompressed weight.
            batch: Samples at once; guidance takes two.
        """
        live, decoding = self.memory(activation_bits, decoded, decoded_bytes, batch)
        return int((live + decoding).max(initial=0))

    def memory(
        self,
        activation_bits: int = 8,
        decoded: Collection[str] = (),
        decoded_bytes: int = 1,
        batch: int = 1,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the bytes alive at every operation, and those of decompressed weights beside.

        Takes the arguments of `peak_bytes`; two arrays of shape (operations,).
        """
        live = batch * self._live * (activation_bits // 8)
        return live, decoded_bytes * self._reads(decoded) if decoded else np.zeros_like(live)

    def n_decoded(self, decoded: Collection[str]) -> int:
        """Returns how many weights one evaluation decompresses, each time they are read."""
        return int(self._reads(decoded).sum())

    def _reads(self, names: Collection[str]) -> NDArray[np.int64]:
        index, sizes, position = self._table
        chosen = np.fromiter((name in names for name in index), bool, len(index))
        weights = np.where(chosen[position[1]], sizes, 0) if len(index) else sizes
        return np.bincount(position[0], weights, len(self.operations)).astype(np.int64)

    @cached_property
    def _table(self) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
        """Every reading of a parameter: the names, elements read, and (operation, name) of each."""
        reads = [(i, n, k) for i, op in enumerate(self.operations) for n, k in op.weights]
        index = {name: j for j, name in enumerate(dict.fromkeys(name for _, name, _ in reads))}
        sizes = np.array([k for _, _, k in reads], dtype=np.int64)
        places = np.array([(i, index[n]) for i, n, _ in reads], dtype=np.int64).reshape(-1, 2).T
        return tuple(index), sizes, places


_REMEMBERED: "WeakKeyDictionary[nn.Module, Cost]" = WeakKeyDictionary()


def network_cost(network: nn.Module) -> Cost:
    """Runs a velocity network once, on one sample, and counts; the second time from memory.

    Args:
        network: A network v(x, t, label) with `data_shape`; with `n_classes` it is given a label.

    Raises:
        ValueError: It cannot be run: weights alone, or the shape of a sample is unknown.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> network_cost(MLP((2,), width=32, depth=1, embedding=16)).macs
        2432
    """
    if network in _REMEMBERED:
        return _REMEMBERED[network]
    shape = getattr(network, "data_shape", None)
    if not shape:
        reason = getattr(network, "reason", "since it has no data_shape")
        raise ValueError(f"weights only: nothing is known of what the network does, {reason}")
    x, t = torch.zeros(1, *shape), torch.tensor(0.5)
    label = [torch.zeros(1, dtype=torch.long)] if getattr(network, "n_classes", None) else []
    graph = record(network, x, t, *label)
    live = _alive(graph)
    steps = zip(graph.steps, live.tolist(), strict=True)
    cost = Cost(tuple(replace(step.operation, n_live=n) for step, n in steps), prod(shape))
    _REMEMBERED[network] = cost
    return cost


def is_counted(network: nn.Module) -> bool:
    """Whether `network_cost` would answer from memory."""
    return network in _REMEMBERED


def _alive(graph: Graph) -> NDArray[np.int64]:
    """Returns the elements alive at every operation: made by then, and still to be read.

    Each buffer is born with the operation that creates it (an input with the first one) and dies
    with the last one that reads it (an output never).
    """
    n = len(graph.steps)
    birth = dict.fromkeys(graph.inputs, 0)
    death: dict[int, int] = {}
    for i, step in enumerate(graph.steps):
        for key in step.creates:
            birth.setdefault(key, i)
        for key in (*step.reads, *step.creates):
            death[key] = i
    death |= dict.fromkeys(graph.outputs & birth.keys(), n - 1)
    change = np.zeros(n + 1, dtype=np.int64)
    for key, first in birth.items():
        if key in death:
            change[first] += graph.sizes[key]
            change[death[key] + 1] -= graph.sizes[key]
    return np.cumsum(change[:n])
