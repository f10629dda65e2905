"""Raw JSON documents with patches on them: what a workspace is read from."""

from collections.abc import Sequence
from pathlib import Path

from hftranslate.errors import FormatError, InputError
from hftranslate.formats.json_patch import apply_patch
from hftranslate.formats.json_text import parse_json, read_bytes, source_name
from hftranslate.formats.outcomes import Outcome


def patched_document(
    data: bytes, source: str, patches: Sequence[str | Path] = ()
) -> tuple[object, tuple[Outcome, ...]]:
    """The document of a workspace with patches applied, and what was found in another document than it should be.

    Parameters
    ----------
    data
        the document; of a pallet, its workspace is taken.
    source
        what to call it in messages.
    patches
        JSON patch files (RFC 6902), applied in this order; ``-`` is standard input.

    Raises
    ------
    InputError
        A document is malformed, is no patch, or does not apply; the message says what and where.
    """
    from hftranslate.formats.recognition import PATCH, kind_of, patch_in, workspace_in

    inside = workspace_in(parse_json(data, source))
    document, outcomes = inside.document, _outcomes(source, inside.told)
    for patch in patches:
        name = source_name(patch)
        found = patch_in(parse_json(read_bytes(patch), name))
        outcomes += _outcomes(name, found.told)
        operations = found.document
        kind = kind_of(operations)
        if not isinstance(operations, list) or kind not in (None, PATCH):
            what = f"; it is {kind.name}" if kind else ""
            way = f": {kind.ways['a JSON patch']}" if kind and "a JSON patch" in kind.ways else ""
            raise FormatError(f"{name} is no JSON patch, which is a list of operations{what}{way}")
        try:
            document = apply_patch(document, operations)
        except InputError as error:
            raise type(error)(f"{name} does not apply to the workspace: {error}") from None
    return document, outcomes


def _outcomes(source: str, told: str) -> tuple[Outcome, ...]:
    return (Outcome(kind="repair", where=source, what=told),) if told else ()
