"""Points that go downhill together."""

import numpy as np
import pytest

from hftranslate.inference.clouds import Cloud
from hftranslate.inference.descent import descend
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import HistoSys, NormFactor
from tests.inference.problems import clipped, problem_of
from tests.inference.test_minima import mirrored
from tests.likelihood.builders import channel, config, counting, hello_world, workspace


def around(problem, n=40):
    known = descend(problem, problem.start, tolerance=1e-8, max_iterations=200)
    return known, Cloud.around(problem, known, n, np.random.default_rng(3))


@pytest.mark.parametrize("made", [hello_world, lambda: mirrored(0.0, 0.01), clipped])
def test_points_begin_and_end_within_the_domain_and_lower(made):
    problem = problem_of(*made())
    _, cloud = around(problem)
    before = cloud.x.copy()
    assert len(before) > 20
    np.testing.assert_array_equal(problem.inside(before), before)
    highest = cloud.value.max()
    cloud.go_down(-np.inf)
    assert len(cloud.x) == len(before)  # nothing can come below: all stay where they are after a few steps
    cloud = around(problem)[1]
    cloud.go_down(np.inf)
    assert 0 < len(cloud.x) <= 0.3 * len(before)  # the lowest
    assert cloud.value.max() < highest
    np.testing.assert_allclose(cloud.value, [problem.value(x) for x in cloud.x], rtol=1e-9, atol=1e-12)
    assert np.all(cloud.within_reach() <= cloud.value)


def test_all_of_them_reach_the_minimum_of_a_single_valley():
    problem = problem_of(*hello_world())
    known, cloud = around(problem)
    cloud.go_down(np.inf)
    np.testing.assert_allclose(cloud.value, known.value, atol=1e-6)
    assert cloud.distance(0, known.x) < 1e-4
    assert cloud.distance(0, known.x + 0.5) > 0.1


def test_what_leads_to_the_known_minimum_stays_behind():
    """All of a single valley does; of two, what lies in the other one goes on."""
    problem = problem_of(*hello_world())
    known, cloud = around(problem)
    n = len(cloud.x)
    assert cloud.go_down(np.inf, known) > 0.9 * n
    problem = problem_of(*mirrored(0.0, 0.01))
    known, cloud = around(problem)
    on_its_side = np.sum(np.sign(cloud.x[:, 0]) == np.sign(known.x[0]))
    assert cloud.go_down(np.inf, known) >= 0.5 * on_its_side
    assert len(cloud.x)
    assert (np.sign(cloud.x[:, 0]) != np.sign(known.x[0])).all()


@pytest.mark.parametrize("lower", [-1.0, 1.0])
def test_the_lower_of_two_mirror_images_is_reached(lower):
    """Whichever of them the fit found."""
    problem = problem_of(*mirrored(0.01 if lower < 0.0 else 0.0, 0.01 if lower > 0.0 else 0.0))
    _, cloud = around(problem)
    assert {-1.0, 1.0} == set(np.sign(cloud.x[:, 0]))
    cloud.go_down(np.inf)
    order = np.argsort(cloud.value)
    assert np.sign(cloud.x[order[0], 0]) == lower
    assert {-1.0, 1.0} == set(np.sign(cloud.x[:, 0]))  # what is lowest does not crowd out the other


def test_free_factors_go_first_in_every_other_point():
    problem = problem_of(*hello_world())
    _, cloud = around(problem)
    drawn, value = cloud.x.copy(), cloud.value.copy()
    free = problem.model.parameters.width[problem.index] == 0.0
    cloud.settle()
    np.testing.assert_array_equal(cloud.x[::2, ~free], drawn[::2, ~free])
    assert (cloud.x[1::2, ~free] != drawn[1::2, ~free]).any(axis=1).all()
    slope = np.array([problem.gradient(x)[free][0] for x in cloud.x[::2]])
    held = (cloud.x[::2, free] <= problem.bounds[free, 0]).ravel()
    assert 0 < held.sum() < len(held)
    assert (np.where(held, np.maximum(-slope, 0.0), np.abs(slope)) < 1e-2).all()  # where the data want them
    assert (cloud.value <= value).all()


