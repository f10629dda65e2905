"""What commands say of minima: who found them, whether there may be a lower one, kinks."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftranslate.formats.pyhf_json import to_document
from hftranslate.inference.minimize import STATUS, FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import read
from hftranslate.workspace import HistoSys, NormFactor
from tests.cli.conftest import Runner
from tests.cli.documents import text
from tests.likelihood.builders import channel, config, workspace

engine = import_module("hftranslate.inference.minimize")  # the name in its room is the function

MINIMIZERS = pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


@pytest.fixture
def mirrored(tmp_path: Path) -> Path:
    """A systematic that lifts both bins, a little more at +1; the valley at -1 is where fits from zero end first."""
    effect = HistoSys(name="a", lo_data=(26.0, 39.0), hi_data=(26.3, 39.0))
    bins = channel("SR", [32.0, 48.0], ("b", [20.0, 30.0], effect), ("s", [1.0, 0.0], NormFactor(name="mu")))
    path = tmp_path / "mirrored.json"
    path.write_text(json.dumps(to_document(workspace(bins))))
    return path


@MINIMIZERS
def test_the_lower_of_two_mirror_images(run: Runner, mirrored: Path, minimizer: str) -> None:
    found = run("fit", mirrored, "--minimizer", minimizer)
    document = json.loads(found.out)
    assert (document["status"], document["minimizer"], found.err) == ("converged", minimizer, "")
    model, data = compile_model(read(mirrored))
    a, mu = (v.ravel() for v in np.meshgrid(np.linspace(-3.0, 3.0, 1201), np.linspace(0.0, 4.0, 401)))
    at = {"a": a, "mu": mu}
    grid = np.stack([at[n] for n in model.parameters.names], axis=1)
    lowest = 2.0 * (model.excess_of_many(grid, data).min() + data.saturated_nll)
    assert document["twice_nll"] <= lowest + 1e-9
    assert document["twice_nll"] == pytest.approx(lowest, abs=1e-3)


def test_who_stepped_in_is_said(run: Runner, ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = engine._run

    def no_scipy(problem: Any, options: FitOptions) -> Any:
        end = ours(problem, options)
        return replace(end, reason="stuck") if options.minimizer == "scipy" else end

    monkeypatch.setattr(engine, "_run", no_scipy)
    found = run("fit", ws, "--minimizer", "scipy")
    assert found.code == 0
    assert json.loads(found.out)["minimizer"] == "newton"
    assert "scipy reached no minimum, or a higher one; this one is by newton" in found.err


def test_a_kink_is_said(run: Runner, tmp_path: Path) -> None:
    """A bin without events, whose background a signal may take away: the minimum lies at the edge of the domain."""
    bins = channel("SR", [0.0], ("s", [1.0], NormFactor(name="mu")), ("b", [3.0]))
    path = tmp_path / "edge.json"
    path.write_text(json.dumps(to_document(workspace(bins))))
    found = run("fit", path, "--bounds", "mu=-20:10")
    assert found.code == 0
    assert json.loads(found.out)["status"] == "kink"
    assert STATUS["kink"] in found.err


@pytest.mark.parametrize("command", ["fit", "cls", "limit"])
def test_doubts_are_said_once(run: Runner, ws: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every command that fits, however many of its fits are not sure."""
    minimum = engine._minimum
    monkeypatch.setattr(engine, "_minimum", lambda reached, end, options, *_: minimum(reached, end, options, False))
    for _ in range(2):
        found = run(command, ws)
        assert found.code == 0
        assert found.err.count(STATUS["unsure"]) == 1
        document = json.loads(found.out)
        assert document.get("status", "unsure") == "unsure"


@pytest.mark.parametrize(
    ("line", "warns"),
    [
        ("cls --poi-range model", True),
        ("limit --poi-range model", True),
        ("cls --poi-range model --toys 20", True),
        ("cls --poi-range model --test-stat q", False),
        ("significance --poi-range model", False),
        ("cls", False),
    ],
)
def test_qtilde_where_the_range_begins_below_zero(run: Runner, tmp_path: Path, line: str, warns: bool) -> None:
    """As pyhf warns: with a best fit below zero the formulae of q-tilde do not hold."""
    bins = channel("SR", [3.0], ("s", [5.0], NormFactor(name="mu")), ("b", [10.0]))
    path = tmp_path / "below.json"
    path.write_text(json.dumps(to_document(workspace(bins, parameters=[config("mu", bounds=((-1.5, 5.0),))]))))
    command, *options = line.split()
    found = run(command, path, *options)
    assert found.code == 0
    assert found.err.count("qtilde is for signals that cannot be negative") == warns


@MINIMIZERS
def test_a_failed_fit_is_no_success(run: Runner, ws: Path, minimizer: str) -> None:
    found = run("fit", ws, "--minimizer", minimizer, "--optconf", "maxiter=1")
    assert (found.code, found.out) == (1, "")
    assert "limit of iterations was reached" in found.err
