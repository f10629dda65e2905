"""Options of commands that make many fits: where they run, and what keeps their results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hftranslate.batch.executors import cores, executor_of, settled
from hftranslate.batch.options import BatchOptions
from hftranslate.cli.options.counts import some_workers
from hftranslate.cli.options.model import combined_options
from hftranslate.cli.options.paths import KeptFile
from hftranslate.cli.options.progress import ProgressBar, progress_option
from hftranslate.cli.output import tell

workers_options = combined_options(
    click.option("--workers", type=some_workers, default=1, show_default=True, help="Processes to run on."),
    click.option("--dask", metavar="ADDRESS", help="Run on the dask scheduler at this address instead."),
)
resume_option = click.option(
    "--resume", type=KeptFile(), help="Keep results in this file as they arrive, and take up what is in it."
)
many_options = combined_options(workers_options, resume_option, progress_option)


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """Where many fits run, where their results are kept, and whether somebody watches."""

    workers: int
    dask: str | None
    resume: Path | None
    shown: bool

    @contextmanager
    def running(self, kept: str = "what was done is kept") -> Iterator[BatchOptions]:
        """How the fits run; an interruption is told what it leaves behind."""
        with settled(), executor_of(self.workers, self.dask) as executor, ProgressBar(shown=self.shown) as bar:
            try:
                yield BatchOptions(executor=executor, progress=bar, resume=self.resume)
            except KeyboardInterrupt:
                if self.resume is not None:
                    tell(f"{kept} in {self.resume}; run again to go on")
                raise


def take_many(options: dict[str, Any]) -> Many:
    """Remove the options of many fits from a command's options."""
    return Many(
        workers=options.pop("workers") or cores(),
        dask=options.pop("dask"),
        resume=options.pop("resume", None),
        shown=options.pop("track_progress"),
    )
