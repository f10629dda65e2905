"""Gradient and Hessian are exact: generated workspaces, and every place where a formula could break."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
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
from tests.likelihood.builders import channel, config, workspace
from tests.likelihood.differences import assert_derivatives_are_exact, difference
from tests.strategies import workspaces

CONVENTIONS = pytest.mark.parametrize("conventions", [PYHF, ROOT], ids=["pyhf", "root"])


def smooth_around(model, data, theta, reach=4e-5):
    """Whether no kink and no edge of the domain is near enough to spoil differences."""
    columns = model.cells.additive
    alpha = theta[np.concatenate([columns.parameter, model.cells.multiplicative.parameter]).astype(int)]
    if np.any(np.abs(np.abs(alpha) - 1.0) < reach) or np.any(np.abs(alpha) < reach):
        return False
    for sign in (-1.0, 1.0):
        for i in range(len(theta)):
            t = theta.copy()
            t[i] += sign * reach
            if not np.isfinite(model.nll(t, data)):
                return False
    rates = model.rates(theta)
    if np.any(rates[data.observed > 0.0] < 1e-2):
        return False  # the differences, not the derivatives, would be inaccurate
    if model.cells.clipped is None:
        return True
    curves = columns.curves(theta)
    unclipped = model.cells.nominal + columns.shifts.shift(*curves[:2])
    return not np.any(np.abs(unclipped[model.cells.clipped]) < 1e-1)


@pytest.mark.slow
@settings(
    max_examples=80,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(workspaces(), st.integers(0, 2**32 - 1))
def test_generated_workspaces(space, seed):
    measurement = replace(
        space.measurements[0],
        constraint_terms=tuple(
            t for t in space.measurements[0].constraint_terms if t.kind not in ("gamma", "lognormal")
        ),
        parameters=tuple(replace(c, inits=None, bounds=None) for c in space.measurements[0].parameters),
    )
    channels = tuple(
        replace(c, observed=tuple(n if n > 0.1 else 0.0 for n in c.observed or (3.0,) * c.n_bins))
        for c in space.channels
    )
    model, data = compile_model(replace(space, channels=channels, measurements=(measurement,)))
    rng = np.random.default_rng(seed)
    p = model.parameters
    assume(len(p) > 0)
    alpha = np.array([r.startswith("alpha_") for r in p.root_names])
    theta = np.where(alpha, rng.uniform(-2.5, 2.5, len(p)), rng.uniform(0.3, 1.7, len(p)))
    assume(np.isfinite(model.nll(theta, data)))
    assume(smooth_around(model, data, theta))
    assert_derivatives_are_exact(model, data, theta, rng.choice(len(p), min(6, len(p)), replace=False))


def everything(conventions, additive="code4p", multiplicative="code4", bins="gaussian"):
    """Every modifier at once; two norm factors on one cell, one of them squared."""
    return compile_model(
        workspace(
            channel(
                "SR",
                [55.0, 0.0, 23.0],
                (
                    "signal",
                    [5.0, 1.0, 2.0],
                    NormFactor(name="mu"),
                    NormFactor(name="k"),
                    NormSys(name="a", lo=0.8, hi=1.3, interpolation=multiplicative),
                    Lumi(),
                ),
                (
                    "background",
                    [50.0, 0.5, 20.0],
                    NormSys(name="a", lo=1.1, hi=0.7, interpolation=multiplicative),
                    NormSys(name="b", lo=0.9, hi=1.2, interpolation=multiplicative),
                    HistoSys(name="a", lo_data=(48.0, 0.25, 24.0), hi_data=(53.0, 1.0, 19.0), interpolation=additive),
                    HistoSys(name="h", lo_data=(40.0, 0.5, 20.0), hi_data=(55.0, 0.75, 23.0), interpolation=additive),
                    Lumi(),
                    StatError(name="stat", data=(5.0, 0.2, 0.0), constraint=bins),
                ),
                (
                    "squared",
                    [4.0, 0.0, 3.0],
                    NormFactor(name="k", power=2),
                    StatError(name="stat", data=(1.0, 0.0, 0.0), constraint=bins),
                    ShapeSys(name="shape", data=(0.3, 0.1, 0.0), relative=True, constraint=bins),
                    ShapeFactor(name="free"),
                ),
            ),
            channel("CR", [120.0], ("background", [100.0], NormFactor(name="k"), NormSys(name="b", lo=0.95, hi=1.04))),
            parameters=[config("lumi", auxdata=(1.0,), sigmas=(0.05,))],
            conventions=conventions,
        )
    )


@CONVENTIONS
@pytest.mark.parametrize("additive", ["code0", "code2", "code4p"])
@pytest.mark.parametrize("multiplicative", ["code1", "code4"])
@pytest.mark.parametrize("bins", ["gaussian", "poisson"])
def test_every_modifier_code_and_constraint(conventions, additive, multiplicative, bins):
    model, data = everything(conventions, additive, multiplicative, bins)
    for size in (0.4, 1.6):
        theta = model.parameters.init + 0.1
        for name, sign in (("a", 1.0), ("b", -1.0), ("h", 1.0)):
            theta[model.parameters.index(name)] = sign * size
        assert_derivatives_are_exact(model, data, theta)
        theta[model.parameters.index("a")] = -size
        assert_derivatives_are_exact(model, data, theta)


@CONVENTIONS
def test_zero_factors(conventions):
    """mu = 0 is the background-only fit; two zero factors on one cell, and a squared one, leave second derivatives."""
    model, data = everything(conventions)
    for zeros in (["mu"], ["k"], ["mu", "k"], ["free[0]"], ["k", "free[0]"], ["mu", "k", "free[0]", "stat[0]"]):
        theta = model.parameters.init + 0.2
        for name in zeros:
            theta[model.parameters.index(name)] = 0.0
        theta[model.parameters.index("shape[1]")] = 1.3
        if not np.isfinite(model.nll(theta, data)):  # k scales all of CR
            model_without_cr = data.observed.copy()
            model_without_cr[-1] = 0.0
            with_zero = model.data(model_without_cr, data.auxdata)
            assert model.nll(theta, with_zero) < np.inf or "stat[0]" in zeros
            check = with_zero
        else:
            check = data
        if np.isfinite(model.nll(theta, check)):
            exact_at_an_edge(model, check, theta)


def exact_at_an_edge(model, data, theta):
    """As ``assert_derivatives_are_exact``, for points where a step to one side leaves the domain: the rates are
    differentiated instead, they exist on both sides."""
    from tests.likelihood.differences import difference

    jacobian = model.jacobian(theta)
    _, gradient, hessian = model.expansion(theta, data)
    rates = model.rates(theta)
    seen = data.observed > 0.0
    weights = 1.0 - np.where(seen, data.observed / np.where(seen, rates, 1.0), 0.0)
    curvature = np.where(seen, data.observed / np.where(seen, rates, 1.0) ** 2, 0.0)
    first, second = model.constraints.derivatives(theta, data.auxdata)
    np.testing.assert_allclose(gradient, weights @ jacobian + first, rtol=1e-10, atol=1e-10)
    rows = np.array([difference(model.jacobian, theta, i) for i in range(len(theta))])  # (parameter, bin, parameter)
    expected = np.einsum("b,ibj->ij", weights, rows) + jacobian.T @ (curvature[:, None] * jacobian) + np.diag(second)
    np.testing.assert_allclose(hessian, expected, rtol=1e-6, atol=1e-6)
    for i in range(len(theta)):
        np.testing.assert_allclose(difference(model.rates, theta, i), jacobian[:, i], rtol=1e-7, atol=1e-7)


def test_squared_factor_at_zero_in_closed_form():
    model, data = compile_model(
        workspace(channel("SR", [7.0], ("s", [4.0], NormFactor(name="mu", power=2)), ("b", [10.0])))
    )
    _, gradient, hessian = model.expansion([0.0], data)
    assert gradient[0] == 0.0
    assert hessian[0, 0] == pytest.approx((1.0 - 7.0 / 10.0) * 2.0 * 4.0, rel=1e-14)


def test_two_zero_factors_in_closed_form():
    model, data = compile_model(
        workspace(channel("SR", [7.0], ("s", [4.0], NormFactor(name="mu"), NormFactor(name="k")), ("b", [10.0])))
    )
    _, gradient, hessian = model.expansion([0.0, 0.0], data)
    np.testing.assert_array_equal(gradient, 0.0)
    np.testing.assert_allclose(hessian, [[0.0, 1.2], [1.2, 0.0]], rtol=1e-14)


@pytest.mark.parametrize("tiny", [0.0, 1e-320, 1e-200, 1e-31, 1e-10, 1e-5])
def test_tiny_factors_do_not_overflow(tiny):
    model, data = everything(PYHF)
    theta = model.parameters.vector(mu=tiny)
    at_zero = model.expansion(model.parameters.vector(mu=0.0), data)
    value, gradient, hessian = model.expansion(theta, data)
    np.testing.assert_allclose(gradient, at_zero[1], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(hessian, at_zero[2], rtol=1e-3, atol=1e-2)
    assert value == pytest.approx(at_zero[0], rel=1e-4)


@CONVENTIONS
@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("towards", [-1.0, 1.0])
def test_at_one_sigma_from_both_sides(conventions, side, towards):
    """The default codes have two continuous derivatives: at +-1 the Hessian is the limit from either side."""
    model, data = everything(conventions)
    at = model.parameters.init + 0.1
    for name in ("a", "b", "h"):
        at[model.parameters.index(name)] = side
    near = at.copy()
    for name in ("a", "b", "h"):
        near[model.parameters.index(name)] += towards * 1e-9
    one, other = model.expansion(at, data), model.expansion(near, data)
    for k in range(3):
        np.testing.assert_allclose(one[k], other[k], rtol=1e-6, atol=1e-5)
    assert_derivatives_are_exact(model, data, at, rtol=1e-4)  # the third derivative jumps


def test_at_the_bounds():
    model, data = everything(ROOT)
    for which in (0, 1):
        theta = np.clip(model.parameters.init, -2.0, 2.0)
        low, high = model.parameters.bounds.T
        bound = np.clip([low, high][which], -4.5, 3.0) + (0.05 if which == 0 else 0.0)
        for i in range(len(theta)):
            t = theta + 0.02
            t[i] = bound[i]
            if np.isfinite(model.nll(t, data)) and abs(abs(t[i]) - 1.0) > 1e-3:
                assert_derivatives_are_exact(model, data, t, [i])


def clipped():
    """One sample whose first bin is clipped for alpha below -1/2, one whose nominal yield is negative."""
    return compile_model(
        workspace(
            channel(
                "SR",
                [12.0, 7.0],
                ("signal", [3.0, 4.0], NormFactor(name="mu")),
                (
                    "bending",
                    [2.0, 5.0],
                    HistoSys(name="h", lo_data=(-2.0, 4.0), hi_data=(6.0, 6.0), interpolation="code0"),
                    HistoSys(name="g", lo_data=(2.5, 4.5), hi_data=(1.0, 6.0)),
                    NormSys(name="g", lo=0.9, hi=1.2),
                    NormFactor(name="k"),
                ),
                ("negative", [-3.0, 1.0], HistoSys(name="g", lo_data=(-4.0, 0.5), hi_data=(-3.5, 1.5))),
                ("flat", [6.0, 6.0]),
            ),
            conventions=ROOT,
        )
    )


@pytest.mark.parametrize("h", [-1.6, -0.8, 0.7])
@pytest.mark.parametrize("g", [-1.3, 0.4])
def test_clipped_cells(h, g):
    model, data = clipped()
    theta = model.parameters.vector(mu=1.3, k=0.9, h=h, g=g)
    assert_derivatives_are_exact(model, data, theta)


def test_the_clip_itself():
    model, data = clipped()
    theta = model.parameters.vector(h=-1.5)
    rates = dict(zip(model.samples[0], model.sample_rates(theta).to_list()[0], strict=True))
    assert rates["bending"][0] == 0.0  # 2 - 1.5 * 4 events
    assert rates["bending"][1] == pytest.approx(3.5)
    assert rates["negative"][0] == 0.0  # clipped already at its nominal yield
    assert rates["flat"] == [6.0, 6.0]
    _, gradient, _ = model.expansion(theta, data)
    without = replace(model.cells, clipped=None)
    assert replace(model, cells=without).rates(theta)[0] == pytest.approx(3.0 - 4.0 - 3.0 + 6.0)
    assert np.isfinite(gradient).all()


def test_zero_lower_variation():
    """lo = 0: the sample disappears at -1 and below, without NaN; the gradient of what is left is exact."""
    model, data = compile_model(
        workspace(
            channel("SR", [5.0], ("s", [1.0], NormFactor(name="mu")), ("b", [3.0], NormSys(name="a", lo=0.0, hi=1.5))),
        )
    )
    for alpha in (-3.0, -1.05, -0.5, 0.3, 1.4):
        theta = model.parameters.vector(a=alpha, mu=2.0)
        assert_derivatives_are_exact(model, data, theta)
    for alpha in (-1.0, -1.0 + 1e-9, -1.0 + 1e-6):
        theta = model.parameters.vector(a=alpha)
        _, gradient, hessian = model.expansion(theta, data)
        np.testing.assert_allclose(gradient, [-4.0, alpha], rtol=1e-4)
        np.testing.assert_allclose(hessian, [[5.0, 0.0], [0.0, 1.0]], atol=1e-2)


@CONVENTIONS
def test_negative_factor_of_code4(conventions):
    """The polynomial of code4 can be negative: pyhf keeps it, ROOT floors the product of the factors at zero."""
    model, data = compile_model(
        workspace(
            channel(
                "SR",
                [5.0],
                (
                    "s",
                    [1.0],
                    NormFactor(name="mu"),
                    NormSys(name="a", lo=0.01, hi=105.646),
                    NormSys(name="c", lo=0.9, hi=1.1),
                ),
                ("b", [30.0]),
            ),
            conventions=conventions,
        )
    )
    theta = model.parameters.vector(a=-0.3, c=0.5)
    signal = model.rates(theta)[0] - 30.0
    assert signal == 0.0 if conventions is ROOT else signal < -0.1
    assert_derivatives_are_exact(model, data, theta)


def test_uniform_constraint_is_a_wide_gaussian():
    model, data = compile_model(
        workspace(
            channel("SR", [5.0], ("s", [1.0], NormFactor(name="mu")), ("b", [3.0], NormSys(name="a", lo=0.9, hi=1.2))),
            terms=[ConstraintTerm(name="a", kind="uniform")],
            conventions=ROOT,
        )
    )
    assert model.parameters.width[model.parameters.index("a")] == 100.0
    assert_derivatives_are_exact(model, data, model.parameters.vector(a=1.7))


def test_outside_the_domain():
    model, data = compile_model(workspace(channel("SR", [5.0], ("s", [1.0], NormFactor(name="mu")), ("b", [3.0]))))
    for mu in (-3.0, -3.5):
        assert model.logpdf([mu], data) == -np.inf
        assert model.nll([mu], data) == np.inf
        value, gradient = model.nll_and_gradient([mu], data)
        assert value == np.inf
        assert np.isnan(gradient).all()
        assert np.isnan(model.hessian([mu], data)).all()
    empty = model.data([0.0], [])
    assert model.nll([-3.0], empty) == 0.0  # nothing expected, nothing seen
    assert model.nll_and_gradient([-3.0], empty)[1][0] == 1.0
    assert model.nll([-3.1], empty) == np.inf


def test_denormal_numbers_of_events_do_not_overflow():
    model, data = compile_model(workspace(channel("SR", [5e-324], ("s", [2.0], NormFactor(name="mu")))))
    assert model.nll([1.0], data) == 2.0
    assert model.nll_and_gradient([1.0], data)[1][0] == 2.0


@CONVENTIONS
def test_derived_parameters(conventions):
    """A Function of a new parameter, a systematic and the POI; LogNormal; Gamma beside a HistoSys of the same name."""
    shape = HistoSys(name="g", lo_data=(19.0, 12.5), hi_data=(22.0, 11.0))
    space = workspace(
        channel(
            "SR",
            [31.0, 17.0],
            ("s", [5.0, 9.0], NormFactor(name="scale"), NormSys(name="l", lo=0.8, hi=1.3)),
            ("b", [20.0, 12.0], NormSys(name="g", lo=0.9, hi=1.15), shape),
            ("c", [3.0, 2.0], NormFactor(name="scale"), NormFactor(name="k"), NormSys(name="x", lo=0.9, hi=1.2)),
        ),
        poi="mu",
        terms=[
            ConstraintTerm(name="l", kind="lognormal", relative_uncertainty=0.3),
            ConstraintTerm(name="g", kind="gamma", relative_uncertainty=0.4),
        ],
        functions=[
            Function(
                name="scale", expression="sqrt(mu)*(1+0.1*alpha_x)*k", dependents="mu[2,0,10],alpha_x[0,-5,5],k[1,0,10]"
            )
        ],
        conventions=conventions,
    )
    model, data = compile_model(space)
    assert set(model.parameters.names) == {"l", "g", "x", "k", "beta_g", "mu"}
    assert model.parameters.names[model.parameters.poi_index] == "mu"
    assert "scale" not in model.parameters.names
    rng = np.random.default_rng(31)
    for _ in range(5):
        theta = model.parameters.init + rng.uniform(-0.5, 0.5, len(model.parameters))
        assert_derivatives_are_exact(model, data, theta)
        mu = theta[model.parameters.index("mu")]
        without = theta.copy()
        without[model.parameters.index("mu")] = 1e-12
        signal = (model.sample_rates(theta)[0, 0] / model.sample_rates(without)[0, 0]).to_list()
        np.testing.assert_allclose(signal, np.sqrt(mu / 1e-12), rtol=1e-9)
        np.testing.assert_allclose(model.excess_of_many(theta[None], data), [model.excess_nll(theta, data)], rtol=1e-12)
    jacobian = model.jacobian(theta)
    for i in range(len(theta)):
        np.testing.assert_allclose(jacobian[:, i], difference(model.rates, theta, i), rtol=1e-7, atol=1e-7)


def test_undefined_functions_are_outside_the_domain():
    space = workspace(
        channel("SR", [4.0], ("s", [5.0], NormFactor(name="r"))),
        poi="mu",
        functions=[Function(name="r", expression="sqrt(mu)", dependents="mu[1,-3,3]")],
    )
    model, data = compile_model(space)
    assert model.nll([-0.5], data) == np.inf
    best = fit(model, data)
    assert best.value("mu") == pytest.approx((4.0 / 5.0) ** 2, abs=1e-7)
    # n = 5 sqrt(mu): sigma(mu) = 2 sqrt(mu) sigma(sqrt(mu))
    assert best.uncertainty("mu") == pytest.approx(2.0 * 0.8 * np.sqrt(4.0) / 5.0, rel=1e-6)
