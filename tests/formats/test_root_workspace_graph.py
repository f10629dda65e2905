"""A RooWorkspace without a Measurement: its graph means what the Measurement means that it was made from.

``edited`` is the demo with settings, interpolation codes, a snapshot and a ModelConfig that no Measurement makes,
``renamed`` the demo with parameters under other names and a Function of a Function for its signal strength;
``foreign`` is no HistFactory model. All are by ``validation/make_reference/root_workspaces.py``.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings

from hftranslate.difference import difference
from hftranslate.errors import InputError
from hftranslate.formats import root_workspace
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.root_histograms.container import Key, RootFile
from hftranslate.formats.root_workspace.graph import Graph
from hftranslate.formats.root_workspace.read import WORKSPACE, layouts_in
from hftranslate.formats.root_workspace.space import workspace_of
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load, read
from hftranslate.workspace import HistoSys, NormSys, Workspace
from tests.cases import entries
from tests.conftest import REPOSITORY, shared_files, shared_folder
from tests.mutations import edits

CASES = REPOSITORY / "validation" / "cases"
FILES = REPOSITORY / "tests" / "data" / "root_workspace"
SCRIPT = REPOSITORY / "validation" / "make_reference" / "root_workspaces.py"
MUTATIONS = int(os.environ.get("MUTATIONS", "300"))
#: ROOT normalises the Gamma term by a numerical integral, good to 1e-5 only (docs/conventions.md).
GAMMA = 1e-5


def of_graph(path: Path) -> Workspace:
    """The model of the RooWorkspace in a file, whatever lies beside it."""
    file = RootFile(path.read_bytes())
    [key] = [k for k in file.top.values() if k.class_name == WORKSPACE]
    return workspace_of(Graph(file, key, layouts_in(file)), path.name, None, None, Notes((6, 40)))


def assert_graph_is_measurement(path: Path) -> None:
    """The graph has no name of the measurement, and no prefix of files; the rest is the same."""
    whole, graph = read(path), of_graph(path)
    [one], [other] = whole.measurements, graph.measurements
    graph = replace(graph, measurements=(replace(other, name=one.name),), annotations=whole.annotations)
    found = difference(whole, graph)
    structural = [item for item in found.items if "rootPOI" not in str(item)]  # x[0,3] is x[1.5,0,3]
    assert not structural, structural
    assert found.largest <= 1e-14
    assert [c.name for c in whole.channels] == [c.name for c in graph.channels]


@pytest.mark.parametrize(
    "name", ["constraint_gamma", "histosys", "shapefactor", "shapesys_poisson", "staterror_external"]
)
def test_graph_and_measurement_of_a_file_are_one_model(name: str) -> None:
    assert_graph_is_measurement(FILES / f"{name}.root")


@pytest.mark.parametrize("file", [f for f in shared_files("xml/**/*_model.root") if "GammaExample" not in f])
def test_graph_and_measurement_of_old_versions_are_one_model(file: str) -> None:
    assert_graph_is_measurement(shared_folder() / file)


def test_a_workspace_alone_is_read() -> None:
    loaded = load(FILES / "without_measurement.root")
    assert loaded.workspace == of_graph(FILES / "without_measurement.root")
    assert any("the observed data are 'obsData'" in o.what for o in loaded.outcomes)


def test_what_was_edited_is_seen() -> None:
    model = read(FILES / "edited.root")
    assert [(m.name, m.pois) for m in model.measurements] == [
        ("ModelConfig", ("mu",)),
        ("background", ("mu_ttbar", "mu")),
    ]
    first = model.measurement("ModelConfig")
    assert (first.parameter("mu").inits, first.parameter("mu").bounds) == ((1.3,), ((-2.0, 7.0),))
    assert first.parameter("btag").auxdata == (0.4,)
    assert first.parameter("fakes_rate").fixed == (False, False, True, False)
    codes = {
        (c.name, s.name, m.name): m.interpolation
        for c in model.channels
        for s in c.samples
        for m in s.modifiers
        if isinstance(m, HistoSys | NormSys)
    }
    assert codes["SR", "ttbar", "JES"] == "code0"
    assert (codes["SR", "Wjets", "JES"], codes["SR", "signal", "JES"]) == ("code2", "code4")
    assert (codes["SR", "signal", "btag"], codes["CR", "ttbar", "btag"]) == ("code1", "code0")


def test_data_are_chosen() -> None:
    observed, asimov = (
        load(FILES / "edited.root", xml=XmlOptions(data=name)).workspace.channel("SR") for name in (None, "asimovData")
    )
    assert observed.observed == (162.0, 68.0, 32.0, 10.0)
    assert asimov.observed == pytest.approx(np.sum([s.nominal for s in asimov.samples], axis=0), rel=1e-12)
    beside = load(FILES / "histosys.root", xml=XmlOptions(data="asimovData")).workspace.channel("SR")
    assert beside.observed == pytest.approx((59.6, 79.2, 27.4), rel=1e-12)


@pytest.mark.parametrize(
    ("file", "options", "told"),
    [
        ("foreign", XmlOptions(), "RooAddPdf 'shape' has no channels"),
        ("edited", XmlOptions(data="obsDta"), "has no data set 'obsDta'; did you mean 'obsData'?"),
        ("edited", XmlOptions(measurement="backgrund"), "has no ModelConfig 'backgrund'; did you mean 'background'?"),
        ("edited", XmlOptions(workspace="combind"), "has no workspace 'combind'; did you mean 'combined'?"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(file: str, options: XmlOptions, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        load(FILES / f"{file}.root", xml=options)


def test_a_histogram_of_all_channels_is_read_by_the_order_of_its_category() -> None:
    """``binned`` was made of ``asimovData``; ROOT has more bins in it than the channels have."""
    wanted, found = (load(FILES / "edited.root", xml=XmlOptions(data=name)) for name in ("asimovData", "binned"))
    assert [c.observed for c in found.workspace.channels] == [c.observed for c in wanted.workspace.channels]
    assert any("counts what is expected once for each bin of the other" in o.what for o in found.outcomes)


def by_name_in_file(path: Path) -> tuple[Workspace, dict[str, str]]:
    """A model, and by the names that variables have in its file those that they have here."""
    loaded = load(path)
    words = re.compile("is called '(.*)' here, as ROOT's HistFactory would call it")
    told = [(o.where, words.fullmatch(o.what)) for o in loaded.outcomes]
    return loaded.workspace, {where.split("'")[1]: match[1] for where, match in told if match}


def test_parameters_have_any_name() -> None:
    """As in combinations; the model is the demo's with ``mu = (whole / 2)^2 tilt``."""
    workspace, called = by_name_in_file(FILES / "renamed.root")
    assert called["ATLAS_JES"] == "alpha_ATLAS_JES"
    assert (called["LUMI_13TeV"], called["MC_SR_3"]) == ("Lumi", "gamma_stat_SR_bin_3")
    assert called["fakes0"] == "gamma_fakes_rate_bin_0"
    assert workspace.measurements[0].pois == ("whole", "ATLAS_JES")
    model, data = compile_model(workspace)
    demo, its_data = compile_model(read(CASES / "demo" / "demo.xml"))
    same = {"alpha_ATLAS_JES": "alpha_JES", "k_tt": "mu_ttbar"}
    rng = np.random.default_rng(3)
    for _ in range(12):
        theta = np.clip(model.parameters.init + 0.2 * rng.normal(size=len(model.parameters)), 0.1, 2.0)
        here = dict(zip(model.parameters.root_names, theta, strict=True))
        there = {same.get(name, name): value for name, value in here.items()}
        there["mu"] = (here["whole"] / 2.0) ** 2 * here["tilt"]
        point = np.array([there[name] for name in demo.parameters.root_names])
        assert model.nll(theta, data) == pytest.approx(demo.nll(point, its_data), rel=0, abs=1e-10)


