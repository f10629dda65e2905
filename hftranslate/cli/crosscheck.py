"""The command crosscheck: our results against those of another engine, of one model or of all stored cases."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.model import conventions_option, input_files, patch_option, take_xml_options, xml_options
from hftranslate.cli.options.paths import InputFile, OutputFile, OutputFolder
from hftranslate.cli.output import command_line, emit, emit_text, emit_texts, json_text, report, tell
from hftranslate.crosscheck.cases import read_cases
from hftranslate.crosscheck.compare import Report
from hftranslate.crosscheck.compare import crosscheck as compare
from hftranslate.crosscheck.document import Results, is_results, read_results
from hftranslate.crosscheck.index import case_line
from hftranslate.crosscheck.report import report_html, report_markdown
from hftranslate.crosscheck.results import results as evaluate
from hftranslate.crosscheck.runs import case_pages, crosscheck_model, run_cases
from hftranslate.crosscheck.with_root import Source, find_root, root_results
from hftranslate.formats import which_format
from hftranslate.formats.files import Content
from hftranslate.formats.json_text import read_bytes
from hftranslate.translation.load import Loaded, load
from hftranslate.workspace import CONVENTIONS, Conventions


class _HtmlPlace(OutputFile):
    """A page, or with ``--cases`` a folder of pages."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if ctx is not None and isinstance(ctx.params.get("cases"), Path):
            return OutputFolder().convert(value, param, ctx)
        return super().convert(value, param, ctx)


@click.command(cls=Command)
@click.argument("file", required=False, type=InputFile())
@click.argument("reference", required=False, type=InputFile(), metavar="REFERENCE.json")
@click.option(
    "--cases", type=InputFile(Path), is_eager=True, metavar="CASES.toml", help="Compare all stored cases instead."
)
@click.option("--with-root", is_flag=True, help="Make the reference with the ROOT that is installed.")
@click.option(
    "--root-python", metavar="PYTHON", help="A Python that can import ROOT; default: $ROOT_PYTHON, or this one."
)
@click.option("--save-reference", type=OutputFile(), help="Keep what ROOT said (--with-root).")
@click.option("--html", type=_HtmlPlace(), help="Write the report as one HTML page; with --cases: into this folder.")
@click.option("--markdown", type=OutputFile(), help="Write the report as Markdown.")
@click.option("--json", "json_file", type=OutputFile(), help="Write the report as JSON.")
@patch_option
@click.option("--measurement", metavar="NAME", help="Which measurement; default: the reference's.")
@conventions_option("Whose evaluation to follow; auto: the reference's.")
@xml_options
@click.pass_context
def crosscheck(
    ctx: click.Context,
    /,
    file: str | None,
    reference: str | None,
    cases: Path | None,
    with_root: bool,
    root_python: str | None,
    save_reference: Path | None,
    html: Path | None,
    markdown: Path | None,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Compare with a result document of another engine, rung by rung: yields, NLL, fit, test statistic, CLs, limit.

    FILE may itself be a result document. The exit code is 1 where a rung fails; known causes are then looked for.
    """
    if cases is not None:
        if file is not None or with_root or markdown is not None:
            raise click.UsageError("--cases takes neither FILE nor --with-root nor --markdown")
        passed = _all_cases(cases, html, json_file)
    elif file is None or (reference is None) != with_root:
        raise click.UsageError("expected FILE and REFERENCE.json, FILE and --with-root, or --cases CASES.toml")
    else:
        found = (
            _with_root(file, root_python, save_reference, options)
            if reference is None
            else _with_document(file, read_results(reference), options)
        )
        pages: dict[Path, Content] = {} if html is None else {html: report_html(found)}
        pages |= {} if markdown is None else {markdown: report_markdown(found)}
        emit_texts(({} if json_file is None else {json_file: json_text(found.to_document())}) | pages)
        emit_text(found.text(), None)
        passed = found.passed
    ctx.exit(0 if passed else 1)


def _with_document(file: str, reference: Results, options: dict[str, Any]) -> Report:
    if file != "-" and is_results(file):
        return compare(read_results(file), reference)
    chosen, patches = options.pop("conventions"), options.pop("patches")
    conventions = reference.conventions if chosen == "auto" else CONVENTIONS[chosen]
    loaded = load(file, patches=patches, xml=take_xml_options(options), use_sidecar=conventions.name == "root")
    report(loaded.outcomes)
    return _compared(loaded, input_files(file, patches), reference, options["measurement"], conventions)


def _with_root(file: str, python: str | None, keep: Path | None, options: dict[str, Any]) -> Report:
    chosen, patches, measurement = options.pop("conventions"), options.pop("patches"), options.pop("measurement")
    if "-" in (file, *patches):
        raise click.UsageError("--with-root needs files, not standard input")
    xml = take_xml_options(options)
    of_xml = which_format(read_bytes(file), file) != "pyhf-json"  # ROOT reads XML as it stands, without our sidecar
    loaded = load(file, patches=patches, xml=xml, use_sidecar=not of_xml)
    report(loaded.outcomes)
    source = Source(path=Path(file), patches=tuple(map(Path, patches)), basedir=xml.basedir, confine=xml.confine)
    installation = find_root(python)
    reference = root_results(
        source, loaded.workspace, installation, measurement=measurement, progress=lambda line: tell(f"ROOT: {line}")
    )
    if keep is not None:
        emit(reference.to_document(), keep)
    conventions = reference.conventions if chosen == "auto" else CONVENTIONS[chosen]
    return _compared(loaded, input_files(file, patches), reference, measurement, conventions)


def _compared(
    loaded: Loaded, inputs: tuple[str, ...], reference: Results, measurement: str | None, conventions: Conventions
) -> Report:
    ours = evaluate(
        loaded.workspace,
        like=reference,
        measurement=measurement,
        conventions=conventions,
        inputs=inputs,
        command=command_line(),
    )
    return crosscheck_model(loaded.workspace, ours, reference, tell=tell)


def _all_cases(cases: Path, folder: Path | None, json_file: Path | None) -> bool:
    """Run the cases, print a line for each and the ladder of those that fail; whether all passed."""
    listed = read_cases(cases)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    found = []
    for result in run_cases(listed):
        emit_text(case_line(result) + "\n", None)
        if result.report is not None and not result.report.passed:
            emit_text(result.report.text(), None)
        found.append(result)
    texts: dict[Path, Content] = {} if folder is None else {**case_pages(found, folder)}
    if json_file is not None:
        texts[json_file] = json_text({r.name: r.report.to_document() for r in found if r.report is not None})
    emit_texts(texts)
    return all(result.verdict != "failed" for result in found)
