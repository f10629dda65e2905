"""HistFactory XML to pyhf JSON."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import many_small_objects
from hftranslate.cli.options.model import model_output_option, take_xml_options, xml_options
from hftranslate.cli.options.paths import InputFile, SidecarFile
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.options.translating import (
    Account,
    VerifyingCommand,
    losses_option,
    strict_option,
    take_verifier,
    verify_options,
)
from hftranslate.cli.output import emit
from hftranslate.formats.files import Content
from hftranslate.formats.json_text import dump_json
from hftranslate.translation.account import check_strict
from hftranslate.translation.load import load
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.write import JsonTranslation, to_pyhf_json, write_json, write_sidecar


@click.command(cls=VerifyingCommand)
@click.argument("config", type=InputFile())
@model_output_option
@xml_options
@strict_option
@losses_option
@verify_options
@click.option("--sidecar", type=SidecarFile(), help="Where to keep what JSON cannot say.")
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside the XML nor write one.")
@progress_option
@click.option("--validation-as-error/--validation-as-warning", hidden=True, default=True)
@click.pass_context
@many_small_objects()
def xml2json(
    ctx: click.Context,
    /,
    config: str,
    output_file: Path | None,
    strict: bool,
    losses: Path | None,
    sidecar: Path | None,
    no_sidecar: bool,
    track_progress: bool,
    **options: Any,
) -> None:
    """Translate HistFactory XML with its ROOT histograms to pyhf JSON.

    CONFIG is the driver, the XML file with the root element Combination. What JSON cannot say is kept in a sidecar
    beside the output (OUT.histfactory.json).
    """
    xml, output = take_xml_options(options), None if str(output_file) == "-" else output_file
    verifier = take_verifier(options, config, xml, shown=track_progress)
    with ProgressBar(shown=track_progress) as progress:
        loaded = load(config, xml=xml, use_sidecar=not no_sidecar, account=losses is not None, progress=progress)
        translation = to_pyhf_json(loaded.workspace, progress=progress)
    if strict:
        check_strict(translation.outcomes, loaded.outcomes, with_sidecar=not no_sidecar)
    account = Account(outcomes=loaded.outcomes + translation.outcomes, loaded=loaded, losses=losses)
    beside, of_output = account.beside(), None if output is None else sidecar_path(output)
    kept = None if no_sidecar else sidecar or of_output
    if output is not None:
        write_json(translation, output, sidecar=kept, beside=beside)
    else:
        _emit(translation, kept, beside)
    account.tell(has_sidecar=kept is not None)
    if output is not None:
        verifier.of_file(ctx, loaded, output, with_sidecar=kept == of_output, account=account.outcomes)
    elif verifier.wanted:
        verifier.of_text(ctx, loaded, dump_json(translation.document), account=account.outcomes)


def _emit(translation: JsonTranslation, sidecar: Path | None, beside: dict[Path, Content]) -> None:
    """The document to standard output, its sidecar and the account to files."""
    if sidecar is not None:
        write_sidecar(translation, sidecar, beside=beside)
        beside = {}
    emit(translation.document, None, beside=beside)
