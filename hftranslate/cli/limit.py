"""Upper limits."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.counts import some_points
from hftranslate.cli.options.model import choice_option
from hftranslate.cli.options.testing import (
    calctype_option,
    fit_options,
    take_model,
    take_toys,
    tell_outside_range,
    toy_options,
)
from hftranslate.cli.output import emit_result, tell
from hftranslate.errors import InputError
from hftranslate.inference.asymptotics import TestStat
from hftranslate.inference.limits import UpperLimitResult, upper_limit, with_points
from hftranslate.inference.tester import PoiRange
from hftranslate.toys.limits import ToyLimitResult, toy_limit


@click.command(cls=Command)
@fit_options
@choice_option("--test-stat", ("qtilde", "q"), "The test statistic.")
@click.option("--level", default=0.05, show_default=True, help="CLs at the limit: one minus the confidence level.")
@click.option("--bands/--no-bands", default=True, help="Whether to look for the expected limits too.")
@click.option("--points", type=some_points, help="Evenly spaced values to test besides, for pictures of CLs.")
@calctype_option
@toy_options
def limit(
    test_stat: TestStat,
    poi_range: PoiRange,
    level: float,
    bands: bool,
    calctype: str | None,
    points: int | None,
    **options: Any,
) -> None:
    """Upper limit on the parameter of interest, observed and expected at -2 ... +2 sigma.

    A limit that does not exist is null, with the reason under "failures" and on standard error. Toys, so many of each
    hypothesis, are made at every tested value.
    """
    output_file, kind, toys = options.pop("output_file"), options.pop("kind"), take_toys(options, calctype)
    model, data, options_of_fits = take_model(options)
    how: dict[str, Any] = {"test_stat": test_stat, "poi_range": poi_range, "bands": bands, "options": options_of_fits}
    if points is not None and toys is not None:
        raise InputError("--points are tested by asymptotic formulae, not by toys")
    if toys is None:
        limits = upper_limit(model, data, level, **how)
        found: UpperLimitResult | ToyLimitResult = (
            limits if points is None else with_points(limits, model, data, points, options=options_of_fits)
        )
    else:
        with toys.running() as batch:
            found = toy_limit(model, data, level, **how, toy_options=toys.options, batch=batch)
    for name, reason in found.failures.items():
        tell(f"hftranslate: no {name} limit: {reason}")
    tell_outside_range(found)
    emit_result(found, output_file, kind)
