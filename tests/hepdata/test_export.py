"""What tools of theorists take, and that it says what the likelihood says; ``validation/peers`` asks the tools."""

import ast
import csv
import json

import jsonpatch
import pyhf
import pytest
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.errors import InputError
from hftranslate.hepdata.export import export
from hftranslate.hepdata.reproduce import read_record
from tests.hepdata import likelihoods

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")  # pyhf uses it
YIELDS = {name: [n / 4, n / 2, n] for name, (_, _, n) in likelihoods.SIGNALS.items()}


def with_poi(folder, poi):
    def named(document):
        return json.loads(json.dumps(document).replace('"mu"', json.dumps(poi)))

    background = named(likelihoods.BACKGROUND)
    likelihoods.write(folder, background, named(likelihoods.patchset(background)))
    return read_record(folder)


def test_spey_gets_background_and_patches(tmp_path):
    likelihoods.write(tmp_path)
    files = export(read_record(tmp_path), "spey")
    listed = json.loads(files["models.json"])
    background = json.loads(files[listed["background_only_model"]])
    cls = {}
    for one in listed["models"]:
        patched = pyhf.Workspace(jsonpatch.apply_patch(background, json.loads(files[one["signal_patch"]])))
        model = patched.model()
        cls[one["analysis"]] = float(pyhf.infer.hypotest(1.0, patched.data(model), model, test_stat="qtilde"))
    for point in likelihoods.scanned().points:
        assert cls[point.name] == pytest.approx(point.result["CLs_obs"], abs=1e-4)


def test_smodels_gets_the_map_of_regions(tmp_path):
    files = export(with_poi(tmp_path, "mu_SIG"), "smodels")
    line = files["globalInfo.txt"].decode().splitlines()[0].removeprefix("jsonFiles: ").replace("null", "None")
    (regions,) = ast.literal_eval(line).values()
    assert regions == [
        *({"smodels": f"SR[{i}]", "type": "SR", "pyhf": f"SR[{i}]"} for i in range(3)),
        {"smodels": None, "type": "CR", "pyhf": "CR"},
    ]
    for name, yields in YIELDS.items():
        assert json.loads(files[f"signals/{name}.json"]) == {f"SR[{i}]": n for i, n in enumerate(yields)}


def test_smodels_gets_data_in_the_order_of_channels(tmp_path):
    """It takes the place of the data of a channel for that of the channel."""
    document = {**likelihoods.BACKGROUND, "observations": likelihoods.BACKGROUND["observations"][::-1]}
    document = json.loads(json.dumps(document).replace('"mu"', '"mu_SIG"'))
    likelihoods.write(
        tmp_path, document, json.loads(json.dumps(likelihoods.patchset(document)).replace('"mu"', '"mu_SIG"'))
    )
    written = json.loads(export(read_record(tmp_path), "smodels")["BkgOnly.json"])
    assert [o["name"] for o in written["observations"]] == [c["name"] for c in written["channels"]] == ["SR", "CR"]
    assert written["observations"][1]["data"] == [410.0]


def test_smodels_tests_one_parameter_only(tmp_path):
    with pytest.raises(InputError, match="tests mu_SIG only; the parameter of interest here is mu"):
        export(with_poi(tmp_path, "mu"), "smodels")


def test_tables(tmp_path):
    likelihoods.write(tmp_path)
    files = export(read_record(tmp_path), "csv")
    rows = list(csv.DictReader(files["signals.csv"].decode().splitlines()))
    assert [[float(r[f"SR[{i}]"]) for i in range(3)] for r in rows] == list(YIELDS.values())
    assert {float(r["CR[0]"]) for r in rows} == {0.0}
    assert (rows[0]["name"], rows[0]["m1"]) == ("s_300_100", "300")
    background = list(csv.DictReader(files["background.csv"].decode().splitlines()))
    assert [(r["channel"], float(r["observed"]), float(r["expected"])) for r in background][-1] == ("CR", 410.0, 400.0)


@pytest.mark.parametrize("tool", ["spey", "csv"])
def test_the_command_writes_a_folder(tmp_path, tool):
    likelihoods.write(tmp_path / "a" / "A")
    other = {**likelihoods.BACKGROUND, "observations": likelihoods.BACKGROUND["observations"][::-1]}
    likelihoods.write(tmp_path / "a" / "B", other)
    arguments = ["hepdata", "export", str(tmp_path / "a"), str(tmp_path / "out"), "--for", tool]
    told = CliRunner().invoke(cli, arguments, standalone_mode=False, catch_exceptions=False)
    files = json.loads(told.stdout)["files"]
    assert {f.split("/")[0] for f in files} == {"A", "B"}
    assert all((tmp_path / "out" / f).is_file() for f in files)
