"""The command that fits."""

from typing import Any

import click

from hftranslate.cli.options.tasks import fit_options, take_task
from hftranslate.cli.output import emit, tell
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import fit as fit_model


@click.command()
@fit_options
@click.option("--minos", multiple=True, metavar="NAME", help="Profile-likelihood interval of a parameter; repeatable.")
@click.option("--value", is_flag=True, hidden=True)
def fit(minos: tuple[str, ...], value: bool, **options: Any) -> None:
    """Fit a workspace: best-fit parameters, uncertainties, correlations and twice the NLL, as JSON."""
    output_file = options.pop("output_file")
    task = take_task(options)
    result = fit_model(task.model, task.data, options=task.options)
    if result.status == "kink":
        tell(result.message)
    if result.minimizer != task.options.minimizer:
        tell(f"{task.options.minimizer} reached no minimum, or a higher one; this one is by {result.minimizer}")
    document = result.to_dict()
    if minos:
        intervals = {n: profile_interval(task.model, task.data, result, n, options=task.options) for n in minos}
        document["minos"] = {name: list(interval) for name, interval in intervals.items()}
    emit(document, output_file)
