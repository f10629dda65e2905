"""Every stored case against ROOT, on every rung; what ROOT's minimiser did not reach is listed with both values."""

import tomllib

import pytest

from hftranslate.crosschecking.cases import read_cases
from hftranslate.crosschecking.document import read_results
from tests.conftest import REPOSITORY

TABLES = tomllib.loads((REPOSITORY / "validation" / "cases.toml").read_text(encoding="utf-8"))["cases"]
CASES = {case.name: case for case in read_cases(REPOSITORY / "validation" / "cases.toml")}
#: Published models in which Minuit stops above a minimum that we reach, on these rungs.
ROOT_IS_HIGHER: dict[str, set[str]] = {}


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
        assert worst.excess < 0.2, worst


@pytest.mark.parametrize("name", CASES)
def test_what_a_reference_records(name: str) -> None:
    """All that ROOT can say about a model: uncertainties, tests, limits, and why something is missing."""
    reference = read_results(CASES[name].reference)
    notes = " ".join(reference.provenance.notes)
    assert reference.fit is not None
    assert sum(point.nll is not None for point in reference.points) >= 7
    if "no tests" in notes or reference.poi is None:
        assert reference.hypotests is None
        return
    assert reference.hypotests is not None
    tested = [t for t in reference.hypotests if t.calculator == "asymptotic"]
    wanted = TABLES[name].get("test_pois")
    assert len(tested) >= (2 if wanted is None else len(wanted))
    assert (reference.limit is not None) == TABLES[name].get("limit", True)
    assert reference.discovery is not None
