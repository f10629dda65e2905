"""Two workspaces into one."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.editing import emit_edited
from hftranslate.cli.options.model import model_output_option, read_once, take_xml_options, xml_options
from hftranslate.cli.options.paths import InputFile
from hftranslate.cli.output import report, tell
from hftranslate.editing import combine as combine_workspaces
from hftranslate.editing import consequences, set_aside
from hftranslate.editing.combining import JOINS, Join
from hftranslate.translation.edited import Edited
from hftranslate.translation.load import load
from hftranslate.translation.sidecar_file import sidecar_path


@click.command(cls=Command)
@click.argument("first", default="-", type=InputFile())
@click.argument("second", default="-", type=InputFile())
@model_output_option
@click.option(
    "-j",
    "--join",
    type=click.Choice(JOINS),
    default="none",
    show_default=True,
    help="What may be in both: nothing; what is equal; anything, of which the first's or the second's is kept.",
)
@click.option("--merge-channels/--no-merge-channels", default=False, help="Join the samples of channels in both.")
@xml_options
def combine(
    first: str, second: str, output_file: Path | None, join: Join, merge_channels: bool, **options: Any
) -> None:
    """Put two workspaces into one; modifiers of the same name share their parameter.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    read_once(first, second)
    xml = take_xml_options(options)
    one, two = load(first, xml=xml), load(second, xml=xml)
    for file, loaded in ((first, one), (second, two)):
        report(loaded.outcomes)
        if file != "-" and sidecar_path(file).is_file():
            tell(f"{sidecar_path(file)} is not used: a sidecar belongs to one workspace")
    both = combine_workspaces(one.workspace, two.workspace, join=join, merge_channels=merge_channels)
    for sentence in set_aside(one.workspace, two.workspace, both):
        tell(f"loss: {sentence}")
    for sentence in consequences(one.workspace, both):
        tell(f"note: {sentence}")
    from_root = {one.format, two.format} != {"pyhf-json"}
    emit_edited(Edited(workspace=both, with_sidecar=from_root), output_file)
