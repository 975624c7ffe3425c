"""A budget in the explorer: every tensor has its bits everywhere, and the code repeats it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fmq_explore as fmq
from fmq_explore.allocation import allocation_curves
from fmq_explore.explore import (
    AllocationView,
    DistanceView,
    Explorer,
    Failure,
    Request,
    SamplesView,
    Status,
    WeightsView,
    Workspace,
    code_for,
    explore,
    full_size,
)
from fmq_explore.explore.budgets import allocation_view
from fmq_explore.explore.yardsticks import view_key
from fmq_explore.quantize import prepare

REQUEST = Request(model="moons", steps=3, budget=25_000, objective="error", compare="uniform")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def records(workspace: Workspace):
    found: list = []
    explorer = Explorer(found.append, workspace=workspace, idle_seconds=None)
    yield explorer, found
    explorer.close()


def test_every_view_has_the_bits_of_the_allocation(workspace: Workspace) -> None:
    results = explore(REQUEST, workspace)
    for scheme, figures in (
        ("optimal", results.distance.primary),
        ("uniform", results.distance.compare),
    ):
        allocation = fmq.allocate(
            fmq.load_model("moons"), 25_000, scheme, codebook_dtype="float16", weights="error"
        )
        assert figures is not None
        assert figures.n_bytes == allocation.n_bytes <= 25_000
        assert figures.relative_error == pytest.approx(allocation.error)
        assert figures.mixed == (allocation.lowest, allocation.highest)
        assert figures.layer_bits == allocation.bits[results.distance.layer]
    cells = results.weights.primary
    assert cells is not None
    assert cells.bits == results.distance.primary.layer_bits
    assert len(cells.levels) <= 2**cells.bits


def test_full_precision_knows_no_budget(workspace: Workspace) -> None:
    results = explore(replace(REQUEST, bits=None), workspace)
    assert results.distance.primary.w2 == 0.0
    assert torch.equal(results.samples.primary.path, results.samples.reference.path)


@pytest.mark.parametrize("objective", ["error", "sensitivity"])
def test_the_code_repeats_the_screen(objective: str, workspace: Workspace) -> None:
    request = replace(REQUEST, objective=objective, seed=2)
    results = explore(request, workspace)
    names: dict = {}
    exec(code_for(request, full_size(request, workspace), n_classes=2), names)
    assert names["qm"].n_bytes == results.distance.primary.n_bytes
    assert torch.equal(names["flow_q"].path, results.samples.primary.path)
    assert torch.equal(names["flow_q_2"].path, results.samples.compare.path)


def test_the_view_sets_a_budget_against_equal_bits(workspace: Workspace) -> None:
    view = allocation_view(REQUEST, workspace)
    curves = allocation_curves(prepare(fmq.load_model("moons")), "optimal", "float16")
    shares = view.primary
    assert shares is not None
    assert shares.equal_bits == 2
    assert shares.equal_error == curves.equal_errors[1]
    assert shares.error == shares.best_error <= shares.equal_error
    assert shares.equal_reach <= shares.equal_n_bytes == curves.equal_sizes[1]
    assert curves.allocate(shares.equal_reach).error <= shares.equal_error
    stored = (shares.true_bits * view.n_weights).sum() / 8
    assert stored == curves.n_bytes[range(8), shares.bits - 1].sum()
    assert (view.smallest, view.largest) == (curves.smallest, max(curves.equal_sizes))
    assert view.compare is not None
    assert view.compare.scheme == "uniform"


def test_equal_bits_say_what_the_same_bytes_could_give(workspace: Workspace) -> None:
    view = allocation_view(replace(REQUEST, budget=0, bits=3), workspace)
    shares = view.primary
    assert shares is not None
    assert set(shares.bits) == {3}
    assert shares.error == shares.equal_error > shares.best_error


def test_a_budget_below_the_smallest_file_is_a_sentence_and_the_range_is_told(records) -> None:
    explorer, found = records
    explorer.submit(replace(REQUEST, budget=9_000), ("allocation",)).result(timeout=60)
    failures = [r for r in found if isinstance(r, Failure)]
    assert failures
    assert "smallest file of this model" in failures[0].sentence
    (view,) = [r for r in found if isinstance(r, AllocationView)]
    assert view.primary is None
    assert "smallest file" in view.remark
    assert view.smallest > 9_000


def test_a_warm_budget_is_answered_before_submit_returns(records, workspace: Workspace) -> None:
    explorer, found = records
    request = replace(REQUEST, objective="sensitivity")
    explorer.submit(request, ("allocation",)).result(timeout=120)
    kinds = [type(r) for r in found if not isinstance(r, Status)]
    order = [kinds.index(k) for k in (WeightsView, DistanceView, AllocationView, SamplesView)]
    assert order == sorted(order)
    assert SamplesView in kinds
    found.clear()
    future = explorer.submit(replace(request, budget=31_000), ("allocation",))
    at_once = {type(record): record for record in found}
    assert {WeightsView, DistanceView, AllocationView} <= set(at_once)
    assert SamplesView not in at_once
    shown = at_once[AllocationView].primary.n_bytes
    assert shown == at_once[DistanceView].primary.n_bytes <= 31_000
    future.result(timeout=60)


def test_without_a_budget_nothing_waits_for_curves(records, workspace: Workspace) -> None:
    explorer, found = records
    request = replace(REQUEST, budget=0, granularity="tensor")
    explorer.submit(request).result(timeout=60)
    assert not workspace.budgets.has_curves(request, "optimal")
    assert not [r for r in found if isinstance(r, AllocationView)]


def test_views_are_remembered_by_budget_and_not_by_the_slider() -> None:
    assert view_key("quality", REQUEST) == view_key("quality", replace(REQUEST, bits=7))
    assert view_key("quality", REQUEST) != view_key("quality", replace(REQUEST, budget=26_000))
    assert view_key("quality", REQUEST) != view_key("quality", replace(REQUEST, bits=None))
    equal = replace(REQUEST, budget=0)
    other = replace(equal, objective="sensitivity")
    assert view_key("quality", equal) == view_key("quality", other)
    assert view_key("quality", equal) != view_key("quality", replace(equal, bits=7))


def test_curves_are_of_the_weights_that_are_there_now(workspace: Workspace) -> None:
    """What was sorted anew has curves of its own, and forgotten fits are not held on to."""
    before = workspace.budgets.curves(REQUEST, "optimal")
    assert workspace.budgets.curves(REQUEST, "optimal") is before
    workspace.forget_fits(REQUEST)
    after = workspace.budgets.curves(REQUEST, "optimal")
    assert after is not before
    assert np.array_equal(after.errors, before.errors)
