"""From a point to its minimum: kinks, edges, and starts outside the domain."""

from dataclasses import replace

import numpy as np
import pytest

from hftranslate.inference.descent import _off_the_kink, descend, into_domain, may_get_stuck, on_a_kink, onwards
from hftranslate.inference.minimize import SOLVER_OPTIONS
from hftranslate.inference.newton import End
from hftranslate.inference.packages import lbfgsb
from tests.inference.problems import (
    clipped,
    edge,
    lowest_by_simplex,
    nowhere_lower,
    problem_of,
    random_clipped,
    walled,
)
from tests.likelihood.builders import counting, hello_world


def down(problem, start=None):
    return descend(problem, problem.start if start is None else start, tolerance=1e-8, max_iterations=200)


def test_what_may_get_stuck():
    assert may_get_stuck(problem_of(*clipped()))
    assert may_get_stuck(problem_of(*counting(0.0)))
    assert not may_get_stuck(problem_of(*hello_world()))


@pytest.mark.parametrize("start", [(0.0, 0.0), (1.5, 1.0), (2.0, -1.4), (-0.9, 0.0)])
def test_along_the_edge(start):
    problem = problem_of(*edge())
    end = down(problem, np.array(start))
    assert end.reason == "kink"
    assert 0.0 <= problem.model.rates(problem.full(end.x))[0] < 1e-6
    assert end.value == pytest.approx(lowest_by_simplex(problem), abs=1e-6)


def test_against_the_edge():
    """A parameter whose every step leads out of the domain is held, and the others go to their minimum."""
    problem = problem_of(*walled())
    end = down(problem)
    assert end.reason == "kink"
    assert problem.full(end.x)[problem.model.parameters.index("k")] == 0.0
    assert end.value == pytest.approx(lowest_by_simplex(problem), abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_every_end_is_a_minimum(seed):
    problem = problem_of(*random_clipped(seed))
    rng = np.random.default_rng(seed)
    for _ in range(4):
        end = down(problem, problem.inside(rng.normal(size=2)))
        if end.at_a_minimum:
            assert nowhere_lower(problem, end.x), end


def test_outside_of_the_domain():
    problem = problem_of(*counting(7.0, 2.0, 3.0, bounds=((-10.0, 10.0),)), mu=-5.0)
    assert down(problem).reason == "outside"
    inside = into_domain(problem)
    assert np.isfinite(problem.value(inside))
    assert inside[0] < 0.0  # not farther than it takes
    assert into_domain(replace(problem, bounds=np.array([[-10.0, -4.0]]))) is None


def test_a_kink_that_another_minimiser_found():
    """L-BFGS-B knows no kinks: where it ends at one, Newton's method says so."""
    problem = problem_of(*clipped())
    end = lbfgsb(problem, np.array([1.0]), tolerance=1e-8, max_iterations=None, settings=SOLVER_OPTIONS)
    named = on_a_kink(problem, end, tolerance=1e-8)
    assert (named.reason, named.by) == ("kink", "scipy")
    assert named.x[0] == pytest.approx(-1.0, abs=1e-9)
    far = replace(end, x=np.array([2.0]), value=problem.value(np.array([2.0])))
    assert on_a_kink(problem, far, tolerance=1e-8) is far
    smooth = problem_of(*hello_world())
    assert on_a_kink(smooth, end, tolerance=1e-8) is end


def test_a_kink_that_is_none_is_left():
    """Stuck where the one-sided slopes do not bracket zero: the way goes on, to the minimum beside it."""
    problem = problem_of(*clipped(observed=(9.0, 8.0)))
    x = np.array([-1.0])
    stuck = End(x=x, value=problem.value(x), edm=1.0, hessian=None, iterations=3, reason="stuck")
    end = _off_the_kink(problem, stuck, 1e-8, 100)
    assert end.reason == "converged"
    assert end.value < stuck.value - 0.1
    here = problem_of(*clipped())
    kink = _off_the_kink(here, replace(stuck, value=here.value(x)), 1e-8, 100)
    assert (kink.reason, kink.x[0]) == ("kink", -1.0)
    moving = replace(stuck, reason="iterations")
    assert _off_the_kink(problem, moving, 1e-8, 100) is moving


def test_iterations_add_up():
    ends = [End(x=np.zeros(1), value=0.0, edm=0.0, hessian=None, iterations=n, reason="stuck") for n in (3, 4)]
    assert onwards(*ends).iterations == 7
