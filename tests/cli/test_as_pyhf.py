"""Who comes from pyhf types what pyhf's commands take, and gets what they print. pyhf's own program is the judge."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from hftranslate.inference.minimize import FitOptions, Minimum, minimize
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import read
from tests.cases import case, pyhf_model
from tests.cli.conftest import Runner, pyhf_says
from tests.cli.documents import document, text
from tests.conftest import REPOSITORY
from tests.signal_grid.grid import background, patches


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


# -------------------------------------------------------------------------------------------------------------- mounts
@pytest.fixture
def moved(ws: Path, run: Runner) -> Path:
    """A driver whose XML names the folder of another machine for everything: in truth it lies in ``here``."""
    folder = ws.parent / "here"
    assert run("json2xml", ws, "-d", folder, "--no-sidecar").code == 0
    for path in (folder / "FitConfig.xml", *(folder / "config").glob("*.xml")):
        path.write_text(
            path.read_text().replace("./config/", "/there/run2/config/").replace("./data/", "/there/run2/data/")
        )
    return folder / "FitConfig.xml"


def yields(printed: str) -> object:
    channels = json.loads(printed)["channels"]
    return {(c["name"], s["name"]): s["data"] for c in channels for s in c["samples"]}


def test_mounts_have_the_order_of_pyhf(moved: Path, run: Runner) -> None:
    arguments = ("xml2json", moved, "-v", f"{moved.parent}:/there/run2", "--hide-progress")
    found = run(*arguments)
    assert found.code == 0
    assert yields(found.out) == yields(pyhf_says(*arguments)) == yields(text())
    assert "--mount" not in found.err


def test_the_other_order_of_a_mount_is_taken_where_only_it_can_be_meant(moved: Path, run: Runner) -> None:
    expected = run("xml2json", moved, "-v", f"{moved.parent}:/there/run2")
    found = run("xml2json", moved, "-v", f"/there/run2:{moved.parent}")
    assert (found.code, found.out) == (0, expected.out)
    assert f"--mount /there/run2:{moved.parent}: read as {moved.parent}:/there/run2" in found.err


def test_where_both_folders_of_a_mount_are_here_the_first_is_meant(moved: Path, run: Runner) -> None:
    for path in (moved, *moved.parent.glob("config/*.xml")):
        path.write_text(path.read_text().replace("/there/run2", str(moved.parent)))
    there = moved.parent.with_name("there")
    shutil.copytree(moved.parent, there)
    (moved.parent / "data" / "data.root").unlink()
    found = run("xml2json", moved, "-v", f"{there}:{moved.parent}")
    assert found.code == 0
    assert "--mount" not in found.err
    assert run("xml2json", moved, "-v", f"{moved.parent}:{there}").code == 2


def test_a_mount_is_a_place_here_whatever_paths_are_relative_to(
    moved: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(moved.parent.parent)
    arguments = ("xml2json", "here/FitConfig.xml", "--basedir", "here/data", "-v", "here:/there/run2/")
    assert yields(run(*arguments).out) == yields(pyhf_says(*arguments)) == yields(text())


def test_an_address_may_be_mounted(moved: Path, run: Runner) -> None:
    for path in (moved, *moved.parent.glob("config/*.xml")):
        path.write_text(path.read_text().replace("/there/run2", "root://eos.there.org//run2"))
    for mount in (f"{moved.parent}:root://eos.there.org//run2", f"root://eos.there.org//run2:{moved.parent}"):
        assert yields(run("xml2json", moved, "-v", mount).out) == yields(text())


def test_what_is_no_mount_is_refused_and_a_missing_folder_told(moved: Path, run: Runner) -> None:
    for words in ("nonsense", ":there", "here:", ":"):
        found = run("xml2json", moved, "-v", words)
        assert found.code == 2
        assert f"'{words}' must look like LOCAL:IN_XML" in found.err
    found = run("xml2json", moved, "-v", "/nowhere:/there/run2")
    assert found.code == 2
    assert "--mount /nowhere:/there/run2: there is no folder '/nowhere' here" in found.err


# ------------------------------------------------------------------------------------------------------ standard input
PATCH = b'[{"op": "replace", "path": "/channels/0/samples/1/data", "value": [40.0, 41.0]}]'


def patched() -> bytes:
    changed = document()
    changed["channels"][0]["samples"][1]["data"] = [40.0, 41.0]
    return json.dumps(changed).encode()


@pytest.mark.parametrize("command", ["cls", "fit"])
def test_a_patch_may_come_from_standard_input(command: str, run: Runner, ws: Path) -> None:
    found = run(command, ws, "-p", "-", stdin=PATCH)
    assert (found.code, found.err) == (0, "")
    assert found.out == run(command, stdin=patched()).out
    theirs = json.loads(pyhf_says(command, ws, "--patch", "-", stdin=PATCH))
    ours = json.loads(found.out)
    if command == "cls":
        assert ours["CLs_obs"] == pytest.approx(theirs["CLs_obs"], abs=1e-4)
    else:
        for name, values in theirs["mle_parameters"].items():
            assert ours["mle_parameters"][name] == pytest.approx(values, abs=2e-3)


@pytest.mark.parametrize(
    "command", ["json2xml", "inspect", "sort", "prune", "rename", "digest", "doctor", "results", "yields"]
)
def test_every_command_that_takes_patches_takes_one_from_standard_input(command: str, run: Runner, ws: Path) -> None:
    (ws.parent / "patch.json").write_bytes(PATCH)
    more = ("-d", ws.parent / "xml", "--losses", "/dev/stdout") if command == "json2xml" else ()
    from_file = run(command, ws, "--patch", ws.parent / "patch.json", *more)
    found = run(command, ws, "--patch", "-", *more, stdin=PATCH)
    assert found.code == from_file.code == 0
    if command == "results":
        ours, expected = json.loads(found.out), json.loads(from_file.out)
        assert [Path(i["path"]).name for i in ours.pop("provenance")["inputs"]] == ["ws.json"]
        assert len(expected.pop("provenance")["inputs"]) == 2
        assert ours == expected
    else:
        assert found.out == from_file.out


def test_crosscheck_takes_a_patch_from_standard_input(run: Runner, ws: Path, tmp_path: Path) -> None:
    reference = tmp_path / "reference.json"
    assert run("results", ws, "-p", "-", "-o", reference, stdin=PATCH).code == 0
    assert run("crosscheck", ws, reference, "-p", "-", stdin=PATCH).code == 0
    assert run("crosscheck", ws, reference).code == 1


def test_standard_input_is_read_once(run: Runner, ws: Path) -> None:
    for arguments in (("-", "-p", "-"), (ws, "-p", "-", "-p", "-")):
        found = run("cls", *arguments, stdin=PATCH)
        assert found.code == 2
        assert "standard input can be the workspace or one patch, not both" in found.err
    found = run("crosscheck", ws, "--with-root", "-p", "-", stdin=PATCH)
    assert found.code == 2
    assert "--with-root needs files, not standard input" in found.err


def test_what_is_wrong_with_a_patch_from_standard_input(run: Runner, ws: Path) -> None:
    assert "standard input does not apply to the workspace: " in run("cls", ws, "-p", "-", stdin=b'[{"op": "add"}]').err
    assert "standard input is no JSON patch" in run("cls", ws, "-p", "-", stdin=b"{}").err


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A folder with a background-only workspace and its patch set."""
    (tmp_path / "bkg.json").write_text(json.dumps(background()))
    (tmp_path / "patchset.json").write_text(json.dumps(patches().to_document()))
    return tmp_path


