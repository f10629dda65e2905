"""pyhf's own tests, run against :mod:`hftranslate.pyhf` and the command ``hftranslate``.

    python -m validation.peers.pyhf_tests FOLDER/tests [test_pdf test_modifiers ...]

The folder is that of a source tree of pyhf 0.7.6, beside whose tests lie the inputs that they read (``validation/``);
it stays outside this repository. Wherever the tests say ``pyhf``, they get our module, and our command in place of its
program. Printed are passed, failed and skipped tests by file, and each failure with its reason (``docs/from-pyhf.md``);
the exit status is 1 where one has none. The tests take the packages ``pytest-mock``, ``pytest-console-scripts`` and
``requests-mock``.
"""

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILES = "workspace patchset simplemodels validation infer import export scripts"
#: What is said of tests of other backends, which are not judged.
BACKEND = "only NumPy evaluates"
#: A difference of what pyhf's minimiser leaves: below 1e-5.
_SMALL = r"(np\.float64\()?\d(\.\d+)?e-(0[6-9]|\d\d)\)?"
#: Why a test cannot pass, by what its name or its message says.
REASONS = {
    r"(has no|not have the) attribute '?(_ROOT_DATA_FILE|_export|build_)": "an inner function of writexml",
    r"pyhf.readxml.*(has no|not have the) attribute|no attribute 'uproot'": "an inner function of readxml",
    r"pyhf.workspace' has no attribute '_join_": "an inner function of workspace",
    r"test_import_(measurements|prepHistFactory.*10\.0|shape)": "readxml: ROOT's ranges and precision, another order",
    r"test_(version|citation)": "the program is hftranslate",
    r"test_import_(prepHistFactory.*convention|usingMounts\[.*repair)": "the program says what it made of the XML",
    r"test_import_usingMounts_badDelimitedPaths": "the program says it in other words",
    r"test_(import_prepHistFactory_and|inspect_outfile)": "the program tells more keys than pyhf's",
    r"test_workspace_digest": "readxml: what is digested has ROOT's meaning",
    r"test_(missing_contrib|patchset_download)": "downloads take neither pyhf's extra nor the library requests",
    r"test_\w+_backend_option.*(jax|pytorch|tensorflow)": BACKEND,
    r"test_inferapi_pyhf_independence": "our engine has no likelihood of other classes of models",
    r"test_validation.*coupledhisto": "the expected number belongs to a local minimum; ours is lower",
    rf"test_validation.*\({_SMALL}\)|test_upper_?limit.*1\.02627": "compared more strictly than pyhf minimises",
    r"test_(emperical_distribution|toy_calculator)": "compared more strictly than pyhf minimises",
}


class _Ours(MetaPathFinder, Loader):
    """Finds our modules under pyhf's names."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Every name of pyhf."""
        return spec_from_loader(fullname, self) if fullname.split(".")[0] == "pyhf" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Our module, not another copy of it."""
        return import_module(f"hftranslate.{spec.name}")

    def exec_module(self, module: ModuleType) -> None:
        """It has run already."""


def _no_backend(*_: Any, **__: Any) -> None:
    pytest.skip(BACKEND)


def replace_pyhf() -> None:
    """Let ``import pyhf`` find our module, with what only the tests' own fixtures ask for."""
    sys.meta_path.insert(0, _Ours())
    pyhf = import_module("pyhf")
    tensor = import_module("pyhf.tensor")
    for name in ("jax", "pytorch", "tensorflow"):
        setattr(tensor, f"{name}_backend", _no_backend)
    events = ModuleType("pyhf.events")
    vars(events).update(__events={}, __disabled_events={})
    sys.modules["pyhf.events"] = vars(pyhf)["events"] = events


class Account:
    """What became of each test."""

    def __init__(self, reasons: Mapping[str, str] = REASONS) -> None:
        self.reasons = reasons
        self.outcomes: dict[str, Counter[str]] = {}
        self.failures: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test at its call, or where it ended before."""
        if report.when == "call" or report.outcome != "passed":
            self._count(report.nodeid, report.outcome, report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that could not be read as a failure."""
        if report.failed:
            self._count(report.nodeid, "failed", report.longreprtext)

    def _count(self, test: str, outcome: str, text: str) -> None:
        if outcome == "failed":
            lines = [line for line in text.splitlines() if line.startswith("E ")]
            message = lines[0].removeprefix("E").strip() if lines else text.strip().splitlines()[-1]
            if self._reason(test, message) == BACKEND:
                outcome = "skipped"
            else:
                self.failures[test] = message
        self.outcomes.setdefault(test.split("::")[0], Counter())[outcome] += 1

    def unexplained(self) -> list[str]:
        """The failures without a reason."""
        return [test for test, message in self.failures.items() if self._reason(test, message) is None]

    def text(self) -> str:
        """The table by file, and the failures."""
        total = sum(self.outcomes.values(), Counter())
        rows = [*self.outcomes.items(), ("all", total)]
        lines = [f"{'file':40} passed failed skipped"]
        lines += [f"{Path(f).name:40} {n['passed']:6} {n['failed']:6} {n['skipped']:7}" for f, n in rows]
        told = {test: self._reason(test, m) or f"UNEXPLAINED: {m[:200]}" for test, m in self.failures.items()}
        inner = sum("inner function" in reason for reason in told.values())
        for what, others in (("that are not skipped", 0), ("and call no inner functions", inner)):
            share = total["passed"] / max(total["passed"] + total["failed"] - others, 1)
            lines.append(f"passed of those {what}: {share:.1%}")
        return "\n".join([*lines, *(f"{test.split('tests/')[-1]}: {reason}" for test, reason in told.items())])

    def _reason(self, test: str, message: str) -> str | None:
        found = (reason for pattern, reason in self.reasons.items() if re.search(pattern, f"{test} {message}"))
        return next(found, None)


def main(arguments: Sequence[str]) -> int:
    """Run the tests of a folder; by default those that are not about backends."""
    folder = Path(arguments[0]).resolve()
    files = [folder / f"test_{name.removeprefix('test_')}.py" for name in arguments[1:] or FILES.split()]
    if not any(f.is_file() for f in files):
        print(f"there are no tests of pyhf in {folder}; its source distributions have none, its repository has")
        return 2
    account = Account()
    replace_pyhf()
    with tempfile.TemporaryDirectory() as programs:
        program = Path(programs, "pyhf")
        program.write_text(f"#!{sys.executable}\nfrom hftranslate.cli import main\n\nmain()\n", encoding="utf-8")
        program.chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([programs, os.environ["PATH"]])
        os.chdir(folder.parent)
        options = ["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
        options += ["--script-launch-mode=subprocess", "--tb=short", "-W", "ignore"]
        status = pytest.main([*options, *(str(f) for f in files if f.is_file())], plugins=[account])
    print(account.text())
    ended = status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    return 0 if ended and not account.unexplained() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
