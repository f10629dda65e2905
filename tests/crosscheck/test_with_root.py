"""A reference of one's own model: which ROOT is used and what it is given; with real ROOT, that it agrees."""

import json
import os
import re
import shutil
import stat
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.crosscheck.with_root import RootInstallation, Source, find_root, root_results, scripts
from hftranslate.errors import RootFailed
from hftranslate.formats.pyhf_json import to_document
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load
from hftranslate.workspace import ROOT, NormFactor, NormSys, ShapeSys, Workspace
from hftranslate.workspace.simplemodels import uncorrelated_background
from tests.conftest import REPOSITORY
from tests.likelihood.builders import channel, config, workspace

CASES = REPOSITORY / "validation" / "cases"
STORED = REPOSITORY / "reference_outputs" / "normfactor.json"

#: Stands for a Python with ROOT: notes its arguments and answers with a stored reference.
FAKE = """#!{python}
import json, os, shutil, sys
if sys.argv[1] == "-c":
    sys.exit(0)
with open({log!r}, "w") as log:
    json.dump([os.getcwd(), *sys.argv[2:]], log)
print("[1.0 s] points", file=sys.stderr)
shutil.copy({stored!r}, sys.argv[sys.argv.index("-o") + 1])
"""
#: Stands for hist2workspace: makes the file that ROOT would make.
TOOL = """#!{python}
import os, sys
from pathlib import Path
assert Path(sys.argv[1]).is_file() and Path("HistFactorySchema.dtd").is_file()
Path("results").mkdir()
Path("results/FitConfig_combined_{measurement}_model.root").write_bytes(b"")
"""


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def program(path: Path, text: str, **values: str) -> str:
    path.write_text(text.format(python=sys.executable, **values))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def fake(tmp_path: Path) -> tuple[str, Path]:
    log = tmp_path / "log.json"
    return program(tmp_path / "python", FAKE, log=str(log), stored=str(STORED)), log


def test_scripts_are_found() -> None:
    assert (scripts() / "from_json.py").is_file()


def test_find_root(fake: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_root(fake[0]).python == fake[0]
    monkeypatch.setenv("ROOT_PYTHON", fake[0])
    assert find_root().python == fake[0]
    tool = program(tmp_path / "hist2workspace", TOOL, measurement="m")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_root() == RootInstallation(python=fake[0], hist2workspace=tool)


def test_no_root() -> None:
    with pytest.raises(RootFailed, match=r"no ROOT: /nowhere/python cannot import it; install it .*--root-python"):
        find_root("/nowhere/python")


def test_xml_is_described_to_the_classes(fake: tuple[str, Path]) -> None:
    path = CASES / "normfactor" / "model.xml"
    lines: list[str] = []
    installation = RootInstallation(python=fake[0], hist2workspace=None)
    found = root_results(Source(path=path), load(path).workspace, installation, progress=lines.append)
    assert found.provenance.engine == "ROOT"
    assert [(i.path, i.sha256) for i in found.provenance.inputs] == [(str(path), digest(path))]
    assert lines == ["[1.0 s] points"]
    folder, driver, *others = json.loads(fake[1].read_text())
    assert (Path(driver).parent, Path(driver).name) == (Path(folder), "model.xml")
    assert others[:6] == ["--kind", "xml", "--basedir", str(path.parent), "--measurement", "measurement"]


def test_paths_are_relative_to_the_working_directory_as_for_root(
    fake: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CASES / "normfactor" / "model.xml"
    installation = RootInstallation(python=fake[0], hist2workspace=None)
    monkeypatch.chdir(path.parent)
    root_results(Source(path=Path("model.xml")), load("model.xml").workspace, installation)
    assert json.loads(fake[1].read_text())[4:6] == ["--basedir", str(path.parent)]
    (tmp_path / "model.xml").symlink_to(path)
    for name in ("SR.xml", "CR.xml"):
        (tmp_path / name).symlink_to(path.parent / name)
    root_results(Source(path=path, basedir=tmp_path), load(path).workspace, installation)
    assert json.loads(fake[1].read_text())[4:6] == ["--basedir", str(tmp_path)]


def test_paths_of_xml_may_start_above_it(fake: tuple[str, Path], tmp_path: Path) -> None:
    """As reading takes them: from where TRExFitter, for one, ran."""
    folder = tmp_path / "work" / "job"
    shutil.copytree(CASES / "normfactor", folder)
    driver = folder / "model.xml"
    for path in folder.glob("*.xml"):
        path.write_text(re.sub(r'(?<=[">])(\./)?(\w+\.(root|xml))(?=["<])', r"job/\2", path.read_text()))
    installation = RootInstallation(python=fake[0], hist2workspace=None)
    root_results(Source(path=driver), load(driver).workspace, installation)
    assert json.loads(fake[1].read_text())[4:6] == ["--basedir", str(tmp_path / "work")]


def test_the_workspace_of_a_pallet_goes_to_root(fake: tuple[str, Path], tmp_path: Path) -> None:
    document = json.loads((CASES / "json_settings" / "workspace.json").read_text())
    path = tmp_path / "pallet.json"
    path.write_text(json.dumps({"workspace": document, "patchsets": []}))
    installation = RootInstallation(python=fake[0], hist2workspace=None)
    root_results(Source(path=path), load(path).workspace, installation)
    assert json.loads(fake[1].read_text())[2:4] == ["--kind", "pyhf-json"]


def test_json_is_patched(fake: tuple[str, Path], tmp_path: Path) -> None:
    path = CASES / "json_settings" / "workspace.json"
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "replace", "path": "/observations/0/data/0", "value": 64.0}]')
    workspace = load(path, patches=(patch,)).workspace
    installation = RootInstallation(python=fake[0], hist2workspace=None)
    found = root_results(Source(path=path, patches=(patch,)), workspace, installation)
    assert json.loads(fake[1].read_text())[2:4] == ["--kind", "pyhf-json"]
    assert [i.path for i in found.provenance.inputs] == [str(path), str(patch)]


