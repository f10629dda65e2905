"""What commands that edit workspaces share: both of a workspace and what its sidecar restores are edited."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.options.common import (
    combined_options,
    emit,
    file_argument,
    model_output_option,
    patch_option,
    report,
    take_xml_options,
    tell,
    xml_options,
)
from hftranslate.editing import consequences
from hftranslate.errors import InputError
from hftranslate.formats.files import Content
from hftranslate.translation.as_json import as_json
from hftranslate.translation.sidecar import make_sidecar
from hftranslate.translation.translate import load, sidecar_path, to_xml, write_json, write_xml
from hftranslate.workspace import Workspace

Edit = Callable[[Workspace], Workspace]


#: Options of every command that writes an edited workspace.
one_workspace = combined_options(file_argument, model_output_option, patch_option, xml_options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An edited workspace, the original that a sidecar restores, edited likewise, and where they go."""

    workspace: Workspace
    original: Workspace | None
    output_file: Path | None
    with_sidecar: bool


def read_edited(options: dict[str, Any]) -> Edited:
    """What a command edits, with what its sidecar restores."""
    file, patches, output_file = options.pop("file"), options.pop("patches"), options.pop("output_file")
    loaded = load(file, patches=patches, xml=take_xml_options(options))
    report(loaded.outcomes)
    original = None
    if loaded.format == "pyhf-json" and not patches and file != "-" and sidecar_path(file).is_file():
        restored = load(file, use_sidecar=True)
        report(restored.outcomes)
        original = restored.workspace if restored.with_sidecar else None
    return Edited(
        workspace=loaded.workspace,
        original=original,
        output_file=output_file,
        with_sidecar=original is not None or loaded.format == "xml",
    )


def edited_alike(edited: Edited, edit: Edit) -> Edited:
    """Both workspaces changed; what the user should know about that is told."""
    workspace, original = edit(edited.workspace), edited.original
    for sentence in consequences(edited.workspace, workspace):
        tell(f"note: {sentence}")
    if original is not None:
        try:
            original = edit(original)
        except InputError as error:
            tell(f"loss: what the sidecar holds cannot follow and is left out: {error}")
            original = None
    return replace(edited, workspace=workspace, original=original)


def write_edited(edited: Edited, beside: Mapping[Path, Content] | None = None) -> None:
    """Write as JSON, or as XML where the output file says so, with a sidecar where there is something for it."""
    workspace, original, output_file = edited.workspace, edited.original, edited.output_file
    if output_file is not None and output_file.suffix.lower() == ".xml":
        xml = to_xml(workspace if original is None else original, prefix=output_file.stem)
        report(xml.outcomes)
        write_xml(xml, output_file.parent, sidecar=True, beside=beside)
        return
    written = as_json(workspace)
    if original is not None:
        written = replace(written, sidecar=make_sidecar(workspace, original))
    report(written.outcomes)
    if output_file is None or str(output_file) == "-":
        emit(written.document, None, beside=beside)
        if original is not None or any(o.kind == "carried" for o in written.outcomes):
            tell("no sidecar is written to standard output: what JSON cannot say is lost")
        return
    kept = sidecar_path(output_file) if edited.with_sidecar else None
    write_json(written, output_file, sidecar=kept, beside=beside)


def names_option(*declarations: str, arity: int = 1, metavar: str, help: str) -> Callable[[Any], Any]:
    """An option of names that repeats."""
    kind: Any = str if arity == 1 else (str,) * arity
    return click.option(*declarations, multiple=True, type=kind, metavar=metavar, help=help)
