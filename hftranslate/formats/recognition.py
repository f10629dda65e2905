"""What a document is that is not the one that was expected: named for what it is, with the way out.

People give what lies near a workspace: a patch set, the result of a fit, the page of a web site that was saved in
place of the file. Data that are no text are known by their first bytes, text by its first words, JSON by its keys.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from hftranslate.formats.which import html_page

Json: TypeAlias = dict[str, Any]
#: How many characters of a text are looked at; JSON that is cut off is followed to its end.
_HEAD = 4096
_RESULT_OF = "the result of "
_OF_A_WORKSPACE = {"measurements", "observations"}
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CUT = 1 << 20


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: its name with an article, and the way out where something else was expected."""

    name: str
    ways: Mapping[str, str] = field(default_factory=dict)

    def instead_of(self, expected: str) -> str:
        """The sentence for who gave it in place of what was expected: ``a workspace``, ``the result of 'fit'``."""
        way = self.ways.get(expected, "")
        if not way and self.name == "a workspace" and expected.startswith(_RESULT_OF):
            command = expected.removeprefix(_RESULT_OF).strip("'")
            way = f"make it with hftranslate {command}"
        return f"this is {self.name}; expected {expected}{f' ({way})' if way else ''}"


# -------------------------------------------------------------------------------------------------- data and other text
#: First bytes, what they mean, and the way out.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive", "unpack it and give a file from it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give a file from it"),
    (b"Rar!", "a RAR archive", "unpack it and give a file from it"),
    (b"\x1f\x8b", "compressed by gzip twice", "undo it once with gunzip"),
    (b"BZh", "compressed by bzip2", "undo it with bunzip2; gzip is read as it is"),
    (b"\xfd7zXZ\x00", "compressed by xz", "undo it with unxz; gzip is read as it is"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "undo it with unzstd; gzip is read as it is"),
    (b"%PDF", "a PDF", "give the file that it was made from, or the likelihood of the record"),
    (b"\x89HDF", "an HDF5 file", "give HistFactory XML, pyhf JSON or HS3"),
    (b"\x89PNG", "a picture", "give the file that it was made from"),
    (b"\xff\xd8\xff", "a picture", "give the file that it was made from"),
    (b"\x80\x03", "a Python pickle", "it could run code when it is read; write JSON with json.dump instead"),
    (b"\x80\x04", "a Python pickle", "it could run code when it is read; write JSON with json.dump instead"),
    (b"\x80\x05", "a Python pickle", "it could run code when it is read; write JSON with json.dump instead"),
    (b"root", "a ROOT file", "give the XML file (root element Combination) that names it"),
    (b"SQLite format 3", "an SQLite data base", "give HistFactory XML, pyhf JSON or HS3"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it with git lfs pull"),
)
_TAR = (257, b"ustar")
_DATACARD = re.compile(r"^\s*imax\s+\S+", re.MULTILINE)
_COMMENT = re.compile(r"\s*(//|/\*|#)[^{]*(\n|\*/)\s*[{\[]")
_YAML = re.compile(r"^(%YAML|---(\s|$)|- |[A-Za-z_][\w .-]*:(\s|$))")


