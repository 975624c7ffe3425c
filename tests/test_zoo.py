"""The zoo: what ships loads and works, and what is broken is said in one sentence."""

import json
from dataclasses import replace

import pytest
import torch

from fmq_explore import assets, zoo
from fmq_explore.data import load
from fmq_explore.flow import MLP, sample
from fmq_explore.flow.weights_only import WeightsOnly
from fmq_explore.workshop import fit_statistics
from fmq_explore.zoo import Card, available_models, load_model, load_statistics

NAMES = ["gaussians", "moons", "checkerboard", "spiral", "digits", "mnist", "fashion"]


def card_of(model, name="tiny"):
    return Card(
        name=name,
        title="Tiny",
        data="moons",
        data_shape=model.data_shape,
        data_range=(-3.0, 3.0),
        n_classes=model.n_classes,
        class_names=tuple("ab"),
        n_parameters=model.n_parameters,
        network=model.config(),
        figures={"loss": 1.5},
    )


@pytest.fixture
def saved(tmp_path):
    """A tiny model with card and statistics on disk: its path."""
    torch.manual_seed(0)
    model = MLP((2,), 2, width=8)
    statistics = fit_statistics(model, load("moons").x, load("moons").labels)
    zoo.save_statistics(statistics, "tiny", tmp_path)
    return zoo.save_model(model, card_of(model), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_that_ships_works(name):
    card, model = available_models()[name], load_model(name)
    assert model.card == card
    assert not model.training
    assert model.n_parameters == card.n_parameters
    assert model.data_shape == card.data_shape
    assert model.n_classes == card.n_classes == (len(card.class_names) or None)
    label = None if card.n_classes is None else 0
    flow = sample(model, n=4, steps=2, label=label)
    assert flow.samples.isfinite().all()
    low, high = card.data_range
    assert ((flow.samples > 1.5 * low) & (flow.samples < 1.5 * high)).float().mean() > 0.98
    assert {"steps", "batch_size", "seed"} <= card.recipe.keys()
    assert card.figures


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_its_plane(name):
    model, plane = load_model(name), load_statistics(name)
    assert plane.data_points.shape[1] == 2
    assert len(plane.data_points) == min(2000, 1500 if name == "digits" else 2000)
    assert torch.allclose(plane.pca_components @ plane.pca_components.T, torch.eye(2), atol=1e-5)
    points = plane.project(sample(model, n=3, steps=2, record=True).path.flatten(2))
    assert points.shape == (3, 3, 2)
    if model.n_classes is not None:
        assert plane.data_labels.shape == (len(plane.data_points),)
        assert plane.data_labels.max() < model.n_classes


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_small(name):
    folder = zoo.assets_folder()
    assert (folder / "stats" / f"{name}.safetensors").stat().st_size < 200_000
    n_bytes = (folder / "models" / f"{name}.safetensors").stat().st_size
    assert n_bytes < 4 * available_models()[name].n_parameters + 20_000


def test_every_load_is_fresh(saved):
    one, two = load_model(saved), load_model(saved)
    with torch.no_grad():
        one.first.weight.zero_()
    assert two.first.weight.any()


def test_a_model_makes_the_round_trip(saved):
    torch.manual_seed(0)
    original = MLP((2,), 2, width=8)
    loaded = load_model(saved)
    assert loaded.card == card_of(original)
    for key, value in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    assert torch.equal(load_statistics(saved).pca_components, torch.eye(2))


def test_the_card_reads_what_it_writes(tmp_path):
    card = card_of(MLP((2,), 2, width=8))
    (tmp_path / "card.json").write_text(card.to_json())
    assert Card.read(tmp_path / "card.json") == card
    assert replace(card, name="other") != card


def test_assets_are_found_inside_a_wheel(tmp_path, monkeypatch, saved):
    package = tmp_path / "site" / "fmq_explore"
    (package / "_assets").mkdir(parents=True)
    (tmp_path / "models").rename(package / "_assets" / "models")
    monkeypatch.setattr(assets, "__file__", str(package / "assets.py"))
    assert list(available_models()) == ["tiny"]
    assert load_model("tiny").n_classes == 2


def test_an_unknown_model_lists_the_known():
    with pytest.raises(ValueError, match="no model 'celeba': use one of checkerboard"):
        load_model("celeba")
    with pytest.raises(
        ValueError, match=r"somewhere/else\.safetensors does not exist: check the path"
    ):
        load_model("somewhere/else.safetensors")


def test_broken_files_are_one_sentence(saved):
    card = saved.with_suffix(".json")
    text, weights = card.read_text(), saved.read_bytes()
    saved.write_bytes(weights[:100])
    with pytest.raises(ValueError, match="is not a readable safetensors file"):
        load_model(saved)
    saved.write_bytes(weights)
    content = json.loads(text)
    content["network"]["width"] = 16
    card.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="does not fit the network on its card"):
        load_model(saved)
    card.write_text("{}")
    with pytest.raises(ValueError, match="is not a model card"):
        load_model(saved)
    card.write_text("no JSON")
    with pytest.raises(ValueError, match="is not a model card"):
        load_model(saved)
    card.unlink()
    assert isinstance(load_model(saved), WeightsOnly)


def test_weights_are_no_statistics(saved):
    (saved.parent.parent / "stats" / saved.name).write_bytes(saved.read_bytes())
    with pytest.raises(ValueError, match="it is not a statistics file"):
        load_statistics(saved)
