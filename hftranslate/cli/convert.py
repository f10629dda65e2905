"""Between any two formats."""

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
from hftranslate.cli.options.translating import Verifier, VerifyingCommand, take_verifier, verify_options
from hftranslate.cli.output import emit_texts, json_text, report, tell
from hftranslate.formats import FORMATS, FormatName
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.hs3 import TARGETS
from hftranslate.translation.load import Loaded, load
from hftranslate.translation.write import JsonTranslation, to_hs3, to_pyhf_json, write


@click.command(cls=VerifyingCommand)
@file_argument
@click.argument("out", type=ModelFile(), required=False)
@click.option("-o", "--output-file", type=ModelFile(), help="Where to write, if OUT does not say it.")
@click.option("--to", type=click.Choice(FORMATS), help="The format; default: by the ending of OUT.")
@choice_option("--for", TARGETS, "Who is to read HS3.")
@click.option("--with-root", is_flag=True, help="Read the RooWorkspace of a ROOT file that you trust through ROOT.")
@patch_option
@xml_options
@click.option("--no-sidecar", is_flag=True, help="Neither use the sidecar beside FILE nor write one.")
@measurement_option
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
    **options: Any,
) -> None:
    """Translate between any two formats: OUT.json, OUT.hs3.json, or FOLDER/PREFIX.xml with its histograms in FOLDER.

    JSON may go to standard output: OUT is - then, and --to names the format. xml2json and json2xml do the same and can
    do more: accounts, strictness.
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
        loaded = load(file, patches=patches, xml=xml, use_sidecar=not no_sidecar).only(xml.measurement)
    report(loaded.outcomes)
    if is_shown:
        written = to_hs3(loaded.workspace, target=reader) if to == "hs3" else to_pyhf_json(loaded.workspace)
        _show(ctx, loaded, written, verifier)
        return
    outcomes = write(loaded.workspace, target, format=to, sidecar=not no_sidecar, reader=reader)
    report(outcomes)
    verifier.of_file(ctx, loaded, target, with_sidecar=not no_sidecar, account=loaded.outcomes + outcomes)


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


def _show(ctx: click.Context, loaded: Loaded, written: JsonTranslation, verifier: Verifier) -> None:
    """JSON to standard output, which has no place for a sidecar."""
    report(written.outcomes)
    text = json_text(written.document)
    emit_texts({Path("-"): text})
    carried = [o for o in written.outcomes if o.kind == "carried"]
    if carried:
        tell(f"no sidecar is written: the {len(carried)} item(s) marked 'carried' are lost")
    if verifier.wanted:
        verifier.of_text(ctx, loaded, text, account=loaded.outcomes + written.outcomes)


def _through_root(file: str, python: str | None, xml: XmlOptions) -> Loaded:
    """What ROOT makes of a file, which is read by nobody else."""
    from hftranslate.crosscheck.read_through_root import read_through_root
    from hftranslate.crosscheck.with_root import find_root

    return read_through_root(Path(file), find_root(python), xml, progress=lambda line: tell(f"ROOT: {line}"))
