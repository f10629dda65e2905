"""Fits that end at the end of a parameter's range: it is held there, as MINUIT does, and has no uncertainty by HESSE.

The judges are MINUIT itself (on our function, and pyhf's own model), closed forms, and profile fits.
"""

import json
import warnings
from math import log, sqrt

import numpy as np
import pyhf
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from iminuit import Minuit

from hftranslate.formats.pyhf_json import from_document
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import FitResult, asimov_data, fit
from hftranslate.inference.limits import upper_limit
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.postfit import fitted_yields
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.workspace import ROOT, Conventions, NormFactor, NormSys, ShapeSys, Workspace
from hftranslate.workspace.simplemodels import uncorrelated_background
from tests.likelihood.builders import channel, counting, workspace

ALL = pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])


def deficit(observed: float = 38.0, *, conventions: Conventions = ROOT) -> Workspace:
    """A signal region with fewer events than expected, and a control region that measures the background."""
    scale = NormFactor(name="k")
    both = NormSys(name="sys", lo=0.85, hi=1.2)
    return workspace(
        channel(
            "SR",
            [observed, 20.0],
            ("s", [6.0, 9.0], NormFactor(name="mu"), NormSys(name="signal", lo=0.9, hi=1.15)),
            ("b", [40.0, 30.0], scale, both, ShapeSys(name="bins", data=(4.0, 5.0))),
        ),
        channel("CR", [310.0], ("b", [300.0], scale, NormSys(name="sys", lo=1.1, hi=0.93))),
        conventions=conventions,
    )


def hesse(model: Model, data: Data, best: FitResult, held: tuple[str, ...]) -> dict[str, float]:
    """The uncertainties by MINUIT's own HESSE with some parameters held where they are."""
    m = Minuit(lambda x: model.nll(x, data), best.values, name=[f"x{i}" for i in range(len(best.names))])
    m.errordef = Minuit.LIKELIHOOD
    m.strategy = 2
    for i, name in enumerate(best.names):
        m.fixed[i] = best.fixed[i] or name in held
    m.migrad()
    m.hesse()
    return {name: float(m.errors[i]) for i, name in enumerate(best.names) if not m.fixed[i]}


@ALL
def test_uncertainties_are_minuits_with_the_parameter_held(minimizer: str) -> None:
    model, data = compile_model(deficit())
    best = fit(model, data, options=FitOptions(minimizer=minimizer))  # type: ignore[arg-type]
    assert [best.names[i] for i in np.flatnonzero(best.at_bound)] == ["mu"]
    assert best.value("mu") == pytest.approx(0.0, abs=1e-6)
    for name, sigma in hesse(model, data, best, ("mu",)).items():
        assert best.uncertainty(name) == pytest.approx(sigma, rel=2e-3), name
    free = restricted(model, bounds={"mu": (-10.0, 10.0)})
    floating = fit(free, data)
    assert floating.uncertainty("k") > 1.05 * best.uncertainty("k")  # what would be said with mu in the matrix


