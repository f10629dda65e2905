"""The command crosscheck: our results against those of another engine, of one model or of all stored cases."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from hftranslate.cli.common import (
    OutputFile,
    command_line,
    emit,
    emit_text,
    emit_texts,
    input_files,
    json_text,
    patch_option,
    report,
    take_xml_options,
    tell,
    xml_options,
)
from hftranslate.cli.paths import InputFile, OutputFolder
from hftranslate.crosscheck.cases import Case, read_cases
from hftranslate.crosscheck.compare import Report
from hftranslate.crosscheck.compare import crosscheck as compare
from hftranslate.crosscheck.document import Results, read_results
from hftranslate.crosscheck.index import CaseResult, case_line, index_html
from hftranslate.crosscheck.report import report_html, report_markdown
from hftranslate.crosscheck.results import results as evaluate
from hftranslate.crosscheck.with_root import Source, find_root, root_results
from hftranslate.errors import HFTranslateError
from hftranslate.formats import which_format
from hftranslate.formats.files import Content
from hftranslate.formats.json_text import read_bytes
from hftranslate.translation.translate import Loaded, load
from hftranslate.workspace import CONVENTIONS, PYHF, ROOT, Conventions, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outputs:
    """Where reports go; ``html`` is a folder for all cases."""

    html: Path | None
    markdown: Path | None
    json: Path | None


class _HtmlPlace(OutputFile):
    """A page, or with ``--cases`` a folder of pages."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if ctx is not None and isinstance(ctx.params.get("cases"), Path):
            return OutputFolder().convert(value, param, ctx)
        return super().convert(value, param, ctx)


@click.command()
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
    outputs = _Outputs(html=html, markdown=markdown, json=json_file)
    if cases is not None:
        if file is not None or with_root or markdown is not None:
            raise click.UsageError("--cases takes neither FILE nor --with-root nor --markdown")
        passed = _all_cases(read_cases(cases), outputs)
    elif file is None or (reference is None) != with_root:
        raise click.UsageError("expected FILE and REFERENCE.json, FILE and --with-root, or --cases CASES.toml")
    else:
        found = (
            _with_root(file, root_python, save_reference, options)
            if reference is None
            else _with_document(file, read_results(reference), options)
        )
        _write(found, outputs)
        emit_text(found.text(), None)
        passed = found.passed
    if not passed:
        ctx.exit(1)


def _write(found: Report, outputs: _Outputs) -> None:
    texts: dict[Path, Content] = {}
    if outputs.json is not None:
        texts[outputs.json] = json_text(found.to_document())
    if outputs.html is not None:
        texts[outputs.html] = report_html(found)
    if outputs.markdown is not None:
        texts[outputs.markdown] = report_markdown(found)
    emit_texts(texts)


def _with_document(file: str, reference: Results, options: dict[str, Any]) -> Report:
    if file != "-" and _is_results(file):
        return compare(read_results(file), reference)
    chosen = options.pop("conventions")
    conventions = reference.conventions if chosen == "auto" else CONVENTIONS[chosen]
    patches = options.pop("patches")
    loaded = load(file, patches=patches, xml=take_xml_options(options), use_sidecar=conventions.name == "root")
    report(loaded.outcomes)
    return _compared(loaded, input_files(file, patches), reference, options["measurement"], conventions)


def _with_root(file: str, python: str | None, keep: Path | None, options: dict[str, Any]) -> Report:
    chosen, patches = options.pop("conventions"), options.pop("patches")
    if "-" in (file, *patches):
        raise click.UsageError("--with-root needs files, not standard input")
    xml = take_xml_options(options)
    of_xml = which_format(read_bytes(file), file) != "pyhf-json"  # ROOT reads XML as it stands, without our sidecar
    loaded = load(file, patches=patches, xml=xml, use_sidecar=not of_xml)
    report(loaded.outcomes)
    source = Source(path=Path(file), patches=tuple(map(Path, patches)), basedir=xml.basedir, confine=xml.confine)
    reference = root_results(
        source,
        loaded.workspace,
        find_root(python),
        measurement=options["measurement"],
        progress=lambda line: tell(f"ROOT: {line}"),
    )
    if keep is not None:
        emit(reference.to_document(), keep)
    conventions = reference.conventions if chosen == "auto" else CONVENTIONS[chosen]
    return _compared(loaded, input_files(file, patches), reference, options["measurement"], conventions)


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
    return compare(ours, reference, workspace=loaded.workspace, beside=_beside(loaded.workspace, ours, reference))


def _is_results(file: str) -> bool:
    data = read_bytes(file)
    return b'"hftranslate-results/' in data[:200]


def _beside(workspace: Workspace, ours: Results, reference: Results) -> Results | None:
    """Our tests under the other conventions; none where these cannot evaluate the model."""
    tests = tuple(t for t in reference.hypotests or () if t.calculator == "asymptotic")
    if not tests:
        return None
    other = PYHF if ours.conventions.clip_samples else ROOT
    tests_only = replace(reference, points=(), fit=None, hypotests=tests, discovery=None, limit=None)
    try:
        return evaluate(workspace, like=tests_only, measurement=ours.measurement, conventions=other)
    except HFTranslateError as error:
        tell(f"no CLs under {other.name} conventions: {error}")
        return None


# ------------------------------------------------------------------------------------------------------------ all cases
def _all_cases(cases: tuple[Case, ...], outputs: _Outputs) -> bool:
    """Run the cases, print a line for each and the ladder of those that fail; whether all passed."""
    if outputs.html is not None:
        outputs.html.mkdir(parents=True, exist_ok=True)
    found = []
    for case in cases:
        result = _one_case(case, outputs.html)
        emit_text(case_line(result) + "\n", None)
        if result.report is not None and not result.report.passed:
            emit_text(result.report.text(), None)
        found.append(result)
    texts: dict[Path, Content] = {}
    if outputs.html is not None:
        pages = {outputs.html / r.link: report_html(r.report) for r in found if r.report is not None and r.link}
        texts |= {outputs.html / "index.html": index_html(found), **pages}
    if outputs.json is not None:
        texts[outputs.json] = json_text({r.name: r.report.to_document() for r in found if r.report is not None})
    emit_texts(texts)
    return all(result.verdict != "failed" for result in found)


def _one_case(case: Case, folder: Path | None) -> CaseResult:
    if case.absent is not None:
        reason = f"{case.absent} is not there"
        return CaseResult(name=case.name, description=case.description, report=None, reason=reason)
    try:
        found = case.run()
    except HFTranslateError as error:
        return CaseResult(name=case.name, description=case.description, report=None, reason=f"error: {error}")
    link = None
    if folder is not None:
        link = f"{case.name}.html"
    return CaseResult(name=case.name, description=case.description, report=found, link=link)
