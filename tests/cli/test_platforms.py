"""What other machines are like: spawned processes, folders nobody may write to, no home, C's locale, few open files."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import hftranslate as hft
from hftranslate.workspace import Channel
from tests.conftest import REPOSITORY

DEMO = REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"
MAIN = "from hftranslate.cli import main; main()"
#: Several command lines, each in a fork of a process that has imported what they need.
SEVERAL = """
import json, os, sys
from hftranslate.cli import main
for line in json.loads(sys.argv[1]):
    if (child := os.fork()) == 0:
        sys.argv[1:] = line
        main()
        sys.exit()
    if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(code)
"""
#: As where processes are not forked: on macOS, on Windows, and everywhere from Python 3.14 on.
SPAWN = f"""
if __name__ == "__main__":
    import multiprocessing
    multiprocessing.set_start_method("spawn")
    {MAIN}
"""
#: root writes to whatever it likes, unless this is taken from it.
MORTAL = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def ran(
    folder: Path,
    *words: str | Path,
    code: str = MAIN,
    environment: dict[str, str | None] | None = None,
    before: list[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own; what has no value is not in its environment."""
    changed = {"PYTHONPATH": str(REPOSITORY), **(environment or {})}
    all_names = {**os.environ, **changed}
    return subprocess.run(
        [*(before or []), sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
        env={name: value for name, value in all_names.items() if value is not None},
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": None, "XDG_CACHE_HOME": None, "USERPROFILE": None},
        {"HOME": "/nowhere/at/all", "XDG_CACHE_HOME": None},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LANG": None, "LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
    ],
    ids=["no home", "a home that is not there", "C's locale", "ASCII"],
)
def test_an_environment_of_another_machine(
    environment: dict[str, str | None], translated_here: bytes, tmp_path: Path
) -> None:
    lines = [
        ["xml2json", str(DEMO), "-o", "theirs.json"],
        ["yields", "theirs.json", "--format", "text"],
        ["limit", "theirs.json"],
        ["inspect", "theirs.json"],
    ]
    found = ran(tmp_path, json.dumps(lines), code=SEVERAL, environment=environment)
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    assert (tmp_path / "theirs.json").read_bytes() == translated_here


@pytest.fixture(scope="module")
def translated_here(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("here")
    done = ran(folder, "xml2json", DEMO, "-o", "ours.json")
    assert done.returncode == 0, done.stderr
    return (folder / "ours.json").read_bytes()


def test_names_of_all_letters_under_the_locale_of_c(tmp_path: Path) -> None:
    workspace = hft.simplemodels.uncorrelated_background([5.0], [50.0], [7.0], [52])
    path = tmp_path / "größe_τ.json"
    hft.write(hft.rename(workspace, samples={"background": "Untergrund_ü", "signal": "σ"}), path)
    locale: dict[str, str | None] = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    found = ran(tmp_path, "json2xml", path.name, "-d", "xml", environment=locale)
    assert found.returncode == 0, found.stderr
    again = ran(tmp_path, "xml2json", "xml/FitConfig.xml", "-o", "again.json", environment=locale)
    assert again.returncode == 0, again.stderr
    samples = json.loads((tmp_path / "again.json").read_text("utf-8"))["channels"][0]["samples"]
    assert {s["name"] for s in samples} == {"Untergrund_ü", "σ"}


@pytest.mark.slow
def test_processes_that_are_spawned(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(SPAWN)
    found = {}
    for workers in ("1", "2"):
        words = ["cls", str(DEMO), "--toys", "40", "--seed", "3", "--workers", workers]
        done = subprocess.run(
            [sys.executable, tmp_path / "run.py", *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        assert done.returncode == 0, done.stderr
        found[workers] = json.loads(done.stdout)
    assert found["1"] == found["2"]


@pytest.mark.skipif(os.name == "nt", reason="modes of folders mean nothing here")
def test_a_folder_that_nobody_may_write_to(tmp_path: Path) -> None:
    """The message says so, nothing is left behind, and what needs no file works."""
    closed = tmp_path / "closed"
    closed.mkdir()
    hft.write(hft.simplemodels.uncorrelated_background([5.0], [50.0], [7.0], [52]), closed / "ws.json")
    names = sorted(closed.iterdir())
    before = MORTAL if os.getuid() == 0 else []
    if before and (shutil.which(before[0]) is None or subprocess.run([*before, "true"], check=False).returncode):
        pytest.skip("nothing here takes root's rights from it")
    closed.chmod(0o555)
    try:
        written = ran(closed, "json2xml", "ws.json", "-d", "xml", before=before)
        kept = ran(closed, "cls", "ws.json", "-o", "cls.json", before=before)
        shown = ran(closed, "cls", "ws.json", before=before)
    finally:
        closed.chmod(0o755)
    for refused in (written, kept):
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert "cannot be written" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert sorted(closed.iterdir()) == names
    assert shown.returncode == 0, shown.stderr


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit here")
def test_few_files_at_once(tmp_path: Path) -> None:
    """macOS allows 256 open files, some queues 64; here the histograms of a hundred channels lie in a file each."""
    one = hft.simplemodels.uncorrelated_background([5.0], [50.0], [7.0], [52])
    names = [f"c{i}" for i in range(100)]
    many = replace(one, channels=tuple(replace(one.channels[0], name=name) for name in names))
    many = replace(many, channels=tuple(_own_modifiers(c) for c in many.channels))
    hft.write(many, tmp_path / "FitConfig.xml")
    data = tmp_path / "data" / "data.root"
    for page in sorted((tmp_path / "config").glob("*.xml")):
        text = page.read_text("utf-8")
        shutil.copy(data, data.with_name(f"{page.stem}.root"))
        page.write_text(text.replace("data/data.root", f"data/{page.stem}.root"), "utf-8")
    data.unlink()
    code = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); {MAIN}"
    found = ran(tmp_path, "xml2json", "FitConfig.xml", "-o", "many.json", code=code)
    assert found.returncode == 0, found.stderr
    assert len(json.loads((tmp_path / "many.json").read_text("utf-8"))["channels"]) == len(names)


def _own_modifiers(channel: Channel) -> Channel:
    """Factors of bins belong to one channel."""
    samples = tuple(
        replace(
            s,
            modifiers=tuple(replace(m, name=f"{m.name}_{channel.name}") if m.name != "mu" else m for m in s.modifiers),
        )
        for s in channel.samples
    )
    return replace(channel, samples=samples)