def test_uncertainties_are_those_of_pyhf_with_minuit() -> None:
    document = {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {
                        "name": "s",
                        "data": [6.0, 9.0],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                    {
                        "name": "b",
                        "data": [40.0, 30.0],
                        "modifiers": [
                            {"name": "k", "type": "normfactor", "data": None},
                            {"name": "sys", "type": "normsys", "data": {"lo": 0.85, "hi": 1.2}},
                        ],
                    },
                ],
            },
            {
                "name": "CR",
                "samples": [
                    {
                        "name": "b",
                        "data": [300.0],
                        "modifiers": [
                            {"name": "k", "type": "normfactor", "data": None},
                            {"name": "sys", "type": "normsys", "data": {"lo": 1.1, "hi": 0.93}},
                        ],
                    }
                ],
            },
        ],
        "observations": [{"name": "SR", "data": [38.0, 20.0]}, {"name": "CR", "data": [310.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    best = fit(*compile_model(from_document(document)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of jsonschema, which pyhf calls
        theirs = pyhf.Workspace(document)
        peer = theirs.model()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4))
    try:
        result = pyhf.infer.mle.fit(theirs.data(peer), peer, return_uncertainties=True)
    finally:
        pyhf.set_backend("numpy", "scipy")
    for name in ("k", "sys"):
        (value, sigma) = np.asarray(result)[peer.config.par_slice(name)][0]
        assert best.value(name) == pytest.approx(value, abs=2e-3)
        assert best.uncertainty(name) == pytest.approx(sigma, rel=1e-2)
    assert np.isnan(best.uncertainty("mu"))


@settings(deadline=None, max_examples=40)
@given(
    observed=st.lists(st.integers(0, 60), min_size=2, max_size=2),
    signal=st.lists(st.floats(1.0, 20.0), min_size=2, max_size=2),
    sizes=st.lists(st.floats(0.05, 0.4), min_size=2, max_size=2),
)
def test_held_at_the_bound_whatever_the_model(observed: list[int], signal: list[float], sizes: list[float]) -> None:
    """The covariance is that of the fit with the parameters held, and MINUIT says the same."""
    space = workspace(
        channel(
            "SR",
            [float(n) for n in observed],
            ("s", signal, NormFactor(name="mu")),
            ("b", [25.0, 30.0], NormSys(name="a", lo=1.0 - sizes[0], hi=1.0 + sizes[0]), NormFactor(name="k")),
            ("c", [9.0, 4.0], NormSys(name="c", lo=1.0 - sizes[1], hi=1.0 + sizes[1])),
        ),
        channel("CR", [100.0], ("b", [100.0], NormFactor(name="k"))),
    )
    model, data = compile_model(space)
    best = fit(model, data)
    assume(best.status == "converged" and best.at_bound.any())
    held = {name: float(v) for name, v, at in zip(best.names, best.values, best.at_bound, strict=True) if at}
    again = fit(model, data, fixed=held, start=best.values)
    np.testing.assert_allclose(best.covariance, again.covariance, rtol=1e-6, atol=1e-12)
    for name, sigma in hesse(model, data, best, tuple(held)).items():
        assert best.uncertainty(name) == pytest.approx(sigma, rel=2e-2)  # HESSE's mixed derivatives are one-sided
    assert set(best.no_uncertainty) == set(held)


def test_slopes_whose_squares_are_beyond_the_range_of_numbers() -> None:
    """As of the Asimov data of a signal that the range does not admit by far."""
    model, _ = counting(5.0, 1e6, 1.0)
    best = fit(model, model.expected_data([1e200]))
    assert best.at_bound.tolist() == [True]
    assert best.reach("mu") == pytest.approx(0.5 / 1e199, rel=1e-6)
    assert "at the upper end of its range" in best._repr_html_()


@ALL
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_nothing_observed(minimizer: str, scale: float) -> None:
    """The NLL is a straight line from the bound on: HESSE has nothing to say, MINOS one half over its slope."""
    model, data = counting(0.0, 5.0 * scale, 3.0, bounds=((0.0, 1e8),))
    best = fit(model, data, options=FitOptions(minimizer=minimizer))  # type: ignore[arg-type]
    assert best.at_bound.tolist() == [True]
    assert np.isnan(best.uncertainty("mu"))
    low, high = profile_interval(model, data, best, "mu")
    assert low is None
    assert high == pytest.approx(0.1 / scale, rel=1e-6)
    assert best.reach("mu") == pytest.approx(0.1 / scale, rel=1e-3)
    document = json.loads(json.dumps(best.to_dict(), allow_nan=False))
    assert document["uncertainties"] == {"mu": [None]}
    assert document["at_bound"] == ["mu"]
    assert "lower end of its range, 0, and is held there" in document["no_uncertainty"]["mu"]


@ALL
def test_a_minimum_that_happens_to_lie_at_the_bound(minimizer: str) -> None:
    """Asimov data without signal: whether rounding leaves the fit on this side or at the bound changes nothing."""
    model, data = compile_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))
    asimov, _ = asimov_data(model, data, 0.0)
    best = fit(model, asimov, options=FitOptions(minimizer=minimizer))  # type: ignore[arg-type]
    assert set(best.no_uncertainty) == {"mu"}
    held = fit(model, asimov, fixed={"mu": 0.0})
    np.testing.assert_allclose(best.uncertainties[1:], held.uncertainties[1:], rtol=1e-3)


@ALL
def test_small_is_not_at_the_bound(minimizer: str) -> None:
    """A signal of a million events at a strength of one: its best fit is tiny in its range, and has an uncertainty."""
    model, data = counting(100.0, 1e6, 40.0)
    best = fit(model, data, options=FitOptions(minimizer=minimizer, tolerance=1e-10))  # type: ignore[arg-type]
    assert best.value("mu") == pytest.approx(6e-5, rel=1e-3)
    assert not best.at_bound.any()
    assert best.uncertainty("mu") == pytest.approx(1e-5, rel=1e-3)


def test_the_upper_end_and_bin_factors() -> None:
    """A factor may not grow any more, and a parameter ends at the upper end of its range."""
    model, data = counting(300.0, 2.0, 10.0, ShapeSys(name="bins", data=(6.0,)))
    model = restricted(model, bounds={"bins[0]": (0.5, 1.5)})
    best = fit(model, data)
    assert best.values.tolist() == [10.0, 1.5] or dict(zip(best.names, best.values, strict=True)) == {
        "mu": 10.0,
        "bins[0]": 1.5,
    }
    assert set(best.no_uncertainty) == {"mu", "bins[0]"}
    assert all("upper end of its range" in reason for reason in best.no_uncertainty.values())
    assert profile_interval(model, data, best, "mu")[1] is None
    document = best.to_dict()
    assert document["correlations"]["matrix"] == [[1.0, None], [None, 1.0]]


def test_everything_that_follows_holds_it_too() -> None:
    """Correlations and yields after the fit are those of the fit with the parameter held."""
    model, data = compile_model(deficit())
    best = fit(model, data)
    held = fit(model, data, fixed={"mu": 0.0})
    i = model.parameters.index("mu")
    assert not best.covariance[i].any()
    others = np.arange(len(best.names)) != i
    np.testing.assert_allclose(
        best.correlation[np.ix_(others, others)], held.correlation[np.ix_(others, others)], atol=1e-6
    )
    assert np.isnan(best.correlation[i, others]).all()
    ours, theirs = fitted_yields(model, best), fitted_yields(model, held)
    assert ours.sum_uncertainty == pytest.approx(theirs.sum_uncertainty, rel=1e-6)
    for one, other in zip(ours.channels, theirs.channels, strict=True):
        np.testing.assert_allclose(one.uncertainties, other.uncertainties, rtol=1e-5, atol=1e-9)


def test_reasons() -> None:
    """Each parameter without an uncertainty says why."""
    nothing, data = counting(3.0, 0.0, 3.0)
    assert fit(nothing, data).no_uncertainty == {"mu": "it has no effect on the likelihood here"}
    twins = workspace(channel("SR", [53.0], ("s", [5.0], NormFactor(name="mu")), ("b", [50.0], NormFactor(name="k"))))
    reasons = fit(*compile_model(twins), options=FitOptions(raise_on_failure=False)).no_uncertainty
    assert all("cannot tell some parameters apart" in reason for reason in reasons.values())
    assert set(reasons) == {"mu", "k"}
    # a systematic of the signal alone, unconstrained: with the signal at zero it moves nothing
    space = workspace(channel("SR", [30.0], ("s", [5.0], NormFactor(name="mu"), NormFactor(name="x")), ("b", [50.0])))
    model, data = compile_model(space)
    signal = fit(restricted(model, bounds={"x": (0.5, 2.0)}), data)
    assert "held there" in signal.no_uncertainty["mu"]
    assert signal.value("x") == 0.5 or signal.no_uncertainty["x"] == "it has no effect on the likelihood here"


@pytest.mark.parametrize("strength", [1e-6, 1.0, 1e6])
def test_limits_start_from_the_way_into_the_range(strength: float) -> None:
    """Nothing observed, whatever the scale: few tested values, and the closed form of the limit."""
    model, data = counting(0.0, 2.0 * strength, 3.0, bounds=((0.0, 1e7),))
    found = upper_limit(model, data)
    assert len(found.scan) < 40
    # q = 2 mu s, and the Asimov data expect three events
    q, q_asimov = (lambda nu: 2.0 * nu), (lambda nu: 2.0 * (nu - 3.0 * log((nu + 3.0) / 3.0)))
    nu = found.observed * 2.0 * strength
    root, root_a = sqrt(q(nu)), sqrt(q_asimov(nu))
    from scipy.stats import norm

    clsb = norm.sf((root**2 + root_a**2) / (2.0 * root_a))
    clb = norm.sf((root**2 - root_a**2) / (2.0 * root_a))
    assert clsb / clb == pytest.approx(0.05, rel=1e-4)
