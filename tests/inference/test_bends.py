"""Minima on the kink of an interpolation code: code0 and code1 bend where the systematic is zero."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import HistoSys, NormFactor, NormSys
from tests.likelihood.builders import channel, workspace


def model_of(modifier: Any, observed: float) -> tuple[Model, Data]:
    return compile_model(
        workspace(channel("SR", [observed, 90.0], ("b", [100.0, 100.0], modifier, NormFactor(name="k"))), poi="k")
    )


#: Up and down both add events: the expectation has a minimum at zero, with a kink.
BENT = (
    HistoSys(name="a", lo_data=(140.0, 100.0), hi_data=(130.0, 100.0), interpolation="code0"),
    NormSys(name="a", lo=1.2, hi=1.3, interpolation="code1"),
    NormSys(name="a", lo=1.2, hi=1.3, interpolation="code0"),
)


@pytest.mark.parametrize("modifier", BENT)
def test_a_minimum_on_the_bend(modifier: Any) -> None:
    """Fewer events than expected even at zero: the systematic stays exactly there, the norm factor fits."""
    model, data = model_of(modifier, 70.0)
    found = fit(model, data, fixed={"k": 1.0})
    assert found.status == "kink"
    assert found.value("a") == 0.0
    free = fit(model, data)
    assert free.status in ("kink", "converged")
    step = np.array([1e-4 if n == "a" else 0.0 for n in model.parameters.names])
    for sign in (-1.0, 1.0):
        assert model.nll(free.values + sign * step, data) >= free.nll - 1e-12


@pytest.mark.parametrize("modifier", BENT)
@pytest.mark.parametrize("start", [-1e-5, 0.0, 1e-5, 0.5])
def test_a_minimum_beside_the_bend(modifier: Any, start: float) -> None:
    """More events than expected: the minimum lies on one side, also for a fit that starts on the bend."""
    model, data = model_of(modifier, 130.0)
    theta = model.parameters.vector(a=start, k=1.0)
    found = fit(model, data, fixed={"k": 1.0}, start=theta)
    a = model.parameters.index("a")

    def profile(x: float) -> float:
        point = theta.copy()
        point[a] = x
        return model.nll(point, data)

    sides = [minimize_scalar(profile, bounds=b, method="bounded", options={"xatol": 1e-10}) for b in ((-5, 0), (0, 5))]
    assert found.status == "converged"
    assert min(abs(found.nll - s.fun) for s in sides) < 1e-6
    assert abs(found.value("a")) > 0.1


def test_which_parameters_bend() -> None:
    for modifier, bends in (
        (BENT[0], ["a"]),
        (BENT[1], ["a"]),
        (BENT[2], ["a"]),
        (NormSys(name="a", lo=0.9, hi=1.1), []),
    ):
        model, _ = model_of(modifier, 70.0)
        assert [model.parameters.names[i] for i in model.bends] == bends
