"""The one flow-matching generator whose time on a microcontroller was published, beside ours."""

__all__ = ["Anchor", "anchor_time"]

from dataclasses import dataclass, replace

from .assessment import assess
from .contents import Footprint
from .cost import Cost
from .devices import available_sources, get_device
from .figure import Figure
from .graph import Operation
from .plan import Plan

N_WEIGHTS, MACS, STEPS, SECONDS = 1_590_000, 109_000_000, 8, 5.4


@dataclass(frozen=True)
class Anchor:
    """A time that was measured, and the same time by formula.

    Attributes:
        title: What ran where.
        measured: The published time.
        predicted: The time by formula, with the published rate of the chip. That rate comes from
            this very measurement, so the two have to agree; it checks the formula, not the model.
        independent: The time by formula with the rate of another chip of the same core, which was
            measured on another network.
    """

    title: str
    measured: Figure
    predicted: Figure
    independent: Figure


def anchor_time() -> Anchor:
    """Returns the published time of pico-faces, an int8 face generator, and what we predict.

    Example:
        >>> found = anchor_time()
        >>> found.measured.text, found.predicted.text, found.independent.text
        ('5.4 s', '5.38 s', '4.09 s')
    """
    weights = Footprint(
        "symmetric", "channel", (8,), N_WEIGHTS, N_WEIGHTS, N_WEIGHTS, 0, 0, frozenset()
    )
    cost = Cost((Operation("", "step", MACS, 0),), 0)
    plan = Plan("euler", STEPS)
    chip, other = get_device("rp2350"), get_device("stm32u575")
    twin = replace(chip, macs_per_cycle=other.macs_per_cycle)
    source = available_sources()["picofaces"].text
    return Anchor(
        title="pico-faces on an RP2350, 8 steps",
        measured=Figure(SECONDS, "s", "measured", source),
        predicted=assess(weights, chip, plan, cost).latency,
        independent=assess(weights, twin, plan, cost).latency,
    )
