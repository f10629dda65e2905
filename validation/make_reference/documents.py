"""Result documents: their provenance, their text, and how two of them differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from math import isclose
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


def to_text(document: Mapping[str, Any]) -> str:
    """JSON text in the order given; numbers round-trip exactly, lists and flat objects of scalars take one line."""
    return _text(document, 0) + "\n"


def _text(value: object, depth: int) -> str:
    children: Sequence[tuple[str, object]]
    match value:
        case Mapping():
            children, brackets = [(f"{json.dumps(k)}: ", v) for k, v in value.items()], "{}"
        case list() | tuple():
            children, brackets = [("", v) for v in value], "[]"
        case _:
            return json.dumps(value, allow_nan=False, ensure_ascii=False)
    flat = depth > 0 and all(not isinstance(v, Mapping | list | tuple) for _, v in children)
    texts = [key + _text(v, depth + 1) for key, v in children]
    one_line = brackets[0] + ", ".join(texts) + brackets[1]
    if flat and (brackets == "[]" or len(one_line) < 400):
        return one_line
    inner = "\n" + " " * (depth + 1)
    return brackets[0] + inner + ("," + inner).join(texts) + "\n" + " " * depth + brackets[1]


def differences(old: object, new: object, path: str = "") -> Iterator[str]:
    """What changed between two documents, one line each; numbers that agree to 1e-9 are the same."""
    match old, new:
        case Mapping(), Mapping():
            for key in [*old, *(k for k in new if k not in old)]:
                if path == "" and key == "provenance":
                    yield from differences(old[key].get("inputs"), new[key].get("inputs"), "provenance.inputs")
                    continue
                where = f"{path}.{key}" if path else str(key)
                if key not in old or key not in new:
                    yield f"{where}: {'added' if key in new else 'removed'}"
                else:
                    yield from differences(old[key], new[key], where)
        case list(), list() if len(old) == len(new):
            for i, (a, b) in enumerate(zip(old, new, strict=True)):
                yield from differences(a, b, f"{path}[{i}]")
        case ((int() | float()), (int() | float())) if not isinstance(old, bool):
            if not isclose(old, new, rel_tol=1e-9, abs_tol=1e-9):
                yield f"{path}: {old!r} -> {new!r} ({new - old:+.3g})"
        case _:
            if old != new:
                yield f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else text[:57] + "..."
