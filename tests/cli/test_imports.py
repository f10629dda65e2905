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


def printed(check: str, folder: Path | None = None) -> str:
    """What a program prints in a process of its own, in which it has to succeed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


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
    found = printed(check, tmp_path)
    assert found.rstrip().endswith("imported: []"), found[-500:]


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
    printed(
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


def test_beside_other_threads_scipy_is_loaded_whole() -> None:
    """One of them might import it meanwhile, and find parts missing."""
    printed(
        "import sys, threading\n"
        "done = threading.Event()\n"
        "threading.Thread(target=done.wait).start()\n"
        "from hftranslate.likelihood import scipy_parts as parts\n"
        "found = [getattr(parts, name) for name in parts.HOMES]\n"
        "done.set()\n"
        "assert {'scipy.special', 'scipy.linalg'} <= set(sys.modules)\n"
        "assert sys.modules['scipy'].__version__\n"
    )
