"""The survey's map in docs/survey.md: every row is there, and every name in it exists."""

import re
from functools import reduce
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

import fmq_explore as fmq
from fmq_explore.hardware import available_stacks
from fmq_explore.integer import ROUNDINGS, simulate
from fmq_explore.quantize import CODEBOOK_DTYPES, GRANULARITIES, SCHEMES
from fmq_explore.quantize.calibration import CALIBRATIONS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "survey.md").read_text(encoding="utf-8")
TABLES = TEXT.partition("## Advice")[0]
ROWS = [line for line in TABLES.splitlines() if re.match(r"\| (?!The survey|-)", line)]
NAMES = sorted(set(re.findall(r"`((?:fmq|fmq_explore)(?:\.\w+)+)`", TEXT)))
CHOICES = {
    "scheme": SCHEMES,
    "granularity": GRANULARITIES,
    "method": CALIBRATIONS,
    "rounding": ROUNDINGS,
    "codebook_dtype": CODEBOOK_DTYPES,
    "stack": [stack.name for stack in available_stacks()],
}
OF_THE_SURVEY = (
    *("asymmetric", "symmetric", "static", "dynamic"),
    *("network", "tensor", "channel", "group", "per channel"),
    *("min-max", "MSE clip", "percentile", "entropy", "learned"),
    *("logarithmic", "power of two", "shared centroids"),
    *("PTQ", "QAT", "sensitivity", "budget", "binary", "ternary", "hardware-aware", "data-free"),
    *("fp16", "bf16", "minifloats"),
    *("TFLite Micro", "CMSIS-NN", "STM32Cube.AI", "ESP-NN", "PULP-NN", "CMix-NN"),
    *("ai8x", "GAPFlow", "Ethos-U Vela", "ExecuTorch"),
)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_exists(name: str) -> None:
    _, *path = name.split(".")
    for depth in range(len(path), -1, -1):  # a package and a function may share a name
        try:
            module = import_module(".".join(["fmq_explore", *path[:depth]]))
        except ModuleNotFoundError:
            continue
        assert reduce(getattr, path[depth:], module) is not None
        return


def test_every_choice_exists() -> None:
    found = set(re.findall(r'`(\w+)="([^"`]+)"`', TEXT))
    assert len(found) > 25
    for option, value in found:
        assert value in CHOICES[option], f"{option}={value}"
    assert {value for option, value in found if option == "scheme"} == SCHEMES.keys()
    assert {value for option, value in found if option == "stack"} <= set(CHOICES["stack"])


@pytest.mark.parametrize("row", OF_THE_SURVEY)
def test_every_row_of_the_survey_is_there(row: str) -> None:
    assert any(row in line.split("|")[1] for line in ROWS)


def test_a_row_says_what_is_done_or_why_it_is_only_named() -> None:
    for line in ROWS:
        _, _, here, name, *_ = (cell.strip() for cell in line.split("|"))
        assert "named" in here if name == "–" else "`" in name, line


def test_files_that_are_pointed_at_are_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / target).exists()
    for path in re.findall(r"`((?:apps|tests)/[\w./]+)`", TEXT):
        assert (ROOT / path).exists(), path
    assert "docs/survey.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_uses_arguments_that_there_are() -> None:
    assert {"model", "ranges", "weight_bits"} <= signature(simulate).parameters.keys()
    assert "label" in signature(fmq.sample).parameters
