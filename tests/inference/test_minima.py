"""Likelihoods with several minima, and that our fits end at or below what anything else reaches."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from hftranslate.inference.descent import descend
from hftranslate.inference.fit import fit
from hftranslate.inference.minimize import AT_A_MINIMUM, FitOptions, minimize
from hftranslate.inference.outlook import Outlook, downward_curvature
from hftranslate.inference.problem import Problem
from hftranslate.inference.second_minima import View, search
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import CONVENTIONS, NormSys
from tests.cases import case_ids, compiled, workspace
from tests.likelihood.builders import channel
from tests.likelihood.builders import workspace as built

FIRST = FitOptions(other_minima=False)


def two_valleys():
    """A small sample that a factor of 40 at +1 sigma may lift to the observed ten events."""
    return compile_model(
        built(channel("SR", [10.0], ("b", [6.0]), ("top", [0.04], NormSys(name="a", lo=0.01, hi=40.0))), poi=None)
    )


def test_the_lower_of_two_minima():
    model, data = two_valleys()
    profile = lambda a: model.excess_nll([a], data)  # noqa: E731
    valleys = [
        minimize_scalar(profile, bounds=b, method="bounded", options={"xatol": 1e-9}) for b in ((-1, 0.6), (0.6, 2))
    ]
    assert valleys[1].fun < valleys[0].fun
    assert fit(model, data, options=FIRST).value("a") == pytest.approx(valleys[0].x, abs=1e-6)
    assert fit(model, data).value("a") == pytest.approx(valleys[1].x, abs=1e-6)


def problem_of(model, data):
    """Over all free parameters, from where they are at first."""
    p = model.parameters
    free = np.flatnonzero(~p.fixed)
    return Problem(model=model, data=data, theta=p.init, index=free, bounds=p.bounds[free])


def first_end(problem):
    return descend(problem, problem.start, tolerance=1e-8, max_iterations=200)


def seen_from(problem):
    """Where profiles through the first minimum show other valleys."""
    end = first_end(problem)
    return end, Outlook(problems=[problem], ends=[end]).starts([0])[0]


def test_where_one_starts_again():
    first, starts = seen_from(problem_of(*two_valleys()))
    assert starts
    for start in starts:
        assert 0.3 <= abs(start[0] - first.x[0]) <= 2.4 + 1e-9
        assert start[0] != first.x[0]


def test_several_fits_see_together_what_each_sees_alone():
    """Of data of their own, and with parameters of their own."""
    model, data = two_valleys()
    every = [problem_of(model, model.data([n], data.auxdata)) for n in (10.0, 6.0, 14.0)]
    ends = [first_end(problem) for problem in every]
    together = Outlook(problems=every, ends=ends).starts(range(3))
    for i, (problem, end) in enumerate(zip(every, ends, strict=True)):
        alone = Outlook(problems=[problem], ends=[end]).starts([0])[0]
        np.testing.assert_allclose(together[i], alone, rtol=1e-12)
    assert [bool(together[i]) for i in range(3)] == [True, False, True]


def test_fits_of_a_test_see_together_what_each_sees_alone(shared):
    """The parameter of interest is free in one of them; two background factors can change places."""
    model, data = compiled("sbottom_RegionC")
    p, poi = model.parameters, model.parameters.poi_index
    free = problem_of(model, data)
    rest = np.flatnonzero(~p.fixed & (np.arange(len(p)) != poi))
    held = Problem(model=model, data=data, theta=p.init, index=rest, bounds=p.bounds[rest])
    ends = [first_end(problem) for problem in (free, held)]
    together = Outlook(problems=[free, held], ends=ends).starts([0, 1])
    for i, problem in enumerate((free, held)):
        alone = Outlook(problems=[problem], ends=[ends[i]]).starts([0])[0]
        assert len(alone) == len(together[i])
        for one, other in zip(together[i], alone, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert together[0]


def test_a_way_back_to_a_minimum_that_is_known_is_not_walked_to_its_end(shared):
    problem = problem_of(*compiled("sbottom_RegionC"))
    first = first_end(problem)
    start = problem.inside(first.x + 0.2 * problem.unit(1.0) * np.random.default_rng(1).normal(size=len(first.x)))
    walked = descend(problem, start, tolerance=1e-8, max_iterations=200)
    assert walked.value == pytest.approx(first.value, abs=1e-7)
    back = descend(problem, start, tolerance=1e-8, max_iterations=200, known=[first])
    assert (back.reason, back.value) == ("known", first.value)
    assert not np.allclose(back.x, first.x, atol=1e-6)


def test_places_in_the_valley_of_a_known_minimum_are_left_out():
    """From the lower of two valleys the other one is seen: no fit is made there again."""
    problem = problem_of(*two_valleys())
    first, starts = seen_from(problem)
    walked = []

    def walk(x, known):
        walked.append(descend(problem, x, tolerance=1e-8, max_iterations=200, known=known))
        return walked[-1]

    lowest = search(problem, first, walk, view=View(starts=starts)).lowest
    assert lowest.value < first.value - 0.1
    back = Outlook(problems=[problem], ends=[lowest]).starts([0])[0]
    assert len(back) == 2
    for start in back:  # the NLL falls from each to the first minimum
        way = np.linspace(start[0], first.x[0], 50)
        assert (np.diff(problem.values(way[:, None])) < 0.0).all()
    assert len(walked) == len(starts) + 1  # and from its rough end to the lower minimum
    for end in walked:
        assert end.x == pytest.approx(lowest.x, abs=1e-4)


def test_downward_curvature():
    """(n / nu - 1) times the mean effect at -1 and +1, in the largest curvature of code4p: by hand."""
    model, data = two_valleys()
    mean_effect = 0.04 * ((0.01 + 40.0) / 2.0 - 1.0)
    np.testing.assert_allclose(
        downward_curvature(model, data, np.zeros(1)), [3.75 * (10.0 / 6.04 - 1.0) * mean_effect], rtol=1e-12
    )


def test_no_second_look_at_smooth_models(shared):
    for name in ("pyhf_2-bin_1-channel", "belle2_workspace_2channel", "displaced_Comb"):
        problem = problem_of(*compiled(name))
        assert seen_from(problem)[1] == []
        first = first_end(problem)
        assert search(problem, first, pytest.fail).lowest is first


def starts_of(model, start, free, rng, n):
    """Random points within one prior uncertainty, a tenth of the value for free parameters."""
    p = model.parameters
    width = np.where(p.width > 0.0, p.width, 0.3 * np.abs(p.init) + 0.1)
    for _ in range(n):
        point = np.clip(start + rng.uniform(-1.0, 1.0, len(width)) * width, p.bounds[:, 0], p.bounds[:, 1])
        yield np.where(free, point, start)


def best_of(model, data, start, free, minimizers, n_random, rng):
    """The lowest NLL that other ways reach within the domain; infinite where none does."""
    values = [np.inf]
    for minimizer in minimizers:
        options = FitOptions(minimizer=minimizer, strategy=2, other_minima=False)
        values.append(minimize(model, data, start, free, model.parameters.bounds, options).excess_nll)
    inside = [p for p in starts_of(model, start, free, rng, n_random) if np.isfinite(model.excess_nll(p, data))]
    values += [minimize(model, data, p, free, model.parameters.bounds, FIRST).excess_nll for p in inside]
    return min(v for v in values if not np.isnan(v))


#: Published, but without its signal nothing describes it: 1281 above the saturated model in 81 bins, several of which
#: have no background. Under ROOT's conventions the clip at zero makes dozens of minima (twelve random starts end in
#: five of them, between 1280.9 and 1286.8), and no cheap way finds the lowest.
HOPELESS = {
    ("cms_ttgamma_2l", "root", 0.0): 1.0,
}


def check(model, data, minimizers=("scipy",), n_random=3, name=""):
    """Free and with the parameter of interest at 0, 1 and 3."""
    rng = np.random.default_rng(23)
    p = model.parameters
    poi = p.poi_index if p.poi_names and p.poi_names[0] in p.names else None
    for value in (None, 0.0, 1.0, 3.0) if poi is not None else (None,):
        start, free = p.init.copy(), ~p.fixed
        if value is not None:
            start[poi], free[poi] = value, False
        ours = minimize(model, data, start, free, p.bounds, FitOptions())
        best = best_of(model, data, start, free, minimizers, n_random, rng)
        if np.isinf(best):
            assert ours.status == "outside_domain"
        else:
            assert ours.status in AT_A_MINIMUM, f"at {value}"
            allowed = HOPELESS.get((name, model.conventions.name, value), 1e-6)
            assert ours.excess_nll <= best + allowed, f"at {value}"


@pytest.mark.slow
@pytest.mark.parametrize("conventions", ["pyhf", "root"])
@pytest.mark.parametrize("name", case_ids())
def test_nothing_is_below_our_minima(name, conventions):
    check(*compile_model(workspace(name), conventions=CONVENTIONS[conventions]), name=name)


#: A few of the models that make MIGRAD work hard; all of them take two minutes and agree.
WITH_MINUIT = ["sbottom_RegionC", "1Lbb_tutorial_control_regions", "displaced_Comb", "multinomial_example"]


@pytest.mark.parametrize("name", WITH_MINUIT)
def test_migrad_is_not_below_either(name, shared):
    check(*compiled(name), minimizers=("minuit",), n_random=0)


def mirrored(lo: float, hi: float):
    """Two bins that a systematic lifts on both sides; at zero neither expects what was observed."""
    from hftranslate.workspace import HistoSys

    nominal, effect = [20.0, 30.0], HistoSys(name="a", lo_data=(26.0 + lo, 39.0), hi_data=(26.0 + hi, 39.0))
    return compile_model(built(channel("SR", [32.0, 48.0], ("b", nominal, effect)), poi=None))


@pytest.mark.parametrize("lower", [-1.0, 1.0])
def test_mirror_images(lower):
    """Two valleys at opposite values: the deeper one is found wherever the fit starts."""
    model, data = mirrored(0.01 if lower < 0.0 else 0.0, 0.01 if lower > 0.0 else 0.0)
    profile = lambda a: model.excess_nll([a], data)  # noqa: E731
    valleys = {
        sign: minimize_scalar(profile, bounds=sorted((0.0, 4.0 * sign)), method="bounded") for sign in (-1.0, 1.0)
    }
    assert valleys[lower].fun < valleys[-lower].fun
    for start in (-0.9, 0.9):
        assert fit(model, data, start=np.array([start]), options=FIRST).value("a") * start > 0.0
        assert fit(model, data, start=np.array([start])).value("a") == pytest.approx(valleys[lower].x, abs=1e-5)


def test_one_valley_is_seen_without_a_search(shared):
    """A small model with effects of half of a bin: nothing is searched, for everything leads back."""
    problem = problem_of(*compiled("multinomial_example"))
    first = first_end(problem)

    def descent(x, rough):
        assert rough
        return descend(problem, x, tolerance=1e-4, max_iterations=50)

    found = search(problem, first, descent)
    assert found.lowest is first
    assert found.sure
    assert found.iterations < 10 * first.iterations


@pytest.mark.parametrize("lower", [-1.0, 1.0])
def test_two_valleys_are_never_one(lower):
    model, data = mirrored(0.01 if lower < 0.0 else 0.0, 0.01 if lower > 0.0 else 0.0)
    problem = problem_of(model, data)
    for start in (-0.9, 0.9):
        first = descend(problem, np.array([start]), tolerance=1e-8, max_iterations=200)
        starts = []

        def descent(x, rough, starts=starts):
            starts.append(x)
            return descend(problem, x, tolerance=1e-8, max_iterations=200)

        found = search(problem, first, descent)
        assert bool(starts) == (np.sign(first.x[0]) != lower)  # the lower one is as low as can be
        assert np.sign(found.lowest.x[0]) == lower


def test_a_quick_search_does_not_say_that_it_is_not_sure(shared):
    """Nor where the data contradict a model of several valleys, of which a whole search says so."""
    model, data = compiled("cms_ttgamma_2l")
    for other_minima, sure in (("quick", True), (True, False)):
        options = FitOptions(other_minima=other_minima)
        found = fit(model, data, fixed={"r_TTGamma": 0.0}, options=options)
        assert (found.sure, found.status) == (sure, "converged" if sure else "unsure")
