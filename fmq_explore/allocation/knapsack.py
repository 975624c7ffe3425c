"""The knapsack behind it: one option of each kind, the least total cost within a capacity."""

__all__ = ["Packing", "minimise"]

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_STATES = 20_000
"""Partial choices looked at side by side; beyond it the search keeps those nearest to the bound."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Packing:
    """A choice within the capacity.

    Attributes:
        choice: The option of each kind, shape (n,).
        cost: Their total cost.
        weight: Their total weight.
        bound: What no choice within the capacity can cost less than.
    """

    choice: Indices
    cost: float
    weight: float
    bound: float


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps along the lower convex hulls of all kinds, the best value for its weight first.

    Attributes:
        kind: Which kind takes the step, shape (m,).
        before: The option that it leaves, shape (m,).
        option: The option to which it leads, shape (m,).
        weight: Weight that it adds, shape (m,).
        saving: Cost that it saves for each unit of weight, descending, shape (m,).
        first: The option of each kind to begin with: the lightest, shape (n,).
    """

    kind: Indices
    before: Indices
    option: Indices
    weight: Floats
    saving: Floats
    first: Indices


def minimise(cost: Floats, weight: Floats, capacity: float, steps: Steps | None = None) -> Packing:
    r"""Chooses one option of each kind, so that the cost is least within the capacity.

    .. math:: \min_j \sum_i c_{i, j_i} \quad \text{subject to} \quad \sum_i w_{i, j_i} \le C

    Three steps (the multiple-choice knapsack problem; Sinha and Zoltners 1979, Pisinger 1995):

    1. Greedy on the convex hulls: from the lightest options on, each next step is the one that
       saves most for its weight, until one does not fit. That step's saving is the multiplier
       :math:`\lambda` for which :math:`\min \sum c + \lambda (\sum w - C)` bounds every choice.
    2. Fill-in: what room is left goes to the best of the further steps that still fit.
    3. Closing the gap: a choice costs the bound, plus what each of its options lies above the best
       one at :math:`\lambda`, plus :math:`\lambda` times the room it leaves. Options that lie above
       by more than the gap are out; of the others all choices that may be better are gone through,
       kind by kind, without those that another one dominates.

    The result is the optimum, unless the last step meets more than `MAX_STATES` choices at once;
    then it is at least as good as greedy with fill-in, and `bound` says how far off it can be.

    Args:
        cost: Cost of each option of each kind, shape (n, k); infinite where there is none.
        weight: Weight of each option, 0 or more, shape (n, k).
        capacity: The most that the options may weigh together.
        steps: Those of `hull_steps(cost, weight)`, where they are at hand.

    Raises:
        ValueError: The lightest options weigh more than the capacity.

    Example:
        >>> cost = np.array([[9.0, 4.0, 0.0], [5.0, 1.0, 0.0]])
        >>> weight = np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
        >>> minimise(cost, weight, 5.0).choice.tolist()  # 4 + 1, and greedy finds it
        [1, 1]
    """
    steps = hull_steps(cost, weight) if steps is None else steps
    kinds = np.arange(len(cost))
    choice = steps.first.copy()
    room = capacity - float(weight[kinds, choice].sum())
    if room < 0:
        raise ValueError(
            f"the lightest options weigh {capacity - room:g}, more than the capacity {capacity:g}"
        )
    # The sums are exact where the weights are whole numbers, as bytes are
    fits = int(np.searchsorted(np.cumsum(steps.weight), room, side="right"))
    choice[steps.kind[:fits]] = steps.option[:fits]
    if fits == len(steps.kind):
        total = float(cost[kinds, choice].sum())
        return Packing(choice, total, float(weight[kinds, choice].sum()), total)
    multiplier = float(steps.saving[fits])
    height = cost + multiplier * weight
    least = height.min(axis=1)
    bound = float(least.sum()) - multiplier * capacity
    room -= float(steps.weight[:fits].sum())
    _fill_in(choice, steps, fits, room)
    greedy = float(cost[kinds, choice].sum())
    better = _close(cost, weight, capacity, multiplier, height - least[:, None], greedy - bound)
    if better is not None and float(cost[kinds, better].sum()) < greedy:
        choice = better
    total = float(cost[kinds, choice].sum())
    return Packing(choice, total, float(weight[kinds, choice].sum()), min(bound, total))


def hull_steps(cost: Floats, weight: Floats) -> Steps:
    """Returns the steps along the lower convex hull of every kind's options, in greedy's order."""
    first = np.empty(len(cost), dtype=np.intp)
    found: list[tuple[float, int, int, int, float]] = []
    for i, (c, w) in enumerate(zip(cost.tolist(), weight.tolist(), strict=True)):
        hull = _hull(c, w)
        first[i] = hull[0]
        for a, b in pairwise(hull):
            gap = w[b] - w[a]
            found.append(((c[a] - c[b]) / gap, i, a, b, gap))
    found.sort(key=lambda step: -step[0])  # stable: a kind's own steps stay in order
    columns = list(zip(*found, strict=True)) or [(), (), (), (), ()]
    saving, kind, before, option, gap = columns
    return Steps(
        kind=np.array(kind, dtype=np.intp),
        before=np.array(before, dtype=np.intp),
        option=np.array(option, dtype=np.intp),
        weight=np.array(gap, dtype=np.float64),
        saving=np.array(saving, dtype=np.float64),
        first=first,
    )


