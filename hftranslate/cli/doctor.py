"""The command that looks for what is suspicious in a model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import load_model, model_options
from hftranslate.cli.output import emit_both
from hftranslate.doctor import SEVERITIES, Severity, diagnose
from hftranslate.doctor import report as reports
from hftranslate.doctor.findings import down_to


@click.command(cls=Command)
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
    severity: Severity,
    fail_on: Severity | None,
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
    shown = replace(diagnosis, findings=down_to(diagnosis.findings, severity))
    emit_both(reports.document(shown), lambda: reports.text(shown, n_examples=examples), output_file, as_json=as_json)
    limit: Severity | None = fail_on or ("warning" if strict else None)
    if limit is not None and down_to(diagnosis.findings, limit):
        ctx.exit(1)
