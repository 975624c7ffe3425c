"""Sweeps that are interrupted: nothing is lost, and nothing is done twice."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest
from typer.testing import CliRunner

from fmq_explore import cli, sweep
from fmq_explore.sweep import Task, load_table, plan
from fmq_explore.sweep.journal import Journal
from fmq_explore.sweep.run import run
from fmq_explore.sweep.workers import in_processes

SMALL = {"models": ["gaussians"], "schemes": ["uniform", "equal_mass"], "n": 32, "steps": 2}
OPTIONS = ["--models", "gaussians", "--schemes", "uniform,equal_mass", "--n", "32", "--steps", "2"]
N_ROWS = 2 * 7 * 2 * 3 + 3


def keys(path):
    """The keys of the journal's lines, in their order; a torn last line has none yet."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line)["key"] for line in lines]


def figures(path):
    """The rows of a journal by key, to the last digit, without the time they took."""
    return {k: row | {"seconds": 0} for k, row in Journal(path).rows.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The journal of a sweep in this process that nobody interrupted."""
    path = tmp_path_factory.mktemp("whole") / "sweep.jsonl"
    table = sweep(**SMALL, journal=path, workers=0, progress=False)
    assert len(table) == len(keys(path)) == N_ROWS
    return path


def test_a_second_run_measures_nothing_and_a_larger_one_only_what_is_new(whole, tmp_path):
    path = tmp_path / "sweep.jsonl"
    path.write_bytes(whole.read_bytes())
    out = tmp_path / "sweep.csv"
    table = sweep(**SMALL, journal=path, out=out, workers=0, progress=False)
    assert path.read_bytes() == whole.read_bytes()
    assert load_table(out).to_csv() == table.to_csv()
    larger = sweep(**SMALL, bits=[1, 2], journal=path, workers=0, progress=False)
    assert len(larger) == 2 * 2 * 2 * 3 + 3
    assert len(keys(path)) == N_ROWS + 2 * 1 * 2 * 3


def test_a_task_that_fails_is_a_sentence_and_is_tried_again(tmp_path, capsys):
    path = tmp_path / "sweep.jsonl"
    good = Task("gaussians", "uniform", 2, n=8, steps=1)
    bad = Task("gaussians", "uniform", 2, granularity="row", n=8, steps=1)
    for attempt in (1, 2):
        assert len(run([bad, good], path, workers=0)) == 1
        said = capsys.readouterr().err
        assert said.startswith("gaussians, uniform 2 bits row, seed 0: granularity")
        assert said.count("\n") == 1
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        assert ["error" in entry for entry in entries] == [True, False, True][: attempt + 1]


def test_processes_on_this_machine_measure_the_same_and_survive_a_death(whole):
    tasks = dict(zip(keys(whole), plan(**SMALL), strict=True))
    found = {}
    for outcome in in_processes(tasks, workers=2):
        assert outcome.key not in found
        found[outcome.key] = outcome.row | {"seconds": 0}
        if len(found) == 5:
            multiprocessing.active_children()[0].kill()
    nothing = {
        key: {n: None if v != v else v for n, v in row.items()} for key, row in found.items()
    }
    assert nothing == figures(whole)
    assert not multiprocessing.active_children()


def test_a_killed_sweep_goes_on_where_it_was(whole, tmp_path):
    path, out = tmp_path / "sweep.jsonl", tmp_path / "sweep.csv"
    files = ["--journal", str(path), "--out", str(out), "--workers", "1"]
    command = [sys.executable, "-m", "fmq_explore.cli", "sweep", *OPTIONS, *files]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while len(keys(path)) < 5:
            assert process.poll() is None
            time.sleep(0.002)
        children = psutil.Process(process.pid).children()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert children
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not out.exists()
    done = keys(path)
    assert 5 <= len(done) < N_ROWS
    result = CliRunner().invoke(cli.app, ["sweep", *OPTIONS, *files[:-1], "0"])
    assert result.exit_code == 0, result.output
    assert f"{N_ROWS} of {N_ROWS} rows" in result.output
    assert keys(path)[: len(done)] == done
    assert len(keys(path)) == len(set(keys(path))) == N_ROWS
    assert figures(path) == figures(whole)
    assert len(load_table(out)) == N_ROWS


def test_ctrl_c_says_how_to_go_on(tmp_path):
    path = tmp_path / "sweep.jsonl"
    files = ["--journal", str(path), "--out", str(tmp_path / "sweep.csv"), "--workers", "1"]
    command = [sys.executable, "-m", "fmq_explore.cli", "sweep", *OPTIONS, *files]
    # A job in the background of a shell ignores the signal, and so would what it starts
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    while not keys(path):
        assert process.poll() is None
        time.sleep(0.002)
    children = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"finished rows are in {path}: run the same again to go on" in said
    assert "Traceback" not in said
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_the_command_refuses_what_it_cannot_read(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("fmq_explore.sweep.workers.PATIENCE", 1)
    for arguments, words in (
        (["--bits", "two"], "bits are 'two': give whole numbers"),
        (["--models", "celeba"], "no model 'celeba'"),
        (["--workers", "-1"], "workers is -1"),
        (["--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler answers"),
    ):
        files = ["--journal", str(tmp_path / "j"), "--out", str(tmp_path / "o.csv")]
        options = arguments if "--models" in arguments else [*OPTIONS, *arguments]
        monkeypatch.setattr(sys, "argv", ["fmq-explore", "sweep", *options, *files])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 1
        assert words in capsys.readouterr().err