@pytest.mark.parametrize("first", ["bkg.json", "-"])
@pytest.mark.parametrize("command", ["verify", "apply"])
def test_either_file_of_a_patch_set_command_is_standard_input(
    command: str, first: str, run: Runner, grid: Path
) -> None:
    options = ("--name", patches().patches[0].name) if command == "apply" else ()
    if first == "-":
        given, stdin = ("-", grid / "patchset.json"), grid / "bkg.json"
    else:  # the second is left out
        given, stdin = (grid / "bkg.json",), grid / "patchset.json"
    found = run("patchset", command, *given, *options, stdin=stdin.read_bytes())
    theirs = pyhf_says("patchset", command, *given, *options, stdin=stdin.read_bytes())
    assert found.code == 0
    assert found.out == theirs if command == "verify" else json.loads(found.out) == json.loads(theirs)


@pytest.mark.parametrize("first", ["ws.json", "-"])
def test_either_workspace_of_combine_is_standard_input(first: str, run: Runner, ws: Path) -> None:
    other = ws.with_name("other.json")
    other.write_text(
        run("rename", ws, "-c", "SR", "CR", "--measurement", "meas", "m", "--measurement", "other", "o").out
    )
    given, stdin = (("-", other), ws) if first == "-" else ((ws,), other)
    found = run("combine", *given, stdin=stdin.read_bytes())
    assert found.code == 0
    assert found.out == run("combine", ws, other).out
    theirs = json.loads(pyhf_says("combine", *given, stdin=stdin.read_bytes()))
    assert [c["name"] for c in json.loads(found.out)["channels"]] == [c["name"] for c in theirs["channels"]]


