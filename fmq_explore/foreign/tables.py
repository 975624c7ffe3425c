"""Finding the state dict in a checkpoint: wrappers, averages, prefixes."""

__all__ = ["StateDict", "find_state_dict"]

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

AVERAGES = ("ema_model", "ema", "ema_state_dict", "model_ema", "params_ema", "average")
WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net_model",
    "network",
    "net",
    "module",
    "params",
    "weights",
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "ema_model.", "ema.")
OTHERS = re.compile(r"optim|sched|scaler|callback|loop|hyper|config|args|rng|generator", re.I)
MAX_DEPTH = 3


@dataclass(frozen=True, eq=False)
class StateDict:
    """The tensors of a network, and where in the file they were.

    Attributes:
        tensors: The tensors by name, without a prefix that all names had; shared ones stay shared.
        source: The keys that led to them, such as `("ema_model",)`.
    """

    tensors: dict[str, Tensor]
    source: tuple[str, ...] = ()


def find_state_dict(content: Mapping[str, Any]) -> StateDict | None:
    """Finds the state dict in what a file holds; None if there is no tensor with a name.

    A moving average is preferred to the weights beside it, since samples are drawn with it, if it
    holds as much. Prefixes that wrappers put before every name are taken off.

    Example:
        >>> content = {"model": {"module.fc.weight": torch.ones(2, 2)}, "step": 3}
        >>> found = find_state_dict(content)
        >>> list(found.tensors), found.source
        (['fc.weight'], ('model',))
    """
    found = _search(content, ())
    return None if found is None else StateDict(_strip(found.tensors), found.source)


def _search(table: Mapping[str, Any], source: tuple[str, ...]) -> StateDict | None:
    if len(source) > MAX_DEPTH:
        return None
    plain = _first(table, WRAPPERS, source)
    average = _first(table, AVERAGES, source)
    if average is not None and (plain is None or _covers(average.tensors, plain.tensors)):
        return average
    if plain is not None:
        return plain
    tensors = {k: v for k, v in table.items() if isinstance(k, str) and isinstance(v, Tensor)}
    tensors = tensors or _flatten(table, "", len(source))
    return StateDict(tensors, source) if tensors else None


def _first(
    table: Mapping[str, Any], keys: tuple[str, ...], source: tuple[str, ...]
) -> StateDict | None:
    for key in keys:
        value = table.get(key)
        found = _search(value, (*source, key)) if isinstance(value, Mapping) else None
        if found is not None:
            return found
    return None


def _covers(average: Mapping[str, Tensor], plain: Mapping[str, Tensor]) -> bool:
    """Tells whether an average holds every weight of the network, and not only some."""
    weights = [t.shape for t in _strip(plain).values() if t.is_floating_point()]
    return [t.shape for t in _strip(average).values() if t.is_floating_point()] == weights


def _flatten(table: Mapping[str, Any], prefix: str, depth: int) -> dict[str, Tensor]:
    """Joins the names of nested tables with points; what belongs to a training is left out."""
    flat: dict[str, Tensor] = {}
    for key, value in table.items():
        if not isinstance(key, str) or OTHERS.search(key) or depth > MAX_DEPTH:
            continue
        if isinstance(value, Tensor):
            flat[prefix + key] = value
        elif isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.", depth + 1)
    return flat


def _strip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Takes off the prefixes that all names share and that belong to a wrapper."""
    stripped = dict(tensors)
    while True:
        prefix = next((p for p in PREFIXES if all(n.startswith(p) for n in stripped)), None)
        names = [name.removeprefix(prefix or "") for name in stripped]
        if prefix is None or not stripped or "" in names:
            return stripped
        stripped = dict(zip(names, stripped.values(), strict=True))


def own_tensors(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Copies plain tensors out of the file, shared ones once; names those that cannot be used.

    The file may be overwritten while its weights are in use, and its tensors may be views of it.
    """
    kept: dict[str, Tensor] = {}
    strange: list[str] = []
    copies: dict[tuple[Any, ...], Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            strange.append(name)
            continue
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        key = place if tensor.numel() else (name,)
        if key not in copies:
            copies[key] = tensor.detach().clone(memory_format=torch.contiguous_format)
        kept[name] = copies[key]
    return kept, strange
