"""From Workspaces to files.

The workspace is rewritten step by step into the target's dialect, and each step that gives something up is measured
(:mod:`hftranslate.translation.account`). What reading the target back alone would give is worked out in memory, and the
difference to the original becomes the sidecar.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.formats import FORMATS, FormatName, pyhf_json
from hftranslate.formats.files import Content, is_stream, write_together
from hftranslate.formats.histfactory_xml.dialect import to_xml_steps
from hftranslate.formats.histfactory_xml.root_versions import parse_version
from hftranslate.formats.json_text import dump_json
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.pyhf_json.dialect import TO_PYHF
from hftranslate.translation.account import carried_descriptions, foreign_rules, rewrite
from hftranslate.translation.sidecar import make_sidecar
from hftranslate.translation.sidecar_file import sidecar_path, sidecar_steps
from hftranslate.workspace import PYHF, ROOT, Workspace

if TYPE_CHECKING:
    from hftranslate.formats.histfactory_xml import XmlModel
    from hftranslate.formats.hs3 import Target

#: Sees what did not pass unchanged before anything is written, and gives documents to write beside.
Before: TypeAlias = Callable[[tuple[Outcome, ...]], Mapping[Path, Content]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonTranslation:
    """A workspace as pyhf JSON or HS3: the document, its sidecar, and the account."""

    document: dict[str, Any]
    sidecar: dict[str, Any]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlTranslation:
    """A workspace as HistFactory XML: documents and histograms in memory, their sidecar, and the account."""

    model: "XmlModel"
    sidecar: dict[str, Any]
    outcomes: tuple[Outcome, ...]


def to_pyhf_json(workspace: Workspace, *, measure: bool = True, progress: Progress = silent) -> JsonTranslation:
    """Translate to pyhf JSON.

    Parameters
    ----------
    workspace
        the model.
    measure
        evaluate what losses and conventions do to the likelihood; without it their effect stays ``None``.
    progress
        is told how far it has come.

    Returns
    -------
    JsonTranslation
        the document, with the outcomes.

    Raises
    ------
    Unsupported
        The schema has no word for a part of the model and no rewriting exists; the message names it.
    """
    changed, outcomes = rewrite(workspace, TO_PYHF, measure, progress)
    document = pyhf_json.to_document(changed)
    del changed  # of large models, no more workspaces at once than needed
    conventions = foreign_rules(workspace, PYHF, measure, progress)
    plain = pyhf_json.from_document(document)
    outcomes += carried_descriptions(workspace, plain) + conventions
    return JsonTranslation(document=document, sidecar=make_sidecar(plain, workspace), outcomes=outcomes)


def to_xml(
    workspace: Workspace,
    *,
    prefix: str = "FitConfig",
    measure: bool = True,
    root_version: str = "6.40",
    progress: Progress = silent,
) -> XmlTranslation:
    """Translate to HistFactory XML; parameters and errors as for :func:`to_pyhf_json`.

    Parameters
    ----------
    workspace
        the model.
    prefix
        name of the driver without ``.xml``.
    measure
        evaluate what losses and conventions do to the likelihood; without it their effect stays ``None``.
    root_version
        the version of ROOT that is to read it.
    progress
        is told how far it has come.

    Returns
    -------
    XmlTranslation
        documents and histograms, with the outcomes.

    Raises
    ------
    Unsupported
        XML has no word for a part of the model and no rewriting exists; the message names it.
    """
    from hftranslate.formats import histfactory_xml

    version = parse_version(root_version)
    changed, outcomes = rewrite(workspace, to_xml_steps(version), measure, progress)
    model = histfactory_xml.render(changed, prefix, version)
    del changed
    conventions = foreign_rules(workspace, ROOT, measure, progress)
    plain, _ = histfactory_xml.read_back(model)
    outcomes += carried_descriptions(workspace, plain) + conventions
    return XmlTranslation(model=model, sidecar=make_sidecar(plain, workspace), outcomes=outcomes)


def to_hs3(
    workspace: Workspace, *, target: "Target" = "root", measure: bool = True, progress: Progress = silent
) -> JsonTranslation:
    """Translate to HS3; parameters and errors as for :func:`to_pyhf_json`.

    Parameters
    ----------
    workspace
        the model.
    target
        who is to read it: ``"root"`` (6.40), ``"pyhs3"``, or by the words of the ``"standard"``.
    measure
        evaluate what losses and conventions do to the likelihood; without it their effect stays ``None``.
    progress
        is told how far it has come.

    Returns
    -------
    JsonTranslation
        the document, with the outcomes.

    Raises
    ------
    Unsupported
        HS3, or its reader, has no word for a part of the model and no rewriting exists; the message names it.
    """
    from hftranslate.formats import hs3

    changed, outcomes = rewrite(workspace, hs3.to_hs3_steps(target), measure, progress)
    document = hs3.to_document(changed, target)
    del changed
    conventions = foreign_rules(workspace, PYHF if target == "pyhs3" else ROOT, measure, progress)
    plain, _ = hs3.from_document(document)
    outcomes += carried_descriptions(workspace, plain) + conventions
    return JsonTranslation(document=document, sidecar=make_sidecar(plain, workspace), outcomes=outcomes)


def write(
    workspace: Workspace,
    path: str | Path,
    *,
    format: FormatName | None = None,
    sidecar: bool = True,
    reader: "Target" = "root",
    before: Before = lambda outcomes: {},
) -> tuple[Outcome, ...]:
    """Write a workspace and its sidecar, and say what did not pass unchanged.

    Parameters
    ----------
    workspace
        the model.
    path
        ``NAME.json``, or ``FOLDER/PREFIX.xml`` for XML with its histograms in ``FOLDER``.
    format
        by the ending of the path where it is not given: ``.xml``, ``.hs3.json``, or ``.json`` for pyhf's.
    sidecar
        write ``NAME.histfactory.json`` beside it.
    reader
        who is to read HS3 (:func:`to_hs3`).
    before
        is told what did not pass unchanged before anything is written: it may raise, as
        :func:`~hftranslate.translation.account.check_strict` does, and returns other documents to write beside.

    Returns
    -------
    tuple of Outcome
        exact rewritings, conventions and losses, with their effect on the likelihood.

    Raises
    ------
    Unsupported
        The format has no word for a part of the model; nothing is written.
    InputError
        These are no workspace and no path, or the file cannot be written.
    """
    if not (isinstance(workspace, Workspace) and isinstance(path, str | Path)):
        given = " and ".join(type(thing).__name__ for thing in (workspace, path))
        raise InputError(f"expected a workspace and a path, in this order, not {given}")
    target = Path(path)
    chosen = format or _format_by_ending(target)
    if chosen not in FORMATS:
        raise Unsupported(f"{chosen!r} is no format that can be written" + did_you_mean(chosen, FORMATS))
    if chosen == "xml":
        translation = to_xml(workspace, prefix=target.stem)
        write_xml(translation, target.parent, sidecar=sidecar, beside=before(translation.outcomes))
        return translation.outcomes
    json_translation = to_hs3(workspace, target=reader) if chosen == "hs3" else to_pyhf_json(workspace)
    beside = before(json_translation.outcomes)
    write_json(json_translation, target, sidecar=sidecar_path(target) if sidecar else None, beside=beside)
    return json_translation.outcomes


def _format_by_ending(path: Path) -> FormatName:
    match path.suffix.lower():
        case ".json":
            return "hs3" if path.name.lower().endswith(".hs3.json") else "pyhf-json"
        case ".xml":
            return "xml"
        case other:
            raise Unsupported(f"{path}: no format is known by the ending {other!r}; expected .json or .xml")


def write_json(
    translation: JsonTranslation, path: Path, *, sidecar: Path | None, beside: Mapping[Path, Content] | None = None
) -> None:
    """Write a translated document with its sidecar and what else is said about it: all or none.

    Parameters
    ----------
    translation
        by :func:`to_pyhf_json` or :func:`to_hs3`.
    path
        the file; a device is written to, and not replaced.
    sidecar
        where its sidecar goes, if anywhere; the one that belongs beside the document is not written beside a device.
    beside
        other documents about the translation.

    Raises
    ------
    InputError
        A file cannot be written; what was there before is there again.
    """
    if sidecar is not None and is_stream(path) and sidecar == sidecar_path(path):
        sidecar = None
    first, last = sidecar_steps(translation.sidecar, "pyhf-json", sidecar)
    write_together([*first, (path, dump_json(translation.document)), *last], beside or {})


def write_sidecar(translation: JsonTranslation, path: Path, *, beside: Mapping[Path, Content] | None = None) -> None:
    """Write the sidecar of a document alone, for one that goes elsewhere."""
    first, last = sidecar_steps(translation.sidecar, "pyhf-json", path)
    write_together([*first, *last][-1:], beside or {})


def write_xml(
    translation: XmlTranslation, directory: Path, *, sidecar: bool, beside: Mapping[Path, Content] | None = None
) -> None:
    """Write a translated model into a folder, with its sidecar and what else is said about it.

    Parameters
    ----------
    translation
        by :func:`to_xml`.
    directory
        the folder; it is made where it is not there.
    sidecar
        whether one is written beside the driver.
    beside
        other documents about the translation.

    Raises
    ------
    Unsupported
        The folder holds another model, which would lose its histograms or channels.
    """
    from hftranslate.formats import histfactory_xml

    place = sidecar_path(directory / translation.model.driver) if sidecar else None
    first, last = sidecar_steps(translation.sidecar, "xml", place)
    write_together([*first, *histfactory_xml.steps(translation.model, directory), *last], beside or {})
