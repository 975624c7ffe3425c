"""Views carry exactly the library's numbers, and the same request gives the same results."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import torch

import fmq_explore as fmq
from fmq_explore.explore import UNCONDITIONAL, Request, Results, Workspace, explore

REQUEST = Request(model="moons", bits=3, scheme="optimal", compare="uniform", steps=4)


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture(scope="module")
def results(workspace: Workspace) -> Results:
    return explore(REQUEST, workspace)


def model_of(request: Request, scheme: str) -> fmq.QuantizedModel:
    return fmq.quantize_model(
        fmq.load_model(request.model),
        scheme=scheme,
        bits=request.bits,
        granularity=request.granularity,
        keep=request.keep,
        codebook_dtype=request.codebook_dtype,
    )


def test_figures_are_those_of_the_saved_file(results: Results, tmp_path) -> None:
    for figures in (results.distance.primary, results.distance.compare):
        qm = model_of(REQUEST, figures.scheme)
        qm.save(tmp_path / "model.safetensors")
        size = (tmp_path / "model.safetensors").stat().st_size
        assert figures.n_bytes == qm.n_bytes == size
        assert figures.bits_per_weight == qm.bits_per_weight
        assert figures.w2 == pytest.approx(qm.w2, rel=1e-12)
        n_weights = sum(p.numel() for p in qm.model.parameters())
        assert figures.compression == pytest.approx(4 * n_weights / size)


def test_the_row_on_show_is_the_rows_optimal_transport(results: Results) -> None:
    view = results.weights
    for cells in (view.primary, view.compare):
        n = len(view.sorted_row)
        squared = ot.emd2_1d(view.sorted_row, cells.levels, np.full(n, 1 / n), cells.mass)
        assert cells.w2**2 == pytest.approx(squared, rel=1e-6)
        assert cells.mass.sum() == pytest.approx(1.0)
    assert view.share.sum() == pytest.approx(1.0)
    assert view.n_rows == view.shape[0]


def test_curves_pass_through_the_current_point(results: Results) -> None:
    distance = results.distance
    for figures in (distance.primary, distance.compare):
        assert distance.model_curves[figures.scheme][REQUEST.bits - 1] == figures.w2
    assert set(distance.model_curves) == set(fmq.quantize.SCHEMES)
    for name, scheme in fmq.quantize.SCHEMES.items():
        known = np.isfinite(distance.model_curves[name])
        assert distance.bits[known].tolist() == list(scheme.allowed_bits)


def test_samples_are_the_public_functions(results: Results) -> None:
    turns = torch.arange(1000) % 2
    flow = fmq.sample(fmq.load_model("moons"), n=1000, steps=4, label=turns, record=True)
    assert torch.equal(flow.path, results.samples.reference.path)
    for samples in (results.samples.primary, results.samples.compare):
        network = model_of(REQUEST, samples.scheme).model
        flow = fmq.sample(network, n=1000, steps=4, label=turns, record=True)
        assert torch.equal(flow.path, samples.path)
        gap = (flow.samples - results.samples.reference.path[-1]).square().mean().sqrt()
        assert samples.fidelity["RMS gap"] == pytest.approx(float(gap), rel=1e-5)


def test_divergence_starts_at_nought_and_ends_at_the_gap(results: Results) -> None:
    for samples in (results.samples.primary, results.samples.compare):
        divergence = results.trace.divergence[samples.scheme]
        assert divergence[0] == 0.0
        assert divergence[-1] == pytest.approx(samples.fidelity["RMS gap"], rel=1e-5)


def test_planar_paths_are_drawn_as_they_are(results: Results) -> None:
    path = results.samples.reference.path[:, :120]
    assert np.allclose(results.trace.reference, path.numpy())


def test_same_request_same_results(results: Results) -> None:
    again = explore(REQUEST, Workspace())
    assert torch.equal(again.samples.primary.path, results.samples.primary.path)
    assert again.distance.primary == results.distance.primary
    assert np.array_equal(again.weights.primary.levels, results.weights.primary.levels)


def test_full_precision_is_the_reference(workspace: Workspace) -> None:
    view = explore(replace(REQUEST, bits=None), workspace)
    assert torch.equal(view.samples.primary.path, view.samples.reference.path)
    assert view.distance.primary.compression == 1.0
    assert view.distance.primary.w2 == 0.0
    assert view.weights.primary is None


@pytest.mark.parametrize("granularity", ["tensor", "channel", "group"])
def test_every_granularity_and_width(workspace: Workspace, granularity: str) -> None:
    for bits in (1, 2, 8):
        request = replace(REQUEST, granularity=granularity, group_size=48, bits=bits, row=10**6)
        view = explore(request, workspace)
        assert view.weights.row == view.weights.n_rows - 1
        assert len(view.weights.primary.levels) <= 2**bits


def test_classes_take_turns_or_are_one_or_none(workspace: Workspace) -> None:
    from fmq_explore.explore.sampling import class_labels

    assert class_labels(Request(), 10, 12).tolist() == [*range(10), 0, 1]
    assert class_labels(Request(label=3), 10, 4).tolist() == [3, 3, 3, 3]
    assert class_labels(Request(label=UNCONDITIONAL), 10, 4) is None
    assert class_labels(Request(), None, 4) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "nobody"}, "model is 'nobody'"),
        ({"scheme": "magic"}, "scheme is 'magic'"),
        ({"label": 3}, "label is 3; moons offers 0 to 1"),
    ],
)
def test_what_does_not_exist_is_named(workspace: Workspace, values: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explore(replace(REQUEST, **values), workspace)
