"""What may reach ROOT: only names, expressions and paths that it cannot take for something to be executed.

ROOT makes factory strings, formulae and shell commands of what a model says: an expression is compiled as C++, a comma
or bracket in a name ends an argument, and a ``$`` in the name of a file starts a shell. So everything is judged before
ROOT starts: Functions by the grammar of :mod:`hftranslate.workspace.expressions`, all other texts by the characters in
them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hftranslate.errors import UnsafeInput, Unsupported
from hftranslate.formats.histfactory_xml.grammar import Node
from hftranslate.workspace.expressions import parse_dependents, parse_expression

#: Letters and digits of any language, and signs without a meaning in factory strings, formulae and shells.
_NAME = re.compile(r"\w([\w .+/-]*[\w.+-])?")
#: What may end a name besides, one of several things: ``SR[1]``. ROOT takes other brackets for ranges.
_PLACE = re.compile(r"\[[0-9]{1,9}\]")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)
_FILE = re.compile(r"[\w ./+@%=,-]*")
_OBJECT = re.compile(r"[\w ./+@%=,:-]*")
_LONGEST = 500
#: Names in HS3, and numbers written as names.
_TEXT = re.compile(r"[\w .+-]*", re.ASCII)
_FORMULA = "generic_function"
#: What a formula depends on: words that are no functions.
_WORD = re.compile(r"(?<![\w.:])[A-Za-z_]\w*(?!\w*\s*\()(?!\w*::)")
_TYPES_OF_HS3 = {
    "distributions": ("histfactory_dist", "gaussian_dist", "normal_dist", "poisson_dist"),
    "functions": (_FORMULA, "product", "sum"),
    "data": ("binned", "unbinned"),
    "domains": ("product_domain",),
}
_LISTS = ("POI", "ParamSetting", "ConstraintTerm")


def check_name(kind: str, name: str) -> None:
    """Refuse a name that ROOT might read as more than a name.

    Parameters
    ----------
    kind
        what has it: ``channel``, ``sample``, ``measurement``, ``parameter``, a type of modifier, ...

    Raises
    ------
    UnsafeInput
        The message names the character.
    """
    if len(name) > _LONGEST:
        raise UnsafeInput(
            f"{kind} {name[:40]!r}...: a name of {len(name)} characters is not given to ROOT ({_LONGEST} at most)"
        )
    plain = _without_place(name)
    bad = next((c for c in plain if not _NAME.fullmatch(f"a{c}a")), None)
    if kind == "measurement" and "/" in name:
        bad = "/"  # it becomes part of the name of a file
    if bad is not None:
        raise UnsafeInput(
            f"{kind} {name!r}: a name with {bad!r} is not given to ROOT, whose factory could read it as more than a "
            "name; letters, digits, blanks and _ . + - / are, and a number in brackets at the end (see 'hftranslate "
            "rename')"
        )
    if not _NAME.fullmatch(plain):
        raise UnsafeInput(f"{kind} {name!r} is no name for ROOT: it is empty, or begins or ends with a sign or a blank")
    if kind == "channel" and name[0].isdecimal():
        raise UnsafeInput(f"channel {name!r}: ROOT accepts no channel name that begins with a digit")


def _without_place(name: str) -> str:
    """A name without what may end it: ``SR`` of ``SR[1]``, ``staterror_SR[1]`` of ``staterror_SR[1][0]``."""
    places = list(_PLACE.finditer(name))
    return name[: places[-1].start()] if places and places[-1].end() == len(name) else name


def check_function(name: str, expression: str, dependents: str) -> None:
    """Refuse a Function that is more than scalar arithmetic of parameters: ROOT would compile and run it.

    Raises
    ------
    UnsafeInput
        The message says what is not understood.
    """
    if not _IDENTIFIER.fullmatch(name) or len(name) > _LONGEST:
        raise UnsafeInput(f"Function {name[:_LONGEST]!r}: its name must be an identifier of C++ to be given to ROOT")
    for text in (expression, dependents):
        if not (text.isascii() and text.isprintable()):
            raise UnsafeInput(f"Function {name!r}: {text[:_LONGEST]!r} is not plain text and is not given to ROOT")
    try:
        parse_expression(expression, [d.name for d in parse_dependents(dependents)])
    except Unsupported as error:
        raise UnsafeInput(f"Function {name!r} is not given to ROOT, which would run it: {error}") from None


def check_json(document: Mapping[str, Any]) -> None:
    """Judge all names of a pyhf JSON document that was read before.

    Raises
    ------
    UnsafeInput
        One of them is not given to ROOT.
    """
    for channel in document["channels"]:
        check_name("channel", channel["name"])
        for sample in channel["samples"]:
            check_name("sample", sample["name"])
            for modifier in sample["modifiers"]:
                check_name(modifier["type"], modifier["name"])
    for observation in document["observations"]:
        check_name("channel", observation["name"])
    for measurement in document["measurements"]:
        check_name("measurement", measurement["name"])
        poi = measurement["config"]["poi"]
        if poi:
            _check_parameter(poi)
        for parameter in measurement["config"]["parameters"]:
            check_name("parameter", parameter["name"])


def check_hs3(document: Mapping[str, Any]) -> None:
    """Judge all texts of an HS3 document that was read before, and the types of what ROOT would make of it.

    Raises
    ------
    UnsafeInput
        Something in it is not given to ROOT.
    """
    for part, types in _TYPES_OF_HS3.items():
        for one in document.get(part) or ():
            kind, name = one.get("type"), str(one.get("name"))
            if kind not in types:
                raise UnsafeInput(f"{part}: {name!r} of the type {str(kind)[:_LONGEST]!r} is not given to ROOT")
            if kind == _FORMULA:
                check_function(name, one["expression"], ",".join(dict.fromkeys(_WORD.findall(one["expression"]))))
    plain = {key: value for key, value in document.items() if key != "metadata"}
    for text in _texts(plain):
        if len(text) > _LONGEST or not _TEXT.fullmatch(text):
            raise UnsafeInput(f"{text[:_LONGEST]!r} is not given to ROOT, which could read it as more than a name")


def _texts(value: Any) -> Iterator[str]:
    """All keys and strings but formulas, which are judged by themselves."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if not (key == "expression" and value.get("type") == _FORMULA):
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _check_parameter(name: str) -> None:
    """The name of a parameter or of one of several under a name: ``staterror_SR[0]``."""
    check_name("parameter", _without_place(name))