def test_a_full_root_reads_our_xml(fake: tuple[str, Path], tmp_path: Path) -> None:
    path = CASES / "json_partial_lumi" / "workspace.json"
    tool = program(tmp_path / "hist2workspace", TOOL, measurement="measurement")
    installation = RootInstallation(python=fake[0], hist2workspace=tool)
    root_results(Source(path=path), load(path).workspace, installation)
    arguments = json.loads(fake[1].read_text())
    assert arguments[1].endswith("results/FitConfig_combined_measurement_model.root")
    assert arguments[2:9] == ["--kind", "workspace", "--name", "measurement", "--lumi-function", "2.0", "0.1"]


def test_what_goes_wrong_is_said(fake: tuple[str, Path], tmp_path: Path) -> None:
    workspace = uncorrelated_background([1.0], [5.0], [1.0], observed=[5])
    source = Source(path=CASES / "json_settings" / "workspace.json")
    other = program(tmp_path / "hist2workspace", TOOL, measurement="another")
    with pytest.raises(RootFailed, match="made no combined workspace of the measurement"):
        root_results(source, workspace, RootInstallation(python=fake[0], hist2workspace=other))
    broken = program(tmp_path / "broken", "#!{python}\nimport sys\nsys.exit('no such luck')\n")
    with pytest.raises(RootFailed, match="broken ended with status 1: no such luck"):
        root_results(source, workspace, RootInstallation(python=broken, hist2workspace=None))


