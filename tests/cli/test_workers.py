"""Options of commands that run many fits."""

import gc
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from hftranslate.batch.executors import executor_of, settled
from tests.conftest import REPOSITORY


def test_one_worker_is_this_process_and_more_are_others() -> None:
    with executor_of(1, None) as executor:
        assert executor is None
    with executor_of(2, None) as executor:
        assert executor is not None
        assert list(executor.map(abs, [-1, 2])) == [1, 2]


_STARTS_WORKERS = """
import os
from hftranslate.batch.executors import executor_of

if __name__ == "__main__":
    with executor_of(2, None) as executor:
        assert executor is not None
        print(*{process for process in executor.map(os.getpgid, [0])}, flush=True)
        input()
"""


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "starts.py"
    script.write_text(_STARTS_WORKERS)
    command = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert command.stdin is not None
    assert command.stdout is not None
    group = int(command.stdout.readline())
    command.kill()
    command.wait()
    ended, _, _ = select.select([command.stdout], [], [], 20.0)  # which all of them hold open
    if not ended:
        os.killpg(group, signal.SIGKILL)
    command.stdin.close()
    command.stdout.close()
    assert ended


def test_what_was_read_is_spared_while_it_is_used() -> None:
    before = gc.get_freeze_count()
    with settled():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0
