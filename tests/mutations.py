"""Damage to files, as hypothesis strategies: bytes changed, cut, repeated; parts of documents dropped or exchanged."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

#: What is put where something else was.
_BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"-1",
    b"1e308",
    b"nan",
    b'"',
    b"<",
    b">",
    b"[",
    b"]",
)
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 0.0, -0.0, 1e308, 1e-308, 2**70, "", "mu", "lumi", [], {}, [[]], [0, -5.0], {"name": "x"}, [None]
)  # fmt: skip
_NUMBERS = (0, 0.0, -1, -0.5, 1, 1.0, 2, 1e-9, 1e-3, 0.5, 7, 40.0, 1e6, 1e12, 1e31)
_WORDS = (
    "",
    " ",
    "-1",
    "0",
    "1e308",
    "nan",
    "inf",
    "True",
    "../x",
    "/",
    "mu",
    "Lumi",
    "gamma",
    "x[1,0,10]",
    "\\",
    "\u00e9",
)

Edit = Callable[[bytes], bytes]


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """One change of bytes; where it falls scales with the size of what is changed."""
    at, length = draw(st.floats(0.0, 1.0)), draw(st.sampled_from((1, 1, 1, 2, 4, 8, 64, 512)))
    kind = draw(st.sampled_from(("flip", "put", "cut", "repeat", "move", "end")))
    bit, new, other = draw(st.integers(0, 7)), draw(st.sampled_from(_BYTES)), draw(st.floats(0.0, 1.0))

    def edit(data: bytes) -> bytes:
        i = min(int(at * len(data)), max(len(data) - 1, 0))
        part = data[i : i + length]
        match kind:
            case "flip":
                return data[:i] + bytes(b ^ (1 << bit) for b in part[:1]) + data[i + 1 :]
            case "put":
                return data[:i] + new + data[i + len(new) :]
            case "cut":
                return data[:i] + data[i + length :]
            case "repeat":
                return data[:i] + part + data[i:]
            case "move":
                j = int(other * len(data))
                return data[:j] + part + data[j + len(part) :]
            case _:
                return data[:i]

    return edit


def damaged(sources: list[bytes], most: int = 4) -> st.SearchStrategy[tuple[bytes, bytes]]:
    """One of the sources and what a few changes make of it."""

    def change(pair: tuple[bytes, list[Edit]]) -> tuple[bytes, bytes]:
        data = pair[0]
        for edit in pair[1]:
            data = edit(data)
        return pair[0], data

    return st.tuples(st.sampled_from(sources), st.lists(edits(), min_size=1, max_size=most)).map(change)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON document but the document itself."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [p for key, value in items for p in ((*path, key), *places(value, (*path, key)))]


@st.composite
def changed_documents(draw: st.DrawFn, sources: list[Any]) -> Any:
    """A JSON document in which values are dropped, replaced, doubled or exchanged."""
    document = copy.deepcopy(draw(st.sampled_from(sources)))
    for _ in range(draw(st.integers(1, 3))):
        every = places(document)
        if not every:
            break
        what = draw(st.sampled_from(("number", "number", "name", "drop", "replace", "double", "exchange")))
        if what in ("number", "name"):
            kind = (int, float) if what == "number" else str
            every = [p for p in every if isinstance(_at(document, p), kind)] or every
        path, other = draw(st.sampled_from(every)), draw(st.sampled_from(every))
        parent, key = _at(document, path[:-1]), path[-1]
        match what:
            case "number":
                parent[key] = draw(st.sampled_from(_NUMBERS))
            case "drop":
                del parent[key]
            case "replace":
                parent[key] = copy.deepcopy(draw(st.sampled_from(_VALUES)))
            case "double" if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(parent[key]))
            case _:
                parent[key] = copy.deepcopy(_at(document, other))
    return document


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@st.composite
def changed_xml(draw: st.DrawFn, sources: list[bytes]) -> bytes:
    """An XML document in which attributes and elements are dropped, replaced, doubled or moved."""
    from lxml import etree

    root = etree.fromstring(draw(st.sampled_from(sources)))
    for _ in range(draw(st.integers(1, 3))):
        elements = [e for e in root.iter() if isinstance(e.tag, str)]
        element = draw(st.sampled_from(elements))
        names = sorted(element.attrib)
        match draw(st.sampled_from(("number", "number", "attribute", "drop", "text", "double", "remove", "move"))):
            case "number":
                numeric = [(e, n) for e in elements for n in sorted(e.attrib) if _is_number(e.get(n))]  # type: ignore[arg-type]
                if numeric:
                    chosen, name = draw(st.sampled_from(numeric))
                    chosen.set(name, repr(draw(st.sampled_from(_NUMBERS))))
            case "attribute" if names:
                element.set(draw(st.sampled_from(names)), draw(st.sampled_from(_WORDS)))
            case "drop" if names:
                del element.attrib[draw(st.sampled_from(names))]
            case "text":
                element.text = draw(st.sampled_from(_WORDS))
            case "double" if element is not root:
                element.addnext(copy.deepcopy(element))
            case "remove" if element is not root:
                element.getparent().remove(element)
            case "move" if element is not root:
                draw(st.sampled_from(elements)).append(copy.deepcopy(element))
    return etree.tostring(root)
