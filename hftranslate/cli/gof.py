"""Goodness of fit."""

from typing import Any

import click

from hftranslate.cli.options.batch import many_options, take_many
from hftranslate.cli.options.tasks import fit_options, take_task
from hftranslate.cli.output import emit
from hftranslate.inference.goodness import goodness_of_fit


@click.command()
@fit_options
@click.option("--toys", type=click.IntRange(min=0), default=0, show_default=True, help="Pseudo-experiments to fit.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the pseudo-experiments.")
@many_options
def gof(toys: int, seed: int, **options: Any) -> None:
    """Saturated goodness of fit, as JSON: statistic, degrees of freedom and p-value; by pseudo-experiments too."""
    output_file, many = options.pop("output_file"), take_many(options)
    task = take_task(options)
    with many.running() as batch:
        found = goodness_of_fit(task.model, task.data, toys=toys, seed=seed, options=task.options, batch=batch)
    emit(found.to_dict(), output_file)
