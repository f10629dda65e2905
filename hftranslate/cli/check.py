"""Commands that say what this engine finds, and draw."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.common import command_line, emit, input_files, load_model, model_options
from hftranslate.crosschecking.document import read_results
from hftranslate.crosschecking.results import results as evaluate
from hftranslate.errors import InputError
from hftranslate.formats.documents import parse_json, read_bytes
from hftranslate.workspace import CONVENTIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@click.command()
@model_options
@click.option("--like", metavar="REFERENCE.json", help="Evaluate at the points of this result document.")
def results(like: str | None, **options: Any) -> None:
    """Write a result document: yields, NLL, fit, tests and limit, in the schema of the references."""
    output_file, chosen = options.pop("output_file"), options["conventions"]
    reference = None if like is None else read_results(like)
    if reference is not None and chosen == "auto":
        options["conventions"] = reference.conventions.name if reference.conventions.name in CONVENTIONS else "auto"
    inputs = input_files(options["file"], options["patches"])
    workspace, measurement, conventions = load_model(options)
    if reference is not None and chosen == "auto":
        conventions = reference.conventions
    found = evaluate(
        workspace,
        like=reference,
        measurement=measurement,
        conventions=conventions,
        inputs=inputs,
        command=command_line(),
    )
    emit(found.to_document(), output_file)


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
