"""Training readers and collecting references: proportions, augmentation, the command line."""

import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from fmq_explore import cli, readers
from fmq_explore.data import Dataset, load
from fmq_explore.measure import Reader, load_reader, load_reference
from fmq_explore.readers import ReaderRecipe, build_reference, train_reader

QUICK = ReaderRecipe(epochs=4, batch_size=32, widths=(8, 16), halve_before=(1,), shift=1)


def stripes(n=240, seed=0, names=("lying", "standing")):
    """Two classes that differ by the direction of their stripes, with noise."""
    g = torch.Generator().manual_seed(seed)
    labels = (torch.rand(n, generator=g) < 0.25).long()
    wave = torch.where(torch.arange(8) % 2 == 0, 0.5, -0.5)
    x = torch.where(labels.view(-1, 1, 1) == 1, wave.view(1, 1, 8), wave.view(1, 8, 1))
    x = x[:, None] + 0.3 * torch.randn(n, 1, 8, 8, generator=g)
    return Dataset("stripes", "Stripes", x.clamp(-1, 1), labels, names, (-1.0, 1.0))


def test_a_reader_learns_and_its_card_says_so():
    seen = []
    reader = train_reader(stripes(), stripes(seed=1), QUICK, lambda *done: seen.append(done))
    assert seen[0] == (1, 32)
    assert seen[-1] == (32, 32)
    card = reader.card
    assert card.accuracy > 0.95
    assert card.n_test == 240
    test = stripes(seed=1)
    right = reader.read(test.x)[1] == test.labels
    assert card.accuracy == pytest.approx(float(right.float().mean()), abs=1e-4)
    shares = test.labels.bincount() / 240
    assert card.accuracy == pytest.approx(
        float(shares @ torch.tensor(card.class_accuracy)), abs=1e-3
    )
    assert card.recipe["epochs"] == 4
    assert not reader.training


def test_the_same_seed_gives_the_same_reader_and_leaves_torch_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two, other = (train_reader(stripes(), recipe=replace(QUICK, seed=s)) for s in (0, 0, 1))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_balanced_batches_hold_all_classes_equally_often():
    labels = torch.tensor([0] * 950 + [1] * 50)
    for balanced, share in ((False, 0.05), (True, 0.5)):
        recipe = ReaderRecipe(epochs=3, batch_size=100, balanced=balanced)
        batches = readers._batches(labels, recipe, torch.Generator().manual_seed(0))
        assert len(batches) == 30
        assert float(labels[torch.cat(batches)].float().mean()) == pytest.approx(share, abs=0.04)
    assert all(len(b) > 1 for b in readers._batches(labels[:101], recipe, torch.Generator()))


def test_images_are_moved_and_mirrored_one_by_one():
    x = torch.zeros(400, 1, 9, 9)
    x[:, :, 4, 4] = 1
    x[:, :, 4, 5] = 2  # the neighbour on the right: on the left in a mirror
    recipe = ReaderRecipe(shift=2, flip=True)
    moved = readers._augmented(x, recipe, torch.Generator().manual_seed(0))
    where = (moved == 1).nonzero()[:, 2:]
    right = (moved == 2).nonzero()[:, 2:] - where
    assert sorted(map(tuple, right.unique(dim=0).tolist())) == [(0, -1), (0, 1)]
    assert where.unique(dim=0).tolist() == [[i, j] for i in range(2, 7) for j in range(2, 7)]
    still = readers._augmented(x, ReaderRecipe(shift=0, flip=False), torch.Generator())
    assert torch.equal(still, x)


def test_any_first_part_of_a_reference_has_the_classes_in_their_proportions():
    labels = torch.tensor([0] * 700 + [1] * 250 + [2] * 50)
    order = readers._spread(labels, 1000, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(1000))
    for n in (20, 100, 512):
        counts = labels[order[:n]].bincount(minlength=3).double()
        assert torch.allclose(counts, n * torch.tensor([0.7, 0.25, 0.05]).double(), atol=1.0)
    own = order[labels[order] == 0]
    assert (own.diff() < 0).any()  # at random within a class


def test_a_reference_holds_test_data_and_their_features(monkeypatch):
    monkeypatch.setattr(readers, "N_IMAGES", 40)
    monkeypatch.setattr(readers, "N_FEATURES", 100)
    test = stripes()
    torch.manual_seed(0)
    reader = Reader((1, 8, 8), test.class_names, (8, 16)).eval()
    reference = build_reference(test, reader)
    assert reference.images.shape == (40, 1, 8, 8)
    assert reference.features.shape == (100, 16)
    assert torch.allclose(reader.read(reference.images)[0], reference.features[:40], atol=1e-5)
    index = [int((test.x == image).flatten(1).all(1).nonzero()) for image in reference.images]
    assert test.labels[index].tolist() == reference.labels.tolist()
    points = build_reference(load("moons", split="test"))
    assert points.images.shape == (100, 2)
    assert points.features is None


def test_other_data_get_a_recipe_that_suits_them():
    assert readers.recipe_for(load("digits")) == readers.RECIPES["digits"]
    small, large = stripes(40), stripes(40_000)
    assert readers.recipe_for(small).epochs == 40
    assert readers.recipe_for(large).epochs == 3


def test_data_without_classes_are_one_sentence():
    with pytest.raises(ValueError, match="spiral has no labels: a reader needs them"):
        train_reader(load("spiral"))


def test_the_command_line_makes_a_reader_and_its_reference(tmp_path):
    options = ["--epochs", "2", "--out", str(tmp_path), "--threads", "1"]
    run = CliRunner().invoke
    result = run(cli.app, ["train-reader", "digits", *options], catch_exceptions=False)
    assert result.exit_code == 0
    card = json.loads((tmp_path / "readers" / "digits.json").read_text())
    assert f"reads {card['accuracy']:.1%}" in result.output
    assert card["recipe"]["epochs"] == 2
    reader, reference = load_reader("digits", tmp_path), load_reference("digits", tmp_path)
    made = reader.read(reference.images)[0]
    assert torch.allclose(made, reference.features, atol=0.02)  # both were rounded to float16

    path = tmp_path / "reference" / "digits.safetensors"
    before = path.read_bytes()
    path.unlink()
    result = run(cli.app, ["collect-reference", "digits", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "297 real images" in result.output
    again = load_reference("digits", tmp_path)
    assert torch.equal(again.images, reference.images)
    assert len(path.read_bytes()) == len(before)
    result = run(cli.app, ["collect-reference", "moons", "--out", str(tmp_path)])
    assert "2000 real points" in result.output
