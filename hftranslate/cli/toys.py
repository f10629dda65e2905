"""Commands for toys that were kept by ``--resume``."""

from pathlib import Path
from typing import Any, get_args

import click

from hftranslate.batch.journal import Journal
from hftranslate.cli.groups import Group
from hftranslate.cli.options.common import emit, emit_text, output_option
from hftranslate.cli.options.paths import InputFile
from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.inference.asymptotics import TestStat
from hftranslate.toys.discovery import toy_significance_document, toy_significance_of
from hftranslate.toys.hypotest import toy_test_document, toy_test_of
from hftranslate.toys.samples import MOST_FAILED, KeptToys, kept_toys, merged, toys_journal

_files = click.argument("files", nargs=-1, required=True, type=InputFile(Path), metavar="FILE...")


max_failed_option = click.option(
    "--max-failed",
    type=click.FloatRange(0.0, 1.0),
    default=MOST_FAILED,
    show_default=True,
    help="Part of the toys of a hypothesis whose fits may fail.",
)


@click.group(cls=Group)
def toys() -> None:
    """Toys kept by --resume of cls, limit and significance: merge them, and compute from them."""


def read_journals(files: tuple[Path, ...]) -> list[Journal]:
    """What files keep.

    Raises
    ------
    MissingInput
        There is no such file.
    FormatError
        A file keeps no toys, or is damaged.
    """
    for file in files:
        if not file.is_file():
            raise MissingInput(f"there is no file {file}")
    return [toys_journal(file) for file in files]


@toys.command()
@_files
@output_option
def merge(files: tuple[Path, ...], output_file: Path | None) -> None:
    """Merge kept toys of one test into one file.

    Toys of different seeds make a larger sample; those of the same seed are the same and counted once.
    """
    journals = read_journals(files)
    results = merged(journals)
    kept_toys(results, str(files[0]))
    emit_text(Journal.text(journals[0].task, results), output_file)


@toys.command()
@_files
@max_failed_option
@output_option
def result(files: tuple[Path, ...], max_failed: float, output_file: Path | None) -> None:
    """The tests that all kept toys together make, one for each tested value, as a JSON list."""
    journals = read_journals(files)
    task = journals[0].task
    found = kept_toys(merged(journals), str(files[0]), max_failed)
    if not found:
        raise InputError(f"{files[0]} holds toys of both hypotheses for no value of the parameter of interest")
    discovery = task.get("test_stat") == "q0"
    wanted = ("test_stat", "conventions", *(("expected_poi",) if discovery else ()))
    missing = [
        name for name in wanted if not isinstance(task.get(name), int | float if name == "expected_poi" else str)
    ]
    if missing or not (discovery or task["test_stat"] in get_args(TestStat)):
        raise FormatError(f"{files[0]} does not tell what its toys are of: {', '.join(missing or wanted)}")
    emit([_document(task, kept) for kept in found], output_file)


def _document(task: dict[str, Any], kept: KeptToys) -> dict[str, Any]:
    q, muhat = (float(kept.observed[name]) for name in ("q", "muhat"))
    if task["test_stat"] == "q0":
        significance = toy_significance_of(kept.sample, q, muhat, float(task["expected_poi"]))
        return toy_significance_document(significance, task["conventions"], kept.seeds)
    test = toy_test_of(kept.sample, kept.poi_test, task["test_stat"], q, muhat)
    return toy_test_document(test, task["conventions"], kept.seeds)
