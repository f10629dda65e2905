"""ROOT's stored likelihoods and ours against extended precision: they differ by rounding, and by nothing else."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.crosscheck.cases import Case, read_cases
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import ROOT
from tests.conftest import REPOSITORY
from tests.likelihood.rounding import ExtendedLikelihood, Rounded, number

#: ROOT's terms and codes that the extended likelihood does not know.
UNKNOWN = {"constraint_gamma", "constraint_lognormal", "histosys_code1", "histosys_code5", "histosys_code6"}
#: Documents above this size, whose points take seconds, are left to the tests that ask ROOT.
MOST_BYTES = 100_000


def references() -> list[Any]:
    """Those whose parameters are the model's."""
    found = []
    for case in read_cases(REPOSITORY / "validation" / "cases.toml"):
        if case.absent or case.name in UNKNOWN or case.input.stat().st_size > MOST_BYTES:
            continue
        document = json.loads(case.reference.read_text(encoding="utf-8"))
        if not document["parametrisation"]:
            found.append(pytest.param(case, document, id=case.name))
    return found


@pytest.mark.parametrize(("case", "reference"), references())
def test_only_rounding_differs_from_extended_precision(case: Case, reference: dict[str, Any]) -> None:
    ws = case.workspace(use_sidecar=True)
    ws = replace(ws, measurements=(ws.measurement(case.measurement),))
    points = [p for p in reference["points"] if not p["evaluation_error"]]
    exact = ExtendedLikelihood(ws, [p["values"] for p in points])
    model, data = compile_model(replace(ws, conventions=ROOT))
    ours = []
    for point in points:
        theta = model.parameters.init.copy()
        for name, value in point["values"].items():
            theta[model.parameters.root_names.index(name)] = value
        ours.append(model.nll(theta, data))
    assert np.all(np.isfinite(exact.nll.value))
    for nlls in (ours, [p["nll"] for p in points]):
        off = np.array(nlls, dtype=np.longdouble) - exact.nll.value
        assert np.all(np.abs(off - off[0]) <= exact.nll.error + exact.nll.error[0])


@given(st.floats(0.9, 1.1), st.integers(2, 9))
def test_what_double_precision_makes_of_numbers_is_within_its_bound(x: float, power: int) -> None:
    """A polynomial near its root of several times, where all digits are lost."""
    coefficients = np.rint(np.poly(np.ones(power)))

    def evaluated(start: Any, at: Any) -> Any:
        for c in coefficients:
            start = start * at + float(c)
        return (start * start + 1.0) / at

    exact, rounded = evaluated(number(0.0), Rounded(x)), evaluated(0.0, x)
    assert abs(float(rounded - exact.value)) <= exact.error
    logarithm, exponential = exact.log(), (exact * 3.0).exp()
    assert abs(float(np.log(rounded) - logarithm.value)) <= logarithm.error
    assert abs(float(np.exp(rounded * 3.0) - exponential.value)) <= exponential.error
