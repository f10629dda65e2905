"""Commands run in this process, as the installed program runs them."""

import io
import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hftranslate.cli import main


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str


Runner = Callable[..., Run]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Run a command line; ``stdin`` is what it reads from standard input."""

    def command(*arguments: str | Path, stdin: bytes = b"") -> Run:
        monkeypatch.setattr(sys, "argv", ["hftranslate", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        of_fits = logging.getLogger("hftranslate.fit")  # a process runs one command, a test several
        of_fits.handlers.clear()
        of_fits.setLevel(logging.NOTSET)
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        out, err = capsys.readouterr()
        assert "internal error" not in err
        return Run(code, out, err)

    return command


def pyhf_says(*arguments: str | Path, stdin: bytes = b"") -> str:
    """The standard output of pyhf's command line."""
    from click.testing import CliRunner
    from pyhf.cli import cli

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = CliRunner().invoke(cli, list(map(str, arguments)), input=stdin)
    assert found.exit_code == 0, found.output
    return found.stdout
