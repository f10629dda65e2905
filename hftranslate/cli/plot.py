"""The pictures of what other commands write."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hftranslate.cli.groups import Group
from hftranslate.cli.options.counts import some_bins
from hftranslate.cli.options.groups import group_option, take_groups
from hftranslate.cli.options.model import file_argument, load_model, model_source
from hftranslate.cli.options.paths import InputFile
from hftranslate.cli.options.pictures import plot_options
from hftranslate.cli.output import tell
from hftranslate.errors import FormatError, InputError
from hftranslate.formats.json_text import parse_json, read_bytes, source_name
from hftranslate.formats.recognition import mistaken

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hftranslate.plots import PlotOptions

F = TypeVar("F", bound=Callable[..., Any])

_files = click.argument("files", nargs=-1, type=InputFile(), metavar="FILE...")


def top_option(default: int, what: str) -> Callable[[F], F]:
    """How many parameters are drawn."""
    return click.option("--top", type=click.IntRange(min=1), default=default, show_default=True, help=what)


class _Plots(Group):
    """The pictures here, and the contour of a signal grid, which is a command of patch sets too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "contour"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "contour":  # imported when it is used: other pictures need no patch sets
            found: click.Command = import_module("hftranslate.cli.patchset").contour
            return found
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Plots)
def plot() -> None:
    """Draw what other commands write as JSON; the ending of the output says how (png, pdf, svg)."""


@plot.command()
@_files
@click.option("--at", type=float, multiple=True, help="With several limits: where each stands on the axis; repeatable.")
@click.option("--poi-name", help="What to call the parameter of interest; default: its name.")
@click.option("--x-name", default="signal", help="With several limits: name of the horizontal axis.")
@click.option("--log/--linear", default=None, help="The axis of CLs, or of limits.")
@click.option(
    "--theory",
    type=InputFile(),
    metavar="FILE.csv",
    help="With several limits: columns x, value, low, high; default: 1.",
)
@plot_options
def brazil(
    files: tuple[str, ...],
    at: tuple[float, ...],
    poi_name: str | None,
    x_name: str,
    log: bool | None,
    theory: str | None,
    output_file: Path,
    look: "PlotOptions",
) -> None:
    """CLs with its expected bands, from the JSON of 'limit'; or limits against a mass, from several of them."""
    from hftranslate import plots
    from hftranslate.signal_grid.overlays import read_columns

    documents = [document_of(file, "limit") for file in files or ("-",)]
    if len(documents) == 1 and not at:
        if theory is not None:
            raise InputError("--theory stands beside limits against a mass: give --at for each limit")
        draw(plots.brazil(documents[0], poi_name=poi_name, log=bool(log), options=look), output_file)
        return
    if len(at) != len(documents):
        raise InputError(f"{len(documents)} limits and {len(at)} values of --at: give one for each")
    predicted = 1.0 if theory is None else read_columns(theory, ("x", "value", "low", "high"))
    how: dict[str, Any] = {"x_name": x_name, "poi_name": poi_name, "log": log, "theory": predicted, "options": look}
    draw(plots.limit_band(at, documents, **how), output_file)


@plot.command()
@file_argument
@top_option(30, "Constrained parameters on a page: the most pulled or constrained ones first.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these out (staterror_*); repeatable.")
@click.option("--pages", type=click.IntRange(min=1), help="Pages at most; default: all.")
@click.option("--sort", is_flag=True, help="The most pulled or constrained ones on top; default: as in the fit.")
@click.option("--by-name", is_flag=True, help="In alphabetical order.")
@group_option
@plot_options
def pulls(
    file: str,
    top: int,
    exclude: tuple[str, ...],
    sort: bool,
    by_name: bool,
    groups: tuple[str, ...],
    pages: int | None,
    output_file: Path,
    look: "PlotOptions",
) -> None:
    """Pulls of the constrained parameters, from the JSON of 'fit'.

    Many parameters take several pages: one PDF, or PNG and SVG files of which those after the first have numbers.
    """
    from hftranslate import plots

    grouped = tuple((name, tuple(patterns)) for name, patterns in take_groups(groups).items())
    order = plots.PullOptions(groups=grouped, by_name=by_name)
    fit = document_of(file, "fit")
    drawn = plots.pull_pages(fit, most=top, exclude=exclude, ranked=sort, pull=order, options=look)
    draw(drawn[:pages], output_file)


@plot.command()
@file_argument
@click.option(
    "--threshold", type=click.FloatRange(0.0, 1.0), default=0.2, show_default=True, help="Smallest one drawn."
)
@top_option(30, "Parameters that are drawn: the most correlated ones.")
@plot_options
def correlations(file: str, threshold: float, top: int, output_file: Path, look: "PlotOptions") -> None:
    """Correlations of the fitted parameters, from the JSON of 'fit'."""
    from hftranslate import plots

    draw(plots.correlations(document_of(file, "fit"), threshold=threshold, most=top, options=look), output_file)


@plot.command()
@file_argument
@top_option(25, "Parameters that are drawn on one page.")
@click.option("--pages", type=click.IntRange(min=1), default=1, show_default=True, help="Pages at most.")
@plot_options
def impacts(file: str, top: int, pages: int, output_file: Path, look: "PlotOptions") -> None:
    """Ranking of the parameters by their impact, with pulls, from the JSON of 'impacts'."""
    from hftranslate import plots

    document = document_of(file, "impacts")
    rows = document.get("parameters")
    count = len(rows) if isinstance(rows, list) else 0
    firsts = [k * top for k in range(pages) if k * top < count] or [0]
    draw([plots.impacts(document, top=top, first=first, options=look) for first in firsts], output_file)


