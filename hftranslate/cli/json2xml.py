"""A workspace to HistFactory XML."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import many_small_objects
from hftranslate.cli.options.model import (
    file_argument,
    measurement_option,
    patch_option,
    take_xml_options,
    xml_options,
)
from hftranslate.cli.options.paths import ModelFolder
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.options.translating import (
    Account,
    VerifyingCommand,
    losses_option,
    strict_option,
    take_verifier,
    verify_options,
)
from hftranslate.cli.output import tell
from hftranslate.translation.account import check_strict
from hftranslate.translation.load import load
from hftranslate.translation.write import to_xml, write_xml


@click.command(cls=VerifyingCommand)
@file_argument
@patch_option
@click.option("-d", "--output-dir", type=ModelFolder(), default=Path("."), help="Folder to write into.")
@click.option(
    "--prefix", "--resultprefix", default="FitConfig", show_default=True, is_eager=True, help="Name of the driver."
)
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside the JSON nor write one.")
@click.option("--specroot", hidden=True)
@click.option("--dataroot", hidden=True)
@progress_option
@xml_options
@strict_option
@losses_option
@measurement_option
@verify_options
@click.pass_context
@many_small_objects()
def json2xml(
    ctx: click.Context,
    /,
    file: str,
    patches: tuple[str, ...],
    output_dir: Path,
    prefix: str,
    no_sidecar: bool,
    strict: bool,
    losses: Path | None,
    track_progress: bool,
    **options: Any,
) -> None:
    """Translate a workspace to HistFactory XML with ROOT histograms.

    Writes PREFIX.xml, config/*.xml, data/data.root and the DTD into the folder, which can be moved and is read by ROOT
    from there.
    """
    for name in ("specroot", "dataroot"):
        if options.pop(name) is not None:
            tell(f"--{name} is ignored: channels go to config/, histograms to data/data.root")
    xml, restored = take_xml_options(options), not no_sidecar
    verifier = take_verifier(options, file, xml, patches=patches, shown=track_progress)
    with ProgressBar(shown=track_progress) as progress:
        how = {"use_sidecar": restored, "account": losses is not None}
        loaded = load(file, patches=patches, xml=xml, **how, progress=progress).only(xml.measurement)
        translation = to_xml(loaded.workspace, prefix=prefix, root_version=xml.root_version, progress=progress)
    if strict:
        check_strict(translation.outcomes, loaded.outcomes, with_sidecar=restored)
    account = Account(outcomes=loaded.outcomes + translation.outcomes, loaded=loaded, losses=losses)
    write_xml(translation, output_dir, sidecar=restored, beside=account.beside())
    account.tell(has_sidecar=restored)
    driver = output_dir / f"{prefix}.xml"
    verifier.of_file(ctx, loaded, driver, with_sidecar=restored, account=account.outcomes)
