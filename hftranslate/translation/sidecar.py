"""What a target format cannot say, kept beside it as a JSON patch.

A sidecar is bound by a digest to the content that it belongs to. Reading the target file alone gives a *plain*
workspace; the patch turns it back into the *original* one, exactly: the order of everything and the distinction of int
and float included. It starts from a canonical form of the plain workspace (sorted by name, numbers normalised,
annotations left out), so that reformatting or reordering the file does no harm.
"""

import json
import marshal
import types
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from hashlib import sha256
from math import isfinite
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from hftranslate.errors import FormatError, InputError, UnsafeInput, did_you_mean
from hftranslate.formats.json_patch import apply_patch
from hftranslate.workspace import MODIFIER_TYPES, Modifier, Number, Numbers, Workspace
from hftranslate.workspace.arrays import is_number

FORMAT = "hftranslate-sidecar"
VERSION = 1

Tree: TypeAlias = dict[str, Any]
#: For each list that is not sorted by name, at its JSON pointer: where its entries stand in the sorted list.
Order: TypeAlias = dict[str, list[int]]


class SidecarMismatch(InputError):
    """A sidecar belongs to other content than the file that it lies beside."""


# ------------------------------------------------------------------------------------------------------------ codec


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _fields(cls: type) -> tuple[tuple[str, object, Callable[[Any], Any]], ...]:
    """Name, default, and what makes plain JSON of each field."""
    return tuple((f.name, f.default, _ENCODERS.get(_hints(cls)[f.name], _encode)) for f in fields(cls))


def to_tree(workspace: Workspace) -> Tree:
    """The workspace as plain JSON values, without loss; fields that equal their default are left out."""
    tree: Tree = _encode(workspace)
    return tree


