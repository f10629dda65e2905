"""Commands that test: by formulae and toys, on workers and dask, interrupted and taken up again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hftranslate.batch.journal import Journal
from hftranslate.formats.pyhf_json import to_document
from hftranslate.workspace.simplemodels import uncorrelated_background
from tests.cli.conftest import Runner

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    space = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[55, 60])
    path.write_text(json.dumps(to_document(space)))
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A model of 40 bins, whose toys take long enough to be interrupted."""
    path = tmp_path / "slow.json"
    bins = range(40)
    space = uncorrelated_background([2.0 + b % 5 for b in bins], [50.0 + b for b in bins], [5.0 for _ in bins])
    path.write_text(json.dumps(to_document(space)))
    return path


def answer(run: Runner, *arguments: str | Path) -> Any:
    found = run(*arguments)
    assert found.code == 0, found.err
    return json.loads(found.out)


def test_significance(run: Runner, ws: Path, tmp_path: Path) -> None:
    found = answer(run, "significance", ws)
    assert 0.0 < found["p0"] < 0.5
    assert found["z"] == pytest.approx(found["q0"] ** 0.5)
    assert found["expected"]["z"] == sorted(found["expected"]["z"])
    assert len(found["expected"]["p0"]) == 5
    stronger = answer(run, "significance", ws, "--expected-poi", "2.0")
    assert stronger["expected"]["q0_asimov"] > found["expected"]["q0_asimov"]
    assert stronger["p0"] == pytest.approx(found["p0"])
    assert run("significance", ws, "--expected-poi", "-1").code == 2
    assert run("significance", ws, "-o", tmp_path / "s.json").code == 0
    assert json.loads((tmp_path / "s.json").read_text()) == found


def test_two_sided_statistics(run: Runner, ws: Path) -> None:
    values = {s: answer(run, "cls", ws, "--test-poi", "1.5", "--test-stat", s) for s in ("q", "qtilde", "t", "ttilde")}
    assert {s: v["test_stat"] for s, v in values.items()} == {s: s for s in values}
    assert values["t"]["CLsb"] == pytest.approx(2.0 * values["q"]["CLsb"], rel=1e-6)  # the best fit is below
    assert run("cls", ws, "--test-stat", "q0").code == 2
    assert run("limit", ws, "--test-stat", "t").code == 2


def test_limits_without_bands(run: Runner, ws: Path) -> None:
    full, observed = answer(run, "limit", ws), answer(run, "limit", ws, "--no-bands")
    assert observed["observed"] == pytest.approx(full["observed"], rel=1e-5)
    assert observed["expected"] == []


