"""The explorer answers in order, drops what is no longer wanted, and survives failures."""

import threading
import time
from dataclasses import replace

import pytest

from fmq_explore.explore import (
    DistanceView,
    Explorer,
    Failure,
    Request,
    SamplesView,
    Status,
    TraceView,
    WeightsView,
    Workspace,
)
from fmq_explore.zoo import load_model

REQUEST = Request(model="moons", steps=4)


class Listener:
    """Remembers what it was told, and on which thread."""

    def __init__(self) -> None:
        self.records: list = []
        self.threads: set[str] = set()

    def __call__(self, record) -> None:
        self.records.append(record)
        self.threads.add(threading.current_thread().name)

    def of(self, kind: type) -> list:
        return [record for record in self.records if isinstance(record, kind)]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


def test_views_come_in_order_preview_first(listener: Listener, workspace: Workspace) -> None:
    explorer = Explorer(listener, workspace=workspace)
    explorer.submit(REQUEST).result(timeout=120)
    kinds = [type(r) for r in listener.records if not isinstance(r, Status)]
    assert kinds[:4] == [WeightsView, DistanceView, SamplesView, TraceView]
    assert [view.preview for view in listener.of(SamplesView)] == [True, False]
    assert [view.preview for view in listener.of(TraceView)] == [True, False]
    assert not listener.of(Failure)
    explorer.close()


def test_the_preview_is_the_beginning_of_the_full_noise(workspace: Workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace)
    explorer.submit(replace(REQUEST, seed=41)).result(timeout=60)
    preview, full = listener.of(SamplesView)
    n = preview.reference.path.shape[1]
    assert n < full.reference.path.shape[1]
    assert (preview.reference.path[0] == full.reference.path[0, :n]).all()
    explorer.close()


def test_a_warm_change_of_bits_is_answered_before_submit_returns(workspace: Workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace)
    explorer.submit(REQUEST).result(timeout=120)
    listener.records.clear()
    future = explorer.submit(replace(REQUEST, bits=6))
    assert [type(r) for r in listener.records[:2]] == [WeightsView, DistanceView]
    assert listener.records[1].primary.label_bits == 6
    future.result(timeout=60)
    explorer.close()


def test_a_drag_leaves_no_backlog_and_the_last_value_on_screen(workspace: Workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace)
    explorer.submit(REQUEST).result(timeout=120)
    listener.records.clear()
    for bits in (1, 2, 3, 4, 5, 6, 7, 8):
        last = replace(REQUEST, bits=bits, seed=7, steps=20)
        future = explorer.submit(last)
    future.result(timeout=60)
    full = [view for view in listener.of(SamplesView) if not view.preview]
    assert len(full) == 1, "stale work was finished and shown"
    assert listener.of(DistanceView)[-1].primary.label_bits == 8
    explorer.close()


def test_a_cached_picture_comes_without_a_preview(workspace: Workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace)
    explorer.submit(REQUEST).result(timeout=120)
    listener.records.clear()
    explorer.submit(REQUEST).result(timeout=60)
    assert [view.preview for view in listener.of(SamplesView)] == [False]
    explorer.close()


def test_neighbouring_widths_are_prefetched_when_idle(workspace: Workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace)
    explorer.submit(replace(REQUEST, seed=11)).result(timeout=60)
    listener.records.clear()
    explorer.submit(replace(REQUEST, seed=11, bits=4)).result(timeout=60)
    assert [view.preview for view in listener.of(SamplesView)] == [False]
    explorer.close()


class BrokenError(Exception):
    """What a failing network raises here."""


def broken_model(name: str):
    model = load_model(name)
    calls = {"n": 0}

    def fail(*_) -> None:
        calls["n"] += 1
        if calls["n"] > 2:
            raise BrokenError("the network gave up\nand a second line")

    model.register_forward_pre_hook(fail)
    return model


def test_a_failing_stage_says_one_sentence_and_the_rest_goes_on(listener: Listener) -> None:
    explorer = Explorer(listener, workspace=Workspace(load=broken_model))
    explorer.submit(REQUEST).result(timeout=120)
    sentences = {failure.sentence for failure in listener.of(Failure)}
    assert sentences == {"The samples stage failed: the network gave up."}
    assert listener.of(WeightsView)
    assert listener.of(DistanceView)
    assert listener.of(DistanceView)[-1].model_curves["uniform"].shape == (8,)
    explorer.submit(replace(REQUEST, bits=2)).result(timeout=60)
    assert listener.of(DistanceView)[-1].primary.label_bits == 2
    explorer.close()


def test_an_unknown_model_is_one_sentence(listener: Listener) -> None:
    explorer = Explorer(listener)
    explorer.submit(Request(model="nobody")).result(timeout=60)
    failures = listener.of(Failure)
    assert failures
    assert "model is 'nobody'" in failures[0].sentence
    assert len({failure.sentence for failure in failures}) == 1
    explorer.close()


def test_work_is_done_off_the_thread_that_asks(workspace: Workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace)
    start = time.perf_counter()
    future = explorer.submit(replace(REQUEST, seed=1234, steps=40))
    assert time.perf_counter() - start < 1.0
    future.result(timeout=60)
    assert any(name.startswith("explore") for name in listener.threads)
    explorer.close()
