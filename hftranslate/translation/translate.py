"""Between files and Workspaces: format, dialect, sidecar, and an account of everything that did not pass unchanged.

Reading: a file is read by its format; a sidecar beside it, where wanted, restores what the file alone cannot say.

Writing: the workspace is rewritten step by step into the target's dialect, and each step that gives something up is
measured by what it does to the likelihood. What reading the target back alone would give is worked out in memory, and
the difference to the original becomes the sidecar.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference.likelihood_change import cls_difference, likelihood_differences
from hftranslate.display import terminal
from hftranslate.errors import FormatError, InputError, MissingInput, TranslationLoss, Unsupported, did_you_mean
from hftranslate.formats import FORMATS, FormatName, pyhf_json, which_format
from hftranslate.formats.files import Content, FileStep, is_stream, write_together
from hftranslate.formats.histfactory_xml.dialect import to_xml_steps
from hftranslate.formats.histfactory_xml.root_versions import parse_version
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes, source_name
from hftranslate.formats.outcomes import Outcome, told
from hftranslate.formats.patched import patched_document
from hftranslate.formats.pyhf_json.dialect import TO_PYHF
from hftranslate.formats.rewriting import Step
from hftranslate.translation.expected_data import with_expected_data
from hftranslate.translation.sidecar import SidecarMismatch, apply_sidecar, make_sidecar
from hftranslate.workspace import PYHF, ROOT, Conventions, Workspace

if TYPE_CHECKING:
    from hftranslate.formats.histfactory_xml import AttributeFate, XmlModel, XmlOptions

#: Up to this effect on the NLL a convention passes a strict translation, and no fits are made to see its effect on CLs.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A workspace as read: its format, whether a sidecar was applied, and what did not pass unchanged.

    ``account`` says of every attribute of XML what became of it, where that was asked for.
    """

    workspace: Workspace
    format: FormatName
    with_sidecar: bool
    outcomes: tuple[Outcome, ...]
    account: "tuple[AttributeFate, ...]" = ()


def sidecar_path(path: str | Path) -> Path:
    """Where the sidecar of a file lies: ``ws.histfactory.json`` beside ``ws.json``, ``ws.json.gz`` or ``ws.xml``."""
    p = Path(path)
    name = p.name.removesuffix(".gz")
    return p.with_name(f"{Path(name).stem}.histfactory.json")


# ------------------------------------------------------------------------------------------------------------ reading
def read(path: str | Path) -> Workspace:
    """Read a workspace from any readable format, recognised by content; ``-`` is standard input, gzip is undone.

    Raises
    ------
    InputError
        The file is missing, malformed, unsafe or describes no valid model; the message says what and where.
    """
    return load(path).workspace


def load(
    path: str | Path,
    *,
    patches: Sequence[str | Path] = (),
    xml: "XmlOptions | None" = None,
    use_sidecar: bool = False,
    progress: Progress = silent,
    account: bool = False,
) -> Loaded:
    """Read a workspace, with patches, XML options and the sidecar that may lie beside the file.

    Parameters
    ----------
    patches
        JSON patch files (RFC 6902), applied to the raw JSON document in this order; ``-`` is standard input.
    xml
        how to read HistFactory XML.
    use_sidecar
        restore what the file alone cannot say. A sidecar that belongs to other content is a loss, and said so.
    progress
        is told how far it has come.
    account
        say of every attribute of XML what became of it.
    """
    fates: tuple[AttributeFate, ...] = ()
    if [str(place) for place in (path, *patches)].count("-") > 1:
        raise InputError("standard input can be the workspace or one patch, not both; give files for the others")
    data = read_bytes(path)
    source = source_name(path)
    found = which_format(data, source)
    outcomes: tuple[Outcome, ...] = ()
    if found == "xml":
        from hftranslate.formats import histfactory_xml

        if patches:
            raise InputError(f"{source} is XML; patches apply to JSON")
        if account:
            workspace, outcomes, fates = histfactory_xml.read_accounted(path, xml, data=data, progress=progress)
        else:
            workspace, outcomes = histfactory_xml.read(path, xml, data=data, progress=progress)
    elif found == "root":
        from hftranslate.formats import root_workspace

        if patches:
            raise InputError(f"{source} is a ROOT file; patches apply to JSON")
        workspace, outcomes = root_workspace.read(path, xml, data=data)
        use_sidecar = False
    else:
        document, outcomes = patched_document(data, source, patches)
        if patches:
            source += f" with {' and '.join(Path(source_name(patch)).name for patch in patches)}"
        workspace = pyhf_json.from_document(document, source)
    if found != "pyhf-json" and xml is not None and xml.asimov_if_missing:
        workspace, of_data = with_expected_data(workspace)
        outcomes += of_data
    plain = Loaded(workspace=workspace, format=found, with_sidecar=False, outcomes=outcomes, account=fates)
    beside = sidecar_path(path)
    if not use_sidecar or str(path) == "-" or not beside.is_file():
        return plain
    sidecar = _sidecar_of(found, parse_json(read_bytes(beside), str(beside)))
    if sidecar is None:
        return plain
    if patches:
        return _ignoring(beside, "it belongs to the file without patches", plain)
    try:
        original = _original(workspace, sidecar)
    except SidecarMismatch as mismatch:
        return _ignoring(beside, str(mismatch), plain)
    except InputError as error:
        raise type(error)(f"{beside}: {error}") from None
    return Loaded(workspace=original, format=found, with_sidecar=True, outcomes=(), account=fates)


