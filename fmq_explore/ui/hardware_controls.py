"""The hardware app's control column: the explorer's, without what no chip sees, and the chip's."""

__all__ = ["HardwareControls"]

import ipywidgets as w

from .controls import Controls, section
from .hardware_state import HardwareChoice


class HardwareControls(Controls):
    """The network, its sampling, and what is assumed about chips."""

    def __init__(self, choice: HardwareChoice) -> None:
        self.activation_bits = w.ToggleButtons(
            options=[("int8", 8), ("float32", 32)],
            description="activations",
            tooltips=[
                "One byte a value: what nearly all kernels for microcontrollers take.",
                "Four bytes a value, and the rate for float32, which few chips publish.",
            ],
            tooltip="Sets how activations are held; in full precision they are float32.",
        ).add_class("fmq-activations")
        self.decode_cycles = w.FloatSlider(
            min=0,
            max=60,
            step=1,
            readout_format=".0f",
            description="decoding",
            tooltip="Cycles to decompress one weight. Nobody has published it: an assumption.",
        )
        self.runtime_kib = w.IntSlider(
            min=0,
            max=512,
            step=16,
            description="runtime",
            tooltip="KiB of flash for program and kernels: an assumption.",
        )
        super().__init__(choice)

    def _children(self) -> list[w.Widget]:
        """Returns the column from top to bottom."""
        return [
            *self._model_part(),
            section("Quantization"),
            *(self.scheme, self.bits, self.budget_line, self.granularity, self.group_size),
            *(self.codebook_dtype, self.keep_line),
            section("Sampling"),
            *(self.solver, self.steps, self.guidance),
            section("On the chip"),
            *(self.activation_bits, self.decode_cycles, self.runtime_kib),
            w.HTML(
                "<span>decoding in cycles a weight, runtime in KiB: nobody publishes "
                "them, so they are yours to assume</span>"
            ).add_class("fmq-assumption"),
        ]

    def _bind_all(self) -> None:
        super()._bind_all()
        for name in ("activation_bits", "decode_cycles", "runtime_kib"):
            self._bind(name, getattr(self, name))