def test_points_outside_of_the_domain_are_pulled_back_or_forgotten():
    problem = problem_of(*counting(7.0, 2.0, 3.0, bounds=((-100.0, 10.0),)))
    _, cloud = around(problem, 200)
    assert 100 < len(cloud.x) <= 200
    assert np.isfinite(cloud.value).all()
    nobody = Cloud.at(problem, np.array([[-50.0]]))
    nobody.go_down(np.inf)
    assert nobody.x.shape == (0, 1)
    constrained = problem_of(*hello_world(), mu=-50.0)
    nobody = Cloud.at(constrained, constrained.start[None])
    nobody.settle()
    nobody.go_down(np.inf)
    assert nobody.x.shape == (0, len(constrained.start))


def test_ways_from_the_minimum_of_a_single_valley_rise():
    problem = problem_of(*hello_world())
    known, _ = around(problem)
    ways = Cloud.on_ways(problem, known, np.linalg.inv(problem.expand(known.x)[2]), 40, np.random.default_rng(3))
    assert 60 < len(ways.x) <= 80
    np.testing.assert_array_equal(problem.inside(ways.x), ways.x)
    assert np.sum(ways.rise_from(known.x) < 0.2) <= 1  # far away, where those that follow stand at their bounds
    assert (ways.value >= known.value - 1e-9).all()


def test_how_steep_a_way_is():
    """Half of the way to the other of two valleys the NLL falls; on a parabola the fraction is one, and at its end."""
    problem = problem_of(*mirrored(0.0, 0.01))
    known, _ = around(problem)
    ways = Cloud.at(problem, np.linspace(known.x[0], -known.x[0], 9)[:, None])
    rise = ways.rise_from(known.x)
    assert rise[0] == 1.0
    np.testing.assert_array_equal(np.sign(rise[1:4]), 1.0)
    np.testing.assert_array_equal(np.sign(rise[5:8]), -1.0)
    for x, gradient, fraction in zip(ways.x[1:], ways.gradient[1:], rise[1:], strict=True):
        way = (x - known.x)[0]
        assert fraction == pytest.approx(gradient[0] / (problem.convex(x)[0, 0] * way), rel=1e-6)


def test_parameters_that_follow():
    """Without noise around, the others are where the covariance has them."""
    problem = problem_of(*hello_world())
    known, _ = around(problem)
    covariance = np.linalg.inv(problem.expand(known.x)[2])
    ways = Cloud.on_ways(problem, known, covariance, 40, np.random.default_rng(3))
    half = ways.x[len(ways.x) // 2 :] - known.x
    lines = covariance / np.diagonal(covariance)[:, None]
    alone = [min(np.abs(way - lines[k] * way[k]).max() for k in range(len(known.x))) for way in half]
    assert sum(a < 1e-9 for a in alone) > 10


@pytest.mark.parametrize("size", [3e3, 5e5])
def test_a_valley_that_is_hardly_wider_than_a_line(size):
    """A systematic that is thousands of times what it varies: random points are nearly all outside the domain."""
    huge = HistoSys(name="h", lo_data=(-size, 4.0), hi_data=(size, 3.0))
    signal = ("s", [5.0, 5.0], NormFactor(name="mu"))
    bins = channel("SR", [56.0, 2.0], signal, ("b", [50.0, 2.0], huge))
    for center in (-2.06, -0.3, 0.0, 0.4):
        model, data = compile_model(workspace(bins, parameters=[config("h", auxdata=(center,))]))
        found = fit(model, data)
        assert found.status in ("converged", "unsure")
        assert 0.0 < model.rates(found.values)[0] < 100.0
