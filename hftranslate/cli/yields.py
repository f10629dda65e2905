"""Events before and after a fit."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.options.tasks import fit_options, table_option, take_task
from hftranslate.cli.output import emit, emit_text
from hftranslate.inference.fit import fit
from hftranslate.inference.postfit import fitted_yields


@click.command()
@fit_options
@click.option("--postfit", is_flag=True, help="At the best fit, with its covariance; default: before the fit.")
@table_option
def yields(postfit: bool, kind: str, **options: Any) -> None:
    """Expected and observed events per sample, bin and channel, with propagated uncertainties."""
    output_file: Path | None = options.pop("output_file")
    task = take_task(options, edges=True)
    best = fit(task.model, task.data, options=task.options) if postfit else None
    found = fitted_yields(task.model, best, task.data)
    if kind == "table":
        emit_text(str(found), output_file)
    else:
        emit(found.to_dict(), output_file)
