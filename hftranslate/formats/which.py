"""Which format a document is in."""

import re
from typing import Literal

from hftranslate.errors import FormatError
from hftranslate.formats.json_text import beginning

FormatName = Literal["pyhf-json", "xml", "hs3", "root"]
#: What is readable, in words.
_READABLE = "HistFactory XML, pyhf JSON, HS3 or a ROOT file with a model"
#: Every format that can be written; ``root`` can be read.
FORMATS: tuple[FormatName, ...] = ("pyhf-json", "xml", "hs3")
#: How many bytes of a page are looked at.
_HEAD = 4096
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,80}?)\s*<", re.IGNORECASE)


def which_format(data: bytes, source: str) -> FormatName:
    """Which format a document is in, by its content.

    Parameters
    ----------
    data
        the document, or its beginning where that tells.
    source
        what to call it in messages.

    Returns
    -------
    str
        ``"pyhf-json"``, ``"xml"``, ``"hs3"`` or ``"root"``.

    Raises
    ------
    FormatError
        It begins like none of them.
    """
    head = beginning(data)
    if head.startswith("<"):
        page = html_page(data)
        if page is None:
            return "xml"
        raise FormatError(
            f"{source} is {page}; expected {_READABLE} (hftranslate hepdata download fetches published likelihoods)"
        )
    if head.startswith(("{", "[")):
        return "hs3" if _is_hs3(head, data) else "pyhf-json"
    if data.startswith(b"root"):
        return "root"
    if not data.strip():
        raise FormatError(f"{source} is not {_READABLE}; it is empty")
    from hftranslate.formats.recognition import other_data

    known = other_data(data)
    if known is None:
        raise FormatError(f"{source} is not {_READABLE}")
    raise FormatError(f"{source} is {known[0]}; expected {_READABLE}: {known[1]}")


#: What an HS3 document may have at its top, and words that it cannot do without.
TOP_OF_HS3 = frozenset(
    ["metadata", "distributions", "functions", "data", "likelihoods", "domains", "parameter_points", "analyses", "misc"]
)
_TOP_OF_PYHF = ("channels", "measurements", "observations", "patches", "version")
_OF_HS3 = re.compile(rb'"(hs3_version|histfactory_dist|parameter_points|likelihoods|product_domain)"')


def _is_hs3(head: str, data: bytes) -> bool:
    """Whether JSON is HS3: its first key is one of HS3, and somewhere are words that no other document has."""
    first = re.match(r'\{\s*"([^"]*)"', head)
    if first is None or first[1] in _TOP_OF_PYHF:
        return False
    return b'"hs3_version"' in data or (first[1] in TOP_OF_HS3 and _OF_HS3.search(data) is not None)


def html_page(data: bytes) -> str | None:
    """What an HTML page is called, with its title; ``None`` for what is no such page."""
    text = data[:_HEAD].decode("utf-8", "replace")
    if not _HTML.match(text):
        return None
    title = _TITLE.search(text)
    return "a page of a web site, not the file itself" + (f" ({' '.join(title[1].split())!r})" if title else "")