@pytest.mark.parametrize("command", ["combine", "patchset verify", "patchset apply --name x", "diff - -"])
def test_both_files_cannot_be_standard_input(command: str, run: Runner, ws: Path) -> None:
    found = run(*command.split(), stdin=ws.read_bytes())
    assert (found.code, found.out) == (2, "")
    assert "standard input can be one of the files, not several" in found.err


# --------------------------------------------------------------------------------------------------- version and papers
def test_version_and_citation_are_printed_as_pyhf_does(run: Runner) -> None:
    import pyhf

    from hftranslate import __version__

    theirs = pyhf_says("--version").replace("pyhf", "hftranslate").replace(pyhf.__version__, __version__)
    assert run("--version").out == theirs
    for option in ("--cite", "--citation"):
        found = run(option)
        assert (found.code, found.err) == (0, "")
        assert found.out.startswith("@software{hftranslate,")
        assert pyhf_says(option).startswith("@software{pyhf,")
        entries = found.out.count("@")
        assert entries >= 1
        assert found.out.count("{") == found.out.count("}")
        assert found.out.count("  title = {") == found.out.count("  author = {") == entries
        assert __version__ in found.out


# ----------------------------------------------------------------------------------------------- settings of minimisers
def migrads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int, int]]:
    """What each MIGRAD from now on is told: tolerance, strategy and the limit of calls."""
    from iminuit import Minuit

    told: list[tuple[float, int, int]] = []
    migrad = Minuit.migrad

    def told_migrad(self: Minuit, ncall: int | None = None, **options: Any) -> Minuit:
        told.append((self.tol, self.strategy.strategy, ncall))  # type: ignore[arg-type]
        return migrad(self, ncall=ncall, **options)

    monkeypatch.setattr(Minuit, "migrad", told_migrad)
    return told


@pytest.mark.parametrize("optconf", [{"tolerance": 0.5}, {"tolerance": 0.01, "strategy": 2}, {"strategy": 0}, {}])
def test_minuit_is_told_what_pyhf_tells_it(
    optconf: dict[str, object], run: Runner, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = migrads(monkeypatch)
    settings = [
        word for key, value in ({"maxiter": 4321} | optconf).items() for word in ("--optconf", f"{key}={value}")
    ]
    arguments = ("fit", ws, "--optimizer", "minuit", *settings)
    ours, theirs = json.loads(run(*arguments).out), json.loads(pyhf_says(*arguments, "--value"))  # type: ignore[arg-type]
    for tolerance, strategy, calls in told:
        assert calls == 4321
        assert {key: {"tolerance": tolerance, "strategy": strategy}[key] for key in optconf} == pytest.approx(optconf)
    assert len(told) >= 2
    assert ours["twice_nll"] == pytest.approx(theirs["twice_nll"], abs=0.01)


@pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])
def test_maxiter_limits_every_minimizer(minimizer: str, ws: Path) -> None:
    """Of the minimiser by itself: what a fit does where one fails is another matter."""
    model, data = compile_model(read(ws))
    p = model.parameters

    def minimum(limit: int | None) -> Minimum:
        options = FitOptions(minimizer=minimizer, max_iterations=limit)  # type: ignore[arg-type]
        return minimize(model, data, p.init, ~p.fixed, p.bounds, options)

    whole = minimum(None)
    assert whole.status == "converged"
    assert minimum(10_000).excess_nll == whole.excess_nll
    stopped = minimum(1)
    assert stopped.status == "iterations"
    assert stopped.excess_nll > whole.excess_nll
    assert stopped.iterations < whole.iterations
    if minimizer == "scipy":
        assert [minimum(n).iterations for n in (1, 2, 3)] == [1, 2, 3]


