"""The command line as users meet it: what goes where, exit codes, and options."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hftranslate.cli import COMMANDS, SECTIONS
from hftranslate.formats import FORMATS
from tests.cases import case
from tests.cli.conftest import Runner
from tests.cli.documents import document, text
from tests.conftest import REPOSITORY
from tests.translation.test_translate import drivers

FITS = ("fit", "cls", "limit")


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


@pytest.fixture
def xml(ws: Path, run: Runner) -> Path:
    folder = ws.parent / "xml"
    assert run("json2xml", ws, "-d", folder).code == 0
    return folder / "FitConfig.xml"


# -------------------------------------------------------------------------------------------------------------- help
def test_help_lists_all_commands(run: Runner) -> None:
    for arguments in (("--help",), ("-h",)):
        found = run(*arguments)
        assert found.code == 0
        assert found.err == ""
        for command in COMMANDS:
            assert f"  {command} " in found.out
        assert "Exit codes: 0 done; 1 the answer is no; 2 bad input or usage." in found.out
    assert run("--version").out.startswith("hftranslate, version ")


def test_the_list_of_commands_is_whole_and_nothing_in_it_is_cut(run: Runner) -> None:
    listed = [name for commands in SECTIONS.values() for name in commands]
    assert sorted(listed) == sorted(COMMANDS)
    shown = run("--help").out
    for title, commands in SECTIONS.items():
        assert f"\n{title}:\n" in shown
        for name, what in commands.items():
            assert re.search(rf"^  {name} +{re.escape(what)}$", shown, re.MULTILINE), name


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_help_text(command: str, run: Runner) -> None:
    found = run(command, "--help")
    assert found.code == 0
    assert found.out.startswith(f"Usage: hftranslate {command} ")
    assert "--help" in found.out
    assert all(len(line) <= 100 for line in found.out.splitlines())


def test_unknown_commands_and_options_are_answered_with_the_nearest(run: Runner, ws: Path) -> None:
    found = run("xml2jsn", ws)
    assert found.code == 2
    assert "no command 'xml2jsn'; did you mean 'xml2json'?" in found.err
    found = run("cls", ws, "--test-pio", "1")
    assert found.code == 2
    assert "--test-poi" in found.err
    assert run("cls", ws, ws).code == 2
    assert run().code == 2
    assert run("cls", ws, "--test-poi", "much").code == 2
    assert run("cls", ws, "--conventions", "rot").code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("contour", "no command 'contour'; did you mean 'plot contour'?"),
        ("verify", "no command 'verify'; did you mean 'patchset verify'?"),
        ("brasil", "no command 'brasil'; did you mean 'plot brazil'?"),
        ("download", "did you mean 'contrib download' or 'hepdata download'?"),
        ("result", "did you mean 'results' or 'toys result'?"),
        ("nonsense", "no command 'nonsense'; there are 'cls', 'combine'"),
        ("plot brasil", "no command 'brasil'; did you mean 'hftranslate plot brazil'?"),
        ("plot cls", "no command 'cls'; did you mean 'hftranslate cls'?"),
        ("patchset bundle", "no command 'bundle'; did you mean 'hftranslate hepdata bundle'?"),
        ("hepdata patchset", "no command 'patchset'; did you mean 'hftranslate patchset'?"),
        ("toys xyz", "no command 'xyz'; there are 'merge', 'result'"),
    ],
)
def test_commands_that_are_elsewhere_are_pointed_to(words: str, told: str, run: Runner) -> None:
    found = run(*words.split())
    assert (found.code, found.out) == (2, "")
    assert told in found.err


def test_the_answer_no_is_an_exit_code(run: Runner, ws: Path, tmp_path: Path) -> None:
    """Of the installed program, not only of the command by itself."""
    reference = tmp_path / "reference.json"
    assert run("results", ws, "-o", reference).code == 0
    assert run("crosscheck", ws, reference).code == 0
    changed = document()
    changed["channels"][0]["samples"][1]["data"] = [51.0, 52.0]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(changed))
    found = run("crosscheck", other, reference)
    assert found.code == 1
    assert "yields" in found.out


# ---------------------------------------------------------------------------------------------------- fits and tests
@pytest.mark.parametrize("command", FITS)
def test_standard_output_is_json_and_nothing_else(command: str, run: Runner, ws: Path) -> None:
    found = run(command, ws)
    assert found.code == 0
    assert found.err == ""
    result = json.loads(found.out)
    assert result["conventions"] == "pyhf"
    assert result.get("status", "converged") == "converged"


def test_keys_are_those_of_pyhf(run: Runner, ws: Path) -> None:
    fit = json.loads(run("fit", ws).out)
    assert fit["mle_parameters"].keys() == {"mu", "lumi", "JES", "staterror_SR"}
    assert len(fit["mle_parameters"]["staterror_SR"]) == 2
    assert isinstance(fit["twice_nll"], float)
    cls = json.loads(run("cls", ws).out)
    assert isinstance(cls["CLs_obs"], float)
    assert len(cls["CLs_exp"]) == 5
    limit = json.loads(run("limit", ws).out)
    assert len(limit["expected"]) == 5
    at_the_limit = json.loads(run("cls", ws, "--test-poi", repr(limit["observed"])).out)
    assert at_the_limit["CLs_obs"] == pytest.approx(0.05, abs=1e-4)


def test_input_from_anywhere(run: Runner, ws: Path, tmp_path: Path) -> None:
    expected = run("cls", ws).out
    squeezed = tmp_path / "ws.json.gz"
    squeezed.write_bytes(gzip.compress(ws.read_bytes()))
    assert run("cls", squeezed).out == expected
    assert run("cls", "-", stdin=ws.read_bytes()).out == expected
    assert run("cls", stdin=ws.read_bytes()).out == expected
    assert run("cls", "-", stdin=squeezed.read_bytes()).out == expected
    assert run("cls", "-", stdin=b"\xef\xbb\xbf" + ws.read_bytes()).out == expected


def test_output_to_a_file(run: Runner, ws: Path, tmp_path: Path) -> None:
    expected = run("cls", ws).out
    for option in ("-o", "--output-file"):
        target = tmp_path / f"result{option}.json"
        found = run("cls", ws, option, target)
        assert (found.code, found.out) == (0, "")
        assert target.read_text() == expected
    assert run("cls", ws, "-o", "-").out == expected
    found = run("cls", ws, "-o", tmp_path / "missing" / "r.json")
    assert found.code == 2
    assert "cannot be written: there is no folder" in found.err


def test_a_closed_folder_is_told_before_the_work(
    run: Runner, ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hftranslate.cli.options.model.load", lambda *_, **__: pytest.fail("it was read"))
    monkeypatch.setattr("hftranslate.cli.options.paths.os.access", lambda *_: False)
    found = run("cls", ws, "-o", tmp_path / "x.json")
    assert found.code == 2
    assert f"cannot be written: the folder {str(tmp_path)!r} is closed" in found.err


def test_patches_are_applied_in_order(run: Runner, ws: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    first.write_text('[{"op": "replace", "path": "/observations/0/data", "value": [70, 71]}]')
    second.write_text('[{"op": "replace", "path": "/observations/0/data/1", "value": 60}]')
    changed = document()
    changed["observations"][0]["data"] = [70, 60]
    expected = run("cls", stdin=json.dumps(changed).encode()).out
    assert run("cls", ws, "-p", first, "--patch", second).out == expected
    assert run("cls", ws, "--patch", first).out != expected


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ('[{"op": "replace", "path": "/nothing/here", "value": 1}]', "does not apply to the workspace"),
        ('[{"op": "remove", "path": "/channels/7"}]', "does not apply to the workspace"),
        ('[{"op": "test", "path": "/version", "value": "2"}]', "does not apply to the workspace"),
        ('[{"op": "explode", "path": "/version"}]', "does not apply to the workspace"),
        ('[{"path": "/version"}]', "does not apply to the workspace"),
        ("[1, 2]", "does not apply to the workspace"),
        ('["add"]', "does not apply to the workspace"),
        ('{"op": "remove", "path": "/channels/0"}', "is no JSON patch, which is a list of operations"),
        ('{"patches": [], "metadata": {}}', "it is a patch set: extract one patch"),
        ("", "not valid JSON: an empty document"),
        (
            '[{"op": "remove", "path": "/measurements"}]',
            "ws.json with patch.json: 'measurements' is a required property",
        ),
    ],
)
def test_patches_that_do_not_fit(patch: str, message: str, run: Runner, ws: Path, tmp_path: Path) -> None:
    path = tmp_path / "patch.json"
    path.write_text(patch)
    found = run("cls", ws, "-p", path)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert "Traceback" not in found.err


def test_measurements_by_name(run: Runner, ws: Path) -> None:
    assert run("fit", ws, "--measurement", "meas").out == run("fit", ws).out
    other = json.loads(run("fit", ws, "--measurement", "other").out)
    assert other["mle_parameters"]["JES"] == [0.0]
    found = run("fit", ws, "--measurement", "mess")
    assert found.code == 2
    assert "no measurement 'mess'; did you mean 'meas'?" in found.err


def test_conventions_are_chosen_and_named(run: Runner, ws: Path, xml: Path) -> None:
    results = {c: json.loads(run("cls", ws, "--conventions", c).out) for c in ("auto", "pyhf", "root")}
    assert results["auto"] == results["pyhf"]
    assert results["root"]["conventions"] == "root"
    assert results["root"]["CLs_obs"] == pytest.approx(results["pyhf"]["CLs_obs"], abs=1e-3)
    assert json.loads(run("cls", xml).out)["conventions"] == "root"
    as_pyhf = json.loads(run("cls", xml, "--conventions", "pyhf").out)
    assert as_pyhf["CLs_obs"] == pytest.approx(results["pyhf"]["CLs_obs"], abs=1e-6)


def test_fixing_parameters(run: Runner, ws: Path) -> None:
    found = json.loads(run("fit", ws, "--fix", "mu=0", "--fix", "staterror_SR[1]=1.125").out)
    assert found["mle_parameters"]["mu"] == [0.0]
    assert found["mle_parameters"]["staterror_SR"][1] == 1.125
    for wrong, message in [
        ("mu", "--fix mu: expected NAME=VALUE"),
        ("mu=x", "--fix mu: 'x' is no number"),
        ("m=1", "no parameter 'm'; did you mean 'mu'?"),
        ("mu=nan", "cannot be fixed at nan"),
    ]:
        found = run("fit", ws, "--fix", wrong)
        assert found.code == 2
        assert message in found.err


def test_other_ranges(run: Runner, ws: Path) -> None:
    held = json.loads(run("fit", ws, "--bounds", "mu=2:3").out)
    assert held["mle_parameters"]["mu"] == [2.0]
    assert held["at_bound"] == ["mu"]
    wrong = run("fit", ws, "--bounds", "mu=3")
    assert wrong.code == 2
    assert "--bounds mu: expected LOW:HIGH, not '3'" in wrong.err


def test_asimov_data(run: Runner, ws: Path) -> None:
    found = json.loads(run("fit", ws, "--asimov", "0.75").out)
    assert found["mle_parameters"]["mu"][0] == pytest.approx(0.75, abs=1e-5)


@pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])
def test_minimizers_agree(minimizer: str, run: Runner, ws: Path) -> None:
    reference = json.loads(run("fit", ws).out)
    for option in ("--minimizer", "--optimizer"):
        found = json.loads(run("fit", ws, option, minimizer).out)
        assert found["twice_nll"] == pytest.approx(reference["twice_nll"], abs=1e-5)


def test_options_of_pyhf_are_accepted(run: Runner, ws: Path, xml: Path, tmp_path: Path) -> None:
    expected = run("cls", ws).out
    assert run("cls", ws, "--backend", "numpy", "--calctype", "asymptotics", "--test-stat", "qtilde").out == expected
    assert run("cls", ws, "--optimizer", "scipy", "--optconf", "maxiter=500", "--test-poi", "1").code == 0
    assert run("fit", ws, "--value").code == 0
    converted = tmp_path / "c.json"
    arguments = ("--hide-progress", "--validation-as-warning", "-v", "/elsewhere:/nowhere", "--output-file", converted)
    assert run("xml2json", xml, "--basedir", xml.parent, *arguments).code == 0
    folder = tmp_path / "pyhf"
    arguments = ("--output-dir", folder, "--specroot", "config", "--dataroot", "data", "--resultprefix", "Result")
    found = run("json2xml", converted, *arguments)
    assert found.code == 0
    assert "--specroot is ignored" in found.err
    assert (folder / "Result.xml").is_file()


def test_unknown_settings_are_refused(run: Runner, ws: Path) -> None:
    for arguments, message in [
        (("--backend", "jax"), "only the numpy backend exists here"),
        (("--optconf", "maxitr=5"), "--optconf maxitr=5: no such setting; did you mean 'maxiter'?"),
        (("--optconf", "maxiter=many"), "--optconf maxiter: 'many' is no number"),
        (("--test-poi", "nan"), "cannot test the parameter of interest at nan"),
    ]:
        found = run("cls", ws, *arguments)
        assert (found.code, found.out) == (2, "")
        assert message in found.err
    assert "the level of a limit lies between 0 and 1" in run("limit", ws, "--level", "1.5").err


# ------------------------------------------------------------------------------------------------------- translation
def test_there_and_back(run: Runner, ws: Path, xml: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.json"
    found = run("xml2json", xml, "-o", back)
    assert (found.code, found.out) == (0, "")
    assert json.loads(back.read_text()) == document()
    assert (tmp_path / "back.histfactory.json").is_file()
    alone = run("xml2json", xml, "--no-sidecar")
    assert alone.code == 0
    assert json.loads(alone.out)["channels"][0]["samples"][0]["data"] == [3.0, 8.0]
    assert "no sidecar is written" in alone.err


def test_standard_output_gets_no_sidecar_unless_one_is_named(run: Runner, xml: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    plain = run("xml2json", xml)
    assert run("xml2json", xml, "-o", "-").out == plain.out
    assert set(tmp_path.rglob("*")) == before
    named = run("xml2json", xml, "--sidecar", tmp_path / "kept.json")
    assert named.out == plain.out
    assert json.loads((tmp_path / "kept.json").read_text())["format"] == "hftranslate-sidecar"


def test_losses_are_told_and_written(run: Runner, ws: Path, tmp_path: Path) -> None:
    changed = document()
    changed["measurements"][0]["config"]["parameters"].append({"name": "JES", "auxdata": [11.0]})
    ws.write_text(json.dumps(changed))
    found = run("json2xml", ws, "-d", tmp_path / "out", "--losses", tmp_path / "losses.json")
    assert found.code == 0
    assert "loss: measurement 'meas': parameter 'JES': auxdata [11.0] lie outside the range" in found.err
    assert "[largest change of the NLL within 3 sigma: 33]" in found.err
    account = json.loads((tmp_path / "losses.json").read_text())
    assert {a["kind"] for a in account} == {"loss", "carried", "rewrite", "convention"}
    (loss,) = [a for a in account if a["kind"] == "loss"]
    assert loss["effect"] == pytest.approx(33.0, abs=0.01)

    strict = run("json2xml", ws, "-d", tmp_path / "strict", "--strict")
    assert strict.code == 1
    assert "the translation is not exact" in strict.err
    assert not (tmp_path / "strict").exists()


def test_strict_passes_what_is_exact(run: Runner, ws: Path, tmp_path: Path) -> None:
    exact = document()
    del exact["channels"][0]["samples"][1]["modifiers"][1]
    ws.write_text(json.dumps(exact))
    assert run("json2xml", ws, "-d", tmp_path / "out", "--strict").code == 0
    assert run("xml2json", tmp_path / "out" / "FitConfig.xml", "--strict").code == 0


def test_strict_counts_what_is_carried_where_nothing_carries_it(run: Runner, tmp_path: Path) -> None:
    folder = REPOSITORY / "validation" / "cases" / "normfactor"
    strict = ("xml2json", folder / "model.xml", "--basedir", folder, "--strict", "-o", tmp_path / "out.json")
    without = run(*strict, "--no-sidecar")
    assert without.code == 1
    assert "the translation is not exact:\n  carried: channels: bin edges" in without.err
    assert not (tmp_path / "out.json").exists()
    assert run(*strict).code == 0


def test_a_sidecar_of_other_content_fails_a_strict_translation(run: Runner, ws: Path, xml: Path) -> None:
    path = xml.parent / "config" / "SR.xml"
    path.write_text(path.read_text().replace('High="1.1"', 'High="1.2"'))
    found = run("xml2json", xml)
    assert found.code == 0
    assert "the sidecar is ignored" in found.err
    assert run("xml2json", xml, "--strict").code == 1


def test_xml_from_standard_input(run: Runner, xml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(xml.parent)
    assert run("inspect", "-", stdin=xml.read_bytes()).out == run("inspect", xml).out


def test_bad_places_to_write_to(run: Runner, ws: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (
        ("json2xml", ws, "-d", tmp_path / "file"),
        ("json2xml", ws, "-d", tmp_path / "file" / "below"),
        ("json2xml", ws, "-d", tmp_path / "out", "--losses", tmp_path / "missing" / "losses.json"),
        ("json2xml", ws, "-d", tmp_path / "out", "--prefix", "../escape"),
        ("json2xml", ws, "-d", tmp_path / "out", "--prefix", ""),
        ("inspect", ws, "-o", tmp_path / "missing" / "table.json"),
        ("inspect", ws, "-o", tmp_path),
    ):
        found = run(*arguments)
        assert found.code == 2, arguments
        assert found.err.count("\n") <= 4
        assert not (tmp_path / "out").exists()


def test_options_of_xml_are_checked(run: Runner, xml: Path) -> None:
    assert "'nonsense' must look like LOCAL:IN_XML" in run("xml2json", xml, "-v", "nonsense").err
    assert "ROOT version 'six' must look like '6.40'" in run("xml2json", xml, "--root-version", "six").err
    found = run("cls", xml, "-p", xml)
    assert found.code == 2
    assert "is XML; patches apply to JSON" in found.err


def test_inspect_shows_and_writes(run: Runner, ws: Path, tmp_path: Path) -> None:
    shown = run("inspect", ws)
    assert shown.code == 0
    for word in ("SR", "signal, background", "staterror[2]", "parameter of interest: mu", "conventions: pyhf"):
        assert word in shown.out
    run("inspect", ws, "-o", tmp_path / "facts.json")
    facts = json.loads((tmp_path / "facts.json").read_text())["details"]
    assert facts["channels"][0]["samples"] == ["signal", "background"]
    assert facts["measurements"][1]["constant"] == ["JES"]


# ------------------------------------------------------------------------------------------------- a process of its own
def program(*arguments: str | Path, **options: object) -> "subprocess.CompletedProcess[bytes]":
    start = "from hftranslate.cli import main; main()"
    command = [sys.executable, "-c", start, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    return subprocess.run(command, capture_output=True, check=False, env=environment, **options)  # type: ignore[call-overload]


def test_the_program_by_itself(ws: Path) -> None:
    found = program("cls", ws)
    assert (found.returncode, found.stderr) == (0, b"")
    assert 0.0 < json.loads(found.stdout)["CLs_obs"] < 1.0
    assert program("cls", input=ws.read_bytes()).stdout == found.stdout
    wrong = program("cls", ws.parent / "other.json")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.decode().startswith("hftranslate: ")


def test_debug_shows_the_traceback(ws: Path) -> None:
    for arguments in (("--debug", "cls", "missing.json"), ("cls", "missing.json", "--debug")):
        found = program(*arguments)
        assert found.returncode != 0
        assert b"Traceback" in found.stderr
    assert program("--debug", "cls", ws).returncode == 0


def test_a_reader_that_goes_away_is_no_error(ws: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = f"'{sys.executable}' -c 'from hftranslate.cli import main; main()' inspect '{ws}' | head -c 0"
    found = subprocess.run(command, shell=True, capture_output=True, check=False, env=environment)
    assert b"Traceback" not in found.stderr


# -------------------------------------------------------------------------------------------------------- real models
REPRESENTATIVE = ["sbottom_RegionA_complete", "displaced_complete", "2l0j_simplified", "nextstat_complex"]


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_published_models(name: str, run: Runner, shared: Path) -> None:
    given = json.dumps(case(name).document()).encode()
    found = run("cls", stdin=given)
    assert found.code == 0
    reference = case(name).reference.get("CLs_mu1_obs")
    if reference is not None:
        assert json.loads(found.out)["CLs_obs"] == pytest.approx(reference, abs=1e-4)
    assert json.loads(run("fit", stdin=given).out)["status"] == "converged"


@pytest.mark.parametrize(("driver", "base"), drivers())
def test_every_driver_is_fitted_or_refused_with_a_reason(driver: Path, base: Path, run: Runner) -> None:
    for command in ("fit", "cls"):
        found = run(command, driver, "--basedir", base)
        if found.code == 0:
            assert json.loads(found.out)["conventions"] == "root"
            continue
        assert found.out == ""
        last = found.err.strip().splitlines()[-1]
        expected = ("cannot be evaluated yet", "parameter of interest", "did not", "no minimum")
        assert any(words in last for words in expected), found.err


# ------------------------------------------------------------------------------------------------------------- minos
def test_fit_minos_gives_the_ends_of_the_profile_interval(ws: Path, run: Runner) -> None:
    found = json.loads(run("fit", ws, "--minos", "mu", "--fix", "lumi=1.0").out)
    low, high = found["minos"]["mu"]
    best = found["mle_parameters"]["mu"][0]
    assert high > best
    assert low is None or low < best
    # the twice NLL at the end is one above the minimum, with the other parameter still fixed
    end = json.loads(run("fit", ws, "--fix", f"mu={high!r}", "--fix", "lumi=1.0").out)
    assert end["twice_nll"] - found["twice_nll"] == pytest.approx(1.0, abs=1e-6)


def test_fit_minos_names_the_nearest_parameter(ws: Path, run: Runner) -> None:
    assert "did you mean 'lumi'?" in run("fit", ws, "--minos", "lumy").err


# ------------------------------------------------------------------------------------------------------------- convert
def test_convert_goes_both_ways(run: Runner, ws: Path, tmp_path: Path) -> None:
    there = run("convert", ws, tmp_path / "xml" / "top.xml")
    assert there.code == 0
    assert "carried" in there.err or "rewrite" in there.err
    assert run("convert", tmp_path / "xml" / "top.xml", tmp_path / "back.json", "--basedir", tmp_path / "xml").code == 0
    assert json.loads((tmp_path / "back.json").read_text()) == json.loads(ws.read_text())
    assert run("convert", ws, tmp_path / "copy", "--to", "pyhf-json").code == 0
    assert json.loads((tmp_path / "copy").read_text()) == json.loads(ws.read_text())


def test_hs3_goes_there_and_back(run: Runner, ws: Path, tmp_path: Path) -> None:
    there, back = tmp_path / "model.json", tmp_path / "back.json"
    made = run("json2hs3", ws, there, "--verify")
    assert made.code == 0
    assert "verified:" in made.err
    assert json.loads(there.read_text())["metadata"]["hs3_version"] == "0.2"
    assert run("hs32json", there, back, "--no-sidecar", "--verify").code == 0
    assert run("diff", ws, there).code == 0
    assert run("hs32json", there, back).code == 0
    assert json.loads(back.read_text()) == json.loads(ws.read_text())
    for command in ("fit", "inspect", "doctor", "cls"):
        assert run(command, there).code == 0
    assert "no analysis 'x'" in run("fit", there, "--analysis", "x").err
    for target in ("pyhs3", "standard"):
        assert run("json2hs3", ws, there, "--for", target, "--verify").code == 0
    assert run("convert", ws, tmp_path / "by_name.hs3.json").code == 0
    assert run("json2hs3", ws, there, "--verify", "root", "--root-python", "/nowhere/python").code == 2


def test_what_root_exported_is_compared_with_what_it_came_from(run: Runner) -> None:
    exported = REPOSITORY / "tests" / "data" / "hs3" / "three_channels.json"
    original = REPOSITORY / "validation" / "cases" / "three_channels" / "model.xml"
    for pair in ((exported, original), (original, exported)):
        found = run("diff", *pair)
        assert found.code == 0
        assert "'simPdf_obsData' is compared with 'measurement'" in found.err


def test_the_help_of_convert_lists_what_can_be_written(run: Runner) -> None:
    assert f"--to [{'|'.join(FORMATS)}]" in run("convert", "--help").out


def test_convert_says_what_it_cannot(run: Runner, ws: Path, tmp_path: Path) -> None:
    for options, message in [
        (("out.yaml",), "no format is known by the ending '.yaml'"),
        (("out.json", "--to", "hs4"), "'hs4' is not one of 'pyhf-json', 'xml', 'hs3'"),
    ]:
        found = run("convert", ws, tmp_path / options[0], *options[1:])
        assert found.code == 2
        assert message in found.err
        assert not any(tmp_path.glob("out*"))


def test_where_a_translation_goes_is_said_once(run: Runner, ws: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.hs3.json", tmp_path / "b.hs3.json"
    assert run("convert", ws, first).code == 0
    assert run("json2hs3", ws, "-o", second).code == 0
    assert json.loads(first.read_text()) == json.loads(second.read_text())
    back = tmp_path / "back.json"
    assert run("hs32json", first, "-o", back).code == 0
    assert run("diff", ws, back).code == 0
    for arguments in ((), (first, "-o", second)):
        assert "say where to write, once" in run("convert", ws, *arguments).err
