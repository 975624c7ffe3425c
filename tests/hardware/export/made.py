"""Small networks with tensors of every shape and storage, for the tests of the exporters."""

from dataclasses import replace

import numpy as np
import torch
from torch import Generator, nn

from fmq_explore.quantize import GRANULARITIES, SCHEMES, QuantizedModel, quantize, quantize_model

SHAPES = {
    "conv": (6, 5, 3, 3),
    "linear": (7, 33),
    "row": (1, 50),
    "vector": (41,),
    "wide": (2, 300),
}


def small_network(seed: int = 0) -> nn.Module:
    """Makes a network of odd shapes, with a tensor in each that no bit width divides evenly."""
    g, net = Generator().manual_seed(seed), nn.Module()
    for name, shape in SHAPES.items():
        net.register_parameter(name, nn.Parameter(torch.randn(shape, generator=g)))
    net.register_parameter("a_bias", nn.Parameter(torch.randn(5, generator=g)))
    net.register_buffer("count", torch.tensor(12345))
    return net


def small(scheme: str, granularity: str, codebook_dtype: str = "float32") -> QuantizedModel:
    """Quantizes that network, each tensor at another bit width where the scheme has several."""
    allowed = SCHEMES[scheme].nearest_bits
    bits = {name: allowed(b) for name, b in zip(SHAPES, (3, 5, 2, 1, 8), strict=True)}
    group = 7 if granularity == "group" else None
    keep = ("a_bias",)
    return quantize_model(small_network(), scheme, bits, granularity, group, keep, codebook_dtype)


def one_of_each() -> QuantizedModel:
    """Makes a network with a tensor of every scheme, granularity and type of codebook."""
    tensors = {}
    for i, scheme in enumerate(SCHEMES):
        for granularity in GRANULARITIES:
            for j, stored in enumerate(("float32", "float16")):
                w = np.random.default_rng(i).standard_normal((4, 3, 7)).astype(np.float32)
                w *= np.float32(1e-6 if j else 1.0)  # float16 levels that are subnormal
                bits = SCHEMES[scheme].nearest_bits(1 + (i + j) % 4)
                q = quantize(w, scheme, bits, granularity, 5, stored)
                tensors[f"{scheme}.{granularity}.{stored}"] = q
    return replace(small("optimal", "channel"), tensors=tensors, left=(), tied={})
