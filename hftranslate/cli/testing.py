"""Commands that test hypotheses: CLs, upper limits and significances."""

from typing import Any

import click

from hftranslate.cli.common import combined_options, emit, load_model, model_options
from hftranslate.cli.fitting import minimizer_options, take_fit_options
from hftranslate.inference.discovery import significance as test_background
from hftranslate.inference.discovery import significance_document
from hftranslate.inference.hypotest import PoiRange, TestStat, hypotest, hypotest_document
from hftranslate.inference.limits import limit_document, upper_limit
from hftranslate.likelihood.compile import compile_model

_poi_range = click.option(
    "--poi-range",
    type=click.Choice(["named", "model"]),
    default="named",
    show_default=True,
    help="Whether the test statistic is what its name says, or depends on the model's range of the POI.",
)
_fit_options = combined_options(model_options, minimizer_options, _poi_range)


@click.command()
@_fit_options
@click.option(
    "--test-stat",
    type=click.Choice(["qtilde", "q", "ttilde", "t"]),
    default="qtilde",
    show_default=True,
    help="The test statistic: of upper limits (q) or two-sided (t); with a tilde for signals not below zero.",
)
@click.option("--test-poi", default=1.0, show_default=True, help="Value of the parameter of interest to test.")
@click.option(
    "--calctype", type=click.Choice(["asymptotics"]), default="asymptotics", help="How p-values are computed."
)
def cls(test_stat: TestStat, poi_range: PoiRange, test_poi: float, calctype: str, **options: Any) -> None:
    """CLs of one value of the parameter of interest: observed, and expected at -2 ... +2 sigma, as JSON."""
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    result = hypotest(model, data, test_poi, test_stat=test_stat, poi_range=poi_range, options=fit_options)
    emit(hypotest_document(model, result), output_file)


@click.command()
@_fit_options
@click.option(
    "--test-stat", type=click.Choice(["qtilde", "q"]), default="qtilde", show_default=True, help="The test statistic."
)
@click.option("--level", default=0.05, show_default=True, help="CLs at the limit: one minus the confidence level.")
@click.option("--bands/--no-bands", default=True, help="Whether to look for the expected limits too.")
def limit(test_stat: TestStat, poi_range: PoiRange, level: float, bands: bool, **options: Any) -> None:
    """Upper limit on the parameter of interest, observed and expected at -2 ... +2 sigma, as JSON.

    A limit that does not exist is null, with the reason under "failures" and on standard error.
    """
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    result = upper_limit(model, data, level, test_stat=test_stat, poi_range=poi_range, bands=bands, options=fit_options)
    for name, reason in result.failures.items():
        click.echo(f"hftranslate: no {name} limit: {reason}", err=True)
    emit(limit_document(model, result), output_file)


@click.command()
@_fit_options
@click.option(
    "--expected-poi", default=1.0, show_default=True, metavar="MU", help="Signal of which the expectation is given."
)
def significance(poi_range: PoiRange, expected_poi: float, **options: Any) -> None:
    """Significance of a signal: p0 and Z, observed, and expected at -2 ... +2 sigma, as JSON."""
    output_file = options.pop("output_file")
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    result = test_background(model, data, expected_poi=expected_poi, poi_range=poi_range, options=fit_options)
    emit(significance_document(model, result), output_file)
