"""CLs of one value of the parameter of interest."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import choice_option
from hftranslate.cli.options.testing import (
    calctype_option,
    fit_options,
    take_model,
    take_toys,
    tell_outside_range,
    toy_options,
)
from hftranslate.cli.output import emit_result
from hftranslate.inference.asymptotics import TestStat
from hftranslate.inference.hypotest import hypotest
from hftranslate.inference.tester import HypoTestResult, PoiRange
from hftranslate.toys.hypotest import ToyTestResult, toy_test


@click.command(cls=Command)
@fit_options
@choice_option(
    "--test-stat",
    ("qtilde", "q", "ttilde", "t"),
    "The test statistic: of upper limits (q) or two-sided (t); with a tilde for signals not below zero.",
)
@click.option("--test-poi", default=1.0, show_default=True, help="Value of the parameter of interest to test.")
@calctype_option
@toy_options
def cls(test_stat: TestStat, poi_range: PoiRange, test_poi: float, calctype: str | None, **options: Any) -> None:
    """CLs of one value of the parameter of interest: observed, and expected at -2 ... +2 sigma."""
    output_file, kind, toys = options.pop("output_file"), options.pop("kind"), take_toys(options, calctype)
    model, data, options_of_fits = take_model(options)
    how: dict[str, Any] = {"test_stat": test_stat, "poi_range": poi_range, "options": options_of_fits}
    if toys is None:
        found: HypoTestResult | ToyTestResult = hypotest(model, data, test_poi, **how)
    else:
        with toys.running() as batch:
            found = toy_test(model, data, test_poi, **how, toy_options=toys.options, batch=batch)
    tell_outside_range(found)
    emit_result(found, output_file, kind)
