"""JSON patches (RFC 6902), applied so that a hostile one does no harm."""

from copy import deepcopy
from typing import Any

from hftranslate.errors import InputError, UnsafeInput

#: Patches of published signal grids have some thousand operations.
MAX_OPERATIONS = 300_000
#: So many values may be copied by the operations of a patch, all together: copies of copies grow exponentially.
MAX_COPIED = 1_000_000


def apply_patch(document: Any, operations: list[Any]) -> Any:
    """The patched document; the one given may be changed.

    Parameters
    ----------
    document
        plain JSON values.
    operations
        of RFC 6902, applied in this order.

    Returns
    -------
    object
        plain JSON values, which may share parts with the document given.

    Raises
    ------
    InputError
        An operation is malformed or does not apply; the message says which and why.
    UnsafeInput
        The patch has too many operations, or multiplies the document.
    """
    return _apply_one_by_one(document, operations, None)


def patched(document: Any, operations: list[Any]) -> Any:
    """The patched document, which shares what the patch does not touch with the one given; that one stays as it is.

    Raises
    ------
    InputError, UnsafeInput
        As for :func:`apply_patch`.
    """
    if any(isinstance(o, dict) and o.get("op") == "move" for o in operations):
        # a place to move to is counted after the removal: what it lies in is not known beforehand
        return _apply_one_by_one(deepcopy(document), operations, None)
    return _apply_one_by_one(document, operations, _Own())


def _apply_one_by_one(document: Any, operations: list[Any], own: "_Own | None") -> Any:
    import jsonpatch
    import jsonpointer

    if len(operations) > MAX_OPERATIONS:
        raise UnsafeInput(f"{len(operations)} operations; more than {MAX_OPERATIONS} are refused")
    copied = 0
    for i, operation in enumerate(operations):
        if isinstance(operation, dict) and operation.get("op") == "copy":
            copied += _size_of_source(document, operation, MAX_COPIED - copied)
            if copied >= MAX_COPIED:
                raise UnsafeInput(f"its copies multiply the document; more than {MAX_COPIED} copied values are refused")
        try:
            patch = jsonpatch.JsonPatch([operation if own is None else _with_shared_value(operation)])
            if own is not None:
                document = own.along(document, jsonpointer.JsonPointer(operation["path"]).parts)
            document = patch.apply(document, in_place=True)
        except (
            jsonpatch.JsonPatchException,
            jsonpointer.JsonPointerException,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise InputError(f"operation {i}: {error}") from None
        except RecursionError:
            raise InputError(f"operation {i}: nested too deeply") from None
    return document


def _with_shared_value(operation: Any) -> Any:
    """The operation, whose value becomes part of the document as it is: what is written to there is copied first."""
    adds = isinstance(operation, dict) and operation.get("op") in ("add", "replace")
    if adds and isinstance(operation.get("value"), dict):
        return operation | {"value": _Shared(operation["value"])}
    return operation


class _Shared(dict[str, Any]):
    """An object whose content is not copied where ``jsonpatch`` copies what it adds, which newer versions do."""

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return dict(self)


class _Own:
    """Copies of the objects and lists on the way to what changes: only these are written to."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}

    def along(self, document: Any, parts: list[str]) -> Any:
        """The document with everything that holds the place copied, once."""
        document = node = self._copy(document)
        for part in parts[:-1]:
            try:
                key: Any = int(part) if isinstance(node, list) else part
                node[key] = self._copy(node[key])
            except (LookupError, TypeError, ValueError):
                break  # the operation does not apply, and will say so
            node = node[key]
        return document

    def _copy(self, node: Any) -> Any:
        if id(node) in self._copies or not isinstance(node, dict | list):
            return node
        copied = node.copy()
        self._copies[id(copied)] = copied  # held, so that no other object gets its number
        return copied


def _size_of_source(document: Any, operation: dict[str, Any], limit: int) -> int:
    """How many values a copy makes, counted up to a limit; none where it does not apply."""
    import jsonpointer

    try:
        source = jsonpointer.JsonPointer(operation["from"]).resolve(document)
    except (jsonpointer.JsonPointerException, AttributeError, LookupError, TypeError, ValueError):
        return 0
    count, waiting = 0, [source]
    while waiting and count < limit:
        node = waiting.pop()
        count += 1
        if isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return count
