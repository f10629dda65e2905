"""Impacts of the nuisance parameters."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.batch import many_options, take_many
from hftranslate.cli.options.groups import group_option, take_groups
from hftranslate.cli.options.tasks import fit_options, take_task
from hftranslate.cli.output import emit_result, tell
from hftranslate.inference.impacts import Widths
from hftranslate.inference.impacts import impacts as compute_impacts


@click.command(cls=Command)
@fit_options
@click.option("--parameter", "names", multiple=True, metavar="NAME", help="Only these parameters; default: all.")
@group_option
@click.option("--minos", is_flag=True, help="Uncertainties by MINOS rather than by HESSE.")
@click.option("--top", type=click.IntRange(min=1), help="Parameters in the table; default: 30, in CSV all.")
@many_options
def impacts(
    names: tuple[str, ...], groups: tuple[str, ...], minos: bool, kind: str | None, top: int | None, **options: Any
) -> None:
    """Impacts of the nuisance parameters on the parameter of interest, ranked: pre-fit, post-fit and in groups."""
    output_file, many, patterns = options.pop("output_file"), take_many(options), take_groups(groups)
    widths: Widths = "minos" if minos else "hesse"
    task = take_task(options)
    with many.running() as batch:
        found = compute_impacts(
            task.model,
            task.data,
            names=names or None,
            groups=patterns,
            widths=widths,
            options=task.options,
            batch=batch,
        )
    for reason in found.failures:
        tell(f"no impact: {reason}")
    tables = (found.records(top),) if kind == "csv" else found.tables(top or 30)
    emit_result(found, output_file, kind, tables=tables)
