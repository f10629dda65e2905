"""Where many fits run: here, on processes of this machine, or on a dask scheduler."""

import contextlib
import gc
import os
import signal
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING

from hftranslate.errors import InputError, needs_extra

if TYPE_CHECKING:
    from concurrent.futures import Executor


@contextlib.contextmanager
def executor_of(workers: int, dask: str | None = None) -> "Iterator[Executor | None]":
    """An executor for :class:`~hftranslate.batch.options.BatchOptions`; it is gone afterwards.

    Parameters
    ----------
    workers
        how many processes; one: run here (``None``).
    dask
        the address of a scheduler to run on instead.

    Returns
    -------
    Executor or None
        as a context: what runs tasks elsewhere; ``None`` where one worker runs them here.

    Raises
    ------
    MissingExtra
        dask.distributed is not installed.
    InputError
        No scheduler answers at the address.
    """
    if dask is not None:
        with _dask_executor(dask) as executor:
            yield executor
    elif workers == 1:
        yield None
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")  # workers share the cores already
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=prepare_worker)
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare_worker() -> None:
    """What a worker process does first: leave interruptions to the process that started it, and end with it.

    Ctrl-C reaches the whole group of processes: workers finish what they are at, and the main process decides. Where
    that one is gone, they would wait for tasks for ever.
    """
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Spare what has been read from the collection of garbage: looking at millions of objects takes its time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _dask_executor(address: str) -> "Iterator[Executor]":
    with needs_extra("dask", "--dask"):
        from distributed import Client
    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler answers at {address!r}: {error}") from None
    with client:
        executor: Executor = client.get_executor(pure=False, retries=3)  # type: ignore[no-untyped-call]
        yield executor
