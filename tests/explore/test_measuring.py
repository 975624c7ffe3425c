"""The measuring stages give the library's numbers, once, off the slider's path, and stop."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

import fmq_explore as fmq
from fmq_explore.explore import (
    BoundView,
    Explorer,
    LatentView,
    Missing,
    QualityView,
    Request,
    SamplesView,
    SensitivityView,
    Status,
    Workspace,
    Yardsticks,
)
from fmq_explore.explore.bounds import bound_view
from fmq_explore.explore.latents import latent_view
from fmq_explore.explore.measuring import STAGES
from fmq_explore.explore.quality import quality_view
from fmq_explore.explore.sensitivity import sensitivity_view
from fmq_explore.flow import Cancelled
from fmq_explore.measure import frechet_distance, load_reader, load_reference, psnr, sensitivity_of
from fmq_explore.measure.quality import Judge
from fmq_explore.quantize import prepare

REQUEST = Request(model="digits", bits=3, compare="uniform", steps=2, solver="euler")
POINTS = Request(model="moons", bits=2, steps=4)


def row(scheme: str, bits: int, seed: int, **figures: float) -> dict:
    """A row of a sweep's table; what is not given is not known."""
    names = ("psnr", "ssim", "swd", "fd", "kid", "readability")
    grain = "" if scheme == "full" else "channel"
    row = {"model": "digits", "scheme": scheme, "bits": bits, "granularity": grain, "seed": seed}
    row |= {"group_size": None, "n": 128, "steps": 6, "keep": "bias+norm"}
    row |= {"codebook_dtype": "float16", "bits_per_weight": bits + 0.5}
    return row | dict.fromkeys(names, float("nan")) | figures


ROWS = (
    row("uniform", 2, 0, psnr=10.0),
    row("uniform", 2, 1, psnr=13.0),
    row("uniform", 4, 0, psnr=20.0),
    row("optimal", 2, 0, psnr=15.0),
    row("full", 32, 0, fd=0.5),
    row("full", 32, 1, fd=0.7),
    row("uniform", 2, 0, psnr=99.0) | {"granularity": "tensor"},
    row("uniform", 2, 0, psnr=99.0) | {"model": "mnist"},
)


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture(scope="module")
def yardsticks() -> Yardsticks:
    return Yardsticks(lambda: ROWS)


def model_of(scheme: str):
    return fmq.quantize_model(
        fmq.load_model("digits"), scheme=scheme, bits=3, codebook_dtype="float16"
    ).model


def test_live_figures_are_those_of_the_samples_on_screen(workspace, yardsticks) -> None:
    view = quality_view(REQUEST, workspace, yardsticks)
    labels = torch.arange(64) % 10
    runs = [
        fmq.sample(m, n=64, steps=2, solver="euler", label=labels).samples
        for m in (fmq.load_model("digits"), model_of("optimal"))
    ]
    reader, real = load_reader("digits"), load_reference("digits")
    found = view.live[0].estimates
    assert found["psnr"].value == pytest.approx(float(psnr(*runs).mean()), rel=1e-4)
    expected = frechet_distance(reader.read(runs[1].clamp(-1, 1))[0], real.features)
    assert found["fd"].value == pytest.approx(expected, rel=1e-3)
    read = reader.read(runs[1].clamp(-1, 1))[1]
    share = float((read == labels).double().mean())
    assert found["readability"].value == pytest.approx(share, abs=1.1 / 64)
    assert [p.scheme for p in view.live] == ["optimal", "uniform"]
    assert not {"psnr", "ssim"} & view.live_reference.estimates.keys()
    assert view.n_live == 64
    assert all(e.low <= e.value <= e.high for p in view.live for e in p.estimates.values())


def test_lines_average_the_seeds_of_this_model_and_granularity(workspace, yardsticks) -> None:
    view = quality_view(REQUEST, workspace, yardsticks)
    line = view.lines["psnr"]["uniform"]
    assert line.bits.tolist() == [2, 4]
    assert line.true_bits.tolist() == [2.5, 4.5]
    assert line.value.tolist() == [11.5, 20.0]
    assert (line.low[0], line.high[0]) == (10.0, 13.0)
    assert "ssim" not in view.lines
    assert view.reference["fd"] == pytest.approx((0.6, 0.5, 0.7))
    assert "n = 128, 6 steps, 2 seeds" in view.sweep
    assert not view.remarks


def test_what_a_sweep_or_a_model_lacks_is_a_sentence(workspace, yardsticks) -> None:
    group = quality_view(replace(REQUEST, granularity="group"), workspace, yardsticks)
    assert not group.lines
    assert "no lines" in group.remarks["sweep"]
    points = quality_view(POINTS, workspace, yardsticks)
    assert set(points.remarks) == {"sweep", "psnr", "ssim", "fd", "kid", "readability"}
    assert points.live[0].estimates.keys() == {"swd"}


def test_one_class_is_not_held_against_data_of_all(workspace, yardsticks) -> None:
    view = quality_view(replace(REQUEST, label=3), workspace, yardsticks)
    assert view.live[0].estimates.keys() == {"psnr", "ssim", "readability"}
    assert "One class" in view.remarks["fd"]


