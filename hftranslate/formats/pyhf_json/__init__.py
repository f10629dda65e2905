"""pyhf's JSON workspaces."""

from hftranslate.formats.pyhf_json.document import (
    JSON,
    VERSION,
    KnownSamples,
    T,
    from_document,
    known_samples,
    to_document,
)

__all__ = [
    "JSON",
    "VERSION",
    "KnownSamples",
    "T",
    "from_document",
    "known_samples",
    "to_document",
]
