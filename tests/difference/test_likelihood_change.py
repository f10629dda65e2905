"""The size of what a translation changed."""

from dataclasses import replace
from math import inf, isfinite, log
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftranslate.difference.comparer import comparison_points
from hftranslate.difference.likelihood_change import (
    cls_difference,
    likelihood_difference,
    likelihood_differences,
)
from hftranslate.inference.hypotest import hypotest
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import ROOT, ConstraintTerm, Function, HistoSys, NormFactor, NormSys, StatError
from tests.likelihood.builders import channel, config, workspace
from tests.likelihood.test_compile import compilable
from tests.strategies import permuted, workspaces


def model(signal=5.0, hi=1.2, parameters=(), **more):
    return workspace(
        channel(
            "SR",
            [18.0],
            ("s", [signal], NormFactor(name="mu")),
            ("b", [12.0], NormSys(name="a", lo=0.9, hi=hi), StatError(name="staterror_SR", data=(6.0,))),
        ),
        parameters=parameters,
        **more,
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_order_has_no_effect(data):
    space = compilable(data.draw(workspaces()))
    difference = likelihood_difference(space, data.draw(permuted(space)), space.measurements[0].name)
    assert difference is None or difference < 1e-7


def test_a_change_is_measured():
    """At three sigma: the factor 1.2^3 against 1.3^3, mu at its initial value."""
    base, other = model(), model(hi=1.3)
    a, data = compile_model(base)
    b, _ = compile_model(other)
    expected = max(
        abs(a.nll(a.parameters.vector(a=x), data) - b.nll(b.parameters.vector(a=x), data)) for x in (1.0, 3.0)
    )
    assert likelihood_difference(base, other) == pytest.approx(expected, rel=0.5)
    assert likelihood_difference(base, other) >= expected - 1e-12
    assert likelihood_difference(base, base) == 0.0


def test_a_signal_that_starts_at_zero_is_moved():
    """A free parameter at the edge of its range moves into it: else a change of the signal would go unseen."""
    start = [config("mu", inits=(0.0,), bounds=((0.0, 10.0),))]
    assert likelihood_difference(model(parameters=start), model(7.0, parameters=start)) > 0.1


def test_a_constant_is_no_difference():
    """Only differences from the nominal point count."""
    wide = [config("staterror_SR", sigmas=(0.5,))]
    assert likelihood_difference(model(), model(parameters=wide)) < 1e-12
    double = [config("staterror_SR", sigmas=(1.0,))]
    assert likelihood_difference(model(), model(parameters=double)) > log(2)


def test_conventions_are_a_difference():
    found = likelihood_difference(model(), model(conventions=ROOT))
    assert 1e-6 < found < 1.0


def test_what_cannot_be_compared():
    nothing = replace(model(), channels=(replace(model().channels[0], observed=None),))
    assert likelihood_difference(model(), nothing) is None
    assert cls_difference(model(), nothing) is None
    other = workspace(channel("SR", [18.0], ("s", [5.0], NormFactor(name="mu")), ("b", [12.0])))
    assert likelihood_difference(model(), other) == inf
    assert likelihood_difference(other, model()) == inf


def test_parameters_are_matched_by_roots_names():
    renamed = workspace(
        channel(
            "SR",
            [18.0],
            ("s", [5.0], NormFactor(name="mu")),
            ("b", [12.0], NormSys(name="a", lo=0.9, hi=1.2), StatError(name="another", data=(6.0,))),
        )
    )
    assert likelihood_difference(model(), renamed) == pytest.approx(0.0, abs=1e-12)


def test_cls():
    ours = [hypotest(*compile_model(w)).cls_obs for w in (model(), model(hi=1.3))]
    assert cls_difference(model(), model(hi=1.3)) == pytest.approx(abs(ours[0] - ours[1]))
    assert cls_difference(model(), model()) == 0.0


def test_derived_parameters_are_followed():
    """A Function that becomes a free norm factor says the same at the same values; a term that becomes another, not."""
    function = Function(name="mu", expression="x*x", dependents="x[1.5,0,3]")
    derived, free = model(functions=[function]), model()
    assert likelihood_difference(derived, free) == pytest.approx(0.0, abs=1e-12)
    assert likelihood_difference(derived, model(7.0)) > 0.1
    assert likelihood_difference(free, derived) == inf
    gamma = [ConstraintTerm(name="a", kind="gamma", relative_uncertainty=0.5)]
    found = likelihood_difference(model(terms=gamma), model())
    assert 0.1 < found < 100.0


def with_shape():
    """A model with bins that are clipped at -3 sigma, and with a wide stat error."""
    return workspace(
        channel(
            "SR",
            [18.0, 3.0],
            ("s", [5.0, 1.0], NormFactor(name="mu")),
            ("b", [12.0, 1.0], HistoSys(name="a", lo_data=(10.0, 0.5), hi_data=(13.0, 1.6))),
            ("c", [3.0, 2.0], StatError(name="staterror_SR", data=(1.5, 1.0))),
        )
    )


def by_hand(first, second):
    """The same one point after the other."""
    (a, data_a), (b, data_b) = compile_model(first), compile_model(second)
    points = [a.parameters.init, *comparison_points(a, 20, Random(1))]
    pairs = [(a.nll(theta, data_a), b.nll(theta, data_b)) for theta in points]
    found = [one - two for one, two in pairs if isfinite(one) and isfinite(two)]
    return max(abs(d - found[0]) for d in found)


@pytest.mark.parametrize("space", [model(), with_shape()])
def test_effects_on_several_at_once(space):
    conventions = [
        replace(space.conventions, name="mixed", **{f: True}) for f in ("truncate_constraints", "clip_samples")
    ]
    changed = [replace(space, conventions=c) for c in conventions]
    nothing = replace(space, channels=tuple(replace(c, observed=None) for c in space.channels))
    truncated, clipped, same, unknown = likelihood_differences(space, [*changed, space, nothing])
    assert truncated == pytest.approx(by_hand(space, changed[0]), rel=1e-9)
    assert truncated > 0.01
    assert clipped == pytest.approx(by_hand(space, changed[1]), rel=1e-9, abs=1e-12)
    assert (clipped == 0.0) == (len(space.channels[0].samples) == 2)  # without HistoSys nothing is clipped
    assert same == 0.0
    assert unknown is None
    assert likelihood_differences(nothing, changed) == [None, None]


def with_falling_factor():
    """The polynomial of code4 between such variations is negative: ROOT has the smallest positive factor instead."""
    return workspace(
        channel("SR", [18.0], ("s", [5.0], NormFactor(name="mu")), ("b", [12.0], NormSys(name="a", lo=30.0, hi=1e-3))),
        parameters=[config("a", bounds=((-1.0, 1.0),))],
    )


@pytest.mark.parametrize("space", [model(), with_shape(), with_falling_factor()])
@pytest.mark.parametrize("clipped", [False, True])
def test_the_effect_of_clipping_either_way(space, clipped):
    before, after = (
        replace(space, conventions=replace(space.conventions, clip_samples=clip)) for clip in (clipped, not clipped)
    )
    found = likelihood_difference(before, after)
    assert found == pytest.approx(by_hand(before, after), rel=1e-9, abs=1e-12)
    assert (found > 0.0) == (space != model())


def test_points_of_comparison():
    compiled, _ = compile_model(model(parameters=[config("mu", inits=(0.0,), bounds=((0.0, 10.0),))]))
    points = comparison_points(compiled, 20, Random(1))
    p = compiled.parameters
    assert points.shape == (4 * 3 + 20, 3)
    assert np.all((points >= p.bounds[:, 0]) & (points <= p.bounds[:, 1]))
    i = p.names.index("a")
    alone = points[:12]
    assert sorted(alone[alone[:, i] != 0.0, i]) == [-3.0, -1.0, 1.0, 3.0]
    mu = alone[:, p.names.index("mu")]
    assert sorted(mu[mu > 0.0]) == pytest.approx([5.0 / 3.0, 5.0])  # up to half of its range
    assert np.all(np.sum(alone != p.init, axis=1) <= 1)