def test_settings_of_scipy_s_solver(run: Runner, ws: Path) -> None:
    def evaluations(*solver_options: str) -> int:
        found = run("fit", ws, "--optimizer", "scipy", "--optconf", "verbose=1", *solver_options)
        assert found.code == 0
        return int(found.err.split(" iterations")[0].split()[-1])

    few = evaluations("--optconf", "solver_options={maxls: 3, maxcor: 1}")
    assert few != evaluations()
    assert few == evaluations("--optconf", 'solver_options={"maxls": 3, "maxcor": 1}')
    for words, told in [
        ("{eps: 1e-3}", "L-BFGS-B has no setting 'eps' here; there are 'ftol'"),
        ("ftol", "expected {NAME: NUMBER, ...}"),
        ("{ftol}", "'' is no number"),
        ("{ftol: -1}", "the setting 'ftol' of L-BFGS-B is above zero, not -1.0"),
    ]:
        found = run("fit", ws, "--optimizer", "scipy", "--optconf", f"solver_options={words}")
        assert found.code == 2
        assert told in found.err


def test_verbose_tells_of_fits_on_standard_error(run: Runner, ws: Path) -> None:
    quiet = run("cls", ws, "--optconf", "verbose=0")
    assert quiet.err == ""
    told = run("cls", ws, "--optconf", "verbose=1")
    assert told.out == quiet.out
    lines = told.err.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("fit by newton: converged after ") for line in lines)


def test_settings_of_another_minimizer_are_refused(run: Runner, ws: Path) -> None:
    for minimizer, setting, told in [
        ("newton", "strategy=1", "--optconf strategy=1: a setting of minuit, not of newton"),
        ("scipy", "errordef=1", "a setting of minuit, not of scipy"),
        ("minuit", "solver_options={ftol: 1e-3}", "a setting of scipy, not of minuit"),
        ("minuit", "stratgy=1", "no such setting; did you mean 'strategy'?"),
        ("scipy", "maxiter=0", "a fit takes one iteration at least, not 0"),
        ("minuit", "errordef=-1", "the tolerance of a fit is above zero"),
    ]:
        found = run("fit", ws, "--minimizer", minimizer, "--optconf", setting)
        assert (found.code, found.out) == (2, "")
        assert told in found.err
    found = run("fit", ws, "--minimizer", "minuit", "--optconf", "steps=100", "--optconf", "errordef=0.5")
    assert found.code == 0
    assert "--optconf steps has no effect, as in pyhf" in found.err


# ------------------------------------------------------------------------------------------------------------- inspect
def every_modifier() -> dict[str, Any]:
    """A workspace with all types of modifiers, also two with one name, in an order that is nobody's."""
    changed = document()
    channel = changed["channels"][0]
    channel["samples"][0]["modifiers"] += [
        {"name": "JES", "type": "histosys", "data": {"lo_data": [2.0, 7.0], "hi_data": [4.0, 9.0]}},
        {"name": "free", "type": "shapefactor", "data": None},
    ]
    channel["samples"][1]["modifiers"] += [
        {"name": "uncorr", "type": "shapesys", "data": [4.0, 0.0]},
        {"name": "k", "type": "normfactor", "data": None},
    ]
    other = {"name": "CR", "samples": [{"name": "background", "data": [9.0], "modifiers": []}]}
    changed["channels"].insert(0, other)
    changed["channels"][0]["samples"][0]["modifiers"].append({"name": "k", "type": "normfactor", "data": None})
    changed["observations"].append({"name": "CR", "data": [11.0]})
    return changed


