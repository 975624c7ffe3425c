"""Which tensors are kept, and which bits the others get."""

import pytest
import torch
from torch import nn

from fmq_explore.quantize import kept_names
from fmq_explore.quantize.bits import assign_bits


class Network(nn.Module):
    """Has one of everything, the time embedding first, as generators have it."""

    def __init__(self) -> None:
        super().__init__()
        self.time_in = nn.Linear(8, 16)
        self.classes = nn.Embedding(11, 16)
        self.first = nn.Conv2d(1, 8, 3)
        self.norm = nn.GroupNorm(2, 8)
        self.attention = nn.MultiheadAttention(8, 2)
        self.batch = nn.BatchNorm2d(8)
        self.gain = nn.Parameter(torch.ones(3))
        self.last = nn.Conv2d(8, 1, 3)


EXPECTED = {
    "bias": {
        "time_in.bias",
        "first.bias",
        "norm.bias",
        "attention.in_proj_bias",
        "attention.out_proj.bias",
        "batch.bias",
        "last.bias",
    },
    "norm": {"norm.weight", "norm.bias", "batch.weight", "batch.bias"},
    "time": {"time_in.weight", "time_in.bias"},
    "first": {"first.weight", "first.bias"},
    "last": {"last.weight", "last.bias"},
    "gain": {"gain"},
    "attention.*weight": {"attention.in_proj_weight", "attention.out_proj.weight"},
}


@pytest.mark.parametrize("entry", EXPECTED)
def test_tags_names_and_patterns(entry: str) -> None:
    assert kept_names(Network(), [entry]) == kept_names(Network(), entry) == EXPECTED[entry]


def test_entries_add_up() -> None:
    assert kept_names(Network(), ("norm", "gain")) == EXPECTED["norm"] | {"gain"}
    assert kept_names(Network(), ()) == set()
    assert kept_names(nn.Identity(), ("bias", "first")) == set()


def test_an_entry_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'lst' matches no tensor; use a tag \(bias, norm"):
        kept_names(Network(), ["lst"])


def test_bits() -> None:
    names = ["a.weight", "b.weight", "b.gain"]
    assert assign_bits(3, names) == dict.fromkeys(names, 3)
    mixed = assign_bits({"b.*": 2, "b.gain": 8, "*": 4}, names)
    assert mixed == {"a.weight": 4, "b.weight": 2, "b.gain": 8}


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (9, "whole number from 1 to 8, got 9"),
        ({"a": 3}, "no bits are given for tensor 'b'"),
        ({"*": 0}, r"bits\['\*'\] must be a whole number"),
        ({"*": 3, "z": 3}, "'z', which matches no quantized tensor"),
        ({"*": 3, "k": 3}, "'k', which is kept"),
    ],
)
def test_wrong_bits(bits: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assign_bits(bits, ["a", "b"], ["k"])  # type: ignore[arg-type]
