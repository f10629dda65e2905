"""Interpolation codes in combination: which a sample may have, and what they evaluate to."""

from typing import Any

import numpy as np
import pytest

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.likelihood.codes import check_codes, has_bin_factors, normsys_add_up
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.interpolation import CURVES, factor_linear
from hftranslate.likelihood.model import Model
from hftranslate.workspace import (
    ROOT,
    Channel,
    HistoSys,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    Sample,
    Workspace,
)

NOMINAL = (50.0, 60.0, 20.0)
UP, DOWN = (55.0, 66.0, 23.0), (47.0, 57.0, 17.0)
OTHER_UP, OTHER_DOWN = (52.0, 58.0, 22.0), (46.5, 62.5, 19.5)
ALPHAS = (-3.0, -1.0, -0.4, 0.0, 0.7, 1.0, 2.5)


def sample(*modifiers: Modifier, nominal: tuple[float, ...] = NOMINAL) -> Sample:
    return Sample(name="b", nominal=nominal, modifiers=(NormFactor(name="mu"), *modifiers))


def model_of(*modifiers: Modifier) -> Model:
    channel = Channel(name="c", samples=(sample(*modifiers),), observed=(48.0, 63.0, 21.0))
    workspace = Workspace(channels=(channel,), measurements=(Measurement(name="m", pois=("mu",)),), conventions=ROOT)
    return compile_model(workspace)[0]


def histosys(name: str, code: Any, up: Any = UP, down: Any = DOWN) -> HistoSys:
    return HistoSys(name=name, lo_data=down, hi_data=up, interpolation=code)


def single(code: str, alpha: float, lo: float, hi: float) -> float:
    """The factor of one systematic with ``lo`` and ``hi`` at -1 and +1, from ROOT's definitions."""
    match code:
        case "code0":
            return 1.0 + alpha * ((hi - 1.0) if alpha > 0.0 else (1.0 - lo))
        case "code1":
            return hi**alpha if alpha > 0.0 else lo**-alpha
        case "code2":
            a, b = 0.5 * (hi + lo) - 1.0, 0.5 * (hi - lo)
            if alpha > 1.0:
                return (2.0 * a + b) * (alpha - 1.0) + hi
            if alpha < -1.0:
                return -(2.0 * a - b) * (alpha + 1.0) + lo
            return 1.0 + a * alpha**2 + b * alpha
        case "code6":
            s, a = 0.5 * (hi - lo), (hi + lo - 2.0) / 16.0
            if abs(alpha) > 1.0:
                return 1.0 + alpha * ((hi - 1.0) if alpha > 0.0 else (1.0 - lo))
            return 1.0 + alpha * (s + a * alpha * (15.0 - 10.0 * alpha**2 + 3.0 * alpha**4))
    raise AssertionError(code)


@pytest.mark.parametrize("code", ["code1", "code6"])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_multiplicative_histosys_multiply(code: str, alpha: float) -> None:
    model = model_of(histosys("JES", code), histosys("scale", code, OTHER_UP, OTHER_DOWN))
    rates = model.rates(model.parameters.vector(JES=alpha, scale=0.6))
    expected = [
        n * single(code, alpha, lo / n, hi / n) * single(code, 0.6, low / n, high / n)
        for n, lo, hi, low, high in zip(NOMINAL, DOWN, UP, OTHER_DOWN, OTHER_UP, strict=True)
    ]
    np.testing.assert_allclose(rates, expected, rtol=1e-13)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_code4_of_a_histosys_is_that_of_a_normsys_in_each_bin(alpha: float) -> None:
    rates = (m := model_of(histosys("JES", "code4"))).rates(m.parameters.vector(JES=alpha))
    for i, (n, lo, hi) in enumerate(zip(NOMINAL, DOWN, UP, strict=True)):
        one = model_of(NormSys(name="JES", lo=lo / n, hi=hi / n))
        assert rates[i] == pytest.approx(one.rates(one.parameters.vector(JES=alpha))[i], rel=1e-13)


@pytest.mark.parametrize("code", ["code0", "code2"])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_additive_normsys_add_up(code: Any, alpha: float) -> None:
    first = NormSys(name="x", lo=0.9, hi=1.15, interpolation=code)
    second = NormSys(name="y", lo=1.1, hi=0.8, interpolation=code)
    model = model_of(first, second)
    rates = model.rates(model.parameters.vector(x=alpha, y=0.4))
    factor = single(code, alpha, 0.9, 1.15) + single(code, 0.4, 1.1, 0.8) - 1.0
    np.testing.assert_allclose(rates, np.multiply(NOMINAL, factor), rtol=1e-13)
    alone = model_of(first)
    np.testing.assert_allclose(
        alone.rates(alone.parameters.vector(x=alpha)), np.multiply(NOMINAL, single(code, alpha, 0.9, 1.15)), rtol=1e-13
    )


