"""Bytes, seconds and millijoules as a person reads them, and the marks of how they are known."""

__all__ = ["duration", "energy", "file_size", "kib", "mark", "millions"]

from html import escape

from ..hardware.figure import KINDS, Kind

MINUTE = 60.0


def file_size(n_bytes: int) -> str:
    """Writes the size of a file: 1 kB is 1,000 bytes.

    Example:
        >>> file_size(268_224), file_size(1_953_936)
        ('268 kB', '1.95 MB')
    """
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


def kib(n_bytes: float) -> str:
    """Writes a share of a chip's memory in KiB of 1,024 bytes, without the unit.

    Example:
        >>> kib(212_992), kib(1_500), kib(5 * 2**20)
        ('208', '1.5', '5,120')
    """
    size = n_bytes / 1024
    if 0 < size < 0.1:
        return "<0.1"
    return f"{size:.1f}" if 0 < size < 10 else f"{size:,.0f}"


def millions(n: float) -> str:
    """Writes a count in millions or billions.

    Example:
        >>> millions(24_648_832), millions(55_808), millions(2_559_672_320)
        ('24.6 M', '0.056 M', '2.56 G')
    """
    return (
        f"{n / 1e9:.3g} G" if n >= 1e9 else f"{n / 1e6:.3g} M" if n >= 1e5 else f"{n / 1e6:.2g} M"
    )


def duration(low: float, high: float | None = None) -> str:
    """Writes a time in seconds, or a range of it.

    Example:
        >>> duration(2.45), duration(0.0242, 0.0373), duration(93.0), duration(0.93, 1.03)
        ('2.45 s', '24.2–37.3 ms', '1.55 min', '0.93–1.03 s')
    """
    top = low if high is None else high
    if top < 1.0:
        return _span(low, high, 1e3, "ms")
    return _span(low, high, 1.0, "s") if low < MINUTE else _span(low, high, 1 / MINUTE, "min")


def energy(low: float, high: float | None = None) -> str:
    """Writes an energy in millijoules, or a range of it.

    Example:
        >>> energy(222.3), energy(1.08, 1.58), energy(12_345.0)
        ('222 mJ', '1.08–1.58 mJ', '12.3 J')
    """
    if (low if high is None else high) >= 1e3:
        return _span(low, high, 1e-3, "J")
    return _span(low, high, 1.0, "mJ")


def _span(low: float, high: float | None, factor: float, unit: str) -> str:
    ends = [f"{factor * end:.3g}" for end in (low, high) if end is not None]
    return f"{'–'.join(dict.fromkeys(ends))} {unit}"


def mark(kind: Kind, source: str) -> str:
    """Returns the small mark of how a figure is known; where from is its tooltip."""
    name = kind.replace(" ", "-")
    words = f"{kind}: {source}" if source else f"{kind}: {KINDS[kind]}"
    return f'<i class="fmq-kind fmq-{name}" title="{escape(words)}"></i>'
