"""From a file of weights to a network: ours, torchcfm's, or weights alone."""

__all__ = ["open_file"]

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..flow import VelocityNetwork, build_network
from ..flow.torchcfm_unet import MISSING, TorchcfmUNet
from ..flow.weights_only import WeightsOnly
from .limits import check_tensors
from .reading import read_file
from .tables import StateDict, find_state_dict, own_tensors
from .torchcfm import UnsuitedError, find_unet, infer_unet

# What the file of a quantized network can hold (safetensors has more)
WEIGHT_TYPES = ("float64", "float32", "float16", "bfloat16")
OTHER_TYPES = ("int64", "int32", "int16", "int8", "uint8", "bool")
SIDE_KEY = "torchcfm"


def open_file(path: Path, options: Mapping[str, Any] | None = None) -> VelocityNetwork:
    """Opens a file of weights, and never runs code of it.

    Args:
        path: A .safetensors, .pt, .pth or .ckpt file.
        options: What the weights of a torchcfm U-Net do not tell, see `infer_unet`; by default the
            entry "torchcfm" of a JSON file of the same name beside it.

    Returns:
        A network that samples: our own checkpoint, or a U-Net of torchcfm; `WeightsOnly` for all
        else. Its `note` says what was found where, and what was assumed.

    Raises:
        ValueError: If the file is missing, empty, too large, broken, or holds no weights.
    """
    content = read_file(path)
    found = find_state_dict(content)
    check_tensors({n: tuple(t.shape) for n, t in found.tensors.items()} if found else {}, path.name)
    assert found is not None
    tensors, strange = own_tensors(found.tensors)
    notes = [_source_note(found)]
    config = content.get("config")
    if isinstance(config, Mapping) and "architecture" in config:
        model = _ours(tensors, dict(config), path)
    else:
        model, note = _torchcfm_or_weights(tensors, strange, options, path)
        notes.append(note)
    model.note = " ".join(filter(None, notes))
    return model.eval()


def _source_note(found: StateDict) -> str:
    return f"Taken from {'.'.join(found.source)} in the file." if found.source else ""


def _ours(tensors: dict[str, Tensor], config: dict[str, Any], path: Path) -> VelocityNetwork:
    """Builds the network of a checkpoint that this project's training wrote."""
    try:
        model = build_network(config)
        model.load_state_dict(tensors)
    except (RuntimeError, ValueError) as error:
        line = str(error).splitlines()[0]
        raise ValueError(f"{path.name} does not fit its own configuration: {line}") from error
    return model


def _torchcfm_or_weights(
    tensors: dict[str, Tensor],
    strange: list[str],
    options: Mapping[str, Any] | None,
    path: Path,
) -> tuple[VelocityNetwork, str]:
    prefix = find_unet(tensors)
    if prefix is None:
        return _weights_only(tensors, strange, path)
    options = _side_options(path) if options is None else options
    under = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    try:
        config, assumed = infer_unet({n: tuple(t.shape) for n, t in under.items()}, options)
        if TorchcfmUNet.is_available():
            return _build_unet(config, under), _assumption(assumed, path)
        reason = MISSING
    except UnsuitedError as error:
        reason = f"although it looks like torchcfm's U-Net: {error}"
    except (KeyError, IndexError, ZeroDivisionError, RuntimeError, AssertionError):
        reason = "although its names are those of torchcfm's U-Net: its shapes are not"
    except ValueError as error:  # one of the options
        raise ValueError(f"{path.name}: {error}") from error
    return _weights_only(tensors, strange, path, reason)


def _build_unet(config: dict[str, Any], tensors: dict[str, Tensor]) -> VelocityNetwork:
    with torch.device("meta"):  # weights that nobody needs are neither drawn nor held
        model = build_network(config)
    state = {f"unet.{name}": tensor.float() for name, tensor in tensors.items()}
    model.load_state_dict(state, assign=True)
    return model


def _assumption(assumed: str, path: Path) -> str:
    side = path.with_suffix(".json").name
    return f"Assumed: {assumed}; {side} beside the file can say otherwise." if assumed else ""


def _side_options(path: Path) -> Mapping[str, Any]:
    """Reads the options from the JSON file beside the weights; there need not be one."""
    side = path.with_suffix(".json")
    if not side.is_file():
        return {}
    try:
        content = json.loads(side.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{side.name} is not readable JSON ({error}): mend or remove it"
        ) from error
    options = content.get(SIDE_KEY, {}) if isinstance(content, Mapping) else {}
    return options if isinstance(options, Mapping) else {}


def _weights_only(
    tensors: dict[str, Tensor], strange: list[str], path: Path, reason: str = ""
) -> tuple[VelocityNetwork, str]:
    """Keeps what can be quantized and written; says what was left out."""
    kinds = {name: str(t.dtype).removeprefix("torch.") for name, t in tensors.items()}
    usable = {n: t for n, t in tensors.items() if kinds[n] in WEIGHT_TYPES + OTHER_TYPES}
    if not any(kinds[name] in WEIGHT_TYPES and t.numel() for name, t in usable.items()):
        n = len(tensors) + len(strange)
        raise ValueError(
            f"{path.name} holds no weights: of its {n} tensors none is of type "
            f"{', '.join(WEIGHT_TYPES[:-1])} or {WEIGHT_TYPES[-1]}; convert them first"
        )
    left = strange + [name for name in tensors if name not in usable]
    note = f"Left out: {', '.join(left[:3])}{' …' if len(left) > 3 else ''}." if left else ""
    try:
        return (WeightsOnly(usable, reason=reason) if reason else WeightsOnly(usable)), note
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
