from hftranslate.formats.files import write_files, write_together
from hftranslate.formats.json_patch import apply_patch
from hftranslate.formats.json_text import dump_json, parse_json
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.which import FORMATS, FormatName, which_format

__all__ = [
    "FORMATS",
    "FormatName",
    "Outcome",
    "apply_patch",
    "dump_json",
    "parse_json",
    "which_format",
    "write_files",
    "write_together",
]
