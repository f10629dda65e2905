"""What is in a workspace."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.options.model import file_argument, output_option, patch_option, take_xml_options, xml_options
from hftranslate.cli.output import emit, emit_text, report
from hftranslate.translation.load import load


@click.command()
@file_argument
@output_option
@patch_option
@xml_options
@click.option("--measurement", hidden=True)
def inspect(
    file: str, output_file: Path | None, patches: tuple[str, ...], measurement: str | None, **options: Any
) -> None:
    """Show what is in a workspace: channels, samples, parameters, measurements.

    A table on standard output; with --output-file, JSON in that file: pyhf's keys, and more under "details".
    """
    from hftranslate.doctor.inspect import summary_document, summary_text

    loaded = load(file, patches=patches, xml=take_xml_options(options))
    report(loaded.outcomes)
    if output_file is not None:
        emit(summary_document(loaded.workspace), output_file)
    else:
        emit_text(summary_text(loaded.workspace), None)
