"""The commands that draw."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner
from tests.cli.documents import text

PNG = b"\x89PNG"


@pytest.fixture
def results(run: Runner, tmp_path: Path) -> Path:
    """A folder with what the commands write about a small model."""
    ws = tmp_path / "ws.json"
    ws.write_text(text())
    for words in (
        ["fit"],
        ["limit"],
        ["impacts"],
        ["yields"],
        ["scan", "mu", "--points", "5"],
    ):
        found = run(words[0], ws, *words[1:], "-o", tmp_path / f"{words[0]}.json")
        assert found.code == 0, found.err
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("brazil", "limit"),
        ("pulls", "fit"),
        ("correlations", "fit"),
        ("impacts", "impacts"),
        ("yields", "yields"),
        ("scan", "scan"),
    ],
)
def test_each_kind(run: Runner, results: Path, kind: str, source: str) -> None:
    path = results / f"{source}.json"
    found = run("plot", kind, path, "-o", results / "a.png", "--title", "t", "--style", "cms")
    assert (found.code, found.out, found.err) == (0, "", "")
    assert (results / "a.png").read_bytes().startswith(PNG)
    assert run("plot", kind, "-o", results / "b.svg", stdin=path.read_bytes()).code == 0
    assert (results / "b.svg").read_text().startswith("<?xml")
    for wrong in ("{}", "[]"):
        (results / "wrong.json").write_text(wrong)
        found = run("plot", kind, results / "wrong.json", "-o", results / "c.png")
        assert found.code == 2
        assert found.err.startswith("hftranslate: ")
        assert not (results / "c.png").exists()
    assert run("plot", kind, path).code == 2  # no output named
    found = run("plot", kind, path, "-o", results / "nowhere" / "a.png")
    assert found.code == 2
    assert "there is no folder" in found.err


def test_several_limits_make_a_band(run: Runner, results: Path) -> None:
    limits = [results / "limit.json", results / "limit.json"]
    found = run("plot", "brazil", *limits, "--at", "200", "--at", "300", "--x-name", "m", "-o", results / "a.pdf")
    assert found.code == 0
    assert (results / "a.pdf").read_bytes().startswith(b"%PDF")
    found = run("plot", "brazil", *limits, "-o", results / "a.pdf")
    assert found.code == 2
    assert "2 limits and 0 values of --at" in found.err


def test_pages(run: Runner, results: Path) -> None:
    found = run("plot", "impacts", results / "impacts.json", "--top", "3", "--pages", "5", "-o", results / "p.png")
    assert found.code == 0
    assert found.err.count("wrote") == 2  # four parameters
    assert (results / "p-2.png").read_bytes().startswith(PNG)
    document = json.loads((results / "yields.json").read_text())
    document["channels"] = [{**document["channels"][0], "name": f"SR{i}"} for i in range(7)]
    (results / "many.json").write_text(json.dumps(document))
    assert run("plot", "yields", results / "many.json", "-o", results / "y.png").err.count("wrote") == 2
    chosen = run("plot", "yields", results / "many.json", "--channel", "SR3", "-o", results / "one.png")
    assert (chosen.code, chosen.err) == (0, "")
    wrong = run("plot", "yields", results / "many.json", "--channel", "XX", "-o", results / "none.png")
    assert wrong.code == 2
    assert "no channel 'XX' in the yields" in wrong.err
    many = results / "many.json"
    both = run("plot", "yields", many, many, "--channel", "SR1", "-o", results / "b.png")
    assert both.code == 0


def test_correlations_below_the_threshold(run: Runner, results: Path) -> None:
    found = run("plot", "correlations", results / "fit.json", "--threshold", "0.999", "-o", results / "a.png")
    assert found.code == 2
    assert "lower the threshold" in found.err