def _original(plain: Workspace, sidecar: object) -> Workspace:
    """What a sidecar restores, or one that it came after: it is written before its document."""
    try:
        return apply_sidecar(plain, sidecar)
    except SidecarMismatch:
        former = sidecar.get("former") if isinstance(sidecar, dict) else None
        for one in former if isinstance(former, list) else []:
            with suppress(SidecarMismatch):
                return apply_sidecar(plain, one)
        raise


def _ignoring(sidecar: Path, why: str, plain: Loaded) -> Loaded:
    note = Outcome(kind="loss", where=str(sidecar), what=f"the sidecar is ignored: {why}")
    return replace(plain, outcomes=(*plain.outcomes, note))


def _sidecar_of(format: FormatName, document: object) -> object:
    """The sidecar of ``NAME.json`` or that of ``NAME.xml``; both lie in ``NAME.histfactory.json``."""
    if not isinstance(document, dict) or document.get("of", format) == format:
        return document
    other: object = document.get("other")
    return other


# ------------------------------------------------------------------------------------------------------------ writing
@dataclass(frozen=True, slots=True, kw_only=True)
class JsonTranslation:
    """A workspace as pyhf JSON: the document, its sidecar, and the account."""

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
    measure
        evaluate what losses and conventions do to the likelihood; without it their effect stays ``None``.
    progress
        is told how far it has come.

    Raises
    ------
    Unsupported
        The schema has no word for a part of the model and no rewriting exists; the message names it.
    """
    rewritten, outcomes = _rewritten(workspace, TO_PYHF, measure, progress)
    document = pyhf_json.to_document(rewritten)
    del rewritten  # of large models, no more workspaces at once than needed
    conventions = _conventions(workspace, PYHF, measure, progress)
    plain = pyhf_json.from_document(document)
    outcomes += _carried_descriptions(workspace, plain) + conventions
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
    prefix
        name of the driver without ``.xml``.
    root_version
        the version of ROOT that is to read it.
    """
    from hftranslate.formats import histfactory_xml

    version = parse_version(root_version)
    rewritten, outcomes = _rewritten(workspace, to_xml_steps(version), measure, progress)
    model = histfactory_xml.render(rewritten, prefix, version)
    del rewritten
    conventions = _conventions(workspace, ROOT, measure, progress)
    plain, _ = histfactory_xml.read_back(model)
    outcomes += _carried_descriptions(workspace, plain) + conventions
    return XmlTranslation(model=model, sidecar=make_sidecar(plain, workspace), outcomes=outcomes)


