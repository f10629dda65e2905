"""Results kept line by line while a long task runs, so that it can be resumed and merged.

A journal is a file of JSON lines. The first line says what the results belong to; a journal of another task is
refused. Every further line is one result under its key. A line that was cut off by an interruption is as if it had
never been written. One process at a time writes to it; the operating system frees it when that process ends, in
whatever way.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

from hftranslate.errors import FormatError, InputError
from hftranslate.formats.files import naming
from hftranslate.formats.json_text import parse_json

try:
    import fcntl
except ImportError:  # only where there are no locks of this kind
    fcntl = None  # type: ignore[assignment]

Json = dict[str, Any]


class _Lock:
    """A file that this process alone may write to, until the last journal that holds the lock is gone."""

    def __init__(self, path: Path) -> None:
        with naming(path):
            self._file: BinaryIO = path.open("ab")
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise InputError(
                f"{path} is being written by another process, which does the same work; wait for it, or keep results "
                "in another file"
            ) from None
        except OSError:  # a file system without locks
            pass

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


#: The locks of this process, by file: it may open a journal again.
_locks: WeakValueDictionary[tuple[int, int], _Lock] = WeakValueDictionary()


def _lock(path: Path) -> _Lock:
    if path.exists():
        status = path.stat()
        held = _locks.get((status.st_dev, status.st_ino))
        if held is not None:
            return held
    lock = _Lock(path)
    status = path.stat()
    _locks[status.st_dev, status.st_ino] = lock
    return lock


#: What can be doubled still, and integers that double precision holds.
_LARGEST, _LARGEST_INTEGER = 1e300, 2**53


def is_number(value: object) -> bool:
    """Whether a JSON value is a number that can be computed with."""
    if isinstance(value, float):
        return abs(value) <= _LARGEST
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_INTEGER


def are_numbers(value: object, n: int | None = None, *, or_null: bool = False) -> bool:
    """Whether a JSON value is a list of finite numbers, of ``n`` of them; with ``or_null`` of some that may be null."""
    return (
        isinstance(value, list)
        and n in (None, len(value))
        and all(is_number(v) or (or_null and v is None) for v in value)
    )


@dataclass(slots=True, kw_only=True)
class Journal:
    """The results kept so far, by key; open for more.

    Attributes
    ----------
    path
        the file.
    task
        what the results belong to.
    results
        what is kept: a JSON value for each key. Whoever takes one judges it: anyone may have written the file.
    """

    path: Path
    task: Json
    results: dict[str, Any] = field(default_factory=dict)
    _lock: _Lock | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path, task: Mapping[str, Any]) -> "Journal":
        """Start a journal, or take up the one that lies there, and keep other processes from it.

        Raises
        ------
        InputError
            The file holds the results of another task, another process writes to it, or its folder does not exist.
        FormatError
            The file is no journal.
        """
        wanted = json.loads(json.dumps(dict(task)))
        if not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {str(path.parent)!r}")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file that results could be kept in")
        lock = _lock(path)
        first_line = cls.text(wanted, {})
        content = path.read_bytes()
        if len(content) < len(first_line) and first_line.encode().startswith(content):  # or cut off right at the start
            with naming(path):
                path.write_text(first_line)
            return cls(path=path, task=wanted, _lock=lock)
        journal = cls.read(path)
        journal._lock = lock
        different = sorted(k for k in {**journal.task, **wanted} if journal.task.get(k) != wanted.get(k))
        if different:
            found, expected = ({k: task.get(k) for k in different} for task in (journal.task, wanted))
            raise InputError(f"{path} holds the results of another task: {found}, where this one has {expected}")
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # cut off: forget it, so that the next line starts at its own beginning
            with naming(path):
                os.truncate(path, whole)
        return journal

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """A journal that lies there, whatever its task. The file stays as it is: a run may be writing to it.

        Raises
        ------
        FormatError
            The file is no journal.
        """
        lines = path.read_bytes().split(b"\n")[:-1] or [b""]  # what follows the last one is empty or cut off
        first, *entries = (_object(line, f"{path}, line {i}") for i, line in enumerate(lines, start=1))
        if not isinstance(first.get("task"), dict):
            raise FormatError(f"{path}, line 1: {_NO_JOURNAL}")
        results = {}
        for i, entry in enumerate(entries, start=2):
            if not isinstance(entry.get("key"), str) or "result" not in entry:
                raise FormatError(f"{path}, line {i}: {_NO_JOURNAL}")
            results[entry["key"]] = entry["result"]
        return cls(path=path, task=first["task"], results=results)

    def wrong(self, key: str, what: str) -> FormatError:
        """The error to raise about a result that is not what it should be."""
        return FormatError(
            f"{self.path} is damaged: what it keeps of {key!r} is no result of {what}; leave that line out, or keep "
            "results in another file"
        )

    @staticmethod
    def text(task: Mapping[str, Any], results: Mapping[str, Any]) -> str:
        """The content of the file of a journal."""
        lines: list[Json] = [{"task": dict(task)}, *({"key": k, "result": r} for k, r in results.items())]
        return "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)

    def keep(self, key: str, result: Any) -> None:
        """Write one result, at once."""
        self.results[key] = result
        with naming(self.path), self.path.open("a") as file:
            file.write(json.dumps({"key": key, "result": result}, allow_nan=False) + "\n")


_NO_JOURNAL = "this is no file of kept results: every line must be a JSON object, the first with a task"


def _object(line: bytes, where: str) -> Json:
    """A line as a JSON object, with finite numbers only."""
    try:
        value = parse_json(line, where)
    except FormatError as error:
        raise FormatError(f"{error} ({_NO_JOURNAL})") from None
    if not isinstance(value, dict):
        raise FormatError(f"{where}: {_NO_JOURNAL}")
    return value
