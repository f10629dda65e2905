"""A progress bar on standard error, for those who watch and wait."""

import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import click

from hftranslate.display import terminal

#: Seconds before a bar appears: what is over sooner needs none.
PATIENCE = 1.0

progress_option = click.option(
    "--track-progress/--hide-progress", default=True, help="Show a bar on a terminal where it takes over a second."
)


class ProgressBar:
    """Listens to the progress of a task (:data:`hftranslate.batch.progress.Progress`). A context manager.

    A bar is drawn once the task has taken a second, only on a terminal, and not where it is hidden. It estimates the
    time that is left.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._start = time.time()
        self._step = ""
        self._began = self._start
        self._first = 0
        self._bar: Any = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Draw how many parts of a step are done, and how long the rest will take."""
        if step != self._step:  # what was done before it began, taken from a file say, took no time
            self._step, self._began, self._first = step, time.time(), done
        if not self._shown or time.time() - self._start < PATIENCE:
            return
        if self._bar is None or terminal(step) != self._bar.label or total != self._bar.length or done < self._bar.pos:
            self._finish(complete=True)
            self._bar = click.progressbar(
                length=total, label=terminal(step), show_eta=False, item_show_func=lambda left: left, file=sys.stderr
            )
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos, self._left(done, total))

    def _left(self, done: int, total: int) -> str:
        """How long the rest will take, by the parts that were done since the step began."""
        parts, seconds = done - self._first, time.time() - self._began
        if parts == 0 or done == total:
            return ""
        return f"{timedelta(seconds=round(seconds / parts * (total - done)))} left"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(complete=kind is None)

    def _finish(self, *, complete: bool) -> None:
        if self._bar is not None:
            if complete:
                self._bar.update(self._bar.length - self._bar.pos)
            self._bar.__exit__(None, None, None)
            self._bar = None
