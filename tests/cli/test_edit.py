"""The commands that edit, as users meet them."""

import json
from pathlib import Path

import pytest

from hftranslate.editing import prune
from hftranslate.formats.pyhf_json import from_document, to_document
from hftranslate.translation.load import load, read
from tests.cli.conftest import Runner, pyhf_says
from tests.cli.documents import document, text


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


# -------------------------------------------------------------------------------------- the same options as pyhf
@pytest.mark.parametrize(
    "arguments",
    [
        ("prune", "-s", "signal", "--measurement", "other"),
        ("prune", "--sample", "signal", "-m", "JES"),
        ("prune", "-t", "normsys", "--modifier-type", "lumi"),
        ("prune", "--modifier", "mu"),
        ("rename", "-c", "SR", "CR", "-s", "signal", "sig", "-m", "mu", "xsec", "--measurement", "meas", "m"),
        ("rename", "--channel", "SR", "CR", "--sample", "signal", "sig", "--modifier", "JES", "JER"),
        ("sort",),
        ("digest",),
        ("digest", "-a", "md5", "-a", "sha512"),
        ("digest", "--json"),
        ("digest", "-j", "-a", "sha1"),
        ("digest", "-p", "--algorithm", "sha256"),
    ],
)
def test_options_and_output_of_pyhf(arguments: tuple[str, ...], run: Runner, ws: Path) -> None:
    command, *options = arguments
    found = run(command, ws, *options)
    expected = pyhf_says(command, ws, *options)
    assert found.code == 0
    if command == "digest":
        assert found.out == expected
    else:
        assert json.loads(found.out) == json.loads(expected)