@pytest.fixture
def narrow(tmp_path: Path) -> Path:
    """The range of the parameter of interest ends before most limits."""
    path = tmp_path / "narrow.json"
    document = to_document(uncorrelated_background([1.0], [50.0], [5.0], observed=[90]))
    document["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[0, 5]], "inits": [1.0]}]
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("toys", [(), ("--toys", "30", "--seed", "1")])
def test_what_lies_outside_the_range_is_said(run: Runner, narrow: Path, toys: tuple[str, ...]) -> None:
    for arguments, outside in (
        (("limit",), ["observed", *(f"expected{band}" for band in (" -2 sigma", " -1 sigma", "", " +1 sigma"))]),
        (("cls", "--test-poi", "7"), ["poi_test", "muhat"]),
        (("significance", "--expected-poi", "6"), ["muhat", "expected_poi"]),
    ):
        found = run(*arguments, narrow, *toys)
        assert found.code == 0, found.err
        document = json.loads(found.out)
        expected = outside[:1] if toys and arguments[0] == "limit" else outside  # bands take more toys
        assert set(expected) <= set(document["outside_range"])
        assert "outside the model's range of 'mu', [0, 5]: " in found.err
        assert "--poi-range model keeps to it" in found.err
        kept = run(*arguments, narrow, *toys, "--poi-range", "model")
        assert kept.code > 0 or json.loads(kept.out)["observed"] is None
        assert "the model's range" in kept.err
    inside = answer(run, "limit", narrow)
    assert inside["poi"] == {"name": "mu", "range": [0.0, 5.0]}


def test_what_cannot_be_tested(run: Runner, ws: Path, tmp_path: Path) -> None:
    document = json.loads(ws.read_text())
    document["measurements"][0]["config"]["parameters"] = [{"name": "mu", "fixed": True}]
    constant = tmp_path / "constant.json"
    constant.write_text(json.dumps(document))
    for command in (["cls"], ["limit"], ["significance"], ["cls", "--toys", "10"], ["limit", "--toys", "10"]):
        found = run(command[0], constant, *command[1:])
        assert (found.code, found.out) == (2, "")
        assert found.err.count("\n") == 1
        assert "the parameter of interest 'mu' is constant, at 1" in found.err
    results = answer(run, "results", constant)
    assert "hypotests" not in results
    assert "no tests: the parameter of interest 'mu' is constant" in results["provenance"]["notes"]
    below = run("cls", ws, "--test-poi", "-1")
    assert (below.code, below.out, below.err.count("\n")) == (2, "", 1)
    assert "qtilde is for signals that cannot be negative" in below.err
    assert run("cls", ws, "--test-poi", "-1", "--test-stat", "q").code == 0


def test_a_signal_without_effect(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(to_document(uncorrelated_background([0.0], [50.0], [5.0], observed=[52]))))
    assert answer(run, "cls", path)["CLs_obs"] == 1.0
    assert answer(run, "significance", path)["z"] == 0.0
    results = answer(run, "results", path)
    assert [t["CLs_obs"] for t in results["hypotests"]] == [1.0] * 3
    missing = run("limit", path)
    assert missing.code == 1
    assert "does the parameter change the expectation?" in missing.err


def test_partial_limits_say_why(run: Runner, shared: Path) -> None:
    found = run("limit", shared / "workspaces/belle2-tutorial/workspace_ratio.json")
    assert found.code == 0
    document = json.loads(found.out)
    assert document["observed"] > 0.0
    assert document["expected"][2] is None
    assert "levels off" in document["failures"]["expected"]
    assert "no expected limit: CLs is still" in found.err


def test_toys(run: Runner, ws: Path) -> None:
    found = answer(run, "cls", ws, "--calctype", "toybased", "--toys", "150", "--seed", "3", "--test-poi", "1.5")
    assert found["toys"]["signal"] == found["toys"]["background"] == 150
    assert found["toys"]["seeds"] == [3]
    assert len(found["CLs_exp"]) == len(found["errors"]["CLs_exp"]) == 5
    expected = answer(run, "cls", ws, "--test-poi", "1.5")
    assert abs(found["CLsb"] - expected["CLsb"]) < 5.0 * found["errors"]["CLsb"]
    assert answer(run, "cls", ws, "--toys", "150", "--seed", "3", "--test-poi", "1.5", "--workers", "2") == found
    assert answer(run, "cls", ws, "--toys", "150", "--seed", "4", "--test-poi", "1.5") != found
    p0 = answer(run, "significance", ws, "--toys", "150")
    assert abs(p0["p0"] - answer(run, "significance", ws)["p0"]) < 5.0 * p0["errors"]["p0"]
    limit = answer(run, "limit", ws, "--toys", "80", "--no-bands")
    asymptotic = answer(run, "limit", ws, "--no-bands")
    assert abs(limit["observed"] - asymptotic["observed"]) < 5.0 * limit["errors"]["observed"]
    assert [p["poi"] for p in limit["scan"]] == sorted(p["poi"] for p in limit["scan"])


def test_contradictory_options(run: Runner, ws: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["--calctype", "asymptotics", "--toys", "10"], "contradict each other"),
        (["--resume", tmp_path / "kept"], "say how many with --toys"),
        (["--toys", "10", "--dask", "post://here"], "no dask scheduler answers at 'post://here'"),
        (["--toys", "10", "--resume", tmp_path / "no" / "kept"], "there is no folder"),
        (["--toys", "0"], "0 is not in the range"),
    ):
        found = run("cls", ws, *arguments)
        assert found.code == 2
        assert message in found.err


