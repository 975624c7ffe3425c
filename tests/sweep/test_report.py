"""RESULTS.md and the figures come from the table, and from nothing else."""

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fmq_explore import cli
from fmq_explore.sweep.plots import draw_figures
from fmq_explore.sweep.report import report
from fmq_explore.sweep.table import Table, load_table, write_table

from .made import made_table

ROOT = Path(__file__).parents[2]
OT = "equal_mass"
run = CliRunner().invoke


def verdicts(text):
    """The verdicts in the table at the head, row by row."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and "**" in line]
    return [[cell.strip(" *") for cell in line.split("|")[2:-1]] for line in lines[:4]]


def test_the_committed_results_are_those_of_the_committed_table():
    text = report(load_table())
    assert (ROOT / "RESULTS.md").read_text(encoding="utf-8") == text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (ROOT / line.rpartition("(")[2].rstrip(")")).is_file(), line


def test_the_report_says_what_the_claims_say():
    agreeing = made_table(
        fd=lambda s, b: 1.05 if s == OT else 9.0,
        w2_squared=lambda s, b: 4.0**-b * (0.3 if s == OT else 1),
        variance=lambda s, b: 1.0 if s == OT else 9.0,
    )
    found = verdicts(report(agreeing))
    assert [row[0] for row in found] == ["holds", "holds partly", "holds partly", "holds"]
    opposed = made_table(
        fd=lambda s, b: 9.0 if s == OT else 1.05,
        w2_squared=lambda s, b: 2.0**-b,
        variance=lambda s, b: 9.0 if s == OT else 1.0,
    )
    assert {word for row in verdicts(report(opposed)) for word in row} == {"does not hold"}


def test_numbers_follow_the_table():
    table = made_table()
    other = Table(tuple(dict(row, psnr=row["psnr"] and row["psnr"] + 3.0) for row in table.rows))
    one, two = report(table).splitlines(), report(other).splitlines()
    changed = [(a, b) for a, b in zip(one, two, strict=True) if a != b]
    assert len(changed) == 2 * 8  # PSNR by label and by true bits; slopes and winners stay


def test_a_report_needs_what_the_claims_are_about():
    table = made_table()
    for rows, words in (
        (table.select(granularity=("", "tensor")), "lacks granularity channel"),
        (table.select(scheme=("full", "uniform", "optimal")), "lacks equal_mass"),
    ):
        with pytest.raises(ValueError, match=words):
            report(rows)


def test_figures_change_with_their_column_of_the_table_and_with_nothing_else(tmp_path):
    one = made_table(granularities=("channel",))
    two = made_table(fd=lambda scheme, bits: 2.0 + bits, granularities=("channel",))
    first, second = draw_figures(one, tmp_path / "a"), draw_figures(two, tmp_path / "b")
    same = {
        path.name: path.read_bytes() == other.read_bytes()
        for path, other in zip(first, second, strict=True)
    }
    assert same == {
        "quality-channel.svg": False,
        "latents-channel.svg": True,
        "true-bits.svg": False,
    }


def test_the_commands_write_the_results_and_the_sheets(tmp_path):
    table = load_table().select(model="digits")
    write_table(table, tmp_path / "digits.csv")
    options = ["--table", str(tmp_path / "digits.csv"), "--out"]
    written = run(cli.app, ["sweep-report", *options, str(tmp_path / "new" / "R.md")])
    assert written.exit_code == 0, written.output
    assert (tmp_path / "new" / "R.md").read_text(encoding="utf-8") == report(table)
    drawn = run(cli.app, ["sweep-figures", *options, str(tmp_path / "figures")])
    assert drawn.exit_code == 0, drawn.output
    with Image.open(tmp_path / "figures" / "samples-digits.png") as sheet:
        assert sheet.width > 2 * sheet.height
        assert len(sheet.convert("L").getcolors()) > 50
