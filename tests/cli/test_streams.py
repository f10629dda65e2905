"""Standard streams that are closed, full, or read by nobody."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Runner
from tests.cli.documents import text
from tests.cli.test_paths import ALL
from tests.conftest import REPOSITORY

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
PROGRAM = f"{sys.executable} -c 'from hftranslate.cli import run; run()'"

#: Every command in a process of its own, with a standard output that takes nothing.
_ALL_COMMANDS = """
import json, os, sys
from importlib import import_module
from hftranslate.cli import COMMANDS, main
lines, how = json.loads(sys.argv[1])
for module in COMMANDS:
    import_module(f"hftranslate.cli.{module}")

def run(line):
    if how == "closed":
        os.close(1)
        sys.stdout = None
    else:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    sys.argv = ["hftranslate", *line]
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    return 0

for line in lines:
    if (child := os.fork()) == 0:
        try:
            os._exit(run(line))
        finally:
            os._exit(120)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ws.json").write_text(text())
    return tmp_path


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line for bash, in which PROGRAM is the command line and the exit code is that of its first part."""
    script = f"{line.replace('PROGRAM', PROGRAM)}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=folder, env=ENVIRONMENT
    )


@pytest.mark.parametrize(("how", "says"), [("closed", "it is closed"), ("full", "No space left on device")])
def test_every_command_tells_that_it_cannot_print(how: str, says: str) -> None:
    lines = [["--version"], ["--help"], *([*name.split(), "--help"] for name in ALL)]
    run = subprocess.run(
        [sys.executable, "-c", _ALL_COMMANDS, json.dumps([lines, how])],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert run.stdout.split() == ["2"] * len(lines)
    assert run.stderr == f"hftranslate: standard output: {says}\n" * len(lines)


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("PROGRAM fit ws.json >&-", 2, "hftranslate: standard output: it is closed\n"),
        ("PROGRAM fit ws.json >/dev/full", 2, "hftranslate: standard output: No space left on device\n"),
        ("PROGRAM inspect - <&-", 2, "hftranslate: standard input is closed; name a file\n"),
        (
            "PROGRAM fit ws.json -o out.json >&-",
            0,
            "fit converged: mu = 1.1 ± 1.4, 5 parameters, twice NLL 1.719964 (in out.json)\n",
        ),
        ("PROGRAM sort ws.json -o /dev/full", 2, "hftranslate: /dev/full cannot be written: No space left on device\n"),
        ("PROGRAM fit nothing.json 2>&-", 2, ""),
        ("PROGRAM fit nothing.json 2>/dev/full", 2, ""),
        ("PROGRAM json2xml ws.json -d out 2>/dev/full", 0, ""),
        ("PROGRAM json2xml ws.json -d out >&- 2>&- <&-", 0, ""),
        ("PROGRAM sort ws.json | true", 0, ""),
        ("PROGRAM fit nothing.json 2>&1 | true", 2, ""),
        ("PROGRAM diff ws.json other.json --no-sidecar | true", 1, ""),
        ("PROGRAM sort ws.json -o >(true)", 0, ""),
    ],
)
def test_streams_as_the_shell_gives_them(line: str, code: int, says: str, folder: Path) -> None:
    (folder / "other.json").write_text(text().replace("50.0", "49.0"))
    found = shell(line, folder)
    assert found.stderr == says
    assert found.returncode == code
    if "out.json" in line:
        assert json.loads((folder / "out.json").read_text())["status"] == "converged"


def test_what_an_encoding_has_no_letter_for_is_escaped(folder: Path) -> None:
    (folder / "greek.json").write_text(text().replace('"mu"', '"μ"'))
    found = shell("PYTHONIOENCODING=latin-1 PROGRAM fit greek.json --format text | iconv -f latin1 -t utf-8", folder)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(r"fit converged: \u03bc = 1.1 ± 1.4")


def test_files_are_written_though_nobody_reads_what_is_printed(folder: Path) -> None:
    """The answer of a comparison stays its answer, too."""
    assert shell("PROGRAM results ws.json -o ref.json", folder).returncode == 0
    (folder / "other.json").write_text(text().replace("50.0", "49.0"))
    for file, code in (("ws.json", 0), ("other.json", 1)):
        found = shell(f"PROGRAM crosscheck {file} ref.json --json {code}.json | true", folder)
        assert (found.returncode, found.stderr) == (code, "")
        assert json.loads((folder / f"{code}.json").read_text())["passed"] is (code == 0)


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("cls ws.json --calctype toybased --toys 200 --resume kept.jsonl", "kept.jsonl"),
        ("json2xml ws.json -d out", "out/HistFactorySchema.dtd"),
        ("report ws.json -o report.html", "report.html"),
    ],
)
def test_a_file_that_may_not_grow_is_named(line: str, file: str, folder: Path) -> None:
    """As on a full disk: no file may become larger than so many blocks."""
    run = shell(f"ulimit -f 2; export PYTHONDONTWRITEBYTECODE=1; PROGRAM {line} --hide-progress", folder)
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == f"hftranslate: {file} cannot be written: File too large"


def test_translations_go_to_standard_output(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, the same as in a file; no file is called like it."""
    monkeypatch.chdir(tmp_path)
    Path("w.json").write_text(text())
    assert run("json2hs3", "w.json", "w.hs3.json", "--no-sidecar").code == 0
    assert run("convert", "w.hs3.json", "back.json", "--no-sidecar").code == 0
    for line, file in (
        (("json2hs3", "w.json", "-"), "w.hs3.json"),
        (("convert", "w.json", "-o", "-", "--to", "hs3"), "w.hs3.json"),
        (("hs32json", "w.hs3.json", "-", "--verify"), "back.json"),
        (("convert", "w.hs3.json", "-", "--to", "pyhf-json"), "back.json"),
    ):
        found = run(*line)
        assert (found.code, json.loads(found.out)) == (0, json.loads(Path(file).read_text())), line
    assert "marked 'carried' are lost" in run("json2hs3", "w.json", "-").err
    for line, says in (
        (("convert", "w.json", "-"), "standard output takes JSON"),
        (("convert", "w.json", "-", "--to", "xml"), "standard output takes JSON"),
        (("json2hs3", "w.json", "-", "--verify"), "from a file, not from standard output"),
    ):
        found = run(*line)
        assert (found.code, found.out) == (2, "")
        assert says in found.err
    assert not Path("-").exists()


