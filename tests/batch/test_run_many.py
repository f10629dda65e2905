"""Many independent tasks: order, failures, workers that die, and what is kept."""

import os
import signal
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from hftranslate.batch.run_many import Failed, run_many
from hftranslate.errors import InputError, WorkersLost


def square(x: int) -> int:
    if x < 0:
        raise InputError(f"{x} is negative")
    return x * x


def die(x: int) -> int:
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def defect(x: int) -> int:
    return x // 0


@pytest.mark.parametrize("threads", [0, 3])
def test_results_are_in_the_order_of_the_items_and_failures_have_a_reason(threads: int) -> None:
    kept: dict[int, Any] = {}
    seen: list[tuple[str, int, int]] = []

    def listen(step: str, done: int, total: int) -> None:
        seen.append((step, done, total))

    items = [3, -1, 2]
    if threads:
        with ThreadPoolExecutor(threads) as executor:
            results = run_many(square, items, executor=executor, keep=kept.__setitem__, progress=listen, step="squares")
    else:
        results = run_many(square, items, keep=kept.__setitem__, progress=listen, step="squares")
    assert results == [9, Failed("-1 is negative"), 4]
    assert kept == dict(enumerate(results))
    assert seen == [("squares", done, 3) for done in range(4)]


def test_a_defect_is_no_failed_item() -> None:
    with pytest.raises(ZeroDivisionError):
        run_many(defect, [1])
    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        run_many(defect, [1], executor=executor)


def nothing_for_even(x: int) -> int | None:
    return x if x % 2 else None


@pytest.mark.parametrize("threads", [0, 3])
def test_no_result_is_a_result_and_has_its_place(threads: int) -> None:
    if threads:
        with ThreadPoolExecutor(threads) as executor:
            found = run_many(nothing_for_even, range(5), executor=executor)
    else:
        found = run_many(nothing_for_even, range(5))
    assert found == [None, 1, None, 3, None]


def test_processes_give_the_same_as_none() -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert run_many(square, range(5), executor=executor) == run_many(square, range(5))


def test_a_worker_that_dies_is_reported() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(WorkersLost, match="run again with it"),
    ):
        run_many(die, range(6), executor=executor)


class KilledWorker(Exception):
    """What dask raises where every worker that took up a task died; known by the module that defines it."""


KilledWorker.__module__ = "distributed.scheduler"


@pytest.mark.parametrize("error", [KilledWorker("x"), CancelledError()])
def test_workers_of_a_cluster_that_are_gone_are_reported(error: Exception) -> None:
    class Cluster(ThreadPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Any:
            future: Future[int] = Future()
            future.set_exception(error)
            return future

    with Cluster(1) as executor, pytest.raises(WorkersLost, match="a worker process died"):
        run_many(square, [1, 2], executor=executor)
