"""Reading and writing of text documents, the same for all formats: safe, exact, and clear about what is wrong."""

import gzip
import hashlib
import json
import re
import sys
import zlib
from io import BytesIO
from math import isinf
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from hftranslate.errors import FormatError, InputError, MissingInput, UnsafeInput, did_you_mean

#: No document, compressed or not, may be larger than this many bytes. The largest published ones have some 10 MB; what
#: is parsed takes up to thirty times the memory of its text.
MAX_BYTES = 1 << 27
_CHUNK = 1 << 20
#: So many bytes say what a document is.
_HEAD = 4096
#: So many files of a folder are named.
_SHOWN = 4
_GZIP_MAGIC = b"\x1f\x8b"
#: An integer of more digits may lie beyond the range of double precision.
_MAX_DIGITS = 308


def source_name(path: str | Path) -> str:
    """What a file is called in messages; ``-`` is standard input."""
    if not isinstance(path, str | PathLike):
        raise InputError(f"expected the path of a file, not {type(path).__name__}")
    return "standard input" if str(path) == "-" else str(path)


def read_bytes(path: str | Path) -> bytes:
    """The content of a file, decompressed where it is gzip.

    Parameters
    ----------
    path
        a file, or ``-`` for standard input.

    Raises
    ------
    MissingInput
        there is no such file, or it cannot be read.
    UnsafeInput
        the content, or what it decompresses to, is larger than :data:`MAX_BYTES`.
    FormatError
        it begins like gzip but is damaged.
    """
    source = source_name(path)
    if str(path) == "-":
        return _decompress(_standard_input(), source)
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = _read_up_to_the_limit(stream, str(path))
    except FileNotFoundError:
        raise MissingInput(f"{path}: no such file{_nearest(file)}") from None
    except IsADirectoryError:
        raise MissingInput(f"{path} is a directory; expected a file{_candidates(file)}") from None
    except OSError as error:
        raise MissingInput(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a name that no file system takes
        raise MissingInput(f"{str(path)!r} is no file name: {error}") from None
    return _decompress(data, str(path))


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise MissingInput("standard input is closed; name a file")
    try:
        return _read_up_to_the_limit(sys.stdin.buffer, "standard input")
    except OSError as error:
        raise MissingInput(f"standard input cannot be read: {error.strerror or error}") from None


def _nearest(file: Path) -> str:
    try:
        names = [entry.name for entry in file.parent.iterdir()]
    except FileNotFoundError:
        return f"; the folder {str(file.parent)!r} does not exist"
    except OSError:
        return ""
    near = did_you_mean(file.name, names)
    if near.startswith("; did you mean"):
        return near
    same = [name for name in names if file.suffix and name.endswith(file.suffix)]
    return did_you_mean(file.name, same) if same else ""


def _candidates(folder: Path) -> str:
    """The files in a folder that may be meant."""
    try:
        names = sorted(e.name for e in folder.iterdir() if e.name.lower().endswith((".json", ".json.gz", ".xml")))
    except OSError:
        return ""
    shown = ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f", such as {shown} in it" if names else ""


def _read_up_to_the_limit(stream: BinaryIO | gzip.GzipFile, source: str) -> bytes:
    chunks, size = [], 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > MAX_BYTES:
            raise UnsafeInput(f"{source}: larger than {MAX_BYTES} bytes; refused")
        chunks.append(chunk)
    return b"".join(chunks)


def _decompress(data: bytes, source: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
            return _read_up_to_the_limit(stream, f"{source} (decompressed)")
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{source}: damaged gzip file: {error}") from None


def parse_json(data: bytes, source: str) -> object:
    """A JSON document as Python values: strict, and every number exact and finite.

    Parameters
    ----------
    data
        the document in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.
    source
        what to call it in messages.

    Returns
    -------
    object
        dictionaries, lists, strings, ``int`` and ``float`` as they stand there, booleans and ``None``.

    Raises
    ------
    FormatError
        it is not JSON, not Unicode, gives a key of one object twice, or holds a number that is not finite in double
        precision.
    """
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        _refuse_other_data(data, source)
        name = encoding.upper().removesuffix("-SIG")
        raise FormatError(f"{source}: byte {error.start} is not {name}; JSON must be UTF-8 text") from None
    try:
        document: object = json.loads(
            text, object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
        )
        if "\\" in text and ("\\ud" in text or "\\uD" in text):
            # half of a surrogate pair parses, but no later step could write it
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        _refuse_other_data(data, source)
        from hftranslate.formats.recognition import malformed

        raise FormatError(f"{source}: not valid JSON: {malformed(text, error)}") from None
    except UnicodeEncodeError:
        raise FormatError(f"{source}: not valid JSON: a string with half of a surrogate pair (\\ud...)") from None
    except RecursionError:
        raise FormatError(f"{source}: nested too deeply") from None
    except _Refused as error:
        raise FormatError(f"{source}: {error}{_where(text, error.number)}") from None
    return document


def _refuse_other_data(data: bytes, source: str) -> None:
    from hftranslate.formats.recognition import no_json

    known = None if beginning(data).startswith(("{", "[")) else no_json(data)
    if known is not None:
        raise FormatError(f"{source} is {known[0]}; expected JSON: {known[1]}") from None


def _encoding(data: bytes) -> str:
    """UTF-8, unless the first bytes say otherwise: PowerShell, for one, writes UTF-16."""
    return json.detect_encoding(data[:4])


def beginning(data: bytes) -> str:
    """The first characters of a document, without blanks before them."""
    return data[:_HEAD].decode(_encoding(data), "replace").lstrip()


def _where(text: str, number: str) -> str:
    """Where a number stands, outside of strings."""
    if not number:
        return ""
    for token in re.finditer(rf'"(?:[^"\\]|\\.)*"|(?<![\w.]){re.escape(number)}(?![\w.])', text):
        if not token[0].startswith('"'):
            from hftranslate.formats.recognition import place

            line, column = place(text, token.start())
            return f" (line {line}, column {column})"
    return ""


class _Refused(Exception):
    """A detail that makes a document unacceptable; the caller adds the source, and the place of a number."""

    def __init__(self, what: str, number: str = "") -> None:
        super().__init__(what)
        self.number = number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = _first_repeated_name(pairs)
        inside = f" of the object named {result['name']!r}" if isinstance(result.get("name"), str) else ""
        raise _Refused(f"the key {twice!r}{inside} appears more than once in the same object")
    return result


def _first_repeated_name(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _float(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise _Refused(f"the number {_short(text)} is too large for double precision", text)
    return value


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _Refused(f"the number {_short(text)} is too large for double precision", text)
    return int(text)


def _constant(text: str) -> NoReturn:
    raise _Refused(f"{text} is not a JSON number; all numbers must be finite", text)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}... ({len(text)} characters)"


def dump_json(document: object) -> str:
    """The text of a JSON document: indented by four, lists of plain values on one line, ending in a newline.

    The order of keys is kept and numbers are written so that they read back exactly; the text is pure ASCII.

    >>> print(dump_json({"data": [1, 2.0], "name": "SR"}), end="")
    {
        "data": [1, 2.0],
        "name": "SR"
    }

    Parameters
    ----------
    document
        dictionaries, lists, strings, numbers, true, false and ``None``.

    Returns
    -------
    str
        with a newline at its end.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    return _text(document, "\n") + "\n"


def _text(value: object, newline: str) -> str:
    if isinstance(value, dict) and value:
        inner = newline + "    "
        items = [f"{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{newline}}}"
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        inner = newline + "    "
        return f"[{inner}{f',{inner}'.join(_text(item, inner) for item in value)}{newline}]"
    return json.dumps(value, allow_nan=False)


def document_digest(document: object, algorithm: str) -> str:
    """The digest that pyhf gives a document: of its JSON text with sorted keys, by an algorithm of :mod:`hashlib`."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()
