"""How many fits are run: where, who listens, and what keeps their results."""

from concurrent.futures import Executor
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hftranslate.batch.journal import Journal
from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import InputError

if TYPE_CHECKING:
    from hftranslate.likelihood.model import Data, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How the many fits of a task are run; results depend on none of it.

    Attributes
    ----------
    executor
        where they run: a process pool, ``dask.distributed.Client.get_executor()``, or ``None`` for here, one after the
        other. It stays open.
    progress
        listens to how many are done.
    resume
        a file that keeps results as they arrive, and from which they are taken up; one of another task is refused.
    task_seconds
        how long a task should take where the work can be divided: a worker that is lost loses so much, and a scheduler
        has so much time for each.

    Raises
    ------
    InputError
        The executor is none, the listener cannot be called, or the time is none.
    """

    executor: Executor | None = None
    progress: Progress = silent
    resume: Path | None = None
    task_seconds: float = 20.0

    def __post_init__(self) -> None:
        if not 0.0 < self.task_seconds < inf:
            raise InputError(f"a task takes some seconds, not {self.task_seconds}")
        if self.executor is not None and not hasattr(self.executor, "submit"):
            raise InputError(f"fits run on an executor of concurrent.futures or here (None), not on {self.executor!r}")
        if not callable(self.progress):
            raise InputError(f"progress is told to a function of (step, done, total), not to {self.progress!r}")

    def journal(self, model: "Model", data: "Data", **task: Any) -> Journal | None:
        """The journal of a task on a model and its data, ``None`` where nothing is kept.

        Raises
        ------
        InputError, FormatError
            As :meth:`~hftranslate.batch.journal.Journal.open`.
        """
        if self.resume is None:
            return None
        from hftranslate.batch.fingerprint import fingerprint

        return self.opened({"model": fingerprint(model, data), **task})

    def opened(self, task: dict[str, Any]) -> Journal | None:
        """The journal of any task, likewise."""
        return None if self.resume is None else Journal.open(Path(self.resume), task)


#: Here, one after the other, silently, and nothing is kept.
DEFAULT_BATCH = BatchOptions()
