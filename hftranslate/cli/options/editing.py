"""What commands that edit workspaces share: what is read, told and written."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.options.model import (
    combined_options,
    file_argument,
    model_output_option,
    patch_option,
    take_xml_options,
    xml_options,
)
from hftranslate.cli.output import emit, report, tell
from hftranslate.formats.files import Content
from hftranslate.translation.edited import Edit, Edited, read_to_edit, write_edited

#: Options of every command that writes an edited workspace.
one_workspace = combined_options(file_argument, model_output_option, patch_option, xml_options)


def names_option(*declarations: str, arity: int = 1, metavar: str, help: str) -> Callable[[Any], Any]:
    """An option of names that repeats."""
    kind: Any = str if arity == 1 else (str,) * arity
    return click.option(*declarations, multiple=True, type=kind, metavar=metavar, help=help)


def read_and_edit(options: dict[str, Any], edit: Edit) -> Edited:
    """What a command's options name, edited."""
    read = read_to_edit(options.pop("file"), patches=options.pop("patches"), xml=take_xml_options(options))
    report(read.outcomes)
    return edit_and_tell(read, edit)


def edit_and_tell(edited: Edited, edit: Edit) -> Edited:
    """It edited further; what the user should know about that is told."""
    edited, notes = edited.by(edit)
    for sentence in notes:
        tell(sentence)
    return edited


def emit_edited(edited: Edited, output_file: Path | None, beside: Mapping[Path, Content] | None = None) -> None:
    """Write it to a file or, as JSON, to standard output."""
    if output_file is not None and str(output_file) != "-":
        report(write_edited(edited, output_file, beside=beside))
        return
    written = edited.as_json()
    report(written.outcomes)
    emit(written.document, None, beside=beside)
    if edited.original is not None or any(o.kind == "carried" for o in written.outcomes):
        tell("no sidecar is written to standard output: what JSON cannot say is lost")
