"""The commands scan, impacts, gof and yields."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hftranslate.batch.run_many import Failed
from tests.cli.conftest import Runner
from tests.cli.documents import document, text
from tests.conftest import REPOSITORY

DEMO = REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


def result(run: Runner, *arguments: str | Path) -> dict:
    found = run(*arguments)
    assert found.code == 0, found.err
    return json.loads(found.out)


def test_scan(run: Runner, ws: Path) -> None:
    found = result(run, "scan", ws, "mu", "--points", "5", "--range", "0:2")
    assert found["parameters"] == ["mu"]
    assert found["values"] == [[0.0, 0.5, 1.0, 1.5, 2.0]]
    best = json.loads(run("fit", ws).out)
    assert found["best_fit"] == best["mle_parameters"]["mu"]
    held = json.loads(run("fit", ws, "--fix", "mu=2").out)
    assert found["twice_delta_nll"][-1] == pytest.approx(held["twice_nll"] - best["twice_nll"], abs=1e-6)
    assert set(found["crossings"]) == {"1", "4"}
    automatic = result(run, "scan", ws, "alpha_JES")
    assert automatic["parameters"] == ["JES"]
    assert len(automatic["values"][0]) == 41
    two = result(run, "scan", ws, "mu", "JES", "--points", "3", "--points", "2")
    assert [len(v) for v in two["values"]] == [3, 2]
    assert [len(v) for v in two["twice_delta_nll"]] == [2, 2, 2]


def test_scan_reports_points_without_fit(run: Runner, ws: Path) -> None:
    found = run("scan", ws, "mu", "--range", "-1e9:1", "--points", "2")
    assert found.code == 0
    assert json.loads(found.out)["twice_delta_nll"][0] is None
    assert "no value at mu = -1e+09: fit failed" in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mu", "JES", "lumi"], "one or two parameters"),
        ([], "one or two parameters"),
        (["muu"], "no parameter 'muu'; did you mean 'mu'?"),
        (["mu", "--range", "0:1", "--range", "0:2"], "--range: 2 given for 1 parameters (mu)"),
        (["mu", "JES", "--range", "0:1"], "--range: 1 given for 2 parameters (mu, JES)"),
        (["mu", "--range", "1"], "--range: expected LOW:HIGH, not '1'"),
        (["mu", "--range", "2:1"], "'2:1' is no range; LOW must be below HIGH"),
        (["mu", "--range", "a:1"], "--range: 'a' is no number"),
        (["mu", "--points", "1"], "--points"),
        (["mu", "--fix", "mu=1"], "'mu' is constant in this fit"),
        (["mu", "--bounds", "mu"], "--bounds mu: expected NAME=LOW:HIGH"),
    ],
)
def test_wrong_scans(run: Runner, ws: Path, arguments: list[str], message: str) -> None:
    found = run("scan", ws, *arguments)
    assert found.code == 2
    assert message in found.err
    assert found.out == ""


def test_restrictions(run: Runner, ws: Path) -> None:
    found = result(run, "scan", ws, "mu", "--bounds", "mu=0.5:0.75", "--points", "3")
    assert found["values"] == [[0.5, 0.625, 0.75]]
    asimov = result(run, "scan", ws, "mu", "--asimov", "1", "--fix", "JES=0")
    assert asimov["best_fit"] == pytest.approx([1.0], abs=1e-4)


def test_resuming(run: Runner, ws: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    first = run("scan", ws, "mu", "--range", "0:2", "--points", "3", "--resume", kept)
    assert len(kept.read_text().splitlines()) == 4
    assert run("scan", ws, "mu", "--range", "0:2", "--points", "3", "--resume", kept).out == first.out
    assert len(kept.read_text().splitlines()) == 4
    for other in (["JES"], ["mu", "--fix", "JES=0"]):
        wrong = run("scan", ws, *other, "--resume", kept)
        assert wrong.code == 2
        assert "holds the results of another task" in wrong.err


def test_workers_give_the_same(run: Runner, ws: Path) -> None:
    """Two processes: everything that travels to them pickles."""
    alone, together = (run("impacts", ws, "--workers", n).out for n in ("1", "2"))
    assert alone == together
    assert json.loads(alone)["parameters"]


def test_impacts(run: Runner, ws: Path) -> None:
    found = result(run, "impacts", ws, "--group", "stat=staterror*", "--group", "rest=JES", "--group", "rest=lumi")
    names = [p["name"] for p in found["parameters"]]
    assert sorted(names) == ["JES", "lumi", "staterror_SR[0]", "staterror_SR[1]"]
    assert list(found["groups"]) == ["stat", "rest", "statistical", "systematic"]
    assert found["poi"]["name"] == "mu"
    one = result(run, "impacts", ws, "--parameter", "alpha_JES", "--minos")
    assert [p["name"] for p in one["parameters"]] == ["JES"]
    assert one["widths"] == "minos"
    table = run("impacts", ws, "--format", "table", "--top", "2")
    assert table.code == 0
    assert "and 2 more with smaller impacts" in table.out


def test_csv_has_all_impacts(run: Runner, tmp_path: Path) -> None:
    """Nothing in a CSV file could say that there are more."""
    modifiers = [{"name": f"np{i}", "type": "normsys", "data": {"lo": 0.99, "hi": 1.01 + i / 1e4}} for i in range(35)]
    background = {"name": "background", "data": [100.0], "modifiers": modifiers}
    signal = {"name": "signal", "data": [10.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]}
    many = {
        "channels": [{"name": "SR", "samples": [signal, background]}],
        "observations": [{"name": "SR", "data": [108.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    path = tmp_path / "many.json"
    path.write_text(json.dumps(many))
    rows = [
        line for line in run("impacts", path, "--format", "csv").out.splitlines() if line.startswith("parameter,np")
    ]
    assert len(rows) == 35
    few = run("impacts", path, "--format", "csv", "--top", "3").out.splitlines()
    assert len([line for line in few if line.startswith("parameter,np")]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--group", "x"], "--group x: expected NAME=PATTERN"),
        (["--group", "x=foo*"], "no parameter fits 'foo*'"),
        (["--parameter", "JESS"], "no parameter 'JESS'; did you mean 'JES'?"),
        (["--fix", "mu=1"], "the parameter of interest 'mu' is constant"),
    ],
)
def test_wrong_impacts(run: Runner, ws: Path, arguments: list[str], message: str) -> None:
    found = run("impacts", ws, *arguments)
    assert found.code == 2
    assert message in found.err


def test_impacts_tell_of_bounds_and_failed_fits(run: Runner, tmp_path: Path) -> None:
    content = document()
    content["observations"][0]["data"] = [40, 40]
    path = tmp_path / "low.json"
    path.write_text(json.dumps(content))
    found = run("impacts", path)
    assert (found.code, found.out) == (2, "")
    assert "the best fit of 'mu' lies at its bound, 0" in found.err
    assert "--asimov 1" in found.err
    assert result(run, "impacts", path, "--asimov", "1")["parameters"][0]["postfit"][0] != 0.0
    # a background that would be negative at -1 is there in a channel of its own
    shape = {"name": "shape", "type": "histosys", "data": {"lo_data": [-5.0], "hi_data": [12.0]}}
    content = document()
    content["channels"].append({"name": "CR", "samples": [{"name": "b", "data": [10.0], "modifiers": [shape]}]})
    content["observations"].append({"name": "CR", "data": [10]})
    path.write_text(json.dumps(content))
    assert "no impact: shape = -1" in run("impacts", path).err


def test_gof(run: Runner, ws: Path, tmp_path: Path) -> None:
    found = result(run, "gof", ws)
    assert found["ndof"] == 1  # two bins, one free parameter
    assert 0.0 < found["p_value"] <= 1.0
    assert found["toys"] is None
    kept = tmp_path / "toys.jsonl"
    with_toys = result(run, "gof", ws, "--toys", "20", "--seed", "3", "--resume", kept)
    assert len(with_toys["toys"]["statistics"]) + with_toys["toys"]["failed"] == 20
    assert result(run, "gof", ws, "--toys", "20", "--seed", "3") == with_toys
    assert len(kept.read_text().splitlines()) == 2


def test_yields(run: Runner, ws: Path, tmp_path: Path) -> None:
    before, after = result(run, "yields", ws), result(run, "yields", ws, "--postfit")
    assert [d["stage"] for d in (before, after)] == ["prefit", "postfit"]
    assert before["channels"][0]["total"]["yields"] == [53.0, 60.0]
    assert after["total"][0] == pytest.approx(115.0, rel=0.1)
    table = run("yields", ws, "--format", "table", "-o", tmp_path / "table.txt")
    assert (table.code, table.out) == (0, "")
    assert "SR (prefit)" in (tmp_path / "table.txt").read_text()
    xml = result(run, "yields", DEMO, "--postfit")
    assert xml["conventions"] == "root"
    assert xml["channels"][0]["edges"] is not None


def test_bin_edges_come_back_from_the_sidecar(run: Runner, tmp_path: Path) -> None:
    """JSON has no word for them; under any conventions, and with patches, they are those of the histograms."""
    expected = [c["edges"] for c in result(run, "yields", DEMO)["channels"]]
    assert all(expected)
    path, patch = tmp_path / "demo.json", tmp_path / "patch.json"
    assert run("xml2json", DEMO, "-o", path).code == 0
    patch.write_text('[{"op": "replace", "path": "/observations/0/data/0", "value": 7}]')

    def edges(*options: str | Path) -> list:
        return sorted(c["edges"] for c in result(run, "yields", path, *options)["channels"])

    for conventions in ("auto", "root", "pyhf"):
        for patches in ((), ("-p", patch)):
            assert edges("--conventions", conventions, *patches) == sorted(expected)
    sidecar = tmp_path / "demo.histfactory.json"
    whole = sidecar.read_text()
    sidecar.write_text(whole.replace('"version": 1', '"version": 9'))
    damaged = run("yields", path)
    assert damaged.code == 0
    assert "the bin edges are not known" in damaged.err
    sidecar.write_text(whole)
    path.write_text(path.read_text().replace("541", "540"))
    other = run("yields", path)
    assert "the sidecar is ignored" in other.err
    assert json.loads(other.out)["channels"][0]["edges"] is None


def test_standard_input_and_bad_files(run: Runner, tmp_path: Path) -> None:
    assert json.loads(run("yields", "-", stdin=text().encode()).out)["stage"] == "prefit"
    for command in (["scan", "nowhere.json", "mu"], ["impacts", "nowhere.json"], ["gof", "nowhere.json"]):
        found = run(*command)
        assert found.code == 2
        assert "nowhere.json" in found.err


def test_an_interruption_keeps_what_is_done(
    run: Runner, ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hftranslate.inference import profiles

    real = profiles.ProfileOf.excesses

    def interrupted(self: profiles.ProfileOf, points: Sequence[Sequence[float]]) -> list[float | Failed]:
        if points[0][0] > 1.0:
            raise KeyboardInterrupt
        return real(self, points)

    monkeypatch.setattr(profiles, "_TOGETHER", 1)
    monkeypatch.setattr(profiles.ProfileOf, "excesses", interrupted)
    kept = tmp_path / "kept.jsonl"
    arguments = ("scan", ws, "mu", "--range", "0:2", "--points", "5")
    found = run(*arguments, "--resume", kept)
    assert found.code == 130
    assert f"what was done is kept in {kept}; run again to go on" in found.err
    assert len(kept.read_text().splitlines()) == 4  # the task and three points
    assert run(*arguments).err.strip() == "interrupted"
    monkeypatch.setattr(profiles.ProfileOf, "excesses", real)
    assert run(*arguments, "--resume", kept).out == run(*arguments).out
