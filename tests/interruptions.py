"""Commands stopped after every file that they put in its place, as power cuts and impatient people do."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest


def killed_states(
    template: Path, arguments: Sequence[str], states: Path, command: Callable[..., None]
) -> tuple[list[Path], Path]:
    """Run a command line in a copy of a folder, and keep the folder as it is after each replacement of a file.

    That is what a process leaves that is killed at that moment: nothing of it runs any more.

    Parameters
    ----------
    template
        the folder as it is before; the command runs in a copy of it.
    states
        a folder for the copies.
    command
        runs a command line, given by its words after the folder, in a folder.

    Returns
    -------
    tuple
        the folders as they were after each replacement, in order, and that of a run that nobody watched.
    """
    states.mkdir()
    done, watched = (copy_of(template, states / name) for name in ("done", "watched"))
    command(done, *arguments)
    killed: list[Path] = []

    def kept(move: Callable[..., None]) -> Callable[..., None]:
        def moving(*args: Any, **options: Any) -> None:
            move(*args, **options)
            killed.append(states / str(len(killed) + 1))
            # by another program: this one looks at what it opens itself while a command runs
            subprocess.run(["cp", "-R", "-P", watched, killed[-1]], check=True)

        return moving

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "rename"):
            patch.setattr(os, name, kept(getattr(os, name)))
        command(watched, *arguments)
    assert content(watched) == content(done)
    return killed, done


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
