"""The command that looks for what is suspicious in a model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.options.common import emit, emit_text, load_model, model_options
from hftranslate.doctor import SEVERITIES, at_least, diagnose
from hftranslate.doctor import report as reports


@click.command()
@model_options
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output instead of the table.")
@click.option(
    "--severity",
    type=click.Choice(list(SEVERITIES)),
    default="note",
    show_default=True,
    help="Leave out what is less severe.",
)
@click.option(
    "--fail-on",
    type=click.Choice(list(SEVERITIES)),
    help="Exit code 1 where there is a finding of this severity or a worse one.",
)
@click.option("--strict", is_flag=True, help="The same as --fail-on warning.")
@click.option("--examples", type=click.IntRange(min=0), default=3, show_default=True, help="Places shown per finding.")
@click.option("--no-fit", is_flag=True, help="Do not fit the model to its data.")
@click.pass_context
def doctor(
    ctx: click.Context,
    /,
    output_file: Path | None,
    as_json: bool,
    severity: Any,
    fail_on: Any,
    strict: bool,
    examples: int,
    no_fit: bool,
    **options: Any,
) -> None:
    """Look for what is suspicious in a model: where, why it matters, and what helps.

    Findings of one kind are gathered, the worst places first; JSON holds all places. With --output-file, JSON goes to
    that file as well. The exit code is 0 whatever is found, unless --fail-on or --strict ask for 1.
    """
    workspace, measurement, conventions = load_model(options)
    diagnosis = diagnose(workspace, measurement, conventions, with_fit=not no_fit)
    shown = replace(diagnosis, findings=tuple(f for f in diagnosis.findings if f.severity in at_least(severity)))
    if output_file is not None:
        emit(reports.document(shown), output_file)
    if not as_json:
        emit_text(reports.text(shown, n_examples=examples), None)
    elif output_file is None:
        emit(reports.document(shown), None)
    limit: Any = fail_on or ("warning" if strict else None)
    if limit is not None and any(f.severity in at_least(limit) for f in diagnosis.findings):
        ctx.exit(1)
