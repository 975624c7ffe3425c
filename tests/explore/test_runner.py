"""The latest job wins: older ones stop, waiting ones never begin, and nothing queues up."""

import threading
import time

from fmq_explore.explore import LatestRunner, Ticket


def test_the_latest_of_many_is_the_only_one_that_finishes() -> None:
    runner, begun, finished = LatestRunner(), [], []

    def job(i: int):
        def run(ticket: Ticket) -> None:
            begun.append(i)
            for _ in range(200):
                if not ticket.wait(0.005):
                    return
            finished.append(i)

        return run

    start = time.perf_counter()
    futures = [runner.submit(job(i)) for i in range(8)]
    for future in futures:
        future.result(timeout=30)
    assert finished == [7]
    assert len(begun) < 8
    assert time.perf_counter() - start < 20
    runner.close()


def test_a_waiting_job_hears_at_once_that_it_is_not_wanted() -> None:
    runner, started, verdict = LatestRunner(), threading.Event(), []

    def patient(ticket: Ticket) -> None:
        started.set()
        verdict.append(ticket.wait(30))

    future = runner.submit(patient)
    assert started.wait(5)
    runner.overtake()
    future.result(timeout=5)
    assert verdict == [False]
    runner.close()


def test_an_error_in_a_job_leaves_the_runner_alive() -> None:
    runner = LatestRunner()
    assert isinstance(runner.submit(lambda _: 1 / 0).exception(timeout=5), ZeroDivisionError)
    done = []
    runner.submit(lambda _: done.append(True)).result(timeout=5)
    assert done == [True]
    runner.close()
