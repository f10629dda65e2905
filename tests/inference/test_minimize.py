"""What the three minimisers share: who steps in where one fails, and how sure the end is."""

import logging
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from hftranslate.errors import FitFailed
from hftranslate.inference.descent import descend
from hftranslate.inference.fit import failure_message, fit
from hftranslate.inference.minimize import AT_A_MINIMUM, STATUS, FitOptions, Minimum
from hftranslate.inference.newton import End
from hftranslate.inference.together import Fits
from hftranslate.likelihood.compile import compile_model
from tests.cases import compiled
from tests.inference.problems import problem_of
from tests.inference.test_minima import mirrored, two_valleys
from tests.likelihood.builders import counting, hello_world
from validation.benchmarks.minima import Judge
from validation.benchmarks.uneven import KINDS, models
from validation.benchmarks.uneven import workspace as uneven_workspace

engine = import_module("hftranslate.inference.minimize")  # the name in its room is the function

MINIMIZERS = pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])


def stuck(x, value):
    return End(x=x, value=value, edm=1.0, hessian=None, iterations=5, reason="stuck")


def unable(monkeypatch, *which):
    """Some minimisers get stuck where they begin."""
    run = engine._run

    def first(problem, options):
        if options.minimizer in which:
            return replace(stuck(problem.start, problem.value(problem.start)), by=options.minimizer)
        return run(problem, options)

    monkeypatch.setattr(engine, "_run", first)


@MINIMIZERS
def test_another_one_steps_in(monkeypatch, minimizer):
    """And the result says which one."""
    model, data = hello_world()
    best = fit(model, data)
    unable(monkeypatch, minimizer)
    result = fit(model, data, options=FitOptions(minimizer=minimizer))
    assert result.status == "converged"
    assert result.minimizer == ("newton" if minimizer != "newton" else "scipy")
    np.testing.assert_allclose(result.values, best.values, atol=1e-3)
    assert result.iterations > 5


def test_if_nobody_reaches_a_minimum_the_fit_fails(monkeypatch):
    model, data = hello_world()
    unable(monkeypatch, "newton", "minuit", "scipy")
    with pytest.raises(FitFailed, match="no further decrease"):
        fit(model, data, options=FitOptions(other_minima=False))


@MINIMIZERS
def test_nobody_steps_in_where_iterations_are_limited(monkeypatch, shared, minimizer):
    """The limit is the user's: it bounds all that a fit does, and the status says that it was reached."""
    model, data = compiled("sbottom_RegionA")
    asked = []
    run = engine._run

    def noted(problem, options):
        asked.append((options.minimizer, options.max_iterations))
        return run(problem, options)

    monkeypatch.setattr(engine, "_run", noted)
    options = FitOptions(minimizer=minimizer, max_iterations=2, raise_on_failure=False)
    assert fit(model, data, options=options).status == "iterations"
    assert asked == [(minimizer, 2)]


def test_the_search_keeps_to_the_limit_as_well(monkeypatch):
    """Here the first fit needs fewer: those of the search for other minima get no more than the user allows."""
    model, data = models("one_sided", 11, 1)[0][2:]
    limits = []
    descend, run = engine.descend, engine._run

    def noted(problem, x, *, tolerance, max_iterations, known=()):
        limits.append(max_iterations)
        return descend(problem, x, tolerance=tolerance, max_iterations=max_iterations, known=known)

    def noted_run(problem, options):
        limits.append(options.max_iterations)
        return run(problem, options)

    monkeypatch.setattr(engine, "descend", noted)
    monkeypatch.setattr(engine, "_run", noted_run)
    fit(model, data, options=FitOptions(max_iterations=30, raise_on_failure=False))
    assert limits
    assert max(limits) <= 30


@MINIMIZERS
@pytest.mark.parametrize("made", [two_valleys, lambda: mirrored(0.01, 0.0), lambda: mirrored(0.0, 0.01)])
def test_all_of_them_find_the_lower_of_two_minima(made, minimizer):
    model, data = made()
    found = fit(model, data, options=FitOptions(minimizer=minimizer))
    alone = model.parameters.init[None] + np.linspace(-4.0, 4.0, 80_001)[:, None]
    assert found.excess_nll <= model.excess_of_many(alone, data).min() + 1e-7
    assert found.status == "converged"
    assert found.minimizer == minimizer


def test_unsure(monkeypatch, caplog):
    """A search that did not agree makes the status of a good minimum, the message of a kink, and a note."""
    model, data = two_valleys()
    search = engine.search

    def doubtful(*args, **options):
        return replace(search(*args, **options), sure=False)

    monkeypatch.setattr(engine, "search", doubtful)
    with caplog.at_level(logging.WARNING, "hftranslate.doubts"):
        result = fit(model, data)
    assert (result.status, result.sure, result.message) == ("unsure", False, STATUS["unsure"])
    assert result.uncertainty("a") > 0.0
    assert STATUS["unsure"] in caplog.text
    kink = minimum(result.values, status="kink", sure=False)
    assert kink.message == f"{STATUS['kink']}; {STATUS['unsure']}"
    assert replace(kink, sure=True).message == STATUS["kink"]


def minimum(theta, **said):
    said = {"excess_nll": 1.0, "edm": 0.0, "iterations": 1, "minimizer": "newton", "asked": "newton"} | said
    return Minimum(theta=theta, **said)


def test_whose_limit_was_reached():
    """That of a fit can be raised by its setting; what steps in has a limit of its own, which that does not reach."""
    own = minimum(np.zeros(1), status="iterations")
    assert own.message == STATUS["iterations"]
    other = replace(own, minimizer="minuit")
    assert other.message.startswith("newton reached no minimum, nor did the others; minuit, which came lowest, used up")
    assert other.message.endswith("(--minimizer minuit --optconf maxiter=N)")