def _hull(cost: list[float], weight: list[float]) -> list[int]:
    """Returns the options on the lower convex hull, from the lightest to the cheapest."""
    hull: list[int] = []
    for j in sorted(range(len(cost)), key=lambda j: (weight[j], cost[j])):
        if cost[j] == float("inf") or (hull and cost[j] >= cost[hull[-1]]):
            continue
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], j, cost, weight):
            hull.pop()
        hull.append(j)
    return hull


def _turns_up(a: int, b: int, j: int, cost: list[float], weight: list[float]) -> bool:
    """Whether b lies on or above the line from a to j."""
    left = (cost[a] - cost[b]) * (weight[j] - weight[a])
    return left <= (cost[a] - cost[j]) * (weight[b] - weight[a])


def _fill_in(choice: Indices, steps: Steps, start: int, room: float) -> None:
    """Takes further steps that fit, as long as the step before them was taken."""
    rest = zip(steps.kind[start:], steps.before[start:], steps.option[start:], strict=True)
    for (kind, before, option), weight in zip(rest, steps.weight[start:].tolist(), strict=True):
        if weight <= room and choice[kind] == before:
            choice[kind] = option
            room -= weight


def _close(
    cost: Floats, weight: Floats, capacity: float, multiplier: float, above: Floats, gap: float
) -> Indices | None:
    """Searches what may be better than a choice that lies `gap` above the bound.

    Args:
        above: What each option lies above the best of its kind at the multiplier, shape (n, k).

    Returns:
        The best choice, or None where there is none below the gap.
    """
    best = above.argmin(axis=1)
    open_ = (above < gap) & np.isfinite(cost)
    open_[np.arange(len(cost)), best] = True
    kinds = np.flatnonzero(open_.sum(axis=1) > 1)
    # Those with the most at stake first: their states are told apart while there are few
    kinds = kinds[np.argsort(-np.where(open_, weight, 0.0).max(axis=1)[kinds], kind="stable")]
    at_best = weight[np.arange(len(cost)), best]
    more = np.where(open_, weight - at_best[:, None], 0.0)
    most, least = more.max(axis=1)[kinds], more.min(axis=1)[kinds]
    can_add = np.append(np.cumsum(most[::-1])[::-1][1:], 0.0)
    can_drop = np.append(np.cumsum(least[::-1])[::-1][1:], 0.0)
    room = np.array([capacity - at_best.sum()])  # what is left with all others at their best
    height = np.zeros(1)
    trail: list[tuple[Indices, Indices]] = []
    answer: tuple[int, int] | None = None
    for i, kind in enumerate(kinds):
        options = np.flatnonzero(open_[kind])
        parent = np.repeat(np.arange(len(room)), len(options))
        option = np.tile(options, len(room))
        new_room = room[parent] - more[kind, option]
        new_height = height[parent] + above[kind, option]
        # Finished as it is, a state that fits costs its height and the room it leaves
        total = np.where(new_room >= 0, new_height + multiplier * new_room, np.inf)
        wins = int(total.argmin())
        won = total[wins] < gap
        if won:
            gap = float(total[wins])
        reach = new_height + multiplier * np.maximum(new_room - can_add[i], 0.0)
        keep = (reach < gap) & (new_room >= can_drop[i])
        keep[wins] |= won
        kept = _undominated(np.flatnonzero(keep), new_room, new_height, multiplier)
        if won and wins not in kept:
            kept = np.append(kept, wins)
        trail.append((parent[kept], option[kept]))
        if won:
            answer = (i, int(np.flatnonzero(kept == wins)[0]))
        room, height = new_room[kept], new_height[kept]
        if not len(room):
            break
    return None if answer is None else _retrace(best, kinds, trail, *answer)


def _undominated(states: Indices, room: Floats, height: Floats, multiplier: float) -> Indices:
    """Drops states to which another one is preferable, with as much room and as little cost."""
    cost = height[states] + multiplier * room[states]  # but for what all states have in common
    order = np.lexsort((cost, -room[states]))
    running = np.minimum.accumulate(cost[order])
    first = np.ones(len(order), dtype=bool)
    first[1:] = cost[order][1:] < running[:-1]
    kept = states[order[first]]
    if len(kept) > MAX_STATES:
        kept = kept[np.argsort(height[kept], kind="stable")[:MAX_STATES]]
    return kept


def _retrace(
    best: Indices, kinds: Indices, trail: list[tuple[Indices, Indices]], stage: int, state: int
) -> Indices:
    """Follows a state back to the choice it stands for; kinds after it stay at their best."""
    choice = best.copy()
    for i in range(stage, -1, -1):
        parent, option = trail[i]
        choice[kinds[i]] = option[state]
        state = int(parent[state])
    return choice
