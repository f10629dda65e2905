"""A workspace as pyhf JSON without more changes than needed, and the digests of it."""

import hashlib
from typing import Any

from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.formats import pyhf_json
from hftranslate.formats.json_text import document_digest
from hftranslate.translation.sidecar import canonical_digest, make_sidecar
from hftranslate.translation.write import JsonTranslation, to_pyhf_json
from hftranslate.workspace import PYHF, Workspace

#: The algorithms of pyhf's digest: those of Python's hashlib whose digests have a fixed length.
ALGORITHMS = tuple(sorted(a for a in hashlib.algorithms_guaranteed if not a.startswith("shake_")))


def as_json(workspace: Workspace) -> JsonTranslation:
    """The workspace as it stands where pyhf JSON can say all of it, else translated, with the account of that.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    JsonTranslation
        the document and the outcomes, which are none where all of it can be said.

    Raises
    ------
    Unsupported
        The schema has no word for a part of the model and no rewriting exists.
    """
    document = _as_it_stands(workspace)
    if document is None:
        return to_pyhf_json(workspace)
    return JsonTranslation(document=document, sidecar=make_sidecar(workspace, workspace), outcomes=())


def _as_it_stands(workspace: Workspace) -> dict[str, Any] | None:
    if workspace.conventions != PYHF:
        return None
    try:
        document = pyhf_json.to_document(workspace)
    except Unsupported:
        return None
    return document if pyhf_json.from_document(document) == workspace else None


def pyhf_digest(workspace: Workspace, algorithm: str = "sha256") -> str:
    """The digest that ``pyhf digest`` gives for the workspace as pyhf JSON: it depends on order, and on 50 or 50.0.

    Parameters
    ----------
    workspace
        the model.
    algorithm
        one of :data:`ALGORITHMS`.

    Returns
    -------
    str
        hexadecimal digits.

    Raises
    ------
    InputError
        There is no such algorithm.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"no algorithm {algorithm!r} for digests" + did_you_mean(algorithm, ALGORITHMS))
    return document_digest(_as_it_stands(workspace) or to_pyhf_json(workspace, measure=False).document, algorithm)


def digest(workspace: Workspace, algorithm: str = "sha256") -> str:
    """A checksum of what a workspace says: pyhf's by one of :data:`ALGORITHMS`, or ``"canonical"``.

    The canonical one (sha256) is the same for any order and for 50 and 50.0.

    Parameters
    ----------
    workspace
        the model.
    algorithm
        one of :data:`ALGORITHMS`, or ``"canonical"``.

    Returns
    -------
    str
        hexadecimal digits.

    Raises
    ------
    InputError
        There is no such algorithm.
    """
    return canonical_digest(workspace) if algorithm == "canonical" else pyhf_digest(workspace, algorithm)
