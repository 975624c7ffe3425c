"""Compilers and emulated chips, for the tests that run what was exported."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fmq_explore.quantize import QuantizedModel

BENCH = Path(__file__).parent / "bench"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wdouble-promotion", "-O2")
PACKAGES = {
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "arm-none-eabi-size": "binutils-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}
SECONDS = 60


@dataclass(frozen=True)
class Chip:
    """A chip that the emulator knows.

    Attributes:
        machine: What the emulator calls it.
        flags: What the compiler has to know.
        flash: Flash, in KiB.
        ram: SRAM, in KiB.
    """

    machine: str
    flags: tuple[str, ...]
    flash: int = 4096
    ram: int = 4096


def _with_fpu(core: str, fpu: str, calls: str) -> tuple[str, ...]:
    return (f"-mcpu={core}", f"-mfpu={fpu}", f"-mfloat-abi={calls}")


CHIPS = {
    "M0": Chip("microbit", ("-mcpu=cortex-m0",), flash=256, ram=16),
    "M0+ code": Chip("mps2-an385", ("-mcpu=cortex-m0plus",)),  # the emulator has no M0+
    "M3": Chip("mps2-an385", ("-mcpu=cortex-m3",)),
    "M4F softfp": Chip("mps2-an386", _with_fpu("cortex-m4", "fpv4-sp-d16", "softfp")),
    "M4F hard": Chip("mps2-an386", _with_fpu("cortex-m4", "fpv4-sp-d16", "hard")),
    "M7 hard": Chip("mps2-an500", _with_fpu("cortex-m7", "fpv5-d16", "hard")),
}


def tool(name: str) -> str:
    """Finds a program, or skips the test; in CI, where it is required, fails it."""
    if shutil.which(name):
        return name
    reason = f"there is no {name} on the PATH: `apt-get install {PACKAGES[name]}` brings it"
    if os.environ.get("FMQ_REQUIRE_TOOLCHAIN"):
        pytest.fail(f"FMQ_REQUIRE_TOOLCHAIN is set, but {reason}.", pytrace=False)
    pytest.skip(f"{reason}.")


def call(*command: object, folder: Path) -> bytes:
    """Runs a program in a folder; fails with what it said. Returns its output."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr.decode()}\n{done.stdout[-400:]!r}"
    return done.stdout


def weights_of(qm: QuantizedModel) -> bytes:
    """Returns every weight as Python has it, float32, tensors by name, tied names included."""
    named = {name: q.dequantize() for name, q in qm.tensors.items()} | dict(qm.raw)
    named |= {name: named[other] for name, other in qm.tied.items()}
    return b"".join(named[name].float().contiguous().numpy().tobytes() for name in sorted(named))


def assert_same_bytes(found: bytes, expected: bytes) -> None:
    """Compares floats by their bits, and says where the first ones differ."""
    assert len(found) == len(expected)
    if found != expected:
        a: NDArray[np.uint32] = np.frombuffer(found, np.uint32)
        b: NDArray[np.uint32] = np.frombuffer(expected, np.uint32)
        i = int(np.argmax(a != b))
        raise AssertionError(f"{(a != b).sum()} differ, first {i}: {a[i]:#010x} != {b[i]:#010x}")
