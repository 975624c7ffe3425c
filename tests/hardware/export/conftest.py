"""Functions that compile what was exported, and run it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fmq_explore.hardware.export import write_c_header
from fmq_explore.quantize import QuantizedModel

from .toolchain import BENCH, STRICT, Chip, call, tool


@pytest.fixture
def on_host(tmp_path: Path) -> Callable[..., bytes]:
    """Gives a function that compiles a network's header with the host's gcc and runs it."""

    def run(qm: QuantizedModel, *modes: str, flags: tuple[str, ...] = STRICT) -> list[bytes]:
        write_c_header(qm, tmp_path / "model.h")
        sources = (BENCH / "host.c", BENCH / "decode_all.c")
        call(tool("gcc"), *flags, f"-I{tmp_path}", *sources, "-o", "decode", folder=tmp_path)
        return [call(tmp_path / "decode", mode, folder=tmp_path) for mode in modes]

    return run


@pytest.fixture
def on_chip(tmp_path: Path) -> Callable[..., bytes]:
    """Gives a function that compiles a network's header for a chip and runs it there, emulated."""

    def run(
        qm: QuantizedModel,
        chip: Chip,
        flags: tuple[str, ...] = STRICT,
        program: str = "decode_all.c",
        options: tuple[str, ...] = (),
    ) -> bytes:
        gcc, emulator = tool("arm-none-eabi-gcc"), tool("qemu-system-arm")
        write_c_header(qm, tmp_path / "model.h")
        sizes = (("flash_size", chip.flash), ("ram_size", chip.ram))
        link = [f"-Wl,--defsym={name}={kib}K" for name, kib in sizes]
        bare = ("-mthumb", *chip.flags, "-ffreestanding", "-nostdlib", f"-I{tmp_path}")
        sources = (f"-T{BENCH / 'chip.ld'}", BENCH / "chip.c", BENCH / program, "-lgcc")
        call(gcc, *flags, *bare, *link, *sources, "-o", "chip.elf", folder=tmp_path)
        quiet = ("-nographic", "-monitor", "none", "-serial", "none", "-semihosting", *options)
        call(emulator, "-M", chip.machine, *quiet, "-kernel", "chip.elf", folder=tmp_path)
        return (tmp_path / "decoded.bin").read_bytes()

    return run
