"""Goodness of fit."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.batch import many_options, take_many
from hftranslate.cli.options.counts import toys_or_none
from hftranslate.cli.options.tasks import fit_options, take_task
from hftranslate.cli.output import emit_result
from hftranslate.inference.goodness import goodness_of_fit


@click.command(cls=Command)
@fit_options
@click.option("--toys", type=toys_or_none, default=0, show_default=True, help="Pseudo-experiments to fit.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the pseudo-experiments.")
@many_options
def gof(toys: int, seed: int, **options: Any) -> None:
    """Saturated goodness of fit: statistic, degrees of freedom and p-value; by pseudo-experiments too."""
    output_file, kind, many = options.pop("output_file"), options.pop("kind"), take_many(options)
    task = take_task(options)
    with many.running() as batch:
        found = goodness_of_fit(task.model, task.data, toys=toys, seed=seed, options=task.options, batch=batch)
    emit_result(found, output_file, kind)
