"""The same sweep on a Dask cluster of real processes, one of which is killed midway."""

import os
import signal

import pytest

from fmq_explore import sweep
from fmq_explore.sweep.journal import Journal

SMALL = {"models": ["gaussians"], "schemes": ["uniform", "equal_mass"], "n": 32, "steps": 2}
N_ROWS = 2 * 7 * 2 * 3 + 3


@pytest.fixture
def cluster(tmp_path):
    """Two worker processes under a scheduler, without a dashboard."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path),
        silence_logs=50,
    ) as cluster:
        yield cluster


def test_a_worker_is_killed_and_nothing_is_lost_and_nothing_done_twice(
    cluster, tmp_path, monkeypatch
):
    from distributed import Client

    with Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
    add, added = Journal.add, []

    def add_and_kill(journal, key, row):
        added.append(key)
        add(journal, key, row)
        if len(added) == 10:
            os.kill(victim, signal.SIGKILL)

    monkeypatch.setattr(Journal, "add", add_and_kill)
    path = tmp_path / "dask.jsonl"
    table = sweep(**SMALL, journal=path, scheduler=cluster.scheduler_address, progress=False)
    monkeypatch.undo()
    assert len(table) == len(added) == len(set(added)) == N_ROWS
    assert len(path.read_text().splitlines()) == N_ROWS
    with Client(cluster) as client:
        assert victim not in client.run(os.getpid).values()

    local = sweep(**SMALL, journal=tmp_path / "local.jsonl", workers=0, progress=False)
    there, here = Journal(path).rows, Journal(tmp_path / "local.jsonl").rows
    assert {k: r | {"seconds": 0} for k, r in there.items()} == {
        k: r | {"seconds": 0} for k, r in here.items()
    }
    columns = [line.rsplit(",", 2)[0] for line in table.to_csv().splitlines()]
    assert columns == [line.rsplit(",", 2)[0] for line in local.to_csv().splitlines()]
