"""The chips: every figure has a source, and published figures that can be compared agree."""

import pytest

from fmq_explore.hardware import (
    KINDS,
    Device,
    Figure,
    available_devices,
    available_sources,
    available_stacks,
    get_device,
)
from fmq_explore.hardware.figure import missing, weakest

DEVICES = list(available_devices().values())


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_every_figure_has_a_source_or_is_not_published(device: Device) -> None:
    known = tuple(source.text for source in available_sources().values())
    for name, figure in device.figures.items():
        assert figure.kind in KINDS
        if figure.value is None:
            assert figure.text == "not published"
        else:
            assert figure.source.startswith(known), f"{name} has no source"
            assert 0 < figure.value <= (figure.highest or 0)


def test_all_chips_of_the_survey_and_the_benchmark_are_there() -> None:
    assert len(DEVICES) == 16
    assert get_device("stm32h7a3").macs_per_cycle_float.value == 0.36
    assert get_device("max78000").engine_weights_kib.value == 432
    assert get_device("hx6538").macs_per_cycle.kind == "not published"
    assert get_device("nrf52840").macs_per_cycle.kind == "assumed"


@pytest.mark.parametrize("name", ["stm32h7a3", "stm32l4r5", "stm32u575", "gap9"])
def test_published_power_and_energy_agree(name: str) -> None:
    """Power is energy of a MAC x MACs per second; the two were published apart."""
    chip = get_device(name)
    for end in ("value", "highest"):
        power, energy, rate, clock = (
            getattr(figure, end)
            for figure in (chip.power_mw, chip.pj_per_mac, chip.macs_per_cycle, chip.clock_mhz)
        )
        assert energy * rate * clock * 1e-3 == pytest.approx(power, rel=0.02)


def test_an_unknown_chip_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"device 'z80' is unknown; choose one of stm32f746, "):
        get_device("z80")


def test_stacks_name_cores_and_devices_that_there_are() -> None:
    cores = {core for device in DEVICES for core in device.cores}
    for stack in available_stacks():
        assert set(stack.cores) <= cores
        assert any(stack.is_for(device) for device in DEVICES)
        assert stack.source


def test_a_tool_of_one_vendor_is_for_its_chips_alone() -> None:
    cube = next(stack for stack in available_stacks() if stack.name == "STM32Cube.AI")
    assert {device.name for device in DEVICES if cube.is_for(device)} == {
        device.name for device in DEVICES if device.name.startswith("stm32")
    }


def test_a_figure_is_missing_exactly_where_it_says_so() -> None:
    assert missing("s", "why").value is None
    for value, kind in ((None, "measured"), (1.0, "not published")):
        with pytest.raises(ValueError, match="cannot have"):
            Figure(value, "s", kind, "")
    with pytest.raises(ValueError, match="choose one of measured"):
        Figure(1.0, "s", "guessed", "")


def test_what_follows_is_known_as_well_as_its_worst_part() -> None:
    assert weakest("measured") == "derived"
    assert weakest("derived", "assumed", "measured") == "assumed"
    assert weakest("assumed", "not published") == "not published"
