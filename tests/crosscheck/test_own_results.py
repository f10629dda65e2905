"""Our own results stay what they are, to seven digits: fit, uncertainties, tests, limits, under both conventions."""

from typing import Any

import pytest
from pytest_regressions.data_regression import DataRegressionFixture

from hftranslate.crosscheck.cases import read_cases
from hftranslate.crosscheck.results import results
from hftranslate.workspace import CONVENTIONS
from tests.conftest import REPOSITORY

CASES = {case.name: case for case in read_cases(REPOSITORY / "validation" / "cases.toml")}


def rounded(value: Any) -> Any:
    """Numbers to seven digits (tiny ones to zero), containers entry by entry."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    if isinstance(value, float):
        return 0.0 if abs(value) < 1e-6 else float(f"{value:.7g}")
    return value


@pytest.mark.parametrize("conventions", ["root", "pyhf"])
@pytest.mark.parametrize("name", ["demo", "coupled_channels", "json_partial_lumi", "staterror_large_gaussian"])
def test_results(name: str, conventions: str, data_regression: DataRegressionFixture) -> None:
    found = results(CASES[name].workspace(), conventions=CONVENTIONS[conventions]).to_document()
    del found["provenance"], found["points"], found["fit"]["edm"], found["fit"]["correlation"]
    data_regression.check(rounded(found))
