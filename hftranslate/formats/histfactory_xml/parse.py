"""XML documents to checked elements: safely, and with ROOT's document type definition as judge."""

import re
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from lxml import etree

from hftranslate import formats
from hftranslate.errors import FormatError, UnsafeInput, did_you_mean
from hftranslate.formats.histfactory_xml.grammar import GRAMMAR, Node, Notes, check_element, note_refused
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, SHAPEFACTOR_RANGES, Version

#: Name of the document type definition, in the DOCTYPE and beside every written document.
DTD_NAME = "HistFactorySchema.dtd"
_MAX_DTD_MESSAGES = 5


#: What ROOT's DTD says of ShapeFactor since 6.42.
_SHAPEFACTOR = re.compile(rb"(<!ATTLIST ShapeFactor\s+Name\s+CDATA\s+#REQUIRED)")
_SHAPEFACTOR_RANGE = b"".join(
    b"\n          %s               CDATA            #IMPLIED" % n for n in (b"Val", b"Low", b"High")
)


def dtd_bytes(version: Version = MEASURED) -> bytes:
    """ROOT's document type definition: that of 6.40, with the ranges of ShapeFactor where the version has them."""
    data = (Path(formats.__path__[0]) / "schemas" / DTD_NAME).read_bytes()
    return _SHAPEFACTOR.sub(rb"\1" + _SHAPEFACTOR_RANGE, data) if version >= SHAPEFACTOR_RANGES else data


@cache
def _dtd(extended: bool) -> Any:
    return etree.DTD(BytesIO(dtd_bytes(SHAPEFACTOR_RANGES if extended else MEASURED)))


def dtd_errors(root: Any, version: Version = MEASURED) -> list[str]:
    """What ROOT's document type definition finds wrong."""
    dtd = _dtd(version >= SHAPEFACTOR_RANGES)
    if dtd.validate(root):
        return []
    return [f"line {e.line}: {e.message}" for e in dtd.error_log.filter_from_errors()]


def parse(data: bytes, file: str, expected: str, notes: Notes) -> Node:
    """Parse a document.

    Parameters
    ----------
    data
        its bytes.
    file
        what to call it in messages.
    expected
        tag of its root element, ``Combination`` or ``Channel``.
    notes
        receives what ROOT would refuse.

    Raises
    ------
    UnsafeInput
        The document declares entities.
    FormatError
        It is not well-formed, has another root element, or unknown elements or attributes.
    """
    root = _parse_xml(data, file)
    if root.tag != expected:
        raise FormatError(_wrong_root(str(root.tag), expected, file))
    if "WorkspaceName" in root.attrib:
        raise FormatError(
            f"{file} is a configuration of XMLAnaWSBuilder (quickFit), which has other words; expected HistFactory XML"
        )
    node = _node(root, file, notes)
    if notes.documents is not None:
        notes.documents.append(node)
    info = root.getroottree().docinfo
    if info.internalDTD is None:
        notes.add("repair", file, f'there is no <!DOCTYPE {expected} SYSTEM "{DTD_NAME}">; ROOT refuses the document')
    errors = dtd_errors(root, notes.version)
    for error in errors[:_MAX_DTD_MESSAGES]:
        notes.add("repair", file, f"against ROOT's DTD, so that ROOT refuses the document: {error}")
    if len(errors) > _MAX_DTD_MESSAGES:
        notes.add("repair", file, f"and {len(errors) - _MAX_DTD_MESSAGES} more violations of the DTD")
    return node


def _parse_xml(data: bytes, file: str) -> Any:
    if _declares_entities(data):
        raise UnsafeInput(f"{file}: the document declares entities, which is refused for safety")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if not data.strip():
            raise FormatError(f"{file}: the document is empty") from None
        raise FormatError(f"{file}:{error.lineno}: not well-formed XML: {error.msg}") from None
    declared: Any = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):  # in another encoding than the search saw
        raise UnsafeInput(f"{file}: the document declares entities, which is refused for safety")
    return root


def _declares_entities(data: bytes) -> bool:
    """Whether a declaration of an entity stands anywhere outside comments."""
    at, entity = 0, data.find(b"<!ENTITY")
    while entity >= 0:
        comment = data.find(b"<!--", at, entity)
        if comment < 0:
            return True
        end = data.find(b"-->", comment + 4)
        if end < 0:
            return False  # all else is a comment without an end, which is not well-formed
        at = end + 3
        if at > entity:
            entity = data.find(b"<!ENTITY", at)
    return False


def _wrong_root(tag: str, expected: str, file: str) -> str:
    if expected == "Combination" and tag == "Channel":
        return (
            f"{file} describes a single channel; give the driver instead, "
            "the XML file with the root element <Combination> that lists this one as <Input>"
        )
    return f"{file}: the root element is <{tag}>; expected <{expected}>"


def _node(element: Any, file: str, notes: Notes) -> Node:
    tag = element.tag
    line, attributes, grammar = element.sourceline, dict(element.attrib), GRAMMAR[tag]
    where = f"{file}:{line}"
    if attributes.keys() - grammar.attributes:
        check_element(tag, attributes, where)
    children = []
    text = element.text or ""
    for child in element:
        if not isinstance(child.tag, str):
            raise FormatError(f"{where}: <{tag}> contains a reference to an entity, which is refused")
        if child.tag not in grammar.children:
            raise FormatError(
                f"{file}:{child.sourceline}: <{tag}> cannot contain <{child.tag}>"
                + did_you_mean(child.tag, grammar.children)
            )
        children.append(_node(child, file, notes))
        text += child.tail or ""
    if text.strip() and tag not in ("Input", "POI", "ParamSetting", "ConstraintTerm"):
        raise FormatError(f"{where}: <{tag}> contains the text {text.strip()!r}; expected none")
    node = Node(
        tag=tag,
        attributes=attributes,
        children=tuple(children),
        text=text,
        file=file,
        line=line,
    )
    if grammar.refused:
        note_refused(node, notes)
    return node
