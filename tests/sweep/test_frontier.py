"""The rows of a frontier: what is planned, how they are measured, and their table."""

from dataclasses import replace

import pytest

import fmq_explore as fmq
from fmq_explore.measure import psnr
from fmq_explore.rescue import RESCUES, Rescue, TuneRecipe
from fmq_explore.sweep import load_table, plan_frontier, run_task, write_table
from fmq_explore.sweep.bench import draw, reference_run
from fmq_explore.sweep.frontier import PARTS
from fmq_explore.sweep.table import COLUMNS, EXTRA, tidy
from fmq_explore.sweep.tasks import Task, content_key

DIGITS = Task("digits", "optimal", 0, n=24, steps=2, latents=False)


def test_the_plan_has_every_part_and_the_sweeps_setting() -> None:
    tasks = plan_frontier(["digits"])
    assert len(set(tasks)) == len(tasks)
    assert {(t.n, t.steps, t.seed) for t in tasks} == {(100, 6, s) for s in (0, 1, 2)}
    assert not any(t.latents for t in tasks)
    assert {t.rescue for t in tasks} == {"", *RESCUES}
    assert {t.granularity for t in tasks} == {"tensor", "channel", "group", "shared"}
    assert all(t.objective for t in tasks if t.budget)
    shipped = {(r["scheme"], r["bits"], r["granularity"]) for r in load_table().rows}
    again = [t for t in tasks if not t.budget and not t.rescue]
    assert not any((t.scheme, t.bits, t.granularity) in shipped for t in again)


def test_the_shipped_sweep_was_measured_in_that_setting() -> None:
    table = load_table()
    assert table.values("n") == (100,)
    assert table.values("steps") == (6,)
    assert set(table.values("seed")) == {0, 1, 2}


def test_parts_can_be_chosen() -> None:
    alone = [plan_frontier(["moons"], [part], seeds=[0]) for part in PARTS]
    assert sum(map(len, alone)) == len(plan_frontier(["moons"], seeds=[0]))
    with pytest.raises(ValueError, match="part 'all' is unknown; choose one of mixed"):
        plan_frontier(["moons"], ["all"])


def test_a_budgeted_row_is_that_of_the_public_functions() -> None:
    row = run_task(replace(DIGITS, budget=60_000, objective="sensitivity"))
    model = fmq.load_model("digits")
    shared = fmq.allocate(model, 60_000, codebook_dtype="float16", weights="sensitivity")
    qm = fmq.quantize_model(model, bits=shared.bits, codebook_dtype="float16")
    assert row["n_bytes"] == qm.n_bytes == shared.n_bytes <= 60_000
    assert row["relative_error"] == pytest.approx(qm.relative_error)
    reference = reference_run("digits", 24, 2, "midpoint", 0).samples
    samples = draw(qm.model, 24, 2, "midpoint", 0).samples
    assert row["psnr"] == pytest.approx(float(psnr(reference, samples).mean()), rel=1e-5)
    assert (row["budget"], row["objective"]) == (60_000, "sensitivity")


def test_a_rescued_row_is_better_than_it_was(monkeypatch) -> None:
    plain = run_task(replace(DIGITS, bits=2))
    monkeypatch.setitem(RESCUES, "levels", Rescue("briefly", TuneRecipe(steps=30)))
    row = run_task(replace(DIGITS, bits=2, rescue="levels"))
    assert row["psnr"] > plain["psnr"]
    assert row["n_bytes"] - plain["n_bytes"] <= 200
    assert row["rescue"] == "levels"


def test_old_journals_keep_their_keys() -> None:
    """The key of a plain task must not depend on what tasks can say since."""
    key = content_key(Task("moons", "uniform", 2), "print")
    assert key == "880d4a2944a24b3d91643000ed0ce61b"
    assert content_key(Task("moons", "uniform", 2, budget=9), "print") != key
    assert content_key(Task("moons", "uniform", 2, rescue="levels"), "print") != key


def test_the_table_has_further_columns_only_where_they_say_something(tmp_path) -> None:
    plain = dict.fromkeys(COLUMNS, "") | {"model": "digits", "bits": 2, "n_bytes": 5}
    mixed = plain | {"bits": 0, "budget": 60_000, "objective": "error"}
    for rows, columns in (([plain], COLUMNS), ([plain, mixed], COLUMNS + EXTRA)):
        table = tidy(rows)
        assert table.columns == columns
        write_table(table, tmp_path / "table.csv")
        again = load_table(tmp_path / "table.csv")
        assert str(again.rows) == str(table.rows)
    assert again.select(budget=60_000).values("objective") == ("error",)
