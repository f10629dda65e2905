from hftranslate.formats.pyhf_json.dialect import TO_PYHF
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
    "TO_PYHF",
    "VERSION",
    "KnownSamples",
    "T",
    "from_document",
    "known_samples",
    "to_document",
]
