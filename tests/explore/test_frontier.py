"""The frontier stage: every configuration once, the front that nothing beats, and where it ends."""

import itertools

import numpy as np
import pytest

from fmq_explore.explore import Explorer, FrontierView, Request, Yardsticks
from fmq_explore.explore.frontier import frontier_view, pareto_front
from fmq_explore.sweep import load_table

ROWS = load_table().rows
BUDGETED = {
    **next(r for r in ROWS if r["model"] == "digits" and r["scheme"] == "optimal"),
    "bits": 0,
    "budget": 60_000,
    "objective": "sensitivity",
    "n_bytes": 59_990,
    "psnr": 99.0,
}
YARDSTICKS = Yardsticks(lambda: ROWS, lambda: (BUDGETED,))


@pytest.mark.parametrize("best", ["high", "low"])
def test_the_front_against_its_definition(best: str) -> None:
    rng = np.random.default_rng(0)
    sign = 1 if best == "high" else -1
    for _ in range(20):
        sizes = rng.integers(1, 9, 12).tolist()
        values = [*rng.integers(0, 9, 10).astype(float).tolist(), np.nan, np.inf]

        def beaten(i: int) -> bool:
            others = [j for j in range(12) if np.isfinite(values[j]) and j != i]  # noqa: B023
            return any(
                sizes[j] <= sizes[i]  # noqa: B023
                and sign * values[j] >= sign * values[i]  # noqa: B023
                and (sizes[j], values[j]) != (sizes[i], values[i])  # noqa: B023
                for j in others
            )

        front = pareto_front(sizes, values, best)
        wanted = {(sizes[i], values[i]) for i in range(12) if np.isfinite(values[i])}
        unbeaten = {(sizes[i], values[i]) for i in range(12) if not beaten(i)} & wanted
        assert {(sizes[i], values[i]) for i in front} == unbeaten
        assert all(sizes[a] < sizes[b] for a, b in itertools.pairwise(front))


def test_every_configuration_is_there_once_with_the_mean_of_its_seeds() -> None:
    view = frontier_view(Request(model="digits"), YARDSTICKS)
    plain = [p for p in view.points if not p.budget]
    assert len(plain) == 8 * 7 * 2
    rows = [
        r
        for r in ROWS
        if (r["model"], r["scheme"], r["granularity"], r["bits"])
        == ("digits", "uniform", "tensor", 4)
    ]
    (point,) = [p for p in plain if (p.scheme, p.granularity, p.bits) == ("uniform", "tensor", 4)]
    assert len(rows) == 3
    psnr = [r["psnr"] for r in rows]
    assert point.values["psnr"] == (pytest.approx(np.mean(psnr)), min(psnr), max(psnr))
    assert point.n_bytes == rows[0]["n_bytes"]
    assert (point.codebook_dtype, point.keep) == ("float16", ("bias", "norm"))
    assert "3 seeds" in view.words
    assert not view.remark


def test_a_budgeted_row_is_a_point_of_its_own_and_can_be_asked_for() -> None:
    view = frontier_view(Request(model="digits"), YARDSTICKS)
    (point,) = [p for p in view.points if p.budget]
    assert (point.budget, point.objective, point.bits) == (60_000, "sensitivity", 0)
    at = view.points.index(point)
    assert at in view.fronts["psnr"]
    assert at == len(view.points) - 1, "drawn above equal bits"


def test_fidelity_has_no_reference_and_quality_has_one() -> None:
    view = frontier_view(Request(model="digits"), YARDSTICKS)
    assert "psnr" not in view.reference
    mean, low, high = view.reference["readability"]
    assert 0.5 < low <= mean <= high <= 1.0


def test_a_model_that_was_not_measured_is_said() -> None:
    view = frontier_view(Request(model="moons"), YARDSTICKS)
    assert view.points == ()
    assert view.remark.endswith(".")
    assert all(front == () for front in view.fronts.values())


def test_the_explorer_gathers_it_once_and_then_at_once() -> None:
    records: list = []
    explorer = Explorer(records.append, yardsticks=YARDSTICKS, idle_seconds=None)
    request = Request(model="moons", steps=2)
    explorer.submit(request, ("frontier",)).result(timeout=60)
    (view,) = [r for r in records if isinstance(r, FrontierView)]
    records.clear()
    future = explorer.submit(request, ("frontier",))
    assert view in records
    future.result(timeout=60)
    assert sum(isinstance(r, FrontierView) for r in records) == 1
    explorer.close()
