"""From files to Workspaces: a file is read by its format, and a sidecar beside it restores what it cannot say alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import InputError
from hftranslate.formats import FormatName, pyhf_json, which_format
from hftranslate.formats.json_text import parse_json, read_bytes, source_name
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.patched import patched_document
from hftranslate.translation.sidecar_file import apply_matching, sidecar_of, sidecar_path
from hftranslate.workspace import Workspace

if TYPE_CHECKING:
    from hftranslate.formats.histfactory_xml import AttributeFate, XmlOptions


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

    def only(self, measurement: str | None) -> "Loaded":
        """With that measurement only; ``None``: all of them."""
        if measurement is None:
            return self
        return replace(self, workspace=replace(self.workspace, measurements=(self.workspace.measurement(measurement),)))


def read(path: str | Path) -> Workspace:
    """Read a workspace from any readable format, recognised by content; ``-`` is standard input, gzip is undone.

    Parameters
    ----------
    path
        the file, also compressed by gzip.

    Returns
    -------
    Workspace
        under the conventions of its format: ROOT's, or pyhf's.

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
    path
        the file: XML, JSON, HS3 or ROOT, by its content; ``-`` is standard input.
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

    Returns
    -------
    Loaded
        the workspace, its format, and what did not pass unchanged.

    Raises
    ------
    MissingInput
        A file is not there.
    InputError
        A file is malformed, unsafe or describes no valid model, a patch does not apply, or patches are given for what
        is no JSON.
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
    elif found == "hs3":
        from hftranslate.formats import hs3

        document, outcomes = patched_document(data, source, patches)
        workspace, notes = hs3.from_document(document, source, analysis=xml.analysis if xml is not None else None)
        outcomes += notes
    else:
        document, outcomes = patched_document(data, source, patches)
        if patches:
            source += f" with {' and '.join(Path(source_name(patch)).name for patch in patches)}"
        workspace = pyhf_json.from_document(document, source)
    if found != "pyhf-json" and xml is not None and xml.asimov_if_missing:
        from hftranslate.translation.expected_data import with_expected_data

        workspace, of_data = with_expected_data(workspace)
        outcomes += of_data
    plain = Loaded(workspace=workspace, format=found, with_sidecar=False, outcomes=outcomes, account=fates)
    return restore(plain, path, patched=bool(patches)) if use_sidecar else plain


def restore(plain: Loaded, path: str | Path, *, patched: bool = False) -> Loaded:
    """What was read, restored by the sidecar that may lie beside its file.

    Parameters
    ----------
    plain
        what the file at ``path`` says alone.
    patched
        there are patches on it, to which no sidecar belongs.
    """
    beside = sidecar_path(path)
    if str(path) == "-" or not beside.is_file():
        return plain
    sidecar = sidecar_of(plain.format, parse_json(read_bytes(beside), str(beside)))
    if sidecar is None:
        return plain
    from hftranslate.translation.sidecar import SidecarMismatch

    if patched:
        return _ignoring(beside, "it belongs to the file without patches", plain)
    try:
        original = apply_matching(plain.workspace, sidecar)
    except SidecarMismatch as mismatch:
        return _ignoring(beside, str(mismatch), plain)
    except InputError as error:
        raise type(error)(f"{beside}: {error}") from None
    return replace(plain, workspace=original, with_sidecar=True, outcomes=())


def _ignoring(sidecar: Path, why: str, plain: Loaded) -> Loaded:
    note = Outcome(kind="loss", where=str(sidecar), what=f"the sidecar is ignored: {why}")
    return replace(plain, outcomes=(*plain.outcomes, note))
