"""JSON patches (RFC 6902), applied so that a hostile one does no harm."""

from typing import Any

from hftranslate.errors import InputError, UnsafeInput

#: Patches of published signal grids have some thousand operations.
MAX_OPERATIONS = 300_000
#: So many values may be copied by the operations of a patch, all together: copies of copies grow exponentially.
MAX_COPIED = 1_000_000


def apply_patch(document: Any, operations: list[Any]) -> Any:
    """The patched document; the one given may be changed.

    Raises
    ------
    InputError
        An operation is malformed or does not apply; the message says which and why.
    UnsafeInput
        The patch has too many operations, or multiplies the document.
    """
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
            document = jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
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
