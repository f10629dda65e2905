"""Results kept line by line while a long task runs, so that it can be resumed and merged.

A journal is a file of JSON lines. The first line says what the results belong to; a journal of another task is
refused. Every further line is one result under its key. A line that was cut off by an interruption is as if it had
never been written.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hftranslate.errors import FormatError, InputError

Json = dict[str, Any]


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
        what is kept: a JSON value for each key.
    """

    path: Path
    task: Json
    results: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, task: Mapping[str, Any]) -> "Journal":
        """Start a journal, or take up the one that lies there.

        Raises
        ------
        InputError
            The file holds the results of another task, or its folder does not exist.
        FormatError
            The file is no journal.
        """
        wanted = json.loads(json.dumps(dict(task)))
        if not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {str(path.parent)!r}")
        if not path.exists() or path.stat().st_size == 0:
            path.write_text(cls.text(wanted, {}))
            return cls(path=path, task=wanted)
        journal = cls.read(path)
        different = sorted(k for k in {**journal.task, **wanted} if journal.task.get(k) != wanted.get(k))
        if different:
            found, expected = ({k: task.get(k) for k in different} for task in (journal.task, wanted))
            raise InputError(f"{path} holds the results of another task: {found}, where this one has {expected}")
        return journal

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """A journal that lies there, whatever its task.

        Raises
        ------
        FormatError
            The file is no journal.
        """
        lines = path.read_bytes().split(b"\n")
        try:
            task = dict(json.loads(lines[0])["task"])
            entries = [json.loads(line) for line in lines[1:-1]]
            results = {entry["key"]: entry["result"] for entry in entries}
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FormatError(f"{path} is no file of kept results: every line must be a JSON object") from None
        if lines[-1]:  # cut off: forget it, so that the next line starts at its own beginning
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size - len(lines[-1]))
        return cls(path=path, task=task, results=results)

    @staticmethod
    def text(task: Mapping[str, Any], results: Mapping[str, Any]) -> str:
        """The content of the file of a journal."""
        lines: list[Json] = [{"task": dict(task)}, *({"key": k, "result": r} for k, r in results.items())]
        return "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)

    def keep(self, key: str, result: Any) -> None:
        """Write one result, at once."""
        self.results[key] = result
        with self.path.open("a") as file:
            file.write(json.dumps({"key": key, "result": result}, allow_nan=False) + "\n")
