"""Alphabetical order."""

from typing import Any

import click

from hftranslate.cli.options.editing import edited_alike, one_workspace, read_edited, write_edited
from hftranslate.editing import sort as sort_workspace


@click.command()
@one_workspace
def sort(**options: Any) -> None:
    """Put channels, samples, modifiers, measurements, settings and observations in alphabetical order.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    write_edited(edited_alike(read_edited(options), sort_workspace))
