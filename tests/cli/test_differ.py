"""diff, and --verify of the translations."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner
from tests.cli.documents import document, text


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The same with one number changed."""
    changed = document()
    changed["channels"][0]["samples"][1]["modifiers"][0]["data"]["hi"] = 1.2
    path = tmp_path / "other.json"
    path.write_text(json.dumps(changed))
    return path


@pytest.mark.parametrize("sidecar", [True, False])
def test_xml_means_what_its_json_means(sidecar: bool, run: Runner, ws: Path, tmp_path: Path) -> None:
    assert run("json2xml", ws, "-d", tmp_path / "xml").code == 0
    options = () if sidecar else ("--no-sidecar",)
    driver = tmp_path / "xml" / "FitConfig.xml"
    found = run("diff", ws, driver, "--basedir", driver.parent, *options)
    assert found.code == 0
    assert found.out.startswith(f"first: {ws} (pyhf-json)\nsecond: {driver} (xml")
    assert ("(xml with its sidecar)" in found.out) == sidecar
    assert found.out.endswith("the two have the same meaning\n")
    assert run("diff", driver, ws, "--basedir", driver.parent, *options).code == 0


def test_exit_codes_and_output(run: Runner, ws: Path, other: Path, tmp_path: Path) -> None:
    assert run("diff", ws, ws).code == 0
    found = run("diff", ws, other, "-o", tmp_path / "diff.json")
    assert found.code == 1
    assert "normsys 'JES', lo and hi, entry 1: 1.1 / 1.2" in found.out
    assert found.err == ""
    told = json.loads((tmp_path / "diff.json").read_text())
    assert told["equal"] is False
    assert told["first_file"] == {
        "file": str(ws), "format": "pyhf-json", "with_sidecar": False, "conventions": "pyhf",
    }  # fmt: skip
    as_json = run("diff", ws, other, "--json")
    assert as_json.code == 1
    assert json.loads(as_json.out) == told
    assert run("diff", ws, other, "--json", "-o", tmp_path / "again.json").out == ""
    assert run("diff", ws, other, "--tolerance", "0.1").code == 0
    for wrong in (
        ("diff", ws),
        ("diff", "-", "-"),
        ("diff", ws, tmp_path / "missing.json"),
        ("diff", ws, other, "--tolerance", "-1"),
        ("diff", ws, other, "--tolerance", "nan"),
        ("diff", ws, other, "--measurement", "mess"),
    ):
        found = run(*wrong)
        assert found.code == 2, wrong
        assert found.out == ""
        assert found.err
    assert "did you mean 'meas'" in run("diff", ws, ws, "--measurement", "mess").err


def test_choices(run: Runner, ws: Path, other: Path, tmp_path: Path) -> None:
    assert run("diff", ws, "-", stdin=ws.read_bytes()).code == 0
    assert run("diff", "-", other, stdin=ws.read_bytes()).code == 1
    assert run("diff", ws, ws, "--measurement", "other", "--conventions", "root").code == 0
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "replace", "path": "/channels/0/samples/1/modifiers/0/data/hi", "value": 1.2}]')
    assert run("diff", ws, other, "-p", patch).code == 0
    assert run("diff", other, ws, "--patch-second", patch).code == 0
    assert run("diff", ws, ws, "--patch-second", patch).code == 1


# ---------------------------------------------------------------------------------------------------------- --verify
def test_translations_are_proved(run: Runner, ws: Path, tmp_path: Path) -> None:
    found = run("json2xml", ws, "-d", tmp_path / "xml", "--verify")
    assert found.code == 0
    assert "verified: " in found.err
    assert "with its sidecar it is the input exactly" in found.err
    driver = tmp_path / "xml" / "FitConfig.xml"
    target = tmp_path / "back.json"
    for options, ending in [
        (("-o", target), "with its sidecar it is the input exactly"),
        (("-o", target, "--no-sidecar"), "asks ROOT)"),
        (("-o", target, "--sidecar", tmp_path / "elsewhere.json"), "asks ROOT)"),
        ((), "asks ROOT)"),
    ]:
        found = run("xml2json", driver, "--basedir", driver.parent, "--verify", *options)
        assert found.code == 0, found.err
        (sentence,) = [line for line in found.err.splitlines() if "verified" in line]
        assert sentence.startswith("verified: ")
        assert sentence.endswith(ending)
        if not options:
            json.loads(found.out)
    found = run("json2xml", ws, "-d", tmp_path / "plain", "--verify", "--no-sidecar")
    assert found.code == 0


@pytest.mark.parametrize("command", ["xml2json", "json2xml", "convert"])
def test_verify_takes_the_next_word_only_where_it_is_root(
    run: Runner, ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    if command == "xml2json":
        run("json2xml", ws, "-d", tmp_path / "xml")
        ws = tmp_path / "xml" / "FitConfig.xml"
    rest = {
        "xml2json": ["-o", tmp_path / "o.json"],
        "json2xml": ["-d", tmp_path / "o"],
        "convert": [tmp_path / "o.xml"],
    }
    for arguments in (["--verify", ws, *rest[command]], [ws, *rest[command], "--verify"]):
        found = run(command, *arguments)
        assert found.code == 0, found.err
        assert found.err.count("verified: ") == 1
        assert "verified by ROOT" not in found.err
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    for arguments in (["--verify", "root", ws, *rest[command]], [ws, *rest[command], "--verify=root"]):
        found = run(command, *arguments, "--root-python", "/nowhere/python")
        assert found.code == 2
        assert "no ROOT: /nowhere/python cannot import it" in found.err
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert run(command, ws, *rest[command], "--verify=other").code == 2
    if command != "xml2json":
        found = run(command, "-", *rest[command], "--verify", "root")
        assert found.code == 2
        assert "must be a file, not standard input" in found.err


def test_a_loss_is_the_answer_no(run: Runner, ws: Path, tmp_path: Path) -> None:
    changed = document()
    changed["channels"][0]["samples"][0]["modifiers"].append(
        {"name": "staterror_SR", "type": "staterror", "data": [1.0, 1.0]}
    )
    ws.write_text(json.dumps(changed))
    assert run("json2xml", ws, "-d", tmp_path / "xml", "--no-sidecar", "--verify").code == 0
    channel = tmp_path / "xml" / "config" / "SR.xml"
    channel.write_text(channel.read_text().replace('ConstraintType="Gaussian"', 'ConstraintType="Poisson"'))
    driver = tmp_path / "xml" / "FitConfig.xml"
    found = run("xml2json", driver, "--basedir", driver.parent, "-o", tmp_path / "out.json", "--verify")
    assert found.code == 1
    assert "NOT verified: " in found.err
    assert "parameter 'staterror_SR[0]', constraint: poisson / gaussian" in found.err
    assert "what to do: the 1 line(s) 'loss' name what the format cannot say" in found.err
    assert "Traceback" not in found.err