@pytest.mark.parametrize(("arguments", "code"), [("--help", 0), ("digest nowhere.json", 2), ("no-such-command", 2)])
def test_the_program_ends_with_its_code_and_after_what_was_registered_for_the_end(arguments: str, code: int) -> None:
    check = (
        f"import atexit, sys; sys.argv = ['hftranslate', *{arguments.split()!r}]\n"
        "atexit.register(lambda: print('done', flush=True))\n"
        "from hftranslate.cli import run\n"
        "run()\n"
    )
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert found.returncode == code
    assert found.stdout.endswith("done\n")
    assert bool(found.stderr) == bool(code)


@pytest.mark.parametrize("options", ["-m cProfile -o seen", "-m trace --count -C seen"])
def test_a_profiler_keeps_what_it_saw(options: str, folder: Path) -> None:
    (folder / "program.py").write_text("from hftranslate.cli import run\nrun()\n")
    found = shell(f"{sys.executable} {options} program.py --version", folder)
    assert (found.returncode, found.stderr) == (0, "")
    assert (folder / "seen").exists()


def test_other_threads_are_waited_for() -> None:
    check = (
        "import sys, threading, time; sys.argv = ['hftranslate', '--help']\n"
        "threading.Thread(target=lambda: (time.sleep(0.5), print('done', flush=True))).start()\n"
        "from hftranslate.cli import run\n"
        "run()\n"
    )
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (found.returncode, found.stdout.splitlines()[-1]) == (0, "done")
