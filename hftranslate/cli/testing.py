"""Commands that test hypotheses: CLs, upper limits and significances, by asymptotic formulae or toys."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hftranslate.batch.options import BatchOptions
from hftranslate.cli.options.common import (
    combined_options,
    emit,
    load_model,
    model_options,
    tell,
)
from hftranslate.cli.options.fitting import minimizer_options, take_fit_options
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.options.workers import executor_of, resume_option, workers_options
from hftranslate.cli.toys import max_failed_option
from hftranslate.errors import InputError
from hftranslate.inference.asymptotics import TestStat
from hftranslate.inference.discovery import significance as test_background
from hftranslate.inference.discovery import significance_document
from hftranslate.inference.hypotest import hypotest, hypotest_document
from hftranslate.inference.limits import limit_document, upper_limit
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.tester import PoiRange, outside_range, poi_bounds
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.toys.discovery import toy_significance, toy_significance_document
from hftranslate.toys.hypotest import toy_test, toy_test_document
from hftranslate.toys.limits import toy_limit, toy_limit_document
from hftranslate.toys.samples import ToyOptions

#: Toys of each hypothesis where it is not said how many.
_TOYS = 2000

_poi_range = click.option(
    "--poi-range",
    type=click.Choice(["named", "model"]),
    default="named",
    show_default=True,
    help="Whether the statistic is what its name says, or fits and limits keep to the model's range of the POI.",
)
_calctype = click.option(
    "--calctype",
    type=click.Choice(["asymptotics", "toybased"]),
    help="How p-values are computed; default: by toys where --toys is given.",
)
_toy_options = combined_options(
    click.option(
        "--toys", type=click.IntRange(min=1), metavar="N", help=f"Toys of each hypothesis; default: {_TOYS}, if any."
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the toys."),
    max_failed_option,
    workers_options,
    resume_option,
    progress_option,
)
_fit_options = combined_options(model_options, minimizer_options, _poi_range)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Toys:
    """How toys are to be made."""

    options: ToyOptions
    workers: int
    dask: str | None
    resume: Path | None
    shown: bool

    @contextmanager
    def running(self) -> Iterator[dict[str, Any]]:
        """The arguments that all functions of toys share; an interruption is told what it leaves behind."""
        with executor_of(self.workers, self.dask) as executor, ProgressBar(shown=self.shown) as progress:
            try:
                batch = BatchOptions(executor=executor, progress=progress, resume=self.resume)
                yield {"toy_options": self.options, "batch": batch}
            except KeyboardInterrupt:
                if self.resume is not None:
                    tell(f"the toys made so far are kept in {self.resume}; run again to go on")
                raise


def _take_toys(options: dict[str, Any], calctype: str | None) -> _Toys | None:
    """Remove the options of toys from a command's options; ``None`` where no toys are asked for."""
    toys, resume = options.pop("toys"), options.pop("resume")
    found = _Toys(
        options=ToyOptions(toys=toys or _TOYS, seed=options.pop("seed"), most_failed=options.pop("max_failed")),
        resume=resume,
        workers=options.pop("workers"),
        dask=options.pop("dask"),
        shown=options.pop("track_progress"),
    )
    if calctype == "toybased" or (calctype is None and toys is not None):
        return found
    if toys is not None:
        raise InputError(f"--toys {toys} and --calctype {calctype} contradict each other")
    if resume is not None:
        raise InputError("--resume keeps toys: say how many with --toys")
    return None


def _emit(document: dict[str, Any], model: Model, output_file: Path | None) -> None:
    """Write a result, and say on standard error what of it lies outside the range of the parameter of interest."""
    if document.get("outside_range"):
        low, high = poi_bounds(model)
        name, what = model.parameters.names[model.parameters.poi_index], ", ".join(document["outside_range"])
        tell(
            f"hftranslate: outside the model's range of {name!r}, [{low:g}, {high:g}]: {what}; "
            "--poi-range model keeps to it"
        )
    emit(document, output_file)


def _take_model(options: dict[str, Any]) -> tuple[Model, Data, FitOptions]:
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    return *compile_model(workspace, measurement, conventions), fit_options


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
@_calctype
@_toy_options
def cls(test_stat: TestStat, poi_range: PoiRange, test_poi: float, calctype: str | None, **options: Any) -> None:
    """CLs of one value of the parameter of interest: observed, and expected at -2 ... +2 sigma, as JSON."""
    output_file, toys = options.pop("output_file"), _take_toys(options, calctype)
    model, data, fit_options = _take_model(options)
    if toys is None:
        result = hypotest(model, data, test_poi, test_stat=test_stat, poi_range=poi_range, options=fit_options)
        _emit(hypotest_document(model, result), model, output_file)
        return
    with toys.running() as shared:
        by_toys = toy_test(
            model,
            data,
            test_poi,
            test_stat=test_stat,
            poi_range=poi_range,
            options=fit_options,
            **shared,
        )
    document = toy_test_document(by_toys, model.conventions.name, (toys.options.seed,))
    outside = outside_range(model, {"poi_test": test_poi, "muhat": by_toys.muhat})
    _emit(document | ({"outside_range": outside} if outside else {}), model, output_file)


@click.command()
@_fit_options
@click.option(
    "--test-stat", type=click.Choice(["qtilde", "q"]), default="qtilde", show_default=True, help="The test statistic."
)
@click.option("--level", default=0.05, show_default=True, help="CLs at the limit: one minus the confidence level.")
@click.option("--bands/--no-bands", default=True, help="Whether to look for the expected limits too.")
@_calctype
@_toy_options
def limit(
    test_stat: TestStat, poi_range: PoiRange, level: float, bands: bool, calctype: str | None, **options: Any
) -> None:
    """Upper limit on the parameter of interest, observed and expected at -2 ... +2 sigma, as JSON.

    A limit that does not exist is null, with the reason under "failures" and on standard error. Toys, so many of each
    hypothesis, are made at every tested value.
    """
    output_file, toys = options.pop("output_file"), _take_toys(options, calctype)
    model, data, fit_options = _take_model(options)
    if toys is None:
        result = upper_limit(
            model, data, level, test_stat=test_stat, poi_range=poi_range, bands=bands, options=fit_options
        )
        document, failures = limit_document(model, result), result.failures
    else:
        with toys.running() as shared:
            by_toys = toy_limit(
                model,
                data,
                level,
                test_stat=test_stat,
                poi_range=poi_range,
                bands=bands,
                options=fit_options,
                **shared,
            )
        document, failures = toy_limit_document(model, by_toys, toys.options.seed), by_toys.failures
    for name, reason in failures.items():
        tell(f"hftranslate: no {name} limit: {reason}")
    _emit(document, model, output_file)


@click.command()
@_fit_options
@click.option(
    "--expected-poi", default=1.0, show_default=True, metavar="MU", help="Signal of which the expectation is given."
)
@_calctype
@_toy_options
def significance(poi_range: PoiRange, expected_poi: float, calctype: str | None, **options: Any) -> None:
    """Significance of a signal: p0 and Z, observed, and expected at -2 ... +2 sigma, as JSON."""
    output_file, toys = options.pop("output_file"), _take_toys(options, calctype)
    model, data, fit_options = _take_model(options)
    if toys is None:
        result = test_background(model, data, expected_poi=expected_poi, poi_range=poi_range, options=fit_options)
        _emit(significance_document(model, result), model, output_file)
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
    _emit(document | ({"outside_range": outside} if outside else {}), model, output_file)
