"""Does it fit? One verdict for a chip, in a word and in a sentence."""

__all__ = ["Memory", "Part", "Verdict", "judge"]

from dataclasses import dataclass
from typing import Literal

from .figure import Figure, Kind

KIB = 1024
Answer = Literal["fits", "decodes", "no kernels", "too small", "unknown"]


@dataclass(frozen=True)
class Part:
    """A share of a memory: what lies there, how much, and how that is known."""

    name: str
    n_bytes: int
    kind: Kind
    source: str


@dataclass(frozen=True)
class Memory:
    """What has to lie in a memory, and how large it is.

    Attributes:
        name: `"flash"`, `"SRAM"`, or the memory of an engine.
        parts: What has to lie there.
        capacity: Its size in KiB.
    """

    name: str
    parts: tuple[Part, ...]
    capacity: Figure

    @property
    def n_bytes(self) -> int:
        """Bytes that are needed, assumptions included."""
        return sum(part.n_bytes for part in self.parts)

    @property
    def capacity_bytes(self) -> int | None:
        """Bytes that there are; None where they are not published, or the board decides."""
        return None if self.capacity.value is None else int(KIB * self.capacity.value)

    @property
    def n_missing(self) -> int:
        """Bytes that are too few."""
        return 0 if self.capacity_bytes is None else max(0, self.n_bytes - self.capacity_bytes)


@dataclass(frozen=True)
class Verdict:
    """The answer for one chip.

    Attributes:
        answer: `"fits"`: a published kernel multiplies the weights as they are stored; `"decodes"`:
            they have to be decompressed first; `"no kernels"`: there is room, but nothing published
            computes at this width; `"too small"`; `"unknown"` without a network.
        label: The answer in a few words.
        sentence: The answer in one sentence.
    """

    answer: Answer
    label: str
    sentence: str

    @property
    def fits(self) -> bool:
        """Whether the chip has room for it, be it with decoding."""
        return self.answer in ("fits", "decodes")


def judge(
    memories: tuple[Memory, ...], stacks: tuple[str, ...], computes: str, has_network: bool
) -> Verdict:
    """Weighs what is needed against what there is.

    Args:
        memories: All memories that something has to lie in.
        stacks: Software that multiplies the weights as they are stored.
        computes: Why nothing published computes at the width of the activations, empty where
            something does once weights are decompressed.
        has_network: Whether the memory of a run is known.
    """
    missing = [(kib(m.n_missing), m.name) for m in memories if m.n_missing]
    if missing:
        both = " and ".join(f"{size} {name}" for size, name in missing)
        needs, label = f"needs {both} more", f"lacks {both}"
        if len(missing) == 1:
            needs = label = "needs " + " more ".join(missing[0])
        return Verdict("too small", label, f"Does not fit: {needs}.")
    outside = [kib(m.n_bytes) for m in memories if m.capacity_bytes is None]
    board = f", on a board with at least {outside[0]} of flash" if outside else ""
    if not has_network:
        sentence = f"The weights fit{board}; the memory of a run is not known without a network."
        return Verdict("unknown", "weights fit the flash", sentence)
    if stacks:
        return Verdict(
            "fits", "fits", f"Fits{board}: {_list(stacks)} multiply the weights as stored."
        )
    if computes:
        return Verdict(
            "no kernels", "room, but no kernels", f"There is room{board}, but {computes}."
        )
    sentence = (
        f"Fits{board}, from flash only with decoding: no published kernel multiplies weights in "
        "this form here, so each is decompressed whenever it is read."
    )
    return Verdict("decodes", "fits with decoding", sentence)


def _list(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def kib(n_bytes: int) -> str:
    """Writes a size in KiB or MiB, rounded up.

    Example:
        >>> kib(1), kib(212_992), kib(5 * 2**20 + 1)
        ('1 KiB', '208 KiB', '5.1 MiB')
    """
    if n_bytes < KIB**2:
        return f"{-(-n_bytes // KIB)} KiB"
    return f"{-(-10 * n_bytes // KIB**2) / 10:.1f} MiB"
