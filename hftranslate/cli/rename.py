"""Other names."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.editing import emit_edited, names_option, one_workspace, read_and_edit
from hftranslate.editing import rename as rename_workspace


@click.command(cls=Command)
@one_workspace
@names_option("-c", "--channel", "channels", arity=2, metavar="OLD NEW", help="Rename a channel; repeatable.")
@names_option("-s", "--sample", "samples", arity=2, metavar="OLD NEW", help="Rename a sample everywhere; repeatable.")
@names_option("-m", "--modifier", "modifiers", arity=2, metavar="OLD NEW", help="Rename a modifier, its parameter too.")
@names_option("--measurement", "measurements", arity=2, metavar="OLD NEW", help="Rename a measurement; repeatable.")
def rename(**options: Any) -> None:
    """Give channels, samples, modifiers with their parameters, and measurements other names.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    kinds = ("channels", "samples", "modifiers", "measurements")
    names = {kind: dict(options.pop(kind)) for kind in kinds}
    output_file = options.pop("output_file")
    emit_edited(read_and_edit(options, lambda ws: rename_workspace(ws, **names)), output_file)
