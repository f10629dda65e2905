"""The command that says what this engine finds."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import input_files, load_model, model_options
from hftranslate.cli.options.paths import InputFile
from hftranslate.cli.output import command_line, emit
from hftranslate.crosscheck.document import read_results
from hftranslate.crosscheck.results import results as evaluate
from hftranslate.workspace import CONVENTIONS


@click.command(cls=Command)
@model_options
@click.option(
    "--like", type=InputFile(), metavar="REFERENCE.json", help="Evaluate at the points of this result document."
)
def results(like: str | None, **options: Any) -> None:
    """Write a result document: yields, NLL, fit, tests and limit, in the schema of the references."""
    output_file, chosen = options.pop("output_file"), options["conventions"]
    reference = None if like is None else read_results(like)
    if reference is not None and chosen == "auto":
        options["conventions"] = reference.conventions.name if reference.conventions.name in CONVENTIONS else "auto"
    inputs = input_files(options["file"], options["patches"])
    workspace, measurement, conventions = load_model(options)
    if reference is not None and chosen == "auto":
        conventions = reference.conventions
    found = evaluate(
        workspace,
        like=reference,
        measurement=measurement,
        conventions=conventions,
        inputs=inputs,
        command=command_line(),
    )
    emit(found.to_document(), output_file)
