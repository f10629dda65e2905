"""Commands that compare with other engines, and draw."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.common import (
    emit,
    load_model,
    model_options,
    patch_option,
    report,
    take_xml_options,
    xml_options,
)
from hftranslate.crosschecking.cases import Case, read_cases
from hftranslate.crosschecking.compare import Report
from hftranslate.crosschecking.compare import crosscheck as compare
from hftranslate.crosschecking.document import Results, read_results
from hftranslate.crosschecking.results import results as evaluate
from hftranslate.errors import HFTranslateError, InputError
from hftranslate.formats.documents import parse_json, read_bytes
from hftranslate.translate import load
from hftranslate.workspace import CONVENTIONS, PYHF, ROOT, Workspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _command() -> str:
    return " ".join(["hftranslate", *sys.argv[1:]])


def _inputs(file: str, patches: tuple[str, ...]) -> tuple[str, ...]:
    return (*((file,) if file != "-" else ()), *patches)


@click.command()
@model_options
@click.option("--like", metavar="REFERENCE.json", help="Evaluate at the points of this result document.")
def results(like: str | None, **options: Any) -> None:
    """Write a result document: yields, NLL, fit, tests and limit, in the schema of the references."""
    output_file, chosen = options.pop("output_file"), options["conventions"]
    reference = None if like is None else read_results(like)
    if reference is not None and chosen == "auto":
        options["conventions"] = reference.conventions.name if reference.conventions.name in CONVENTIONS else "auto"
    inputs = _inputs(options["file"], options["patches"])
    workspace, measurement, conventions = load_model(options)
    if reference is not None and chosen == "auto":
        conventions = reference.conventions
    found = evaluate(
        workspace,
        like=reference,
        measurement=measurement,
        conventions=conventions,
        inputs=inputs,
        command=_command(),
    )
    emit(found.to_document(), output_file)


@click.command()
@click.argument("file", required=False)
@click.argument("reference", required=False, metavar="REFERENCE.json")
@click.option(
    "--cases", type=click.Path(path_type=Path), metavar="CASES.toml", help="Compare all stored cases instead."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as one HTML page.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON.")
@patch_option
@click.option("--measurement", metavar="NAME", help="Which measurement; default: the reference's.")
@click.option(
    "--conventions",
    type=click.Choice(["auto", "root", "pyhf"]),
    default="auto",
    show_default=True,
    help="Whose evaluation to follow; auto: the reference's.",
)
@xml_options
@click.pass_context
def crosscheck(
    ctx: click.Context,
    /,
    file: str | None,
    reference: str | None,
    cases: Path | None,
    html: Path | None,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Compare with a result document of another engine, rung by rung: yields, NLL, fit, test statistic, CLs, limit.

    FILE may itself be a result document. The exit code is 1 where a rung fails.
    """
    if cases is not None:
        if file is not None or html is not None:
            raise click.UsageError("--cases takes neither FILE nor --html")
        if not _all_cases(read_cases(cases), json_file):
            ctx.exit(1)
        return
    if file is None or reference is None:
        raise click.UsageError("expected FILE and REFERENCE.json, or --cases CASES.toml")
    found = _crosscheck(file, read_results(reference), options)
    click.echo(found.text(), nl=False)
    if json_file is not None:
        emit(found.to_document(), json_file)
    if html is not None:
        from hftranslate.crosschecking.report import write_html

        write_html(found, html)
    if not found.passed:
        ctx.exit(1)


def _crosscheck(file: str, reference: Results, options: dict[str, Any]) -> Report:
    chosen, measurement = options.pop("conventions"), options.pop("measurement")
    if file != "-" and _is_results(file):
        return compare(read_results(file), reference)
    patches = options.pop("patches")
    conventions = reference.conventions if chosen == "auto" else CONVENTIONS[chosen]
    loaded = load(file, patches=patches, xml=take_xml_options(options), use_sidecar=conventions.name == "root")
    report(loaded.outcomes)
    ours = evaluate(
        loaded.workspace,
        like=reference,
        measurement=measurement,
        conventions=conventions,
        inputs=_inputs(file, patches),
        command=_command(),
    )
    return compare(ours, reference, beside=_beside(loaded.workspace, ours, reference))


def _is_results(file: str) -> bool:
    data = read_bytes(file)
    return b'"hftranslate-results/' in data[:200]


def _beside(workspace: Workspace, ours: Results, reference: Results) -> Results | None:
    """Our tests under the other conventions; none where these cannot evaluate the model."""
    if not reference.hypotests:
        return None
    other = PYHF if ours.conventions.clip_samples else ROOT
    tests_only = replace(reference, points=(), fit=None, discovery=None, limit=None)
    try:
        return evaluate(workspace, like=tests_only, measurement=ours.measurement, conventions=other)
    except HFTranslateError as error:
        click.echo(f"no CLs under {other.name} conventions: {error}", err=True)
        return None


def _all_cases(cases: tuple[Case, ...], json_file: Path | None) -> bool:
    """Run the cases, print a line for each and the ladder of those that fail; whether all passed."""
    documents, passed = {}, True
    for case in cases:
        if case.absent is not None:
            click.echo(f"skipped  {case.name}: {case.absent} is not there")
            continue
        found = case.run()
        numbers = sum(rung.comparisons for rung in found.rungs)
        click.echo(f"{'passed' if found.passed else 'FAILED'}   {case.name}: {numbers} numbers, {case.description}")
        if not found.passed:
            click.echo(found.text(), nl=False)
        documents[case.name] = found.to_document()
        passed &= found.passed
    if json_file is not None:
        emit(documents, json_file)
    return passed


# ---------------------------------------------------------------------------------------------------------------- plots
@click.group()
def plot() -> None:
    """Draw what other commands write as JSON; the ending of the output says how (png, pdf, svg)."""


def _plot_options(function: Callable[..., None]) -> Callable[..., None]:
    output = click.option(
        "-o", "--output-file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where to draw."
    )
    return click.argument("file", default="-")(output(click.option("--title", default="")(function)))


@plot.command()
@_plot_options
@click.option("--poi-name", default="parameter of interest", help="Label of the horizontal axis.")
def brazil(file: str, output_file: Path, title: str, poi_name: str) -> None:
    """CLs against the parameter of interest with its expected bands, from the JSON of 'limit'."""
    from hftranslate.plots import brazil as draw

    _save(draw(_document(file), poi_name=poi_name, title=title), output_file)


@plot.command()
@_plot_options
def pulls(file: str, output_file: Path, title: str) -> None:
    """Pulls of the constrained parameters, from the JSON of 'fit'."""
    from hftranslate.plots import pulls as draw

    _save(draw(_document(file), title=title), output_file)


def _document(file: str) -> dict[str, Any]:
    document = parse_json(read_bytes(file), "standard input" if file == "-" else file)
    if not isinstance(document, dict):
        raise InputError(f"{file}: expected a JSON object as 'hftranslate limit' or 'hftranslate fit' writes it")
    return document


def _save(figure: "Figure", path: Path) -> None:
    from hftranslate.plots import save

    save(figure, path)
