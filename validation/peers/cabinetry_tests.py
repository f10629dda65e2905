"""cabinetry's own tests, with :mod:`hftranslate.pyhf` in the place of pyhf.

    python -m validation.peers.cabinetry_tests FOLDER/tests [--pyhf]

The folder is that of a source distribution of cabinetry 0.6.0, which stays outside this repository; cabinetry itself,
with ``contrib``, and ``pytest-mock`` are installed. Printed are passed, failed and skipped tests by file, and each
failure with its reason; the exit status is 1 where one has none. With ``--pyhf`` the tests run with pyhf itself: what
fails then says nothing of us (missing reference pictures, other versions of libraries).
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from validation.peers.pyhf_tests import Account, replace_pyhf

#: What fails with pyhf, too: the source distribution has neither pictures nor the example, and libraries went on.
WITH_PYHF = {
    "Baseline image": "the source distribution has no reference pictures",
    "test_with_uproot|Histogram_validate|test_integration.py::test_integration|_save_and_close": "fails with pyhf, too",
    "config_example.yml": "the source distribution has no example",
}
#: What fails with our module only.
REASONS = {
    r"test_fit\.py::test_(limit|significance)": "compared more strictly than pyhf minimises (2e-5, 1e-4)",
    r"test_histogram_reading": "compared more strictly than MINUIT minimises: pyhf's own logpdf is higher at our point",
    r"test_fit\.py::test__fit_model_pyhf": "an uncertainty that MINUIT's differences leave 0.2 % off",
}


def main(arguments: Sequence[str]) -> int:
    """Run the tests of a folder."""
    folder = Path(arguments[0]).resolve()
    if not folder.is_dir():
        print(f"{folder} is no folder: cabinetry's source distribution has the tests")
        return 2
    if "--pyhf" not in arguments:
        replace_pyhf()
    account = Account(WITH_PYHF | REASONS)
    os.chdir(folder.parent)
    options = ["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    pytest.main([*options, "--tb=short", "-W", "ignore", str(folder)], plugins=[account])
    print(account.text())
    return 1 if account.unexplained() or not account.outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
