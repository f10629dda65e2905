"""Many independent tasks: on workers or here, in any order of arrival, with the results in the order of the items.

A failed item never stops the others. What was done is handed out as it arrives, so that an interrupted run can keep it
(:mod:`hftranslate.batch.journal`). Results do not depend on the number of workers: a task sees its item and nothing
else. Only so many items as keep the workers busy are submitted at a time, and the function travels to each worker once:
what client and scheduler hold does not grow with the number of items.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

from hftranslate.batch.executors import cores
from hftranslate.batch.progress import Progress, silent
from hftranslate.batch.shipping import dask_client, shipped
from hftranslate.errors import HFTranslateError, WorkersLost

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Failed:
    """An item without a result, and the sentence that says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T, R]):
    """A task that turns the errors of this package into values; it travels to workers, so its function must pickle."""

    function: Callable[[T], R]

    def __call__(self, item: T) -> R | Failed:
        """The result of one item, or why there is none."""
        try:
            return self.function(item)
        except HFTranslateError as error:
            return Failed(str(error))


def run_many(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
    step: str = "tasks",
    keep: Callable[[int, R | Failed], None] | None = None,
) -> list[R | Failed]:
    """Apply a function to every item.

    Parameters
    ----------
    function
        called with one item; with an executor of other processes, a module-level function or an object that pickles.
        An :class:`~hftranslate.errors.HFTranslateError` makes its item :class:`Failed`; any other error is a defect and
        is raised.
    items
        what to call it with, one at a time.
    executor
        where the calls are made: a process pool, ``dask.distributed.Client.get_executor()``, or ``None`` for here, one
        after the other. It stays open.
    progress
        listens to how many items are done.
    step
        what is being done, for the listener.
    keep
        called with the index of an item and its result, in the order of arrival, in this process.

    Returns
    -------
    list
        one result per item, in the order of the items.

    Raises
    ------
    WorkersLost
        A worker process died; what arrived before has been given to ``keep``.
    """
    results: dict[int, R | Failed] = {}
    progress(step, 0, len(items))
    for done, (index, _, result) in enumerate(run_each(function, items, executor=executor), start=1):
        results[index] = result
        if keep is not None:
            keep(index, result)
        progress(step, done, len(items))
    return [results[index] for index in range(len(items))]


def run_each(
    function: Callable[[T], R], items: Iterable[T], *, executor: Executor | None = None
) -> Iterator[tuple[int, T, R | Failed]]:
    """Index, item and result of every item, as the results arrive; nothing is held.

    Items are taken as workers come to need them: an iterator may make them by what has arrived.

    Parameters
    ----------
    function, executor
        as for :func:`run_many`.

    Raises
    ------
    WorkersLost
        A worker process died.
    """
    attempt = Attempt(function)
    if executor is None:
        return ((index, item, attempt(item)) for index, item in enumerate(items))
    return _on(executor, attempt, items)


#: Items that are submitted for each worker: enough that none waits while results are taken.
_AHEAD = 4
#: Seconds after which the workers of a cluster are counted again: they come and go.
_COUNTED = 10.0


class _Window:
    """How many items may be submitted at a time."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._until, self._size = executor, 0.0, 0

    @property
    def size(self) -> int:
        """It follows the number of workers."""
        if monotonic() >= self._until:
            self._size = _AHEAD * max(1, _n_workers(self._executor))
            self._until = monotonic() + _COUNTED
        return self._size


def _n_workers(executor: Executor) -> int:
    client = dask_client(executor)
    if client is not None:
        return sum(client.nthreads().values())
    n = getattr(executor, "_max_workers", None)
    return n if isinstance(n, int) else cores()


def _on(executor: Executor, attempt: Attempt[T, R], items: Iterable[T]) -> Iterator[tuple[int, T, R | Failed]]:
    waiting: dict[Future[R | Failed], tuple[int, T]] = {}
    done = SimpleQueue[Future[R | Failed]]()
    left, window = iter(enumerate(items)), _Window(executor)
    try:
        with shipped(attempt, executor) as function:
            while True:
                for index, item in islice(left, max(0, window.size - len(waiting))):
                    future = executor.submit(function, item)
                    waiting[future] = index, item
                    future.add_done_callback(done.put)
                if not waiting:
                    return
                future = done.get()
                index, item = waiting.pop(future)
                yield index, item, future.result()
    except Exception as error:
        if not _workers_lost(error):
            raise
        raise WorkersLost(
            "a worker process died (was it killed, or out of memory?); what was done is kept where a file for it "
            "was given: run again with it, and perhaps with fewer workers"
        ) from error
    finally:
        for future in waiting:
            future.cancel()


def _workers_lost(error: Exception) -> bool:
    """Whether the workers are gone, and not the task wrong; dask's errors are known by where they are defined."""
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__module__.startswith("distributed")
