"""Commands that look into a fit: scans, impacts, goodness of fit and yields."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from hftranslate.batch.options import BatchOptions
from hftranslate.cli.options.common import combined_options, emit, emit_text, model_options, tell
from hftranslate.cli.options.fitting import minimizer_options
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.options.tasks import interval, restriction_options, take_task
from hftranslate.cli.options.workers import executor_of, resume_option, workers_options
from hftranslate.errors import InputError
from hftranslate.inference.fit import fit
from hftranslate.inference.goodness import goodness_document, goodness_of_fit
from hftranslate.inference.impacts import Widths, impacts_document
from hftranslate.inference.impacts import impacts as compute_impacts
from hftranslate.inference.impacts_table import impacts_table
from hftranslate.inference.postfit import Stage, fitted_yields, yields_document, yields_table
from hftranslate.inference.profiles import profile_scan, scan_document

_fit_options = combined_options(model_options, minimizer_options, restriction_options)
_many_options = combined_options(workers_options, resume_option, progress_option)
_table_option = click.option(
    "--format", "kind", type=click.Choice(["json", "table"]), default="json", show_default=True, help="What to write."
)


@click.command()
@_fit_options
@click.argument("parameters", nargs=-1, metavar="PAR [PAR2]")
@click.option("--points", multiple=True, type=click.IntRange(min=2), help="Values to scan: of all, or one for each.")
@click.option("--range", "ranges", multiple=True, metavar="LOW:HIGH", help="Where to scan, one for each parameter.")
@_many_options
def scan(parameters: tuple[str, ...], points: tuple[int, ...], ranges: tuple[str, ...], **options: Any) -> None:
    """Profile-likelihood scan of one or two parameters, as JSON: -2 Delta ln L of the fits with them held.

    Without --range the scan covers three standard deviations to each side, within the range of the parameter.
    """
    names = parameters
    if not 1 <= len(names) <= 2:
        raise click.UsageError("a scan takes a file and the names of one or two parameters")
    output_file, many = options.pop("output_file"), _take_many(options)
    counts = points or ((41,) if len(names) == 1 else (21, 21))
    if len(counts) == 1:
        counts = counts * len(names)
    limits = [interval(r, "--range") for r in ranges]
    for option, given in (("--points", counts), ("--range", limits or names)):
        if len(given) != len(names):
            raise InputError(f"{option}: {len(given)} given for {len(names)} parameters ({', '.join(names)})")
    task = take_task(options)
    values = [np.linspace(low, high, n) for (low, high), n in zip(limits, counts, strict=True)] if limits else None
    with many.running() as batch:
        found = profile_scan(
            task.model,
            task.data,
            names,
            values,
            points=counts,
            options=task.options,
            batch=batch,
        )
    for index, reason in found.failures.items():
        where = ", ".join(f"{n} = {v[i]:g}" for n, v, i in zip(found.names, found.values, index, strict=True))
        tell(f"no value at {where}: {reason}")
    emit(scan_document(task.model, found), output_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Many:
    """Where many fits run, where their results are kept, and whether somebody watches."""

    workers: int
    dask: str | None
    resume: Path | None
    shown: bool

    @contextmanager
    def running(self) -> Iterator[BatchOptions]:
        """How the fits run; an interruption is told what it leaves behind."""
        with executor_of(self.workers, self.dask) as executor, ProgressBar(shown=self.shown) as bar:
            try:
                yield BatchOptions(executor=executor, progress=bar, resume=self.resume)
            except KeyboardInterrupt:
                if self.resume is not None:
                    tell(f"what was done is kept in {self.resume}; run again to go on")
                raise


def _take_many(options: dict[str, Any]) -> _Many:
    """Remove the options of many fits from a command's options."""
    return _Many(
        workers=options.pop("workers"),
        dask=options.pop("dask"),
        resume=options.pop("resume"),
        shown=options.pop("track_progress"),
    )


@click.command()
@_fit_options
@click.option("--parameter", "names", multiple=True, metavar="NAME", help="Only these parameters; default: all.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME=PATTERN",
    help="Group the parameters that fit a pattern, as in JES=jet_*; repeat the name for more patterns.",
)
@click.option("--minos", is_flag=True, help="Uncertainties by MINOS rather than by HESSE.")
@_table_option
@click.option("--top", type=click.IntRange(min=1), default=30, show_default=True, help="Parameters in the table.")
@_many_options
def impacts(names: tuple[str, ...], groups: tuple[str, ...], minos: bool, kind: str, top: int, **options: Any) -> None:
    """Impacts of the nuisance parameters on the parameter of interest, ranked: pre-fit, post-fit and in groups."""
    output_file, many = options.pop("output_file"), _take_many(options)
    patterns: dict[str, list[str]] = {}
    for text in groups:
        name, separator, pattern = text.partition("=")
        if not separator or not name or not pattern:
            raise InputError(f"--group {text}: expected NAME=PATTERN")
        patterns.setdefault(name, []).append(pattern)
    widths: Widths = "minos" if minos else "hesse"
    task = take_task(options)
    with many.running() as batch:
        found = compute_impacts(
            task.model,
            task.data,
            names=names or None,
            groups=patterns,
            widths=widths,
            options=task.options,
            batch=batch,
        )
    for reason in found.failures:
        tell(f"no impact: {reason}")
    if kind == "table":
        emit_text(impacts_table(found, top), output_file)
    else:
        emit(impacts_document(task.model, found), output_file)


@click.command()
@_fit_options
@click.option("--toys", type=click.IntRange(min=0), default=0, show_default=True, help="Pseudo-experiments to fit.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the pseudo-experiments.")
@_many_options
def gof(toys: int, seed: int, **options: Any) -> None:
    """Saturated goodness of fit, as JSON: statistic, degrees of freedom and p-value; by pseudo-experiments too."""
    output_file, many = options.pop("output_file"), _take_many(options)
    task = take_task(options)
    with many.running() as batch:
        found = goodness_of_fit(
            task.model,
            task.data,
            toys=toys,
            seed=seed,
            options=task.options,
            batch=batch,
        )
    emit(goodness_document(task.model, found), output_file)


@click.command()
@_fit_options
@click.option("--postfit", is_flag=True, help="At the best fit, with its covariance; default: before the fit.")
@_table_option
def yields(postfit: bool, kind: str, **options: Any) -> None:
    """Expected and observed events per sample, bin and channel, with propagated uncertainties."""
    output_file: Path | None = options.pop("output_file")
    task = take_task(options, edges=True)
    stage: Stage = "postfit" if postfit else "prefit"
    best = fit(task.model, task.data, options=task.options) if postfit else None
    found = fitted_yields(task.model, best)
    if kind == "table":
        emit_text(yields_table(task.data, found, stage), output_file)
    else:
        emit(yields_document(task.model, task.data, found, stage), output_file)
