"""Bars for long tasks: on a terminal, after a second, and not where they are hidden."""

import io
import json
import re
from types import SimpleNamespace

import pytest

from hftranslate.batch.progress import silent
from hftranslate.cli.options import progress as module
from hftranslate.cli.options.progress import ProgressBar
from hftranslate.formats.pyhf_json import from_document
from hftranslate.translation.load import load
from hftranslate.translation.write import to_pyhf_json, to_xml, write_xml
from tests.cli.documents import document


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Standard error as a terminal, and commands that take longer than anybody's patience."""
    stream = Terminal()
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    return stream


def test_steps_with_their_bars(terminal):
    with ProgressBar() as bar:
        bar("reading", 0, 4)
        bar("reading", 2, 4)
        bar("writing", 1, 2)
    text = terminal.getvalue()
    for part in ("reading", " 50%", "100%", "writing"):
        assert part in text
    assert text.index("reading") < text.index("100%") < text.index("writing")
    assert text.count("\n") == 2  # a line for each


def test_the_time_that_is_left(terminal, monkeypatch):
    """Two of eight parts were there when the step began and took no time; two more took ten seconds."""
    now = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now[0]))
    with ProgressBar() as bar:
        bar("toys", 2, 8)
        assert "left" not in terminal.getvalue()
        now[0] += 10.0
        bar("toys", 4, 8)
        assert "0:00:20 left" in terminal.getvalue()
        now[0] += 3590.0
        bar("toys", 6, 8)
        assert "0:30:00 left" in terminal.getvalue()
        bar("toys", 8, 8)
    assert terminal.getvalue().split("\r")[-1].count("left") == 0


def test_a_step_that_begins_again_gets_another_bar(terminal):
    with ProgressBar() as bar:
        for _ in range(2):
            for i in range(4):
                bar("reading", i, 4)
    text = terminal.getvalue()
    percentages = [int(p) for p in re.findall(r"(\d+)%", text)]
    assert percentages == [0, 25, 50, 75, 100] * 2


def test_a_failure_leaves_the_bar_where_it_was(terminal):
    def fail(progress):
        progress("reading", 1, 4)
        raise ValueError("oops")

    with pytest.raises(ValueError, match="oops"), ProgressBar() as bar:
        fail(bar)
    assert "25%" in terminal.getvalue()
    assert "100%" not in terminal.getvalue()


@pytest.mark.parametrize("case", ["hidden", "quick", "no terminal"])
def test_no_bar(case, monkeypatch, terminal):
    if case == "quick":
        monkeypatch.setattr(module, "PATIENCE", 1000.0)
    if case == "no terminal":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    with ProgressBar(shown=case != "hidden") as bar:
        bar("reading", 1, 4)
    assert terminal.getvalue() == ""


def test_translations_tell_their_progress(tmp_path):
    workspace = from_document(document())
    told = []

    def listen(step, done, total):
        assert 0 <= done < total
        told.append(step)

    model = to_xml(workspace, progress=listen)
    assert set(told) == {"effects on the likelihood", "effects on CLs"}
    write_xml(model, tmp_path, sidecar=False)
    told.clear()
    loaded = load(tmp_path / "FitConfig.xml", progress=listen)
    assert told == ["reading channels"]
    told.clear()
    to_pyhf_json(loaded.workspace, progress=listen)
    assert "effects on the likelihood" in told
    told.clear()
    silent("nothing", 0, 1)
    assert told == []


def test_commands_show_bars_unless_hidden(run, terminal, tmp_path, monkeypatch):
    (tmp_path / "ws.json").write_text(json.dumps(document()))
    monkeypatch.chdir(tmp_path)
    for options, shown in (([], True), (["--hide-progress"], False)):
        for command in (["json2xml", "ws.json", "-d", "xml"], ["xml2json", "xml/FitConfig.xml", "-o", "again.json"]):
            for more in ([], ["--verify"]):
                terminal.truncate(0)
                assert run(*command, *more, *options).code == 0
                assert ("100%" in terminal.getvalue()) == shown
                assert ("comparing likelihoods" in terminal.getvalue()) == (shown and bool(more))
        terminal.truncate(0)
        assert run("diff", "ws.json", "xml/FitConfig.xml", *options).code == 0
        assert ("comparing likelihoods" in terminal.getvalue()) == shown
