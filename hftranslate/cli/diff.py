"""The command that compares two workspaces."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import conventions_option, output_option, read_once, take_xml_options, xml_options
from hftranslate.cli.options.paths import InputFile
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.output import emit_both, report, tell
from hftranslate.difference import difference
from hftranslate.difference.compare import TOLERANCE
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.translation.compared import Compared, with_common_measurement
from hftranslate.translation.load import load
from hftranslate.workspace import CONVENTIONS


@click.command(cls=Command)
@click.argument("first", type=InputFile())
@click.argument("second", type=InputFile())
@output_option
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output instead of the table.")
@click.option(
    "--tolerance",
    type=float,
    default=TOLERANCE,
    show_default=True,
    help="Relative difference up to which numbers are the same; NLLs may differ by a thousand times as much.",
)
@click.option("--measurement", metavar="NAME", help="Compare this one only; default: all.")
@conventions_option("How to evaluate both likelihoods; auto: as the first is.")
@click.option(
    "-p", "--patch", "patches", multiple=True, type=InputFile(), metavar="PATCH.json", help="JSON patch for the first."
)
@click.option(
    "--patch-second", multiple=True, type=InputFile(), metavar="PATCH.json", help="JSON patch for the second."
)
@click.option("--no-sidecar", is_flag=True, help="Compare what the files say without the sidecars beside them.")
@progress_option
@xml_options
@click.pass_context
def diff(
    ctx: click.Context,
    /,
    first: str,
    second: str,
    output_file: Path | None,
    as_json: bool,
    patches: tuple[str, ...],
    patch_second: tuple[str, ...],
    **options: Any,
) -> None:
    """Compare what two workspaces mean: structure, numbers, settings, and the likelihood at many points.

    Formats, order and ways of saying the same do not matter. The exit code is 0 where they mean the same, 1 where they
    differ. The table goes to standard output; with --output-file, JSON to that file as well.
    """
    read_once(first, second, *patches, *patch_second)
    compared = _compared(((first, patches), (second, patch_second)), take_xml_options(options), **options)
    emit_both(compared.document(), compared.text, output_file, as_json=as_json)
    if not compared.found.equal:
        ctx.exit(1)


def _compared(
    files: tuple[tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]],
    xml: XmlOptions,
    *,
    no_sidecar: bool,
    track_progress: bool,
    conventions: str,
    **options: Any,
) -> Compared:
    loaded = []
    for file, patches in files:
        with ProgressBar(shown=track_progress) as progress:
            loaded.append(load(file, patches=patches, xml=xml, use_sidecar=not no_sidecar, progress=progress))
        report(loaded[-1].outcomes)
    one, two = loaded
    first, second, told = with_common_measurement(one, two)
    if told and options["measurement"] is None:
        tell(told)
    else:
        first, second = one.workspace, two.workspace
    rules = None if conventions == "auto" else CONVENTIONS[conventions]
    with ProgressBar(shown=track_progress) as progress:
        found = difference(first, second, conventions=rules, progress=progress, **options)
    return Compared(files=(files[0][0], files[1][0]), loaded=(one, two), found=found)