@pytest.mark.parametrize("given", [document(), every_modifier()], ids=["small", "every-modifier"])
def test_inspect_writes_what_pyhf_writes(given: dict[str, Any], run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(given))
    assert run("inspect", path, "-o", tmp_path / "ours.json").code == 0
    pyhf_says("inspect", path, "--output-file", tmp_path / "theirs.json")
    ours, theirs = (json.loads((tmp_path / f"{who}.json").read_text()) for who in ("ours", "theirs"))
    details = ours.pop("details")
    assert ours == theirs
    assert details["conventions"] == "pyhf"
    assert [c["name"] for c in details["channels"]] == [c["name"] for c in given["channels"]]


@pytest.mark.parametrize("name", ["sbottom_RegionA_complete", "2l0j_simplified", "nextstat_complex"])
def test_inspect_writes_what_pyhf_writes_of_published_models(
    name: str, run: Runner, tmp_path: Path, shared: Path
) -> None:
    given = case(name).document()
    assert run("inspect", "-o", tmp_path / "ours.json", stdin=json.dumps(given).encode()).code == 0
    ours = json.loads((tmp_path / "ours.json").read_text())
    model, _ = pyhf_model(name)
    constraints = {type(p["paramset"]).__name__.removesuffix("s") for p in model.config.par_map.values()}
    assert {constraint for _, constraint in ours["parameters"]} == constraints
    assert [name for name, _ in ours["parameters"]] == sorted(model.config.par_map)
    assert ours["channels"] == [[c, model.config.channel_nbins[c]] for c in model.config.channels]
    assert ours["samples"] == model.config.samples
    assert ours["modifiers"] == dict(model.config.modifiers)


@pytest.mark.parametrize(
    ("model", "name", "constraint"),
    [
        ("staterror_poisson", "staterror_SR", "constrained_by_poisson"),
        ("staterror_gaussian", "staterror_SR", "constrained_by_normal"),
        ("shapesys_gaussian", "rare_shape", "constrained_by_normal"),
        ("shapesys_poisson", "rare_shape", "constrained_by_poisson"),
        ("constraint_gamma", "beta_xsec", "constrained_by_gamma"),
        ("constraint_none", "xsec", None),
    ],
)
def test_inspect_of_xml_names_root_s_constraints(
    model: str, name: str, constraint: str | None, run: Runner, tmp_path: Path
) -> None:
    folder = REPOSITORY / "validation" / "cases" / model
    assert run("inspect", folder / "model.xml", "--basedir", folder, "-o", tmp_path / "facts.json").code == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    constraints = dict(facts["parameters"])
    assert constraints.get(name) == constraint
    assert constraints["mu"] == "unconstrained"
    assert [[n, c] for n, c, _ in facts["systematics"]] == facts["parameters"]


def test_the_page_lists_the_keys_of_optconf_that_there_are(run: Runner, ws: Path) -> None:
    page = (REPOSITORY / "docs" / "from-pyhf.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (all|newton|minuit|scipy) \|", page, re.MULTILINE)
    values = {"solver_options": "{ftol: 1e-12}", "verbose": "0", "strategy": "1"}
    for key, minimizers in rows:
        for minimizer in ("newton", "minuit", "scipy"):
            setting = f"{key}={values.get(key, '1000' if key in ('maxiter', 'steps') else '0.001')}"
            found = run("fit", ws, "--minimizer", minimizer, "--optconf", setting)
            assert found.code == (0 if minimizers in ("all", minimizer) else 2), (setting, minimizer, found.err)
    told = run("fit", ws, "--optconf", "nonsense=1").err
    assert set(re.findall(r"'(\w+)'", told)) == {key for key, _ in rows} | {"max_iterations"}
