"""pyhf's digest of a document."""

import hashlib
from typing import Any

from hftranslate.formats.json_text import document_digest


def digest(obj: Any, algorithm: str = "sha256") -> str:
    """The digest of a document's JSON text with sorted keys."""
    if not hasattr(hashlib, algorithm):
        raise ValueError(f"{algorithm} is not an algorithm provided by Python's hashlib library.")
    try:
        return document_digest(obj, algorithm)
    except TypeError:
        raise ValueError("The supplied object is not JSON-serializable for calculating a hash.") from None
