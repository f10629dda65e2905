"""Every stored case against ROOT, on every rung; what ROOT's minimiser did not reach is listed with both values."""

import tomllib

import numpy as np
import pytest

from hftranslate.crosscheck.cases import read_cases
from hftranslate.crosscheck.document import read_results
from tests.conftest import REPOSITORY

TABLES = tomllib.loads((REPOSITORY / "validation" / "cases.toml").read_text(encoding="utf-8"))["cases"]
CASES = {case.name: case for case in read_cases(REPOSITORY / "validation" / "cases.toml")}
#: Published models in which Minuit stops above a minimum that we reach, on these rungs: in a second minimum (staus,
#: cms_ttgamma), on a kink of the clip at zero (compressed, ttbar), or a millionth to a thousandth above it.
ROOT_IS_HIGHER: dict[str, set[str]] = {
    "staus_Region_combined_DS_440_40_Staus": {"best fit", "test statistic"},
    "staus_Region_lowMass_DS_120_1_Staus": {"test statistic"},
    "1Lbb_C1N2_Wh_hbb_700_400": {"test statistic"},
    "compressed_EWKinos": {"test statistic"},
    "compressed_EWKinos_poi_lumi_fixed": {"best fit"},
    "2l2j_ewk": {"test statistic"},
    "ttbar_ljets": {"test statistic"},
    "cms_ttgamma_2l": {"test statistic"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_root(name: str) -> None:
    case = CASES[name]
    if case.absent is not None:
        pytest.skip(f"{case.absent.name} is not beside the repository")
    report = case.run()
    assert report.passed, report.text()
    assert report.conventions_note is None
    higher = {rung.name for rung in report.rungs if rung.lower}
    assert higher == ROOT_IS_HIGHER.get(name, set()), report.text()
    by_name = {rung.name: rung for rung in report.rungs}
    for rung in ("model", "yields", "nll", "best fit"):
        assert by_name[rung].verdict in ("passed", "lower")
    for rung in ("yields", "nll"):  # the same function: far closer than what is tolerated
        worst = by_name[rung].worst
        assert worst is not None
        # ROOT sums terms whose digits cancel: at an NLL of 2e8, seven units of the last place (extended precision)
        assert abs(worst.difference) < max(0.2 * worst.allowed, 10.0 * np.spacing(worst.reference)), worst  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_a_reference_records(name: str) -> None:
    """All that ROOT can say about a model: uncertainties, tests, limits, and why something is missing.

    That the document is valid is judged by its schema when it is read.
    """
    reference = read_results(CASES[name].reference)
    notes = " ".join(reference.provenance.notes)
    assert reference.fit is not None
    assert sum(point.nll is not None for point in reference.points) >= 7
    constant = {p.name for p in reference.parameters if p.fixed}
    if "no tests" in notes or reference.poi is None or reference.poi in constant:
        assert reference.hypotests is None
        return
    assert reference.hypotests is not None
    tested = [t for t in reference.hypotests if t.calculator == "asymptotic"]
    wanted = TABLES[name].get("test_pois")
    assert len(tested) >= (2 if wanted is None else len(wanted))
    assert (reference.limit is not None) == TABLES[name].get("limit", True)
    assert reference.discovery is not None
