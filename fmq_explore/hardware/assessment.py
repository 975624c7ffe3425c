"""What a network costs on a chip: memories, time and energy of one sample, and the verdict."""

__all__ = ["Assessment", "assess", "assess_all"]

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from ..quantize import Fit, QuantizedModel
from .contents import Footprint, footprint
from .cost import Cost, network_cost
from .devices import Device, available_devices, get_device
from .figure import Figure
from .plan import Plan
from .stacks import computes, stacks_for
from .timing import energy_of, latency_of
from .verdict import Memory, Part, Verdict, judge
from .workload import Workload

Network = Fit | QuantizedModel | nn.Module | Footprint | Workload


@dataclass(frozen=True)
class Assessment:
    """One network on one chip. Made by `assess`.

    Attributes:
        device: The chip.
        verdict: Whether it fits.
        flash: What lies in flash.
        sram: What lies in the memory of activations at the worst moment; None without a network.
        engine: What lies in the weight memory of an engine, where one does the work.
        macs: Multiply-accumulates of one evaluation.
        n_evaluations: Evaluations for one sample; None where the solver chooses.
        latency: Seconds for one sample.
        energy: Energy of one sample in mJ.
        stacks: Software with published kernels that multiply the weights as they are stored.
        activation_bits: The width of activations that was counted with.
    """

    device: Device
    verdict: Verdict
    flash: Memory
    sram: Memory | None
    engine: Memory | None
    macs: Figure
    n_evaluations: int | None
    latency: Figure
    energy: Figure
    stacks: tuple[str, ...]
    activation_bits: int


def assess(
    network: Network, device: str | Device, plan: Plan | None = None, cost: Cost | None = None
) -> Assessment:
    """Assesses a network on one chip.

    Args:
        network: A quantized network, a fit of its weights, one in full precision, what
            `footprint` made of it, or a `Workload`, which holds plan and cost as well.
        device: A chip, or its name.
        plan: How samples are drawn; by default 10 midpoint steps and int8 activations.
        cost: What `network_cost` found, for a fit or a footprint; without it, or for weights alone,
            only flash is known.

    Raises:
        ValueError: The device is unknown.

    Example:
        >>> import fmq_explore as fmq
        >>> qm = fmq.quantize_model(fmq.load_model("digits"), "symmetric", bits=4)
        >>> assess(qm, "stm32l4r5", Plan(solver="euler", steps=8)).verdict.label
        'fits'
    """
    chip = get_device(device) if isinstance(device, str) else device
    return _assess(_workload(network, plan, cost), chip)


def assess_all(
    network: Network,
    plan: Plan | None = None,
    cost: Cost | None = None,
    devices: Iterable[Device] | None = None,
) -> tuple[Assessment, ...]:
    """Assesses a network on all chips, or on some; takes the arguments of `assess`."""
    load = _workload(network, plan, cost)
    chips = available_devices().values() if devices is None else devices
    return tuple(_assess(load, chip) for chip in chips)


def _workload(network: Network, plan: Plan | None, cost: Cost | None) -> Workload:
    if isinstance(network, Workload):
        return network
    weights = network if isinstance(network, Footprint) else footprint(network)
    module = network.model if isinstance(network, QuantizedModel) else network
    if cost is None and isinstance(module, nn.Module) and getattr(module, "data_shape", None):
        cost = network_cost(module)
    return Workload(weights, plan or Plan(), cost)


def _assess(load: Workload, chip: Device) -> Assessment:
    stacks = stacks_for(chip, load.weights, load.activation_bits)
    on_engine = chip.has_engine and any(stack.accelerator for stack in stacks)
    decodes = not stacks and load.weights.storage != "float"
    capacity = chip.engine_data_kib if on_engine else chip.sram_kib
    flash = Memory("flash", load.flash, chip.flash_kib)
    sram = None
    if load.cost is not None:
        name = "data memory" if on_engine else "SRAM"
        sram = Memory(name, load.sram(decodes), capacity)
    engine = None
    if on_engine:
        held = Part("codes", load.weights.codes, "measured", "packed codes of the file")
        engine = Memory("weight memory", (held,), chip.engine_weights_kib)
    names = tuple(stack.name for stack in stacks)
    width = "int8" if load.activation_bits == 8 else "float32"
    able = computes(chip, load.activation_bits)
    reason = "" if able else f"no published kernel computes in {width} here"
    memories = tuple(filter(None, (flash, sram, engine)))
    verdict = judge(memories, names, reason, load.cost is not None)
    fast = any(stack.accelerator for stack in stacks)
    latency = latency_of(load, chip, decodes, fast)
    return Assessment(
        device=chip,
        verdict=verdict,
        flash=flash,
        sram=sram,
        engine=engine,
        macs=load.macs,
        n_evaluations=load.plan.n_evaluations,
        latency=latency,
        energy=energy_of(load, chip, decodes, latency),
        stacks=names,
        activation_bits=load.activation_bits,
    )
