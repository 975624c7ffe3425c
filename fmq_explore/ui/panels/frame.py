"""Where text goes in a figure: places as shares of its axes, and names at the ends of lines."""

__all__ = ["Frame", "place_names"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .curves import spread

NAME_OFFSET = 0.015  # of the width, between the end of a line and its name
NEAR = 0.12  # of the width: names that begin nearer to each other than that could touch


@dataclass(frozen=True)
class Frame:
    """The axes, for placing text by shares of their length."""

    x_range: dict[str, float]
    y_range: dict[str, float]
    log_x: bool
    log_y: bool

    def share_x(self, x: float) -> float:
        """Returns how far along the axis a value lies, 0 to 1."""
        low, high, at = (_scaled(v, self.log_x) for v in (*self.x_range.values(), x))
        return (at - low) / (high - low)

    def share_y(self, y: float) -> float:
        """Returns how far up a value lies; what lies below the foot is at the foot."""
        low, high = (_scaled(v, self.log_y) for v in self.y_range.values())
        return (_scaled(max(y, self.y_range["start"]), self.log_y) - low) / (high - low)

    def x_of(self, share: float) -> float:
        """Returns the value at a share of the axis."""
        low, high = (_scaled(v, self.log_x) for v in self.x_range.values())
        return _unscaled(low + share * (high - low), self.log_x)

    def y_of(self, share: float) -> float:
        """Returns the value at a share of the height."""
        low, high = (_scaled(v, self.log_y) for v in self.y_range.values())
        return _unscaled(low + share * (high - low), self.log_y)


def _scaled(value: float, logarithmic: bool) -> float:
    return float(np.log(value)) if logarithmic else float(value)


def _unscaled(value: float, logarithmic: bool) -> float:
    return float(np.exp(value)) if logarithmic else float(value)


def place_names(
    ends: Sequence[tuple[float, float]], frame: Frame, gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns where the names of lines begin, moved apart where they would hide one another.

    Args:
        ends: The last point of each line.
        frame: The axes.
        gap: The least distance of two names above each other, as a share of the height.
    """
    x = np.array([frame.share_x(end[0]) for end in ends])
    y = np.array([frame.share_y(end[1]) for end in ends])
    for column in _columns(x, NEAR):
        column.sort(key=lambda i: y[i])
        y[column] = spread([max(y[i], gap / 2) for i in column], gap, 0.0, 1.0)
    return (
        np.array([frame.x_of(share + NAME_OFFSET) for share in x]),
        np.array([frame.y_of(share) for share in y]),
    )


def _columns(x: np.ndarray, gap: float) -> list[list[int]]:
    """Groups places that lie within a gap of their neighbour."""
    groups: list[list[int]] = []
    last = -np.inf
    for i in np.argsort(x, kind="stable"):
        if x[i] - last > gap:
            groups.append([])
        groups[-1].append(int(i))
        last = x[i]
    return groups
