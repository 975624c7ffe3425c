"""One evaluation of a network as the operations that really run, and the tensors that they hold."""

__all__ = ["Graph", "Operation", "Step", "record"]

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


@dataclass(frozen=True)
class Operation:
    """One operation, in the order in which the network runs them.

    Attributes:
        name: The module that asks for it, empty for the network itself.
        kind: The operation, as PyTorch's dispatcher calls it.
        macs: Multiply-accumulates of its convolution or matrix product; 0 for all others.
        n_out: Elements that it writes.
        n_live: Elements of all tensors that are alive while it runs, its inputs and outputs and
            whatever a later operation still needs.
        weights: The parameters that it reads, with the number of elements read.
    """

    name: str
    kind: str
    macs: int
    n_out: int
    n_live: int = 0
    weights: tuple[tuple[str, int], ...] = ()

    def output_bytes(self, activation_bits: int = 8) -> int:
        """Returns the bytes that it writes."""
        return self.n_out * activation_bits // 8


@dataclass(frozen=True)
class Step:
    """An operation before liveness is known: the buffers that it reads and the ones it creates."""

    operation: Operation
    reads: tuple[int, ...]
    creates: tuple[int, ...]


@dataclass
class Graph:
    """The operations of one evaluation and the buffers between them.

    Attributes:
        steps: The operations in order.
        sizes: Elements of every buffer; views of one memory are one buffer.
        inputs: The buffers that are there before the first operation.
        outputs: The buffers that have to be there after the last one.
    """

    steps: list[Step] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    inputs: set[int] = field(default_factory=set)
    outputs: set[int] = field(default_factory=set)


def record(network: nn.Module, *inputs: Any) -> Graph:
    """Runs a network once and records what it does; the graph is the real one, skips included.

    Operations that only look at a tensor in another shape cost nothing and do not appear. Fused
    attention is taken apart, so that its matrix counts. Nothing is fused or done in place that
    PyTorch does not do so.

    Args:
        network: The network, left in the mode that it is in.
        inputs: Its arguments.
    """
    recorder = _Recorder(_weights(network), [x for x in inputs if isinstance(x, Tensor)])
    with torch.no_grad(), _Names(network, recorder.enter, recorder.leave), recorder:
        result = network(*inputs)
    recorder.graph.outputs = {recorder.buffer(result)}
    return recorder.graph


def _weights(network: nn.Module) -> dict[int, tuple[str, Tensor]]:
    """Returns what lies in flash, parameters and buffers, by its memory."""
    named = [*network.named_parameters(), *((n, b) for n, b in network.named_buffers())]
    return {tensor.untyped_storage()._cdata: (name, tensor) for name, tensor in reversed(named)}


class _Names:
    """Tells a recorder which module is running, for calls of this thread alone."""

    def __init__(
        self, network: nn.Module, enter: Callable[[str], None], leave: Callable[[], None]
    ) -> None:
        self._network, self._enter, self._leave = network, enter, leave

    def __enter__(self) -> None:
        owner = get_ident()
        self._handles = []
        for name, module in self._network.named_modules():

            def before(*_: Any, name: str = name) -> None:
                if get_ident() == owner:
                    self._enter(name)

            def after(*_: Any) -> None:
                if get_ident() == owner:
                    self._leave()

            self._handles.append(module.register_forward_pre_hook(before))
            self._handles.append(module.register_forward_hook(after))

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()


