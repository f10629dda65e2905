"""Between any two formats."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.options.model import (
    choice_option,
    file_argument,
    measurement_option,
    patch_option,
    take_xml_options,
    xml_options,
)
from hftranslate.cli.options.paths import ModelFile
from hftranslate.cli.options.translating import (
    Account,
    Verifier,
    VerifyingCommand,
    losses_option,
    strict_option,
    take_verifier,
    verify_options,
)
from hftranslate.cli.output import emit_texts, json_text, tell
from hftranslate.formats import FORMATS, FormatName
from hftranslate.formats.files import Content
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.hs3 import TARGETS
from hftranslate.formats.outcomes import Outcome
from hftranslate.translation.account import check_strict
from hftranslate.translation.load import Loaded, load
from hftranslate.translation.write import JsonTranslation, to_hs3, to_pyhf_json, write


@click.command(cls=VerifyingCommand)
@file_argument
@click.argument("out", type=ModelFile(), required=False)
@click.option("-o", "--output-file", type=ModelFile(), help="Where to write, if OUT does not say it.")
@click.option("--to", type=click.Choice(FORMATS), is_eager=True, help="The format; default: by the ending of OUT.")
@choice_option("--for", TARGETS, "Who is to read HS3.")
@click.option("--with-root", is_flag=True, help="Read the RooWorkspace of a ROOT file that you trust through ROOT.")
@patch_option
@xml_options
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside FILE nor write one.")
@measurement_option
@strict_option
@losses_option
@verify_options
@click.pass_context
def convert(
    ctx: click.Context,
    /,
    file: str,
    out: Path | None,
    output_file: Path | None,
    to: FormatName | None,
    patches: tuple[str, ...],
    no_sidecar: bool,
    with_root: bool,
    strict: bool,
    losses: Path | None,
    **options: Any,
) -> None:
    """Translate between any two formats: OUT.json, OUT.hs3.json, or FOLDER/PREFIX.xml with its histograms in FOLDER.

    JSON may go to standard output: OUT is - then, and --to names the format.
    """
    target = _target(out, output_file)
    is_shown = str(target) == "-"
    if is_shown:
        _check_shown(to, options["verify"])
    xml = take_xml_options(options)
    reader, python = options.pop("for"), options["root_python"]
    verifier = take_verifier(options, file, xml, patches=patches)
    if with_root:
        loaded = _through_root(file, python, xml)
    else:
        wanted = losses is not None
        loaded = load(file, patches=patches, xml=xml, use_sidecar=not no_sidecar, account=wanted).only(xml.measurement)
    before = _accounted(loaded, losses, strict=strict, has_sidecar=not (no_sidecar or is_shown))
    if is_shown:
        written = to_hs3(loaded.workspace, target=reader) if to == "hs3" else to_pyhf_json(loaded.workspace)
        _show(ctx, loaded, written, before(written.outcomes), verifier)
        return
    outcomes = write(loaded.workspace, target, format=to, sidecar=not no_sidecar, reader=reader, before=before)
    verifier.of_file(ctx, loaded, target, with_sidecar=not no_sidecar, account=loaded.outcomes + outcomes)


def _accounted(
    loaded: Loaded, losses: Path | None, *, strict: bool, has_sidecar: bool
) -> Callable[[tuple[Outcome, ...]], dict[Path, Content]]:
    """What tells the account of a translation, refuses losses where it is strict, and gives what is written beside."""

    def before(outcomes: tuple[Outcome, ...]) -> dict[Path, Content]:
        if strict:
            check_strict(outcomes, loaded.outcomes, with_sidecar=has_sidecar)
        account = Account(outcomes=loaded.outcomes + outcomes, loaded=loaded, losses=losses)
        account.tell(has_sidecar=has_sidecar)
        return account.beside()

    return before


def _target(out: Path | None, output_file: Path | None) -> Path:
    """Where to write, which is said once."""
    target = out or output_file
    if target is None or (out and output_file):
        raise click.UsageError("say where to write, once: OUT, or -o OUT")
    return target


def _check_shown(to: FormatName | None, verify: object) -> None:
    """What standard output takes."""
    if to not in ("pyhf-json", "hs3"):
        raise click.UsageError("standard output takes JSON: --to pyhf-json or --to hs3")
    if to == "hs3" and verify is not None:
        raise click.UsageError("--verify reads HS3 back from a file, not from standard output")


def _show(
    ctx: click.Context, loaded: Loaded, written: JsonTranslation, beside: Mapping[Path, Content], verifier: Verifier
) -> None:
    """JSON to standard output, which has no place for a sidecar."""
    text = json_text(written.document)
    emit_texts({Path("-"): text, **beside})
    if verifier.wanted:
        verifier.of_text(ctx, loaded, text, account=loaded.outcomes + written.outcomes)


def _through_root(file: str, python: str | None, xml: XmlOptions) -> Loaded:
    """What ROOT makes of a file, which is read by nobody else."""
    from hftranslate.crosscheck.read_through_root import read_through_root
    from hftranslate.crosscheck.with_root import find_root

    return read_through_root(Path(file), find_root(python), xml, progress=lambda line: tell(f"ROOT: {line}"))
