"""The knapsack against an integer programme and against brute force."""

import itertools

import numpy as np
import pytest

from fmq_explore.allocation import knapsack as module
from fmq_explore.allocation import minimise


def exact(cost: np.ndarray, weight: np.ndarray, capacity: float) -> float:
    """Returns the least cost, by scipy's integer programming."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, k = cost.shape
    one_each = np.kron(np.eye(n), np.ones(k))
    table = np.vstack([one_each, weight.reshape(1, -1)])
    rows = LinearConstraint(table, np.r_[np.ones(n), -np.inf], np.r_[np.ones(n), capacity])
    found = milp(
        cost.reshape(-1),
        integrality=np.ones(n * k),
        bounds=Bounds(0, 1),
        constraints=rows,
        options={"mip_rel_gap": 1e-9, "time_limit": 20},
    )
    assert found.status == 0
    return float(found.fun)


def instance(seed: int, n: int, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Makes kinds of very different size whose cost falls with weight, but not always convexly."""
    rng = np.random.default_rng(seed)
    weight = np.cumsum(rng.integers(1, 100, (n, k)) * rng.integers(1, 60, (n, 1)), axis=1)
    cost = rng.lognormal(0, 2, (n, 1)) * np.exp(-np.cumsum(rng.exponential(0.7, (n, k)), axis=1))
    return cost, weight.astype(float)


@pytest.mark.parametrize("seed", range(12))
def test_random_instances_are_solved_to_the_optimum(seed: int) -> None:
    cost, weight = instance(seed, n=3 + 4 * seed)
    low, high = weight.min(axis=1).sum(), weight.max(axis=1).sum()
    for share in (0.03, 0.3, 0.7):
        capacity = float(np.floor(low + share * (high - low)))
        found = minimise(cost, weight, capacity)
        best = exact(cost, weight, capacity)
        assert found.weight <= capacity
        assert found.cost == pytest.approx(best, rel=1e-6)
        assert found.bound <= best * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_curves_of_any_shape_against_brute_force(seed: int) -> None:
    """Options may be dominated, rise, or weigh the same."""
    rng = np.random.default_rng(seed)
    cost, weight = rng.random((4, 4)), rng.integers(0, 9, (4, 4)).astype(float)
    kinds = np.arange(4)
    choices = [np.array(c) for c in itertools.product(range(4), repeat=4)]
    for capacity in range(int(weight.min(axis=1).sum()), 33):
        costs = [cost[kinds, c].sum() for c in choices if weight[kinds, c].sum() <= capacity]
        assert minimise(cost, weight, capacity).cost == pytest.approx(min(costs))


def test_an_option_that_is_not_there_is_not_taken() -> None:
    cost = np.array([[1.0, np.inf, 0.5], [np.inf, 2.0, 1.0]])
    weight = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 2.0]])
    assert minimise(cost, weight, 2.0).choice.tolist() == [0, 1]
    assert minimise(cost, weight, 4.0).choice.tolist() == [0, 2]


def test_too_small_a_capacity_is_said() -> None:
    with pytest.raises(ValueError, match="weigh 5, more than the capacity 4"):
        minimise(np.ones((2, 1)), np.array([[2.0], [3.0]]), 4)


def test_few_states_still_beat_greedy_and_keep_the_bound(monkeypatch) -> None:
    cost, weight = instance(3, n=40)
    capacity = float(weight.mean(axis=1).sum())
    best = minimise(cost, weight, capacity)
    monkeypatch.setattr(module, "MAX_STATES", 2)
    found = minimise(cost, weight, capacity)
    assert found.weight <= capacity
    assert found.bound <= best.cost <= found.cost <= 1.05 * best.cost


def test_alike_kinds_share_the_rest() -> None:
    """Alike kinds leave states that dominate one another, so that their number stays small."""
    cost = np.tile(np.array([[4.0, 1.0, 0.2]]), (60, 1))
    weight = np.tile(np.array([[1.0, 2.0, 4.0]]), (60, 1))
    found = minimise(cost, weight, 60 * 2 + 5)
    assert sorted(found.choice.tolist()) == [1] * 58 + [2] * 2
