"""Commands for patch sets: look, verify, take out, apply, make."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hftranslate.cli.groups import Group
from hftranslate.cli.options.batch import resume_option, take_many, workers_options
from hftranslate.cli.options.editing import edit_and_tell, emit_edited
from hftranslate.cli.options.fitting import minimizer_options, take_fit_options
from hftranslate.cli.options.model import (
    choice_option,
    combined_options,
    file_argument,
    format_option,
    model_output_option,
    output_option,
    read_once,
    take_xml_options,
    xml_options,
)
from hftranslate.cli.options.paths import InputFile, NamedFiles, OutputFile
from hftranslate.cli.options.pictures import plot_options
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.options.testing import made_toys, take_made_toys
from hftranslate.cli.output import emit, emit_result, emit_text, emit_texts, json_text, report, tell, tell_lines
from hftranslate.display import csv_text
from hftranslate.display.speaking import counted
from hftranslate.editing import strip as strip_signals
from hftranslate.errors import InputError
from hftranslate.formats.files import Content
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.formats.outcomes import Outcome
from hftranslate.signal_grid import Patch, PatchSet, PointNames, read_patchset
from hftranslate.signal_grid import create as create_patchset
from hftranslate.signal_grid.contour import Slice, contour_document, take_slice, validation_text
from hftranslate.signal_grid.document import ALGORITHMS, Value, parse_value, patch_document
from hftranslate.signal_grid.scan import Scan, scan_from_document
from hftranslate.signal_grid.scan import scan as scan_patches
from hftranslate.signal_grid.signal_files import read_background, read_signals
from hftranslate.signal_grid.summary import summary_text
from hftranslate.signal_grid.tasks import ScanSettings
from hftranslate.translation.edited import read_to_edit

if TYPE_CHECKING:
    from hftranslate.plots import ContourOptions, PlotOptions

_FILE = OutputFile()
#: So many failures are listed on standard error.
_SHOWN = 20

_one_patch = combined_options(
    click.option("--name", metavar="NAME", help="The patch of this name."),
    click.option("--values", metavar="V1,V2", help="The patch of this point, in the order of the labels."),
)


@click.group(cls=Group)
def patchset() -> None:
    """Signal grids: the patches of one background-only workspace."""


def _chosen(patches: PatchSet, name: str | None, values: str | None) -> Patch:
    if (name is None) == (values is None):
        raise click.UsageError("say which patch: --name NAME or --values V1,V2")
    if name is not None:
        return patches.named(name)
    assert values is not None
    return patches.at([parse_value(v) for v in values.split(",")])


@patchset.command()
@click.argument("patchset", default="-", type=InputFile())
@click.option("--json", "as_document", is_flag=True, help="As JSON.")
@output_option
def inspect(patchset: str, as_document: bool, output_file: Path | None) -> None:
    """Labels, references, digests, and the points with what their patches do."""
    patches = read_patchset(patchset, tell=tell)
    if as_document:
        document = patches.to_document()
        document["patches"] = [patch_document(p)["metadata"] for p in patches]
        emit(document, output_file)
    else:
        emit_text(summary_text(patches), output_file)


@patchset.command()
@click.argument("background", default="-", type=InputFile())
@click.argument("patchset", default="-", type=InputFile())
@click.pass_context
def verify(context: click.Context, background: str, patchset: str) -> None:
    """Check that a patch set was made for this background-only workspace: by the digests in it. Exit code 1: no."""
    read_once(background, patchset)
    document, patches = read_background(background, tell=tell), read_patchset(patchset, tell=tell)
    for sentence in patches.mismatches(document):
        tell(f"{background}: {sentence}")
        context.exit(1)
    emit_text("All good.\n", None)


@patchset.command()
@click.argument("patchset", default="-", type=InputFile())
@_one_patch
@click.option("--with-metadata/--without-metadata", default=False, help="The metadata too, those of the set included.")
@output_option
def extract(patchset: str, name: str | None, values: str | None, with_metadata: bool, output_file: Path | None) -> None:
    """One patch, as a JSON patch."""
    patches = read_patchset(patchset, tell=tell)
    patch = _chosen(patches, name, values)
    if not with_metadata:
        emit(patch.operations, output_file)
        return
    document, of_all = patch_document(patch), patches.to_document()["metadata"]
    emit({**document, "metadata": {**document["metadata"], **of_all}}, output_file)


@patchset.command()
@click.argument("background", default="-", type=InputFile())
@click.argument("patchset", default="-", type=InputFile())
@_one_patch
@click.option("--any-background", is_flag=True, help="Also where the digest says that the patches are for another one.")
@output_option
def apply(
    background: str, patchset: str, name: str | None, values: str | None, any_background: bool, output_file: Path | None
) -> None:
    """The workspace with one signal."""
    read_once(background, patchset)
    document, patches = read_background(background, tell=tell), read_patchset(patchset, tell=tell)
    check_background(background, document, patches, any_background=any_background)
    emit(patches.apply(document, _chosen(patches, name, values)), output_file)


def check_background(name: str, document: object, patches: PatchSet, *, any_background: bool) -> None:
    """Refuse patches that were made for another background-only workspace, unless that is wanted."""
    for sentence in patches.mismatches(document):
        if not any_background:
            raise InputError(f"{name}: {sentence} (--any-background goes on)")
        tell(f"warning: {name}: {sentence}")


@patchset.command()
@click.argument("background", type=InputFile())
@click.argument("signals", nargs=-1, required=True, type=InputFile())
@click.option("--labels", default="", metavar="L1,L2", help="What the values are called; default: the named groups.")
@click.option(
    "--values-from",
    "pattern",
    required=True,
    metavar="REGEX",
    help="Finds the values in the name of a file: a group for each label, like (?P<m1>[0-9]+)_(?P<m2>[0-9]+).",
)
@click.option(
    "--name-pattern",
    metavar="TEXT",
    help="Name of a patch, groups in braces: C1N2_{m1}_{m2}; default: that of the file.",
)
@click.option("--reference", required=True, metavar="insNNNNNNN", help="The record that the patch set belongs to.")
@click.option("--description", help="A sentence; default: how many signals, in what.")
@click.option(
    "--algorithm",
    "algorithms",
    multiple=True,
    type=click.Choice(ALGORITHMS),
    default=["sha256"],
    show_default=True,
    help="Of the digest; repeatable.",
)
@output_option
@progress_option
@xml_options
def create(background: str, signals: tuple[str, ...], **options: Any) -> None:
    """Make a patch set from full workspaces, JSON patches, or XML configurations, one for each signal.

    The patches hold what differs from the background-only workspace and nothing else. Each is applied and must give
    the workspace that it was made from: the same names, numbers and settings, in whatever order.
    """
    output_file, shown = options.pop("output_file"), options.pop("track_progress")
    labels = tuple(label.strip() for label in options.pop("labels").split(",") if label.strip())
    names = PointNames.compiled(options.pop("pattern"), labels, options.pop("name_pattern"))
    algorithms = tuple(dict.fromkeys(options.pop("algorithms")))
    described = {"reference": options.pop("reference"), "description": options.pop("description")}
    xml, told = take_xml_options(options), list[Outcome]()
    document = read_background(background, tell=tell)
    with ProgressBar(shown=shown) as bar:
        read = read_signals(signals, document, names, xml, progress=bar, told=told.append)
        made = create_patchset(document, read, labels=names.labels, algorithms=algorithms, **described)
    report(tuple(told))
    emit(made.to_document(), output_file)
    operations = sum(len(p.operations) for p in made)
    tell(f"{counted(len(made), 'patch')}, {counted(operations, 'operation')}; each gives back its workspace")


@patchset.command()
@file_argument
@click.option(
    "-s",
    "--signal",
    "signals",
    multiple=True,
    required=True,
    metavar="SAMPLE",
    help="A signal sample, or a pattern of names (C1N2_*); repeatable.",
)
@model_output_option
@xml_options
def strip(file: str, signals: tuple[str, ...], output_file: Path | None, **options: Any) -> None:
    """The background-only workspace of a full one: without its signal samples, with all settings.

    The output is JSON, or XML with its histograms where the output file ends in .xml.
    """
    read = read_to_edit(file, xml=take_xml_options(options))
    report(read.outcomes)
    emit_edited(edit_and_tell(read, lambda workspace: strip_signals(workspace, signals)), output_file)


@patchset.command()
@click.argument("background", type=InputFile())
@click.argument("patchset", type=InputFile())
@choice_option("--what", ("cls", "limit"), "What to compute.")
@click.option("--point", "points", multiple=True, metavar="NAME", help="Only this point; repeatable.")
@click.option("--measurement", metavar="NAME", help="Which measurement; default: the first.")
@click.option(
    "--conventions",
    type=click.Choice(["root", "pyhf"]),
    default="pyhf",
    show_default=True,
    help="How to evaluate what ROOT and pyhf evaluate differently.",
)
@click.option("--test-poi", default=1.0, show_default=True, help="Value of the parameter of interest to test.")
@click.option("--level", default=0.05, show_default=True, help="CLs at which a point is excluded.")
@choice_option("--test-stat", ("qtilde", "q"), "The test statistic.")
@choice_option(
    "--poi-range",
    ("named", "model"),
    "Whether the test statistic is what its name says, or depends on the model's range of the POI.",
)
@minimizer_options
@made_toys
@click.option("--every-q", is_flag=True, help="Keep the test statistic of every toy, instead of counts.")
@click.option("--csv", "table", type=_FILE, help="Write a table too.")
@click.option("--any-background", is_flag=True, help="Also where the digest says that the patches are for another one.")
@workers_options
@resume_option
@progress_option
@output_option
@format_option
def scan(background: str, patchset: str, table: Path | None, kind: str | None, **options: Any) -> None:
    """CLs (or limits) of every point, observed and expected. Exit code 1: no point has a result.

    Points that fail are listed apart, with the reason. An interrupted scan goes on with --resume.
    """
    output_file, many, names = options.pop("output_file"), take_many(options), options.pop("points")
    any_background, toys = options.pop("any_background"), take_made_toys(options)
    document, patches = read_background(background, tell=tell), read_patchset(patchset, tell=tell)
    check_background(background, document, patches, any_background=any_background)
    fit_options = take_fit_options(options)
    settings = ScanSettings(options=fit_options, toys=toys, **options)
    with many.running() as batch:
        done = scan_patches(document, patches, settings, names=names or None, batch=batch)
    tell_failures(done)
    emit_result(done, output_file, kind, beside=None if table is None else {table: csv_text(done.rows())})
    click.get_current_context().exit(0 if done.points else 1)


def tell_failures(done: Scan) -> None:
    """The points without a result, on standard error."""
    sentences = done.failures()
    for sentence in sentences[:_SHOWN]:
        tell(f"failed: {sentence}")
    if len(sentences) > _SHOWN:
        tell(f"... and {len(sentences) - _SHOWN} more")
    if done.failed and done.points:
        n = len(done.points) + len(done.failed)
        tell(f"{len(done.failed)} of {n} points have no result; the exit code is 0, as the others have one")


@patchset.command()
@click.argument("scan", default="-", type=InputFile())
@click.option("--x", metavar="LABEL", help="Horizontal axis; default: the first label that is not held.")
@click.option("--y", metavar="LABEL", help="Vertical axis; default: the next one.")
@click.option("--at", "held", multiple=True, metavar="LABEL=VALUE", help="Hold another label at a value; repeatable.")
@choice_option("--interpolation", ("smooth", "linear", "cubic"), "Of the significance, between the points.")
@click.option(
    "--overlay",
    "overlays",
    multiple=True,
    type=NamedFiles(),
    metavar="NAME=FILE",
    help="Draw another contour: of a scan, of --lines, or a published one (HEPData's YAML or JSON, CSV); repeatable.",
)
@click.option(
    "--theory",
    type=InputFile(),
    metavar="FILE.csv",
    help="Of limits: relative uncertainties of the cross section: columns up and down, or uncertainty, and the labels.",
)
@click.option("--validate", is_flag=True, help="Tell how well each interpolation predicts points that are left out.")
@click.option("--lines", type=_FILE, help="Write the contours as JSON too.")
@click.option("--x-title", help="Name of the horizontal axis; default: the label.")
@click.option("--y-title", help="Name of the vertical axis; default: the label.")
@plot_options
def contour(
    scan: str,
    output_file: Path,
    x: str | None,
    y: str | None,
    held: tuple[str, ...],
    lines: Path | None,
    x_title: str | None,
    y_title: str | None,
    look: "PlotOptions",
    **options: Any,
) -> None:
    """Draw the exclusion contour of a scan: observed, expected and +-1 sigma, with its points."""
    from hftranslate.plots import picture
    from hftranslate.plots.contour import contour as draw

    source, how = "standard input" if scan == "-" else scan, options["interpolation"]
    found = take_slice(scan_from_document(parse_json(read_bytes(scan), source), source), x, y, at=_held(held))
    if options["validate"]:
        tell_lines(validation_text(found))
    beside = _beside(found, options["overlays"], options["theory"])
    figure = draw(found, interpolation=how, x_name=x_title, y_name=y_title, beside=beside, options=look)
    texts: dict[Path, Content] = {output_file: picture(figure, output_file)}
    if lines is not None:
        texts[lines] = json_text(contour_document(found, how))
    emit_texts(texts)


def _beside(found: Slice, overlays: tuple[str, ...], theory: str | None) -> "ContourOptions":
    """What is to stand beside a contour, from its files."""
    from hftranslate.plots import ContourOptions
    from hftranslate.signal_grid.overlays import read_overlay, read_theory

    others = []
    for text in overlays:
        name, separator, file = text.partition("=")
        if not separator or not name or not file:
            raise InputError(f"--overlay {text}: expected NAME=FILE")
        others.append((name, read_overlay(file, found.labels)))
    return ContourOptions(overlays=tuple(others), theory=None if theory is None else read_theory(theory, found))


def _held(texts: tuple[str, ...]) -> dict[str, Value]:
    values = {}
    for text in texts:
        label, separator, value = text.partition("=")
        if not separator:
            raise InputError(f"--at {text}: expected LABEL=VALUE")
        values[label] = parse_value(value)
    return values
