"""Many fits at once: the minima of single fits, however many there are."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from hftranslate.inference.fit import fit
from hftranslate.inference.impacts import _Shift
from hftranslate.inference.minimize import FitOptions, minimize, minimize_many
from hftranslate.inference.newton import End
from hftranslate.inference.problem import Problem
from hftranslate.inference.profiles import ProfileOf
from hftranslate.inference.second_minima import views
from hftranslate.inference.together import Fits, Known, fit_together
from hftranslate.inference.valleys import fit_many, search_together
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import ROOT, ConstraintTerm, Function, NormFactor, NormSys
from hftranslate.workspace.simplemodels import correlated_background, uncorrelated_background
from tests.cases import compiled
from tests.likelihood.builders import channel, workspace
from validation.benchmarks import uneven
from validation.benchmarks.minima import Judge

ALONE = FitOptions(other_minima=False, raise_on_failure=False, tolerance=1e-11)


def with_terms(kind):
    """A systematic that acts on both samples, with a term other than the unit Gaussian, in ROOT's ranges."""
    effect = NormSys(name="a", lo=0.85, hi=1.2)
    return workspace(
        channel("SR", [52.0, 11.0], ("s", [5.0, 4.0], NormFactor(name="mu"), effect), ("b", [50.0, 8.0], effect)),
        terms=[ConstraintTerm(name="a", kind=kind, relative_uncertainty=0.3)],
        conventions=ROOT,
    )


def with_a_function(expression, dependents):
    """One that scales the background, measured in a channel without signal."""
    factor = NormFactor(name="f")
    return workspace(
        channel("SR", [52.0, 11.0], ("s", [5.0, 4.0], NormFactor(name="mu")), ("b", [50.0, 8.0], factor)),
        channel("CR", [100.0, 70.0], ("b", [100.0, 30.0], factor), ("c", [20.0, 60.0], NormFactor(name="yy"))),
        functions=[Function(name="f", expression=expression, dependents=dependents)],
        conventions=ROOT,
    )


SPACES = {
    "gaussian": correlated_background([2.0, 5.0], [50.0, 40.0], [45.0, 42.0], [56.0, 39.0]),
    "poisson": uncorrelated_background([5.0, 8.0, 1.0], [50.0, 52.0, 3.0], [7.0, 3.0, 2.0]),
    "gamma": with_terms("gamma"),
    "lognormal": with_terms("lognormal"),
    "product": with_a_function("xx*(2-yy)", "xx[1,0,10],yy[1,0,2]"),
    "root": with_a_function("sqrt(xx)*exp(-0.5*yy)", "xx[1,0,20],yy[1,0,3]"),
}


def toys(model, n, seed):
    p = model.parameters
    observed, auxdata = model.sample(p.init, n, np.random.default_rng(seed))
    return Fits(observed=observed, auxdata=auxdata, starts=np.tile(p.init, (n, 1)), free=~p.fixed, bounds=p.bounds)


@pytest.fixture(params=list(SPACES))
def model(request):
    return compile_model(SPACES[request.param])[0]


def test_minima_are_those_of_single_fits(model):
    fits = toys(model, 60, 1)
    ends = fit_together(model, fits, tolerance=1e-9)
    assert ends.converged.mean() > 0.8
    for i in np.flatnonzero(ends.converged):
        data = model.data(fits.observed[i], fits.auxdata[i])
        alone = minimize(model, data, fits.starts[i], fits.free, fits.bounds, ALONE)
        assert ends.values[i] == pytest.approx(alone.excess_nll, abs=1e-8)
        assert model.excess_nll(ends.thetas[i], data) == pytest.approx(ends.values[i], abs=1e-8)
        assert np.all(ends.thetas[i] >= fits.bounds[:, 0])
        assert np.all(ends.thetas[i] <= fits.bounds[:, 1])


def test_nothing_depends_on_how_many_there_are(model):
    fits = toys(model, 40, 2)
    every = fit_together(model, fits, tolerance=1e-10)
    for part in (np.arange(7), np.arange(7, 8), np.arange(8, 40)):
        some = fit_together(model, fits.chosen(part, fits.starts[part]), tolerance=1e-10)
        np.testing.assert_allclose(some.values, every.values[part], rtol=0.0, atol=1e-10)


