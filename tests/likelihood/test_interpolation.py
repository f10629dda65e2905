"""Interpolation codes: fixed points, smoothness, derivatives, pyhf's and ROOT's numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.errors import Unsupported
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.interpolation import (
    CURVES,
    code4_coefficients,
    factor_exponential,
    factor_polynomial,
    polynomial_table,
    relative_yield,
    safe_log,
)
from hftranslate.workspace import HistoSys, NormSys
from tests.likelihood.builders import channel, workspace
from tests.likelihood.differences import difference

GRID = np.array([-3.0, -1.7, -1.0, -0.93, -0.5, -0.1, 0.0, 0.2, 0.5, 0.99, 1.0, 1.3, 2.0, 4.5])


def shift(code, alpha, lo, nominal, hi):
    """Additive shift with derivatives."""
    g, dg, ddg = CURVES[code](np.atleast_1d(np.asarray(alpha, dtype=float)))
    s, a = (hi - lo) / 2.0, (hi + lo) / 2.0 - nominal
    return s * np.atleast_1d(alpha) + a * g, s + a * dg, a * ddg


def factor(code, alpha, lo, hi):
    """Multiplicative factor with derivatives, assembled as the engine does."""
    alpha = np.atleast_1d(np.asarray(alpha, dtype=float))
    lo, hi = np.full(alpha.shape, float(lo)), np.full(alpha.shape, float(hi))
    inner = factor_polynomial(alpha, polynomial_table(code4_coefficients(lo, hi)))
    outer = factor_exponential(alpha, safe_log(lo), safe_log(hi))
    use_outer = (np.abs(alpha) >= 1.0) | (code == "code1")
    return tuple(np.where(use_outer, o, i) for o, i in zip(outer, inner, strict=True))


@pytest.mark.parametrize("code", sorted(CURVES))
@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_additive_codes_pass_through_the_variations(code, lo, nominal, hi):
    values = nominal + shift(code, [-1.0, 0.0, 1.0], lo, nominal, hi)[0]
    np.testing.assert_allclose(values, [lo, nominal, hi], rtol=1e-14, atol=1e-12)


@pytest.mark.parametrize("code", ["code1", "code4"])
@given(st.floats(0.05, 3), st.floats(0.05, 3))
def test_multiplicative_codes_pass_through_the_variations(code, lo, hi):
    np.testing.assert_allclose(factor(code, [-1.0, 0.0, 1.0], lo, hi)[0], [lo, 1.0, hi], rtol=1e-12)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize(("code", "order"), [("code0", 1), ("code2", 1), ("code4p", 2)])
def test_additive_codes_are_smooth_at_one(code, order, side):
    inside = shift(code, [side * (1.0 - 1e-12)], 3.0, 7.0, 8.5)
    outside = shift(code, [side * (1.0 + 1e-12)], 3.0, 7.0, 8.5)
    for k in range(order + 1):
        assert inside[k] == pytest.approx(outside[k], abs=1e-9), f"derivative {k}"


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize(("lo", "hi"), [(0.8, 1.3), (1.2, 0.7), (0.1, 4.0), (0.0, 1.5), (1.2, 0.0)])
def test_code4_is_smooth_at_one(lo, hi, side):
    """Value and two derivatives of the polynomial meet those of the exponential (of zero: identically zero)."""
    inside = factor("code4", [side * (1.0 - 1e-12)], lo, hi)
    outside = factor("code4", [side * (1.0 + 1e-12)], lo, hi)
    for k in range(3):
        assert inside[k] == pytest.approx(outside[k], abs=1e-8), f"derivative {k}"


@pytest.mark.parametrize("code", sorted(CURVES))
def test_derivatives_of_additive_codes(code):
    for alpha in GRID[np.abs(np.abs(GRID) - 1.0) > 1e-3]:
        if code == "code0" and alpha == 0.0:
            continue
        _, first, second = shift(code, [alpha], 3.0, 7.0, 8.5)
        at = np.array([alpha])
        assert difference(lambda t: shift(code, t, 3.0, 7.0, 8.5)[0][0], at, 0) == pytest.approx(first[0], abs=1e-8)
        assert difference(lambda t: shift(code, t, 3.0, 7.0, 8.5)[1][0], at, 0) == pytest.approx(second[0], abs=1e-8)


@pytest.mark.parametrize("code", ["code1", "code4"])
@pytest.mark.parametrize(("lo", "hi"), [(0.8, 1.3), (1.2, 0.7), (0.1, 4.0), (0.01, 105.646)])
def test_derivatives_of_multiplicative_codes(code, lo, hi):
    for alpha in GRID[np.abs(np.abs(GRID) - 1.0) > 1e-3]:
        if code == "code1" and alpha == 0.0:
            continue
        _, first, second = factor(code, [alpha], lo, hi)
        at = np.array([alpha])
        numeric = difference(lambda t: factor(code, t, lo, hi)[0][0], at, 0, 1e-4)
        assert numeric == pytest.approx(first[0], rel=1e-7, abs=1e-8)
        numeric = difference(lambda t: factor(code, t, lo, hi)[1][0], at, 0, 1e-4)
        assert numeric == pytest.approx(second[0], rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("ours", "theirs"), [("code0", 0), ("code2", 2), ("code4p", "4p")])
def test_additive_codes_equal_pyhf(ours, theirs):
    import pyhf

    pyhf.set_backend("numpy", precision="64b")
    alphas = GRID if ours != "code2" else GRID[np.abs(GRID) <= 1.0]  # beyond, pyhf's code2 misses a constant
    lo, nominal, hi = [3.0, 9.0, 0.0], [7.0, 8.0, 5.0], [8.5, 8.0, 12.0]
    interpolator = pyhf.interpolators.get(theirs)([[[lo, nominal, hi]]])
    reference = np.asarray(interpolator(np.array([alphas])))[0, 0]
    for k in range(3):
        np.testing.assert_allclose(shift(ours, alphas, lo[k], nominal[k], hi[k])[0], reference[:, k], atol=1e-13)


@pytest.mark.parametrize("code", ["code1", "code4"])
@pytest.mark.parametrize(("lo", "hi"), [(0.8, 1.3), (1.2, 0.7), (0.1, 4.0), (1.0, 1.0), (0.01, 105.646)])
def test_multiplicative_codes_equal_pyhf(code, lo, hi):
    import pyhf

    pyhf.set_backend("numpy", precision="64b")
    reference = np.asarray(pyhf.interpolators.get(int(code[-1]))([[[[lo], [1.0], [hi]]]])(np.array([GRID])))[0, 0, :, 0]
    np.testing.assert_allclose(factor(code, GRID, lo, hi)[0], reference, rtol=1e-12, atol=1e-12)


def test_code2_continues_as_in_root():
    """ROOT at alpha = 2: (2a + b)(alpha - 1) + hi - nominal; pyhf leaves out hi - nominal."""
    lo, nominal, hi = 96.0, 100.0, 105.0
    a, b = (hi + lo) / 2.0 - nominal, (hi - lo) / 2.0
    assert shift("code2", [2.0], lo, nominal, hi)[0][0] == pytest.approx((2 * a + b) + hi - nominal, rel=1e-14)
    assert shift("code2", [-2.0], lo, nominal, hi)[0][0] == pytest.approx((2 * a - b) + lo - nominal, rel=1e-14)
    # the numbers measured in ROOT: +11 at two sigma, of which pyhf's code2 has +6
    assert shift("code2", [2.0], 96.0, 100.0, 105.0)[0][0] == pytest.approx(10.5)
    assert shift("code2", [2.0], 97.0, 100.0, 105.0)[0][0] == pytest.approx(11.0)


def test_a_factor_of_zero_is_legal():
    assert factor("code4", [-0.5], 0.0, 1.5)[0][0] == pytest.approx(0.2924295, abs=5e-8)
    for alpha in (-1.0, -1.3, -5.0):
        value, first, second = factor("code4", [alpha], 0.0, 1.5)
        assert 0.0 <= value[0] < 1e-300
        assert abs(first[0]) < 1e-300
        assert abs(second[0]) < 1e-300
    with np.errstate(all="raise"):
        value, first, _ = factor("code1", np.array([-300.0, -3.0, -1.0, 0.5]), 0.0, 1.5)
        assert np.isfinite(first / value).all()


def test_the_polynomial_of_code4_can_be_negative():
    """Not a defect but the code's definition: a published model varies a sample by 0.01 and 105.646."""
    alphas = np.linspace(-0.99, 0.99, 199)
    assert factor("code4", alphas, 0.01, 105.646)[0].min() < -4.0


