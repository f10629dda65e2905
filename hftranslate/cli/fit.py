"""The command that fits."""

from dataclasses import replace
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.tasks import fit_options, snapshot_option, take_task
from hftranslate.cli.output import emit_result, tell
from hftranslate.display.speaking import Table
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import fit as fit_model

Intervals = dict[str, tuple[float | None, float | None]]


@click.command(cls=Command)
@fit_options
@click.option("--minos", multiple=True, metavar="NAME", help="Profile-likelihood interval of a parameter; repeatable.")
@snapshot_option("--start", help="Begin at the values of a snapshot in the ROOT file.")
@click.option("--value", is_flag=True, hidden=True)
def fit(minos: tuple[str, ...], value: bool, kind: str | None, **options: Any) -> None:
    """Fit a workspace: best-fit parameters, uncertainties, correlations and twice the NLL."""
    output_file = options.pop("output_file")
    task = take_task(options)
    result = fit_model(task.model, task.data, options=task.options)
    if result.status == "kink":
        tell(result.message)
    if result.minimizer != task.options.minimizer:
        tell(f"{task.options.minimizer} reached no minimum, or a higher one; this one is by {result.minimizer}")
    document, tables = result.to_dict(), result.tables()
    if minos:
        intervals = {n: profile_interval(task.model, task.data, result, n, options=task.options) for n in minos}
        document["minos"] = {name: list(interval) for name, interval in intervals.items()}
        tables = _with_intervals(tables[0], intervals, one=kind == "csv")
    emit_result(result, output_file, kind, document=document, tables=tables)


def _with_intervals(table: Table, intervals: Intervals, *, one: bool) -> tuple[Table, ...]:
    """The MINOS intervals in a table of their own, or in ``one`` with the parameters."""
    if one:
        rows = [(*row, *intervals.get(str(row[0]), (None, None))) for row in table.rows]
        return (replace(table, columns=(*table.columns, "MINOS low", "MINOS high"), rows=rows),)
    rows = [(name, *interval) for name, interval in intervals.items()]
    return table, Table(caption="MINOS", columns=("parameter", "low", "high"), rows=rows)
