"""What commands write, on standard output and in files, and what they say on standard error."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hftranslate.display import terminal, terminal_lines
from hftranslate.display.speaking import Result, Table, TableFormat, tables_as
from hftranslate.errors import FitFailed
from hftranslate.formats.files import Content, write_files
from hftranslate.formats.json_text import dump_json
from hftranslate.formats.outcomes import Outcome, outcome_lines

_KINDS: dict[str, TableFormat] = {
    "text": "text",
    "table": "text",
    "csv": "csv",
    "latex": "latex",
    "markdown": "markdown",
}
#: Rows of a table that a terminal shows where nobody asked for all.
_MOST_ROWS = 60


def command_line() -> str:
    """What was run, for a provenance."""
    return " ".join(["hftranslate", *sys.argv[1:]])


def tell(sentence: str) -> None:
    """Say a sentence on standard error; a name in it cannot make it look like another."""
    click.echo(terminal(sentence), err=True)


def tell_lines(text: str) -> None:
    """Show lines on standard error."""
    click.echo(terminal_lines(text).removesuffix("\n"), err=True)


def report(outcomes: tuple[Outcome, ...]) -> None:
    """Tell on standard error what did not pass unchanged."""
    for line in outcome_lines(outcomes):
        tell(line)


def emit(document: object, output_file: Path | None, *, beside: Mapping[Path, Content] | None = None) -> None:
    """Write a JSON document to a file or to standard output, and what is beside it: all or none."""
    emit_text(json_text(document), output_file, beside=beside)


def json_text(document: object) -> str:
    """The text of a JSON document.

    Raises
    ------
    FitFailed
        There are numbers in it that are not finite.
    """
    try:
        return dump_json(document)
    except ValueError:
        raise FitFailed(
            "the result contains numbers that are not finite; are there extreme yields or uncertainties in the model?"
        ) from None


def emit_text(text: str, output_file: Path | None, *, beside: Mapping[Path, Content] | None = None) -> None:
    """Write lines of text to a file or to standard output, and what is beside it: all or none."""
    emit_texts({output_file or Path("-"): terminal_lines(text), **(beside or {})})


def emit_both(document: object, text: Callable[[], str], output_file: Path | None, *, as_json: bool) -> None:
    """Write a table to standard output, or the JSON where it is asked for; JSON to a file as well."""
    if output_file is not None:
        emit(document, output_file)
    if not as_json:
        emit_text(text(), None)
    elif output_file is None:
        emit(document, None)


def emit_document(
    document: object, text: Callable[[], str], tables: Sequence[Table], output_file: Path | None, kind: str | None
) -> None:
    """Write what one looks at as what is asked for: by default text, JSON into a file; in CSV the first table."""
    if kind == "json" or (kind is None and output_file is not None):
        emit(document, output_file)
    elif kind in (None, "text", "table"):
        emit_text(text(), output_file)
    elif kind is not None:
        emit_text(tables_as(_KINDS[kind], tables[:1] if kind == "csv" else tables), output_file)


def emit_result(
    result: Result,
    output_file: Path | None,
    kind: str | None,
    *,
    document: Mapping[str, Any] | None = None,
    tables: Sequence[Table] = (),
    beside: Mapping[Path, Content] | None = None,
) -> None:
    """Write a result as what is asked for; by default a short table on a terminal, JSON elsewhere.

    ``document`` and ``tables`` stand in place of its own. What goes to a file is summed up on standard error.
    """
    looked_at = output_file is None and sys.stdout.isatty()
    tables = tables or ((result.records(),) if kind == "csv" else result.tables())
    if kind == "json" or (kind is None and not looked_at):
        emit(document or result.to_dict(), output_file, beside=beside)
    elif looked_at:
        from hftranslate.display.coloured import coloured

        shown = coloured(map(_shortened, tables)) if kind is None else terminal_lines(tables_as(_KINDS[kind], tables))
        emit_texts({Path("-"): shown, **(beside or {})})
    else:
        emit_text(tables_as(_KINDS[kind or "text"], tables), output_file, beside=beside)
    if output_file is not None and str(output_file) != "-":
        tell(f"{result.headline()} (in {output_file})")


def _shortened(table: Table) -> Table:
    """A table of no more rows than somebody reads."""
    left = len(table.rows) - _MOST_ROWS
    if left <= 0:
        return table
    note = "; ".join(filter(None, [f"and {left} more rows, which --format text shows", table.note]))
    return replace(table, rows=table.rows[:_MOST_ROWS], note=note)


def emit_texts(texts: Mapping[Path, Content]) -> None:
    """Write files that belong together, the main one first: all or none. What goes to standard output comes last."""
    if files := {path: content for path, content in texts.items() if str(path) != "-"}:
        write_files(files)
    for path, content in texts.items():
        if str(path) == "-":
            click.echo(content, nl=False)
