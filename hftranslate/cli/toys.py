"""Commands for toys that were kept by ``--resume``."""

from pathlib import Path

import click

from hftranslate.cli.groups import Group
from hftranslate.cli.options.model import output_option
from hftranslate.cli.options.paths import InputFile
from hftranslate.cli.options.testing import max_failed_option
from hftranslate.cli.output import emit, emit_text
from hftranslate.toys import kept

_files = click.argument("files", nargs=-1, required=True, type=InputFile(Path), metavar="FILE...")


@click.group(cls=Group)
def toys() -> None:
    """Toys kept by --resume of cls, limit and significance: merge them, and compute from them."""


@toys.command()
@_files
@output_option
def merge(files: tuple[Path, ...], output_file: Path | None) -> None:
    """Merge kept toys of one test into one file.

    Toys of different seeds make a larger sample; those of the same seed are the same and counted once.
    """
    emit_text(kept.merge(files), output_file)


@toys.command()
@_files
@max_failed_option
@output_option
def result(files: tuple[Path, ...], max_failed: float, output_file: Path | None) -> None:
    """The tests that all kept toys together make, one for each tested value, as a JSON list."""
    emit(kept.kept_results(files, max_failed), output_file)
