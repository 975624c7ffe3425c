"""Which tensors stay in full precision."""

__all__ = ["KEEP_TAGS", "kept_names"]

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from torch import nn

KEEP_TAGS = ("bias", "norm", "first", "last", "time")

_TIME = re.compile(r"(^|[._])(time|t|temb|timestep)s?([._]|$)|time_?(emb|mlp|proj|step)")


def kept_names(model: nn.Module, keep: str | Iterable[str]) -> set[str]:
    """Returns the names of the parameters that a list of tags, names and patterns selects.

    Args:
        model: The network.
        keep: Tags (`"bias"`, `"norm"`, `"first"`, `"last"`, `"time"`), names of parameters, or
            patterns such as `"blocks.0.*"`. `"first"` and `"last"` are the layers with a weight
            matrix that the model registers first and last, embeddings of time and class left out.

    Raises:
        ValueError: An entry is no tag and matches no parameter.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 2))
        >>> sorted(kept_names(model, ["norm", "2.bias"]))
        ['1.bias', '1.weight', '2.bias']
    """
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters(remove_duplicate=False)}
    tagged = _tagged(model, shapes)
    kept: set[str] = set()
    for entry in (keep,) if isinstance(keep, str) else keep:
        names = tagged.get(entry)
        if names is None:
            names = {name for name in shapes if name == entry or fnmatchcase(name, entry)}
            if not names:
                raise ValueError(
                    f"keep entry {entry!r} matches no tensor; use a tag ({', '.join(KEEP_TAGS)}), "
                    f"the name of a tensor, or a pattern such as '*.weight'"
                )
        kept |= names
    return kept


def _tagged(model: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, set[str]]:
    """Returns the parameters that belong to every tag."""
    modules = dict(model.named_modules())
    home = {name: name.rpartition(".")[0] for name in shapes}
    time = {name for name in shapes if _TIME.search(name.lower())}
    norm = {name for name in shapes if "norm" in type(modules[home[name]]).__name__.lower()}
    layers = [
        home[name]
        for name, shape in shapes.items()
        if len(shape) > 1
        and name not in time | norm
        and not isinstance(modules[home[name]], nn.Embedding)
    ]
    return {
        "bias": {name for name in shapes if name.rpartition(".")[2].endswith("bias")},
        "norm": norm,
        "time": time,
        "first": {name for name in shapes if layers and home[name] == layers[0]},
        "last": {name for name in shapes if layers and home[name] == layers[-1]},
    }
