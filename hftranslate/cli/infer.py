"""Commands that fit and test."""

from collections.abc import Callable
from typing import Any

import click

from hftranslate.cli.common import emit, load_model, model_options
from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import asimov_data, fit_document
from hftranslate.inference.fit import fit as fit_model
from hftranslate.inference.hypotest import (
    PoiRange,
    TestStat,
    hypotest,
    hypotest_document,
    limit_document,
    upper_limit,
)
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model

_OPTIMIZER_SETTINGS = {
    "maxiter": "max_iterations",
    "max_iterations": "max_iterations",
    "tolerance": "tolerance",
    "strategy": "strategy",
}

_minimizer = click.option(
    "--minimizer",
    "--optimizer",
    type=click.Choice(["newton", "minuit", "scipy"]),
    default="newton",
    show_default=True,
    help="Our Newton with the exact Hessian, MINUIT, or SciPy; all get exact gradients.",
)
_optconf = click.option(
    "--optconf",
    multiple=True,
    metavar="KEY=VALUE",
    help="Setting of the minimizer: tolerance, max_iterations, strategy.",
)
_backend = click.option("--backend", default="numpy", hidden=True)
_test_stat = click.option(
    "--test-stat", type=click.Choice(["qtilde", "q"]), default="qtilde", show_default=True, help="The test statistic."
)
_poi_range = click.option(
    "--poi-range",
    type=click.Choice(["named", "model"]),
    default="named",
    show_default=True,
    help="Whether the test statistic is what its name says, or depends on the model's range of the POI.",
)


def _fit_options(options: dict[str, Any]) -> FitOptions:
    if options.pop("backend") not in ("numpy", "np"):
        raise Unsupported("only the numpy backend exists here")
    settings: dict[str, Any] = {"minimizer": options.pop("minimizer")}
    for text in options.pop("optconf"):
        key, separator, value = text.partition("=")
        if not separator or key not in _OPTIMIZER_SETTINGS:
            raise InputError(f"--optconf {text}: no such setting" + did_you_mean(key, _OPTIMIZER_SETTINGS))
        name = _OPTIMIZER_SETTINGS[key]
        settings[name] = _number(value, f"--optconf {key}", float if name == "tolerance" else int)
    return FitOptions(**settings)


def _number(text: str, what: str, kind: Callable[[str], Any] = float) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{what}: {text!r} is no number") from None


@click.command()
@model_options
@_minimizer
@_optconf
@_backend
@click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Hold a parameter at a value; repeatable.")
@click.option("--asimov", type=float, metavar="MU", help="Fit the Asimov data of this parameter of interest instead.")
@click.option("--minos", multiple=True, metavar="NAME", help="Profile-likelihood interval of a parameter; repeatable.")
@click.option("--value", is_flag=True, hidden=True)
def fit(fix: tuple[str, ...], asimov: float | None, minos: tuple[str, ...], value: bool, **options: Any) -> None:
    """Fit a workspace: best-fit parameters, uncertainties, correlations and twice the NLL, as JSON."""
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    fit_options = _fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    fixed = {}
    for text in fix:
        name, separator, number = text.rpartition("=")
        if not separator:
            raise InputError(f"--fix {text}: expected NAME=VALUE")
        fixed[model.parameters.names[model.parameters.index(name)]] = _number(number, f"--fix {name}")
    if asimov is not None:
        data, _ = asimov_data(model, data, asimov, options=fit_options)
    result = fit_model(model, data, fixed=fixed, options=fit_options)
    document = fit_document(model, result)
    if minos:
        intervals = {n: profile_interval(model, data, result, n, fixed=fixed, options=fit_options) for n in minos}
        document["minos"] = {name: list(interval) for name, interval in intervals.items()}
    emit(document, output_file)


@click.command()
@model_options
@_minimizer
@_optconf
@_backend
@_test_stat
@_poi_range
@click.option("--test-poi", default=1.0, show_default=True, help="Value of the parameter of interest to test.")
@click.option(
    "--calctype", type=click.Choice(["asymptotics"]), default="asymptotics", help="How p-values are computed."
)
def cls(test_stat: TestStat, poi_range: PoiRange, test_poi: float, calctype: str, **options: Any) -> None:
    """CLs of one value of the parameter of interest: observed, and expected at -2 ... +2 sigma, as JSON."""
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    model, data = compile_model(workspace, measurement, conventions)
    result = hypotest(
        model,
        data,
        test_poi,
        test_stat=test_stat,
        poi_range=poi_range,
        options=_fit_options(options),
    )
    emit(hypotest_document(model, result), output_file)


@click.command()
@model_options
@_minimizer
@_optconf
@_backend
@_test_stat
@_poi_range
@click.option("--level", default=0.05, show_default=True, help="CLs at the limit: one minus the confidence level.")
def limit(test_stat: TestStat, poi_range: PoiRange, level: float, **options: Any) -> None:
    """Upper limit on the parameter of interest, observed and expected at -2 ... +2 sigma, as JSON."""
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    model, data = compile_model(workspace, measurement, conventions)
    result = upper_limit(
        model,
        data,
        level,
        test_stat=test_stat,
        poi_range=poi_range,
        options=_fit_options(options),
    )
    emit(limit_document(model, result), output_file)
