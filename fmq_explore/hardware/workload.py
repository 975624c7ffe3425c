"""A network, its bytes and its plan together: everything about a run that no chip changes."""

__all__ = ["Workload"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .contents import FULL_BITS, Footprint
from .cost import Cost
from .figure import Figure, missing
from .plan import Plan, state_copies
from .verdict import Part

STATE_BYTES = 4


@dataclass(frozen=True)
class Workload:
    """What is to be run.

    Attributes:
        weights: What the file holds.
        plan: How samples are drawn.
        cost: What one evaluation costs; None for weights alone.
    """

    weights: Footprint
    plan: Plan
    cost: Cost | None

    @property
    def activation_bits(self) -> int:
        """Width of activations; a network in full precision runs in float32."""
        return FULL_BITS if self.weights.storage == "float" else self.plan.activation_bits

    @property
    def total_macs(self) -> int | None:
        """Multiply-accumulates for one sample; None where they are not known."""
        n = self.plan.n_evaluations
        return None if self.cost is None or n is None else self.cost.macs * n

    @property
    def total_decoded(self) -> int:
        """Weights decompressed for one sample: once for each call, however large the batch."""
        n = self.plan.n_calls
        if self.cost is None or n is None:
            return 0
        return self._n_decoded * n

    @cached_property
    def _n_decoded(self) -> int:
        return 0 if self.cost is None else self.cost.n_decoded(self.weights.quantized)

    @cached_property
    def macs(self) -> Figure:
        """Multiply-accumulates of one evaluation."""
        if self.cost is None:
            return missing("MAC", "nothing is known of what the network does")
        source = "products of every convolution and matrix product of the recorded network"
        return Figure(self.cost.macs, "MAC", "derived", source)

    @cached_property
    def flash(self) -> tuple[Part, ...]:
        """What lies in flash: the file, part by part, and the runtime."""
        held = self.weights
        parts = (
            ("codes", held.codes, "packed codes of the file"),
            ("codebooks", held.codebooks, "codebooks or scales of the file"),
            ("kept tensors", held.kept, "parameters in full precision in the file"),
            ("names", held.rest, "names, shapes and figures in the file"),
        )
        file = tuple(Part(name, n, "measured", source) for name, n, source in parts if n)
        runtime = Part("runtime", self.plan.runtime_bytes, "assumed", "chosen: program and kernels")
        return (*file, runtime)

    def sram(self, decodes: bool) -> tuple[Part, ...]:
        """Returns what lies in SRAM at the worst moment."""
        return self._decoded_sram if decodes else self._plain_sram

    @cached_property
    def _plain_sram(self) -> tuple[Part, ...]:
        return self._sram(False)

    @cached_property
    def _decoded_sram(self) -> tuple[Part, ...]:
        return self._sram(True)

    def memory(self, decodes: bool = True) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the bytes alive at every operation, and those of decompressed weights beside."""
        assert self.cost is not None
        decoded = self.weights.quantized if decodes else ()
        width = self.activation_bits
        return self.cost.memory(width, decoded, width // 8, self.plan.batch)

    def _sram(self, decodes: bool) -> tuple[Part, ...]:
        assert self.cost is not None
        live, decoding = self.memory(decodes)
        plain = int(live.max(initial=0))
        peak = int((live + decoding).max(initial=0))
        state = STATE_BYTES * self.cost.n_state * state_copies(self.plan.solver)
        most = "most tensors alive at once in the recorded network, skips included"
        parts = (
            Part("activations", plain, "derived", most),
            Part("decoding", peak - plain, "derived", "what decompressed weights add to that"),
            Part("ODE state", state, "derived", "states in float32 that the solver holds"),
            Part("working", self.plan.working_bytes, "assumed", "chosen: stack and scratch"),
        )
        return tuple(part for part in parts if part.n_bytes)
