"""What commands import: what one command needs is no burden for another, and SciPy comes in parts."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hftranslate as hft
from hftranslate import simplemodels
from hftranslate.likelihood.scipy_parts import HOMES, part

ROOT = Path(__file__).resolve().parents[2]
XML = ROOT / "validation" / "cases" / "demo" / "demo.xml"
#: What stands in each group, by the first name of its modules.
PICTURES, TABLES, PEERS = {"matplotlib", "mplhep"}, {"uproot", "awkward", "hist", "boost_histogram"}, {"pyhf", "ROOT"}
MINIMISERS, SCHEMAS, WORKERS = {"iminuit", "scipy.optimize"}, {"jsonschema", "referencing"}, {"multiprocessing", "dask"}
XML_READER = {"lxml", "hftranslate.formats.histfactory_xml.read", "hftranslate.formats.root_histograms.reading"}
WHOLE_SCIPY = {"scipy.special", "scipy.linalg", "scipy.stats", "numpy.f2py", "numpy.testing"}
FITS = {"hftranslate.inference", "hftranslate.toys"}
NUMBERS = {"numpy", "scipy"}
ALWAYS = PICTURES | TABLES | PEERS | MINIMISERS | SCHEMAS | WORKERS | WHOLE_SCIPY


@pytest.mark.parametrize(
    ("command", "forbidden"),
    [
        ("--help", ALWAYS | XML_READER | FITS | NUMBERS),
        ("cls --help", ALWAYS | XML_READER),
        ("inspect ws.json", ALWAYS | XML_READER | FITS),
        ("digest ws.json", ALWAYS | XML_READER | FITS),
        ("sort ws.json", ALWAYS | XML_READER | FITS),
        ("fit ws.json", ALWAYS | XML_READER),
        ("cls ws.json", ALWAYS | XML_READER),
        ("limit ws.json", ALWAYS | XML_READER),
        ("significance ws.json", ALWAYS | XML_READER),
        ("json2xml ws.json -d xml", ALWAYS),
        ("xml2json demo.xml", ALWAYS),
    ],
)
def test_what_a_command_imports(command: str, forbidden: set[str], tmp_path: Path) -> None:
    hft.write(simplemodels.uncorrelated_background([5.0], [50.0], [7.0]), tmp_path / "ws.json")
    words = [str(XML) if word == "demo.xml" else word for word in command.split()]
    check = (
        f"import sys; sys.argv = ['hftranslate', *{words!r}]\n"
        "from hftranslate.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('imported:', sorted({forbidden!r} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.rstrip().endswith("imported: []"), found.stdout[-500:]


@pytest.mark.parametrize("name", HOMES)
def test_where_scipy_is_built_in_another_way_its_public_modules_are_taken(name: str) -> None:
    public, *compiled = HOMES[name]
    expected = getattr(import_module(public), name)
    package = compiled[0].rpartition(".")[0]
    for other in (f"{package}._nothing_of_this_name", f"{package}.__init__", "no_such_package._compiled"):
        assert part(name, public, other) is expected
        assert part(name, public, other, *compiled) is expected


def test_no_other_name_is_a_part_of_scipy() -> None:
    with pytest.raises(ImportError, match="cannot import name 'dgesvd'"):
        exec("from hftranslate.likelihood.scipy_parts import dgesvd")


def test_scipy_is_whole_for_those_who_import_it_later() -> None:
    check = (
        "from hftranslate.likelihood import scipy_parts as parts\n"
        "import sys\n"
        "assert all(getattr(parts, name) for name in parts.HOMES)\n"
        "assert not {'scipy.special', 'scipy.linalg'} & set(sys.modules)\n"
        "import scipy.linalg, scipy.special, scipy.stats, scipy.optimize, numpy as np\n"
        "assert scipy.special.gammaln is parts.gammaln\n"
        "with scipy.special.errstate(all='ignore'): pass\n"
        "assert scipy.linalg.lapack.dpotrf(np.eye(2))[1] == 0\n"
        "assert scipy.special._ufuncs.ndtr(0.0) == 0.5\n"
        "assert abs(scipy.stats.chi2.sf(1.0, 1) - 2 * parts.ndtr(-1.0)) < 1e-14\n"
        "assert abs(scipy.optimize.minimize_scalar(lambda x: (x - 1.0) ** 2).x - 1.0) < 1e-6\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stderr


def test_parts_of_scipy_and_the_whole_of_it_in_two_threads() -> None:
    """Who imports SciPy meanwhile misses nothing."""
    check = (
        "import threading\n"
        "found, ready = [], threading.Barrier(2)\n"
        "def parts():\n"
        "    ready.wait()\n"
        "    from hftranslate.likelihood import scipy_parts as parts\n"
        "    found.append([getattr(parts, name) for name in parts.HOMES])\n"
        "def whole():\n"
        "    ready.wait()\n"
        "    import scipy.stats\n"
        "    found.append(scipy.stats.norm.cdf(0.0))\n"
        "threads = [threading.Thread(target=f) for f in (parts, whole)]\n"
        "[t.start() for t in threads]\n"
        "[t.join() for t in threads]\n"
        "assert len(found) == 2\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stderr
