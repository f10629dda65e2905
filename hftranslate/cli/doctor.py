"""The command that looks for what is suspicious in a model."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import load_model, look_format_option, model_options
from hftranslate.cli.output import emit_document, emit_text
from hftranslate.doctor import SEVERITIES, Severity, diagnose
from hftranslate.doctor import report as reports
from hftranslate.doctor.findings import down_to


@click.command(cls=Command)
@model_options
@look_format_option
@click.option("--json", "kind", flag_value="json", help="The same as --format json.")
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
    kind: str | None,
    severity: Severity,
    fail_on: Severity | None,
    strict: bool,
    examples: int,
    no_fit: bool,
    **options: Any,
) -> None:
    """Look for what is suspicious in a model: where, why it matters, and what helps.

    Findings of one kind are gathered, the worst places first; JSON, CSV, LaTeX and Markdown hold all places. With
    --output-file, JSON goes to that file beside the text here. The exit code is 0 whatever is found, unless --fail-on
    or --strict ask for 1.
    """
    workspace, measurement, conventions = load_model(options)
    diagnosis = diagnose(workspace, measurement, conventions, with_fit=not no_fit)
    shown = replace(diagnosis, findings=down_to(diagnosis.findings, severity))
    as_text = partial(reports.text, shown, n_examples=examples)
    emit_document(reports.document(shown), as_text, (reports.findings_table(shown),), output_file, kind)
    if output_file is not None and kind is None:
        emit_text(as_text(), None)
    limit: Severity | None = fail_on or ("warning" if strict else None)
    if limit is not None and down_to(diagnosis.findings, limit):
        ctx.exit(1)
