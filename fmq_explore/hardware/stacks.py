"""Software for microcontrollers: which weights its kernels multiply as they are stored."""

__all__ = ["Stack", "available_stacks", "computes", "stacks_for"]

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from tomllib import loads
from typing import Any

from .contents import Footprint
from .devices import Device


@dataclass(frozen=True)
class Stack:
    """A library of kernels, or the compiler of an accelerator.

    Attributes:
        name: Its name.
        cores: The cores and accelerators that it is for, as in `Device.cores`.
        weight_bits: Widths of weights that it multiplies as they are stored.
        granularities: Which weights may share a scale.
        storages: Forms of weights, as in `fmq_explore.quantize.Scheme.storage`.
        source: Who says so.
        floats: Whether it also runs float32.
        accelerator: Whether an accelerator does the work.
        families: Beginnings of the names of the only devices that it is for; none for all.
    """

    name: str
    cores: tuple[str, ...]
    weight_bits: tuple[int, ...]
    granularities: tuple[str, ...]
    storages: tuple[str, ...]
    source: str
    floats: bool = False
    accelerator: bool = False
    families: tuple[str, ...] = ()

    def is_for(self, device: Device) -> bool:
        """Whether it runs on a device at all."""
        family = not self.families or device.name.startswith(self.families)
        return family and not set(self.cores).isdisjoint(device.cores)

    def computes(self, activation_bits: int) -> bool:
        """Whether it has kernels at a width of activations, once weights are decompressed."""
        return self.floats if activation_bits == 32 else 8 in self.weight_bits

    def multiplies(self, weights: Footprint, activation_bits: int) -> bool:
        """Whether a published kernel takes weights in the form in which the file holds them."""
        if activation_bits == 32:
            return self.floats and weights.storage == "float"
        return (
            weights.storage in self.storages
            and weights.granularity in self.granularities
            and set(weights.bits) <= set(self.weight_bits)
        )


@cache
def available_stacks() -> tuple[Stack, ...]:
    """Returns all stacks.

    Example:
        >>> [stack.name for stack in available_stacks() if 2 in stack.weight_bits]
        ['CMix-NN', 'PULP-NN', 'GAPFlow (NE16)', 'ai8x']
    """
    text = files("fmq_explore.hardware").joinpath("stacks.toml").read_text(encoding="utf-8")
    entries = loads(text)["stacks"]
    return tuple(_stack(entry) for entry in entries)


def _stack(entry: dict[str, Any]) -> Stack:
    fields: dict[str, Any] = {k: tuple(v) if type(v) is list else v for k, v in entry.items()}
    return Stack(**fields)


@cache
def _stacks_of(device: str) -> tuple[Stack, ...]:
    from .devices import get_device

    found = get_device(device)
    return tuple(stack for stack in available_stacks() if stack.is_for(found))


def stacks_for(device: Device, weights: Footprint, activation_bits: int) -> tuple[Stack, ...]:
    """Returns the stacks that multiply these weights, as they are stored, on a device."""
    return tuple(s for s in _stacks_of(device.name) if s.multiplies(weights, activation_bits))


def computes(device: Device, activation_bits: int) -> bool:
    """Whether any stack has kernels at a width of activations on a device."""
    return any(stack.computes(activation_bits) for stack in _stacks_of(device.name))
