"""The hardware stage agrees with the library, and the choice about chips says what is wrong."""

from dataclasses import replace

import pytest
import torch

from fmq_explore.explore import (
    ChipChoice,
    Explorer,
    Failure,
    HardwareExplorer,
    HardwareView,
    Request,
    Status,
    Workspace,
)
from fmq_explore.explore.hardware import count, hardware_view, is_ready
from fmq_explore.hardware import Plan, assess_all, footprint, network_cost

REQUEST = Request(model="digits", scheme="symmetric", bits=4)


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


def test_the_view_is_what_the_library_says(workspace: Workspace) -> None:
    view = hardware_view(REQUEST, workspace)
    fit = workspace.fit(REQUEST, "symmetric")
    cost = network_cost(workspace.model("digits"))
    assert view.weights == footprint(fit)
    assert view.weights.n_bytes == fit.n_bytes
    assert view.assessments == assess_all(fit, Plan(), cost)
    assert view.n_fitting == len(view.of("fits", "decodes"))
    assert view.live.max() == cost.peak_bytes()
    assert (view.live + view.decoding).max() == cost.peak_bytes(8, set(fit.bits))
    assert view.peak == (cost.peak.name, cost.peak.kind)


def test_what_is_chosen_reaches_the_plan(workspace: Workspace) -> None:
    request = replace(REQUEST, solver="heun", steps=3, guidance=2.0)
    chips = ChipChoice(activation_bits=32, decode_cycles=9.0, runtime_kib=100)
    plan = hardware_view(request, workspace, chips).plan
    assert plan == Plan("heun", 3, 2.0, 32, runtime_bytes=102_400, decode_cycles=9.0)
    assert hardware_view(replace(request, label=-1), workspace).plan.guidance == 1.0
    assert hardware_view(replace(request, model="checkerboard"), workspace).plan.guidance == 1.0


def test_full_precision_is_the_network_itself(workspace: Workspace) -> None:
    view = hardware_view(replace(REQUEST, bits=None), workspace)
    assert view.weights.n_bytes == 4 * workspace.cards["digits"].n_parameters
    assert {one.activation_bits for one in view.assessments} == {32}
    assert not view.decoding.any()


def test_a_network_is_counted_once(workspace: Workspace) -> None:
    request = replace(REQUEST, model="spiral")
    assert not is_ready(request, workspace)
    count(request, workspace)
    assert is_ready(request, workspace)


def test_weights_alone_have_no_memory_of_a_run(workspace: Workspace, tmp_path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"a.weight": torch.randn(32, 32)}, path)
    name, _ = workspace.open(str(path))
    request = replace(REQUEST, model=name)
    assert is_ready(request, workspace)
    view = hardware_view(request, workspace)
    assert (len(view.live), view.n_fitting) == (0, 0)
    assert {one.verdict.answer for one in view.assessments} == {"unknown"}


def test_defaults_are_those_of_the_library() -> None:
    chips, plan = ChipChoice(), Plan()
    assert chips.activation_bits == plan.activation_bits
    assert chips.decode_cycles == plan.decode_cycles
    assert 1024 * chips.runtime_kib == plan.runtime_bytes


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"activation_bits": "16"}, "activation_bits is 16; choose 8, or 32"),
        ({"decode_cycles": "1e9"}, "choose a number from 0 to 100"),
        ({"decode_cycles": "nan"}, "choose a number from 0 to 100"),
        ({"runtime_kib": "64.5"}, "not a whole number"),
    ],
)
def test_a_wrong_choice_keeps_its_default_and_is_reported(wrong: dict, words: str) -> None:
    choice, problems = ChipChoice.from_mapping(wrong)
    assert choice == ChipChoice()
    assert words in problems[0]


def test_nothing_is_run_again_for_another_step_of_a_slider(
    workspace: Workspace, monkeypatch
) -> None:
    hardware_view(REQUEST, workspace)
    monkeypatch.setattr("fmq_explore.hardware.cost.record", None)
    assert len(hardware_view(replace(REQUEST, steps=7), workspace).live)


def ask(request: Request, chips: ChipChoice = ChipChoice(), **options) -> list:  # noqa: B008
    records: list = []
    explorer = HardwareExplorer(records.append, **options)
    explorer.ask(request, chips).result(timeout=60)
    explorer.close()
    return records


def test_the_app_is_answered_with_all_chips(workspace: Workspace) -> None:
    records = ask(
        replace(REQUEST, compare="optimal"), ChipChoice(runtime_kib=1), workspace=workspace
    )
    views = [record for record in records if isinstance(record, HardwareView)]
    assert views[-1].plan.runtime_bytes == 1024
    assert not [record for record in records if isinstance(record, Failure)]
    assert records.index(views[0]) == 0  # the weights were fitted: it comes at once
    assert any(isinstance(r, Status) and r.stage == "all chips" for r in records)


def test_a_network_is_loaded_fitted_and_counted_first() -> None:
    records = ask(replace(REQUEST, model="gaussians", bits=2))
    kinds = [type(record) for record in records]
    assert kinds.count(HardwareView) == 1
    assert kinds.index(Status) < kinds.index(HardwareView)


def test_a_wrong_name_is_one_sentence() -> None:
    failures = [r for r in ask(replace(REQUEST, model="imagenet")) if isinstance(r, Failure)]
    assert "choose one of" in failures[0].sentence


def test_the_explorer_tells_its_chips_with_the_weights(workspace: Workspace) -> None:
    records: list = []
    explorer = Explorer(records.append, workspace=workspace, idle_seconds=None)
    explorer.submit(replace(REQUEST, bits=3, steps=2)).result(timeout=60)
    explorer.submit(replace(REQUEST, bits=5, steps=2)).result(timeout=60)
    explorer.close()
    views = [record for record in records if isinstance(record, HardwareView)]
    assert [view.weights.bits for view in views] == [(3,), (5,)]
    assert views[1].weights.n_bytes == workspace.fit(replace(REQUEST, bits=5), "symmetric").n_bytes
