"""Profile intervals against iminuit's MINOS."""

from dataclasses import replace

import pytest
from iminuit import Minuit

from hftranslate.errors import InputError
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.translation.load import read
from tests.conftest import REPOSITORY
from tests.likelihood.builders import counting


def model_of(case: str) -> tuple[Model, Data]:
    folder = REPOSITORY / "validation" / "cases" / case
    return compile_model(read(folder / ("demo.xml" if case == "demo" else "model.xml")))


def minos(model: Model, data: Data, name: str) -> tuple[float, float]:
    m = Minuit(lambda x: model.excess_nll(x, data), model.parameters.init, name=model.parameters.names)
    m.errordef, m.tol, m.strategy = Minuit.LIKELIHOOD, 1e-4, 2
    m.fixed = list(model.parameters.fixed)
    m.limits = [tuple(b) for b in model.parameters.bounds]
    m.migrad()
    m.minos(name)
    assert m.merrors[name].is_valid
    return m.values[name] + m.merrors[name].lower, m.values[name] + m.merrors[name].upper


@pytest.mark.parametrize(("case", "name"), [("staterror_poisson", "mu"), ("shapesys_gaussian", "mu"), ("demo", "JES")])
def test_agrees_with_minos(case: str, name: str) -> None:
    model, data = model_of(case)
    low, high = profile_interval(model, data, fit(model, data), name)
    expected = minos(model, data, name)
    assert (low, high) == pytest.approx(expected, abs=1e-3 * (expected[1] - expected[0]))


def test_range_ends_first() -> None:
    model, data = model_of("demo")
    low, high = profile_interval(model, data, fit(model, data), "mu")
    assert low is None
    assert high is not None


def test_best_fit_at_a_bound() -> None:
    model, data = model_of("staterror_poisson")
    best = fit(model, data, bounds={"mu": (3.0, 10.0)})
    bounds = model.parameters.bounds.copy()
    bounds[model.parameters.poi_index, 0] = 3.0
    confined = replace(model, parameters=replace(model.parameters, bounds=bounds))
    low, high = profile_interval(confined, data, best, "mu")
    assert low is None
    assert high is not None
    assert high > 3.0


def test_profile_reaches_the_level() -> None:
    model, data = model_of("staterror_gaussian")
    best = fit(model, data)
    for level in (0.5, 2.0):
        low, high = profile_interval(model, data, best, "alpha_xsec", level)
        for end in (low, high):
            assert end is not None
            raised = fit(model, data, fixed={model.parameters.names[model.parameters.index("alpha_xsec")]: end})
            assert raised.excess_nll - best.excess_nll == pytest.approx(level, abs=1e-6)


def test_constant_parameter_has_no_interval() -> None:
    model, data = model_of("staterror_poisson")
    best = fit(model, data, fixed={"mu": 1.0})
    with pytest.raises(InputError, match="'mu' was constant in the fit"):
        profile_interval(model, data, best, "mu")


@pytest.mark.parametrize("level", [0.0, -1.0, float("nan"), float("inf")])
def test_levels_that_no_interval_has(level):
    model, data = counting(5.0, 2.0, 3.0)
    with pytest.raises(InputError, match="above its minimum, not by"):
        profile_interval(model, data, fit(model, data), "mu", level)
