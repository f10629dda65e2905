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
        first_line = cls.text(wanted, {})
        content = path.read_bytes() if path.exists() else b""
        if len(content) < len(first_line) and first_line.encode().startswith(content):  # or cut off right at the start
            path.write_text(first_line)
            return cls(path=path, task=wanted)
        journal = cls.read(path)
        different = sorted(k for k in {**journal.task, **wanted} if journal.task.get(k) != wanted.get(k))
        if different:
            found, expected = ({k: task.get(k) for k in different} for task in (journal.task, wanted))
            raise InputError(f"{path} holds the results of another task: {found}, where this one has {expected}")
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # cut off: forget it, so that the next line starts at its own beginning
            with path.open("r+b") as file:
                file.truncate(whole)
        return journal

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """A journal that lies there, whatever its task. The file stays as it is: a run may be writing to it.

        Raises
        ------
        FormatError
            The file is no journal.
        """
        first, *lines = path.read_bytes().split(b"\n")[:-1] or [b""]  # what follows the last one is empty or cut off
        try:
            task = dict(json.loads(first)["task"])
            entries = [json.loads(line) for line in lines]
            results = {entry["key"]: entry["result"] for entry in entries}
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FormatError(f"{path} is no file of kept results: every line must be a JSON object") from None
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
