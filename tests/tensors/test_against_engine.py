"""The engine is the judge: all modifiers, codes, constraints and Functions, both conventions."""

import decimal
from dataclasses import replace

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.crosscheck import read_cases
from hftranslate.likelihood.interpolation import code4_coefficients
from hftranslate.workspace import (
    PYHF,
    ROOT,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from tests import cases
from tests.conftest import REPOSITORY
from tests.likelihood.builders import channel, config, workspace
from tests.tensors.libraries import EACH, expansion, exported, near, plain

OWN = {c.name: c for c in read_cases(REPOSITORY / "validation" / "cases.toml") if not c.shared}
#: Of these, one of each kind is told at once.
FIRST = (
    "demo",
    "histosys_code2",
    "constraint_gamma",
    "constraint_lognormal",
    "negative_bins_clipped",
    "staterror_poisson",
)
CONVENTIONS = pytest.mark.parametrize("conventions", [PYHF, ROOT], ids=["pyhf", "root"])


def cancellation(model, theta):
    """How far rounding may move the logarithm of a row's factors where a polynomial of code4 nearly cancels; else 0.

    Horner's rule of degree 6 is within ``12 eps sum_k |a_k alpha^k|`` of the value, in the engine and in the library.
    (Of 0.01 and 24 at -0.8, where it is 0.005, the engine keeps 1e-12 of what mpmath finds.)
    """
    factors, extended = model.cells.multiplicative, model.derived.extend(theta)
    alpha, values = extended[factors.parameter], np.abs(factors.factors(extended)[0])
    powers = np.abs(alpha) ** np.arange(1.0, 7.0)[:, None]
    size = 1.0 + np.sum(np.abs(code4_coefficients(factors.lo, factors.hi)) * powers, axis=0)
    small = factors.polynomial & (np.abs(alpha) < 1.0) & (values < 1e-2)
    moved = np.where(small, 2.0 * 12.0 * np.finfo(np.float64).eps * size / np.maximum(values, 1e-15), 0.0)
    return np.bincount(factors.row, moved, minlength=1).max()


def assert_equal(model, data, library, n_points=1):
    likelihood, rng, compared = exported(model, library), np.random.default_rng(5), 0
    for theta in [near(model, rng) for _ in range(20 * n_points)]:
        if compared == n_points or not np.isfinite(model.nll(theta, data)):
            continue
        direction = rng.normal(size=len(theta))
        value, gradient, product = expansion(likelihood, theta, data, direction)
        expected, slopes = model.nll_and_gradient(theta, data)
        bends = model.hessian(theta, data) @ direction
        lost, events = cancellation(model, theta), np.sum(data.observed + model.rates(theta))
        assert abs(value + expected) <= 1e-12 * abs(expected) + lost * events
        assert np.max(np.abs(gradient + slopes), initial=0.0) <= 1e-9 * np.max(np.abs(slopes), initial=0.0)
        assert np.max(np.abs(product + bends), initial=0.0) <= 1e-9 * np.max(np.abs(bends), initial=0.0)
        rates = plain(likelihood.rates(likelihood.formulas.library.floats(theta), likelihood.templates))
        np.testing.assert_allclose(rates, model.rates(theta), rtol=1e-12 + lost)
        compared += 1
    assert compared == n_points


def everything(code, factor_code):
    """All seven modifiers, a Function, and every kind of constraint term, with given codes."""
    shared = NormSys(name="scale", hi=1.15, lo=0.8, interpolation=factor_code)
    return workspace(
        channel(
            "SR",
            [12.0, 0.0, 9.0],
            ("signal", [2.0, 3.0, 1.5], NormFactor(name="mu"), NormFactor(name="made"), Lumi(name="lumi"), shared),
            (
                "background",
                [10.0, 1.0, 7.0],
                HistoSys(name="shape", hi_data=(11.5, 1.1, 6.0), lo_data=(9.0, 0.7, 7.5), interpolation=code),
                HistoSys(name="tail", hi_data=(10.5, 1.3, 8.0), lo_data=(9.6, 0.9, 6.5), interpolation=code),
                shared,
                NormSys(name="logn", hi=1.1, lo=0.93, interpolation=factor_code),
                NormSys(name="gamma", hi=1.2, lo=0.9, interpolation=factor_code),
                NormSys(name="flat", hi=1.05, lo=0.9, interpolation=factor_code),
                StatError(name="stat", data=(0.9, 0.2, 0.7)),
                ShapeSys(name="uncorrelated", data=(1.0, 0.1, 0.6)),
            ),
        ),
        channel("CR", [30.0], ("other", [28.0], shared, ShapeFactor(name="free"), Lumi(name="lumi"))),
        parameters=[config("lumi", auxdata=(1.0,), sigmas=(0.03,), bounds=((0.5, 1.5),), inits=(1.0,))],
        terms=[
            ConstraintTerm(name="logn", kind="lognormal", relative_uncertainty=0.4),
            ConstraintTerm(name="gamma", kind="gamma", relative_uncertainty=0.3),
            ConstraintTerm(name="flat", kind="uniform", relative_uncertainty=1.0),
        ],
        functions=[Function(name="made", expression="@0*@0+exp(0.1*@1)", dependents="k[1.1,0,5],alpha_shape[0,-5,5]")],
    )


@EACH
@CONVENTIONS
@pytest.mark.parametrize(
    ("code", "factor_code"), [("code4p", "code4"), ("code0", "code1"), ("code2", "code6"), ("code4p", "code1")]
)
def test_all_modifiers_and_constraints(code, factor_code, conventions, library):
    model, data = hft.compile_model(everything(code, factor_code), conventions=conventions)
    assert_equal(model, data, library)


@EACH
@pytest.mark.parametrize("code", ["code1", "code4", "code6"])
def test_histosys_of_multiplicative_codes(code, library):
    shape = HistoSys(name="shape", hi_data=(11.5, 6.0), lo_data=(9.0, 7.5), interpolation=code)
    space = workspace(channel("SR", [12.0, 9.0], ("b", [10.0, 7.0], NormFactor(name="mu"), shape)))
    assert_equal(*hft.compile_model(space), library)


@EACH
@CONVENTIONS
@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in FIRST else pytest.mark.slow) for n in OWN])
def test_own_cases(name, conventions, library):
    case = OWN[name]
    model, data = hft.compile_model(case.workspace(), case.measurement, conventions)
    if not len(model.parameters):
        pytest.skip("no parameters, no derivatives")
    assert_equal(model, data, library, n_points=1)


