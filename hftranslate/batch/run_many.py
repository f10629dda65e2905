"""Many independent tasks: on workers or here, in any order of arrival, with the results in the order of the items.

A failed item never stops the others. What was done is handed out as it arrives, so that an interrupted run can keep it
(:mod:`hftranslate.batch.journal`). Results do not depend on the number of workers: a task sees its item and nothing
else.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from dataclasses import dataclass
from typing import Generic, TypeVar

from hftranslate.batch.progress import Progress, silent
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
    arrivals = _here(Attempt(function), items) if executor is None else _on(executor, Attempt(function), items)
    for done, (index, result) in enumerate(arrivals, start=1):
        results[index] = result
        if keep is not None:
            keep(index, result)
        progress(step, done, len(items))
    return [results[index] for index in range(len(items))]


def _here(attempt: Attempt[T, R], items: Sequence[T]) -> Iterator[tuple[int, R | Failed]]:
    for index, item in enumerate(items):
        yield index, attempt(item)


def _on(executor: Executor, attempt: Attempt[T, R], items: Sequence[T]) -> Iterator[tuple[int, R | Failed]]:
    futures: dict[Future[R | Failed], int] = {}
    try:
        for index, item in enumerate(items):
            futures[executor.submit(attempt, item)] = index
        for future in as_completed(futures):
            yield futures[future], future.result()
    except Exception as error:
        if not _workers_lost(error):
            raise
        raise WorkersLost(
            "a worker process died (was it killed, or out of memory?); what was done is kept where a file for it "
            "was given: run again with it, and perhaps with fewer workers"
        ) from error
    finally:
        for future in futures:
            future.cancel()


def _workers_lost(error: Exception) -> bool:
    """Whether the workers are gone, and not the task wrong; dask's errors are known by where they are defined."""
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__module__.startswith("distributed")
