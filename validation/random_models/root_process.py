"""A process with ROOT that answers one line with another, and is started again where ROOT crashes."""

import contextlib
import json
import os
import select
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]
_SCRIPT = Path(__file__).with_name("in_root.py")
#: ROOT keeps all it ever made: a process serves so many tasks, each of them so long.
_TASKS, _SECONDS = 200, 120.0


class RootProcess:
    """Real ROOT, as long as the ``with`` lasts."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._process: subprocess.Popen[str] | None = None
        self._served = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop()

    def ask(self, task: Json) -> Json:
        """ROOT's answer; ``{"refused": "ROOT crashed ..."}`` where it did not survive."""
        if self._served == _TASKS:
            self._stop()
        if self._process is None:
            self._process, self._served = self._start(), 0
        self._served += 1
        line = self._answer(self._process, json.dumps(task) + "\n")
        if not line:
            return {"refused": f"ROOT crashed or did not answer (status {self._stop()})"}
        answer: Json = json.loads(line)
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self._python, str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    @staticmethod
    def _answer(process: "subprocess.Popen[str]", line: str) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(line)
            process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], _SECONDS)
        return process.stdout.readline() if ready else ""

    def _stop(self) -> int:
        """End the process; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            return process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            process.stdout.close()
