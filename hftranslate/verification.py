"""Translations read back from where they were written, and compared with what was translated."""

from dataclasses import dataclass
from pathlib import Path

from hftranslate.difference import Difference, difference, proof, proven, text
from hftranslate.errors import InputError
from hftranslate.formats import pyhf_json
from hftranslate.formats.documents import parse_json
from hftranslate.formats.histfactory_xml.sources import XmlOptions
from hftranslate.progress import Progress, silent
from hftranslate.translate import load
from hftranslate.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a translation says what was translated.

    Attributes
    ----------
    verified
        the likelihoods of all measurements are the same, and with the sidecar the workspaces are.
    sentence
        the proof, or what is wrong.
    found
        the comparison of what was translated with what the translation says by itself; ``None`` where it cannot be
        read.
    """

    verified: bool
    sentence: str
    found: Difference | None

    def details(self) -> str:
        """All differences as text, for a translation that is not verified."""
        return "" if self.verified or self.found is None else text(self.found)


def verify_file(original: Workspace, path: Path, *, with_sidecar: bool, progress: Progress = silent) -> Verification:
    """Read a written translation back, by itself and, where there is one, with its sidecar.

    Both likelihoods are evaluated under the conventions of what was translated, at the points of
    :func:`hftranslate.difference.likelihoods`.

    Parameters
    ----------
    original
        what was translated.
    path
        the written JSON, or the driver of the written XML.
    with_sidecar
        a sidecar was written beside it, with which it must be the original exactly.
    progress
        is told how far it has come.
    """
    xml = XmlOptions(basedir=path.parent)
    try:
        back = load(path, xml=xml, progress=progress)
        restored = load(path, xml=xml, use_sidecar=True, progress=progress) if with_sidecar else None
    except InputError as error:
        return _unreadable(str(path), error)
    checked = _verified(original, back.workspace, str(path), progress)
    if restored is None:
        return checked
    if not restored.with_sidecar or restored.workspace != original:
        why = f"NOT verified: {path} with its sidecar, read back, is not the input"
        return Verification(verified=False, sentence=why, found=difference(original, restored.workspace))
    sentence = f"{checked.sentence}; with its sidecar it is the input exactly"
    return Verification(verified=checked.verified, sentence=sentence, found=checked.found)


def verify_json(original: Workspace, written: str, *, progress: Progress = silent) -> Verification:
    """Read JSON back that was written to standard output."""
    what = "the JSON"
    try:
        back = pyhf_json.from_document(parse_json(written.encode(), what))
    except InputError as error:
        return _unreadable(what, error)
    return _verified(original, back, what, progress)


def _verified(original: Workspace, back: Workspace, what: str, progress: Progress) -> Verification:
    found = difference(original, back, progress=progress)
    return Verification(verified=proven(original, found), sentence=proof(original, found, what), found=found)


def _unreadable(what: str, error: InputError) -> Verification:
    return Verification(verified=False, sentence=f"NOT verified: {what} cannot be read back: {error}", found=None)
