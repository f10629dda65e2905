"""The significance of a signal."""

from typing import Any

import click

from hftranslate.cli.options.testing import (
    calctype_option,
    emit_result,
    fit_options,
    take_model,
    take_toys,
    toy_options,
)
from hftranslate.inference.discovery import significance as test_background
from hftranslate.inference.discovery import significance_document
from hftranslate.inference.tester import PoiRange, outside_range
from hftranslate.toys.discovery import toy_significance, toy_significance_document


@click.command()
@fit_options
@click.option(
    "--expected-poi", default=1.0, show_default=True, metavar="MU", help="Signal of which the expectation is given."
)
@calctype_option
@toy_options
def significance(poi_range: PoiRange, expected_poi: float, calctype: str | None, **options: Any) -> None:
    """Significance of a signal: p0 and Z, observed, and expected at -2 ... +2 sigma, as JSON."""
    output_file, toys = options.pop("output_file"), take_toys(options, calctype)
    model, data, fit_options = take_model(options)
    if toys is None:
        result = test_background(model, data, expected_poi=expected_poi, poi_range=poi_range, options=fit_options)
        emit_result(significance_document(model, result), model, output_file)
        return
    with toys.running() as shared:
        by_toys = toy_significance(
            model,
            data,
            expected_poi=expected_poi,
            poi_range=poi_range,
            options=fit_options,
            **shared,
        )
    document = toy_significance_document(by_toys, model.conventions.name, (toys.options.seed,))
    outside = outside_range(model, {"muhat": by_toys.muhat, "expected_poi": expected_poi})
    emit_result(document | ({"outside_range": outside} if outside else {}), model, output_file)
