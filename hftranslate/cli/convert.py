"""Commands that translate files and look at them."""

import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.common import (
    OutputFile,
    combined_options,
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
from hftranslate.errors import Unsupported
from hftranslate.formats import FORMATS, FormatName, which_format
from hftranslate.formats.files import Content
from hftranslate.formats.json_text import dump_json, read_bytes
from hftranslate.formats.outcomes import Outcome
from hftranslate.translation.translate import (
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
    from hftranslate.crosscheck.with_root import RootInstallation
    from hftranslate.translation.verify import Verification


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


class _Verifying(click.Command):
    """A command with ``--verify``, which takes the word that follows as its value only where that is ``root``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As for every command."""
        end = args.index("--") if "--" in args else len(args)
        words: list[str] = []
        for word in args[:end]:
            if words[-1:] == ["--verify"]:
                words[-1] = "--verify=root" if word == "root" else "--verify=hftranslate"
                if word == "root":
                    continue
            words.append(word)
        if words[-1:] == ["--verify"]:
            words[-1] = "--verify=hftranslate"
        return super().parse_args(ctx, words + args[end:])


verify_options = combined_options(
    click.option(
        "--verify",
        type=click.Choice(["hftranslate", "root"]),
        metavar="[root]",
        help="Read the output back and compare its likelihood with that of the input, as hftranslate evaluates both; "
        "with the word root also as ROOT evaluates both. Else exit code 1.",
    ),
    click.option(
        "--root-python", metavar="PYTHON", help="A Python that can import ROOT; default: $ROOT_PYTHON, or this."
    ),
)
losses_option = click.option(
    "--losses",
    type=OutputFile(),
    help="Write the account of the translation as JSON.",
)


@click.command(cls=_Verifying)
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
@_many_small_objects()
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
    root = _root_that_verifies(verify, root_python, config)
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
    if not verify:
        return
    from hftranslate.translation.verify import verify_file, verify_json

    source = _Origin(file=config, basedir=xml.basedir, confine=xml.confine)
    text = dump_json(translation.document)
    with ProgressBar(shown=track_progress) as progress:
        if output_file is None or str(output_file) == "-":
            checked = verify_json(loaded.workspace, text, account=outcomes, progress=progress)
        else:
            beside_it = not no_sidecar and sidecar in (None, sidecar_path(output_file))
            checked = verify_file(
                loaded.workspace, output_file, with_sidecar=beside_it, account=outcomes, progress=progress
            )
    with _file_of(output_file, text) as path:
        _verify(ctx, [checked, *_by_root(root, loaded, source, path, outcomes)])


root2json = copy(xml2json)
root2json.name = "root2json"
root2json.help = """Translate a ROOT file that hist2workspace wrote to pyhf JSON, without ROOT.

CONFIG is the file, results/*_combined_*_model.root; what is read is the Measurement object in it. What JSON cannot say
is kept in a sidecar beside the output (OUT.histfactory.json).
"""
root2json.params = [
    *xml2json.params,
    click.Option(["--measurement"], metavar="NAME", help="The only measurement that is read; default: all."),
]


@click.command(cls=_Verifying)
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
    root = _root_that_verifies(verify, root_python, file)
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
        from hftranslate.translation.verify import verify_file

        driver = output_dir / f"{prefix}.xml"
        source = _Origin(file=file, patches=patches, basedir=xml.basedir, confine=xml.confine)
        with ProgressBar(shown=track_progress) as progress:
            checked = verify_file(
                loaded.workspace, driver, with_sidecar=not no_sidecar, account=outcomes, progress=progress
            )
        _verify(ctx, [checked, *_by_root(root, loaded, source, driver, outcomes)])


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
    from hftranslate.doctor.inspect import summary_document, summary_text

    xml = replace(take_xml_options(options), measurement=measurement)
    holding = _contents_of_root_file(file)
    document, text = holding or ({}, "")
    try:
        loaded = load(file, patches=patches, xml=xml)
    except Unsupported as error:
        if not document:
            raise
        tell(f"no model: {error}")
    else:
        report(loaded.outcomes)
        document, text = summary_document(loaded.workspace) | document, summary_text(loaded.workspace) + text
    if output_file is not None:
        emit(document, output_file)
    else:
        emit_text(text, None)


def _contents_of_root_file(file: str) -> tuple[dict[str, Any], str] | None:
    """What lies in a ROOT file with a RooWorkspace, as a document and as lines; nothing of other files."""
    if file == "-" or which_format(read_bytes(file), file) != "root":
        return None
    from hftranslate.formats.root_workspace import contents, contents_document, contents_text

    found = contents(file)
    return ({"root_file": contents_document(found)}, "\n" + contents_text(found)) if found.workspaces else None


@click.command(cls=_Verifying)
@file_argument
@click.argument("out", type=ModelFile())
@click.option("--to", type=click.Choice(FORMATS), help="The format; default: by the ending of OUT.")
@patch_option
@xml_options
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside FILE nor write one.")
@verify_options
@click.pass_context
def convert(
    ctx: click.Context,
    /,
    file: str,
    out: Path,
    to: FormatName | None,
    patches: tuple[str, ...],
    no_sidecar: bool,
    verify: str | None,
    root_python: str | None,
    **options: Any,
) -> None:
    """Translate between any two formats: OUT.json, or FOLDER/PREFIX.xml for XML with its histograms in FOLDER.

    xml2json and json2xml do the same and can do more: accounts, strictness.
    """
    root = _root_that_verifies(verify, root_python, file)
    xml = take_xml_options(options)
    loaded = load(file, patches=patches, xml=xml, use_sidecar=not no_sidecar)
    report(loaded.outcomes)
    outcomes = write(loaded.workspace, out, format=to, sidecar=not no_sidecar)
    report(outcomes)
    if verify:
        from hftranslate.translation.verify import verify_file

        account = loaded.outcomes + outcomes
        source = _Origin(file=file, patches=patches, basedir=xml.basedir, confine=xml.confine)
        checked = verify_file(loaded.workspace, out, with_sidecar=not no_sidecar, account=account)
        _verify(ctx, [checked, *_by_root(root, loaded, source, out, account)])


# --------------------------------------------------------------------------------------------------------- verification
@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Where the input of a translation came from."""

    file: str
    patches: tuple[str, ...] = ()
    basedir: Path | None = None
    confine: bool = False


def _root_that_verifies(verify: str | None, python: str | None, file: str) -> "RootInstallation | None":
    """The ROOT that is to verify the translation: found before anything is written."""
    if verify != "root":
        return None
    if file == "-":
        raise click.UsageError("--verify root reads the input again: it must be a file, not standard input")
    from hftranslate.crosscheck.with_root import find_root

    return find_root(python)


def _by_root(
    root: "RootInstallation | None", loaded: Loaded, origin: _Origin, path: Path, account: tuple[Outcome, ...]
) -> "Iterator[Verification]":
    if root is None:
        return
    from hftranslate.crosscheck.verify_with_root import verify_in_root
    from hftranslate.crosscheck.with_root import Source

    patches = tuple(map(Path, origin.patches))
    source = Source(path=Path(origin.file), patches=patches, basedir=origin.basedir, confine=origin.confine)
    yield verify_in_root(loaded, source, path, root, account=account)


@contextmanager
def _file_of(path: Path | None, text: str) -> Iterator[Path]:
    """The file that was written, or one with what went to standard output."""
    if path is not None and str(path) != "-":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="hftranslate-") as folder:
        written = Path(folder) / "output.json"
        written.write_text(text, encoding="utf-8")
        yield written


def _verify(ctx: click.Context, checks: "Sequence[Verification]") -> None:
    for checked in checks:
        tell(checked.sentence)
        tell_lines(checked.details())
    if not all(checked.verified for checked in checks):
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