class _Recorder(TorchDispatchMode):
    """Hears every operation below autograd."""

    def __init__(self, weights: Mapping[int, tuple[str, Tensor]], inputs: list[Tensor]) -> None:
        super().__init__()
        self.graph = Graph()
        self._weights = weights
        self._known: dict[int, StorageWeakRef] = {}  # held, so that no memory's name comes twice
        self._modules: list[str] = []
        self._created: set[int] = set()
        self.graph.inputs = {self.buffer(tensor) for tensor in inputs}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Whether to import torch's compiler in order to keep it out; that takes seconds."""
        return False

    def enter(self, name: str) -> None:
        """Goes down into a module."""
        self._modules.append(name)

    def leave(self) -> None:
        """Comes back from it."""
        self._modules.pop()

    def buffer(self, tensor: Tensor) -> int:
        """Returns the buffer of a tensor, made known when first met."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._known:
            self._known[key] = StorageWeakRef(storage)
            self.graph.sizes[key] = storage.nbytes() // tensor.element_size()
        return key

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation and notes it."""
        kwargs = kwargs or {}
        if func._overloadpacket in _ATTENTION:
            with self:
                return _attention(func, *args, **kwargs)
        out = func(*args, **kwargs)
        self._note(func, _tensors((args, kwargs)), _tensors(out), args, out)
        return out

    def _note(
        self, func: Any, taken: list[Tensor], given: list[Tensor], args: tuple, out: Any
    ) -> None:
        weights = {t.untyped_storage()._cdata: t for t in taken if self._is_weight(t)}
        reads = {self.buffer(t) for t in taken if not self._is_weight(t)}
        writes = {self.buffer(t) for t in given if not self._is_weight(t)}
        creates = writes - reads
        if not creates and not func._schema.is_mutable:
            return  # a view
        self.graph.inputs |= reads - self._created  # also constants of the network's code
        self._created |= creates
        operation = Operation(
            name=self._modules[-1] if self._modules else "",
            kind=func._overloadpacket.__name__,
            macs=_macs(func, args, out),
            n_out=sum(t.numel() for t in given),
            weights=tuple(
                (self._weights[key][0], self._n_read(func, key, given)) for key in weights
            ),
        )
        self.graph.steps.append(Step(operation, tuple(sorted(reads)), tuple(sorted(creates))))

    def _is_weight(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._weights

    def _n_read(self, func: Any, key: int, given: list[Tensor]) -> int:
        """Returns how many elements of a parameter are read: rows of a table, else all."""
        if func._overloadpacket is aten.embedding:
            return given[0].numel()
        return self._weights[key][1].numel()


def _tensors(values: Any) -> list[Tensor]:
    """Returns the tensors in nested arguments."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = values.values()
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        return []
    return [tensor for value in values for tensor in _tensors(value)]


_ATTENTION = {
    aten.scaled_dot_product_attention,
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_attention_math,
}


def _attention(func: Any, q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Computes softmax(q k^T / sqrt(d)) v in the steps that a small chip would take."""
    if kwargs.get("attn_mask") is not None or any(isinstance(a, Tensor) for a in args):
        raise ValueError("masked attention is not recorded; give a network without a mask")
    scale = kwargs.get("scale") or 1 / math.sqrt(q.shape[-1])
    mixed = torch.matmul(torch.softmax(torch.matmul(q * scale, k.mT), dim=-1), v)
    single = func._overloadpacket is aten.scaled_dot_product_attention
    return mixed if single else (mixed, q.new_empty(0))


def _macs(func: Any, args: tuple, out: Any) -> int:
    """Returns the multiply-accumulates of convolutions and matrix products, padding included."""
    kind = func._overloadpacket
    if kind is aten.convolution:
        x, w, transposed = args[0], args[1], args[6]
        places = (x if transposed else out).shape
        return places[0] * math.prod(places[2:]) * w.numel()
    if kind in (aten.addmm, aten.baddbmm, aten.addmv):
        return math.prod(args[1].shape) * math.prod(args[2].shape[len(args[1].shape) - 1 :])
    if kind in (aten.mm, aten.bmm, aten.mv, aten.dot):
        return math.prod(args[0].shape) * math.prod(args[1].shape[len(args[0].shape) - 1 :])
    if kind is aten.matmul:
        return out.numel() * args[0].shape[-1]
    if kind is aten.linear:
        return math.prod(args[0].shape) * args[1].shape[0]
    return 0
