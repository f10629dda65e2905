"""Translations judged by ROOT: what it is asked, and what its answers mean; with real ROOT, what it finds."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hftranslate.cli import cli
from hftranslate.crosscheck.read_through_root import read_through_root
from hftranslate.crosscheck.verify_with_root import verify_in_root
from hftranslate.crosscheck.with_root import RootInstallation, Source, root_pair
from hftranslate.errors import InputError, InvalidWorkspace, RootFailed, UnsafeInput, Unsupported
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.formats.root_workspace.graph import Graph
from hftranslate.translation.load import load
from hftranslate.translation.write import write
from hftranslate.workspace import Measurement
from tests.cli.documents import document
from tests.conftest import REPOSITORY

CASES = REPOSITORY / "validation" / "cases"
JSON = CASES / "json_partial_lumi" / "workspace.json"
#: Stands for a Python with ROOT: notes its arguments and answers with what it was given.
FAKE = """#!{python}
import json, sys
arguments = sys.argv[1:]
middle = arguments.index("--against")
with open({log!r}, "w") as log:
    json.dump([arguments, json.load(open(arguments[arguments.index("--names") + 1]))], log)
with open(arguments[arguments.index("-o") + 1], "w") as out:
    out.write({answer!r})
"""


def point(label: str, nll: tuple[float | None, float | None], bins: tuple[list[float], list[float]]) -> dict[str, Any]:
    sides = zip(("original", "translation"), nll, bins, strict=True)
    return {"label": label, "values": {}} | {side: {"nll": n, "yields": {"SR": b}} for side, n, b in sides}


START = point("the initial values", (3.0, 4.0), ([5.0, 0.0], [5.0, 0.0]))


class Judged:
    """A translation of a small model, and a ROOT that says about it what a test wants to hear."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.driver = tmp_path / "xml" / "FitConfig.xml"
        self.loaded = load(JSON)
        self.driver.parent.mkdir()
        self.account = write(self.loaded.workspace, self.driver)

    def by(self, *points: Mapping[str, Any], alone: tuple[str, ...] = ()) -> Any:
        answer = json.dumps({"version": "6.40.00", "alone": alone, "points": points})
        python = self.folder / "python"
        python.write_text(FAKE.format(python=sys.executable, log=str(self.folder / "log.json"), answer=answer))
        python.chmod(0o755)
        installation = RootInstallation(python=str(python), hist2workspace=None)
        return verify_in_root(self.loaded, Source(path=JSON), self.driver, installation, account=self.account)


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return Judged(tmp_path)


def test_what_root_is_asked(judged: Judged) -> None:
    checked = judged.by(START, point("mu = 2", (7.0, 8.0), ([9.0, 0.0], [9.0, 0.0])))
    assert checked.verified
    assert checked.details() == ""
    assert checked.sentence == (
        f"verified by ROOT 6.40.00: it evaluates {JSON} and {judged.driver} alike, both described to its HistFactory "
        "classes: at 2 points of 1 measurement(s) the NLL differs by at most 0 and the yields by 0"
    )
    arguments, names = json.loads((judged.folder / "log.json").read_text())
    assert arguments[0].endswith("of_pair.py")
    middle = arguments.index("--against")
    kinds = [side[side.index("--kind") + 1] for side in (arguments[:middle], arguments[middle:])]
    assert kinds == ["pyhf-json", "xml"]
    assert names["lumi"] == "alpha_lumi"  # of some samples: ROOT has no parameter Lumi for it
    assert names["mu"] == "mu"


@pytest.mark.parametrize(
    ("points", "alone", "reason"),
    [
        ([START, point("mu = 2", (7.0, 8.1), ([9.0], [9.0]))], (), "ROOT's NLL differs by 0.1 at mu = 2"),
        ([START, point("mu = 2", (7.0, None), ([9.0], [9.0]))], (), "ROOT's NLL differs by inf at mu = 2"),
        ([point("a", (3.0, 4.0), ([5.0, 1.0], [5.0, 1.001]))], (), "ROOT's yields differ by 0.001 at a, channel 'SR'"),
        ([point("a", (3.0, 4.0), ([5.0, 1.0], [5.0]))], (), "ROOT's yields differ by inf at a, channel 'SR'"),
        ([START], ("mu", "nu"), "free for ROOT in one of them only: 'mu', 'nu'"),
        ([], (), "at no point ROOT has a value for both"),
    ],
)
def test_what_root_finds(judged: Judged, points: list[dict[str, Any]], alone: tuple[str, ...], reason: str) -> None:
    checked = judged.by(*points, alone=alone)
    assert not checked.verified
    assert checked.sentence.startswith(f"NOT verified by ROOT: {judged.driver} is not the input: measurement 'measur")
    assert checked.sentence.endswith(reason)
    assert "'hftranslate crosscheck FILE --with-root' says" in checked.details()