def test_an_additive_normsys_multiplies_a_histosys() -> None:
    model = model_of(NormSys(name="x", lo=0.9, hi=1.15, interpolation="code0"), histosys("JES", "code0"))
    rates = model.rates(model.parameters.vector(x=2.0, JES=-1.5))
    np.testing.assert_allclose(rates, 1.3 * (np.array(NOMINAL) - 1.5 * (np.array(NOMINAL) - DOWN)), rtol=1e-13)


@pytest.mark.parametrize(
    "modifiers",
    [
        (histosys("JES", "code6"), histosys("scale", "code6", OTHER_UP, OTHER_DOWN), NormSys(name="x", lo=0.8, hi=1.3)),
        (histosys("JES", "code4"), NormSys(name="JES", lo=0.9, hi=1.2)),
        (histosys("JES", "code1"),),
        (NormSys(name="x", lo=0.9, hi=1.15, interpolation="code2"), histosys("JES", "code4p")),
        tuple(NormSys(name=n, lo=0.9, hi=1.15, interpolation="code0") for n in "xy"),
    ],
)
def test_derivatives_are_exact(modifiers: tuple[Modifier, ...]) -> None:
    model = model_of(*modifiers)
    data = model.data(np.array([48.0, 63.0, 21.0]), np.zeros(model.n_aux))
    random = np.random.default_rng(5)
    for _ in range(5):
        theta = model.parameters.init + 0.3 + random.normal(size=len(model.parameters)) * 0.1
        gradient, hessian = model.nll_and_gradient(theta, data)[1], model.hessian(theta, data)
        for i in range(len(theta)):
            step = np.zeros_like(theta)
            step[i] = 1e-5
            slope = (model.nll(theta + step, data) - model.nll(theta - step, data)) / 2e-5
            assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-6)
            bend = (
                model.nll_and_gradient(theta + step, data)[1] - model.nll_and_gradient(theta - step, data)[1]
            ) / 2e-5
            np.testing.assert_allclose(hessian[i], bend, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.cells.evaluate_many(theta[None])[0], model.rates(theta), rtol=1e-13)


def test_factor_linear_is_one_plus_the_additive_shift() -> None:
    alpha, lo, hi = np.array([0.5]), np.array([0.7]), np.array([1.2])
    for code, curve in CURVES.items():
        expected = 1.0 + 0.25 * alpha - 0.05 * curve(alpha)[0]
        np.testing.assert_allclose(factor_linear(alpha, code, lo, hi)[0], expected)
    zero = factor_linear(np.array([-1.0]), "code0", np.array([0.0]), np.array([2.0]))
    assert 0.0 < zero[0][0] < 1e-300  # something to divide by


@pytest.mark.parametrize(
    ("modifiers", "message"),
    [
        ((histosys("JES", "code0"), histosys("scale", "code1")), "histosys mix additive and multiplicative"),
        (
            (NormSys(name="x", lo=0.9, hi=1.1), NormSys(name="y", lo=0.9, hi=1.1, interpolation="code0")),
            r"normsys mix additive and multiplicative interpolation codes \(code0, code4\)",
        ),
        (
            (
                NormSys(name="x", lo=0.9, hi=1.1, interpolation="code0"),
                NormSys(name="y", lo=0.9, hi=1.1, interpolation="code0"),
                histosys("JES", "code0"),
            ),
            "several normsys with an additive interpolation code and a histosys",
        ),
    ],
)
def test_families_do_not_mix(modifiers: tuple[Modifier, ...], message: str) -> None:
    with pytest.raises(Unsupported, match=f"channel 'c', sample 'b': .*{message}"):
        model_of(*modifiers)


def test_a_factor_needs_something_to_multiply() -> None:
    empty = sample(histosys("JES", "code1"), nominal=(50.0, 0.0, 20.0))
    with pytest.raises(InvalidWorkspace, match="cannot vary bin 1, which is 0; it must be above zero"):
        check_codes("here", empty, set())


def test_removed_systematics_do_not_count() -> None:
    codes = sample(NormSys(name="x", lo=0.9, hi=1.1), NormSys(name="y", lo=0.9, hi=1.1, interpolation="code0"))
    check_codes("here", codes, {"x"})
    assert not normsys_add_up(codes, {"x"})
    assert not has_bin_factors(codes)
    assert has_bin_factors(sample(histosys("JES", "code6")))
