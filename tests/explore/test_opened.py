"""Models from files in the headless explorer: opened, looked at, sampled where they can be."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from fmq_explore.explore import (
    DistanceView,
    Explorer,
    Failure,
    Missing,
    QualityView,
    Request,
    SamplesView,
    Status,
    TraceView,
    WeightsView,
    Workspace,
    explore,
    full_size,
    sampling,
)
from fmq_explore.explore.plane import has_plane, plane
from fmq_explore.explore.sampling import samples_view
from fmq_explore.flow import MLP, Cancelled, Recipe, Trainer
from fmq_explore.quantize import prepare
from fmq_explore.zoo import load_model, save_model


@pytest.fixture
def weights(tmp_path):
    """A file of weights that belong to no network of ours."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Linear(8, 16))
    torch.save(net.state_dict(), tmp_path / "foreign.pt")
    return str(tmp_path / "foreign.pt")


@pytest.fixture
def checkpoint(tmp_path):
    """A file of our own training, of a network for points in four dimensions."""
    torch.manual_seed(0)
    network = MLP((4,), None, width=16)
    network.last.weight.data.normal_()
    trainer = Trainer(network, torch.randn(64, 4), None, Recipe(steps=1, batch_size=8))
    trainer.run()
    trainer.save_checkpoint(tmp_path / "own.pt")
    return str(tmp_path / "own.pt")


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.records: list = []

    def __call__(self, record) -> None:
        self.records.append(record)

    def of(self, kind: type) -> list:
        return [record for record in self.records if isinstance(record, kind)]


def submitted(request: Request, workspace: Workspace | None = None, measures=()) -> Listener:
    listener = Listener()
    explorer = Explorer(listener, workspace=workspace, idle_seconds=None)
    explorer.submit(request, measures).result(timeout=120)
    explorer.close()
    return listener


def test_a_file_is_opened_under_its_whole_path(weights, monkeypatch, tmp_path):
    workspace = Workspace()
    name, card = workspace.open(weights)
    assert name == weights
    assert workspace.cards[name] is card
    assert (card.title, card.name) == ("foreign.pt", weights)
    assert not workspace.can_sample(name)
    monkeypatch.chdir(tmp_path)
    assert Workspace().open("foreign.pt")[0] == weights
    with pytest.raises(ValueError, match=r"no file other\.pt in .*: give its whole path"):
        workspace.open("other.pt")


def test_weights_alone_have_weights_and_distances_and_a_sentence_for_the_rest(weights):
    listener = submitted(Request(model=weights, bits=2), measures=("quality", "latents", "bounds"))
    assert listener.of(WeightsView)[0].layer == "0.weight"
    assert np.isfinite(listener.of(DistanceView)[-1].model_curves["optimal"]).all()
    told = {missing.stage: missing.sentence for missing in listener.of(Missing)}
    assert set(told) == {"samples", "trajectories", "quality", "latents", "bounds"}
    assert len(set(told.values())) == 1
    assert told["samples"].startswith("Weights only: foreign.pt cannot be sampled, since nothing")
    assert not listener.of(Failure)
    assert not listener.of(SamplesView)
    assert listener.of(Status)[-1].seconds is not None


def test_weights_alone_are_answered_before_submit_returns_once_they_are_warm(weights):
    workspace, listener = Workspace(), Listener()
    explorer = Explorer(listener, workspace=workspace, idle_seconds=None)
    explorer.submit(Request(model=weights)).result(timeout=120)
    listener.records.clear()
    future = explorer.submit(Request(model=weights, bits=6))
    assert [type(r) for r in listener.records[:2]] == [WeightsView, DistanceView]
    future.result(timeout=60)
    assert len(listener.of(Missing)) == 2
    explorer.close()
    with pytest.raises(ValueError, match="Weights only"):
        explore(Request(model=weights), workspace)


def test_our_own_checkpoint_is_sampled_in_a_plane_of_its_own(checkpoint):
    workspace = Workspace()
    request = Request(model=checkpoint, steps=3, seed=5)
    listener = submitted(request, workspace)
    assert not listener.of(Failure)
    assert [view.preview for view in listener.of(SamplesView)] == [True, False]
    trace = listener.of(TraceView)
    assert [view.preview for view in trace] == [False]  # a preview does not wait for the plane
    assert trace[0].background.shape == (full_size(request, workspace).n, 2)
    assert trace[0].axes[0] == "principal axis 1"
    listener = submitted(replace(request, bits=2), workspace)
    assert np.array_equal(listener.of(TraceView)[0].background, trace[0].background)


def test_the_plane_is_the_same_whatever_was_asked_first(checkpoint):
    planes = []
    for seed in (0, 9):
        workspace = Workspace()
        request = Request(model=checkpoint, seed=seed, steps=2)
        workspace.check(request)
        assert not has_plane(request, workspace)
        planes.append(plane(request, workspace))
        assert has_plane(request, workspace)
    assert torch.equal(planes[0].pca_components, planes[1].pca_components)
    axes = planes[0].pca_components
    assert torch.allclose(axes @ axes.T, torch.eye(2), atol=1e-5)
    spread = planes[0].data_points.var(dim=0)
    assert spread[0] >= spread[1] > 0


