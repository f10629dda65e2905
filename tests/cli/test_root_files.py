"""Files that hist2workspace wrote, on the command line."""

import json
from pathlib import Path

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
    found = run("inspect", FILES / "without_measurement.root")
    assert (found.code, "snapshots: NominalParamValues" in found.out) == (0, True)
    assert "no model:" in found.err
    assert "the RooWorkspace alone cannot be read" in found.err
    assert run("cls", FILES / "without_measurement.root").code == 2