def test_yields_that_move_far_take_few_steps():
    """A free factor in one bin: Newton's steps overshoot where few events are, and double where many are."""
    model = compile_model(uncorrelated_background([10.0], [1.0], [1.0], [0.1]))[0]
    p, events = model.parameters, np.array([[2.0], [11.0], [30.0], [90.0]])
    fits = Fits(
        observed=events,
        auxdata=np.tile(model.expected_data(p.init).auxdata, (len(events), 1)),
        starts=np.tile(p.vector(mu=8.0), (len(events), 1)),
        free=~p.fixed,
        bounds=p.bounds,
    )
    ends = fit_together(model, fits, tolerance=1e-9)
    np.testing.assert_allclose(ends.thetas[:, p.poi_index], (events[:, 0] - 1.0) / 10.0, atol=1e-4)
    assert ends.iterations.max() <= 4


def test_what_is_fixed_stays(model):
    p = model.parameters
    fits = toys(model, 10, 3)
    free = fits.free.copy()
    free[p.poi_index] = False
    held = Fits(observed=fits.observed, auxdata=fits.auxdata, starts=fits.starts, free=free, bounds=fits.bounds)
    ends = fit_many(model, held, tolerance=1e-8, search=True)
    assert np.all(ends.thetas[:, p.poi_index] == p.init[p.poi_index])


def test_starts_outside_the_domain_do_not_converge(model):
    fits = toys(model, 4, 4)
    starts = fits.starts.copy()
    starts[1] = np.nan
    ends = fit_together(model, fits.chosen(np.arange(4), starts), tolerance=1e-9)
    assert not ends.converged[1]


@pytest.mark.parametrize("search", [False, "quick"])
def test_who_does_not_converge_is_fitted_alone(model, search):
    fits = toys(model, 12, 5)
    found = minimize_many(model, fits, FitOptions(other_minima=search))
    for i, minimum in enumerate(found):
        data = model.data(fits.observed[i], fits.auxdata[i])
        alone = minimize(model, data, fits.starts[i], fits.free, fits.bounds, ALONE)
        assert minimum.excess_nll <= alone.excess_nll + 1e-8


def test_what_single_fits_hold_stays(model):
    """Each fit holds another parameter, where a fit alone with that one constant ends, too."""
    p = model.parameters
    fits = toys(model, 2 * len(p), 6)
    each = np.arange(len(fits)) % len(p)
    held = np.zeros(fits.starts.shape, dtype=bool)
    held[np.arange(len(fits)), each] = True
    fits = replace(fits, held=held)
    for i, minimum in enumerate(minimize_many(model, fits, FitOptions(other_minima=False))):
        assert minimum.theta[each[i]] == fits.starts[i, each[i]]
        data = model.data(fits.observed[i], fits.auxdata[i])
        alone = minimize(model, data, fits.starts[i], fits.free & ~held[i], fits.bounds, ALONE)
        assert minimum.excess_nll == pytest.approx(alone.excess_nll, abs=1e-8)


#: Published models whose fits are made at once.
AT_ONCE = ["sbottom_RegionA", "sbottom_RegionC"]