def test_channels_and_measurements_that_are_missing(judged: Judged) -> None:
    other = {**START, "translation": {"nll": 4.0, "yields": {"VR": [5.0, 0.0]}}}
    assert judged.by(other).sentence.endswith("channels that only one of them has for ROOT: SR, VR")
    text = judged.driver.read_text()
    judged.driver.write_text(text.replace('Measurement Name="measurement"', 'Measurement Name="another"'))
    assert "ROOT could not" not in judged.by(START).sentence


def test_a_root_that_fails(judged: Judged) -> None:
    broken = judged.folder / "broken"
    broken.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no such luck')\n")
    broken.chmod(0o755)
    installation = RootInstallation(python=str(broken), hist2workspace=None)
    checked = verify_in_root(judged.loaded, Source(path=JSON), judged.driver, installation)
    assert "ROOT could not evaluate both: broken ended with status 1: no such luck" in checked.sentence
    judged.driver.unlink()
    assert (
        "cannot be read back" in verify_in_root(judged.loaded, Source(path=JSON), judged.driver, installation).sentence
    )


def test_a_model_that_root_has_no_words_for_is_no_fault(judged: Judged) -> None:
    python = judged.folder / "broken"
    says = "it cannot be described to ROOT: parameter 's': ROOT cannot be told another constraint"
    python.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({says!r})\n")
    python.chmod(0o755)
    installation = RootInstallation(python=str(python), hist2workspace=None)
    with pytest.raises(Unsupported, match=r"which says nothing against it: parameter 's': ROOT cannot be told another"):
        verify_in_root(judged.loaded, Source(path=JSON), judged.driver, installation)


# ------------------------------------------------------------------------------------------------------------ real ROOT
def command(warm_root: str, *words: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, words), "--verify", "root", "--root-python", warm_root])


@pytest.mark.root
def test_faithful_translations(warm_root: str, tmp_path: Path) -> None:
    found = command(warm_root, "xml2json", CASES / "demo" / "demo.xml", "-o", tmp_path / "demo.json")
    assert found.exit_code == 0, found.stderr
    assert "verified by ROOT 6" in found.stderr
    for file in (tmp_path / "demo.json", JSON, CASES / "json_staterrors" / "workspace.json"):
        found = command(warm_root, "json2xml", file, "-d", tmp_path / file.stem)
        assert found.exit_code == 0, found.stderr
        assert "verified by ROOT 6" in found.stderr
    found = command(warm_root, "convert", CASES / "measurements" / "model.xml", tmp_path / "out.json")
    assert found.exit_code == 0, found.stderr
    assert "of 3 measurement(s)" in found.stderr
    found = command(warm_root, "xml2json", CASES / "lumi_all" / "model.xml")
    assert found.exit_code == 0, found.stderr
    json.loads(found.stdout)


@pytest.mark.root
def test_hs3_is_read_by_roots_importer(warm_root: str, tmp_path: Path) -> None:
    for file in (CASES / "demo" / "demo.xml", JSON):
        found = command(warm_root, "convert", file, tmp_path / "model.hs3.json")
        assert found.exit_code == 0, found.stderr
        assert "verified by ROOT 6" in found.stderr
        assert "HS3 read by its importer" in found.stderr
    exported = REPOSITORY / "tests" / "data" / "hs3"
    found = command(warm_root, "hs32json", exported / "shapesys_poisson.json", tmp_path / "a.json")
    assert found.exit_code == 0, found.stderr
    found = command(warm_root, "hs32json", exported / "three_channels.json", tmp_path / "b.json")
    assert found.exit_code == 1
    assert "ROOT's importer takes the Gaussian StatErrors of 'CR' for Poisson ones" in found.stderr
    assert "that ROOT reads otherwise than it stands there" in found.stderr
    assert "fault of hftranslate" not in found.stderr


@pytest.mark.root
def test_crosscheck_of_hs3_and_of_a_root_file(warm_root: str) -> None:
    exported = REPOSITORY / "tests" / "data" / "hs3" / "lumi_value.json"
    found = CliRunner().invoke(cli, ["crosscheck", str(exported), "--with-root", "--root-python", warm_root])
    assert found.exit_code == 0, found.output
    misread = exported.parent / "three_channels.json"
    found = CliRunner().invoke(cli, ["crosscheck", str(misread), "--with-root", "--root-python", warm_root])
    assert isinstance(found.exception, RootFailed)
    assert str(found.exception).startswith(
        "ROOT's importer takes the Gaussian StatErrors of 'CR' for Poisson ones: give"
    )
    model = REPOSITORY / "tests" / "data" / "root_workspace" / "histosys.root"
    found = CliRunner().invoke(cli, ["crosscheck", str(model), "--with-root", "--root-python", warm_root])
    assert isinstance(found.exception, Unsupported)
    assert "is a ROOT file, which may hold code that ROOT would run" in str(found.exception)


