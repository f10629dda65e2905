"""Fits of models whose background is known to many digits: Poisson terms with auxiliary counts up to 1e16."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hftranslate.inference.fit import fit, inverse_of
from hftranslate.inference.hypotest import hypotest
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.problem import Problem
from hftranslate.likelihood.compile import compile_model
from hftranslate.toys.fits import fit_toys, sample_toys
from hftranslate.workspace import HistoSys, Lumi, NormFactor, NormSys, ShapeSys, StatError
from tests.likelihood.builders import channel, config, workspace
from tests.likelihood.extended import DIGITS, Counting

#: How well CLs of each minimiser is known, relative.
PRECISION = {"newton": 1e-7, "scipy": 1e-6, "minuit": 1e-5}


def counting(signal, background, relative, observed):
    uncertainties = tuple(r * b for r, b in zip(relative, background, strict=True))
    return workspace(
        channel(
            "SR",
            observed,
            ("signal", signal, NormFactor(name="mu")),
            ("background", background, ShapeSys(name="size", data=uncertainties)),
        )
    )


@st.composite
def experiments(draw, most_bins=8):
    n = draw(st.integers(1, most_bins))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    background = 10.0 ** rng.uniform(0.5, draw(st.sampled_from([2.0, 5.0])), n)
    signal = np.sqrt(background) * rng.uniform(0.2, 1.5, n)
    observed = rng.poisson(background + draw(st.sampled_from([0.0, 0.5, 1.0])) * signal).astype(float)
    relative = 10.0 ** (draw(st.integers(-8, -3)) + rng.uniform(-0.3, 0.3, n))
    return signal.tolist(), background.tolist(), relative.tolist(), observed.tolist()


@settings(max_examples=30)
@given(experiments())
def test_cls_of_counting_experiments_in_extended_precision(experiment):
    model, data = compile_model(counting(*experiment))
    with mpmath.workdps(DIGITS):
        exact = Counting(*experiment)
        expected, muhat = float(exact.cls()), float(exact.best())
        sigma = float(1 / mpmath.sqrt(mpmath.diff(exact.slope, exact.best())))
    assume(muhat < 9.9)  # the range of mu
    for minimizer, precision in PRECISION.items():
        found = hypotest(model, data, options=FitOptions(minimizer=minimizer))
        assert found.cls_obs == pytest.approx(expected, rel=precision), minimizer
        assert found.muhat == pytest.approx(muhat, abs=2e-4 * sigma), minimizer  # an EDM of 1e-8
        assert found.muhat_status == "converged"


def search(seed, relative, *, kind="poisson"):
    """Several channels with systematics beside: ``kind`` says how the background's bins are known, if not exactly."""
    rng = np.random.default_rng(seed)
    channels = []
    for c in range(int(rng.integers(1, 4))):
        n = int(rng.integers(1, 13))
        size = 10.0 ** rng.uniform(0.5, 4.0)
        nominal, signal = size * rng.uniform(0.2, 2.0, n), size * rng.uniform(0.0, 0.3, n)
        shift, scale = rng.uniform(-0.15, 0.15, n), rng.uniform(0.02, 0.15)  # nearly even: one minimum
        jes = NormSys(name="jes", hi=1.0 + scale, lo=1.0 - 0.95 * scale)
        uncertainty = tuple(relative * nominal * 10.0 ** rng.uniform(-0.3, 0.3, n))
        observed = rng.poisson(nominal * rng.uniform(0.9, 1.1) + rng.choice([0.0, 0.5]) * signal).astype(float)
        of_bins = {
            "poisson": [ShapeSys(name=f"size_{c}", data=uncertainty)],
            "gaussian": [StatError(name=f"size_{c}", data=uncertainty)],
            "exact": [],
        }[kind]
        shape = HistoSys(
            name="shape", hi_data=tuple(nominal * (1.0 + shift)), lo_data=tuple(nominal * (1.0 - 0.9 * shift))
        )
        channels.append(
            channel(
                f"R{c}",
                observed.tolist(),
                ("signal", signal.tolist(), NormFactor(name="mu"), jes),
                ("background", nominal.tolist(), *of_bins, jes, shape, Lumi(name="lumi")),
            )
        )
    lumi = config("lumi", auxdata=(1.0,), sigmas=(0.02,), bounds=((0.5, 1.5),), inits=(1.0,))
    return compile_model(workspace(*channels, parameters=[lumi]))


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(-8.0, -5.0))
def test_what_is_known_well_is_as_good_as_known(seed, exponent):
    """Beside systematics: no fit fails, and CLs are those of a Gaussian of the same width, or without it."""
    relative = 10.0**exponent
    gaussian = hypotest(*search(seed, relative, kind="gaussian")).cls_obs
    without = hypotest(*search(seed, relative, kind="exact")).cls_obs
    model, data = search(seed, relative)
    for minimizer in ("newton", "scipy"):
        found = hypotest(model, data, options=FitOptions(minimizer=minimizer)).cls_obs
        # a Poisson term is no Gaussian by its skewness, of the order of the relative uncertainty
        assert found == pytest.approx(gaussian, rel=1e-5 + relative, abs=1e-12), minimizer
        # the bins' variance grows by (relative b)^2 beside b
        assert found == pytest.approx(without, rel=1e-5 + 1e5 * relative**2, abs=1e-12), minimizer


@pytest.mark.parametrize("exponent", [-3, -8, -11, -13])
def test_toys_of_what_is_known_well(exponent):
    """All toys are fitted, from starts that parameters of all sizes share, and as hypotest fits them."""
    model, data = search(4, 10.0**exponent)
    truth = fit(model, data, fixed={"mu": 0.5}).values
    toys = sample_toys(model, truth, 20, np.random.default_rng(1))
    found = fit_toys(model, toys, 1.0)
    assert found.valid.all()
    for observed, auxdata, q in zip(toys.observed, toys.auxdata, found.q, strict=True):
        assert q == pytest.approx(hypotest(model, model.data(observed, auxdata)).q, abs=1e-6)


def test_inverse_of_parameters_of_very_different_sizes():
    """As exact as in equal units, where the eigenvalues of the matrix as it is spread over forty orders."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(6, 9))
    plain = root @ root.T
    unit = 10.0 ** np.array([-10.0, 0.0, 10.0, 3.0, -150.0, 120.0])
    inverse = inverse_of(plain * unit[:, None] * unit)
    np.testing.assert_allclose(inverse * unit[:, None] * unit, np.linalg.inv(plain), rtol=1e-11)


@pytest.mark.parametrize("relative", [1e-6, 1e-10])
def test_no_parameter_is_lost_beside_one_known_well(relative):
    """The expected distance to the minimum counts the ordinary parameters, too."""
    model, data = search(2, relative)
    p = model.parameters
    free = np.flatnonzero(~p.fixed)
    best = fit(model, data)
    for name, distance in (("jes", 0.1), ("mu", 0.05)):
        problem = Problem(model=model, data=data, theta=best.values, index=free, bounds=p.bounds[free])
        moved = best.values.copy()
        moved[p.index(name)] += distance * best.uncertainty(name)
        rise = model.excess_nll(moved, data) - best.excess_nll
        assert problem.edm(moved[free]) == pytest.approx(rise, rel=0.2), name
    assert best.edm < 1e-8
