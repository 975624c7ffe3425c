"""The command that exports: files of the sizes that it prints, and mistakes in one sentence."""

import sys
from pathlib import Path

import pytest
from safetensors import safe_open
from typer.testing import CliRunner

import fmq_explore as fmq
from fmq_explore import cli
from fmq_explore.hardware.export import c_data_bytes, write_onnx

run = CliRunner().invoke


def exported(*arguments: object) -> str:
    result = run(cli.app, ["export", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_every_format_is_written_with_the_size_that_is_printed(tmp_path: Path) -> None:
    qm = fmq.quantize_model(fmq.load_model("moons"), "uniform", 4, "group", 16)
    options = ("--scheme", "uniform", "--bits", 4, "--granularity", "group", "--group-size", 16)
    packed, header, onnx = (tmp_path / "new" / f"m{end}" for end in (".safetensors", ".h", ".onnx"))
    assert exported("moons", "--output", packed, *options) == f"{packed}: {qm.n_bytes} bytes"
    assert packed.stat().st_size == qm.n_bytes
    said = exported("moons", "--output", header, "--format", "c", *options)
    assert said.startswith(f"{header}: {c_data_bytes(qm)} bytes of constants, ")
    assert said.endswith(f" {header.stat().st_size} bytes of text")
    said = exported("moons", "--output", onnx, *options)
    assert said == f"{onnx}: {onnx.stat().st_size} bytes"


def test_a_quantized_file_is_exported_as_it_is(tmp_path: Path) -> None:
    """Rescued and mixed networks, too: whatever the file holds."""
    bits = {"hidden.*.weight": 2, "condition.*.weight": 5, "first.weight": 8, "last.weight": 8}
    qm = fmq.quantize_model(fmq.load_model("moons"), "optimal", bits)
    packed, header, copy = tmp_path / "q.safetensors", tmp_path / "q.h", tmp_path / "c.safetensors"
    qm.save(packed)
    assert f" {c_data_bytes(qm)} bytes of constants" in exported(packed, "--output", header)
    exported(packed, "--output", copy)
    with safe_open(packed, "np") as one, safe_open(copy, "np") as other:
        assert one.keys() == other.keys()
        assert all((one.get_tensor(k) == other.get_tensor(k)).all() for k in one.keys())  # noqa: SIM118


def test_full_precision_goes_to_onnx(tmp_path: Path) -> None:
    path = tmp_path / "full.onnx"
    exported("moons", "--output", path, "--scheme", "none")
    assert path.stat().st_size == write_onnx(fmq.load_model("moons"), tmp_path / "same.onnx")


def test_a_scheme_gets_bits_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "ternary.safetensors"
    exported("moons", "--output", path, "--scheme", "ternary")
    assert set(fmq.load_quantized(path).bits.values()) == {2}


def test_a_header_is_named_after_its_file(tmp_path: Path) -> None:
    for name, prefix in (("two bits.h", "two_bits"), ("2bit.h", "model_2bit"), ("é.h", "model")):
        exported("moons", "--output", tmp_path / name)
        assert f"static const {prefix}_tensor {prefix}_tensors[" in (tmp_path / name).read_text()


def test_a_mistake_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "q.safetensors"
    fmq.quantize_model(fmq.load_model("moons")).save(packed)
    out = ["--output", str(tmp_path / "x.h")]
    for arguments, words in (
        (["moons", "--output", str(tmp_path / "x.bin")], "does not say a format: end it in one"),
        (["moons", *out, "--format", "tflite"], "choose one of safetensors, c, onnx"),
        (["moons", *out, "--scheme", "none"], "format 'c' is for quantized networks"),
        (["moons", *out, "--scheme", "none", "--bits", "2"], "'none' is full precision"),
        (["moons", *out, "--scheme", "best"], "scheme 'best' is unknown"),
        (["moons", *out, "--bits", "9"], "from 1 to 8, got 9"),
        (["celeba", *out], "no model 'celeba': use one of"),
        ([str(packed), *out, "--bits", "2"], "is quantized already: leave out --bits"),
        ([str(tmp_path / "none.safetensors"), *out], "none.safetensors"),
    ):
        monkeypatch.setattr(sys, "argv", ["fmq-explore", "export", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 1
        printed = capsys.readouterr().err
        assert words in printed
        assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == [packed]
