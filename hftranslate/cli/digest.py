"""Checksums."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import file_argument, take_xml_options, xml_options
from hftranslate.cli.options.paths import InputFile, OutputFile
from hftranslate.cli.output import emit, emit_text, report
from hftranslate.translation.as_json import ALGORITHMS, pyhf_digest
from hftranslate.translation.as_json import digest as digest_of
from hftranslate.translation.load import load


@click.command(cls=Command)
@file_argument
@click.option(
    "-a",
    "--algorithm",
    "algorithms",
    multiple=True,
    default=["sha256"],
    show_default=True,
    metavar="NAME",
    help=f"Which digest; repeatable: {', '.join(ALGORITHMS)}.",
)
@click.option("-j/-p", "--json/--plaintext", "as_json_object", default=False, help="A JSON object, or lines of text.")
@click.option("--canonical", is_flag=True, help="Also one that is the same for any order and for 50 and 50.0 (sha256).")
@click.option(
    "--patch", "patches", multiple=True, type=InputFile(), metavar="PATCH.json", help="JSON patch, or -; repeatable."
)
@click.option("-o", "--output-file", type=OutputFile(), help="Where to write.")
@xml_options
def digest(
    file: str,
    algorithms: tuple[str, ...],
    as_json_object: bool,
    canonical: bool,
    patches: tuple[str, ...],
    output_file: Path | None,
    **options: Any,
) -> None:
    """The digest of a workspace, as 'pyhf digest' gives it; of XML, that of the JSON it translates to.

    It depends on the order of everything and on whether a number is written 50 or 50.0; the canonical one does not.
    """
    loaded = load(file, patches=patches, xml=take_xml_options(options))
    report(loaded.outcomes)
    digests = {algorithm: pyhf_digest(loaded.workspace, algorithm) for algorithm in algorithms}
    if canonical:
        digests["canonical"] = digest_of(loaded.workspace, "canonical")
    if as_json_object:
        emit(dict(sorted(digests.items())), output_file)
    else:
        emit_text("".join(f"{name}:{value}\n" for name, value in digests.items()), output_file)
