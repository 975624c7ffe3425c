"""Rows of the tables that ship: figures of several seeds together, and how they were measured."""

__all__ = ["FULL", "describe", "spread", "whole"]

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .yardsticks import Row

FULL = "full"
"""What the tables call the scheme of a full-precision model."""


def spread(rows: Iterable[Row], measure: str) -> tuple[float, float, float] | None:
    """Returns mean, lowest and highest figure of some rows, None where none is known.

    Example:
        >>> spread([{"psnr": 10.0}, {"psnr": 14.0}, {"psnr": None}], "psnr")
        (12.0, 10.0, 14.0)
    """
    known = [float(row[measure]) for row in rows if row[measure] not in (None, "")]
    known = [value for value in known if np.isfinite(value)]
    return (float(np.mean(known)), min(known), max(known)) if known else None


def describe(rows: Sequence[Row]) -> str:
    """Says how rows were measured: samples, steps and seeds.

    Example:
        >>> describe([{"n": 100, "steps": 6, "seed": seed} for seed in (0, 1)])
        'n = 100, 6 steps, 2 seeds'
    """
    if not rows:
        return ""
    n, steps = (
        " or ".join(map(str, sorted({whole(row[name]) for row in rows}))) for name in ("n", "steps")
    )
    seeds = len({whole(row["seed"]) for row in rows})
    return f"n = {n}, {steps} steps, {seeds} seed{'s' if seeds > 1 else ''}"


def whole(cell: Any) -> int:
    """Reads a whole number; an empty cell is 0."""
    return int(cell) if cell not in (None, "") else 0
