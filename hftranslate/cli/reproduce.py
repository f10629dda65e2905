"""From a published record to its exclusion contours."""

from pathlib import Path
from typing import Any

import click

from hftranslate.cli.groups import Command
from hftranslate.cli.options.batch import take_many
from hftranslate.cli.options.counts import some_workers
from hftranslate.cli.options.fitting import minimizer_options, take_fit_options
from hftranslate.cli.options.model import choice_option
from hftranslate.cli.options.paths import InputFile, OutputFolder
from hftranslate.cli.options.progress import progress_option
from hftranslate.cli.output import emit_text, tell
from hftranslate.errors import InputError
from hftranslate.hepdata.reproduce import fetched, read_record, reproduce_record, summary_text
from hftranslate.signal_grid import PointNames
from hftranslate.signal_grid.contour import Interpolation
from hftranslate.signal_grid.tasks import ScanSettings


@click.command(cls=Command)
@click.argument("record", type=InputFile())
@click.option(
    "-d",
    "--output-dir",
    type=OutputFolder(),
    default=Path("reproduced"),
    show_default=True,
    help="Where scans and pictures go, in a folder for each region.",
)
@choice_option("--what", ("cls", "limit"), "What to compute.")
@click.option("--level", default=0.05, show_default=True, help="CLs at which a point is excluded.")
@click.option("--measurement", metavar="NAME", help="Which measurement; default: the first.")
@click.option("--test-poi", default=1.0, show_default=True, help="Value of the parameter of interest to test.")
@choice_option("--test-stat", ("qtilde", "q"), "The test statistic.")
@choice_option("--conventions", ("pyhf", "root"), "How to evaluate what ROOT and pyhf evaluate differently.")
@choice_option(
    "--poi-range",
    ("named", "model"),
    "Whether the test statistic is what its name says, or depends on the model's range of the POI.",
)
@minimizer_options
@choice_option("--interpolation", ("smooth", "linear", "cubic"), "Of the significance, between the points.")
@click.option(
    "--values-from",
    "pattern",
    metavar="REGEX",
    help="Of loose patches without a patch set: finds the values in their names, a group for each label.",
)
@click.option("--workers", type=some_workers, help="Processes to run on; default: all cores.")
@click.option("--dask", metavar="ADDRESS", help="Run on the dask scheduler at this address instead.")
@progress_option
def reproduce(record: str, output_dir: Path, interpolation: Interpolation, pattern: str | None, **options: Any) -> None:
    """From a record to its exclusion contours: download, check, scan, draw.

    RECORD is a DOI, an address or a number (ins1755298) of HEPData, or a folder or archive that holds background-only
    workspaces and patch sets. Each patch set is scanned on the workspace whose digest it carries. Exit code 1: a region
    has no result.
    """
    names, many = None if pattern is None else PointNames.compiled(pattern), take_many(options)
    fit_options, empty = take_fit_options(options), False
    settings = ScanSettings(options=fit_options, **options)
    with many.running() as batch:
        found = read_record(fetched(record, output_dir, batch.progress), names)
        for entry in found.entries:
            tell(f"{entry.status}: {entry.where}: {entry.what}")
        for region, done in reproduce_record(found, output_dir, settings, interpolation=interpolation, batch=batch):
            if isinstance(done, InputError):
                tell(f"{region.name}: {done}")
            else:
                emit_text(summary_text(done), None)
            empty |= isinstance(done, InputError) or not done.scan.points
    click.get_current_context().exit(1 if empty else 0)
