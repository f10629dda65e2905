"""--asimov-if-missing on the command line."""

import json
from pathlib import Path

from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.translation.load import load
from hftranslate.workspace import ROOT
from tests.cli.conftest import Runner


def test_on_the_command_line(run: Runner, shared: Path, tmp_path: Path) -> None:
    folder = shared / "root_models" / "quirks" / "no_data"
    driver, target = folder / "top.xml", tmp_path / "ws.json"
    found = run("xml2json", driver, "--basedir", folder, "-o", target)
    assert found.code == 2
    assert "cannot say that a channel has no data (--asimov-if-missing" in found.err
    assert not target.exists()
    losses = tmp_path / "losses.json"
    found = run("xml2json", driver, "--basedir", folder, "-o", target, "--asimov-if-missing", "--losses", losses)
    assert found.code == 0
    assert json.loads(target.read_text())["observations"] == [{"name": "SR", "data": [55.0, 70.0, 23.0]}]
    assert any("ROOT's asimovData, takes their place" in o["what"] for o in json.loads(losses.read_text()))
    account = json.loads(losses.read_text())
    defaults = [o for o in account if o["kind"] == "defaulted" and o["attribute"] == "NormalizeByTheory"]
    (default,) = [o for o in defaults if "sig" in o["where"]]
    assert (default["value"], default["source"]) == ("True", "ConfigParser.cxx and HistFactorySchema.dtd of ROOT 6.40")
    assert "element" in found.err
    assert "in the model" in found.err
    with_data = load(driver, xml=XmlOptions(basedir=folder, asimov_if_missing=True)).workspace
    assert load(target, use_sidecar=True).workspace == with_data
    assert with_data.conventions == ROOT
    assert run("cls", driver, "--basedir", folder, "--asimov-if-missing").code == 0
    refused = run("cls", driver, "--basedir", folder)
    assert refused.code == 2
    assert "has no observed data (--asimov-if-missing takes what is expected in XML)" in refused.err
