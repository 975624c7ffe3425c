"""The rescue in the headless explorer: watched, interrupted, gone on with, and undone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fmq_explore as fmq
from fmq_explore.explore import (
    DistanceView,
    Explorer,
    Failure,
    Request,
    RescueView,
    SamplesView,
    Status,
    TraceView,
    WeightsView,
    code_for,
    full_size,
)
from fmq_explore.explore.request import RESCUE_NAMES, RESCUED
from fmq_explore.explore.workspace import Workspace
from fmq_explore.rescue import RESCUES, Rescue, TuneRecipe

PLAIN = Request(model="moons", bits=2, steps=3, solver="euler")
WANTED = replace(PLAIN, rescue="levels")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Few steps, watched at every one."""
    brief = {
        "levels": Rescue("levels", TuneRecipe(steps=12, batch_size=32)),
        "codes": Rescue("codes", TuneRecipe(steps=9, batch_size=32), True),
        "training": Rescue("training", TuneRecipe(steps=9, batch_size=32), True, 0.1),
    }
    monkeypatch.setattr("fmq_explore.explore.rescuing.RESCUES", brief)
    monkeypatch.setattr("fmq_explore.explore.rescue.BETWEEN_FIGURES", 0.0)
    monkeypatch.setattr("fmq_explore.explore.rescue.BETWEEN_SAMPLES", 0.0)
    return brief


def listen(request: Request, workspace: Workspace, measures=()) -> list:
    records: list = []
    explorer = Explorer(records.append, workspace=workspace, idle_seconds=None)
    explorer.submit(request, measures).result(timeout=120)
    explorer.close()
    return records


def of(records: list, kind: type) -> list:
    return [record for record in records if isinstance(record, kind)]


def test_a_rescue_is_watched_and_then_shown_beside_what_was_before() -> None:
    workspace = Workspace()
    records = listen(WANTED, workspace)
    assert not of(records, Failure)
    views = of(records, RescueView)
    assert [view.step for view in views] == [*range(1, 13), 12]
    assert views[-1].is_done
    assert not views[0].is_done
    assert views[-1].error < views[-1].error_before < 1
    watched = [v for v in of(records, SamplesView) if v.preview and v.primary.scheme == RESCUED]
    assert len(watched) >= 12
    assert not torch.equal(watched[0].primary.path, watched[-1].primary.path)
    assert torch.equal(watched[0].compare.path, watched[-1].compare.path)
    last = of(records, SamplesView)[-1]
    assert (last.primary.scheme, last.compare.scheme) == (RESCUED, "optimal")
    assert last.primary.fidelity["RMS gap"] < last.compare.fidelity["RMS gap"]
    for kind in (WeightsView, DistanceView):
        first, *_, final = of(records, kind)
        assert first.primary.scheme == "optimal"
        assert first.compare is None
        assert (final.primary.scheme, final.compare.scheme) == (RESCUED, "optimal")
    final = of(records, DistanceView)[-1]
    assert final.primary.n_bytes - final.compare.n_bytes <= 4 * len(final.layers) + 8
    assert final.primary.w2 > final.compare.w2
    assert set(of(records, TraceView)[-1].divergence) == {RESCUED, "optimal"}


def test_the_rescue_is_the_librarys(brief) -> None:
    workspace = Workspace()
    records = listen(WANTED, workspace)
    model = fmq.load_model("moons")
    qm = fmq.quantize_model(model, "optimal", bits=2, codebook_dtype="float16")
    tuned = fmq.tune(qm, steps=12, batch_size=32)
    labels = torch.arange(1000) % 2
    flow = fmq.sample(tuned.model, n=1000, steps=3, solver="euler", label=labels)
    assert torch.equal(of(records, SamplesView)[-1].primary.path[-1], flow.samples)
    assert of(records, DistanceView)[-1].primary.w2 == pytest.approx(tuned.w2, rel=1e-9)


