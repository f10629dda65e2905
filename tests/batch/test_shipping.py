"""Functions that lie with the workers, and windows of submissions."""

import os
import pickle
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from hftranslate.batch.run_many import run_each, run_many
from hftranslate.batch.shipping import Shipped, _delivered, shipped

#: Bytes of a function that is worth shipping.
LARGE = 1_000_000


@dataclass(frozen=True)
class Add:
    """Adds to an item, and carries much; it says in which process it was unpacked, and how often."""

    ballast: bytes
    folder: Path

    def __call__(self, item: int) -> tuple[int, int]:
        return item + 1, os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with (self.folder / str(os.getpid())).open("a") as file:
            file.write("unpacked\n")


def add(folder: Path) -> Add:
    return Add(ballast=os.urandom(LARGE), folder=folder)


def unpacked(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.iterdir()]


def test_each_process_unpacks_it_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = run_many(add(tmp_path), range(40), executor=pool)
    assert [item for item, _ in found] == [*range(1, 41)]
    assert len(unpacked(tmp_path)) == len({pid for _, pid in found})
    assert set(unpacked(tmp_path)) == {"unpacked\n"}


def test_what_goes_along_with_an_item_is_small_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, shipped(add(tmp_path), pool) as function:
        assert isinstance(function, Shipped)
        assert len(pickle.dumps(function)) < 1000
        assert function.path is not None
        assert function.path.stat().st_size > LARGE
    assert not function.path.exists()


def test_small_functions_and_threads_need_no_shipping(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads, shipped(add(tmp_path), threads) as function:
        assert isinstance(function, Add)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, shipped(abs, pool) as small:
        assert small is abs


@pytest.mark.slow
def test_on_a_dask_cluster_new_workers_have_it_too(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        arrived = run_each(add(tmp_path), range(60), executor=client.get_executor(pure=False))
        first = next(arrived)
        cluster.scale(2)
        client.wait_for_workers(2)
        found = [first, *arrived]
        assert sorted(index for index, _, _ in found) == [*range(60)]
        pids = {result[1] for _, _, result in found}
        assert len(pids) == 2
        files = [path for path in tmp_path.iterdir() if path.name in {str(pid) for pid in pids}]
        assert [path.read_text() for path in files] == ["unpacked\n"] * 2
        assert set(client.run(_n_delivered).values()) == {0}


def _n_delivered() -> int:
    return len(_delivered)


def test_no_more_is_submitted_than_keeps_the_workers_busy() -> None:
    waiting: set[Future[int]] = set()
    most: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            future: Future[int] = super().submit(*args, **kwargs)
            waiting.add(future)
            future.add_done_callback(waiting.discard)
            most.append(len(waiting))
            return future

    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(200):
            taken.append(i)
            yield i

    with Counting(2) as executor:
        arrived = run_each(abs, items(), executor=executor)
        next(arrived)
        assert len(taken) <= 10
        assert sum(1 for _ in arrived) == 199
    assert max(most) <= 8
