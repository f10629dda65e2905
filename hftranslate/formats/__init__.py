"""The file formats: one module each, a reader and a writer in it. No format imports another."""

from typing import Literal

from hftranslate.errors import FormatError, Unsupported

FormatName = Literal["pyhf-json", "xml"]
#: Every format that can be read and written.
FORMATS = ("pyhf-json", "xml")


def which_format(data: bytes, source: str) -> FormatName:
    """Which format a document is in, by its content.

    Raises
    ------
    FormatError
        It begins like none of them.
    Unsupported
        It is one that cannot be read yet.
    """
    head = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:4096]
    if head.startswith(b"<"):
        return "xml"
    if head.startswith((b"{", b"[")):
        if b'"hs3_version"' in head or b'"distributions"' in head or b'"hs3_version"' in data[-4096:]:
            raise Unsupported(f"{source} is HS3 JSON, which cannot be read yet; expected HistFactory XML or pyhf JSON")
        return "pyhf-json"
    if head.startswith(b"root"):
        raise FormatError(f"{source} is a ROOT file; expected the XML file (root element Combination) that names it")
    raise FormatError(f"{source} is neither HistFactory XML nor pyhf JSON" + ("; it is empty" if not head else ""))
