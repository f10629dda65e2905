"""What needs no ROOT in the scripts that drive it: second differences of a function of variables with ranges."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from tests.conftest import REPOSITORY


def _module() -> Any:
    path = REPOSITORY / "validation" / "make_reference" / "second_differences.py"
    spec = importlib.util.spec_from_file_location("second_differences", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULE = _module()


class Variable:
    """Speaks as a RooRealVar does."""

    def __init__(self, value: float, low: float, high: float) -> None:
        self.value, self.low, self.high = value, low, high

    def getVal(self) -> float:
        return self.value

    def setVal(self, value: float) -> None:
        assert self.low <= value <= self.high
        self.value = value

    def getMin(self) -> float:
        return self.low

    def getMax(self) -> float:
        return self.high


def test_covariance_of_a_quadratic_function() -> None:
    wanted = np.array([[0.25, 0.06, 0.0], [0.06, 0.09, -0.02], [0.0, -0.02, 0.04]])
    hessian = np.linalg.inv(wanted)
    variables = [Variable(x, -5.0, 5.0) for x in (0.3, -0.2, 4.9)]

    def function() -> float:
        x = np.array([v.value for v in variables])
        return 3.0 + 0.5 * float(x @ hessian @ x)

    found = MODULE.covariance(function, variables, [0.5, 0.3, 0.2])
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)
    assert [v.value for v in variables] == [0.3, -0.2, 4.9]


def test_no_covariance_of_a_saddle() -> None:
    variables = [Variable(0.0, -1.0, 1.0) for _ in range(2)]
    assert MODULE.covariance(lambda: variables[0].value ** 2 - variables[1].value ** 2, variables, [1.0, 1.0]) is None


@pytest.mark.parametrize(("sigma", "value"), [(0.01, 0.2), (0.3, -0.9), (5.0, 0.5)])
def test_minuit_quotes_half_of_what_one_step_spans(sigma: float, value: float) -> None:
    """Small uncertainties as they are; large ones shortened to the range."""
    quoted = MODULE.as_minuit_quotes(sigma, value, -1.0, 1.0)
    assert quoted < 2.0
    if sigma == 0.01:
        assert quoted == pytest.approx(sigma, rel=1e-4)
    else:
        assert quoted < sigma
