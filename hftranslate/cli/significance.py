"""The significance of a signal."""

from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.testing import (
    calctype_option,
    fit_options,
    take_model,
    take_toys,
    tell_outside_range,
    toy_options,
)
from hftranslate.cli.output import emit_result
from hftranslate.inference.discovery import Significance
from hftranslate.inference.discovery import significance as test_background
from hftranslate.inference.tester import PoiRange
from hftranslate.toys.discovery import ToySignificance, toy_significance


@click.command(cls=Command)
@fit_options
@click.option(
    "--expected-poi", default=1.0, show_default=True, metavar="MU", help="Signal of which the expectation is given."
)
@calctype_option
@toy_options
def significance(poi_range: PoiRange, expected_poi: float, calctype: str | None, **options: Any) -> None:
    """Significance of a signal: p0 and Z, observed, and expected at -2 ... +2 sigma."""
    output_file, kind, toys = options.pop("output_file"), options.pop("kind"), take_toys(options, calctype)
    model, data, options_of_fits = take_model(options)
    how: dict[str, Any] = {"expected_poi": expected_poi, "poi_range": poi_range, "options": options_of_fits}
    if toys is None:
        found: Significance | ToySignificance = test_background(model, data, **how)
    else:
        with toys.running() as batch:
            found = toy_significance(model, data, **how, toy_options=toys.options, batch=batch)
    tell_outside_range(found)
    emit_result(found, output_file, kind)
