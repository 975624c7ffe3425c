"""The C header, compiled and run: on the host, and on emulated Cortex-M chips."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import fmq_explore as fmq
from fmq_explore.hardware.export import c_data_bytes, c_header, write_c_header
from fmq_explore.hardware.export.c_arrays import CArray, c_string
from fmq_explore.hardware.export.stored import stored_tensor
from fmq_explore.quantize import GRANULARITIES, SCHEMES, quantize, quantize_model

from .made import SHAPES, one_of_each, small
from .toolchain import BENCH, CHIPS, STRICT, assert_same_bytes, call, tool, weights_of

OnHost = Callable[..., list[bytes]]
OnChip = Callable[..., bytes]


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_host_decodes_the_weights_of_python(
    scheme: str, granularity: str, on_host: OnHost
) -> None:
    """Whole tensors, one channel at a time, and seven weights at a time."""
    qm = small(scheme, granularity)
    for found in on_host(qm, "0", "channels", "7"):
        assert_same_bytes(found, weights_of(qm))


def test_the_host_decodes_every_scheme_and_type_of_codebook(on_host: OnHost) -> None:
    qm = one_of_each()
    assert_same_bytes(on_host(qm, "0")[0], weights_of(qm))


def test_nothing_is_fused_whatever_the_compiler_may_do(on_host: OnHost, on_chip: OnChip) -> None:
    """Also with fused instructions at hand, and leave to use them: but here they would show."""
    qm = small("uniform", "channel")
    differ = 0
    for q in qm.tensors.values():
        scale, offset = np.split(q.parameters.astype(np.float64), 2, axis=1)
        fused = (scale * np.arange(2**q.bits) + offset).astype(np.float32)
        differ += int((fused != q.codebook.numpy()).sum())
    assert differ > 0
    lenient = ("-std=gnu99", "-O3", "-ffp-contract=fast", "-Wno-pedantic")
    assert_same_bytes(on_chip(qm, CHIPS["M4F hard"], lenient), weights_of(qm))
    if " fma " in Path("/proc/cpuinfo").read_text():
        assert_same_bytes(on_host(qm, "0", flags=(*lenient, "-mfma"))[0], weights_of(qm))


@pytest.mark.parametrize("chip", CHIPS)
def test_a_chip_decodes_every_scheme_and_type_of_codebook(chip: str, on_chip: OnChip) -> None:
    qm = one_of_each()
    assert_same_bytes(on_chip(qm, CHIPS[chip]), weights_of(qm))


@pytest.mark.parametrize(
    ("chip", "scheme", "bits"),
    [("M0", "optimal", 2), ("M4F hard", "uniform", 3), ("M7 hard", "optimal", 3)],
)
def test_a_chip_decodes_the_model_that_ships(
    chip: str, scheme: str, bits: int, on_chip: OnChip
) -> None:
    """At 2 bits it fits the 256 KiB of flash and 16 KiB of SRAM of a micro:bit."""
    qm = fmq.quantize_model(fmq.load_model("mnist"), scheme, bits)
    assert_same_bytes(on_chip(qm, CHIPS[chip]), weights_of(qm))


@pytest.mark.parametrize(("chip", "most"), [("M0+ code", 60), ("M4F hard", 50)])
@pytest.mark.parametrize("scheme", ["optimal", "uniform", "ternary"])
def test_a_weight_takes_few_instructions(
    scheme: str, chip: str, most: int, on_chip: OnChip
) -> None:
    """Counted by the emulator, not timed: also a chip without floats is spared their arithmetic."""
    torch.manual_seed(0)
    qm = quantize_model(nn.Linear(256, 64), scheme, SCHEMES[scheme].nearest_bits(3))
    found = on_chip(qm, CHIPS[chip], program="count.c", options=("-icount", "shift=0"))
    instructions = 40 * int.from_bytes(found[:4], "little") / (256 * 64)
    assert 10 < instructions < most


@pytest.mark.parametrize("scheme", ["optimal", "uniform", "power_of_two", "ternary"])
@pytest.mark.parametrize("granularity", ["group", "shared"])
def test_the_constants_have_the_size_that_is_told(
    scheme: str, granularity: str, tmp_path: Path
) -> None:
    qm = small(scheme, granularity)
    said = write_c_header(qm, tmp_path / "model.h")
    source, flags = (
        BENCH / "decode_all.c",
        (*STRICT, "-mthumb", "-mcpu=cortex-m3", "-ffreestanding", "-c"),
    )
    call(tool("arm-none-eabi-gcc"), *flags, f"-I{tmp_path}", source, folder=tmp_path)
    printed = call(tool("arm-none-eabi-size"), "-A", "decode_all.o", folder=tmp_path).decode()
    sections = re.findall(r"^\.rodata\S*\s+(\d+)", printed, re.MULTILINE)
    assert sum(int(size) for size in sections) == said == c_data_bytes(qm)


def test_the_decoder_allocates_nothing_and_calls_no_library(tmp_path: Path) -> None:
    """Undefined symbols of a build without hardware floats are the compiler's own arithmetic."""
    write_c_header(small("uniform", "channel"), tmp_path / "model.h")
    flags = (*STRICT, "-mthumb", "-mcpu=cortex-m0plus", "-ffreestanding", "-c")
    gcc = tool("arm-none-eabi-gcc")
    call(gcc, *flags, f"-I{tmp_path}", BENCH / "decode_all.c", folder=tmp_path)
    symbols = call("arm-none-eabi-nm", "-u", "decode_all.o", folder=tmp_path).decode().split()
    needed = {name for name in symbols if name != "U"}
    arithmetic = r"__aeabi_(fadd|fmul|u?i2f|u?idiv(mod)?)|__gnu_thumb1_case_\w+"
    others = {name for name in needed if not re.fullmatch(arithmetic, name)}
    assert others <= {"emit", "memcpy"}


