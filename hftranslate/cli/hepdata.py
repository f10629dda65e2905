"""Commands for HEPData: init, bundle, check, download."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from hftranslate.batch.executors import executor_of
from hftranslate.batch.options import BatchOptions
from hftranslate.cli.groups import Group
from hftranslate.cli.options.batch import workers_options
from hftranslate.cli.options.model import output_option
from hftranslate.cli.options.paths import DescribedFile, InputFile, InputFolder, NamedFiles, OutputFile, OutputFolder
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.output import emit, emit_text, emit_texts, json_text, tell

if TYPE_CHECKING:
    from hftranslate.formats.files import Content
    from hftranslate.hepdata.check_points import Hints
    from hftranslate.hepdata.entries import CheckReport

F = TypeVar("F", bound=Callable[..., Any])


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


_workspace_option = click.option(
    "--workspace", type=InputFile(), metavar="BKG.json", help="The workspace of the only region; --region for several."
)
_patchsets_option = click.option(
    "--patchset",
    "patchsets",
    multiple=True,
    type=InputFile(),
    metavar="PATCHSET.json",
    help="The patch set of its signals; repeatable.",
)


def _named(name: str, metavar: str, help: str, *, files: bool = False) -> Callable[[F], F]:
    """An option of the form NAME=TEXT or NAME=FILE that is given as often as wanted."""
    kind = NamedFiles() if files else None
    words = name.replace("_", "-").removesuffix("s")
    return click.option(f"--{words}", name, multiple=True, type=kind, metavar=metavar, help=help)


@hepdata.command()
@click.argument("folder", metavar="DIR", type=OutputFolder())
@click.option(
    "--submission",
    "described",
    type=InputFile(),
    metavar="SUBMISSION.toml",
    help="A description (hepdata init writes one) that says what the options below say; they come first.",
)
@_workspace_option
@_patchsets_option
@_named("regions", "NAME=BKG.json[,PATCHSET.json...]", "A region; repeatable.", files=True)
@_named(
    "scans",
    "[NAME=]SCAN.json",
    "CLs or limits of the signals (of a region), from patchset scan; repeatable.",
    files=True,
)
@_named(
    "cross_sections",
    "[NAME=]XSEC.csv",
    "Cross sections of the signals (of a region), in fb or pb: limits are given in fb, too; repeatable.",
    files=True,
)
@click.option("--no-yields", is_flag=True, help="No table of the yields after a fit without signal.")
@click.option("--signal-yields", is_flag=True, help="A table of the events of every signal in each channel.")
@click.option("--contours", is_flag=True, help="Tables of the exclusion contours of the scans.")
@click.option("--correlations", is_flag=True, help="A table of the correlations in the fit without signal.")
@_named("tables", "NAME=FILE.csv", "Any table: cutflow, acceptance, ...; repeatable.", files=True)
@click.option("--measurement", metavar="NAME", help="Whose yields; default: the first measurement.")
@click.option("--title", help="Title of the README; default: Likelihoods.")
@click.option("--comment", help="About the whole record.")
@click.option("--description", help="Of the archive; default: what it holds.")
@click.option("--archive", help="Name of the archive; default: Likelihoods.tar.gz.")
@click.option("--licence", "--license", help="cc0, cc-by-4.0, or NAME=URL; default: cc0, with a warning.")
@click.option("--energy", "energies", multiple=True, type=float, metavar="GEV", help="Keyword; repeatable.")
@click.option("--reaction", "reactions", multiple=True, metavar="TEXT", help="Keyword: P P --> X; repeatable.")
@click.option("--phrase", "phrases", multiple=True, metavar="TEXT", help="Keyword; repeatable.")
@click.option("--observable", "observables", multiple=True, metavar="TEXT", help="Keyword; repeatable.")
@_named("labels", "NAME='TEXT [UNITS]'", "How a label, sample or column is called for people; repeatable.")
@_named("locations", "TABLE='Figure 6'", "Where a table stands in the paper; repeatable.")
@_named("figures", "TABLE=FILE.png", "The picture of a table; it gets a thumbnail; repeatable.", files=True)
@click.option(
    "--resource",
    "resources",
    multiple=True,
    type=DescribedFile(),
    metavar="FILE[=DESCRIPTION]",
    help="Another file: SLHA, SimpleAnalysis, ...; repeatable.",
)
@click.option(
    "--related-record", "related_records", multiple=True, type=int, metavar="N", help="Of HEPData; repeatable."
)
@_named("related_tables", "TABLE=DOI", "DOI of a table of another record; repeatable.")
@click.option("--round", "rounding", metavar="N|pdg", help="Digits of numbers; as computed (six) by default.")
@click.option(
    "--allow-private", is_flag=True, help="Publish e-mail addresses, paths and hosts that stand in the files."
)
@click.option("--hs3", is_flag=True, help="Add each workspace in HS3, as ROOT reads it: a resource of its own.")
@click.option("--upload", type=OutputFile(takes_dash=False), help="Write the file for the upload, too (.tar.gz).")
def bundle(folder: Path, described: str | None, hs3: bool, upload: Path | None, **options: Any) -> None:
    """Make a submission in DIR, a new or empty folder: likelihood archive, submission.yaml and tables.

    The archive holds the workspaces and patch sets byte for byte, and a README written from them. The same input gives
    the same bytes. Prints, as JSON, the files with their sizes and checksums; check them with hepdata check.
    """
    from hftranslate.hepdata.bundle import make_bundle, write_bundle
    from hftranslate.hepdata.description import UNSAID_LICENCE, read_description, submission_of

    in_file = {} if described is None else read_description(described)
    said = {**in_file, **_described(options, in_file.get("regions", {}))}
    found = submission_of(said)
    if not said.get("licence"):
        tell(f"warning: {UNSAID_LICENCE}")
    how: dict[str, Any] = {"yields": found.yields, "measurement": found.measurement, "more": found.more, "hs3": hs3}
    made = make_bundle(found.regions, found.record, **how)
    write_bundle(made, folder, upload)
    emit(made.to_document(), None)


def _described(options: dict[str, Any], in_file: dict[str, Any]) -> dict[str, Any]:
    """What options say, as a description says it; only what was given."""
    given: dict[str, Any] = {name: list(v) if isinstance(v, tuple) else v for name, v in options.items() if v}
    for name in ("labels", "locations", "figures", "related_tables"):
        if name in given:
            given[name] = named_texts(given[name], f"--{name}")
    if "related_tables" in given:
        given["related_tables"] = {table: [doi] for table, doi in given["related_tables"].items()}
    if "tables" in given:
        given["tables"] = [{"name": n, "file": f} for n, f in named_texts(given["tables"], "--tables").items()]
    if "resources" in given:
        pairs = (text.partition("=") for text in given["resources"])
        given["resources"] = [{"file": f, "description": d or Path(f).name} for f, _, d in pairs]
    if given.get("rounding", "pdg") != "pdg":
        if not str(given["rounding"]).isdigit():
            raise click.BadParameter(f"{given['rounding']!r} is neither a number nor 'pdg'", param_hint="--round")
        given["rounding"] = int(given["rounding"])
    if given.pop("no_yields", False):
        given["yields"] = False
    files = _regions(given, in_file)
    return {**given, "regions": files} if files else given


def _regions(given: dict[str, Any], in_file: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files of each region; what belongs to them is taken out of the options."""
    workspace, patchsets, regions = (given.pop(name, None) for name in ("workspace", "patchsets", "regions"))
    if (workspace is None) == (not regions) and (workspace or not in_file):
        raise click.UsageError("give --workspace (and --patchset) for one likelihood, or --region for each of several")
    if patchsets and workspace is None:
        raise click.UsageError("--patchset belongs to --workspace; write --region NAME=BKG.json,PATCHSET.json")
    files: dict[str, dict[str, Any]] = {} if regions or workspace else {n: dict(r) for n, r in in_file.items()}
    if workspace:
        files[""] = {"workspace": workspace, "patchsets": patchsets or []}
    for text in regions or ():
        name, separator, paths = text.partition("=")
        first, *others = paths.split(",")
        if not separator or not name or not first or name in files:
            raise click.BadParameter(f"{text!r} must look like NAME=BKG.json,PATCHSET.json", param_hint="--region")
        files[name] = {"workspace": first, "patchsets": list(filter(None, others))}
    for option in ("scans", "cross_sections"):
        for text in given.pop(option, ()):
            name, separator, path = text.partition("=")
            if not separator or name not in files:
                name, path = next(iter(files)) if len(files) == 1 else name, text
            if name not in files:
                hint = f"--{option.removesuffix('s').replace('_', '-')}"
                raise click.BadParameter(f"{text!r} must name a region: NAME=FILE", param_hint=hint)
            if option == "scans":
                files[name]["scans"] = [*files[name].get("scans", ()), path]
            else:
                files[name][option] = path
    return files