@pytest.mark.parametrize("asked", ["newton", "scipy", "minuit"])
def test_those_who_step_in_have_limits(monkeypatch, asked):
    """Whoever is asked without a limit; with one, nobody steps in."""
    model, data = two_valleys()
    limits = {}

    def unable(problem, options):
        limits[options.minimizer] = options.max_iterations
        return replace(stuck(problem.start, problem.value(problem.start)), by=options.minimizer)

    monkeypatch.setattr(engine, "_run", unable)
    options = FitOptions(minimizer=asked, other_minima=False, raise_on_failure=False)
    assert fit(model, data, options=options).status == "stuck"
    assert limits == {"newton": None, "scipy": 5000, "minuit": 5000} | {asked: None}
    limits.clear()
    fit(model, data, options=replace(options, max_iterations=7))
    assert limits == {asked: 7}


def test_a_failed_search_is_no_success(monkeypatch):
    """Where nothing was reached, a lower place that is none either does not make it a minimum."""
    model, data = two_valleys()
    unable(monkeypatch, "newton", "minuit", "scipy")
    monkeypatch.setattr(engine, "descend", lambda problem, x, **_: stuck(x, problem.value(x)))
    result = fit(model, data, options=FitOptions(raise_on_failure=False))
    assert (result.status, result.sure) == ("stuck", False)


def test_a_narrow_domain_is_found():
    """One in 800 of random points around the start lies inside, and making up for what bins lack leads nowhere."""
    name, _, model, data = models("clipped", 7001, 5)[-1]
    assert name == "clipped-7001-4"
    assert fit(model, data).status in AT_A_MINIMUM


def test_message_of_a_failure_outside_of_the_domain():
    model, data = counting(7.0, 2.0, 3.0, bounds=((-10.0, 10.0),))
    result = fit(model, data, fixed={"mu": -5.0}, options=FitOptions(raise_on_failure=False))
    assert result.status == "outside_domain"
    assert "SR" in failure_message(model, data, minimum(result.values, status="outside_domain", excess_nll=np.inf))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_random_uneven_models(kind):
    """No minimiser ends above what others reach from many points; a lower end is better than the judge."""
    for name, _, model, data in models(kind, 7, 1):
        with np.errstate(all="ignore"):
            best, by = Judge(model, data).best(np.random.default_rng(7), 4)
        for minimizer in ("newton", "scipy"):  # MIGRAD takes seconds on a kink
            found = fit(model, data, options=FitOptions(minimizer=minimizer, raise_on_failure=False))
            assert found.status in (*engine.AT_A_MINIMUM, "outside_domain"), name
            value = found.excess_nll if np.isfinite(found.excess_nll) else 1e10
            assert value <= best + 1e-3, (name, minimizer, by)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seed", "number"),
    [
        ("extreme", 424243, 11),  # the first fit ends on a kink, like five sixths of all starts
        ("clipped", 777, 4),  # effects of 250 %, and a signal that may be negative: a dozen minima
        ("plain", 778, 24),  # points in the valley of the first minimum come down first
        ("many_channels", 778, 14),  # ways from the first minimum rise nearly everywhere
    ],
)
def test_valleys_that_few_starts_lead_to(kind, seed, number):
    model, data = compile_model(uneven_workspace(kind, seed, number))
    judge = Judge(model, data)
    with np.errstate(all="ignore"):
        best = min(judge.scipy(x) for x in judge.starts(np.random.default_rng(seed), 8))
    first = fit(model, data, options=FitOptions(other_minima=False))
    assert first.excess_nll > best + 0.05
    found = fit(model, data)
    assert found.excess_nll < best + 1e-3 or not found.sure


def test_a_fit_goes_on_from_a_lower_place_where_it_got_stuck_before_another_minimiser_ended_above():
    """Newton's steps creep along the square root of a factor that vanishes; MIGRAD ends 0.011 higher."""
    model, data = compile_model(uneven_workspace("functions", 8101, 26))
    problem = problem_of(model, data)
    end = descend(problem, problem.start, tolerance=1e-8, max_iterations=200)
    assert not end.at_a_minimum
    first = fit(model, data, options=FitOptions(other_minima=False))
    assert first.excess_nll > end.value + 1e-3
    assert fit(model, data).excess_nll <= end.value


@pytest.mark.parametrize("observed", [(32.0, 48.0), (20.0, 60.0), (8.0, 0.0)])
def test_what_fits_at_once_leave_to_a_search_goes_on_from_their_ends(observed, monkeypatch):
    """The minima are those of fits by themselves; none of them is fitted from its start again."""
    model, _ = mirrored(0.0, 0.01)
    rng = np.random.default_rng(4)
    events = rng.poisson(observed, (30, 2)).astype(float)
    auxdata = rng.normal(0.0, 0.3, (30, 1))
    p = model.parameters
    fits = Fits(observed=events, auxdata=auxdata, starts=np.tile(p.init, (30, 1)), free=~p.fixed, bounds=p.bounds)
    searched, afresh, search, first = [], [], engine.search_from, engine.minimize
    monkeypatch.setattr(engine, "search_from", lambda *given: searched.append(given) or search(*given))
    monkeypatch.setattr(engine, "minimize", lambda *given: afresh.append(given) or first(*given))
    found = engine.minimize_many(model, fits, FitOptions(other_minima="quick"))
    assert len(searched) > 10
    assert len(afresh) < len(searched)
    alone = [fit(model, model.data(*both)).excess_nll for both in zip(events, auxdata, strict=True)]
    np.testing.assert_allclose([minimum.excess_nll for minimum in found], alone, atol=1e-8)
