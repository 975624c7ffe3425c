"""Microcontrollers as data, every figure with its source."""

__all__ = ["Device", "Source", "available_devices", "available_sources", "get_device"]

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from tomllib import loads
from types import MappingProxyType
from typing import Any

from .figure import Figure, missing

UNITS = {
    "clock_mhz": "MHz",
    "flash_kib": "KiB",
    "sram_kib": "KiB",
    "engine_weights_kib": "KiB",
    "engine_data_kib": "KiB",
    "macs_per_cycle": "MAC/cycle",
    "macs_per_cycle_float": "MAC/cycle",
    "power_mw": "mW",
    "pj_per_mac": "pJ/MAC",
}


@dataclass(frozen=True)
class Source:
    """Where figures come from.

    Attributes:
        name: Its short name in the data.
        text: What it is, spelled out.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Device:
    """A microcontroller. Figures that nobody published are there, of kind `"not published"`.

    Attributes:
        name: Its name in code, e.g. `"stm32h7a3"`.
        title: Its name for people.
        core: Its core and accelerator, in words.
        cores: Their names as `Stack.cores` knows them.
        clock_mhz: Clock in MHz.
        flash_kib: Flash in KiB; of external flash, that of the board named in `note`.
        sram_kib: SRAM in KiB.
        engine_weights_kib: Weight memory of an engine with memories of its own.
        engine_data_kib: Its data memory.
        macs_per_cycle: Multiply-accumulates of int8 in a cycle, whole inferences, for each core.
        macs_per_cycle_float: The same in float32.
        power_mw: Active power of whole inferences, in mW.
        pj_per_mac: Energy of whole inferences for each MAC, in pJ.
        weight_bits: Weight widths that hardware and tools run, in bits.
        activation_bits: Activation widths.
        cores_used: How many cores share the work.
        external_flash: Whether the flash is a chip of its own.
        accelerator: Whether the int8 rate is that of an accelerator.
        peak: Whether the int8 rate is a peak, so that times are lower bounds.
        note: What has to be known beside it.
    """

    name: str
    title: str
    core: str
    cores: tuple[str, ...]
    clock_mhz: Figure
    flash_kib: Figure
    sram_kib: Figure
    engine_weights_kib: Figure
    engine_data_kib: Figure
    macs_per_cycle: Figure
    macs_per_cycle_float: Figure
    power_mw: Figure
    pj_per_mac: Figure
    weight_bits: tuple[int, ...]
    activation_bits: tuple[int, ...]
    cores_used: int = 1
    external_flash: bool = False
    accelerator: bool = False
    peak: bool = False
    note: str = ""

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure by name."""
        return {name: getattr(self, name) for name in UNITS}

    @property
    def has_engine(self) -> bool:
        """Whether an engine computes in memories of its own."""
        return self.engine_data_kib.value is not None


@cache
def _data() -> dict[str, Any]:
    text = files("fmq_explore.hardware").joinpath("devices.toml").read_text(encoding="utf-8")
    return loads(text)


@cache
def available_sources() -> MappingProxyType[str, Source]:
    """Returns the sources of the devices' figures by short name."""
    return MappingProxyType({n: Source(n, text) for n, text in _data()["sources"].items()})


@cache
def available_devices() -> MappingProxyType[str, Device]:
    """Returns all devices by name.

    Example:
        >>> available_devices()["rp2350"].sram_kib.value
        520
    """
    return MappingProxyType({d["name"]: _device(d) for d in _data()["devices"]})


def get_device(name: str) -> Device:
    """Returns the device of that name.

    Raises:
        ValueError: There is none.

    Example:
        >>> get_device("stm32l4r5").macs_per_cycle.text
        '0.63 MAC/cycle'
    """
    devices = available_devices()
    if name not in devices:
        raise ValueError(f"device {name!r} is unknown; choose one of {', '.join(devices)}")
    return devices[name]


def _device(entry: dict[str, Any]) -> Device:
    figures: dict[str, Any] = {n: _figure(entry.get(n), unit) for n, unit in UNITS.items()}
    others = {key: value for key, value in entry.items() if key not in UNITS}
    for name in ("cores", "weight_bits", "activation_bits"):
        others[name] = tuple(others[name])
    peak = bool(entry.get("macs_per_cycle", {}).get("peak", False))
    return Device(**others, **figures, peak=peak)


def _figure(entry: dict[str, Any] | None, unit: str) -> Figure:
    if entry is None:
        return missing(unit, "no figure with a source was found")
    source = available_sources()[entry["source"]].text
    note = f" ({entry['note']})" if "note" in entry else ""
    kind = entry.get("kind", "measured")
    return Figure(entry["value"], unit, kind, source + note, entry.get("high"))
