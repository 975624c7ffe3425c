"""What goes into a layer of the reference, and into the same layer of the network being made."""

__all__ = ["Moments", "calls_in_order", "moments_of"]

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from .targets import Batch, call

CHUNK = 64
"""States that are run at a time: a layer's unfolded input takes up to 600 kB for each."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of the inputs of a layer.

    Attributes:
        own: H = E x x^T of the inputs x that the network being made gives it, shape (in, in).
        cross: E x r^T, where r is what the reference gives it at the same states.
    """

    own: Tensor
    cross: Tensor


def calls_in_order(network: nn.Module, batch: Batch, names: Collection[str]) -> dict[str, int]:
    """Tells how often each linear layer is called whose weight is among `names`, first come first.

    Args:
        network: The network.
        batch: States to run it on.
        names: Names of weights.
    """
    found: dict[str, int] = {}

    def count(name: str) -> None:
        found[name] = found.get(name, 0) + 1

    handles = [
        module.register_forward_pre_hook(lambda *_, name=name: count(name))
        for name, module in network.named_modules()
        if f"{name}.weight" in names and _is_linear(module)
    ]
    _run(network, batch, slice(0, 2), handles)
    return found


def moments_of(
    network: nn.Module, reference: nn.Module, name: str, n_calls: int, batch: Batch
) -> Moments:
    """Returns the second moments of a layer's inputs in both networks, at the same states.

    Args:
        network: The network being made.
        reference: The full-precision network.
        name: The layer's name.
        n_calls: How often it is called in one evaluation.
        batch: The states.
    """
    own = cross = torch.zeros(())
    total = 0
    for start in range(0, len(batch.x), CHUNK):
        part = slice(start, start + CHUNK)
        x, r = (_inputs(net, name, n_calls, batch, part) for net in (network, reference))
        own = own + x.T @ x
        cross = cross + x.T @ r
        total += len(x)
    return Moments(own.double() / total, cross.double() / total)


def _inputs(network: nn.Module, name: str, n_calls: int, batch: Batch, part: slice) -> Tensor:
    """Returns what a layer multiplies, one row a product, shape (n, in)."""
    module, seen = network.get_submodule(name), []

    def see(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].detach())
        if len(seen) == n_calls:
            raise _EnoughError

    _run(network, batch, part, [module.register_forward_pre_hook(see)])
    return torch.cat([_columns(module, x) for x in seen])


class _EnoughError(Exception):
    """Ends an evaluation whose rest is not needed."""


def _run(network: nn.Module, batch: Batch, part: slice, handles: Iterable[RemovableHandle]) -> None:
    label = None if batch.label is None else batch.label[part]
    try:
        with torch.no_grad(), suppress(_EnoughError):
            call(network, batch.x[part], batch.t[part], label)
    finally:
        for handle in handles:
            handle.remove()


def _is_linear(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        is_plain = module.padding_mode == "zeros" and not isinstance(module.padding, str)
        return is_plain and module.groups == 1
    return isinstance(module, nn.Linear)


def _columns(module: nn.Module, x: Tensor) -> Tensor:
    if isinstance(module, nn.Conv2d):
        x = functional.unfold(
            x,
            module.kernel_size,
            dilation=module.dilation,
            padding=module.padding,  # type: ignore[arg-type]
            stride=module.stride,
        ).transpose(1, 2)
    return x.reshape(-1, x.shape[-1])
