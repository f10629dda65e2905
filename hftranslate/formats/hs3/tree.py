"""The nodes of a JSON document, which know where they stand: every refusal names the path."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any, NoReturn

from hftranslate.errors import FormatError, InvalidWorkspace, Unsupported, did_you_mean
from hftranslate.workspace.arrays import is_number
from hftranslate.workspace.model import Number, Numbers


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, its path, and the names of the objects that it lies in."""

    value: Any
    path: str = ""
    names: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The path and the names, for a message."""
        inside = f" (in {', '.join(map(repr, self.names))})" if self.names else ""
        return f"{self.path or 'the document'}{inside}"

    def refuse(self, what: str) -> NoReturn:
        """The node is not what the format demands."""
        raise FormatError(f"{self.where}: {what}")

    def unsupported(self, what: str) -> NoReturn:
        """The node says what HistFactory has no word for."""
        raise Unsupported(f"{self.where}: {what}")

    def invalid(self, what: str) -> NoReturn:
        """The node describes no valid model."""
        raise InvalidWorkspace(f"{self.where}: {what}")

    def has(self, key: str) -> bool:
        """Whether an object has a key."""
        return key in self._object()

    def __getitem__(self, key: str) -> "Node":
        value = self._object()
        if key not in value:
            self.refuse(f"the key {key!r} is missing")
        return Node(value[key], f"{self.path}.{key}".lstrip("."), self.names)

    def get(self, key: str) -> "Node | None":
        """What an object has under a key; ``None`` where it is missing or null."""
        return self[key] if self._object().get(key) is not None else None

    def items(self, key: str) -> "tuple[Node, ...]":
        """The entries of a list; none where the key is missing."""
        return () if not self.has(key) else tuple(self[key])

    def __iter__(self) -> "Iterator[Node]":
        if not isinstance(self.value, list):
            self.refuse(f"found {_kind(self.value)}, expected a list")
        for i, value in enumerate(self.value):
            name = value.get("name") if isinstance(value, dict) else None
            names = (*self.names, name) if isinstance(name, str) else self.names
            yield Node(value, f"{self.path}[{i}]", names)

    def only(self, known: Set[str]) -> None:
        """Refuse keys that have no meaning here."""
        for key in self._object():
            if key not in known:
                self.refuse(f"unknown key {key!r}{did_you_mean(key, known)}")

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            self.refuse(f"found {_kind(self.value)}, expected a string")
        return self.value

    def number(self) -> Number:
        """A number."""
        if not is_number(self.value):
            self.refuse(f"found {_kind(self.value)}, expected a number")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.refuse(f"found {_kind(self.value)}, expected true or false")
        return self.value

    def numbers(self) -> Numbers:
        """A list of numbers."""
        return tuple(node.number() for node in self)

    def texts(self) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(node.text() for node in self)

    @property
    def name(self) -> str:
        """The name of an object."""
        return self["name"].text()

    def named(self, key: str) -> "dict[str, Node]":
        """The objects of a list by their names, which differ unless the objects are the same."""
        found: dict[str, Node] = {}
        for node in self.items(key):
            if node.name in found and found[node.name].value == node.value:
                continue  # ROOT writes the likelihood of each ModelConfig
            if node.name in found:
                node.refuse(f"the name {node.name!r} appears more than once in {key!r}")
            found[node.name] = node
        return found

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            self.refuse(f"found {_kind(self.value)}, expected an object")
        return self.value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}...")
    return {"dict": "an object", "list": "a list"}.get(type(value).__name__, str(value)[:40])
