"""One page about a model."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.batch import take_many, workers_options
from hftranslate.cli.options.fitting import minimizer_options, take_fit_options
from hftranslate.cli.options.model import combined_options, input_files, load_model, model_options
from hftranslate.cli.options.paths import InputFile, OutputFile
from hftranslate.cli.options.progress import progress_option
from hftranslate.cli.options.tasks import restriction_options, take_restriction
from hftranslate.cli.output import command_line, emit_texts, json_text, tell
from hftranslate.crosscheck.document import Results, read_results
from hftranslate.crosscheck.with_root import Source, find_root, root_results
from hftranslate.formats.files import Content
from hftranslate.formats.json_text import parse_json, read_bytes, source_name
from hftranslate.report import Subject, report_page
from hftranslate.report import report as compute_report
from hftranslate.workspace import Workspace

_options = combined_options(
    model_options,
    minimizer_options,
    restriction_options,
    click.option("--reference", type=InputFile(), metavar="REFERENCE.json", help="A result document to compare with."),
    click.option(
        "--with-root", is_flag=True, help="Compare with the ROOT that is here ($ROOT_PYTHON, or on the PATH)."
    ),
    click.option("--json", "json_file", type=OutputFile(), help="Keep everything that was computed in this file."),
    click.option("--redo", type=InputFile(), metavar="FROM.json", help="Make the page of what --json kept."),
    workers_options,
    progress_option,
)


@click.command(cls=Command)
@_options
def report(redo: str | None, **options: Any) -> None:
    """Write one self-contained page about a model.

    It says what the model is and what is suspicious in it, and shows fit, yields, impacts, scan, limit and goodness of
    fit; with --reference also how all of it agrees with ROOT. It opens anywhere and needs nothing from elsewhere.
    """
    output_file, json_file = options.pop("output_file"), options.pop("json_file")
    if redo is not None:
        _refuse_a_model(options)
        source = source_name(redo)
        document: Any = parse_json(read_bytes(redo), source)
    else:
        document, source = _computed(options), "the report"
    texts: dict[Path, Content] = {} if json_file is None else {json_file: json_text(document)}
    emit_texts({**texts, output_file or Path("-"): report_page(document, source)})
    if output_file is not None and str(output_file) != "-":
        said = [document["tables"][name][0]["caption"] for name in ("fit", "limit") if name in document["tables"]]
        tell(f"{'; '.join(said) or 'report'} (in {output_file})")


def _refuse_a_model(options: dict[str, Any]) -> None:
    """What was kept is complete: nothing of it can be computed otherwise."""
    computed = ("patches", "reference", "with_root", "fix", "bounds")
    if options["file"] != "-" or options["asimov"] is not None or any(options[name] for name in computed):
        raise click.UsageError(
            "--redo makes the page of what was kept; it takes neither FILE nor --patch nor --reference, and neither "
            "--with-root nor --fix nor --bounds nor --asimov"
        )


def _computed(options: dict[str, Any]) -> dict[str, Any]:
    reference, with_root, many = options.pop("reference"), options.pop("with_root"), take_many(options)
    if with_root and (reference is not None or "-" in (options["file"], *options["patches"])):
        raise click.UsageError("--with-root needs files, not standard input, and takes the place of --reference")
    inputs = tuple(map(Path, input_files(options["file"], options["patches"])))
    restriction = take_restriction(options)
    source = Source(
        path=Path(options["file"]),
        patches=tuple(map(Path, options["patches"])),
        basedir=options["basedir"],
        confine=options["confine"],
    )
    workspace, measurement, conventions = load_model(options, edges=True)
    subject = Subject(
        workspace=workspace,
        measurement=measurement,
        conventions=conventions,
        fixed=restriction.fixed,
        bounds=restriction.bounds,
        asimov=restriction.asimov,
        inputs=inputs,
        command=command_line(),
        reference=_by_root(source, workspace, measurement) if with_root else reference and read_results(reference),
    )
    fit_options = take_fit_options(options)
    with many.running() as batch:
        return compute_report(subject, options=fit_options, batch=batch)


def _by_root(source: Source, workspace: Workspace, measurement: str | None) -> Results:
    """What ROOT says of the model, told step by step."""
    return root_results(
        source, workspace, find_root(), measurement=measurement, progress=lambda line: tell(f"ROOT: {line}")
    )
