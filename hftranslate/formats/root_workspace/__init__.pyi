from hftranslate.formats.root_workspace.contents import Contents, Space, contents, contents_document, contents_text
from hftranslate.formats.root_workspace.measurement import MEASUREMENT
from hftranslate.formats.root_workspace.read import carries_code, read, snapshot

__all__ = [
    "MEASUREMENT",
    "Contents",
    "Space",
    "carries_code",
    "contents",
    "contents_document",
    "contents_text",
    "read",
    "snapshot",
]
