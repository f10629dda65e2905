"""MIGRAD and L-BFGS-B: the minimum of a model that is solved by hand, and how they end where they cannot reach it."""

import numpy as np
import pytest

from hftranslate.inference.minimize import SOLVER_OPTIONS
from hftranslate.inference.packages import lbfgsb, migrad
from tests.cases import compiled
from tests.inference.problems import problem_of
from tests.likelihood.builders import counting, hello_world


def by_minuit(problem, start=None, tolerance=1e-8, calls=10_000, rounds=10):
    start = problem.start if start is None else start
    return migrad(problem, start, tolerance=tolerance, calls=calls, rounds=rounds, strategy=1)


def by_scipy(problem, start=None, tolerance=1e-8, max_iterations=None):
    start = problem.start if start is None else start
    return lbfgsb(problem, start, tolerance=tolerance, max_iterations=max_iterations, settings=SOLVER_OPTIONS)


@pytest.mark.parametrize("run", [by_minuit, by_scipy])
def test_signal_that_makes_up_for_what_is_missing(run):
    """Two bins and two signals of one size: every bin expects what is observed, and the constraints are content."""
    problem = problem_of(*counting(7.0, 2.0, 3.0))
    end = run(problem)
    assert end.reason == "converged"
    assert end.at_a_minimum
    assert end.by == run.__name__.removeprefix("by_")
    np.testing.assert_allclose(end.x, [2.0], atol=1e-4)
    assert end.value == pytest.approx(0.0, abs=1e-8)
    assert end.edm < 1e-6


@pytest.mark.parametrize("run", [by_minuit, by_scipy])
def test_outside_of_the_domain(run):
    problem = problem_of(*counting(7.0, 2.0, 3.0, bounds=((-10.0, 10.0),)))
    end = run(problem, np.array([-5.0]))
    assert (end.reason, end.iterations) == ("outside", 0)
    assert end.value == np.inf


@pytest.mark.parametrize("run", [by_minuit, by_scipy])
def test_steps_that_lead_out_of_the_domain(run):
    """Nearly nothing observed, and the edge of the domain at -1.5: whatever is tried beyond it counts as high."""
    problem = problem_of(*counting(1.0, 2.0, 3.0, bounds=((-10.0, 10.0),)))
    end = run(problem, np.array([9.0]))
    assert end.reason == "converged"
    np.testing.assert_allclose(end.x, [-1.0], atol=1e-3)


def test_limits_of_steps(shared):
    problem = problem_of(*compiled("sbottom_RegionA"))
    calls = []
    counted = type(problem).value

    def value(self, x):
        calls.append(x)
        return counted(self, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(problem), "value", value)
        end = by_minuit(problem, calls=40, rounds=1)
    assert end.reason == "iterations"
    assert len(calls) <= 40 + 3  # at the start, and at the end
    assert end.value <= problem.value(problem.start)
    assert end.value == problem.value(end.x)
    end = by_scipy(problem, max_iterations=3)
    assert (end.reason, end.iterations) == ("iterations", 3)
    assert end.value < problem.value(problem.start)


def test_minimum_at_a_bound():
    model, data = hello_world()
    problem = problem_of(model, model.data(np.array([40.0, 40.0]), data.auxdata))
    for end in (by_minuit(problem), by_scipy(problem)):
        assert end.reason == "converged"
        assert end.x[0] == pytest.approx(0.0, abs=1e-6)


def test_calls_of_all_restarts_together(shared, monkeypatch):
    """Where iterations are limited: a valley in which nothing is reached takes no more than that."""
    problem = problem_of(*compiled("sbottom_RegionA"))
    calls = []
    counted = type(problem).value_and_gradient

    def value_and_gradient(self, x):
        calls.append(x)
        return counted(self, x)

    monkeypatch.setattr(type(problem), "value_and_gradient", value_and_gradient)
    settings = SOLVER_OPTIONS | {"maxfun": 30, "ftol": 1e-3}  # it stops early, and goes on
    end = lbfgsb(problem, problem.start, tolerance=1e-30, max_iterations=500, settings=settings)
    assert end.reason != "converged"
    assert 30 <= len(calls) <= 30 + SOLVER_OPTIONS["maxls"]
