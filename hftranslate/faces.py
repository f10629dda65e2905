"""The face of a room: the names that a package hands out, each imported when it is first used.

A translation needs no fits and a fit needs no lxml, so a room that imported all of its modules would make every command
pay for what it does not use. What a room hands out stands once, in the ``__init__.pyi`` beside its ``__init__.py``,
where editors and type checkers read it, too.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def homes_of(stub: Path) -> dict[str, tuple[str, str]]:
    """Where each name of a stub comes from: a module, and the name in it."""
    homes: dict[str, tuple[str, str]] = {}
    for statement in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for alias in statement.names:
                homes[alias.asname or alias.name] = (statement.module, alias.name)
    return homes


class _Room(ModuleType):
    """A package in which a public name stays what it is where a module has the same name, as ``fit`` in ``fit.py``."""

    def __setattr__(self, name: str, value: Any) -> None:
        # the import of a submodule binds it to its package, over whatever had the name
        if not (isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ())):
            super().__setattr__(name, value)


def open_face(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package whose public names stand in its stub."""
    room = sys.modules[package]
    homes = homes_of(Path(str(room.__file__)).with_suffix(".pyi"))
    room.__class__ = _Room

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, original = homes[name]
        module = f"{package}.{original}" if home == package else home
        value = import_module(module)
        room.__dict__[name] = value if home == package else getattr(value, original)
        return room.__dict__[name]

    return get, lambda: sorted(homes), sorted(homes)