def other_data(data: bytes) -> tuple[str, str] | None:
    """What data are that begin neither like XML nor like JSON, and the way out; ``None`` where that is not known."""
    for magic, name, way in _MAGIC:
        if data.startswith(magic):
            return name, way
    start, magic = _TAR
    if data[start : start + len(magic)] == magic:
        return "a TAR archive", "unpack it and give a file from it"
    text = data[:_CUT].decode("utf-8", "replace")
    head = text[:_HEAD]
    if _DATACARD.search(head):
        return "a CMS datacard", "translate it to pyhf JSON first; there are tools for it, as pyhf's documentation says"
    if _COMMENT.match(head):
        return "JSON that begins with a comment", "JSON has no comments: remove it"
    if data.rstrip().endswith((b"}", b"]")) and "\ufffd" not in head:
        cut = _without_beginning(text)
        if cut is not None:
            return cut
    first = next((line for line in head.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if _YAML.match(first):
        return "YAML or a configuration file", "give HistFactory XML, pyhf JSON or HS3"
    return None


def no_json(data: bytes) -> tuple[str, str] | None:
    """What data are that are no JSON document at all, and the way out; ``None`` where that is not known."""
    page = html_page(data)
    if page is not None:
        return page, "fetch the file itself"
    if data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "XML", "translate HistFactory XML with hftranslate xml2json"
    return other_data(data)


def _without_beginning(text: str) -> tuple[str, str] | None:
    """Of JSON whose beginning is missing: where it closes what it never opened."""
    found = [at for at in (_unopened(text, 0), _unopened(text, text.find('"') + 1)) if at is not None]
    if not found:
        return None
    line, column = place(text, min(found))
    what = f"JSON whose beginning is missing (line {line}, column {column}: {text[min(found)]!r} closes nothing)"
    return what, "it was cut off; fetch or write it again"


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]')


def _unopened(text: str, start: int) -> int | None:
    """The position of the first bracket that closes nothing, read from outside of a string."""
    depth = 0
    for token in _TOKENS.finditer(text, start):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth < 0:
                return token.start()
    return None


def place(text: str, position: int) -> tuple[int, int]:
    """Line and column of a position, both counted from one."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


# ------------------------------------------------------------------------------------------------------- malformed JSON
def malformed(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong with a text that is no JSON: where, what, and what helps where that is plain."""
    at, what = error.pos, error.msg
    before = text[:at].rstrip()
    following = text[at : at + 5]
    if not text.strip():
        return "an empty document"
    if before.endswith(",") and following[:1] in ("}", "]"):
        at, what = len(before) - 1, f"a comma before {following[0]!r}; JSON has none there: remove it"
    elif what.startswith("Illegal trailing comma"):
        what = "a comma before the end of a list or object; JSON has none there: remove it"
    elif what == "Extra data":
        what = _more_data(text, at)
    elif not text[at:].strip() or what.startswith("Unterminated string"):
        what += "; the document seems to be cut off at its end"
    elif following.startswith(("'", "True", "False", "None")):
        what += f"; {_word(following)} is Python's, not JSON: write the file with json.dump"
    elif following.startswith(("//", "/*", "#")):
        what += "; JSON has no comments"
    line, column = place(text, at)
    return f"line {line}, column {column}: {what}"


def _word(text: str) -> str:
    return next((word for word in ("True", "False", "None") if text.startswith(word)), "the quote '")


def _more_data(text: str, at: int) -> str:
    if text[at] in ",]}":
        return "Extra data after the end of the document: its beginning seems to be missing"
    lines = [line for line in text[at:].splitlines() if line.strip()]
    if text[:at].endswith("\n") and lines and all(line.lstrip().startswith(("{", "[")) for line in lines[:20]):
        if text.startswith('{"task": '):
            return "a second line; this is a file of kept results (--resume), which belongs to the command that made it"
        return "a second document begins (JSON Lines?); expected one"
    return "Extra data after the end of the document; expected one document"


# ----------------------------------------------------------------------------------------------------- JSON by its keys
_EXTRACT = "extract one patch: hftranslate patchset extract FILE --name NAME"
_FULL_WORKSPACE = "a patch set is made of full workspaces with hftranslate patchset create"

WORKSPACE = Kind(
    "a workspace",
    {
        "a patch set": _FULL_WORKSPACE,
        "a JSON patch": "give it as FILE, or make a patch with hftranslate patchset create",
        "a result document": "make one of it with hftranslate results",
    },
)
PATCH = Kind(
    "a JSON patch",
    {
        "a workspace": "which the patch can be applied to: --patch",
        "a patch set": "which holds patches with their names and values: hftranslate patchset create",
    },
)
ONE_PATCH = Kind(
    "one patch of a patch set, with its metadata",
    {"a workspace": "which the patch can be applied to: --patch", "a patch set": _FULL_WORKSPACE},
)
PATCHSET = Kind(
    "a patch set",
    {"a workspace": "which one of its patches can be applied to: hftranslate patchset apply", "a JSON patch": _EXTRACT},
)
PATCHSETS = Kind(
    "a list of patch sets",
    {
        "a workspace": "which one of their patches can be applied to",
        "a JSON patch": _EXTRACT,
    },
)
SETS_BY_NAME = Kind("several patch sets in one document", {"a JSON patch": _EXTRACT})
PATCHES = Kind("a list of patches with metadata", {"a workspace": "which one of them can be applied to"})
WORKSPACES = Kind("a list of workspaces", {"a workspace": "give one of them"})
SEVERAL = Kind("several workspaces in one document")
HOLDER = Kind("an object that holds a workspace")
PALLET = Kind(
    "a pallet: a workspace together with its patch sets",
    {"a JSON patch": _EXTRACT},
)
MODEL = Kind(
    "a model without measurements and observations",
    {"a workspace": "which has both: pyhf.Workspace.build makes one of a model and its data"},
)
HS3 = Kind("an HS3 document")
RESULTS = Kind("a result document", {"a workspace": "give the one that it was made from"})
_NOTHING = Kind("an empty object")
_NOTEBOOK = Kind("a Jupyter notebook", {"a workspace": "write it from there with json.dump"})
_ANSWER = Kind("the answer of a server, not the file")

#: Keys that the results of commands have, and no other document.
_RESULTS: tuple[tuple[frozenset[str], Kind], ...] = tuple(
    (frozenset(keys.split()), Kind(name, {"a workspace": "give the workspace that it was made from"}))
    for keys, name in (
        ("mle_parameters", "the result of 'fit'"),
        ("CLs_obs CLs_exp", "the result of 'cls'"),
        ("observed expected level", "the result of 'limit'"),
        ("p0 z", "the result of 'significance'"),
        ("twice_delta_nll parameters", "the result of 'scan'"),
        ("widths groups poi", "the result of 'impacts'"),
        ("statistic ndof", "the result of 'gof'"),
        ("stage samples observed", "the result of 'yields'"),
        ("labels points failed", "the result of 'patchset scan'"),
        ("findings counts", "the result of 'doctor'"),
        ("differences likelihoods", "the result of 'diff'"),
        ("rungs passed", "the report of 'crosscheck'"),
        ("systematics measurements samples", "the result of 'inspect'"),
    )
)


def kind_of(document: object) -> Kind | None:
    """What a JSON document is, by its keys; ``None`` where nothing is known that looks like it."""
    if isinstance(document, list):
        return _kind_of_list(document)
    if not isinstance(document, dict):
        return None
    keys = document.keys()
    if not keys:
        return _NOTHING
    for kind in (_of_results(keys), _kind_of_workspace(document)):
        if kind is not None:
            return kind
    if "patches" in keys:
        return PATCHSET
    if "patch" in keys and isinstance(document["patch"], list):
        return ONE_PATCH
    if "distributions" in keys or _is_hs3(document.get("metadata")):
        return HS3
    if str(document.get("schema", "")).startswith("hftranslate-results"):
        return RESULTS
    if document.get("format") == "hftranslate-sidecar":
        return Kind("a sidecar", {"a workspace": "give the file that it lies beside"})
    if "nbformat" in keys:
        return _NOTEBOOK
    if keys & {"message", "error", "detail"} and keys <= {"message", "error", "detail", "status", "code", "errors"}:
        return _ANSWER
    return _kind_by_parts(document)


def _kind_of_list(items: list[Any]) -> Kind | None:
    if all(isinstance(item, dict) and "op" in item for item in items):  # the empty one, too
        return PATCH
    for keys, kind in (
        ({"patches"}, PATCHSETS),
        ({"patch"}, PATCHES),
        ({"channels", "observations"}, WORKSPACES),
        ({"kind", "where", "what"}, Kind("an account of a translation (--losses)")),
    ):
        if all(isinstance(item, dict) and keys <= item.keys() for item in items):
            return kind
    return None


def _kind_of_workspace(document: Json) -> Kind | None:
    keys = document.keys()
    if "channels" not in keys:
        return None
    if not keys & _OF_A_WORKSPACE:
        return MODEL
    return PALLET if any(map(_is_patch_set, _parts_of(document).values())) else WORKSPACE


def _kind_by_parts(document: Json) -> Kind | None:
    """What holds workspaces or patch sets under keys of its own."""
    parts = _parts_of(document).values()
    workspaces, sets = sum(map(_is_workspace, parts)), sum(map(_is_patch_set, parts))
    if workspaces:
        return SEVERAL if workspaces > 1 else PALLET if sets or "patchsets" in document else HOLDER
    return SETS_BY_NAME if sets else None


def _of_results(keys: Any) -> Kind | None:
    return next((kind for wanted, kind in _RESULTS if wanted <= keys), None)


def _is_hs3(metadata: object) -> bool:
    return isinstance(metadata, dict) and "hs3_version" in metadata


def _is_workspace(document: object) -> bool:
    return isinstance(document, dict) and "channels" in document and not document.keys().isdisjoint(_OF_A_WORKSPACE)


def _is_patch_set(document: object) -> bool:
    return isinstance(document, dict) and "patches" in document and "channels" not in document


def _parts_of(document: object) -> dict[str, object]:
    """What lies in an object or a list, and in the lists of an object, by the words for jq."""
    if isinstance(document, list):
        return {f".[{i}]": item for i, item in enumerate(document)}
    found: dict[str, object] = {}
    for key, value in document.items() if isinstance(document, dict) else ():
        where = f".{key}" if _PLAIN_KEY.fullmatch(key) else f".{json.dumps(key)}"
        found |= {f"{where}[{i}]": v for i, v in enumerate(value)} if isinstance(value, list) else {where: value}
    return found


# --------------------------------------------------------------------------------------------- what lies in another one
#: What holds patch sets.
_HOLDING = (PALLET, PATCHSETS, SETS_BY_NAME)
#: Is told what was found in which document, and read.
Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Inside:
    """The document that was wanted, and what was found and read: empty where it was given itself."""

    document: object
    told: str = ""


def workspace_in(document: object) -> Inside:
    """The only workspace of a pallet or another object; any other document as it is."""
    kind = kind_of(document)
    if not isinstance(document, dict) or kind not in (PALLET, HOLDER):
        return Inside(document)
    sets = len(list(_patch_sets(document)))
    rest = f", without its {sets} patch set{'' if sets == 1 else 's'}" if sets else ""
    return Inside(_workspaces(document)[1][0], f"{kind.name}; the workspace is read{rest}")


def _workspaces(document: Json) -> tuple[list[str], list[object]]:
    """The workspaces in a document, and the words by which jq takes each out."""
    if "channels" not in document:
        found = {where: part for where, part in _parts_of(document).items() if _is_workspace(part)}
        return list(found), list(found.values())
    beside = [k for k, v in document.items() if any(map(_is_patch_set, [v, *(v if isinstance(v, list) else ())]))]
    own = {key: value for key, value in document.items() if key not in beside}
    return [f"del({', '.join(_parts_of(dict.fromkeys(beside)))})"], [own]


def patchset_in(document: object) -> Inside:
    """The patch set of a pallet or a list that has no other; any other document as it is."""
    kind = kind_of(document)
    sets = list(_patch_sets(document))
    if kind not in _HOLDING or len(sets) != 1:
        return Inside(document)
    return Inside(sets[0], f"{kind.name}; its only patch set is read")


def patch_in(document: object) -> Inside:
    """The operations of a patch that comes with its metadata; any other document as it is."""
    if isinstance(document, dict) and kind_of(document) is ONE_PATCH:
        return Inside(document["patch"], f"{ONE_PATCH.name}; its operations are applied")
    return Inside(document)


def _patch_sets(document: object) -> Iterator[object]:
    """The patch sets of a pallet or of a list of them."""
    return filter(_is_patch_set, _parts_of(document).values())


def _taken_out(document: object, kind: Kind, expected: str) -> Kind:
    """The kind with the way to take out of a document what was expected."""
    where: list[str] = []
    if expected == "a workspace" and kind in (PALLET, HOLDER, SEVERAL) and isinstance(document, dict):
        where = _workspaces(document)[0]
    elif expected == "a patch set" and kind in _HOLDING:
        where = [words for words, part in _parts_of(document).items() if _is_patch_set(part)]
    if not where:
        return kind
    what = "it" if len(where) == 1 else "one"
    way = f"take {what} out: jq '{where[0]}' FILE > {expected.removeprefix('a ').replace(' ', '')}.json"
    return replace(kind, ways={**kind.ways, expected: way})


def mistaken(document: object, expected: str) -> str | None:
    """The sentence for a document of another kind than was expected; ``None`` where it is that, or not known."""
    kind = kind_of(document)
    if kind is None or kind.name == expected:
        return None
    sentence = _taken_out(document, kind, expected).instead_of(expected)
    sets = list(_patch_sets(document)) if expected == "a patch set" else []
    if len(sets) > 1 and kind in _HOLDING:
        sentence += f"; it has {len(sets)}"
    if kind is _ANSWER and isinstance(document, dict):
        said = next((document[key] for key in ("message", "error", "detail") if key in document), "")
        sentence += f": {str(said)[:80]!r}"
    return sentence
