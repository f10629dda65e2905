from hftranslate.translation.as_json import as_json, digest, pyhf_digest
from hftranslate.translation.expected_data import with_expected_data
from hftranslate.translation.load import Loaded, load, read
from hftranslate.translation.sidecar import apply_sidecar, canonical_digest, make_sidecar
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.verify import Verification, verify_file, verify_json
from hftranslate.translation.write import (
    JsonTranslation,
    XmlTranslation,
    to_hs3,
    to_pyhf_json,
    to_xml,
    write,
    write_json,
    write_xml,
)

__all__ = [
    "JsonTranslation",
    "Loaded",
    "Verification",
    "XmlTranslation",
    "apply_sidecar",
    "as_json",
    "canonical_digest",
    "digest",
    "load",
    "make_sidecar",
    "pyhf_digest",
    "read",
    "sidecar_path",
    "to_hs3",
    "to_pyhf_json",
    "to_xml",
    "verify_file",
    "verify_json",
    "with_expected_data",
    "write",
    "write_json",
    "write_xml",
]
