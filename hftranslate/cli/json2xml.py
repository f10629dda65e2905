"""A workspace to HistFactory XML."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.options.common import (
    file_argument,
    patch_option,
    take_xml_options,
    tell,
    xml_options,
)
from hftranslate.cli.options.paths import ModelFolder
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.translation.translate import (
    check_strict,
    load,
    to_xml,
    write_xml,
)

if TYPE_CHECKING:
    pass
from hftranslate.cli.options.translating import (
    Origin,
    VerifyingCommand,
    account_beside,
    by_root,
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
    verify: str | None,
    root_python: str | None,
    specroot: str | None,
    dataroot: str | None,
    track_progress: bool,
    **options: Any,
) -> None:
    """Translate a workspace to HistFactory XML with ROOT histograms.

    Writes PREFIX.xml, config/*.xml, data/data.root and the DTD into the folder, which can be moved and is read by ROOT
    from there.
    """
    for name, value in (("--specroot", specroot), ("--dataroot", dataroot)):
        if value is not None:
            tell(f"{name} is ignored: channels go to config/, histograms to data/data.root")
    xml = take_xml_options(options)
    root = root_that_verifies(verify, root_python, file)
    with ProgressBar(shown=track_progress) as progress:
        loaded = load(
            file,
            patches=patches,
            xml=xml,
            use_sidecar=not no_sidecar,
            account=losses is not None,
            progress=progress,
        )
        translation = to_xml(loaded.workspace, prefix=prefix, root_version=xml.root_version, progress=progress)
    outcomes = loaded.outcomes + translation.outcomes
    if strict:
        check_strict(translation.outcomes, loaded.outcomes, with_sidecar=not no_sidecar)
    write_xml(translation, output_dir, sidecar=not no_sidecar, beside=account_beside(outcomes, losses, loaded))
    tell_account(outcomes, losses, loaded)
    warn_without_sidecar(outcomes, not no_sidecar)
    if verify:
        from hftranslate.translation.verify import verify_file

        driver = output_dir / f"{prefix}.xml"
        source = Origin(file=file, patches=patches, basedir=xml.basedir, confine=xml.confine)
        with ProgressBar(shown=track_progress) as progress:
            checked = verify_file(
                loaded.workspace, driver, with_sidecar=not no_sidecar, account=outcomes, progress=progress
            )
        tell_verified(ctx, [checked, *by_root(root, loaded, source, driver, outcomes)])
