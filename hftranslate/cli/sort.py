"""Alphabetical order."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.editing import emit_edited, one_workspace, read_and_edit
from hftranslate.editing import sort as sort_workspace


@click.command(cls=Command)
@one_workspace
def sort(**options: Any) -> None:
    """Put channels, samples, modifiers, measurements, settings and observations in alphabetical order.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    output_file = options.pop("output_file")
    emit_edited(read_and_edit(options, sort_workspace), output_file)
