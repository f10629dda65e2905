"""The commands that draw."""

import json
from pathlib import Path

import numpy as np
import pytest

from hftranslate.toys.kept import kept_sample
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


@pytest.mark.slow
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
    fewer = run("plot", "impacts", results / "impacts.json", "--top", "3", "-o", results / "p.png")
    assert fewer.err == f"note: {results / 'p-2.png'} was there before and is no page of this picture\n"
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


def kept(path: Path, *lines: tuple[str, object]) -> Path:
    """Toys as --resume keeps them."""
    task = {"what": "toys", "test_stat": "qtilde"}
    rows = [{"task": task}, *({"key": key, "result": result} for key, result in lines)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_kept_toys(run: Runner, tmp_path: Path) -> None:
    one = kept(
        tmp_path / "one.jsonl",
        ("poi=1.0 observed", {"q": 2.0, "muhat": 0.1}),
        ("poi=1.0 seed=0 signal 0", [0.1, 0.5, None]),
        ("poi=1.0 seed=0 background 0", [1.0, 3.0]),
    )
    more = kept(tmp_path / "more.jsonl", ("poi=1.0 seed=1 signal 0", [4.0]), ("poi=2.0 seed=0 signal 0", [1.0]))
    two = kept(
        tmp_path / "two.jsonl",
        ("poi=2.0 observed", {"q": 1.0, "muhat": 0.1}),
        ("poi=2.0 seed=0 signal 0", [1.0]),
        ("poi=2.0 seed=0 background 0", [2.0]),
    )
    found, test_stat = kept_sample((one, more), 1.0)
    assert (found.poi_test, found.observed["q"], test_stat) == (1.0, 2.0, "qtilde")
    np.testing.assert_array_equal(found.sample.signal, [0.1, 0.5, np.nan, 4.0])
    np.testing.assert_array_equal(found.sample.background, [1.0, 3.0])
    test = tmp_path / "cls.json"
    test.write_text(json.dumps({"q_asimov": 3.0, "poi_test": 1.0}))
    picture = tmp_path / "a.png"
    assert run("plot", "toys", one, "-o", picture, "--asymptotics", test).code == 0
    assert picture.read_bytes().startswith(PNG)
    other = kept(tmp_path / "other.jsonl", ("(0, 50)", [1.0]))
    for arguments, message in (
        ([one, two], "toys of 2 tested values are kept ([1.0, 2.0]): choose one with --poi"),
        ([one, "--poi", "3"], "no toys of both hypotheses are kept for 3.0; there are [1.0]"),
        ([more, "--poi", "1"], "no toys of both hypotheses"),
        ([tmp_path / "none"], "there is no file"),
        ([other], "holds other results than toys: '(0, 50)'"),
        ([one, "--asymptotics", one], "not valid JSON"),
    ):
        found_wrong = run("plot", "toys", *arguments, "-o", tmp_path / "b.png")
        assert found_wrong.code == 2
        assert message in found_wrong.err
    test.write_text(json.dumps({"q_asimov": 3.0, "poi_test": 2.0}))
    wrong = run("plot", "toys", one, "-o", tmp_path / "b.png", "--asymptotics", test)
    assert wrong.code == 2
    assert "no asymptotic test of 1 as 'hftranslate cls' writes it, but of 2.0" in wrong.err
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("kind", ["brazil", "pulls", "correlations", "impacts", "yields", "scan", "contour"])
def test_json_of_something_else(run: Runner, tmp_path: Path, kind: str) -> None:
    for k, content in enumerate((text(), '{"parameters": 1.5}', '{"channels": [1], "labels": 2}')):
        other = tmp_path / f"{k}.json"
        other.write_text(content)
        found = run("plot", kind, other, "-o", tmp_path / "a.png")
        assert (found.code, found.out) == (2, "")
        assert any(words in found.err for words in ("writes it", "writes them", "expected the result of"))
        assert not (tmp_path / "a.png").exists()


def test_what_pulls_and_yields_can_be_told(run: Runner, results: Path) -> None:
    picture = results / "a.png"
    found = run("plot", "pulls", results / "fit.json", "--group", "all=*", "--by-name", "--sort", "-o", picture)
    assert (found.code, found.err) == (0, "")
    assert run("plot", "pulls", results / "fit.json", "--group", "all", "-o", picture).code == 2
    hidden = ("--blind-above", "0.1", "--overlay", "2", "--no-agreement")
    assert run("plot", "yields", results / "yields.json", *hidden, "-o", picture).code == 0


def grid(path: Path, what: str) -> Path:
    """A scan of nine points as 'patchset scan' writes it: excluded where x is small."""
    bands = {x: [0.5 * x, 0.7 * x, x, 1.4 * x, 2.0 * x] for x in (0.5, 1.0, 2.0)}
    found = {
        x: {"observed": x, "expected": b}
        if what == "limit"
        else {"CLs_obs": 0.04 * x, "CLs_exp": [0.04 * v for v in b]}
        for x, b in bands.items()
    }
    points = [{"name": f"p{x}_{y}", "values": [x, y], **found[x]} for x in found for y in (1, 2, 3)]
    path.write_text(json.dumps({"what": what, "level": 0.05, "labels": ["x", "y"], "points": points, "failed": []}))
    return path


def test_what_contours_can_be_told(run: Runner, tmp_path: Path) -> None:
    limits, cls, picture = grid(tmp_path / "l.json", "limit"), grid(tmp_path / "c.json", "cls"), tmp_path / "a.png"
    (tmp_path / "p.csv").write_text("x,y\n0.6,1\n0.8,2\n")
    (tmp_path / "t.csv").write_text(
        "x,y,uncertainty\n" + "".join(f"{x},{y},0.2\n" for x in (0.5, 1, 2) for y in (1, 2, 3))
    )
    options = ("--overlay", f"published={tmp_path / 'p.csv'}", "--overlay", f"other={cls}", "--validate")
    found = run("plot", "contour", limits, *options, "--theory", tmp_path / "t.csv", "--lumi", "139", "-o", picture)
    assert found.code == 0, found.err
    assert "left out and predicted from the others" in found.err
    assert picture.read_bytes().startswith(PNG)
    for wrong, said in (
        (("--overlay", "nothing"), "expected NAME=FILE"),
        (("--overlay", f"a={tmp_path / 'none.csv'}"), "no such file"),
        (("--theory", tmp_path / "t.csv"), "move limits"),
    ):
        ended = run("plot", "contour", cls, *wrong, "-o", tmp_path / "b.png")
        assert ended.code == 2
        assert said in ended.err
    assert not (tmp_path / "b.png").exists()


def test_a_prediction_beside_limits(run: Runner, results: Path) -> None:
    (results / "t.csv").write_text("x,value,low,high\n200,2,1.8,2.2\n300,0.5,0.4,0.6\n")
    limits = [results / "limit.json", results / "limit.json"]
    how = ("--at", "200", "--at", "300", "--theory", results / "t.csv")
    assert run("plot", "brazil", *limits, *how, "-o", results / "a.png").code == 0
