"""HistFactory XML to pyhf JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.options.common import (
    emit,
    model_output_option,
    take_xml_options,
    xml_options,
)
from hftranslate.cli.options.paths import InputFile, SidecarFile
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.formats.json_text import dump_json
from hftranslate.translation.translate import (
    check_strict,
    load,
    sidecar_path,
    to_pyhf_json,
    write_json,
    write_sidecar,
)

if TYPE_CHECKING:
    pass
from hftranslate.cli.options.translating import (
    Origin,
    VerifyingCommand,
    account_beside,
    by_root,
    file_of,
    losses_option,
    many_small_objects,
    root_that_verifies,
    strict_option,
    tell_account,
    tell_verified,
    verify_options,
    warn_without_sidecar,
)


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
    verify: str | None,
    root_python: str | None,
    sidecar: Path | None,
    no_sidecar: bool,
    track_progress: bool,
    validation_as_error: bool,
    **options: Any,
) -> None:
    """Translate HistFactory XML with its ROOT histograms to pyhf JSON.

    CONFIG is the driver, the XML file with the root element Combination. What JSON cannot say is kept in a sidecar
    beside the output (OUT.histfactory.json).
    """
    xml = take_xml_options(options)
    root = root_that_verifies(verify, root_python, config)
    with ProgressBar(shown=track_progress) as progress:
        loaded = load(config, xml=xml, use_sidecar=not no_sidecar, account=losses is not None, progress=progress)
        translation = to_pyhf_json(loaded.workspace, progress=progress)
    outcomes = loaded.outcomes + translation.outcomes
    has_sidecar = not no_sidecar and (sidecar is not None or (output_file is not None and str(output_file) != "-"))
    if strict:
        check_strict(translation.outcomes, loaded.outcomes, with_sidecar=not no_sidecar)
    account = account_beside(outcomes, losses, loaded)
    if output_file is None or str(output_file) == "-":
        if sidecar is not None and not no_sidecar:
            write_sidecar(translation, sidecar, beside=account)
            account = {}
        emit(translation.document, None, beside=account)
    else:
        kept = None if no_sidecar else sidecar or sidecar_path(output_file)
        write_json(translation, output_file, sidecar=kept, beside=account)
    tell_account(outcomes, losses, loaded)
    warn_without_sidecar(outcomes, has_sidecar)
    if not verify:
        return
    from hftranslate.translation.verify import verify_file, verify_json

    source = Origin(file=config, basedir=xml.basedir, confine=xml.confine)
    text = dump_json(translation.document)
    with ProgressBar(shown=track_progress) as progress:
        if output_file is None or str(output_file) == "-":
            checked = verify_json(loaded.workspace, text, account=outcomes, progress=progress)
        else:
            beside_it = not no_sidecar and sidecar in (None, sidecar_path(output_file))
            checked = verify_file(
                loaded.workspace, output_file, with_sidecar=beside_it, account=outcomes, progress=progress
            )
    with file_of(output_file, text) as path:
        tell_verified(ctx, [checked, *by_root(root, loaded, source, path, outcomes)])
