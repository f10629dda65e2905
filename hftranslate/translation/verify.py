"""Translations read back from where they were written, and compared with what was translated.

What is shown here is that hftranslate reads the same likelihood from both, evaluated by the same engine. That ROOT
does, too, is shown by :mod:`hftranslate.crosscheck.verify_with_root`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference import Difference, difference, difference_of_translation, proof, proven, text
from hftranslate.errors import InputError
from hftranslate.formats import pyhf_json
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.json_text import parse_json
from hftranslate.formats.outcomes import Outcome
from hftranslate.translation.load import load, restore
from hftranslate.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a translation says what was translated.

    Attributes
    ----------
    verified
        the likelihoods of all measurements are the same, and with the sidecar the workspaces are.
    sentence
        what was compared and how far it agrees, or what is wrong.
    found
        the comparison of what was translated with what the translation says by itself; ``None`` where it cannot be
        read.
    advice
        what to do with a translation that is not verified.
    """

    verified: bool
    sentence: str
    found: Difference | None
    advice: str = ""

    def details(self) -> str:
        """All differences as text and what to do, for a translation that is not verified."""
        if self.verified:
            return ""
        return ("" if self.found is None else text(self.found)) + (f"{self.advice}\n" if self.advice else "")


def verify_file(
    original: Workspace,
    path: Path,
    *,
    with_sidecar: bool,
    account: Iterable[Outcome] = (),
    progress: Progress = silent,
) -> Verification:
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
    account
        what the translation said of itself: parts are compared under the names that it gave them.
    progress
        is told how far it has come.

    Returns
    -------
    Verification
        the verdict in a sentence, and the numbers that were compared.
    """
    account = tuple(account)
    try:
        back = load(path, xml=XmlOptions(basedir=path.parent), progress=progress)
        restored = restore(back, path) if with_sidecar else None
    except InputError as error:
        return _unreadable(str(path), error)
    checked = _compare(original, back.workspace, str(path), account, progress)
    if restored is None:
        return checked
    if not restored.with_sidecar or restored.workspace != original:
        why = f"NOT verified: {path} with its sidecar, read back, is not the input"
        found = difference(original, restored.workspace)
        return Verification(verified=False, sentence=why, found=found, advice=_OUR_FAULT)
    sentence = f"{checked.sentence}; with its sidecar it is the input exactly"
    return Verification(verified=checked.verified, sentence=sentence, found=checked.found, advice=checked.advice)


def verify_json(
    original: Workspace, written: str, *, account: Iterable[Outcome] = (), progress: Progress = silent
) -> Verification:
    """Read JSON back that was written to standard output.

    Parameters
    ----------
    original
        what was translated.
    written
        the text of the JSON.
    account
        what the translation said of itself: parts are compared under the names that it gave them.
    progress
        is told how far it has come.

    Returns
    -------
    Verification
        the verdict in a sentence, and the numbers that were compared.
    """
    what = "the JSON"
    try:
        back = pyhf_json.from_document(parse_json(written.encode(), what))
    except InputError as error:
        return _unreadable(what, error)
    return _compare(original, back, what, tuple(account), progress)


def _compare(
    original: Workspace, back: Workspace, what: str, account: tuple[Outcome, ...], progress: Progress
) -> Verification:
    announced = [o.renamed for o in account if o.renamed is not None]
    found = difference_of_translation(original, back, announced, progress=progress)
    verified = proven(original, found)
    compared = any(c.points for c in found.likelihoods)
    advice = "" if verified else advice_for(account) if compared or not found.equal else _NOTHING_COMPARED
    return Verification(verified=verified, sentence=proof(original, found, what), found=found, advice=advice)


_OUR_FAULT = (
    "what to do: do not use it. No loss was announced, so this is a fault of hftranslate; please report it with the "
    "input and the lines above"
)


_NOTHING_COMPARED = (
    "what to do: both state the same, but nothing could be evaluated; 'hftranslate doctor' says of the input why"
)


def advice_for(account: Iterable[Outcome]) -> str:
    """What to do with a translation that does not say what was translated, and gave this account of itself."""
    lost = [o for o in account if o.kind == "loss"]
    if not lost:
        return _OUR_FAULT
    return (
        f"what to do: the {len(lost)} line(s) 'loss' name what the format cannot say and how much it matters. Read by "
        "hftranslate with its sidecar the translation is still the input; other programs see the changed model. Remove "
        "or replace these parts in the input, or use the translation where such a change does not matter; --strict "
        "writes nothing in such a case"
    )


def _unreadable(what: str, error: InputError) -> Verification:
    why = f"NOT verified: {what} cannot be read back: {error}"
    return Verification(verified=False, sentence=why, found=None, advice=_OUR_FAULT)
