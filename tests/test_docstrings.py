"""What docstrings of public functions say: each parameter, what comes back, and what is raised (numpydoc)."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hftranslate
from hftranslate.faces import homes_of

PACKAGE = Path(hftranslate.__path__[0])
SECTION = re.compile(r"^(Parameters|Attributes|Returns|Yields|Raises)\n-{6,}\n", re.MULTILINE)


def public_functions() -> dict[str, Callable[..., Any]]:
    """The functions that rooms hand out, by their homes; what is of one home is judged once."""
    found: dict[str, Callable[..., Any]] = {}
    for stub in sorted(PACKAGE.rglob("__init__.pyi")):
        room = import_module(".".join(("hftranslate", *stub.parent.relative_to(PACKAGE).parts)))
        for name in homes_of(stub):
            thing = getattr(room, name)
            if inspect.isfunction(thing):
                thing = inspect.unwrap(thing)
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


FUNCTIONS = public_functions()


def sections(text: str) -> dict[str, dict[str, str]]:
    """The sections of a docstring, each with its names and what is said of them."""
    _, *parts = SECTION.split(inspect.cleandoc(text))
    found: dict[str, dict[str, str]] = {}
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        entries = re.split(r"^(?=\S)", body, flags=re.MULTILINE)[1:]
        said = {}
        for entry in entries:
            head, _, rest = entry.partition("\n")
            said |= {name.strip().lstrip("*"): rest.strip() for name in head.split(",")}
        found[title] = said
    return found


def lacking(function: Callable[..., Any]) -> list[str]:
    """What a docstring should say and does not."""
    said = sections(function.__doc__ or "")
    signature = inspect.signature(function)
    missing = [f"parameter {name}" for name in signature.parameters if not said.get("Parameters", {}).get(name)]
    missing += [f"unknown parameter {name}" for name in said.get("Parameters", {}).keys() - signature.parameters.keys()]
    if signature.return_annotation not in (None, "None") and not any(
        said.get(title) and all(said[title].values()) for title in ("Returns", "Yields")
    ):
        missing.append("what comes back")
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    raises = [n for n in ast.walk(node) if isinstance(n, ast.Raise) and n.exc is not None]
    if raises and not said.get("Raises"):
        missing.append("what is raised")
    return missing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    assert lacking(FUNCTIONS[name]) == []


def test_there_are_many_of_them() -> None:
    assert len(FUNCTIONS) > 150


def badly_documented(a: int, b: int = 1) -> int:
    """Add.

    Parameters
    ----------
    a
        one.
    c
        is not there.
    """
    if a < 0:
        raise ValueError(a)
    return a + b


def test_what_is_not_said_is_found() -> None:
    assert lacking(badly_documented) == ["parameter b", "unknown parameter c", "what comes back", "what is raised"]