def check_xml(documents: Iterable[Node]) -> None:
    """Judge the names, Functions and paths of a driver and its channels.

    Raises
    ------
    UnsafeInput
        One of them is not given to ROOT.
    """
    for node in (n for document in documents for n in _nodes(document)):
        try:
            _check_element(node)
        except UnsafeInput as error:
            raise UnsafeInput(f"{node.where}: {error}") from None


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _check_element(node: Node) -> None:
    if node.tag == "Function":
        check_function(*(node.get(attribute) for attribute in ("Name", "Expression", "Dependents")))
        return
    for attribute, text in node.attributes.items():
        if attribute == "Name":
            check_name(_kind(node.tag), text)
        elif attribute.startswith(("InputFile", "HistoFile")):
            _check_text(attribute, text, _FILE)
        elif attribute.startswith("Histo"):
            _check_text(attribute, _PLACE.sub("", text), _OBJECT)
    for name in re.split(r"[\s\\]+", node.text) if node.tag in _LISTS else ():
        if name:
            check_name("parameter", name)


def check_confined(documents: Iterable[Node], basedir: Path, folders: Iterable[Path]) -> None:
    """Refuse files outside some folders, where ROOT would find them.

    Raises
    ------
    UnsafeInput
        The message names the element.
    """
    allowed = [folder.resolve() for folder in folders]
    for node in (n for document in documents for n in _nodes(document)):
        texts = [t for a, t in node.attributes.items() if a.startswith(("InputFile", "HistoFile"))]
        for text in [*texts, *([node.text.strip()] if node.tag == "Input" else [])]:
            if not any((basedir / text).resolve().is_relative_to(folder) for folder in allowed):
                raise UnsafeInput(
                    f"{node.where}: {text!r} leads outside the folder of the XML, which --confine forbids"
                )


def _kind(tag: str) -> str:
    return tag.lower() if tag in ("Channel", "Sample", "Measurement") else tag


def _check_text(attribute: str, text: str, allowed: re.Pattern[str]) -> None:
    bad = next((c for c in text if not allowed.fullmatch(c)), None)
    if bad is not None:
        raise UnsafeInput(
            f"{attribute}={text!r} with {bad!r} is not given to ROOT, which could expand it by a shell or take "
            "it for an address"
        )