def test_what_was_rescued_is_shown_at_once_and_undone_at_once() -> None:
    workspace = Workspace()
    listen(WANTED, workspace)
    again = listen(replace(WANTED, row=1), workspace)
    assert of(again, WeightsView)[0].primary.scheme == RESCUED
    assert not [view for view in of(again, RescueView) if not view.is_done]
    undone = listen(PLAIN, workspace)
    assert {view.primary.scheme for view in of(undone, SamplesView)} == {"optimal"}
    assert of(undone, SamplesView)[-1].compare is None


def test_an_interrupted_rescue_goes_on_where_it_stopped() -> None:
    workspace, records = Workspace(), []

    def listener(record: object) -> None:
        records.append(record)
        if isinstance(record, RescueView) and record.step == 5 and len(of(records, RescueView)) < 6:
            explorer.submit(replace(WANTED, row=1))

    explorer = Explorer(listener, workspace=workspace, idle_seconds=None)
    explorer.submit(WANTED)
    for _ in range(200):
        if workspace.rescues.fit(WANTED) is not None:
            break
        explorer._runner._executor.submit(lambda: None).result(timeout=60)
    explorer.close()
    steps = [view.step for view in of(records, RescueView)]
    assert steps[:5] == [1, 2, 3, 4, 5]
    assert steps.count(1) == 1  # not begun anew
    whole = Workspace()
    listen(WANTED, whole)
    names = workspace.prepared(WANTED).names
    for name in names:
        a, b = (w.fit(WANTED, RESCUED).levels(name) for w in (workspace, whole))
        assert np.array_equal(a, b)


@pytest.mark.parametrize("name", ["codes", "training"])
def test_codes_can_be_found_anew_too(name) -> None:
    records = listen(replace(WANTED, rescue=name), Workspace())
    assert not of(records, Failure)
    assert of(records, RescueView)[-1].step == 9
    told = [r.fraction for r in of(records, Status) if r.stage == "choosing codes"]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert of(records, SamplesView)[-1].primary.scheme == RESCUED


def test_a_second_scheme_stays_the_second() -> None:
    records = listen(replace(WANTED, compare="uniform"), Workspace())
    assert of(records, SamplesView)[-1].compare.scheme == "uniform"


def test_weights_alone_cannot_be_rescued(tmp_path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"a.weight": torch.randn(16, 16)}, path)
    workspace = Workspace()
    name, _ = workspace.open(str(path))
    records = listen(Request(model=name, bits=2, rescue="levels"), workspace)
    assert any("cannot be rescued" in failure.sentence for failure in of(records, Failure))
    assert of(records, WeightsView)


def test_full_precision_needs_no_rescue() -> None:
    records = listen(replace(WANTED, bits=None), Workspace())
    assert not of(records, Failure)
    assert not of(records, RescueView)
    assert of(records, SamplesView)


@pytest.mark.parametrize("name", list(RESCUES))
def test_the_code_repeats_the_rescue(name) -> None:
    request = replace(WANTED, rescue=name)
    workspace = Workspace()
    records = listen(request, workspace)
    code = code_for(request, full_size(request, workspace), 2)
    assert ("train_quantized" in code) == (name == "training")
    scope: dict = {}
    exec(code, scope)
    view = of(records, SamplesView)[-1]
    assert torch.equal(scope["flow_q"].path, view.primary.path)
    assert torch.equal(scope["flow_q_2"].path, view.compare.path)
    assert scope["qm"].n_bytes == of(records, DistanceView)[-1].primary.n_bytes


def test_a_link_names_the_rescue() -> None:
    assert set(RESCUES) == set(RESCUE_NAMES) - {""}
    request = Request(rescue="codes")
    assert Request.from_query(request.query()) == (request, [])
    problems = Request.from_query("rescue=magic")[1]
    assert "choose one of" in problems[0]


def test_a_reopened_model_is_rescued_anew() -> None:
    workspace = Workspace()
    listen(WANTED, workspace)
    assert workspace.rescues.fit(WANTED) is not None
    workspace.rescues.drop("moons")
    assert workspace.rescues.view(WANTED) is None
