"""The hardware app's state: the network and its sampling, and what is assumed about chips."""

__all__ = ["CHIP_NAMES", "HardwareChoice"]

from dataclasses import fields
from urllib.parse import parse_qsl, urlencode

import traitlets

from ..explore import ChipChoice
from .state import EXPLORER, HARDWARE, Choice

CHIP_NAMES = tuple(f.name for f in fields(ChipChoice))


class HardwareChoice(Choice):
    """The explorer's choices, which a link may bring along, and those about chips."""

    app = HARDWARE

    activation_bits = traitlets.Int(ChipChoice.activation_bits)
    decode_cycles = traitlets.Float(ChipChoice.decode_cycles)
    runtime_kib = traitlets.Int(ChipChoice.runtime_kib)

    def chips(self) -> ChipChoice:
        """Freezes what is assumed about chips.

        Raises:
            ValueError: A value is out of range; the sentence names it and the remedy.
        """
        return ChipChoice(**{name: getattr(self, name) for name in CHIP_NAMES})

    def query(self) -> str:
        """Writes all choices that differ from the defaults as a query string."""
        own = {
            name: f"{getattr(self, name):g}"
            for name in CHIP_NAMES
            if getattr(self, name) != getattr(ChipChoice, name)
        }
        return "&".join(filter(None, (super().query(), urlencode(own))))

    def explorer_query(self) -> str:
        """Writes the query string that shows this network in the explorer."""
        return super().query().replace(HARDWARE, EXPLORER, 1)

    def apply_query(self, query: str) -> list[str]:
        """Takes all choices from a query string; returns a sentence for each one not understood."""
        problems = super().apply_query(query)
        chips, more = ChipChoice.from_mapping(dict(parse_qsl(query.lstrip("?"))))
        for name in CHIP_NAMES:
            setattr(self, name, getattr(chips, name))
        return problems + more

    def reset(self) -> None:
        """Returns every choice but the theme to its default."""
        super().reset()
        for name in CHIP_NAMES:
            setattr(self, name, getattr(ChipChoice, name))