@plot.command()
@_files
@click.option("--channel", "channels", multiple=True, help="Only this channel; repeatable.")
@click.option("--log/--linear", default=None, help="The axis of events; default: by their range.")
@click.option("--x-name", default="observable", help="Name of the axis of channels with known bin edges.")
@click.option(
    "--overlay", type=float, default=0.0, metavar="TIMES", help="Draw the signal as a line too, so many times."
)
@click.option("--blind", multiple=True, metavar="PATTERN", help="Hide the data of these channels; repeatable.")
@click.option(
    "--blind-above", type=click.FloatRange(min=0.0), metavar="RATIO", help="Hide data where signal/background is more."
)
@click.option("--agreement/--no-agreement", default=True, show_default=True, help="Write chi-square and p-value.")
@plot_options
def yields(
    files: tuple[str, ...],
    channels: tuple[str, ...],
    log: bool | None,
    x_name: str,
    overlay: float,
    blind: tuple[str, ...],
    blind_above: float | None,
    agreement: bool,
    output_file: Path,
    look: "PlotOptions",
) -> None:
    """Stacks of samples with data and ratio, from the JSON of 'yields'; of two files side by side, before and after.

    Many channels take several pages: one PDF, or PNG and SVG files of which those after the first have numbers.
    """
    from hftranslate import plots

    documents = [document_of(file, "yields") for file in files or ("-",)]
    chosen = channels or None
    paged = plots.pages(documents[0], chosen) if len(documents) == 1 else []
    groups: list[tuple[str, ...] | None] = [*paged] or [chosen]
    stack = plots.StackOptions(overlay=overlay, blind=blind, blind_above=blind_above, agreement=agreement)
    how: dict[str, Any] = {"log": log, "x_name": x_name, "stack": stack, "options": look}
    draw([plots.yields(documents, channels=group, **how) for group in groups], output_file)


@plot.command()
@file_argument
@plot_options
def scan(file: str, output_file: Path, look: "PlotOptions") -> None:
    """A profile scan of one parameter, or contours of two, from the JSON of 'scan'."""
    from hftranslate import plots

    draw(plots.scan(document_of(file, "scan"), options=look), output_file)


@plot.command()
@click.argument("files", nargs=-1, required=True, type=InputFile(Path), metavar="KEPT...")
@click.option("--poi", type=float, help="The tested value, where toys of several are kept.")
@click.option(
    "--asymptotics", type=InputFile(), metavar="CLS.json", help="Draw the asymptotic densities of this test too."
)
@click.option("--bins", type=some_bins, default=40, show_default=True, help="Bins of the histograms.")
@plot_options
def toys(
    files: tuple[Path, ...],
    poi: float | None,
    asymptotics: str | None,
    bins: int,
    output_file: Path,
    look: "PlotOptions",
) -> None:
    """The test statistic in toys of both hypotheses, from what 'cls --toys ... --resume KEPT' keeps."""
    from hftranslate import plots
    from hftranslate.toys.kept import kept_sample

    kept, test_stat = kept_sample(files, poi)
    figure = plots.toys(
        kept.sample.signal,
        kept.sample.background,
        float(kept.observed["q"]),
        asimov=None if asymptotics is None else _asimov(asymptotics, kept.poi_test),
        test_stat=test_stat,
        bins=bins,
        options=look,
    )
    draw(figure, output_file)


@plot.command()
@model_source
@click.option("--channel", default="*", metavar="PATTERN", show_default=True, help="Which channels.")
@click.option("--sample", default="*", metavar="PATTERN", show_default=True, help="Which samples.")
@click.option("--systematic", default="*", metavar="PATTERN", show_default=True, help="Which systematics.")
@plot_options
def templates(
    channel: str, sample: str, systematic: str, output_file: Path, look: "PlotOptions", **options: Any
) -> None:
    """Nominal, up and down of systematics, and their ratios: from a model, not from results.

    All that fit the patterns, six on a page: one PDF, or PNG and SVG files of which those after the first have numbers.
    """
    from hftranslate import plots

    workspace = load_model(options, edges=True)[0]
    draw(plots.template_pages(workspace, channel, sample, systematic, options=look), output_file)


def _asimov(file: str, poi: float) -> float:
    """The statistic of the Asimov data, from an asymptotic test of the value that toys are of."""
    test = document_of(file, "cls")
    asimov = test.get("q_asimov")
    if not isinstance(asimov, int | float) or test.get("poi_test") != poi:
        raise InputError(
            f"{file}: no asymptotic test of {poi:g} as 'hftranslate cls' writes it, but of {test.get('poi_test')}"
        )
    return asimov


def document_of(file: str, command: str) -> dict[str, Any]:
    """The JSON object that a command wrote to a file, or that is on standard input for ``-``."""
    source = source_name(file)
    document = parse_json(read_bytes(file), source)
    mistake = mistaken(document, f"the result of '{command}'")
    if mistake is not None:
        raise FormatError(f"{source}: {mistake}")
    if not isinstance(document, dict):
        raise InputError(f"{source}: expected a JSON object as hftranslate writes it, the result of '{command}'")
    return document


def draw(figures: "Figure | list[Figure]", path: Path) -> None:
    """Write one picture, or several pages."""
    from hftranslate import plots

    pages = plots.save_pages(figures if isinstance(figures, list) else [figures], path)
    for written in pages if len(pages) > 1 else ():
        tell(f"wrote {written}")
    after = path.with_name(f"{path.stem}-{len(pages) + 1}{path.suffix}")
    if path.suffix.lower() != ".pdf" and after.exists():
        tell(f"note: {after} was there before and is no page of this picture")