@pytest.mark.parametrize("kind", ["histosys", "normsys"])
@pytest.mark.parametrize("code", ["code0", "code1", "code2", "code4", "code4p", "code6"])
def test_the_picture_of_a_code_is_what_the_likelihood_evaluates(code, kind):
    """One sample of one bin with one systematic, in a compiled model: yield, slope, and curvature by differences."""
    if kind == "histosys":
        modifier = HistoSys(name="a", lo_data=(80.0,), hi_data=(150.0,), interpolation=code)
    elif code in ("code4p", "code6"):
        return  # no NormSys has these
    else:
        modifier = NormSys(name="a", lo=0.8, hi=1.5, interpolation=code)
    model, _ = compile_model(workspace(channel("SR", [100.0], ("b", [100.0], modifier)), poi=None))
    alpha = np.array([-2.3, -1.0, -0.6, 0.2, 0.7, 1.0, 1.9])
    value, slope, _ = relative_yield(alpha, code, 0.8, 1.5)
    np.testing.assert_allclose(value, [model.rates([a])[0] / 100.0 for a in alpha], rtol=1e-13)
    np.testing.assert_allclose(slope, [model.jacobian([a])[0, 0] / 100.0 for a in alpha], rtol=1e-12, atol=1e-14)
    inside = np.array([-2.3, -0.6, 0.2, 0.7, 1.9])
    step = 1e-5
    rise = relative_yield(inside + step, code, 0.8, 1.5)[1] - relative_yield(inside - step, code, 0.8, 1.5)[1]
    np.testing.assert_allclose(relative_yield(inside, code, 0.8, 1.5)[2], rise / (2.0 * step), rtol=1e-5, atol=1e-8)


def test_no_such_code():
    with pytest.raises(Unsupported, match="no interpolation code 'code5'; did you mean 'code"):
        relative_yield(np.zeros(1), "code5", 0.8, 1.5)
