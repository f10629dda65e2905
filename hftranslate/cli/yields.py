"""Events before and after a fit."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.tasks import fit_options, snapshot_option, take_task
from hftranslate.cli.output import emit_result
from hftranslate.inference.fit import fit
from hftranslate.inference.postfit import fitted_yields


@click.command(cls=Command)
@fit_options
@click.option("--postfit", is_flag=True, help="At the best fit, with its covariance; default: before the fit.")
@snapshot_option("--at", help="At the values of a snapshot in the ROOT file, instead of the initial ones.")
def yields(postfit: bool, kind: str | None, **options: Any) -> None:
    """Expected and observed events per sample, bin and channel, with propagated uncertainties."""
    output_file: Path | None = options.pop("output_file")
    task = take_task(options, edges=True)
    best = fit(task.model, task.data, options=task.options) if postfit else None
    found = fitted_yields(task.model, best, task.data)
    emit_result(found, output_file, kind)