def _encode(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    if not is_dataclass(value):
        return value
    cls: Any = type(value)
    tree = {"type": MODIFIER_TYPES[cls]} if cls in MODIFIER_TYPES else {}
    for name, default, encode in _fields(cls):
        item = getattr(value, name)
        if item is not default:
            item = encode(item)
            if type(item) is not type(default) or item != default:
                tree[name] = item
    return tree


def _same(value: Any) -> Any:
    return value


#: What makes plain JSON of fields of these types, which hold most of a model.
_ENCODERS: dict[object, Callable[[Any], Any]] = {str: _same, Number: _same, float: float, Numbers: list}


def _are_floats(values: Sequence[Any]) -> bool:
    """Whether these are floats and nothing else, as nearly all numbers of a model."""
    return bool(values) and type(values[0]) is float and set(map(type, values)) == {float}


def from_tree(tree: object) -> Workspace:
    """The workspace that :func:`to_tree` encoded. Nothing about the input is trusted.

    Raises
    ------
    FormatError
        the tree does not describe a workspace; the message says where.
    InvalidWorkspace
        it describes an invalid one.
    """
    workspace: Workspace = _decoder(Workspace)(tree, "workspace")
    return workspace


_Decoder: TypeAlias = Callable[[object, str], Any]
_SCALARS: dict[object, str] = {str: "a string", bool: "true or false", int: "a number", float: "a number"}


@cache
def _decoder(hint: Any) -> _Decoder:
    """A function that checks and builds a value of the given type from plain JSON."""
    if hint in _SCALARS:
        return lambda value, where: _scalar(hint, value, where)
    if hint == Modifier:
        return _modifier
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value, where: _dataclass(hint, value, where)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return lambda value, where: _literal(arguments, value, where)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return lambda value, where: _list(_decoder(arguments[0]), None, value, where)
        # all fixed tuples in a workspace are pairs of one type
        return lambda value, where: _list(_decoder(arguments[0]), len(arguments), value, where)
    if origin in (Union, types.UnionType):
        return lambda value, where: _union(arguments, value, where)
    raise TypeError(f"no codec for {hint}")


def _wrong(where: str, value: object, expected: str) -> FormatError:
    if isinstance(value, dict | list):
        found = "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    else:
        found = json.dumps(value, default=repr)[:60]
    return FormatError(f"{where}: found {found}, expected {expected}")


def _scalar(hint: type, value: object, where: str) -> Any:
    if hint in (int, float):
        if not is_number(value):
            raise _wrong(where, value, "a number")
        try:
            if isfinite(value):
                return float(value) if hint is float else value
        except OverflowError:
            pass
        raise FormatError(f"{where}: a number that is not finite in double precision")
    if not isinstance(value, hint):
        raise _wrong(where, value, _SCALARS[hint])
    return value


def _literal(words: tuple[str, ...], value: object, where: str) -> Any:
    if value not in words:
        raise _wrong(where, value, f"one of {', '.join(words)}")
    return value


def _list(decode: _Decoder, length: int | None, value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(where, value, "a list")
    if length is not None and len(value) != length:
        raise _wrong(where, value, f"a list of {length}")
    return tuple([decode(item, f"{where}[{i}]") for i, item in enumerate(value)])


def _union(members: tuple[Any, ...], value: object, where: str) -> Any:
    """``X | None``, ``int | float`` and ``bool | tuple``: the shape of the value decides."""
    if value is None and types.NoneType in members:
        return None
    for member in members:
        if (get_origin(member) is tuple) == isinstance(value, list) and member is not types.NoneType:
            return _decoder(member)(value, where)
    raise _wrong(where, value, "a list" if members[0] is not bool else "true, false or a list of them")


def _dataclass(cls: type, value: object, where: str, tag: frozenset[str] = frozenset()) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")
    hints = _hints(cls)
    for key in value.keys() - hints.keys() - tag:
        raise FormatError(f"{where}: unknown key {key!r}{did_you_mean(str(key), hints)}")
    for name, default, _ in _fields(cls):
        if default is MISSING and name not in value:
            raise FormatError(f"{where}: the key {name!r} is missing")
    return cls(**{k: _decoder(hints[k])(v, f"{where}.{k}") for k, v in value.items() if k not in tag})


_MODIFIERS = {word: cls for cls, word in MODIFIER_TYPES.items()}


def _modifier(value: object, where: str) -> Modifier:
    word = value.get("type") if isinstance(value, dict) else None
    if not isinstance(word, str) or word not in _MODIFIERS:
        raise _wrong(f"{where}.type", word, f"one of {', '.join(_MODIFIERS)}")
    modifier: Modifier = _dataclass(_MODIFIERS[word], value, where, frozenset(["type"]))
    return modifier


# -------------------------------------------------------------------------------------------------- canonical form


def _make_canonical(tree: Tree) -> Order:
    """Sort every list of named things in the tree, and tell how to undo that."""
    order: Order = {}
    _sort(tree, "", order)
    return order


def _sort(node: Tree, pointer: str, order: Order) -> None:
    for key, items in node.items():
        if not _is_list_of_named(items):
            continue
        keys = [_key(item) for item in items]
        positions = sorted(range(len(items)), key=keys.__getitem__)
        if positions != list(range(len(items))):
            order[f"{pointer}/{key}"] = sorted(range(len(items)), key=positions.__getitem__)
            node[key] = items = [items[i] for i in positions]
        for place, item in enumerate(items):
            if any(map(_is_list_of_named, item.values())):
                _sort(item, f"{pointer}/{key}/{place}", order)


def _is_list_of_named(node: object) -> bool:
    return type(node) is list and bool(node) and type(node[0]) is dict


def _key(item: Tree) -> tuple[str, str]:
    return item.get("name", ""), item.get("type", "")


def _unsort(node: Any, pointer: str, order: Order) -> Any:
    if isinstance(node, dict):
        return {
            key: _unsort(item, f"{pointer}/{key}", order) if isinstance(item, list) else item
            for key, item in node.items()
        }
    if not isinstance(node, list):
        return node
    items = [_unsort(item, f"{pointer}/{i}", order) for i, item in enumerate(node)]
    places = order.get(pointer)
    if places is None:
        return items
    if sorted(places) != list(range(len(items))):
        raise FormatError(f"sidecar: the order given for {pointer} does not fit its {len(items)} entries")
    return [items[i] for i in places]


def _content(workspace: Workspace) -> Tree:
    """The canonical form that a sidecar is bound to."""
    tree = to_tree(workspace)
    _make_canonical(tree)
    content: Tree = _normalise(tree)
    return content


def _normalise(node: Any) -> Any:
    """Numbers all as float where that is exact, and no annotations. The tree is used up: a copy would need memory."""
    if isinstance(node, dict):
        node.pop("annotations", None)
        for key, item in node.items():
            if type(item) is not str:
                node[key] = _normalise(item)
        return node
    if isinstance(node, list):
        if not _are_floats(node):
            return [_normalise(item) for item in node]
        return [item + 0.0 for item in node] if 0.0 in node else node
    if is_number(node):
        as_float = float(node) + 0.0  # makes -0.0 zero
        return as_float if as_float == node else node
    return node


def canonical_digest(workspace: Workspace) -> str:
    """SHA-256 of the content of a workspace: the same for any order and for 50 and 50.0; annotations do not count.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return _digest(_content(workspace))


def _digest(content: Tree) -> str:
    """The digest of the JSON text, which is made a channel at a time: the whole would take much memory."""
    digest = sha256()
    for i, (key, value) in enumerate(sorted(content.items())):
        digest.update(f"{',' if i else '{'}{_text(key)}:".encode())
        if isinstance(value, list):
            for k, item in enumerate(value):
                digest.update(f"{',' if k else '['}{_text(item)}".encode())
            digest.update(b"]" if value else b"[]")
        else:
            digest.update(_text(value).encode())
    digest.update(b"}" if content else b"{}")
    return digest.hexdigest()


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


# ------------------------------------------------------------------------------------------------------- the sidecar


def make_sidecar(plain: Workspace, original: Workspace) -> Tree:
    """The document from which :func:`apply_sidecar` restores a workspace.

    Parameters
    ----------
    plain
        what reading the target file alone gives.
    original
        what was translated.

    Returns
    -------
    dict
        plain JSON values.
    """
    content = _content(plain)
    target = to_tree(original)
    order = _make_canonical(target)
    return {
        "format": FORMAT,
        "version": VERSION,
        "digest": _digest(content),
        "order": order,
        "patch": _differences(content, target, ""),
    }


def _differences(old: Any, new: Any, pointer: str) -> list[Tree]:
    """The RFC 6902 operations from one canonical tree to another. Named things are matched by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        patch: list[Tree] = [{"op": "remove", "path": f"{pointer}/{key}"} for key in old if key not in new]
        for key, item in new.items():
            if key in old:
                patch += _differences(old[key], item, f"{pointer}/{key}")
            else:
                patch.append({"op": "add", "path": f"{pointer}/{key}", "value": item})
        return patch
    if _is_list_of_named(old) and _is_list_of_named(new):
        return _named_differences(old, new, pointer)
    return [] if _identical(old, new) else [{"op": "replace", "path": pointer, "value": new}]


def _identical(old: Any, new: Any) -> bool:
    """Whether two values are written alike: 50 is not 50.0, and 0.0 not -0.0.

    Version 2 of marshal knows no references, so that the same bytes are the same values. It takes a tenth of the time
    of ``repr``, and none but Python's own types.
    """
    try:
        return marshal.dumps(old, 2) == marshal.dumps(new, 2)
    except ValueError:
        return repr(old) == repr(new)


def _named_differences(old: list[Tree], new: list[Tree], pointer: str) -> list[Tree]:
    former = {_key(item): item for item in old}
    wanted = {_key(item) for item in new}
    gone = [i for i, item in enumerate(old) if _key(item) not in wanted]
    patch: list[Tree] = [{"op": "remove", "path": f"{pointer}/{i}"} for i in reversed(gone)]
    for i, item in enumerate(new):
        key = _key(item)
        if key not in former:
            patch.append({"op": "add", "path": f"{pointer}/{i}", "value": item})
        elif not _identical(former[key], item):
            patch += _differences(former[key], item, f"{pointer}/{i}")
    return patch


def apply_sidecar(plain: Workspace, sidecar: object) -> Workspace:
    """The original workspace, from what its translation says and from what lies beside it.

    Parameters
    ----------
    plain
        what reading the target file alone gives.
    sidecar
        the document of :func:`make_sidecar`.

    Returns
    -------
    Workspace
        equal to the one that was translated.

    Raises
    ------
    FormatError
        the sidecar is malformed.
    SidecarMismatch
        it belongs to other content.
    InvalidWorkspace
        what it describes is no valid workspace.
    """
    digest, order, patch = _parts(sidecar)
    content = _content(plain)
    found = _digest(content)
    if found != digest:
        raise SidecarMismatch(
            f"the sidecar belongs to content with the digest {digest[:12]}..., but the file has {found[:12]}...; "
            "it was changed after the translation, or the sidecar is another file's"
        )
    try:
        tree = _unsort(_apply_operations(content, patch), "", order)
    except RecursionError:
        raise FormatError("sidecar: nested too deeply") from None
    return from_tree(tree)


def _parts(sidecar: object) -> tuple[str, Order, list[Tree]]:
    if not isinstance(sidecar, dict) or sidecar.get("format") != FORMAT:
        raise FormatError(f"sidecar: not a document of the format {FORMAT!r}")
    if sidecar.get("version") != VERSION:
        raise FormatError(f"sidecar: version {sidecar.get('version')!r} is not known; expected {VERSION}")
    digest, order, patch = (sidecar.get(key) for key in ("digest", "order", "patch"))
    if not isinstance(digest, str):
        raise _wrong("sidecar: digest", digest, "a string")
    if not isinstance(order, dict):
        raise _wrong("sidecar: order", order, "an object")
    for pointer, places in order.items():
        if not isinstance(places, list) or not all(type(i) is int for i in places):
            raise _wrong(f"sidecar: order of {pointer}", places, "a list of integers")
    if not isinstance(patch, list):
        raise _wrong("sidecar: patch", patch, "a list")
    for i, operation in enumerate(patch):
        _check_operation(operation, f"sidecar: patch[{i}]")
    return digest, order, patch


def _check_operation(operation: object, where: str) -> None:
    if not isinstance(operation, dict):
        raise _wrong(where, operation, "an object")
    if not isinstance(operation.get("path"), str):
        raise _wrong(f"{where}.path", operation.get("path"), "a string")
    if operation.get("op") not in ("add", "remove", "replace"):
        raise _wrong(f"{where}.op", operation.get("op"), "one of add, remove, replace")
    if operation["op"] != "remove" and "value" not in operation:
        raise FormatError(f"{where}: the key 'value' is missing")


def _apply_operations(content: Tree, patch: list[Tree]) -> Any:
    try:
        return apply_patch(content, patch)
    except UnsafeInput as error:
        raise UnsafeInput(f"sidecar: its patch is refused: {error}") from None
    except InputError as error:
        raise FormatError(f"sidecar: its patch cannot be applied: {error}") from None
