"""The command that fits."""

from typing import Any

import click

from hftranslate.cli.common import emit, load_model, model_options
from hftranslate.cli.fitting import minimizer_options, number, take_fit_options
from hftranslate.errors import InputError
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import asimov_data, fit_document
from hftranslate.inference.fit import fit as fit_model
from hftranslate.likelihood.compile import compile_model


@click.command()
@model_options
@minimizer_options
@click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Hold a parameter at a value; repeatable.")
@click.option("--asimov", type=float, metavar="MU", help="Fit the Asimov data of this parameter of interest instead.")
@click.option("--minos", multiple=True, metavar="NAME", help="Profile-likelihood interval of a parameter; repeatable.")
@click.option("--value", is_flag=True, hidden=True)
def fit(fix: tuple[str, ...], asimov: float | None, minos: tuple[str, ...], value: bool, **options: Any) -> None:
    """Fit a workspace: best-fit parameters, uncertainties, correlations and twice the NLL, as JSON."""
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    fixed = {}
    for text in fix:
        name, separator, value_text = text.rpartition("=")
        if not separator:
            raise InputError(f"--fix {text}: expected NAME=VALUE")
        fixed[model.parameters.names[model.parameters.index(name)]] = number(value_text, f"--fix {name}")
    if asimov is not None:
        data, _ = asimov_data(model, data, asimov, options=fit_options)
    result = fit_model(model, data, fixed=fixed, options=fit_options)
    document = fit_document(model, result)
    if minos:
        intervals = {n: profile_interval(model, data, result, n, fixed=fixed, options=fit_options) for n in minos}
        document["minos"] = {name: list(interval) for name, interval in intervals.items()}
    emit(document, output_file)