def test_kept_toys_are_merged(run: Runner, ws: Path, tmp_path: Path) -> None:
    kept = [tmp_path / f"{name}.jsonl" for name in "abc"]
    direct = [
        answer(run, "cls", ws, "--toys", "120", "--seed", seed, "--resume", path)
        for seed, path in zip(("1", "2", "1"), kept, strict=True)
    ]
    (alone,) = answer(run, "toys", "result", kept[0])
    assert alone == direct[0]
    assert answer(run, "toys", "result", kept[0], kept[2]) == [direct[0]]  # the same toys, counted once
    assert run("toys", "merge", *kept, "-o", tmp_path / "all.jsonl").code == 0
    (both,) = answer(run, "toys", "result", tmp_path / "all.jsonl")
    assert both["toys"]["signal"] == 240
    assert both["toys"]["seeds"] == [1, 2]
    assert both["CLb"] == pytest.approx(0.5 * (direct[0]["CLb"] + direct[1]["CLb"]))
    assert answer(run, "toys", "result", *kept) == [both]
    # a merged file is one like the others, and goes on
    more = answer(run, "cls", ws, "--toys", "150", "--seed", "2", "--resume", tmp_path / "all.jsonl")
    assert more == answer(run, "cls", ws, "--toys", "150", "--seed", "2")


def test_failed_toys_are_told(run: Runner, ws: Path, tmp_path: Path) -> None:
    """Five of a hundred toys without signal failed: too many, unless they are allowed."""
    kept = tmp_path / "toys.jsonl"
    answer(run, "cls", ws, "--toys", "100", "--resume", kept)
    journal = Journal.read(kept)
    (key,) = (k for k in journal.results if "background" in k)
    journal.keep(key, [None] * 5 + journal.results[key][5:])
    found = run("toys", "result", kept)
    assert found.code == 1
    assert "5 of 100 toys without signal could not be fitted, more than 1.0%" in found.err
    (allowed,) = answer(run, "toys", "result", kept, "--max-failed", "0.05")
    assert allowed == answer(run, "cls", ws, "--toys", "100", "--resume", kept, "--max-failed", "0.05")
    assert allowed["toys"]["failed_background"] == 5
    low, high = allowed["toys"]["bounds"]["CLb"]
    assert low < allowed["CLb"] < high
    assert high - low == pytest.approx(0.05)
    assert run("cls", ws, "--toys", "100", "--resume", kept).code == 1
    assert run("cls", ws, "--toys", "100", "--max-failed", "2").code == 2


def test_kept_toys_of_a_discovery(run: Runner, ws: Path, tmp_path: Path) -> None:
    kept = tmp_path / "p0.jsonl"
    direct = answer(run, "significance", ws, "--toys", "60", "--expected-poi", "2", "--resume", kept)
    assert answer(run, "toys", "result", kept) == [direct]


def test_what_is_no_kept_toys(run: Runner, ws: Path, tmp_path: Path) -> None:
    other, empty = tmp_path / "other.jsonl", tmp_path / "empty.jsonl"
    other.write_text('{"task": {"what": "scan"}}\n{"key": "mass 3", "result": 1}\n')
    empty.write_text('{"task": {"what": "toys"}}\n')
    kept = tmp_path / "kept.jsonl"
    answer(run, "cls", ws, "--toys", "10", "--resume", kept)
    for arguments, message in (
        (("result", tmp_path / "missing.jsonl"), "there is no file"),
        (("result", ws), "no file of kept results"),
        (("result", other), "holds other results than toys: 'mass 3'"),
        (("merge", other), "holds other results than toys: 'mass 3'"),
        (("result", empty), "for no value of the parameter of interest"),
        (("merge", kept, empty), "do not belong together"),
    ):
        found = run("toys", *arguments)
        assert (found.code, found.out) == (2, "")
        assert message in found.err


