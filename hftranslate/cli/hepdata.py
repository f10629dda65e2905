"""Commands for HEPData: bundle, check, download."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from hftranslate.batch.executors import executor_of
from hftranslate.batch.options import BatchOptions
from hftranslate.cli.groups import Group
from hftranslate.cli.options.batch import workers_options
from hftranslate.cli.options.model import output_option
from hftranslate.cli.options.paths import InputFile, InputFolder, NamedFiles, OutputFile, OutputFolder
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.output import emit, emit_text, emit_texts, json_text

if TYPE_CHECKING:
    from hftranslate.formats.files import Content
    from hftranslate.hepdata.regions import Region


@click.group(cls=Group)
def hepdata() -> None:
    """Make a likelihood ready for HEPData, check it, or fetch a published one."""


@hepdata.command()
@click.argument("source", metavar="DOI_OR_URL")
@click.argument("folder", metavar="DIR", type=OutputFolder())
@click.option("--resource", metavar="NAME", help="Which file of a record; default: all of type HistFactory.")
@click.option("--sha256", metavar="HEX", help="What the checksum of the archive must be; else exit code 1.")
@click.option("--allow-host", "hosts", multiple=True, metavar="HOST", help="Fetch from this host, too; repeatable.")
@click.option("--max-megabytes", type=click.IntRange(min=1), default=500, show_default=True, help="Size of a file.")
@progress_option
def download(
    source: str,
    folder: Path,
    resource: str | None,
    sha256: str | None,
    hosts: tuple[str, ...],
    max_megabytes: int,
    track_progress: bool,
) -> None:
    """Fetch the likelihood of a record and unpack it into DIR, a new or empty folder.

    DOI_OR_URL is the DOI of a resource (10.17182/hepdata.90607.v3/r3) or of a record, a record of HEPData
    (ins1755298, ins1755298.v3), or an https address at hepdata.net, doi.org or zenodo.org. Redirects to other hosts are
    refused, and so is whatever an archive of likelihoods has no use for: links, devices, files outside the folder.
    Prints, as JSON, the files and the checksum of what was fetched.
    """
    from hftranslate.hepdata import download as download_likelihood
    from hftranslate.hepdata import download_document
    from hftranslate.hepdata.web import Rules

    rules = Rules(max_bytes=max_megabytes << 20)
    rules = replace(rules, hosts=(*rules.hosts, *(h.lower() for h in hosts)))
    with ProgressBar(shown=track_progress) as progress:
        done = download_likelihood(source, folder, rules=rules, sha256=sha256, resource=resource, progress=progress)
    emit(download_document(done), None)


@hepdata.command()
@click.argument("folder", metavar="DIR", type=OutputFolder())
@click.option(
    "--workspace", type=InputFile(), metavar="BKG.json", help="The workspace of the only region; --region for several."
)
@click.option(
    "--patchset",
    "patchsets",
    multiple=True,
    type=InputFile(),
    metavar="PATCHSET.json",
    help="The patch set of its signals; repeatable.",
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    type=NamedFiles(),
    metavar="NAME=BKG.json[,PATCHSET.json...]",
    help="A region; repeatable.",
)
@click.option(
    "--scan",
    "scans",
    multiple=True,
    type=NamedFiles(),
    metavar="[NAME=]SCAN.json",
    help="CLs or limits of the signals (of a region), from patchset scan; repeatable.",
)
@click.option("--no-yields", is_flag=True, help="No table of the yields after a fit without signal.")
@click.option("--measurement", metavar="NAME", help="Whose yields; default: the first measurement.")
@click.option("--title", default="Likelihoods", show_default=True, help="Title of the README.")
@click.option("--comment", default="", help="About the whole record.")
@click.option("--description", default="", help="Of the archive; default: what it holds.")
@click.option("--archive", default="Likelihoods.tar.gz", show_default=True, help="Name of the archive.")
@click.option("--licence", "--license", default="cc0", show_default=True, help="cc0, cc-by-4.0, or NAME=URL.")
@click.option("--energy", "energies", multiple=True, type=float, metavar="GEV", help="Keyword; repeatable.")
@click.option("--reaction", "reactions", multiple=True, metavar="TEXT", help="Keyword: P P --> X; repeatable.")
@click.option("--phrase", "phrases", multiple=True, metavar="TEXT", help="Keyword; repeatable.")
@click.option(
    "--allow-private", is_flag=True, help="Publish e-mail addresses, paths and hosts that stand in the files."
)
@click.option("--upload", type=OutputFile(takes_dash=False), help="Write the file for the upload, too (.tar.gz).")
def bundle(
    folder: Path,
    workspace: str | None,
    patchsets: tuple[str, ...],
    regions: tuple[str, ...],
    scans: tuple[str, ...],
    no_yields: bool,
    measurement: str | None,
    title: str,
    comment: str,
    description: str,
    archive: str,
    licence: str,
    energies: tuple[float, ...],
    reactions: tuple[str, ...],
    phrases: tuple[str, ...],
    allow_private: bool,
    upload: Path | None,
) -> None:
    """Make a submission in DIR, a new or empty folder: likelihood archive, submission.yaml and tables.

    The archive holds the workspaces and patch sets byte for byte, and a README written from them. The same input gives
    the same bytes. Prints, as JSON, the files with their sizes and checksums; check them with hepdata check.
    """
    from hftranslate.hepdata.bundle import make_bundle, write_bundle
    from hftranslate.hepdata.submission import Record, licence_of

    record = Record(
        title=title,
        comment=comment,
        archive=archive,
        description=description,
        licence=licence_of(licence),
        allow_private=allow_private,
        keywords={"cmenergies": energies, "reactions": reactions, "phrases": phrases},
    )
    made = make_bundle(
        _read_regions(workspace, patchsets, regions, scans), record, yields=not no_yields, measurement=measurement
    )
    write_bundle(made, folder, upload)
    emit(made.to_document(), None)


def _read_regions(
    workspace: str | None, patchsets: Sequence[str], regions: Sequence[str], scans: Sequence[str]
) -> "list[Region]":
    from hftranslate.formats.json_text import parse_json, read_bytes
    from hftranslate.hepdata.regions import read_region
    from hftranslate.signal_grid.scan import scan_from_document

    if (workspace is None) == (not regions):
        raise click.UsageError("give --workspace (and --patchset) for one likelihood, or --region for each of several")
    if patchsets and workspace is None:
        raise click.UsageError("--patchset belongs to --workspace; write --region NAME=BKG.json,PATCHSET.json")
    files: dict[str, tuple[str, Sequence[str]]] = {} if workspace is None else {"": (workspace, patchsets)}
    for text in regions:
        name, separator, paths = text.partition("=")
        first, *others = paths.split(",")
        if not separator or not name or not first or name in files:
            raise click.BadParameter(f"{text!r} must look like NAME=BKG.json,PATCHSET.json", param_hint="--region")
        files[name] = (first, list(filter(None, others)))
    of_region: dict[str, list[str]] = {name: [] for name in files}
    for text in scans:
        name, separator, path = text.partition("=")
        if not separator or name not in files:
            name, path = next(iter(files)) if len(files) == 1 else name, text
        if name not in files:
            raise click.BadParameter(f"{text!r} must name a region: NAME=SCAN.json", param_hint="--scan")
        of_region[name].append(path)
    return [
        read_region(
            name, *paths, scans=tuple(scan_from_document(parse_json(read_bytes(s), s), s) for s in of_region[name])
        )
        for name, paths in files.items()
    ]


def named_texts(texts: Sequence[str], option: str) -> dict[str, str]:
    """What stands after ``NAME=`` of an option, by the names."""
    pairs = [text.partition("=") for text in texts]
    for name, separator, _ in pairs:
        if not separator or not name:
            raise click.BadParameter(f"{name!r} must look like NAME=TEXT", param_hint=option)
    return {name: text for name, _, text in pairs}


class _Points(click.ParamType):  # type: ignore[type-arg]
    """A number of points, ``all``, or ``auto``."""

    name = "N|all|auto"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """The number; -1 for all."""
        if value in ("all", "auto"):
            return -1 if value == "all" else "auto"
        try:
            number = int(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a number, nor 'all' or 'auto'", param, ctx)
        if number < -1:
            self.fail(f"{number} is no number of points", param, ctx)
        return number


@hepdata.command()
@click.argument("folder", metavar="DIR", type=InputFolder())
@click.option(
    "--points",
    type=_Points(),
    default="auto",
    show_default=True,
    help="How many points of each patch set are computed and compared with published tables; auto: all where that "
    "takes less than 20 s.",
)
@click.option(
    "--columns",
    multiple=True,
    metavar="LABEL=HEADER",
    help="Which column of a table is which label of the patch set, or which quantity (CLs_obs, limit_exp_-1, ...), "
    "where neither words nor values tell; repeatable.",
)
@click.option(
    "--values-from",
    "pattern",
    metavar="REGEX",
    help="Of loose patches without a patch set: finds the values in their names, a group for each label.",
)
@click.option("--no-validator", is_flag=True, help="Do not ask hepdata-validator.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output instead of the table.")
@click.option("--html", type=OutputFile(), help="Write the report as a page, too.")
@output_option
@workers_options
@progress_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    folder: Path,
    points: int | Literal["auto"],
    columns: tuple[str, ...],
    pattern: str | None,
    no_validator: bool,
    as_json: bool,
    html: Path | None,
    output_file: Path | None,
    workers: int,
    dask: str | None,
    track_progress: bool,
) -> None:
    """Check a submission, or a folder with an unpacked likelihood: outside as HEPData does, and inside.

    Inside: schema, digests, every patch applies and adds a signal, parameter of interest, bins, the fit to the data,
    CLs of some or all points against the published table, the doctor's findings, and the README against the models.
    The exit code is 1 where something is wrong. With --output-file, JSON goes to that file as well.
    """
    from hftranslate.hepdata.check import check as check_folder
    from hftranslate.hepdata.check_report import check_document, check_html, check_text
    from hftranslate.signal_grid import PointNames

    with executor_of(workers, dask) as executor, ProgressBar(shown=track_progress) as progress:
        report = check_folder(
            folder,
            points=None if points == -1 else points,
            columns=named_texts(columns, "--columns"),
            names=None if pattern is None else PointNames.compiled(pattern),
            validator=not no_validator,
            batch=BatchOptions(executor=executor, progress=progress),
        )
    texts: dict[Path, Content] = {} if html is None else {html: check_html(report)}
    if output_file is not None:
        texts = {output_file: json_text(check_document(report)), **texts}
    emit_texts(texts)
    if not as_json:
        emit_text(check_text(report), None)
    elif output_file is None:
        emit(check_document(report), None)
    if not report.passed:
        ctx.exit(1)