def test_command(fake: tuple[str, Path], tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    model = str(CASES / "normfactor" / "model.xml")
    arguments = ["crosscheck", model, "--with-root", "--root-python", fake[0], "--save-reference", str(kept)]
    found = CliRunner().invoke(cli, arguments)
    assert found.exit_code == 0, found.output
    assert "ROOT: [1.0 s] points" in found.stderr
    expected = json.loads(STORED.read_text())
    expected["provenance"]["inputs"] = [{"path": model, "sha256": digest(Path(model))}]
    assert json.loads(kept.read_text()) == expected


@pytest.mark.root
@pytest.mark.parametrize("name", ["json_partial_lumi/workspace.json", "histosys/model.xml"])
def test_real_root_agrees(name: str, warm_root: str) -> None:
    found = CliRunner().invoke(cli, ["crosscheck", str(CASES / name), "--with-root", "--root-python", warm_root])
    assert found.exit_code == 0, found.output


def at_the_edge(signal: list[float], observed: list[int]) -> Workspace:
    """A signal on a background with a systematic and a scale that a control region measures."""
    both = (NormSys(name="sys", lo=0.85, hi=1.2), NormFactor(name="k"))
    return workspace(
        channel("SR", observed, ("s", signal, NormFactor(name="mu")), ("b", [40.0, 30.0], *both)),
        channel("CR", [310.0], ("b", [300.0], NormFactor(name="k"))),
    )


@pytest.mark.root
@pytest.mark.parametrize(
    ("signal", "observed", "at_limit"),
    [
        ([6.0, 9.0], [34, 22], ["mu"]),  # a deficit: the other uncertainties are those with mu held
        ([6.0, 9.0], [0, 0], ["mu"]),
        ([6e5, 9e5], [60, 60], []),  # a best fit that is small in its range, and not in its uncertainty
    ],
)
def test_real_root_agrees_near_a_bound(
    signal: list[float], observed: list[int], at_limit: list[str], warm_root: str, tmp_path: Path
) -> None:
    model, kept, report = (tmp_path / name for name in ("model.json", "kept.json", "report.json"))
    model.write_text(json.dumps(to_document(at_the_edge(signal, observed))))
    outputs = ["--save-reference", str(kept), "--json", str(report)]
    found = CliRunner().invoke(cli, ["crosscheck", str(model), "--with-root", "--root-python", warm_root, *outputs])
    assert found.exit_code == 0, found.output
    theirs = json.loads(kept.read_text())["fit"]
    assert theirs["at_limit"] == at_limit
    best = fit(*compile_model(load(model).workspace, None, ROOT))
    assert {n for n, at in zip(best.names, best.at_bound, strict=True) if at} == set(at_limit)
    assert best.uncertainty("k") == pytest.approx(theirs["uncertainties"]["k"], rel=1e-2)
    verdicts = {rung["name"]: rung["verdict"] for rung in json.loads(report.read_text())["rungs"]}
    assert verdicts["uncertainties"] == "passed"


@pytest.mark.root
def test_minos_of_real_root_holds_what_ended_at_a_limit(warm_root: str, tmp_path: Path) -> None:
    """A second signal that ended at zero would take over some of the first: MINUIT does not let it."""
    signals = ("s", [5.0, 8.0], NormFactor(name="mu")), ("t", [3.0, 1.0], NormFactor(name="mu2"))
    background = "b", [50.0, 60.0], NormSys(name="sys", lo=0.9, hi=1.1), ShapeSys(name="unc", data=(5.0, 6.0))
    space = workspace(
        channel("SR", [30.0, 36.0], *signals, background), parameters=[config("mu", bounds=((-5.0, 5.0),))]
    )
    model, kept = tmp_path / "model.json", tmp_path / "kept.json"
    model.write_text(json.dumps(to_document(space)))
    found = CliRunner().invoke(
        cli, ["crosscheck", str(model), "--with-root", "--root-python", warm_root, "--save-reference", str(kept)]
    )
    assert found.exit_code == 0, found.output
    theirs = json.loads(kept.read_text())["fit"]
    assert theirs["at_limit"] == ["mu2"]
    likelihood, data = compile_model(load(model).workspace, None, ROOT)
    best = fit(likelihood, data)
    low, _ = profile_interval(likelihood, data, best, "mu")
    assert low is not None
    assert low - best["mu"] < 1.02 * theirs["minos"]["mu"][0]
    there = {"mu": best["mu"] + theirs["minos"]["mu"][0]}
    held = fit(likelihood, data, fixed=there | {"mu2": 0.0}).nll - best.nll
    free = fit(likelihood, data, fixed=there).nll - best.nll
    assert held == pytest.approx(0.5, abs=1e-3)
    assert free < 0.49


@pytest.mark.root
def test_real_root_and_a_signal_without_effect(warm_root: str, tmp_path: Path) -> None:
    """The statistic in the Asimov data is exactly zero: nothing is excluded, and nothing divided by it."""
    model, kept = tmp_path / "model.json", tmp_path / "kept.json"
    model.write_text(json.dumps(to_document(at_the_edge([0.0, 0.0], [34, 22]))))
    found = CliRunner().invoke(
        cli, ["crosscheck", str(model), "--with-root", "--root-python", warm_root, "--save-reference", str(kept)]
    )
    assert found.exit_code == 0, found.output
    theirs = json.loads(kept.read_text())
    assert {t["CLs_obs"] for t in theirs["hypotests"] if t["calculator"] == "asymptotic"} == {1.0}
    assert theirs["limit"] == {"level": 0.05, "observed": None, "expected": [None] * 5}


@pytest.mark.root
def test_real_root_through_hist2workspace(warm_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel has no hist2workspace; one that makes the same calls stands in, and reads the XML that we write."""
    tool = tmp_path / "hist2workspace"
    tool.write_text(
        f"#!{warm_root}\nimport sys\nsys.path.insert(0, {str(scripts())!r})\n"
        "from from_xml import read_xml\nfrom quiet import ROOT\n"
        "m = read_xml(sys.argv[1]).measurement\nm.CollectHistograms()\n"
        "w = ROOT.RooStats.HistFactory.MakeModelAndMeasurementFast(m)\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = CliRunner().invoke(
        cli, ["crosscheck", str(CASES / "shapesys_gaussian" / "model.xml"), "--with-root", "--root-python", warm_root]
    )
    assert found.exit_code == 0, found.output
    found = CliRunner().invoke(
        cli,
        ["crosscheck", str(CASES / "json_partial_lumi" / "workspace.json"), "--with-root", "--root-python", warm_root],
    )
    assert found.exit_code == 1  # XML has no word for the range of a luminosity of some samples
    assert "Cause: parameter range: ranges in the reference: alpha_lumi [-5, 5], in ours [-10, 10]" in found.output
