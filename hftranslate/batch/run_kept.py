"""Many fits whose results are kept in a journal while they arrive."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hftranslate.batch.journal import Journal
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_many import Failed, run_many

T = TypeVar("T")


def run_kept(
    function: Callable[[T], Any],
    items: Sequence[T],
    *,
    fits: Callable[[T, Any], bool],
    step: str = "tasks",
    batch: BatchOptions = DEFAULT_BATCH,
    journal: Journal | None = None,
) -> list[Any]:
    """:func:`~hftranslate.batch.run_many.run_many` for results that are JSON values, kept in a journal where there is
    one.

    Items whose result is in the journal, under their ``repr``, are not run again; failed items are not kept.

    Parameters
    ----------
    function
        called with one item, as in :func:`~hftranslate.batch.run_many.run_many`; its result is a JSON value.
    items
        what to run it on; the ``repr`` of an item is its key in the journal.
    fits
        whether a JSON value can be the result of an item: it judges what the journal holds.
    step
        what is being done, for the listener.
    batch, journal
        where the items run and who listens; the journal is the one that ``batch`` opened for this task.

    Returns
    -------
    list
        one result per item, in the order of the items: a JSON value, or :class:`~hftranslate.batch.run_many.Failed`.

    Raises
    ------
    FormatError
        The journal holds something else.
    """
    if journal is None:
        return run_many(function, items, executor=batch.executor, progress=batch.progress, step=step)
    keys = [repr(item) for item in items]
    for key, item in zip(keys, items, strict=True):
        if key in journal.results and not fits(item, journal.results[key]):
            raise journal.wrong(key, step)
    missing = [i for i, key in enumerate(keys) if key not in journal.results]

    def keep(position: int, result: Any) -> None:
        if not isinstance(result, Failed):
            journal.keep(keys[missing[position]], result)

    todo = [items[i] for i in missing]
    arrived = run_many(function, todo, executor=batch.executor, progress=batch.progress, step=step, keep=keep)
    found = [journal.results.get(key) for key in keys]
    for i, result in zip(missing, arrived, strict=True):
        found[i] = result
    return found
