"""Readers: what ships reads, round trips, and errors of one sentence."""

import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fmq_explore.data import load
from fmq_explore.measure import (
    Reader,
    ReaderCard,
    available_readers,
    available_references,
    load_reader,
    load_reference,
    readability,
)

NAMES = ["digits", "mnist", "fashion", "cifar10", "emoji"]
LEAST = {"digits": 0.95, "mnist": 0.985, "fashion": 0.9, "cifar10": 0.7, "emoji": 0.7}


@pytest.fixture
def reader():
    torch.manual_seed(0)
    return Reader((1, 8, 8), "abc", widths=(4, 8), halve_before=(1,)).eval()


def card_of(reader, name="tiny"):
    return ReaderCard(name, reader.data_shape, reader.class_names, reader.network, accuracy=0.5)


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_that_ships_reads_as_its_card_says(name):
    """On the real test images that ship: some 300 to 500 of those that the card counts."""
    card, reader, reference = available_readers()[name], load_reader(name), load_reference(name)
    assert reader.card == card
    assert not reader.training
    assert sum(p.numel() for p in reader.parameters()) == card.n_parameters < 300_000
    assert card.accuracy >= LEAST[name]
    share = float(readability(reader, reference.images, reference.labels).float().mean())
    error = 3 * (card.accuracy * (1 - card.accuracy) / len(reference.images)) ** 0.5
    assert share == pytest.approx(card.accuracy, abs=error + 0.005)


def test_the_digits_reader_has_the_accuracy_on_its_card():
    test, reader = load("digits", split="test"), load_reader("digits")
    right = readability(reader, test.x, test.labels).float()
    assert float(right.mean()) == pytest.approx(reader.card.accuracy, abs=0.004)
    per_class = [float(right[test.labels == i].mean()) for i in range(10)]
    assert per_class == pytest.approx(reader.card.class_accuracy, abs=0.04)


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_fits_its_reader(name):
    reader, reference = load_reader(name), load_reference(name)
    assert reference.images.shape[1:] == reader.data_shape
    assert len(reference.images) == {"digits": 297, "emoji": 378}.get(name, 512)
    assert len(reference.features) == {"digits": 297, "emoji": 378}.get(name, 2000)
    assert reference.images.min() == -1
    assert reference.images.max() == 1
    features, _ = reader.read(reference.images)
    assert features.shape == (len(reference.images), 64)
    stored = reference.features[: len(features)]
    assert (features - stored).abs().max() < 0.01 * features.max()


@pytest.mark.parametrize("name", ["gaussians", "moons", "checkerboard", "spiral"])
def test_references_of_points_are_real_points(name):
    reference = load_reference(name)
    assert reference.images.shape == (2000, 2)
    assert reference.features is None
    drawn = {tuple(point) for point in load(name, split="test").x.tolist()}
    assert all(tuple(point) in drawn for point in reference.images[:50].tolist())


@pytest.mark.parametrize("name", NAMES)
def test_reading_is_quick(name):
    """At most 40 million operations an image: 256 in a fifth of a second on one core."""
    reader = load_reader(name)
    with FlopCounterMode(display=False) as counter:
        reader.read(torch.zeros(2, *reader.data_shape))
    assert counter.get_total_flops() / 2 < 40e6


def test_features_do_not_depend_on_the_batch_or_on_what_a_screen_cannot_show(reader):
    images = torch.randn(600, 1, 8, 8)
    features, classes = reader.read(images)
    assert torch.allclose(features[590:], reader.features(images[590:]), atol=1e-6)
    assert torch.allclose(features, reader.read(images.clamp(-1, 1))[0], atol=1e-6)
    assert torch.equal(classes, reader(images).argmax(1))
    assert (features >= 0).all()


def test_readability_counts_what_is_read_as_asked(reader):
    images = torch.randn(50, 1, 8, 8)
    _, classes = reader.read(images)
    asked = classes.clone()
    asked[:20] = (asked[:20] + 1) % 3
    assert readability(reader, images, asked).tolist() == [False] * 20 + [True] * 30


def test_a_reader_makes_the_round_trip_in_half_precision(reader, tmp_path):
    card = card_of(reader)
    path = reader.save(card, tmp_path)
    loaded = load_reader("tiny", tmp_path)
    assert loaded.card == card
    assert loaded.class_names == ("a", "b", "c")
    for key, value in reader.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value.half().to(value.dtype))
    assert path.stat().st_size < 2 * card.n_parameters + 6000


def test_what_is_missing_or_broken_is_one_sentence(reader, tmp_path):
    with pytest.raises(ValueError, match="no reader 'celeba': there is cifar10, digits"):
        load_reader("celeba")
    with pytest.raises(ValueError, match="no reference data 'celeba': there is"):
        load_reference("celeba")
    with pytest.raises(ValueError, match="there is none; fmq-explore train-reader"):
        load_reader("digits", tmp_path)
    path = reader.save(card_of(reader), tmp_path)
    card = json.loads(path.with_suffix(".json").read_text())
    card["network"]["widths"] = [4, 9]
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="does not fit the network on its card"):
        load_reader("tiny", tmp_path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match="is not the card of a reader"):
        load_reader("tiny", tmp_path)
    (tmp_path / "reference").mkdir()
    path.rename(tmp_path / "reference" / path.name)
    with pytest.raises(ValueError, match="it is not a file of reference data"):
        load_reference("tiny", tmp_path)


def test_wrong_images_are_one_sentence(reader):
    for wrong in (torch.zeros(2, 3, 8, 8), torch.zeros(0, 1, 8, 8), torch.zeros(2, 2)):
        with pytest.raises(ValueError, match=r"use \(n, 1, 8, 8\) with n >= 1"):
            reader.read(wrong)
    with pytest.raises(ValueError, match="one is needed for each of the 2 samples"):
        readability(reader, torch.zeros(2, 1, 8, 8), torch.tensor([0]))
    with pytest.raises(ValueError, match="at least 8 x 8 pixels and at least 2 classes"):
        Reader((1, 4, 4), "ab")


def test_names_of_what_ships_agree():
    assert sorted(available_readers()) == sorted(NAMES)
    assert set(NAMES) < set(available_references())
