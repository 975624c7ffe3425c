"""Compiles every kernel before it is needed."""

__all__ = ["warm_up"]

from collections.abc import Callable

import torch
from torch import nn

from .prepared import prepare
from .scheme import SCHEMES


def warm_up(progress: Callable[[float], None] | None = None) -> None:
    """Runs every compiled function once, on a few weights.

    The first time on a machine this takes some ten seconds of compilation; later the compiled code
    is read from numba's cache in a moment.

    Args:
        progress: Told the finished fraction, 0 to 1, after each scheme.
    """
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(40, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(4, 40, generator=generator))
    prepared = prepare(layer)
    prepare(layer, "shared").fit("symmetric", 2)
    for done, (name, scheme) in enumerate(SCHEMES.items(), start=1):
        prepared.fit_all(name)
        fit = prepared.fit(name, scheme.nearest_bits(3))
        fit.borders("weight")
        fit.counts("weight")
        fit.write_into(layer)
        if progress is not None:
            progress(done / len(SCHEMES))