@pytest.mark.slow
@EACH
@CONVENTIONS
@pytest.mark.parametrize("name", cases.case_ids())
def test_shared_cases(name, conventions, library):
    assert_equal(*hft.compile_model(cases.workspace(name), conventions=conventions), library, n_points=1)


@EACH
def test_large_counts_keep_their_digits(library):
    background = ("b", [2.0e6, 3.1e7], NormFactor(name="mu"), StatError(name="stat", data=(900.0, 4e3)))
    space = workspace(channel("SR", [2.0005e6, 3.1004e7], background), conventions=ROOT)
    assert_equal(*hft.compile_model(space), library)


def code4_in_decimals(alpha, lo, hi):
    """Code4 inside |alpha| < 1, by 40 digits: it has the value and two derivatives of code1 at -1 and +1."""
    with decimal.localcontext(prec=40):
        a, lo, hi = map(decimal.Decimal, (alpha, lo, hi))
        up = (hi - 1, hi * hi.ln(), hi * hi.ln() ** 2)
        down = (lo - 1, -lo * lo.ln(), lo * lo.ln() ** 2)
        s0, s1, s2 = ((u + d) / 2 for u, d in zip(up, down, strict=True))
        a0, a1, a2 = ((u - d) / 2 for u, d in zip(up, down, strict=True))
        odd = (15 * a0 - 7 * s1 + a2) * a - (10 * a0 - 10 * s1 + 2 * a2) * a**3 + (3 * a0 - 3 * s1 + a2) * a**5
        even = (24 * s0 - 9 * a1 + s2) * a**2 - (24 * s0 - 14 * a1 + 2 * s2) * a**4 + (8 * s0 - 5 * a1 + s2) * a**6
        return float(1 + (odd + even) / 8)


@EACH
def test_a_polynomial_that_nearly_cancels(library):
    lo, hi, alpha = 0.01, 24.0, -0.8
    space = workspace(channel("SR", [1.0], ("b", [1.0], NormFactor(name="mu"), NormSys(name="large", hi=hi, lo=lo))))
    model, _ = hft.compile_model(space)
    theta, exact = model.parameters.vector(mu=1.0, large=alpha), code4_in_decimals(alpha, lo, hi)
    assert 0.0 < exact < 1e-2
    assert 0.0 < cancellation(model, theta) < 1e-9
    likelihood = exported(model, library)
    rates = plain(likelihood.rates(likelihood.formulas.library.floats(theta), likelihood.templates))
    np.testing.assert_allclose(rates, [exact], rtol=cancellation(model, theta) / 2.0)
    np.testing.assert_allclose(model.rates(theta), [exact], rtol=cancellation(model, theta) / 2.0)


@EACH
def test_outside_the_domain_nothing_is_likely(library):
    model, data = hft.compile_model(workspace(channel("SR", [3.0], ("s", [2.0], NormFactor(name="mu")))))
    likelihood = exported(model, library)
    value = likelihood.logpdf(likelihood.formulas.library.floats([-1.0]), likelihood.templates, likelihood.data(data))
    assert value == -np.inf


@EACH
def test_a_signal_of_zero_has_derivatives(library):
    model, data = hft.compile_model(everything("code4p", "code4"))
    likelihood, theta = exported(model, library), model.parameters.vector(mu=0.0)
    direction = np.random.default_rng(1).normal(size=len(theta))
    _, gradient, product = expansion(likelihood, theta, data, direction)
    np.testing.assert_allclose(gradient, -model.nll_and_gradient(theta, data)[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(product, -model.hessian(theta, data) @ direction, rtol=1e-9, atol=1e-9)


@EACH
def test_kinks_are_those_of_the_engine(library):
    """At zero of code0 and code1 the derivatives are those from the right."""
    space = everything("code0", "code1")
    terms = tuple(t for t in space.measurements[0].constraint_terms if t.kind == "uniform")
    space = replace(space, measurements=(replace(space.measurements[0], constraint_terms=terms),))
    model, data = hft.compile_model(space)
    theta = model.parameters.vector(scale=0.0, shape=0.0)
    gradient = expansion(exported(model, library), theta, data, np.ones(len(theta)))[1]
    np.testing.assert_allclose(gradient, -model.nll_and_gradient(theta, data)[1], rtol=1e-9, atol=1e-9)


@EACH
def test_many_points_at_once(library):
    model, data = hft.compile_model(everything("code4p", "code4"), conventions=ROOT)
    likelihood, rng = exported(model, library), np.random.default_rng(2)
    thetas = np.array([near(model, rng) for _ in range(5)])
    if library == "jax":
        import jax

        over = jax.jit(jax.vmap(likelihood.logpdf, (0, None, None)))
    else:
        import torch

        over = torch.func.vmap(likelihood.logpdf, (0, None, None))
    points = likelihood.formulas.library.floats(thetas)
    values = over(points, likelihood.templates, likelihood.data(data))
    np.testing.assert_allclose(plain(values), [model.logpdf(t, data) for t in thetas], rtol=1e-12)
