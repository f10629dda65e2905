"""Commands that translate files and look at them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.common import (
    OutputFile,
    emit,
    emit_text,
    file_argument,
    json_text,
    model_output_option,
    output_option,
    patch_option,
    report,
    take_xml_options,
    tell,
    tell_lines,
    xml_options,
)
from hftranslate.cli.paths import InputFile, ModelFile, ModelFolder, SidecarFile
from hftranslate.cli.progress import ProgressBar, progress_option
from hftranslate.formats import FORMATS, FormatName
from hftranslate.formats.documents import dump_json
from hftranslate.formats.files import Content
from hftranslate.outcomes import Outcome
from hftranslate.translate import (
    Loaded,
    check_strict,
    load,
    sidecar_path,
    to_pyhf_json,
    to_xml,
    write,
    write_json,
    write_sidecar,
    write_xml,
)

if TYPE_CHECKING:
    from hftranslate.verification import Verification


@contextmanager
def _many_small_objects() -> Iterator[None]:
    """Without the search for unused cycles, of which a translation makes none: a third of the time of large models."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


strict_option = click.option("--strict", is_flag=True, help="Fail, and write nothing, where something would be lost.")


verify_option = click.option(
    "--verify", is_flag=True, help="Read the output back and prove that the likelihood is the same; else exit code 1."
)
losses_option = click.option(
    "--losses",
    type=OutputFile(),
    help="Write the account of the translation as JSON.",
)


@click.command()
@click.argument("config", type=InputFile())
@model_output_option
@xml_options
@strict_option
@losses_option
@verify_option
@click.option("--sidecar", type=SidecarFile(), help="Where to keep what JSON cannot say.")
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside the XML nor write one.")
@progress_option
@click.option("--validation-as-error/--validation-as-warning", hidden=True, default=True)
@click.pass_context
@_many_small_objects()
def xml2json(
    ctx: click.Context,
    /,
    config: str,
    output_file: Path | None,
    strict: bool,
    losses: Path | None,
    verify: bool,
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
    with ProgressBar(shown=track_progress) as progress:
        loaded = load(config, xml=xml, use_sidecar=not no_sidecar, account=losses is not None, progress=progress)
        translation = to_pyhf_json(loaded.workspace, progress=progress)
    outcomes = loaded.outcomes + translation.outcomes
    has_sidecar = not no_sidecar and (sidecar is not None or (output_file is not None and str(output_file) != "-"))
    if strict:
        check_strict(translation.outcomes, loaded.outcomes, with_sidecar=not no_sidecar)
    account = _account(outcomes, losses, loaded)
    if output_file is None or str(output_file) == "-":
        if sidecar is not None and not no_sidecar:
            write_sidecar(translation, sidecar, beside=account)
            account = {}
        emit(translation.document, None, beside=account)
    else:
        kept = None if no_sidecar else sidecar or sidecar_path(output_file)
        write_json(translation, output_file, sidecar=kept, beside=account)
    _tell(outcomes, losses, loaded)
    _warn_without_sidecar(outcomes, has_sidecar)
    if verify:
        from hftranslate.verification import verify_file, verify_json

        with ProgressBar(shown=track_progress) as progress:
            if output_file is None or str(output_file) == "-":
                checked = verify_json(loaded.workspace, dump_json(translation.document), progress=progress)
            else:
                beside_it = not no_sidecar and sidecar in (None, sidecar_path(output_file))
                checked = verify_file(loaded.workspace, output_file, with_sidecar=beside_it, progress=progress)
        _verify(ctx, checked)


@click.command()
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
@verify_option
@click.pass_context
@_many_small_objects()
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
    verify: bool,
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
    write_xml(translation, output_dir, sidecar=not no_sidecar, beside=_account(outcomes, losses, loaded))
    _tell(outcomes, losses, loaded)
    _warn_without_sidecar(outcomes, not no_sidecar)
    if verify:
        from hftranslate.verification import verify_file

        driver = output_dir / f"{prefix}.xml"
        with ProgressBar(shown=track_progress) as progress:
            checked = verify_file(loaded.workspace, driver, with_sidecar=not no_sidecar, progress=progress)
        _verify(ctx, checked)


@click.command()
@file_argument
@output_option
@patch_option
@xml_options
@click.option("--measurement", hidden=True)
def inspect(
    file: str, output_file: Path | None, patches: tuple[str, ...], measurement: str | None, **options: Any
) -> None:
    """Show what is in a workspace: channels, samples, parameters, measurements.

    A table on standard output; with --output-file, JSON in that file: pyhf's keys, and more under "details".
    """
    from hftranslate.summary import summary_document, summary_text

    loaded = load(file, patches=patches, xml=take_xml_options(options))
    report(loaded.outcomes)
    if output_file is not None:
        emit(summary_document(loaded.workspace), output_file)
    else:
        emit_text(summary_text(loaded.workspace), None)


@click.command()
@file_argument
@click.argument("out", type=ModelFile())
@click.option("--to", type=click.Choice(FORMATS), help="The format; default: by the ending of OUT.")
@patch_option
@xml_options
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside FILE nor write one.")
def convert(
    file: str, out: Path, to: FormatName | None, patches: tuple[str, ...], no_sidecar: bool, **options: Any
) -> None:
    """Translate between any two formats: OUT.json, or FOLDER/PREFIX.xml for XML with its histograms in FOLDER.

    xml2json and json2xml do the same and can do more: accounts, proofs, strictness.
    """
    loaded = load(file, patches=patches, xml=take_xml_options(options), use_sidecar=not no_sidecar)
    report(loaded.outcomes)
    report(write(loaded.workspace, out, format=to, sidecar=not no_sidecar))


def _verify(ctx: click.Context, checked: "Verification") -> None:
    tell(checked.sentence)
    if not checked.verified:
        tell_lines(checked.details())
        ctx.exit(1)


def _warn_without_sidecar(outcomes: tuple[Outcome, ...], has_sidecar: bool) -> None:
    carried = [o for o in outcomes if o.kind == "carried"]
    if carried and not has_sidecar:
        tell(f"no sidecar is written: the {len(carried)} item(s) marked 'carried' are lost")


def _account(outcomes: tuple[Outcome, ...], losses: Path | None, loaded: Loaded) -> dict[Path, Content]:
    """The account of a translation as a document, where one is wanted in a file."""
    if losses is None or str(losses) == "-":
        return {}
    return {losses: json_text(_items(outcomes, loaded))}


def _items(outcomes: tuple[Outcome, ...], loaded: Loaded) -> list[dict[str, Any]]:
    fields = ("kind", "where", "what", "effect", "effect_on_cls")
    items = [{f: getattr(o, f) for f in fields} for o in outcomes]
    for fate in loaded.account:
        what = f"{fate.attribute}={fate.value!r}: {fate.becomes}"
        items.append({"kind": fate.fate, "where": fate.where, "what": what, "effect": None, "effect_on_cls": None})
        items[-1] |= {"attribute": fate.attribute, "value": fate.value, "source": fate.source}
    return items


def _tell(outcomes: tuple[Outcome, ...], losses: Path | None, loaded: Loaded) -> None:
    if losses is not None and str(losses) == "-":
        emit(_items(outcomes, loaded), None)
    report(outcomes)
    if loaded.account:
        from hftranslate.formats.histfactory_xml import table

        tell_lines(table(loaded.account))
