"""What the package imports is declared, and what an extra brings is needed by its tasks only."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from hftranslate.cli import cli

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
#: Libraries that are imported under another name than they are installed under.
INSTALLED_AS = {"PIL": "pillow", "yaml": "pyyaml", "distributed": "dask", "hepdata_validator": "hepdata-validator"}
MODEL = str(ROOT / "validation" / "cases" / "demo" / "demo.xml")


def names(requirements):
    return {re.match(r"[\w.-]+", r)[0].lower() for r in requirements}


@cache
def imported():
    """Each library that the package imports, and a place where it does."""
    found = {}
    for path in sorted((ROOT / "hftranslate").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            else:
                continue
            for module in modules:
                found[module.split(".")[0]] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return {
        name: place
        for name, place in found.items()
        if name not in {"hftranslate", "_typeshed", *sys.stdlib_module_names}
    }


def test_all_that_is_imported_is_declared():
    of_the_package = ("plot", "hist", "dask", "hepdata", "jax", "torch")
    declared = names(PROJECT["dependencies"]).union(*(names(EXTRAS[e]) for e in of_the_package))
    missing = {n: place for n, place in imported().items() if INSTALLED_AS.get(n, n) not in declared}
    assert missing == {}


def test_all_that_is_declared_is_imported():
    declared = names(PROJECT["dependencies"])
    assert declared <= {INSTALLED_AS.get(n, n) for n in imported()}


def test_each_lowest_version_is_stated():
    for requirement in [r for group in (PROJECT["dependencies"], *EXTRAS.values()) for r in group]:
        assert requirement.startswith("hftranslate[") or ">=" in requirement, requirement


def without(extra, code, *commands):
    """Run Python code where the libraries of an extra are not installed; ``run`` runs the commands."""
    libraries = {n for n in imported() if INSTALLED_AS.get(n, n) in names(EXTRAS[extra])}
    hidden = f"""
import importlib.util, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(libraries)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {sorted(libraries)!r} else found(name, package)
from hftranslate.cli import main
def run():
    for command in {commands!r}:
        sys.argv = ["hftranslate", *command]
        try:
            main()
        except SystemExit as stop:
            if stop.code:
                raise
"""
    return subprocess.run([sys.executable, "-c", hidden + code], capture_output=True, text=True, cwd=ROOT, check=False)


#: What needs an extra, by its name; the results of a fit are in ``{fit}``.
TASKS = {
    "plot": [["plot", "pulls", "{fit}", "-o", "{folder}/pulls.png"]],
    "dask": [["impacts", MODEL, "--dask", "127.0.0.1:1"]],
    "hepdata": [["hepdata", "bundle", "{folder}/bundle", "--licence", "cc0", "--workspace", "{model}"]],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    made = {"folder": str(folder), "fit": str(folder / "fit.json"), "model": str(folder / "model.json")}
    for command in (["fit", MODEL, "-o", made["fit"]], ["xml2json", MODEL, "-o", made["model"]]):
        cli(command, standalone_mode=False)
    return made


@pytest.mark.parametrize("extra", ["plot", "hist", "dask", "hepdata"])
def test_without_an_extra_all_else_works(extra, files, tmp_path):
    commands = (["cls", files["model"]], ["json2xml", files["model"], "-d", str(tmp_path)], ["patchset", "--help"])
    run = without(extra, "run()", *commands)
    assert run.returncode == 0, run.stderr
    assert '"CLs_obs"' in run.stdout
    assert (tmp_path / "FitConfig.xml").is_file()
    assert run.stdout.index('"CLs_obs"') < run.stdout.index("Usage: hftranslate patchset")


@pytest.mark.parametrize(("extra", "arguments"), [(e, a) for e, tasks in TASKS.items() for a in tasks])
def test_a_missing_extra_is_one_sentence(extra, arguments, files):
    run = without(extra, "run()", [a.format(**files) for a in arguments])
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1
    assert f"pip install 'hftranslate[{extra}]'" in run.stderr


def test_histograms_without_their_library():
    code = "import hftranslate as hft\nhft.simplemodels.uncorrelated_background([1], [9], [3]).to_hist('singlechannel')"
    assert "MissingExtra: histograms of the hist library: hist is not installed" in without("hist", code).stderr
