"""Files that hist2workspace wrote, on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner
from tests.conftest import REPOSITORY

FILES = REPOSITORY / "tests" / "data" / "root_workspace"


def test_every_command_takes_such_a_file(run: Runner, tmp_path: Path) -> None:
    file = FILES / "measurements.root"
    assert "RooWorkspace combined" in run("inspect", FILES / "histosys.root").out
    fit = json.loads(run("fit", file, "--measurement", "background").out)
    assert set(fit["mle_parameters"]) >= {"k", "acceptance"}
    assert run("root2json", file, "-o", tmp_path / "ws.json", "--verify").code == 0
    assert run("diff", file, tmp_path / "ws.json").code == 0
    assert run("json2xml", file, "-d", tmp_path / "xml", "--verify").code == 0
    assert run("diff", file, tmp_path / "xml" / "FitConfig.xml").code == 0
    one = json.loads(run("root2json", file, "--measurement", "both").out)
    assert [m["name"] for m in one["measurements"]] == ["both"]


def test_a_file_without_a_model_is_looked_into(run: Runner) -> None:
    found = run("inspect", FILES / "foreign.root")
    assert (found.code, "model configs: ModelConfig" in found.out) == (0, True)
    assert "no model:" in found.err
    assert "RooAddPdf 'shape' has no channels" in found.err
    assert run("cls", FILES / "foreign.root").code == 2


def test_snapshots_are_parameter_points(run: Runner) -> None:
    file = FILES / "edited.root"
    found = json.loads(run("yields", file, "--at", "shifted").out)
    [signal] = [s for c in found["channels"] if c["name"] == "SR" for s in c["samples"] if s["name"] == "signal"]
    root = [3.6776159340866843, 8.714837712296772, 14.553967092331625, 11.950806270983586]  # at loadSnapshot("shifted")
    assert signal["yields"] == pytest.approx(root, rel=1e-12)
    start = json.loads(run("fit", file, "--start", "shifted").out)["initial_values"]
    assert (start["mu"], start["JES"]) == ([2.5], [-0.7])
    assert "did you mean 'shifted'" in run("fit", file, "--start", "shift").err


def test_one_measurement_is_translated(run: Runner, tmp_path: Path) -> None:
    file = FILES / "measurements.root"
    assert run("convert", file, tmp_path / "ws.json", "--measurement", "both").code == 0
    assert [m["name"] for m in json.loads((tmp_path / "ws.json").read_text())["measurements"]] == ["both"]
    assert run("json2xml", file, "-d", tmp_path / "xml", "--measurement", "both").code == 0
    assert (tmp_path / "xml" / "FitConfig.xml").read_text().count("<Measurement ") == 1
