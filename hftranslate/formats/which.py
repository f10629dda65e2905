"""Which format a document is in."""

from typing import Literal

from hftranslate.errors import FormatError, Unsupported
from hftranslate.formats.json_text import beginning
from hftranslate.formats.recognition import html_page, other_data

FormatName = Literal["pyhf-json", "xml", "root"]
#: Every format that can be written; ``root`` can be read.
FORMATS: tuple[FormatName, ...] = ("pyhf-json", "xml")


def which_format(data: bytes, source: str) -> FormatName:
    """Which format a document is in, by its content.

    Raises
    ------
    FormatError
        It begins like none of them.
    Unsupported
        It is one that cannot be read yet.
    """
    head = beginning(data)
    if head.startswith("<"):
        page = html_page(data)
        if page is None:
            return "xml"
        raise FormatError(
            f"{source} is {page}; expected HistFactory XML or pyhf JSON "
            "(hftranslate hepdata download fetches published likelihoods)"
        )
    if head.startswith(("{", "[")):
        if '"hs3_version"' in head or '"distributions"' in head or b'"hs3_version"' in data[-4096:]:
            raise Unsupported(f"{source} is HS3 JSON, which cannot be read yet; expected HistFactory XML or pyhf JSON")
        return "pyhf-json"
    if data.startswith(b"root"):
        return "root"
    if not data.strip():
        raise FormatError(f"{source} is neither HistFactory XML nor pyhf JSON; it is empty")
    known = other_data(data)
    if known is None:
        raise FormatError(f"{source} is neither HistFactory XML nor pyhf JSON")
    raise FormatError(f"{source} is {known[0]}; expected HistFactory XML or pyhf JSON: {known[1]}")