@pytest.mark.parametrize("name", AT_ONCE)
def test_profiles_are_those_of_single_fits(name, shared):
    model, data = compiled(name)
    best = fit(model, data)
    for parameter in ("lumi", model.parameters.names[model.parameters.poi_index]):
        profile = ProfileOf(model=model, data=data, best=best, names=(parameter,), options=FitOptions())
        points = [(best.value(parameter) + 0.01 * k,) for k in range(1, 9)]
        expected = [profile(point).excess_nll for point in points]
        np.testing.assert_allclose(profile.excesses(points), expected, rtol=0.0, atol=1e-8)
        parts = [value for point in points for value in profile.excesses([point])]
        np.testing.assert_allclose(parts, expected, rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("name", AT_ONCE)
def test_impacts_are_those_of_single_fits(name, shared):
    """Within what an EDM of 1e-9 leaves of the parameter of interest, beside its uncertainty."""
    model, _ = compiled(name)
    data = model.expected_data(model.parameters.init)
    best = fit(model, data)
    poi = model.parameters.names[model.parameters.poi_index]
    names = [n for n, fixed in zip(best.names, best.fixed, strict=True) if not fixed and n != poi][:12]
    task = _Shift(model=model, data=data, best=best, widths="hesse", options=FitOptions())
    for n, found in zip(names, task(names), strict=True):
        sigma = best.uncertainty(n)
        for at, shift in zip((best.value(n) - sigma, best.value(n) + sigma), found["postfit"], strict=True):
            low, high = best.bounds[best.names.index(n)]
            alone = fit(model, data, fixed={n: min(max(at, low), high)})
            expected = alone.value(poi) - best.value(poi)
            assert shift == pytest.approx(expected, abs=1e-4 * best.uncertainty(poi))


def test_no_fits_at_all(model):
    assert len(fit_together(model, toys(model, 0, 7), tolerance=1e-9).values) == 0


def random_model(kind, seed, number):
    (found,) = [
        model for name, _, model, _ in uneven.models(kind, seed, number + 1) if name == f"{kind}-{seed}-{number}"
    ]
    return found


@pytest.mark.parametrize(
    ("kind", "number", "lower"),
    [("one_sided", 3, 0.1), ("one_sided", 16, 0.01), ("one_sided", 35, 4.0), ("symmetric", 15, 0.3)],
)
def test_other_minima_of_many_fits(kind, number, lower):
    """Of random models: some end lower with a search, none ends higher, and L-BFGS-B stays where they end."""
    model = random_model(kind, 11, number)
    fits = toys(model, 40, 1)
    first, found = (fit_together(model, fits, tolerance=1e-9) for _ in range(2))
    search_together(model, fits, found, np.flatnonzero(found.converged), tolerance=1e-9)
    both = first.converged & found.converged
    gain = first.values[both] - found.values[both]
    assert gain.max() > lower
    assert gain.min() > -1e-8
    for i in np.flatnonzero(both)[gain > 1e-3]:
        judge = Judge(model, model.data(fits.observed[i], fits.auxdata[i]))
        ends = [judge.scipy(thetas[i, fits.free]) for thetas in (first.thetas, found.thetas)]
        np.testing.assert_allclose(ends, [first.values[i], found.values[i]], rtol=0.0, atol=1e-6)


@pytest.mark.parametrize(("kind", "number"), [("moderate", 1), ("moderate", 2), ("one_sided", 3)])
def test_small_models_that_clouds_are_for_are_left_to_them(kind, number):
    """Of fits that are made at once none is one for which the search of a single fit would take a cloud."""
    model = random_model(kind, 11, number)
    fits = toys(model, 40, 1)
    every, ends = fit_together(model, fits, tolerance=1e-9), fit_many(model, fits, tolerance=1e-8, search=True)
    for i in np.flatnonzero(ends.converged):
        data = model.data(fits.observed[i], fits.auxdata[i])
        index = np.flatnonzero(fits.free)
        problem = Problem(model=model, data=data, theta=every.thetas[i], index=index, bounds=fits.bounds[index])
        end = End(
            x=every.thetas[i, index],
            value=every.values[i],
            edm=0.0,
            hessian=None,
            iterations=every.iterations[i],
            reason="converged",
        )
        assert views([problem], [end])[0].plan is None
    assert 5 < ends.converged.sum() < 30


@pytest.mark.parametrize("name", list(SPACES))
def test_unsuspected_small_models_are_fitted_at_once(name):
    model = compile_model(SPACES[name])[0]
    fits = toys(model, 40, 8)
    ends = fit_many(model, fits, tolerance=1e-8, search=True)
    assert ends.converged.mean() > 0.9
    for i in np.flatnonzero(ends.converged):
        data = model.data(fits.observed[i], fits.auxdata[i])
        alone = minimize(model, data, fits.starts[i], fits.free, fits.bounds, FitOptions())
        assert ends.values[i] == pytest.approx(alone.excess_nll, abs=1e-8)


@pytest.mark.parametrize(("kind", "number"), [("one_sided", 29), ("symmetric", 2), ("symmetric", 18)])
def test_minima_that_empty_a_bin(kind, number):
    """At the edge of the domain, where SLSQP, which is told that no yield is negative, finds nothing lower nearby."""
    model = random_model(kind, 11, number)
    fits = toys(model, 40, 1)
    ends = fit_together(model, fits, tolerance=1e-9)
    at_edge = np.flatnonzero(ends.emptied)
    assert len(at_edge) >= 10
    for i in at_edge[:8]:
        data = model.data(fits.observed[i], fits.auxdata[i])
        rates = model.rates(ends.thetas[i])
        assert 0.0 < rates[data.observed == 0.0].min() < 1e-6
        assert model.excess_nll(ends.thetas[i], data) == pytest.approx(ends.values[i], abs=1e-9)
        assert constrained(model, data, fits, ends.thetas[i]) > ends.values[i] - 1e-6


def constrained(model, data, fits, theta):
    """The lowest value that SciPy's SLSQP finds from a point, among points at which every bin expects something."""
    empty = data.observed == 0.0

    def full(x):
        moved = theta.copy()
        moved[fits.free] = x
        return moved

    result = scipy_minimize(
        lambda x: model.excess_nll(full(x), data),
        theta[fits.free],
        jac=lambda x: model.excess_and_gradient(full(x), data)[1][fits.free],
        method="SLSQP",
        bounds=fits.bounds[fits.free],
        constraints={
            "type": "ineq",
            "fun": lambda x: model.rates(full(x))[empty] - 1e-12,
            "jac": lambda x: model.jacobian(full(x))[empty][:, fits.free],
        },
        options={"maxiter": 200, "ftol": 1e-12},
    )
    return result.fun if np.isfinite(result.fun) else np.inf


def test_many_fits_of_factors_that_do_the_same():
    """Systems of steps that are singular do not stop the fits; where these end, L-BFGS-B stays."""
    model = random_model("one_sided", 11, 2)
    fits = toys(model, 40, 1)
    ends = fit_together(model, fits, tolerance=1e-9)
    assert ends.converged.any()
    for i in np.flatnonzero(ends.converged)[:5]:
        judge = Judge(model, model.data(fits.observed[i], fits.auxdata[i]))
        assert judge.scipy(ends.thetas[i, fits.free]) == pytest.approx(ends.values[i], abs=1e-6)


def test_fits_that_go_on_from_others_end_where_they_end_alone(model):
    """One that holds the parameter of interest, and one of the same data that frees it."""
    fits, poi = toys(model, 30, 9), model.parameters.poi_index
    held = np.zeros((60, len(fits.free)), dtype=bool)
    held[:30, poi] = True
    both = fits.chosen(np.tile(np.arange(30), 2), np.tile(fits.starts, (2, 1)))
    both = replace(both, held=held, after=np.concatenate([np.full(30, -1), np.arange(30)]))
    ends = fit_together(model, both, tolerance=1e-9)
    assert np.all(ends.thetas[:30, poi] == fits.starts[:, poi])
    for i in np.flatnonzero(ends.converged):
        data = model.data(both.observed[i], both.auxdata[i])
        alone = minimize(model, data, both.starts[i], both.free_in(i), fits.bounds, ALONE)
        assert ends.values[i] == pytest.approx(alone.excess_nll, abs=1e-8)
    assert ends.converged.mean() > 0.8


def test_a_fit_that_comes_back_to_a_known_minimum_is_given_up():
    """From a start beside it; a fit that gets below what is known ends there all the same."""
    model = random_model("one_sided", 11, 35)
    fits = toys(model, 40, 1)
    ends = fit_together(model, fits, tolerance=1e-9)
    good = np.flatnonzero(ends.converged & ~ends.emptied)
    beside = ends.thetas[good] + 1e-3 * (fits.starts[good] - ends.thetas[good])
    for above, expected in ((0.0, np.full(len(good), np.inf)), (1.0, ends.values[good])):
        places = ends.thetas[good] + (2.0 if above else 0.0)  # in the second case another place is known, and higher
        known = Known(thetas=places, values=ends.values[good] + above - 1e-9)
        found = fit_together(model, fits.chosen(good, beside), tolerance=1e-9, known=known)
        assert found.converged.all()
        np.testing.assert_allclose(found.values, expected, rtol=0.0, atol=1e-8)


def test_slopes_without_end_warn_nobody():
    """Fits that come to where the square root of a factor has none other; in tests a warning is an error."""
    model = random_model("functions", 9301, 0)
    fits = toys(model, 6, 3)
    for minimum in minimize_many(model, fits, FitOptions(raise_on_failure=False)):
        assert minimum.status in ("converged", "kink", "unsure")