@pytest.mark.parametrize(
    ("key", "result"),
    [
        ("poi=1.0 observed", 5),
        ("poi=1.0 observed", {"q": "a", "muhat": 1.0}),
        ("poi=1.0 observed", {"q": None, "muhat": None}),
        ("poi=1.0 seed=0 signal 0", None),
        ("poi=1.0 seed=0 signal 0", ["a"]),
        ("poi=1.0 seed=0 signal 0", [[1.0]]),
        ("poi=abc observed", {"q": 1.0, "muhat": 1.0}),
        (1, [1.0]),
    ],
)
def test_damaged_toys(run: Runner, ws: Path, tmp_path: Path, key: object, result: object) -> None:
    kept = tmp_path / "kept.jsonl"
    answer(run, "cls", ws, "--toys", "10", "--resume", kept)
    with kept.open("a") as file:
        file.write(json.dumps({"key": key, "result": result}) + "\n")
    for arguments in (
        ("toys", "result", kept),
        ("toys", "merge", kept),
        ("plot", "toys", kept, "-o", tmp_path / "a.png"),
        ("cls", ws, "--toys", "10", "--resume", kept),
    ):
        found = run(*arguments)
        assert (found.code, found.out) == (2, "")
        assert re.search(
            r"kept.jsonl( is damaged| holds other results than toys|, line \d+: this is no file)", found.err
        )


@pytest.mark.parametrize("change", [{"test_stat": None}, {"test_stat": "q0"}, {"test_stat": "x"}, {"conventions": 1}])
def test_toys_of_what(run: Runner, ws: Path, tmp_path: Path, change: dict[str, object]) -> None:
    kept = tmp_path / "kept.jsonl"
    answer(run, "cls", ws, "--toys", "10", "--resume", kept)
    first, *others = kept.read_text().splitlines(keepends=True)
    kept.write_text(json.dumps({"task": json.loads(first)["task"] | change}) + "\n" + "".join(others))
    found = run("toys", "result", kept)
    assert (found.code, found.out) == (2, "")
    assert "does not tell what its toys are of" in found.err


# ------------------------------------------------------------ interruptions


def command(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """The program in a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        [sys.executable, "-c", "from hftranslate.cli import main; main()", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(path: Path, n: int) -> None:
    for _ in range(1200):
        if lines(path) >= n:
            return
        time.sleep(0.05)
    pytest.fail(f"{path} did not get {n} lines")


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interruption_keeps_what_is_done(run: Runner, slow: Path, tmp_path: Path, workers: str) -> None:
    """Ctrl-C goes to the whole group, workers included."""
    kept = tmp_path / "toys.jsonl"
    arguments = ("cls", slow, "--toys", "20000", "--seed", "1", "--workers", workers, "--resume", kept)
    process = command(*arguments)
    wait_for_lines(kept, 5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert f"the toys made so far are kept in {kept}; run again to go on" in err
    assert "Traceback" not in err
    before = lines(kept)
    assert before >= 5
    resumed = answer(run, "cls", slow, "--toys", "150", "--seed", "1", "--resume", kept)
    assert resumed == answer(run, "cls", slow, "--toys", "150", "--seed", "1")
    assert lines(kept) - before <= 3


# ------------------------------------------------------------ dask


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
    ) as found:
        yield found


@pytest.mark.slow
def test_on_a_dask_cluster(run: Runner, ws: Path, slow: Path, tmp_path: Path, cluster: Any) -> None:
    """The same answers as here; and if a worker is killed half-way, another one takes over."""
    address = cluster.scheduler_address
    here = answer(run, "cls", ws, "--toys", "250", "--seed", "3")
    assert answer(run, "cls", ws, "--toys", "250", "--seed", "3", "--dask", address) == here
    kept = tmp_path / "toys.jsonl"
    process = command("cls", slow, "--toys", "800", "--seed", "1", "--dask", address, "--resume", kept)
    wait_for_lines(kept, 4)
    victim = next(iter(cluster.workers.values())).process.process.pid
    os.kill(victim, signal.SIGKILL)
    assert lines(kept) < 12
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert found["toys"]["signal"] == 800
    assert found["toys"]["failed_signal"] == 0
    assert lines(kept) == 2 + 16
    (again,) = answer(run, "toys", "result", kept)
    assert again == found
