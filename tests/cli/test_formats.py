"""What commands print: a table for who looks on, JSON for pipes and files, and other kinds where they are asked for."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hftranslate as hft
from hftranslate.cli import COMMANDS, cli
from hftranslate.cli.groups import Group
from tests.cli.conftest import Runner

RUNS = [
    ("fit", "--minos", "mu"), ("cls",), ("limit",), ("significance",), ("gof",), ("scan", "mu", "--points", "4"),
    ("impacts",), ("yields",), ("cls", "--toys", "60"),
]  # fmt: skip


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    hft.write(hft.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [62, 60]), path)
    return path


def command(ws: Path, words: tuple[str, ...]) -> list[str | Path]:
    return [words[0], ws, *words[1:]]


def on_a_terminal(*arguments: str | Path, **environment: str) -> str:
    """What a command prints on a terminal."""
    ours, theirs = pty.openpty()
    code = "from hftranslate.cli import main; main()"
    run = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=theirs, env={**os.environ, **environment}
    )
    os.close(theirs)
    found = b""
    try:
        while part := os.read(ours, 4096):
            found += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert run.wait() == 0
    return found.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_json_is_for_pipes_and_files(ws: Path, run: Runner, words: tuple[str, ...]) -> None:
    plain = run(*command(ws, words))
    asked = run(*command(ws, words), "--format", "json")
    assert json.loads(plain.out) == json.loads(asked.out)
    kept = run(*command(ws, words), "-o", ws.with_name("out.json"))
    assert kept.out == ""
    assert json.loads(ws.with_name("out.json").read_text()) == json.loads(plain.out)
    assert kept.err.count("\n") == plain.err.count("\n") + 1  # a line that sums it up
    assert kept.err.rstrip().endswith(f"(in {ws.with_name('out.json')})")


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_other_kinds(ws: Path, run: Runner, words: tuple[str, ...]) -> None:
    text = run(*command(ws, words), "--format", "text").out
    assert "conventions: pyhf" in text
    assert len(text.splitlines()) > 3
    rows = list(csv.reader(io.StringIO(run(*command(ws, words), "--format", "csv").out)))
    assert len(rows) > 1
    latex = run(*command(ws, words), "--format", "latex").out
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") >= 1
    assert all(line.isascii() for line in latex.splitlines() if not line.startswith("%"))
    assert "| --- |" in run(*command(ws, words), "--format", "markdown").out
    asked = run(*command(ws, words), "--format", "text", "-o", ws.with_name("a.txt"))
    assert (asked.out, ws.with_name("a.txt").read_text()) == ("", text)


def test_csv_is_one_table_of_whole_numbers(ws: Path, run: Runner) -> None:
    model, data = hft.compile_model(hft.read(ws))
    found = hft.fitted_yields(model, data=data)
    text = run("yields", ws, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert "" not in text.splitlines()
    (channel,) = found.channels
    numbers = {(r["channel"], r["sample"], r["bin"]): (r["events"], r["uncertainty"]) for r in rows}
    assert len(numbers) == len(rows) == 4 * 3 + 4
    for i, name in enumerate(channel.samples):
        for j in range(2):
            pair = numbers["singlechannel", name, str(j)]
            assert tuple(map(float, pair)) == (channel.rates[i, j], channel.uncertainties[i, j])
        assert float(numbers["", name, ""][0]) == found.sample_sums[name][0]
    assert float(numbers["singlechannel", "total", ""][1]) == channel.sum_uncertainty
    assert numbers["", "observed", ""] == ("122.0", "")


@pytest.mark.parametrize("words", [*RUNS, ("inspect",), ("doctor",)], ids=" ".join)
def test_csv_has_one_row_of_names(ws: Path, run: Runner, words: tuple[str, ...]) -> None:
    text = run(*command(ws, words), "--format", "csv").out
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1  # an empty line would begin another table
    assert "±" not in text


@pytest.mark.parametrize("word", ["inspect", "doctor"])
def test_what_is_looked_at_comes_in_every_kind(ws: Path, run: Runner, word: str) -> None:
    plain, text = run(word, ws).out, run(word, ws, "--format", "text").out
    assert plain == text
    assert isinstance(json.loads(run(word, ws, "--format", "json").out), dict)
    assert "| --- |" in run(word, ws, "--format", "markdown").out
    assert r"\begin{tabular}" in run(word, ws, "--format", "latex").out
    kept = ws.with_name("kept")
    assert run(word, ws, "--format", "csv", "-o", kept).code == 0
    assert kept.read_text() == run(word, ws, "--format", "csv").out
    assert run(word, ws, "-o", kept).code == 0
    assert json.loads(kept.read_text()) == json.loads(run(word, ws, "--format", "json").out)


def test_a_value_at_its_bound_has_one_side(tmp_path: Path, run: Runner) -> None:
    """Nothing is observed, the expectation is 5 mu: mu ends at 0, and twice the NLL rises by one at mu = 0.5 / 5."""
    path = tmp_path / "few.json"
    hft.write(hft.simplemodels.uncorrelated_background([5.0], [1e-9], [1e-9], [0]), path)
    assert "mu = 0 (+0.1) at the lower end of its range" in run("fit", path, "--format", "text").out


def test_more_tested_values_of_a_limit(ws: Path, run: Runner) -> None:
    few, many = (json.loads(run("limit", ws, *more).out) for more in ((), ("--points", "9")))
    assert len(many.pop("scan")) >= len(few.pop("scan")) + 7
    assert many == few
    refused = run("limit", ws, "--points", "9", "--toys", "10")
    assert (refused.code, refused.out) == (2, "")
    assert "not by toys" in refused.err
    kept, picture = ws.with_name("limit.json"), ws.with_name("limit.png")
    run("limit", ws, "--points", "9", "-o", kept)
    assert run("plot", "brazil", kept, "--log", "--experiment", "CMS", "--lumi", "138", "-o", picture).code == 0
    alone = run("plot", "brazil", kept, "--theory", kept, "-o", ws.with_name("alone.png"))
    assert (alone.code, ws.with_name("alone.png").exists()) == (2, False)
    assert "--theory stands beside limits against a mass" in alone.err
    fit = ws.with_name("fit.json")
    run("fit", ws, "-o", fit)
    assert run("plot", "pulls", fit, "--exclude", "uncorr*[0]", "--sort", "-o", picture).code == 0
    several = run("plot", "pulls", fit, "--top", "1", "--pages", "5", "-o", ws.with_name("pages.png"))
    assert [Path(line.removeprefix("wrote ")).name for line in several.err.splitlines()] == [
        "pages.png",
        "pages-2.png",
    ]
    stack = ws.with_name("yields.json")
    run("yields", ws, "--postfit", "-o", stack)
    assert run("plot", "yields", stack, "--overlay", "3", "--blind", "single*", "-o", picture).code == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_terminal_shows_a_table(ws: Path, run: Runner) -> None:
    coloured = on_a_terminal("cls", ws, NO_COLOR="", TERM="xterm")
    assert re.match(r"\x1b\[1;36mCLs = .*\x1b\[0m$", coloured.splitlines()[0])
    plain, asked = on_a_terminal("cls", ws, NO_COLOR="1"), run("cls", ws, "--format", "text").out
    assert "\x1b" not in plain + on_a_terminal("cls", ws, NO_COLOR="", TERM="dumb")
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == plain.split()
    assert [w for w in plain.split() if "─" not in w] == [w for w in asked.split() if "--" not in w]
    assert on_a_terminal("cls", ws, "--format", "text") == asked
    assert json.loads(on_a_terminal("cls", ws, "--format", "json"))["CLs_obs"] > 0.0


def test_long_tables_are_cut_on_a_terminal_only(ws: Path, run: Runner) -> None:
    shown = on_a_terminal("scan", ws, "mu", "--points", "70", NO_COLOR="1")
    assert "and 10 more rows, which --format text shows" in shown
    assert len(run("scan", ws, "mu", "--points", "70", "--format", "text").out.splitlines()) == 74


def test_help_is_in_sections_and_no_summary_is_cut(run: Runner) -> None:
    text = run("fit", "--help").out
    sections = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert sections == ["Options:", "Reading XML, ROOT and HS3 files:", "Model and conventions:", "Output:", "Fit:"]
    assert "Toys and many fits:" in run("cls", "--help").out
    context = cli.make_context("hftranslate", [], resilient_parsing=True)
    for name in COMMANDS:
        found = cli.get_command(context, name)
        if isinstance(found, Group):  # each summary is the whole first sentence
            said = " ".join(run(name, "--help").out.split())
            for one in found.list_commands(context):
                help_text = found.get_command(context, one).help
                assert " ".join(help_text.split(". ")[0].split("\n\n")[0].split()).rstrip(".") in said
        if not isinstance(found, Group):  # every option is in one section, and none is left out
            assert found is not None
            options = {
                o for p in found.get_params(context) if not getattr(p, "hidden", False) for o in p.opts if o[:2] == "--"
            }
            shown = run(name, "--help").out
            assert all(option in shown for option in options)