def test_the_table_names_tensors_shapes_bits_and_rows(on_host: OnHost) -> None:
    qm = small("optimal", "group")
    lines = on_host(qm, "table")[0].decode().splitlines()
    q = qm.tensors["linear"]
    assert f"linear {q.bits} {len(q.codebook)} 7 33" in lines
    assert "a_bias 32 1 5" in lines
    assert [line.split()[0] for line in lines] == sorted([*SHAPES, "a_bias", "count"])


def test_names_of_strangers_are_only_names(on_host: OnHost) -> None:
    """A name may neither end a comment or a string, nor clash with another or with our own."""
    net = nn.Module()
    for name in ('*/ int x; /* "', "a b", "a_b", "ü\\n??/", "N_TENSORS"):
        net.register_parameter(name, nn.Parameter(torch.randn(3, 5)))
    qm = quantize_model(net, bits=1)
    table, weights = on_host(qm, "table", "0")
    assert [line.rsplit(" ", 4)[0] for line in table.decode().splitlines()] == sorted(qm.tensors)
    assert_same_bytes(weights, weights_of(qm))


def test_tied_tensors_share_their_data(on_host: OnHost) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 64)
            self.b.weight = self.a.weight

    qm = quantize_model(Tied(), bits=2)
    assert qm.tied
    assert_same_bytes(on_host(qm, "0")[0], weights_of(qm))
    assert c_data_bytes(qm) < 2 * 64 * 64 * 2 / 8 + 2 * 64 * 4 * 4


def test_a_rescued_network_of_mixed_bits_is_exported_like_any_other(on_host: OnHost) -> None:
    model = fmq.load_model("moons")
    bits = {"hidden.*.weight": 2, "condition.*.weight": 5, "first.weight": 8, "last.weight": 8}
    qm = fmq.tune(quantize_model(model, bits=bits), model, steps=3)
    assert_same_bytes(on_host(qm, "0")[0], weights_of(qm))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scheme", ["optimal", "uniform"])
def test_weights_of_half_precision_keep_their_levels(
    dtype: torch.dtype, scheme: str, on_host: OnHost
) -> None:
    torch.manual_seed(0)
    qm = quantize_model(nn.Linear(40, 6).to(dtype), scheme, 3)
    assert_same_bytes(on_host(qm, "0")[0], weights_of(qm))


@pytest.mark.parametrize("exponent", [-145, -130, -126, -20, 100])
def test_very_small_and_very_large_levels_survive(exponent: int, on_host: OnHost) -> None:
    w = torch.arange(1, 65).reshape(2, 32) * 2.0**exponent
    net = nn.Module()
    net.register_parameter("w", nn.Parameter(w))
    for scheme in ("optimal", "uniform", "symmetric", "power_of_two"):
        qm = quantize_model(net, scheme, 3)
        assert_same_bytes(on_host(qm, "0")[0], weights_of(qm))


def test_levels_that_no_formula_gives_are_stored_as_they_are() -> None:
    q = quantize(np.float32([[0, 1, 2, 3.5]]), "uniform", 2)
    other = replace(q, codebook=q.codebook * 1.25)
    assert stored_tensor(q).table is not None
    assert stored_tensor(other).table is None
    assert np.array_equal(stored_tensor(other).levels(), other.codebook.numpy())


def test_literals_bring_back_every_float() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    numbers = bits.view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    text = CArray("x", numbers, "").source().split("{\n")[1].split("\n}")[0]
    literals = text.replace("\n", "").split(",")
    assert all(re.fullmatch(r"-?\d+\.\d*(e[+-]\d+)?f", literal) for literal in literals)
    found = np.float32([literal[:-1] for literal in literals[: len(numbers)]])
    assert found.tobytes() == numbers.tobytes()


def test_strings_hold_nothing_but_plain_characters() -> None:
    assert re.fullmatch(r'"[\w. \\-]*"', c_string("".join(chr(i) for i in range(1, 300))))


@pytest.mark.parametrize("name", ["", "2bits", "my model", "a;b", "int main"])
def test_a_name_that_c_cannot_use_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"name {name!r} cannot begin names in C")):
        c_header(small("optimal", "tensor"), name)


def test_a_network_without_tensors_is_an_error() -> None:
    with pytest.raises(ValueError, match="holds no tensors"):
        c_header(replace(small("optimal", "tensor"), tensors={}, raw={}, tied={}))


def test_a_missing_tool_is_said_and_is_a_failure_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("FMQ_REQUIRE_TOOLCHAIN", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install gcc-arm-none-eabi"):
        tool("arm-none-eabi-gcc")
    monkeypatch.setenv("FMQ_REQUIRE_TOOLCHAIN", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install qemu-system-arm"):
        tool("qemu-system-arm")


def test_kept_tensors_that_float32_cannot_hold_are_an_error() -> None:
    qm = small("optimal", "tensor")
    for tensor, words in (
        (torch.tensor(2**24 + 1), "float32 cannot hold"),
        (torch.tensor([0.1], dtype=torch.float64), r"convert the model with .float\(\) first"),
        (torch.tensor([float("nan")]), "not a finite float32"),
        (torch.tensor([1e300], dtype=torch.float64), "not a finite float32"),
    ):
        with pytest.raises(ValueError, match=words):
            c_data_bytes(replace(qm, raw={"odd": tensor}))
