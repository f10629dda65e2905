"""A function that is sent to each worker once, however many items it is called with.

A function may hold a model of a megabyte. What goes along with every item is a key; the function itself lies with the
workers: of a dask cluster, those that join later included, as a plugin, of a process pool in a file of this machine.
"""

import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Functions that take fewer bytes travel with every item.
_SMALL = 20_000

#: What was delivered to this process by key, and the function it was last called with.
_delivered: dict[str, bytes] = {}
_held: dict[str, Callable[[Any], Any]] = {}


@dataclass(frozen=True, slots=True)
class Shipped:
    """A function that lies with the workers: in a file, or delivered before."""

    key: str
    path: Path | None = None

    def __call__(self, item: Any) -> Any:
        """The function's result."""
        function = _held.get(self.key)
        if function is None:
            function = pickle.loads(_delivered[self.key] if self.path is None else self.path.read_bytes())
            _held.clear()
            _held[self.key] = function
        return function(item)


def deliver(key: str, packed: bytes) -> None:
    """Take a function that items will come for."""
    _delivered[key] = packed


def discard(key: str) -> None:
    """Forget a function: no more items come for it."""
    _delivered.pop(key, None)
    _held.pop(key, None)


def dask_client(executor: Executor) -> Any:
    """The client of an executor that dask made, ``None`` for others."""
    return getattr(executor, "_client", None)


@contextmanager
def shipped(function: Callable[[T], R], executor: Executor) -> Iterator[Callable[[T], R]]:
    """What to submit in place of a function: the same, sent to each worker once where the executor lets it."""
    from concurrent.futures import ProcessPoolExecutor

    client = dask_client(executor)
    if client is None and not isinstance(executor, ProcessPoolExecutor):
        yield function
        return
    packed = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
    key = hashlib.sha256(packed).hexdigest()
    if len(packed) < _SMALL:
        yield function
    elif client is not None:
        from hftranslate.batch.dask_delivery import Delivery

        client.register_plugin(Delivery(key, packed), name=key)
        try:
            yield Shipped(key)
        finally:
            with suppress(OSError):  # the cluster may be gone
                client.unregister_worker_plugin(key)
    else:
        number, name = tempfile.mkstemp(prefix="hftranslate-")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(packed)
            yield Shipped(key, Path(name))
        finally:
            os.unlink(name)
