"""Reading the configuration of torchcfm's U-Net from the names and shapes of its weights."""

__all__ = ["UNTOLD", "UnsuitedError", "find_unet", "infer_unet"]

import re
from collections.abc import Mapping
from typing import Any

MARKS = ("time_embed.0.weight", "input_blocks.0.0.weight", "middle_block.1.qkv.weight")
UNTOLD = ("dim", "num_heads", "num_head_channels", "num_heads_upsample", "use_new_attention_order")
TOLD = (
    "num_channels",
    "num_res_blocks",
    "channel_mult",
    "learn_sigma",
    "class_cond",
    "num_classes",
    "attention_resolutions",
    "use_scale_shift_norm",
    "resblock_updown",
    "dropout",
    "use_checkpoint",
    "use_fp16",
)
# The sides for which `UNetModelWrapper` chooses these multipliers, read backwards
SIDES = {
    (1, 2, 2): 28,
    (1, 2, 2, 2): 32,
    (1, 2, 3, 4): 64,
    (1, 1, 2, 3, 4): 128,
    (1, 1, 2, 2, 4, 4): 256,
}
CIFAR = (128, (1, 2, 2, 2), 64)
"""Channels and multipliers of the package's CIFAR-10 example, and the width of its heads."""

Shapes = Mapping[str, tuple[int, ...]]


class UnsuitedError(ValueError):
    """A network with the right names that is no plain velocity of images."""


def find_unet(names: Mapping[str, Any]) -> str | None:
    """Returns the prefix under which the U-Net's tensors are, an average's first; None without.

    Example:
        >>> find_unet({f"net.{name}": None for name in MARKS})
        'net.'
    """
    prefixes = [name.removesuffix(MARKS[0]) for name in names if name.endswith(MARKS[0])]
    found = [p for p in prefixes if all(p + mark in names for mark in MARKS)]
    return min(found, key=lambda p: ("ema" not in p, p), default=None)


def infer_unet(shapes: Shapes, options: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Returns the configuration of a `TorchcfmUNet`, and what had to be assumed.

    Channels, multipliers, residual blocks, attention levels, classes and the kinds of blocks follow
    from names and shapes. Size of the image and heads do not: they come from `options`, or are
    those of the package for such a network.

    Args:
        shapes: The shapes of all tensors by name.
        options: Arguments of `UNetModelWrapper`; those that the shapes tell are not needed.

    Raises:
        UnsuitedError: If the network is no plain velocity of images.
        ValueError: If an option does not exist or does not suit the network.
    """
    wrong = [key for key in options if key not in UNTOLD + TOLD]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no option of torchcfm's U-Net: use {', '.join(UNTOLD)}")
    first, last = shapes["input_blocks.0.0.weight"], shapes.get("out.2.weight", (0,))
    if len(first) != 4:
        raise UnsuitedError(f"its convolutions are {len(first) - 2}-dimensional, not of images")
    if last[0] != first[1]:
        raise UnsuitedError(
            f"it turns {first[1]} channels into {last[0]}, and a velocity has as many as its images"
        )
    channels = shapes["time_embed.0.weight"][1]
    n_blocks, n_levels = _layout(shapes)
    starts = [1 + level * (n_blocks + 1) for level in range(n_levels)]
    outs = [shapes[f"input_blocks.{i}.0.in_layers.2.weight"][0] for i in starts]
    mult = tuple(out // channels if out % channels == 0 else out / channels for out in outs)
    data_shape, assumed = _data_shape(first[1], mult, options)
    heads, guess = _heads(channels, mult, first[1], options)
    attention = [f"input_blocks.{i}.1.qkv.weight" in shapes for i in starts]
    attending = [out for out, is_at in zip(outs, attention, strict=True) if is_at]
    _check_heads(heads, {outs[-1], *attending})
    down = f"input_blocks.{starts[0] + n_blocks}.0"
    config = {
        "architecture": "torchcfm_unet",
        "data_shape": data_shape,
        "n_classes": shapes["label_emb.weight"][0] if "label_emb.weight" in shapes else None,
        "model_channels": channels,
        "num_res_blocks": n_blocks,
        "channel_mult": list(mult),
        "attention_resolutions": [2**i for i, is_at in enumerate(attention) if is_at],
        "conv_resample": n_levels == 1 or f"{down}.op.weight" in shapes,
        "use_scale_shift_norm": shapes["middle_block.0.emb_layers.1.weight"][0] == 2 * outs[-1],
        "resblock_updown": n_levels > 1 and f"{down}.in_layers.2.weight" in shapes,
        **heads,
    }
    return config, " and ".join(filter(None, (assumed, guess)))


def _layout(shapes: Shapes) -> tuple[int, int]:
    """Returns residual blocks in a level, and levels: the output blocks that grow give them away.

    A level has one output block more than it has residual blocks, and its last one ends with what
    doubles the size: a bare convolution, or a second residual block.
    """
    outputs, inputs = _indices(shapes, "output_blocks"), _indices(shapes, "input_blocks")
    n_outputs = 1 + max(outputs, default=-1)

    def grows(i: int) -> bool:
        head = f"output_blocks.{i}"
        seconds = (f"{head}.{j}.{kind}" for j in (1, 2) for kind in ("conv", "in_layers.2"))
        return any(f"{second}.weight" in shapes for second in seconds)

    ends = [i for i in range(n_outputs) if grows(i)]
    if ends:
        n_blocks = ends[0]
    else:  # without parameters when the size changes: the input blocks have gaps instead
        gaps = sorted(set(range(max(inputs))) - inputs)
        n_blocks = gaps[0] - 1 if gaps else n_outputs - 1
    if n_blocks < 1 or n_outputs % (n_blocks + 1):
        raise UnsuitedError(f"its {n_outputs} output blocks do not make levels of equal length")
    return n_blocks, n_outputs // (n_blocks + 1)


def _indices(shapes: Shapes, blocks: str) -> set[int]:
    """Returns the numbers of the blocks; a file may claim any, so they are bounded."""
    found = {re.match(rf"{blocks}\.(\d{{1,3}})\.", name, re.ASCII) for name in shapes}
    return {int(match[1]) for match in found if match}


def _data_shape(
    channels: int, mult: tuple[float, ...], options: Mapping[str, Any]
) -> tuple[list[int], str]:
    if "dim" in options:
        shape = [int(size) for size in options["dim"]]
        if len(shape) != 3 or shape[0] != channels:
            raise ValueError(f"dim {shape} does not suit it: use [{channels}, height, width]")
        return shape, ""
    factor = 2 ** (len(mult) - 1)
    side = SIDES[mult] if mult in SIDES else max(32 // factor, 1) * factor
    return [channels, side, side], f"images of {side} × {side}"


def _heads(
    channels: int, mult: tuple[float, ...], colours: int, options: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    heads = {key: options[key] for key in UNTOLD[1:] if key in options}
    if "num_heads" in heads or "num_head_channels" in heads:
        return heads, ""
    if colours == 3 and (channels, mult) == CIFAR[:2]:
        return heads | {"num_head_channels": CIFAR[2]}, f"attention heads of {CIFAR[2]} channels"
    return heads, "one attention head"


def _check_heads(heads: Mapping[str, Any], widths: set[int]) -> None:
    for key in ("num_heads", "num_head_channels", "num_heads_upsample"):
        value = heads.get(key, 1)
        if not isinstance(value, int) or (value < 1 and value != -1):
            raise ValueError(f"{key} is {value!r}: use a whole number of at least 1")
        if any(width % value for width in widths):
            raise ValueError(
                f"{key} is {value} and does not divide the {max(widths)} channels of its attention"
            )
