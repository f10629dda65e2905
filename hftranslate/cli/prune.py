"""Parts of a workspace left out."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.editing import edit_and_tell, emit_edited, names_option, one_workspace, read_and_edit
from hftranslate.cli.options.paths import OutputFile
from hftranslate.cli.output import emit, json_text, tell_lines
from hftranslate.editing import Places
from hftranslate.editing import prune as prune_workspace
from hftranslate.editing.negligible import negligible, pruned_document, pruned_text, pruning_effects, without
from hftranslate.errors import InputError
from hftranslate.translation.edited import Edited
from hftranslate.workspace import MODIFIER_TYPES, Workspace


@click.command(cls=Command)
@one_workspace
@names_option("-c", "--channel", "channels", metavar="CHANNEL", help="Leave out a channel and its data; repeatable.")
@names_option("-s", "--sample", "samples", metavar="SAMPLE", help="Leave out a sample everywhere; repeatable.")
@names_option(
    "-m", "--modifier", "modifiers", metavar="MODIFIER", help="Leave out a modifier and its settings; repeatable."
)
@click.option(
    "-t",
    "--modifier-type",
    "modifier_types",
    multiple=True,
    type=click.Choice(sorted(MODIFIER_TYPES.values())),
    help="Leave out all modifiers of a type; repeatable.",
)
@names_option("--measurement", "measurements", metavar="MEASUREMENT", help="Leave out a measurement; repeatable.")
@names_option("--sample-in", "samples_in", arity=2, metavar="CHANNEL SAMPLE", help="Leave out a sample of one channel.")
@names_option(
    "--modifier-in", "modifiers_in", arity=3, metavar="CHANNEL SAMPLE MODIFIER", help="Leave out a modifier there only."
)
@names_option("--bin", "bins", arity=2, metavar="CHANNEL BIN", help="Leave out a bin, or FIRST-LAST, counted from 0.")
@click.option(
    "--negligible",
    "threshold",
    type=float,
    metavar="X",
    help="Leave out systematics that change no bin of a channel by more than this fraction of its nominal yield.",
)
@click.option("--report", "report_file", type=OutputFile(), help="What went, as JSON.")
def prune(threshold: float | None, report_file: Path | None, bins: tuple[tuple[str, str], ...], **options: Any) -> None:
    """Leave out parts of a workspace: by name as pyhf does, by place, by bin, or because they do not matter.

    What --negligible leaves out and what that does to the likelihood is told on standard error. The output is JSON, or
    XML with its histograms where the output file ends in .xml.
    """
    output_file: Path | None = options.pop("output_file")
    kinds = ("channels", "samples", "modifiers", "modifier_types", "measurements")
    chosen = {name: options.pop(name) for name in kinds}
    inside = {name: options.pop(name) for name in ("samples_in", "modifiers_in")}
    ranges = [(channel, *_range(channel, text)) for channel, text in bins]
    if threshold is None and report_file is not None:
        raise click.UsageError("--report belongs to --negligible")
    edited = read_and_edit(
        options, lambda ws: prune_workspace(ws, **chosen, places=Places(bins=_bins(ws, ranges), **inside))
    )
    said: dict[str, object] = {}
    if threshold is not None:
        edited, said = _without_negligible(edited, threshold)
    if report_file is not None and str(report_file) == "-":
        emit(said, None)
        report_file = None
    emit_edited(edited, output_file, None if report_file is None else {report_file: json_text(said)})


def _without_negligible(edited: Edited, threshold: float) -> tuple[Edited, dict[str, object]]:
    found = negligible(edited.workspace, threshold)
    pruned = edit_and_tell(edited, lambda ws: without(ws, found))
    effects = pruning_effects(edited.workspace, pruned.workspace)
    tell_lines(pruned_text(found, effects, threshold))
    return pruned, pruned_document(found, effects, threshold)


def _range(channel: str, text: str) -> tuple[int, int]:
    first, separator, last = text.partition("-")
    if not first.isdecimal() or not (last.isdecimal() if separator else True) or len(text) > 20:
        raise InputError(f"--bin {channel} {text}: expected a number or FIRST-LAST, counted from 0")
    return int(first), int(last or first)


def _bins(workspace: Workspace, ranges: list[tuple[str, int, int]]) -> list[tuple[str, int]]:
    """Every bin of the ranges, up to the first one that the channel does not have."""
    return [
        (channel, i)
        for channel, first, last in ranges
        for i in range(first, min(last, max(first, workspace.channel(channel).n_bins)) + 1)
    ]
