"""What does not belong into a public record: traces of people and machines in texts, and left-overs among files."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from hftranslate.errors import InputError
from hftranslate.formats.json_text import read_bytes
from hftranslate.hepdata.entries import Entry, gathered

#: The laboratories whose hosts are not for everyone.
_LABS = r"(?:cern|desy|in2p3|infn|bnl|slac|fnal|rl|mpg|lbl|triumf|kek)\.(?:ch|de|fr|it|gov|ac\.uk|ca|jp)"
_FOLDERS = ("afs", "eos", "home", "Users", "nfs", "scratch", "gpfs", "lustre", "ceph", "pnfs", "tmp", "usatlas", "work")
#: What a text is private by, letters one of which such a text has (texts are large, and these are rare), a pattern.
_PRIVATE: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (what, letters, re.compile(pattern))
    for what, letters, pattern in (
        ("an e-mail address", ("@",), r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b"),
        (
            "a path of a machine",
            (*(f"/{f}" for f in _FOLDERS), "~", ":\\", "file:", "root:"),
            rf"(?<![\w./~-])/(?:{'|'.join(_FOLDERS)})\w*/[\w.+~-]+[\w./+~-]*|(?<![\w/.])~\w*/[\w.+-]+"
            r"|\b[A-Za-z]:\\+Users\\+[\w.-]+|\b(?:file|root)://[\w./:~-]+",
        ),
        (
            "an internal host or repository",
            ("gitlab", "git", "svn", "jira", "its.", "twiki", "lx", "naf", "confluence"),
            r"\b(?:gitlab|git|svn|jira|its|twiki|lx\w+|naf|confluence)(?:[.-][\w-]+)*\.?" + _LABS + r"\b[\w./:~-]*"
            r"|\blx(?:plus|batch)\d*\b",
        ),
        (
            "an internal host or repository",
            ("git@", "ssh:", "localhost", "://1"),
            r"\bgit@[\w.:/-]+|\b(?:\w+\+)?ssh://[\w.:@/~-]+"
            r"|\bhttps?://(?:localhost|127\.|10\.\d+\.|192\.168\.)[\w.:/~-]*",
        ),
        ("an internal document", ("-COM-", "-INT", "AN-"), r"\bATL-COM-\w+-\d{4}-\d+|\bANA-\w+-\d{4}-\d+-INT\d+"),
    )
)
_REFERENCE = re.compile("&#([xX][0-9a-fA-F]{1,6}|[0-9]{1,7});")
#: Files that tools leave behind.
_JUNK = (
    ".git", ".gitignore", ".svn", ".hg", ".DS_Store", "._*", "__MACOSX", "Thumbs.db", "desktop.ini", "*~", "#*#",
    "*.swp", "*.swo", "*.bak", "*.orig", "*.rej", "*.tmp", "__pycache__", "*.pyc", ".ipynb_checkpoints", ".idea",
    ".vscode", ".nfs*",
)  # fmt: skip


def private_texts(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """What is private in texts and names of files: the file, and a sentence for each kind of thing that was found."""
    for name, data in files.items():
        found: dict[str, list[str]] = {}
        text = f"{name}\n{_text(data)}"
        for what, letters, pattern in _PRIVATE if b"\0" not in data else ():
            if any(x in text for x in letters):
                found.setdefault(what, []).extend(m[0][:80] for m in pattern.finditer(text))
        for what, texts in found.items():
            if texts:
                shown = [repr(t) for t in dict.fromkeys(texts)]
                yield name, f"{what}: {gathered(shown, len(texts), 'places')}"


def _text(data: bytes) -> str:
    """A file as text, with the escapes of JSON and XML undone."""
    text = data.decode("utf-8", "replace")
    if ("\\u" in text or "\\/" in text) and text.lstrip()[:1] in ("{", "["):
        try:
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=0)
        except (ValueError, RecursionError):
            text = text.replace("\\/", "/")
    return _REFERENCE.sub(_referred, text) if "&#" in text else text


def _referred(found: re.Match[str]) -> str:
    digits = found[1]
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    return chr(code) if code < 0x110000 else found[0]


def junk(names: Iterable[str]) -> list[str]:
    """The files that tools left behind, by name."""
    return [n for n in names if any(fnmatchcase(part, j) for part in PurePosixPath(n).parts for j in _JUNK)]


def tidiness(folder: Path, names: Iterable[str]) -> Iterator[Entry]:
    """Warnings about what is private, or was left behind, among the files of a folder."""
    left = junk(names)
    if left:
        what = f"{gathered(left, len(left), 'files')} were left behind by tools and say nothing of the likelihood"
        yield Entry(status="warning", check="junk", where=PurePosixPath(left[0]).parts[0], what=what)
    for name in (n for n in names if n not in left):
        try:
            data = read_bytes(folder / name) if name.endswith(".json.gz") else (folder / name).read_bytes()
        except InputError:
            continue  # said elsewhere
        for _, what in private_texts({name: data}):
            yield Entry(status="warning", check="private", where=name, what=f"there is {what}")