def write(
    workspace: Workspace, path: str | Path, *, format: FormatName | None = None, sidecar: bool = True
) -> tuple[Outcome, ...]:
    """Write a workspace and its sidecar, and say what did not pass unchanged.

    Parameters
    ----------
    path
        ``NAME.json``, or ``FOLDER/PREFIX.xml`` for XML with its histograms in ``FOLDER``.
    format
        by the ending of the path where it is not given.
    sidecar
        write ``NAME.histfactory.json`` beside it.

    Raises
    ------
    Unsupported
        The format has no word for a part of the model; nothing is written.
    """
    target = Path(path)
    chosen = format or _format_by_ending(target)
    if chosen not in FORMATS:
        raise Unsupported(f"{chosen!r} is no format that can be written" + did_you_mean(chosen, FORMATS))
    if chosen == "xml":
        translation = to_xml(workspace, prefix=target.stem)
        write_xml(translation, target.parent, sidecar=sidecar)
        return translation.outcomes
    json_translation = to_pyhf_json(workspace)
    write_json(json_translation, target, sidecar=sidecar_path(target) if sidecar else None)
    return json_translation.outcomes


def _format_by_ending(path: Path) -> FormatName:
    match path.suffix.lower():
        case ".json":
            return "pyhf-json"
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
    sidecar
        where its sidecar goes, if anywhere; the one that belongs beside the document is not written beside a device.
    beside
        other documents about the translation.
    """
    if sidecar is not None and is_stream(path) and sidecar == sidecar_path(path):
        sidecar = None
    first, last = _sidecar_steps(translation.sidecar, "pyhf-json", sidecar)
    write_together([*first, (path, dump_json(translation.document)), *last], beside or {})


def write_sidecar(translation: JsonTranslation, path: Path, *, beside: Mapping[Path, Content] | None = None) -> None:
    """Write the sidecar of a document alone, for one that goes elsewhere."""
    first, last = _sidecar_steps(translation.sidecar, "pyhf-json", path)
    write_together([*first, *last][-1:], beside or {})


def write_xml(
    translation: XmlTranslation, directory: Path, *, sidecar: bool, beside: Mapping[Path, Content] | None = None
) -> None:
    """Write a translated model into a folder, with its sidecar and what else is said about it.

    Raises
    ------
    Unsupported
        The folder holds another model, which would lose its histograms or channels.
    """
    from hftranslate.formats import histfactory_xml

    place = sidecar_path(directory / translation.model.driver) if sidecar else None
    first, last = _sidecar_steps(translation.sidecar, "xml", place)
    write_together([*first, *histfactory_xml.steps(translation.model, directory), *last], beside or {})


def _sidecar_steps(
    sidecar: dict[str, Any], format: FormatName, path: Path | None
) -> tuple[list[FileStep], list[FileStep]]:
    """What is written before and after the document of a sidecar takes its place.

    In between the sidecar fits both the old document and the new one. It always holds the one for the other format,
    which may lie at the same place.
    """
    if path is None:
        return [], []
    document = {**sidecar, "of": format}
    former: list[object] = []
    if (present := _present_sidecar(path, sidecar["format"])) is not None:
        own: object
        other: object
        own, other = present, present.get("other")
        if present.get("of", format) != format:
            own, other = other, present
        if isinstance(own, dict):
            plain = {key: value for key, value in own.items() if key not in ("other", "former")}
            former = [plain] if dump_json(plain) != dump_json(document) else []
            former += kept if isinstance(kept := own.get("former"), list) else []
        if isinstance(other, dict):
            document["other"] = {key: value for key, value in other.items() if key != "other"}
    last: list[FileStep] = [(path, dump_json(document))]
    return ([(path, dump_json({**document, "former": former}))], last) if former else (last, [])


def _present_sidecar(path: Path, format: str) -> dict[str, Any] | None:
    """The sidecar that lies where one is to be written.

    Raises
    ------
    Unsupported
        Something else lies there.
    """
    try:
        present = parse_json(read_bytes(path), str(path))
    except MissingInput:
        if path.is_dir():
            raise
        return None
    except FormatError:
        present = None
    if not isinstance(present, dict) or present.get("format") != format:
        raise Unsupported(f"{path} would be replaced by a sidecar, but it is not one; move it or name another")
    return present


# ------------------------------------------------------------------------------------------------------------ account
def _rewritten(
    workspace: Workspace, steps: Iterable[Step], measure: bool, progress: Progress
) -> tuple[Workspace, tuple[Outcome, ...]]:
    """The workspace after all steps, with the effect of each step that loses something."""
    account: list[Outcome] = []
    for step in steps:
        after, outcomes = step.apply(workspace)
        if measure and any(o.kind == "loss" for o in outcomes):
            [(effect, effect_on_cls)] = _effects(workspace, [after], progress)
            outcomes = tuple(
                replace(o, effect=effect, effect_on_cls=effect_on_cls) if o.kind == "loss" else o for o in outcomes
            )
        account += outcomes
        workspace = after
    return workspace, tuple(account)


def _effects(
    before: Workspace, afters: Sequence[Workspace], progress: Progress
) -> list[tuple[float | None, float | None]]:
    """What each change does to NLL and CLs: the largest among all measurements; ``None`` where one has no value."""
    names = [m.name for m in afters[0].measurements]
    changes = [likelihood_differences(before, afters, name, progress=progress) for name in names]
    effects = []
    for i, (after, of_after) in enumerate(zip(afters, zip(*changes, strict=True), strict=True)):
        progress("effects on CLs", i, len(afters))
        effects.append(_effect(before, after, dict(zip(names, of_after, strict=True))))
    return effects


def _effect(before: Workspace, after: Workspace, changes: dict[str, float | None]) -> tuple[float | None, float | None]:
    known = {name: change for name, change in changes.items() if change is not None}
    if len(known) < len(changes):
        return None, None
    worst = max(known, key=known.__getitem__)
    effect = known[worst]
    if effect <= NEGLIGIBLE and before.functions == after.functions:  # without them, parameters mean something else
        return effect, None
    return effect, cls_difference(before, after, worst)


def _carried_descriptions(workspace: Workspace, plain: Workspace) -> tuple[Outcome, ...]:
    """What has no meaning for the likelihood and no word in the target."""
    outcomes = []
    if any(c.edges is not None for c in workspace.channels) and all(c.edges is None for c in plain.channels):
        outcomes.append(Outcome(kind="carried", where="channels", what="bin edges"))
    lost = sorted(_annotated(workspace) - _annotated(plain))
    if lost:
        what = f"settings without effect on the likelihood: {', '.join(lost)}"
        outcomes.append(Outcome(kind="carried", where="workspace", what=what))
    return tuple(outcomes)


def _annotated(workspace: Workspace) -> set[str]:
    places = [workspace.annotations, *(m.annotations for m in workspace.measurements)]
    for channel in workspace.channels:
        places += [channel.annotations, *(s.annotations for s in channel.samples)]
    return {key for place in places for key, _ in place}


_CONVENTIONS = {
    "clip_samples": "ROOT clips the bins of samples with HistoSys at zero, pyhf does not",
    "truncate_constraints": "ROOT normalises Gaussian constraints over the range of their global observable",
}


def _conventions(workspace: Workspace, target: Conventions, measure: bool, progress: Progress) -> tuple[Outcome, ...]:
    """What the reader of the target evaluates differently, with the effect of each; nothing where there is none."""
    different = [f for f in _CONVENTIONS if getattr(target, f) != getattr(workspace.conventions, f)]
    effects: list[tuple[float | None, float | None]] = [(None, None)] * len(different)
    if measure and different:
        mixed = [replace(workspace.conventions, name="mixed", **{f: getattr(target, f)}) for f in different]
        effects = _effects(workspace, [replace(workspace, conventions=rules) for rules in mixed], progress)
    return tuple(
        Outcome(kind="convention", where="model", what=_CONVENTIONS[f], effect=effect, effect_on_cls=effect_on_cls)
        for f, (effect, effect_on_cls) in zip(different, effects, strict=True)
        if effect != 0.0
    )


def check_strict(translating: Iterable[Outcome], reading: Iterable[Outcome] = (), *, with_sidecar: bool = True) -> None:
    """Refuse a translation that loses something, or whose conventions change the NLL by more than 1e-6.

    Parameters
    ----------
    translating
        outcomes of the translation; a convention whose effect was not or cannot be evaluated does not pass.
    reading
        outcomes of reading the input.
    with_sidecar
        whether a sidecar holds what is carried; without one that is lost, too.

    Raises
    ------
    TranslationLoss
        The message lists what is lost.
    """
    lost = [o for o in reading if o.kind == "loss"]
    lost += [
        o
        for o in translating
        if o.kind == "loss"
        or (o.kind == "carried" and not with_sidecar)
        or (o.kind == "convention" and (o.effect is None or o.effect > NEGLIGIBLE))
    ]
    if lost:
        lines = (f"  {terminal(line)}" for line in told(lost))
        raise TranslationLoss("the translation is not exact:\n" + "\n".join(lines))
