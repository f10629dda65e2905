"""Signals as they lie in files: full workspaces, JSON patches of the background-only one, HistFactory XML."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import FormatError, InputError
from hftranslate.formats import pyhf_json, which_format
from hftranslate.formats.json_patch import patched
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.recognition import PATCH, Tell, kind_of, patch_in, workspace_in
from hftranslate.signal_grid.creation import Signal
from hftranslate.signal_grid.point_names import PointNames
from hftranslate.translation.load import load
from hftranslate.translation.write import to_pyhf_json

if TYPE_CHECKING:
    from hftranslate.formats.histfactory_xml import XmlOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDocument:
    """The document of a workspace with a signal, valid, and what its translation gave up."""

    document: Mapping[str, Any] = field(repr=False)
    outcomes: tuple[Outcome, ...] = ()


def read_background(path: str | Path, *, tell: Tell | None = None) -> dict[str, Any]:
    """The document of a background-only workspace, as it stands: its digest depends on every detail.

    Parameters
    ----------
    path
        the JSON file; ``-`` is standard input.
    tell
        is told where it was found in a pallet; without it a pallet is refused.

    Returns
    -------
    dict
        plain JSON values.

    Raises
    ------
    InputError
        It cannot be read, is not JSON, or describes no valid model.
    """
    return background_of(read_bytes(path), "standard input" if str(path) == "-" else str(path), tell=tell)


def background_of(data: bytes, source: str, *, tell: Tell | None = None) -> dict[str, Any]:
    """:func:`read_background` of what was read already, from standard input, say, which can be read once."""
    if (found := which_format(data, source)) != "pyhf-json":
        what = {"xml": "XML", "hs3": "HS3", "root": "a ROOT file"}[found]
        raise FormatError(
            f"{source} is {what}; expected pyhf JSON, to which a patch set belongs byte for byte: make one with "
            "hftranslate xml2json"
        )
    document = parse_json(data, source)
    inside = workspace_in(document)
    if inside.told and tell is not None:
        document = inside.document
        tell(f"{source}: this is {inside.told}")
    pyhf_json.from_document(document, source)
    assert isinstance(document, dict)
    return document


def read_signal(
    path: str | Path,
    background: Mapping[str, Any],
    xml: "XmlOptions | None" = None,
    *,
    known: pyhf_json.KnownSamples | None = None,
) -> SignalDocument:
    """The workspace of one signal.

    Parameters
    ----------
    path
        a JSON workspace, a JSON patch of ``background``, or a HistFactory XML configuration, by content.
    background
        the document of the background-only workspace.
    xml
        how to read XML, which is translated to JSON.
    known
        the samples of the background (:func:`known_background`), which then are not judged again.

    Returns
    -------
    SignalDocument
        the document, and what it was.

    Raises
    ------
    InputError
        The file cannot be read, or describes no valid model; or the patch does not apply.
    """
    source = "standard input" if str(path) == "-" else str(path)
    data = read_bytes(path)
    if which_format(data, source) != "pyhf-json":
        loaded = load(path, xml=xml)
        translated = to_pyhf_json(loaded.workspace, measure=False)
        return SignalDocument(document=translated.document, outcomes=(*loaded.outcomes, *translated.outcomes))
    document = patch_in(parse_json(data, source)).document
    if isinstance(document, list) and kind_of(document) is PATCH:
        try:
            document = patched(background, document)
        except InputError as error:
            raise type(error)(f"{source} does not apply to the background-only workspace: {error}") from None
    if known:
        document = _sharing(document, background)
    pyhf_json.from_document(document, source, known=known)
    assert isinstance(document, dict)
    return SignalDocument(document=document)


def read_signals(
    files: Sequence[str | Path],
    background: dict[str, Any],
    names: PointNames,
    xml: "XmlOptions | None" = None,
    *,
    progress: Progress = silent,
    told: Callable[[Outcome], object] = lambda outcome: None,
) -> Iterator[Signal]:
    """The signals of files one after the other, for :func:`~hftranslate.signal_grid.creation.create`.

    Parameters
    ----------
    background
        the document of the background-only workspace (:func:`read_background`).
    names
        how their names and values are found in the names of the files; all of them before the first file is read.
    told
        is told what the translation of XML gave up, each thing once.

    Raises
    ------
    InputError
        As :func:`read_signal`, or the name of a file does not follow the pattern.
    """
    points = [(path, *names.of(str(path))) for path in files]
    known = known_background(background)
    said: set[Outcome] = set()
    for i, (path, name, values) in enumerate(points):
        progress("signals", i, len(points))
        signal = read_signal(path, background, xml, known=known)
        for outcome in signal.outcomes:
            if outcome not in said:
                said.add(outcome)
                told(outcome)
        yield Signal(source=str(path), name=name, values=values, document=signal.document)


def known_background(background: dict[str, Any]) -> pyhf_json.KnownSamples:
    """The samples of a background-only workspace, read; holds as long as its document is kept."""
    return pyhf_json.known_samples(background, pyhf_json.from_document(background))


def _sharing(document: Any, background: Mapping[str, Any]) -> Any:
    """The document with the background's own samples in place of equal ones; unchanged where it is of another form."""
    samples = {(c["name"], s["name"]): s for c in background["channels"] for s in c["samples"]}
    try:
        for channel in document["channels"]:
            channel["samples"] = [
                there if (there := samples.get((channel["name"], s["name"]))) == s else s for s in channel["samples"]
            ]
    except (LookupError, TypeError):
        pass  # what it lacks is said where it is judged
    return document
