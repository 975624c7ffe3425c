"""Seconds and millijoules of one sample on a chip, by formula, from published rates."""

__all__ = ["energy_of", "latency_of"]

from .devices import Device
from .figure import Figure, Kind, missing, weakest
from .workload import Workload

INT8 = (8,)


def latency_of(load: Workload, chip: Device, decodes: bool, on_accelerator: bool) -> Figure:
    """Returns the time of one sample in seconds.

    evaluations x MACs / (MAC per cycle x cores x clock) + decoded weights x cycles / clock.

    Args:
        load: What is run.
        chip: Where.
        decodes: Whether weights are decompressed as they are read.
        on_accelerator: Whether a published stack brings these weights to the chip's accelerator.
    """
    if load.total_macs is None:
        return missing("s", _unknown_work(load))
    floats = load.activation_bits == 32
    rate = chip.macs_per_cycle_float if floats else chip.macs_per_cycle
    if rate.value is None or rate.highest is None:
        width = "float32" if floats else "int8"
        return missing("s", f"no {width} rate of this chip was published")
    if chip.accelerator and not on_accelerator:
        return missing(
            "s", "the published rate is the accelerator's, which cannot read these weights"
        )
    hertz = [1e6 * mhz for mhz in (chip.clock_mhz.value, chip.clock_mhz.highest) if mhz is not None]
    cycles = [load.total_macs / (r * chip.cores_used) for r in (rate.highest, rate.value)]
    extra = load.plan.decode_cycles * load.total_decoded / chip.cores_used if decodes else 0.0
    low, high = (cycles[0] + extra) / max(hertz), (cycles[1] + extra) / min(hertz)
    kind = weakest(rate.kind, chip.clock_mhz.kind, _kind(load, decodes, floats))
    source = "evaluations x MACs / (MAC per cycle x clock)" + (", and decoding" if decodes else "")
    return Figure(
        low,
        "s",
        kind,
        f"{source}; rate: {rate.source}",
        high if high > low else None,
        "at least" if chip.peak else "",
    )


def energy_of(load: Workload, chip: Device, decodes: bool, latency: Figure) -> Figure:
    """Returns the energy of one sample in mJ, where energy or power was published.

    evaluations x MACs x energy of a MAC + active power x time of decoding.
    """
    if load.total_macs is None:
        return missing("mJ", _unknown_work(load))
    each, power = chip.pj_per_mac, chip.power_mw
    if each.value is None or each.highest is None:
        return missing("mJ", "no power or energy of this chip was published")
    if latency.value is None or load.activation_bits == 32:
        return missing("mJ", "the published energy is that of int8 inferences")
    ends = []
    for joules, watts, mhz in (
        (each.value, power.value, chip.clock_mhz.value),
        (each.highest, power.highest, chip.clock_mhz.highest),
    ):
        cycles = load.plan.decode_cycles * load.total_decoded / chip.cores_used if decodes else 0.0
        decoding = (watts or 0.0) * cycles / (1e6 * (mhz or 1.0))
        ends.append(load.total_macs * joules * 1e-9 + decoding)
    kind = weakest(each.kind, _kind(load, decodes, False))
    source = "evaluations x MACs x energy of a MAC" + (", and power x decoding" if decodes else "")
    high = ends[1] if ends[1] > ends[0] else None
    return Figure(ends[0], "mJ", kind, f"{source}; {each.source}", high)


def _kind(load: Workload, decodes: bool, floats: bool) -> Kind:
    """Assumed where the int8 rate stands for another width, or for a decoder nobody timed."""
    return "assumed" if decodes or (not floats and load.weights.bits != INT8) else "derived"


def _unknown_work(load: Workload) -> str:
    if load.cost is None:
        return "nothing is known of what the network does"
    return "an adaptive solver chooses its steps by the sample"
