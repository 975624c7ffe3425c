"""The frontier stage: every configuration that was measured of a model, and which none beats."""

__all__ = ["frontier_view", "pareto_front"]

from collections.abc import Sequence

import numpy as np

from .frontier_results import FRONTIER_MEASURES, FrontierPoint, FrontierView
from .request import Request
from .rows import FULL, describe, spread, whole
from .yardsticks import Row, Yardsticks

SETTING = ("scheme", "granularity", "group_size", "bits", "codebook_dtype", "keep")
SETTING += ("budget", "objective", "rescue")


def frontier_view(request: Request, yardsticks: Yardsticks) -> FrontierView:
    """Gathers what the tables say of the request's model.

    Args:
        request: What is on screen; only its model counts.
        yardsticks: Where the tables are: that of the sweep, and that of the frontier.
    """
    rows = [r for r in (*yardsticks.rows(), *yardsticks.frontier()) if r["model"] == request.model]
    made = [row for row in rows if row["scheme"] != FULL]
    by_setting: dict[tuple, list[Row]] = {}
    for row in made:
        by_setting.setdefault(tuple(row.get(name) for name in SETTING), []).append(row)
    points = sorted(map(_point, by_setting.values()), key=_order)
    full = [row for row in rows if row["scheme"] == FULL]
    reference = {name: spread(full, name) for name in FRONTIER_MEASURES}
    return FrontierView(
        points=tuple(points),
        fronts={name: _front(points, name) for name in FRONTIER_MEASURES},
        reference={name: found for name, found in reference.items() if found is not None},
        words=describe(made),
        remark="" if made else "Nothing was measured of this model in the tables that ship.",
    )


def pareto_front(n_bytes: Sequence[int], values: Sequence[float], best: str) -> tuple[int, ...]:
    """Returns which points no other one beats: none is as small and as good, and better in one.

    Args:
        n_bytes: Sizes.
        values: Figures; what is not finite is on no front.
        best: Whether "high" or "low" figures are good.

    Returns:
        Indices, from the smallest size to the largest.

    Example:
        >>> pareto_front([10, 20, 30, 30], [5.0, 4.0, 7.0, 6.0], "high")
        (0, 2)
    """
    sign = -1.0 if best == "high" else 1.0
    costs = [sign * value for value in values]
    front: list[int] = []
    lowest = np.inf
    for i in sorted(range(len(costs)), key=lambda i: (n_bytes[i], costs[i])):
        if np.isfinite(costs[i]) and costs[i] < lowest:
            front.append(i)
            lowest = costs[i]
    return tuple(front)


def _front(points: Sequence[FrontierPoint], measure: str) -> tuple[int, ...]:
    values = [point.values.get(measure, (np.nan,))[0] for point in points]
    best = FRONTIER_MEASURES[measure].best
    return pareto_front([point.n_bytes for point in points], values, best)


def _point(rows: list[Row]) -> FrontierPoint:
    """Averages the seeds of one configuration."""
    row: Row = rows[0]
    spreads = {name: spread(rows, name) for name in FRONTIER_MEASURES}
    return FrontierPoint(
        scheme=str(row["scheme"]),
        granularity=str(row["granularity"]),
        group_size=whole(row["group_size"]) or None,
        bits=whole(row["bits"]),
        budget=whole(row.get("budget")),
        objective=str(row.get("objective") or ""),
        rescue=str(row.get("rescue") or ""),
        codebook_dtype=str(row["codebook_dtype"]),
        keep=tuple(str(row["keep"]).split("+")) if row["keep"] else (),
        n_bytes=whole(row["n_bytes"]),
        bits_per_weight=float(row["bits_per_weight"]),
        values={name: found for name, found in spreads.items() if found is not None},
    )


def _order(point: FrontierPoint) -> tuple:
    return bool(point.rescue), bool(point.budget), point.granularity, point.scheme, point.n_bytes