@pytest.mark.parametrize(
    "options", [("-j", "outer"), ("--join", "left outer"), ("-j", "right outer", "--merge-channels")]
)
def test_combine_as_pyhf(options: tuple[str, ...], run: Runner, ws: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(run("rename", ws, "-c", "SR", "CR", "--measurement", "other", "third").out)
    found = run("combine", ws, other, *options)
    assert found.code == 0
    assert json.loads(found.out) == json.loads(pyhf_says("combine", ws, other, *options))
    assert "note: 'JES' acts on 2 modifiers instead of 1: they share it now" in found.err


# ------------------------------------------------------------------------------------------------ what comes out
def test_output_to_a_file(run: Runner, ws: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    found = run("prune", ws, "-s", "signal", "-o", target)
    assert (found.code, found.out) == (0, "")
    assert read(target) == prune(read(ws), samples=["signal"])
    assert not (tmp_path / "out.histfactory.json").exists()
    assert "no modifier uses 'mu' any more, the parameter of interest of 'meas', 'other'" in found.err
    missing = run("sort", ws, "-o", tmp_path / "nowhere" / "x.json")
    assert missing.code == 2
    assert "there is no folder" in missing.err


def test_any_format_in_and_out(run: Runner, ws: Path, tmp_path: Path) -> None:
    found = run("rename", ws, "-s", "signal", "sig", "-o", tmp_path / "xml" / "Fit.xml")
    assert found.code == 0
    driver = tmp_path / "xml" / "Fit.xml"
    assert [s.name for s in read(driver).channels[0].samples] == ["sig", "background"]
    back = run("prune", driver, "--measurement", "other", "--basedir", driver.parent)
    assert back.code == 0
    assert [m["name"] for m in json.loads(back.out)["measurements"]] == ["meas"]
    target = tmp_path / "back.json"
    kept = run("sort", driver, "--basedir", driver.parent, "-o", target)
    assert kept.code == 0
    assert load(target, use_sidecar=True).with_sidecar
    translated = run("xml2json", driver, "--basedir", driver.parent, "--no-sidecar")
    digest = run("digest", driver, "--basedir", driver.parent)
    assert digest.out == run("digest", "-", stdin=translated.out.encode()).out


def test_the_sidecar_follows(run: Runner, ws: Path, tmp_path: Path) -> None:
    """Editing the JSON edits what lies beside it: the same edit of the model that the XML described."""
    assert run("json2xml", ws, "-d", tmp_path / "xml", "--no-sidecar").code == 0
    driver = tmp_path / "xml" / "FitConfig.xml"
    channel = tmp_path / "xml" / "config" / "SR.xml"
    channel.write_text(channel.read_text().replace('ConstraintType="Gaussian"', 'ConstraintType="Poisson"'))
    plain = tmp_path / "plain.json"
    assert run("xml2json", driver, "--basedir", driver.parent, "-o", plain).code == 0
    target = tmp_path / "pruned.json"
    found = run("prune", plain, "--measurement", "other", "-s", "signal", "-o", target)
    assert found.code == 0
    original = load(plain, use_sidecar=True)
    pruned = load(target, use_sidecar=True)
    assert original.with_sidecar
    assert pruned.with_sidecar
    assert pruned.workspace == prune(original.workspace, measurements=["other"], samples=["signal"])
    to_standard_output = run("prune", plain, "--measurement", "other")
    assert "no sidecar is written to standard output" in to_standard_output.err
    as_xml = tmp_path / "again" / "Fit.xml"
    assert run("prune", plain, "--measurement", "other", "-o", as_xml).code == 0
    assert 'ConstraintType="Poisson"' in (tmp_path / "again" / "config" / "SR.xml").read_text()


def test_a_sidecar_that_cannot_follow_is_a_loss(run: Runner, ws: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from hftranslate.translation.sidecar import make_sidecar
    from hftranslate.translation.sidecar_file import sidecar_path
    from hftranslate.translation.write import JsonTranslation, write_json
    from hftranslate.workspace import ROOT

    plain = from_document(document())
    original = prune(replace(plain, conventions=ROOT), modifiers=["JES"])
    written = JsonTranslation(document=to_document(plain), sidecar=make_sidecar(plain, original), outcomes=())
    write_json(written, ws, sidecar=sidecar_path(ws))
    found = run("prune", ws, "-m", "JES")
    assert found.code == 0
    assert (
        "loss: what the sidecar holds cannot follow and is left out: the workspace has no modifier 'JES'" in found.err
    )


def test_patches(run: Runner, ws: Path, tmp_path: Path) -> None:
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "replace", "path": "/observations/0/data", "value": [70, 71]}]')
    changed = document()
    changed["observations"][0]["data"] = [70, 71]
    assert json.loads(run("sort", ws, "-p", patch).out)["observations"] == changed["observations"]
    assert run("digest", ws, "--patch", patch).out == run("digest", stdin=json.dumps(changed).encode()).out


# ----------------------------------------------------------------------------------------------- more than pyhf
def test_by_place_and_by_bin(run: Runner, ws: Path) -> None:
    left = json.loads(run("prune", ws, "--sample-in", "SR", "signal", "--bin", "SR", "0").out)
    (sample,) = left["channels"][0]["samples"]
    assert sample["data"] == [52.0]
    assert sample["modifiers"][1]["data"] == [7.0]
    assert left["observations"] == [{"data": [60], "name": "SR"}]
    left = json.loads(run("prune", ws, "--modifier-in", "SR", "background", "JES").out)
    assert [m["name"] for m in left["channels"][0]["samples"][1]["modifiers"]] == ["staterror_SR"]
    for text_of_bins in ("x", "1-", "-1", "0--1", "9" * 30):
        found = run("prune", ws, "--bin", "SR", text_of_bins)
        assert found.code == 2
        assert "expected a number or FIRST-LAST" in found.err
    assert "leaves channel 'SR' without bins" in run("prune", ws, "--bin", "SR", "0-1").err
    assert "has no bin 2; its bins are 0 to 1" in run("prune", ws, "--bin", "SR", "1-100000000000").err


def test_negligible(run: Runner, ws: Path, tmp_path: Path) -> None:
    report, target = tmp_path / "report.json", tmp_path / "out.json"
    found = run("prune", ws, "--negligible", "0.13", "--report", report, "-o", target)
    assert found.code == 0
    assert "2 modifier(s) change no bin of their channel by more than 0.13 of its yield: left out" in found.err
    assert "0.094  SR, background: normsys JES" in found.err
    assert "2 parameter(s) are no longer there: JES, staterror_SR" in found.err
    assert "measurement 'meas': largest change of the NLL within 3 sigma" in found.err
    told = json.loads(report.read_text())
    assert told["threshold"] == 0.13
    assert [(p["modifier"], p["type"]) for p in told["pruned"]] == [("JES", "normsys"), ("staterror_SR", "staterror")]
    assert told["parameters_gone"] == ["JES", "staterror_SR"]
    assert [e["measurement"] for e in told["effects"]] == ["meas", "other"]
    assert all(0 < e["cls"] < 0.5 for e in told["effects"])
    left = json.loads(target.read_text())
    assert left["channels"][0]["samples"][1]["modifiers"] == []
    assert run("prune", ws, "--report", report).code == 2
    assert run("prune", ws, "--negligible", "2").code == 2


def test_many_are_shortened(run: Runner, tmp_path: Path) -> None:
    many = document()
    many["channels"][0]["samples"][1]["modifiers"] += [
        {"name": f"s{i}", "type": "normsys", "data": {"hi": 1.0001, "lo": 1.0}} for i in range(30)
    ]
    path = tmp_path / "many.json"
    path.write_text(json.dumps(many))
    found = run("prune", path, "--negligible", "0.001")
    assert "and 10 more with smaller effects (--report FILE lists them all)" in found.err


def test_the_canonical_digest(run: Runner, ws: Path) -> None:
    found = run("digest", ws, "--canonical")
    kinds = dict(line.split(":") for line in found.out.splitlines())
    assert kinds.keys() == {"sha256", "canonical"}
    changed = document()
    changed["channels"][0]["samples"].reverse()
    changed["observations"][0]["data"] = [55.0, 60.0]
    other = run("digest", "--canonical", "-j", stdin=json.dumps(changed).encode())
    assert json.loads(other.out)["canonical"] == kinds["canonical"]
    assert json.loads(other.out)["sha256"] != kinds["sha256"]


def test_combine_tells_what_it_leaves_out(run: Runner, ws: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    changed = document()
    changed["channels"][0]["samples"][0]["data"] = [4.0, 8.0]
    other.write_text(json.dumps(changed))
    assert "both workspaces have the channel(s) 'SR'" in run("combine", ws, other).err
    assert run("combine", ws, other, "-j", "outer").code == 2
    found = run("combine", ws, other, "-j", "left outer")
    assert json.loads(found.out) == document()
    assert "loss: channel 'SR': sample 'signal' of the second workspace differs and is left out" in found.err
    assert run("combine", "-", "-").code == 2
    assert run("combine", ws).code == 2
    (tmp_path / "other.histfactory.json").write_text("{}")
    assert "other.histfactory.json is not used" in run("combine", ws, other, "-j", "left outer").err


def test_formats_with_other_conventions_are_not_mixed(run: Runner, ws: Path, tmp_path: Path) -> None:
    assert run("json2xml", ws, "-d", tmp_path / "xml").code == 0
    found = run("combine", ws, tmp_path / "xml" / "FitConfig.xml", "--basedir", tmp_path / "xml")
    assert found.code == 2
    assert "translate one to the format of the other first" in found.err


@pytest.mark.parametrize("command", ["prune", "rename", "sort", "digest"])
def test_nothing_is_left_of_a_failure(command: str, run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text()[:-20])
    found = run(command, path, "-o", tmp_path / "out.json")
    assert found.code == 2
    assert "not valid JSON" in found.err
    assert not (tmp_path / "out.json").exists()
