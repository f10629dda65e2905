"""Many fits whose results are kept in a journal while they arrive."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hftranslate.batch.journal import Journal
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_many import Failed, run_many

T = TypeVar("T")


def run_kept(
    function: Callable[[Any], Any],
    items: Sequence[T],
    *,
    fits: Callable[[T, Any], bool],
    step: str = "tasks",
    together: int | None = None,
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
    together
        how many items the function takes at once, as a list, for which it gives a list of results; ``None`` where it
        takes one that is in no list.
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
    kept = {} if journal is None else journal.results
    keys = [repr(item) for item in items]
    for key, item in zip(keys, items, strict=True):
        if journal is not None and key in kept and not fits(item, kept[key]):
            raise journal.wrong(key, step)
    missing = [i for i, key in enumerate(keys) if key not in kept]
    size = together or 1
    groups = [missing[first : first + size] for first in range(0, len(missing), size)]
    found = [kept.get(key) for key in keys]

    def keep(position: int, result: Any) -> None:
        group = groups[position]
        results = [result] * len(group) if together is None or isinstance(result, Failed) else result
        for i, one in zip(group, results, strict=True):
            found[i] = one
            if journal is not None and not isinstance(one, Failed):
                journal.keep(keys[i], one)

    def progress(what: str, done: int, _: int) -> None:
        batch.progress(what, min(done * size, len(missing)), len(missing))

    todo: list[Any] = [items[group[0]] if together is None else [items[i] for i in group] for group in groups]
    run_many(function, todo, executor=batch.executor, progress=progress, step=step, keep=keep)
    return found
