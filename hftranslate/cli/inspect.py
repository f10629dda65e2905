"""What is in a workspace."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import (
    file_argument,
    look_format_option,
    output_option,
    patch_option,
    take_xml_options,
    xml_options,
)
from hftranslate.cli.output import emit_document, report, tell
from hftranslate.errors import Unsupported
from hftranslate.formats import which_format
from hftranslate.formats.json_text import read_bytes
from hftranslate.translation.load import load
from hftranslate.workspace import Workspace


@click.command(cls=Command)
@file_argument
@output_option
@look_format_option
@patch_option
@xml_options
@click.option("--measurement", hidden=True)
def inspect(output_file: Path | None, kind: str | None, **options: Any) -> None:
    """Show what is in a workspace: channels, samples, parameters, measurements.

    A table on standard output; with --output-file, JSON in that file: pyhf's keys, and more under "details". CSV holds
    the channels.
    """
    document, text, workspace = _summary(options.pop("file"), **options)
    tables = () if workspace is None else workspace.tables()
    if workspace is None and kind not in (None, "text", "table", "json"):
        raise Unsupported(f"--format {kind} shows a model, and there is none in the file")
    emit_document(document, lambda: text, tables, output_file, kind)
    if workspace is not None and output_file is not None:
        tell(f"{workspace.headline()} (in {output_file})")


def _summary(
    file: str, *, patches: tuple[str, ...], measurement: str | None, **options: Any
) -> tuple[dict[str, Any], str, Workspace | None]:
    """The document, the lines of text, and the model in the file, if there is one."""
    from hftranslate.doctor.inspect import summary_document, summary_text

    xml = replace(take_xml_options(options), measurement=measurement)
    document, text = _contents_of_root_file(file)
    try:
        loaded = load(file, patches=patches, xml=xml)
    except Unsupported as error:
        if not document:
            raise
        tell(f"no model: {error}")
        return document, text, None
    report(loaded.outcomes)
    found = loaded.workspace
    return summary_document(found) | document, summary_text(found) + text, found


def _contents_of_root_file(file: str) -> tuple[dict[str, Any], str]:
    """What lies in a ROOT file with a RooWorkspace, as a document and as lines; nothing of other files."""
    if file == "-" or which_format(read_bytes(file), file) != "root":
        return {}, ""
    from hftranslate.formats.root_workspace import contents, contents_document, contents_text

    found = contents(file)
    return ({"root_file": contents_document(found)}, "\n" + contents_text(found)) if found.workspaces else ({}, "")