@hepdata.command()
@_workspace_option
@_patchsets_option
@output_option
def init(workspace: str | None, patchsets: tuple[str, ...], output_file: Path | None) -> None:
    """Write a commented description of a submission (submission.toml) for a workspace and its patch sets.

    What is known is filled in; what a coordinator asks for stands there as a comment. Paths are as given: keep the file
    where they hold.
    """
    from hftranslate.hepdata.description import description_text
    from hftranslate.hepdata.regions import read_region

    if workspace is None:
        raise click.UsageError("give --workspace (and --patchset)")
    region = read_region("", workspace, patchsets)
    emit_text(description_text(workspace, patchsets, region), output_file)


@hepdata.command()
@click.argument("record", metavar="FOLDER", type=InputFile(Path))
@click.argument("folder", metavar="DIR", type=OutputFolder())
@click.option("--for", "tool", type=click.Choice(["spey", "smodels", "csv"]), required=True, help="Who reads it.")
def export(record: Path, folder: Path, tool: Literal["spey", "smodels", "csv"]) -> None:
    """Write the likelihoods of FOLDER, a record or archive, to DIR as a tool of theorists takes them.

    spey: background, patches, and a list of them. smodels: the map of regions and channels (globalInfo.txt) and the
    yields of signals by region. csv: tables of backgrounds and signals.
    """
    from hftranslate.formats.files import fresh_folder, naming
    from hftranslate.hepdata.export import export as exported
    from hftranslate.hepdata.reproduce import read_record

    files = exported(read_record(record), tool)
    with fresh_folder(folder) as work:
        for name, data in files.items():
            with naming(folder / name):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_bytes(data)
    emit({"files": sorted(files)}, None)


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
@click.option(
    "--cross-section",
    "--cross-sections",
    "sections",
    type=InputFile(Path),
    metavar="XSEC.csv",
    help="Cross sections of the signals: limits on cross sections are compared, too.",
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
    sections: Path | None,
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
    from hftranslate.hepdata.check_report import check_document

    hints = _hints(columns, pattern, sections)
    with executor_of(workers, dask) as executor, ProgressBar(shown=track_progress) as progress:
        options = BatchOptions(executor=executor, progress=progress)
        n = None if points == -1 else points
        report = check_folder(folder, points=n, hints=hints, validator=not no_validator, batch=options)
    _emit_report(report, html, output_file, as_json=as_json)
    if as_json and output_file is None:
        emit(check_document(report), None)
    ctx.exit(0 if report.passed else 1)


def _hints(columns: Sequence[str], pattern: str | None, sections: Path | None) -> "Hints":
    from hftranslate.hepdata.check_points import Hints
    from hftranslate.signal_grid import PointNames

    return Hints(
        columns=named_texts(columns, "--columns"),
        names=None if pattern is None else PointNames.compiled(pattern),
        cross_sections=sections,
    )


def _emit_report(report: "CheckReport", html: Path | None, output_file: Path | None, *, as_json: bool) -> None:
    """A report to files, and as a table to standard output unless that is JSON's."""
    from hftranslate.hepdata.check_report import check_document, check_html, check_text

    texts: dict[Path, Content] = {} if html is None else {html: check_html(report)}
    if output_file is not None:
        texts = {output_file: json_text(check_document(report)), **texts}
    emit_texts(texts)
    if not as_json:
        emit_text(check_text(report), None)
