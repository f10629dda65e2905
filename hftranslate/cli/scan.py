"""Profile scans."""

from typing import Any

import click
import numpy as np

from hftranslate.cli.groups import Command
from hftranslate.cli.options.batch import many_options, take_many
from hftranslate.cli.options.counts import some_points
from hftranslate.cli.options.tasks import fit_options, interval, take_task
from hftranslate.cli.output import emit_result, tell
from hftranslate.errors import InputError
from hftranslate.inference.profiles import profile_scan


@click.command(cls=Command)
@fit_options
@click.argument("parameters", nargs=-1, metavar="PAR [PAR2]")
@click.option("--points", multiple=True, type=some_points, help="Values to scan: of all, or one for each.")
@click.option("--range", "ranges", multiple=True, metavar="LOW:HIGH", help="Where to scan, one for each parameter.")
@many_options
def scan(parameters: tuple[str, ...], points: tuple[int, ...], ranges: tuple[str, ...], **options: Any) -> None:
    """Profile-likelihood scan of one or two parameters: -2 Delta ln L of the fits with them held.

    Without --range the scan covers three standard deviations to each side, within the range of the parameter.
    """
    if not 1 <= len(parameters) <= 2:
        raise click.UsageError("a scan takes a file and the names of one or two parameters")
    output_file, kind, many = options.pop("output_file"), options.pop("kind"), take_many(options)
    counts, values = _axes(parameters, points, ranges)
    task = take_task(options)
    with many.running() as batch:
        found = profile_scan(
            task.model, task.data, parameters, values, points=counts, options=task.options, batch=batch
        )
    for index, reason in found.failures.items():
        where = ", ".join(f"{n} = {v[i]:g}" for n, v, i in zip(found.names, found.values, index, strict=True))
        tell(f"no value at {where}: {reason}")
    emit_result(found, output_file, kind)


def _axes(
    names: tuple[str, ...], points: tuple[int, ...], ranges: tuple[str, ...]
) -> tuple[tuple[int, ...], list[Any] | None]:
    """How many values of each parameter, and which where a range is given."""
    counts = points or ((41,) if len(names) == 1 else (21, 21))
    if len(counts) == 1:
        counts = counts * len(names)
    limits = [interval(r, "--range") for r in ranges]
    for option, given in (("--points", counts), ("--range", limits or names)):
        if len(given) != len(names):
            raise InputError(f"{option}: {len(given)} given for {len(names)} parameters ({', '.join(names)})")
    values = [np.linspace(low, high, n) for (low, high), n in zip(limits, counts, strict=True)] if limits else None
    return counts, values
