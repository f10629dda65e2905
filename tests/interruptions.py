"""Commands killed after every file that they put in its place, as power cuts and impatient people do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import REPOSITORY

#: Status of a process that was killed between two steps.
_KILLED = 9
_SCRIPT = """
import json, os, shutil, sys
from hftranslate.cli import main
template, states, arguments = json.loads(sys.argv[1])

def run(state):
    shutil.copytree(template, state, symlinks=True)
    os.chdir(state)
    sys.argv = ["hftranslate", *arguments]
    sys.stdout = sys.stderr
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    return 0

def kill_after(n):
    def counted(move):
        def moving(*args, **options):
            nonlocal n
            move(*args, **options)
            n -= 1
            if n == 0:
                os._exit(9)
        return moving
    os.replace, os.rename = counted(os.replace), counted(os.rename)

def status(n):
    if (child := os.fork()) == 0:
        try:
            kill_after(n)
            os._exit(run(os.path.join(states, str(n))))
        finally:
            os._exit(120)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

codes = [run(os.path.join(states, "0"))]  # undisturbed; the others need not import anything any more
while codes[-1] == 9 or len(codes) == 1 and codes[0] == 0:
    codes.append(status(len(codes)))
os.write(1, json.dumps(codes).encode())
"""


def killed_states(template: Path, arguments: Sequence[str], states: Path) -> tuple[list[Path], Path]:
    """Run a command line again and again in copies of a folder, and kill it after its n-th replacement of a file.

    Parameters
    ----------
    template
        the folder as it is before; the command runs in a copy of it.
    states
        a folder for the copies.

    Returns
    -------
    tuple
        the folders as the killed runs left them, in the order of n, and that of the run that came to its end.
    """
    states.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps([str(template), str(states), list(arguments)])],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    first, *killed, last = json.loads(run.stdout)
    assert first == last == 0, run.stderr
    assert killed == [_KILLED] * len(killed)
    assert content(states / str(len(killed) + 1)) == content(states / "0")
    return [states / str(n) for n in range(1, len(killed) + 1)], states / "0"


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their names; what is left of the run itself is not looked at."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".hftranslate-" not in path.as_posix()
    }


def copy_of(folder: Path, target: Path) -> Path:
    """A copy to go on with."""
    shutil.copytree(folder, target, symlinks=True)
    return target