def test_a_wrong_file_is_one_sentence_and_the_rest_is_untouched(weights, tmp_path):
    workspace = Workspace()
    known = set(workspace.cards)
    (tmp_path / "junk.pt").write_bytes(b"junk" * 100)
    listener = submitted(Request(model=str(tmp_path / "junk.pt")), workspace)
    assert [failure.stage for failure in listener.of(Failure)] == ["choice"]
    assert "is damaged, or no file of PyTorch" in listener.of(Failure)[0].sentence
    assert set(workspace.cards) == known
    submitted(Request(model="moons", steps=1), workspace)


def test_an_uploaded_file_has_its_own_name_and_cannot_be_found_again(weights):
    workspace = Workspace()
    name, card = workspace.open(weights, uploaded_as="mine.pt")
    assert (name, card.title) == ("upload:mine.pt", "mine.pt")
    assert submitted(Request(model=name), workspace).of(WeightsView)
    failures = submitted(Request(model=name), Workspace()).of(Failure)
    assert failures[0].sentence == (
        "mine.pt was uploaded, and an uploaded file is gone with its page: open it again."
    )


def test_a_file_that_changed_is_read_anew(tmp_path):
    workspace, path = Workspace(), tmp_path / "weights.pt"
    views = []
    for value in (1.0, 2.0):
        torch.save({"fc.weight": torch.full((4, 4), value)}, path)
        workspace.open(str(path))
        views.append(submitted(Request(model=str(path)), workspace).of(WeightsView)[0])
    assert [view.sorted_row[0] for view in views] == [1.0, 2.0]


def test_files_that_were_put_aside_come_back(tmp_path):
    workspace, names = Workspace(), []
    for i in range(4):
        torch.save({"fc.weight": torch.full((2, 2), float(i))}, tmp_path / f"{i}.pt")
        names.append(workspace.open(str(tmp_path / f"{i}.pt"))[0])
    assert sum(name in workspace._models for name in names) == 2
    assert float(workspace.model(names[0]).get_parameter("fc.weight")[0, 0]) == 0.0


def test_where_everything_is_kept_a_sentence_says_so(tmp_path):
    torch.save({"norm.weight": torch.ones(4), "norm.bias": torch.zeros(4)}, tmp_path / "norm.pt")
    listener = submitted(Request(model=str(tmp_path / "norm.pt")))
    assert any("Every tensor of this model is kept" in f.sentence for f in listener.of(Failure))


def test_a_large_model_is_fitted_where_it_is_asked_for_only(weights):
    workspace = Workspace(prepared_bytes=20_000)
    listener = submitted(Request(model=weights, scheme="uniform", bits=3), workspace)
    curves = listener.of(DistanceView)[-1].model_curves
    assert np.isfinite(curves["uniform"]).sum() == 1
    assert not np.isfinite(curves["optimal"]).any()
    prepared = workspace.prepared(Request(model=weights))
    for bits in range(1, 9):
        listener = submitted(Request(model=weights, scheme="uniform", bits=bits), workspace)
        assert listener.of(DistanceView)[-1].primary.label_bits == bits
        assert prepared.n_bytes <= 20_000


def test_the_exact_optimum_of_large_rows_stops_soon_after_it_is_asked_to():
    torch.manual_seed(0)
    prepared = prepare(nn.Linear(1000, 600), "tensor")
    prepared.fit("optimal", 1)
    start = time.perf_counter()
    done = prepared.fit_all("optimal", should_stop=lambda: time.perf_counter() - start > 0.1)
    assert not done
    assert not prepared.is_fitted("optimal", 8)


class Slow(nn.Module):
    """Stands for a network that takes long and counts its calls."""

    data_shape, n_classes = (1, 4, 4), None

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 4))
        self.sizes: list[int] = []

    def forward(self, x, t, label=None):
        self.sizes.append(len(x))
        return -x


def test_a_large_network_is_run_in_small_batches_between_which_it_stops(monkeypatch):
    monkeypatch.setattr(sampling, "LARGE_NETWORK", 8)
    slow = Slow()
    workspace = Workspace(load=lambda name: slow)
    workspace.cards = {"slow": replace(workspace.cards["mnist"], n_parameters=16)}
    request = Request(model="slow", steps=1, solver="euler", bits=None)
    size = full_size(request, workspace)
    view = samples_view(request, workspace, size)
    assert view.reference.path.shape[1] == view.n_full == size.n == 16
    assert slow.sizes == [4, 4, 4, 4]
    assert torch.equal(view.reference.path[1], torch.zeros(16, 1, 4, 4))
    with pytest.raises(Cancelled, match="within a step"):
        samples_view(replace(request, seed=1), workspace, size, lambda: len(slow.sizes) > 5)
    assert len(slow.sizes) == 6


def test_a_file_that_is_opened_anew_is_measured_anew(tmp_path):
    path = tmp_path / "own.safetensors"
    model = load_model("moons")
    save_model(model, replace(model.card, name="own"), tmp_path)
    for part in (tmp_path / "models").iterdir():
        part.rename(tmp_path / part.name)
    workspace, measures = Workspace(), ("quality",)
    request = Request(model=str(path), bits=2, steps=2)
    first = submitted(request, workspace, measures).of(QualityView)[0]
    assert submitted(request, workspace, measures).of(QualityView)[0] is first
    model.last.bias.data += 1
    path.write_bytes(save({name: t.contiguous() for name, t in model.state_dict().items()}))
    workspace.open(str(path))
    second = submitted(request, workspace, measures).of(QualityView)[0]
    before, after = (view.live_reference.estimates["swd"].value for view in (first, second))
    assert after > 1.5 * before
