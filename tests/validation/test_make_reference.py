"""Remakes inputs and references with real ROOT, where it is installed, and compares them with the stored ones."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import uproot

pytestmark = pytest.mark.root

SCRIPTS = Path(__file__).resolve().parents[2] / "validation" / "make_reference"


def _run(python: str, script: str, *arguments: str) -> None:
    done = subprocess.run([python, str(SCRIPTS / script), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", ["demo", "staterror_poisson", "histosys_code6", "json_partial_lumi"])
def test_root_repeats_the_reference(warm_root: str, repository: Path, tmp_path: Path, case: str) -> None:
    _run(warm_root, "make.py", case, "--output-dir", str(tmp_path))
    remade, stored = (
        json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))
        for folder in (tmp_path, repository / "reference_outputs")
    )
    assert remade["provenance"]["inputs"] == stored["provenance"]["inputs"]
    for part in ("parameters", "data", "conventions", "points"):  # evaluated, not fitted
        _assert_close(remade[part], stored[part], 1e-9, part)
    for part in ("fit", "hypotests", "discovery", "limit"):
        _assert_close(remade[part], stored[part], 1e-6, part)


def _assert_close(new: Any, old: Any, tolerance: float, where: str) -> None:
    if isinstance(old, dict):
        assert new.keys() == old.keys(), where
        for key in old:
            if key != "edm":
                _assert_close(new[key], old[key], tolerance, f"{where}.{key}")
    elif isinstance(old, list):
        assert len(new) == len(old), where
        for i, (a, b) in enumerate(zip(new, old, strict=True)):
            _assert_close(a, b, tolerance, f"{where}[{i}]")
    elif isinstance(old, float):
        assert new == pytest.approx(old, rel=tolerance, abs=tolerance), where
    else:
        assert new == old, where


def test_root_repeats_the_inputs(warm_root: str, repository: Path, tmp_path: Path) -> None:
    for script in ("make_demo.py", "make_cases.py", "make_root_files.py"):
        _run(warm_root, script, str(tmp_path))
    folders = list(tmp_path.iterdir())
    assert {f.name for f in folders} == {f.name for f in (repository / "validation" / "cases").iterdir()}
    for folder in folders:
        stored = repository / "validation" / "cases" / folder.name
        assert {p.name for p in folder.iterdir()} == {p.name for p in stored.iterdir()}
        for path in (*folder.glob("*.xml"), *folder.glob("*.json")):
            assert path.read_bytes() == (stored / path.name).read_bytes()
        for path in folder.glob("*.root"):
            assert _histograms(path) == _histograms(stored / path.name)


def _histograms(path: Path) -> dict[str, list[list[float]]]:
    with uproot.open(path) as file:
        return {
            key: [array.tolist() for array in (h.axis().edges(), h.values(), h.variances())]
            for key, h in file.iteritems(filter_classname="TH1D")
        }