def test_snapshots_have_the_names_of_the_model() -> None:
    found = root_workspace.snapshot(FILES / "renamed.root", "moved")
    assert found == {"alpha_ATLAS_JES": 0.5, "gamma_stat_SR_bin_1": 1.0, "whole": 2.0}


def test_the_graph_is_read_where_a_measurement_lies_beside_it_if_wanted() -> None:
    graph = load(FILES / "histosys.root", xml=XmlOptions(graph=True)).workspace
    assert graph == of_graph(FILES / "histosys.root")
    assert [m.name for m in graph.measurements] == ["ModelConfig"]


def test_no_file_here_carries_code() -> None:
    assert not any(root_workspace.carries_code(path) for path in FILES.glob("*.root"))


def test_snapshots_are_read() -> None:
    found = root_workspace.snapshot(FILES / "edited.root", "shifted")
    assert found == {"mu": 2.5, "alpha_JES": -0.7, "nom_alpha_btag": 0.4}
    with pytest.raises(InputError, match="has no snapshots"):
        root_workspace.snapshot(CASES / "demo" / "demo.xml", "shifted")


def sentence(work: Callable[[], object]) -> str:
    """What is said where a file is refused; nothing where it is read."""
    try:
        work()
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("of", [WORKSPACE, "TList"])
@given(edit=edits())
@settings(max_examples=MUTATIONS // 2, deadline=None)
def test_a_damaged_graph_ends_in_one_sentence(of: str, edit: Any) -> None:
    intact = RootFile.payload

    def damaged(file: RootFile, key: Key) -> bytes:
        payload = intact(file, key)
        return edit(payload) if key.class_name == of else payload

    with patch.object(RootFile, "payload", damaged):
        said = sentence(lambda: root_workspace.read("x.root", data=(FILES / "edited.root").read_bytes()))
    assert not said or (said.startswith("x.root") and "\n" not in said)


# -------------------------------------------------------------------------------------------------------- by real ROOT
def by_root(python: str, *arguments: object) -> None:
    subprocess.run([python, str(SCRIPT), *map(str, arguments)], capture_output=True, check=True, text=True)


def assert_nll(python: str, folder: Path, files: list[Path]) -> None:
    """Our NLL of the graph is ROOT's, at twelve points at least."""
    by_root(python, "nll", *files, "-o", folder / "nll.json")
    for file, points in json.loads((folder / "nll.json").read_text()).items():
        workspace, called = by_name_in_file(file)
        model, data = compile_model(workspace)
        places = {name: i for i, name in enumerate(model.parameters.root_names)}
        places |= {name: places[ours] for name, ours in called.items()}
        gamma = any(t.kind == "gamma" for m in workspace.measurements for t in m.constraint_terms)
        assert len(points) >= 12 or not places
        for point in points:
            theta = np.array(model.parameters.init)
            for name, value in point["values"].items():
                theta[places[name]] = value
            assert -model.logpdf(theta, data) == pytest.approx(point["nll"], rel=0, abs=GAMMA if gamma else 1e-9), file


@pytest.mark.root
def test_edited_workspaces_are_what_root_evaluates(warm_root: str, tmp_path: Path) -> None:
    assert_nll(warm_root, tmp_path, [FILES / f"{name}.root" for name in ("edited", "renamed", "without_measurement")])


@pytest.mark.root
def test_workspaces_of_all_cases(warm_root: str, tmp_path: Path) -> None:
    drivers = [p for p in sorted(CASES.rglob("*.xml")) if b"<Combination" in p.read_bytes()]
    by_root(warm_root, "write", *drivers, "-o", tmp_path / "written")
    files = sorted((tmp_path / "written").glob("*/model_combined_*_model.root"))
    for file in files:
        assert_graph_is_measurement(file)
    by_root(warm_root, "alone", *files, "-o", tmp_path / "alone")
    assert_nll(warm_root, tmp_path, sorted((tmp_path / "alone").iterdir()))


@pytest.mark.root
@pytest.mark.parametrize("entry", [pytest.param(e, id=f"{e['dir']}/{e['driver']}") for e in entries("xml")])
def test_workspaces_of_real_models(entry: Any, warm_root: str, tmp_path: Path) -> None:
    basedir = shared_folder() / entry["dir"]
    by_root(warm_root, "write", basedir / entry["driver"], "-o", tmp_path / "written", "--basedir", basedir)
    files = sorted((tmp_path / "written").glob("0/model_combined_*_model.root"))
    for file in files:
        assert_graph_is_measurement(file)
    by_root(warm_root, "alone", *files, "-o", tmp_path / "alone")
    assert_nll(warm_root, tmp_path, sorted((tmp_path / "alone").iterdir()))