@pytest.mark.root
def test_a_workspace_is_read_through_root(warm_root: str, tmp_path: Path) -> None:
    folder = REPOSITORY / "tests" / "data" / "root_workspace"

    def converted(name: str) -> Result:
        arguments = ["convert", str(folder / f"{name}.root"), str(tmp_path / "out.hs3.json"), "--with-root"]
        return CliRunner().invoke(cli, [*arguments, "--root-python", warm_root])

    found = converted("histosys")
    assert found.exit_code == 0, found.output
    assert "our NLL is ROOT's of the workspace, within" in found.stderr
    found = converted("edited")
    assert found.exit_code == 0, found.output
    assert "ROOT's export does not say what the workspace is: their NLL differs by" in found.stderr
    assert isinstance(converted("foreign").exception, RootFailed)


def test_only_a_root_file_is_read_through_root(tmp_path: Path) -> None:
    installation = RootInstallation(python=sys.executable, hist2workspace=None)
    with pytest.raises(InputError, match="is no ROOT file"):
        read_through_root(JSON, installation, XmlOptions())


def test_a_file_with_code_is_not_given_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    intact = Graph._pass_over

    def with_code(graph: Graph, class_name: str) -> Any:
        if class_name == "RooWorkspace::CodeRepo":
            graph.n_classes += 1
        return intact(graph, class_name)

    monkeypatch.setattr(Graph, "_pass_over", with_code)
    file = REPOSITORY / "tests" / "data" / "root_workspace" / "histosys.root"
    with pytest.raises(UnsafeInput, match="carries classes of its own"):
        read_through_root(file, RootInstallation(python=sys.executable, hist2workspace=None), XmlOptions())


@pytest.mark.root
def test_a_loss(warm_root: str, tmp_path: Path) -> None:
    found = command(warm_root, "xml2json", CASES / "constraint_uniform" / "model.xml", "-o", tmp_path / "a.json")
    assert found.exit_code == 1
    assert "NOT verified by ROOT" in found.stderr
    assert "ROOT's NLL differs by 1.4 at alpha_xsec = 1.7" in found.stderr


SAME_OBJECTS = {"SR_x": "bkg", "x": "bkg_SR"}
MAKE_HISTOGRAMS = """
import ROOT
file = ROOT.TFile("data.root", "RECREATE")
for name, values in {"d_SR_x": (12, 9), "d_x": (50, 70), "h_SR_x": (11, 8), "h_x": (52, 69)}.items():
    histogram = ROOT.TH1D(name, "", 2, 0, 2)
    for i, value in enumerate(values):
        histogram.SetBinContent(i + 1, value)
    histogram.Write()
"""


@pytest.mark.root
def test_json_reaches_root_under_names_of_its_own(warm_root: str, tmp_path: Path) -> None:
    """Under the names of the model ROOT would take the samples of two channels for one; XML that does so is refused."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    contents = {"SR_x": [11.0, 8.0], "x": [52.0, 69.0]}
    data = {"SR_x": [12.0, 9.0], "x": [50.0, 70.0]}
    channels = [
        {"name": c, "samples": [{"name": s, "data": contents[c], "modifiers": [mu]}]} for c, s in SAME_OBJECTS.items()
    ]
    document = {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": values} for name, values in data.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    (tmp_path / "ws.json").write_text(json.dumps(document))
    for name, sample in SAME_OBJECTS.items():
        (tmp_path / f"{name}.xml").write_text(
            f'<Channel Name="{name}" InputFile="data.root"><Data HistoName="d_{name}"/><Sample Name="{sample}" '
            f'HistoName="h_{name}"><NormFactor Name="mu" Val="1" Low="0" High="10"/></Sample></Channel>'
        )
    (tmp_path / "top.xml").write_text(
        '<Combination OutputFilePrefix="x"><Input>SR_x.xml</Input><Input>x.xml</Input>'
        '<Measurement Name="m" Lumi="1" LumiRelErr="0"><POI>mu</POI></Measurement></Combination>'
    )
    subprocess.run([warm_root, "-c", MAKE_HISTOGRAMS], cwd=tmp_path, check=True, capture_output=True)
    m, installation = Measurement(name="m", pois=("mu",)), RootInstallation(python=warm_root, hist2workspace=None)
    as_json = Source(path=tmp_path / "ws.json")
    start = root_pair(as_json, as_json, (m, m), {}, installation)["points"][0]
    assert start["original"]["yields"] == {name: pytest.approx(values) for name, values in contents.items()}
    with pytest.raises(InvalidWorkspace, match="which makes them one object"):
        root_pair(as_json, Source(path=tmp_path / "top.xml", basedir=tmp_path), (m, m), {}, installation)


@pytest.mark.root
def test_what_root_cannot_be_told_is_named_as_users_know_it(warm_root: str, tmp_path: Path) -> None:
    moved = document()
    moved["measurements"][0]["config"]["parameters"].append({"name": "JES", "auxdata": [0.4]})
    (tmp_path / "moved.json").write_text(json.dumps(moved))
    found = command(warm_root, "json2xml", tmp_path / "moved.json", "-d", tmp_path / "xml")
    assert found.exit_code != 0
    assert isinstance(found.exception, Unsupported)
    assert "parameter 'JES': ROOT cannot be told another constraint" in str(found.exception)