def test_latents_of_the_reference_are_measured_in_axes_of_other_images(
    workspace, yardsticks
) -> None:
    view = latent_view(REQUEST, workspace, yardsticks)
    assert isinstance(view, LatentView)
    real, model = load_reference("digits"), fmq.load_model("digits")
    run = {"steps": 2, "solver": "euler"}
    own, other = (
        fmq.invert(m, real.images[:64], label=real.labels[:64], **run).samples
        for m in (model, model_of("optimal"))
    )
    drift = float((own - other).square().mean().sqrt())
    assert view.primary.drift == pytest.approx(drift, rel=1e-3)
    assert view.reference.drift is None
    assert view.reference.total_variance == pytest.approx(float(own.var(0).mean()), rel=1e-4)
    assert view.reference.points.shape == view.compare.points.shape == (64, 2)
    assert len(view.reference.variance) == 20


def test_full_precision_has_neither_gap_nor_drift(workspace, yardsticks) -> None:
    full = replace(REQUEST, bits=None)
    assert bound_view(full, workspace, yardsticks).bounds is None
    view = latent_view(full, workspace, yardsticks)
    assert view.primary is view.reference
    assert quality_view(full, workspace, yardsticks).live == ()
    assert not sensitivity_view(full, workspace, yardsticks).errors.any()


def test_bounds_lie_above_the_gap_that_samples_show(workspace, yardsticks) -> None:
    view = bound_view(replace(POINTS, solver="midpoint"), workspace, yardsticks)
    assert view.bounds is not None
    flows = [
        fmq.sample(m, n=view.n, steps=4, solver="euler", label=torch.arange(view.n) % 2).samples
        for m in (
            fmq.load_model("moons"),
            fmq.quantize_model(fmq.load_model("moons"), bits=2, codebook_dtype="float16").model,
        )
    ]
    measured = float((flows[0] - flows[1]).square().sum(1).mean().sqrt())
    assert view.bounds.gap == pytest.approx(measured, rel=1e-4)
    assert view.bounds.bound_discrete >= view.bounds.gap


def test_sensitivity_is_the_librarys(workspace, yardsticks) -> None:
    view = sensitivity_view(replace(POINTS, compare="uniform"), workspace, yardsticks)
    model = fmq.load_model("moons")
    labels = torch.arange(16) % 2
    fit = prepare(model, "channel", None, POINTS.keep).fit("uniform", 2, POINTS.codebook_dtype)
    expected = sensitivity_of(fit, model, n=16, steps=4, label=labels)
    assert view.layers == tuple(expected)
    assert np.allclose(view.compare_errors, list(expected.values()), rtol=1e-6)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_stops_when_it_is_asked_to(name: str, workspace) -> None:
    # Neither a path nor a latent is known for this seed and these steps
    request = replace(REQUEST, seed=77, steps=3)
    with pytest.raises(Cancelled):
        STAGES[name].make(request, workspace, Yardsticks(), should_stop=lambda: True)


class Listener:
    def __init__(self) -> None:
        self.records: list = []

    def __call__(self, record) -> None:
        self.records.append(record)

    def of(self, kind: type) -> list:
        return [record for record in self.records if isinstance(record, kind)]


def test_measures_come_only_when_asked_for_and_after_the_samples(workspace) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace, idle_seconds=None)
    explorer.submit(REQUEST).result(timeout=120)
    assert not listener.of(QualityView)
    listener.records.clear()
    explorer.submit(REQUEST, ("bounds", "latents", "quality")).result(timeout=120)
    kinds = [type(r) for r in listener.records if not isinstance(r, Status)]
    assert kinds[-3:] == [QualityView, LatentView, BoundView]
    assert kinds.index(SamplesView) < kinds.index(QualityView)
    assert not any(view.preview for view in listener.of(SamplesView))
    assert listener.of(Status)[-1].stage == "measures"
    explorer.close()


def test_what_was_measured_is_not_measured_again(workspace, monkeypatch) -> None:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace, idle_seconds=None)
    explorer.submit(POINTS, ("sensitivity",)).result(timeout=120)

    def fail(*_, **__) -> None:
        raise AssertionError("measured twice")

    monkeypatch.setattr("fmq_explore.explore.sensitivity.sensitivity_of", fail)
    another_row = replace(POINTS, layer=explorer.workspace.prepared(POINTS).names[0], row=1)
    explorer.submit(another_row, ("sensitivity",)).result(timeout=120)
    first, second = listener.of(SensitivityView)
    assert first is second
    explorer.close()


def test_a_newer_request_ends_the_measuring(workspace, monkeypatch) -> None:
    reached, stopped = threading.Event(), threading.Event()

    def slow(*_, should_stop, **__) -> None:
        reached.set()
        while not should_stop():
            stopped.wait(0.005)
        stopped.set()
        raise Cancelled("as asked")

    monkeypatch.setattr("fmq_explore.explore.sensitivity.sensitivity_of", slow)
    explorer = Explorer(Listener(), workspace=workspace, idle_seconds=None)
    explorer.submit(replace(POINTS, seed=5), ("sensitivity",))
    assert reached.wait(30)
    explorer.submit(POINTS).result(timeout=60)
    assert stopped.is_set()
    explorer.close()


def test_a_model_without_real_data_says_so(workspace) -> None:
    nothing = Yardsticks()
    nothing._judges["moons"] = Judge.of(None)
    found = latent_view(POINTS, workspace, nothing)
    assert isinstance(found, Missing)
    assert found.stage == "latents"
