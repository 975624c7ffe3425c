"""Verdicts, memories, times and energies follow from the file, the network and the sources."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import fmq_explore as fmq
from fmq_explore.flow import SOLVERS, UNet
from fmq_explore.flow.weights_only import WeightsOnly
from fmq_explore.hardware import (
    Cost,
    Figure,
    Operation,
    Plan,
    anchor_time,
    assess,
    assess_all,
    available_devices,
    footprint,
    get_device,
    network_cost,
)
from fmq_explore.quantize import SCHEMES, prepare

NETWORK = UNet((1, 8, 8), n_classes=3, channels=8, embedding=16)
for parameter in NETWORK.parameters():  # none of them zero, as after training
    nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
PREPARED = prepare(NETWORK)
COST = network_cost(NETWORK)
PLAN = Plan(solver="euler", steps=4, runtime_bytes=1000, working_bytes=0)
CHIP = get_device("stm32l4r5")


def part(memory, name: str) -> int:
    return sum(p.n_bytes for p in memory.parts if p.name == name)


@pytest.mark.parametrize("scheme", ["uniform", "symmetric", "power_of_two", "optimal"])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_flash_is_the_file_and_the_runtime(scheme: str, bits: int, tmp_path) -> None:
    qm = fmq.quantize_model(NETWORK, scheme, bits)
    qm.save(tmp_path / "file")
    size = (tmp_path / "file").stat().st_size
    found = assess(qm, CHIP, PLAN)
    assert found.flash.n_bytes == size + 1000
    assert footprint(PREPARED.fit(scheme, bits)) == footprint(qm)
    coded = [line for line in qm.report() if not line.kept]
    assert part(found.flash, "codes") == sum(-(-line.n_weights * bits // 8) for line in coded)
    rows = sum(len(q.codebook) for q in qm.tensors.values())
    each = {"uniform": 8, "symmetric": 4, "power_of_two": 1, "optimal": 4 * 2**bits}[scheme]
    assert part(found.flash, "codebooks") == rows * each
    assert part(found.flash, "kept tensors") == sum(r.n_bytes for r in qm.report() if r.kept)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize("granularity", ["channel", "shared"])
def test_the_parts_of_every_scheme_add_up(scheme: str, granularity: str) -> None:
    qm = fmq.quantize_model(NETWORK, scheme, SCHEMES[scheme].nearest_bits(2), granularity)
    found = footprint(qm)
    numbers = sum(
        q.parameters.nbytes + (0 if q.row_scales is None else q.row_scales.nbytes)
        for q in qm.tensors.values()
    )
    assert found.codebooks == numbers
    assert found.codes == sum(q.n_bytes for q in qm.tensors.values()) - numbers
    assert found.rest > 0


def test_full_precision_counts_its_parameters_and_runs_in_float() -> None:
    found = assess(NETWORK, "stm32h7a3", PLAN)
    assert found.flash.n_bytes == 4 * NETWORK.n_parameters + 1000
    assert found.activation_bits == 32
    assert part(found.sram, "activations") == COST.peak_bytes(32)
    cycles = 4 * COST.macs / 0.36
    assert found.latency.value == pytest.approx(cycles / 280e6)
    assert found.energy.kind == "not published"
    assert assess(NETWORK, CHIP, PLAN).latency.kind == "not published"  # no float rate there


def test_memory_holds_the_peak_the_state_and_what_is_assumed() -> None:
    fit = PREPARED.fit("symmetric", 8)
    for solver, copies in (("euler", 1), ("midpoint", 1), ("heun", 2), ("rk4", 2), ("dopri5", 7)):
        plan = replace(PLAN, solver=solver, working_bytes=77)
        sram = assess(fit, CHIP, plan, COST).sram
        assert part(sram, "ODE state") == copies * 4 * 64
        assert sram.n_bytes == COST.peak_bytes(8) + copies * 4 * 64 + 77
    assert set(SOLVERS) == {"euler", "midpoint", "heun", "rk4", "dopri5"}
    guided = assess(fit, CHIP, replace(PLAN, guidance=2.0), COST)
    assert part(guided.sram, "activations") == 2 * COST.peak_bytes(8)
    assert guided.n_evaluations == 8


def test_decoding_adds_the_largest_decompressed_weights_at_the_worst_moment() -> None:
    fit = PREPARED.fit("optimal", 3)
    sram = assess(fit, CHIP, PLAN, COST).sram
    names = set(PREPARED.names)
    assert part(sram, "activations") + part(sram, "decoding") == COST.peak_bytes(8, names)
    wide = assess(fit, CHIP, replace(PLAN, activation_bits=32), COST).sram
    assert part(wide, "activations") + part(wide, "decoding") == COST.peak_bytes(32, names, 4)


def test_time_is_work_over_rate() -> None:
    native = assess(PREPARED.fit("symmetric", 8), CHIP, PLAN, COST).latency
    assert native.value == pytest.approx(4 * COST.macs / (0.63 * 120e6))
    assert (native.kind, native.high) == ("derived", None)
    plan = replace(PLAN, decode_cycles=7.0, guidance=3.0)
    fit = PREPARED.fit("optimal", 8)  # its smallest tensors are left in full precision
    decoded = assess(fit, CHIP, plan, COST).latency
    work = 8 * COST.macs / 0.63 + 4 * 7.0 * COST.n_decoded(footprint(fit).quantized)
    assert decoded.value == pytest.approx(work / 120e6)  # decompressed once for both of a batch
    assert decoded.kind == "assumed"
    span = assess(PREPARED.fit("symmetric", 8), "stm32h747", PLAN, COST).latency
    assert (span.value, span.high) == (
        pytest.approx(4 * COST.macs / (1.1 * 480e6)),
        pytest.approx(4 * COST.macs / (1.0 * 480e6)),
    )
    assert span.kind == "assumed"
    peak = assess(PREPARED.fit("symmetric", 8), "gap8", PLAN, COST).latency
    assert peak.bound == "at least"


def test_energy_is_work_times_joules_or_power_times_time() -> None:
    """Published twice, as energy of a MAC and as power: both ways give the same."""
    for scheme in ("symmetric", "optimal"):
        for name in ("stm32h7a3", "stm32l4r5", "stm32u575"):
            found = assess(PREPARED.fit(scheme, 8), name, PLAN, COST)
            power = get_device(name).power_mw.value
            assert found.energy.value == pytest.approx(power * found.latency.value, rel=0.02)
    assert assess(PREPARED.fit("symmetric", 8), CHIP, PLAN, COST).energy.kind == "derived"
    assert assess(PREPARED.fit("symmetric", 8), "rp2350", PLAN, COST).energy.value is None


def test_an_adaptive_solver_has_no_time() -> None:
    found = assess(PREPARED.fit("symmetric", 8), CHIP, replace(PLAN, solver="dopri5"), COST)
    assert found.n_evaluations is None
    assert found.latency.kind == found.energy.kind == "not published"
    assert "adaptive" in found.latency.source


def sized(flash: float, sram: float):
    kib = Figure(flash / 1024, "KiB", "measured", ""), Figure(sram / 1024, "KiB", "measured", "")
    return replace(CHIP, flash_kib=kib[0], sram_kib=kib[1])


def test_the_verdict_turns_at_the_last_byte() -> None:
    fit = PREPARED.fit("symmetric", 8)
    need = assess(fit, CHIP, PLAN, COST)
    flash, sram = need.flash.n_bytes, need.sram.n_bytes
    assert assess(fit, sized(flash, sram), PLAN, COST).verdict.answer == "fits"
    tight = assess(fit, sized(flash - 1, sram), PLAN, COST).verdict
    assert (tight.answer, tight.label) == ("too small", "needs 1 KiB more flash")
    both = assess(fit, sized(flash - 2048, sram - 100), PLAN, COST).verdict
    assert both.sentence == "Does not fit: needs 2 KiB flash and 1 KiB SRAM more."
    assert not both.fits


def test_external_flash_is_named_in_the_verdict() -> None:
    found = assess(PREPARED.fit("symmetric", 8), "esp32s3", PLAN, COST)
    assert found.flash.capacity.kind == "not published"
    assert found.verdict.fits
    assert f"at least {-(-found.flash.n_bytes // 1024)} KiB of flash" in found.verdict.sentence


@pytest.mark.parametrize(
    ("scheme", "bits", "granularity", "chip", "answer"),
    [
        ("symmetric", 8, "channel", "stm32f746", "fits"),
        ("symmetric", 4, "channel", "stm32f746", "fits"),  # CMSIS-NN has int4
        ("symmetric", 2, "channel", "stm32f746", "fits"),  # CMix-NN has int2 on this core
        ("symmetric", 2, "channel", "stm32u575", "decodes"),  # and not on this one
        ("symmetric", 3, "channel", "stm32f746", "decodes"),
        ("symmetric", 3, "channel", "gap9", "fits"),  # NE16 takes 2 to 8
        ("symmetric", 4, "group", "stm32f746", "decodes"),  # a scale per group is in no kernel
        ("uniform", 8, "channel", "stm32f746", "decodes"),  # an offset, either
        ("optimal", 4, "tensor", "stm32f746", "decodes"),
        ("power_of_two", 4, "tensor", "max78000", "fits"),
        ("power_of_two", 3, "tensor", "max78000", "decodes"),
    ],
)
def test_who_multiplies_weights_as_they_are_stored(
    scheme: str, bits: int, granularity: str, chip: str, answer: str
) -> None:
    group = 16 if granularity == "group" else None
    fit = prepare(NETWORK, granularity, group).fit(scheme, bits)
    found = assess(fit, chip, PLAN, COST)
    assert found.verdict.answer == answer
    assert bool(found.stacks) == (answer == "fits")


def test_nothing_computes_in_float_on_some_chips() -> None:
    wide = replace(PLAN, activation_bits=32)
    for network in (NETWORK, PREPARED.fit("optimal", 3)):
        found = assess(network, "gap8", wide, COST).verdict
        assert (found.answer, found.fits) == ("no kernels", False)
        assert "no published kernel computes in float32 here" in found.sentence
    assert assess(PREPARED.fit("optimal", 3), CHIP, wide, COST).verdict.answer == "decodes"
    assert assess(NETWORK, CHIP, wide, COST).verdict.answer == "fits"
    for found in assess_all(PREPARED.fit("optimal", 3), PLAN, COST):
        assert found.verdict.answer == "decodes"  # every chip computes in int8


def test_mixed_widths_need_kernels_for_all_of_them() -> None:
    bits = {"first.weight": 8, "last.weight": 3, "*": 4}
    found = assess(fmq.quantize_model(NETWORK, "symmetric", bits), "stm32f746", PLAN)
    assert found.verdict.answer == "decodes"
    found = assess(fmq.quantize_model(NETWORK, "symmetric", {"*": 4} | {"last.weight": 8}), CHIP)
    assert "CMSIS-NN" in found.stacks


def test_an_engine_computes_in_its_own_memories() -> None:
    fit = prepare(NETWORK, "tensor").fit("power_of_two", 4)
    found = assess(fit, "max78000", PLAN, COST)
    assert "ai8x" in found.stacks
    assert found.engine.n_bytes == footprint(fit).codes
    assert found.sram.capacity.value == 512
    beside = assess(prepare(NETWORK).fit("symmetric", 8), "max78000", PLAN, COST)
    assert beside.engine is None
    assert beside.sram.capacity.value == 128


def test_an_accelerator_that_cannot_read_the_weights_has_no_time() -> None:
    assert assess(PREPARED.fit("symmetric", 3), "gap9", PLAN, COST).latency.value is not None
    codebook = assess(PREPARED.fit("optimal", 3), "gap9", PLAN, COST)
    assert codebook.verdict.answer == "decodes"
    assert codebook.latency.kind == "not published"


def test_the_int8_rate_is_an_assumption_for_other_widths() -> None:
    four = assess(PREPARED.fit("symmetric", 4), CHIP, PLAN, COST)
    eight = assess(PREPARED.fit("symmetric", 8), CHIP, PLAN, COST)
    assert four.latency.value == eight.latency.value
    assert (four.latency.kind, eight.latency.kind) == ("assumed", "derived")


def test_weights_alone_have_flash_and_nothing_else() -> None:
    weights = WeightsOnly({"a.weight": torch.randn(64, 64)})
    for found in assess_all(fmq.quantize_model(weights, "optimal", 3), PLAN):
        assert found.verdict.answer == "unknown"
        assert found.sram is None
        assert {found.macs.kind, found.latency.kind, found.energy.kind} == {"not published"}
        assert "not known without a network" in found.verdict.sentence


def test_all_chips_at_once_is_each_of_them() -> None:
    fit = PREPARED.fit("optimal", 3)
    found = assess_all(fit, PLAN, COST)
    assert [one.device.name for one in found] == list(available_devices())
    assert all(one == assess(fit, one.device.name, PLAN, COST) for one in found)


def test_the_published_generator_beside_the_formula() -> None:
    """Its own rate returns its own time; the rate of another chip of that core, a quarter less."""
    found = anchor_time()
    assert found.predicted.value == pytest.approx(found.measured.value, rel=0.01)
    assert found.independent.value == pytest.approx(109e6 * 8 / (0.71 * 2 * 150e6))
    assert abs(found.independent.value / found.measured.value - 1) < 0.3
    assert found.measured.kind == "measured"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"solver": "leapfrog"}, "choose one of euler"),
        ({"steps": 0}, "at least 1"),
        ({"activation_bits": 16}, "choose 8, or 32"),
        ({"decode_cycles": -1.0}, "at least 0"),
        ({"runtime_bytes": float("nan")}, "at least 0"),
    ],
)
def test_a_wrong_plan_is_one_sentence(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Plan(**wrong)


def test_what_is_no_network_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="give a network, a QuantizedModel or a Fit"):
        footprint("mnist")
    assert footprint(nn.Linear(4, 4)).n_bytes == 80


def test_a_cost_of_ones_own_may_be_given() -> None:
    cost = Cost((Operation("", "conv", 10**6, 100, 300),), 64)
    found = assess(NETWORK, CHIP, PLAN, cost)
    assert found.macs.value == 10**6
    assert part(found.sram, "activations") == 1200
