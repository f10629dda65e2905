"""Derivatives of fits, tests and limits, judged by differences of full refits of the engine."""

from dataclasses import replace

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.inference.limits import limits_of
from hftranslate.inference.tester import Tester as EngineTester
from hftranslate.tensors import templates_of, with_templates
from hftranslate.workspace import PYHF, ROOT
from tests import cases
from tests.likelihood.builders import hello_world
from tests.tensors.libraries import EACH, exported, slope
from tests.tensors.test_against_engine import OWN

OPTIONS = hft.FitOptions(tolerance=1e-12)


def small():
    model, data = hello_world()
    return model, model.data((61.0, 55.0), data.auxdata)


def demo():
    case = OWN["demo"]
    return hft.compile_model(case.workspace(), case.measurement, ROOT)


def published():
    return hft.compile_model(cases.workspace("sbottom_RegionA"), conventions=PYHF)


MODELS = pytest.mark.parametrize("made", [small, demo, published], ids=lambda made: made.__name__)


class Refits:
    """What the engine finds some way along a direction of templates."""

    def __init__(self, made):
        self.model, self.data = made()
        own, rng = templates_of(self.model), np.random.default_rng(3)
        self.along = {k: 0.03 * rng.normal(size=v.shape) * np.abs(v) for k, v in own.items()}
        self.along["scale"] = np.zeros_like(own["scale"])  # which global observables would have to follow

    def at(self, step):
        own = templates_of(self.model)
        model = with_templates(self.model, {k: own[k] + step * self.along[k] for k in own})
        return model, model.data(self.data.observed, self.data.auxdata)

    def difference(self, function, h=2e-3):
        one, two = (function(*self.at(h)) - function(*self.at(-h)) for h in (h, 2.0 * h))
        return (8.0 * one - two) / (12.0 * h)

    def agree(self, library, ours, engine):
        likelihood = exported(self.model, library)
        data = likelihood.data(self.data)
        values, slopes = slope(likelihood, lambda t: ours(likelihood, t, data), self.along)
        np.testing.assert_allclose(values, engine(self.model, self.data), rtol=1e-7, atol=1e-9)
        expected = self.difference(engine)
        assert np.max(np.abs(slopes - expected)) <= 1e-5 * np.max(np.abs(expected))


@MODELS
@EACH
def test_best_fits(made, library):
    Refits(made).agree(library, lambda f, t, d: f.best_fit(t, d), lambda m, d: hft.fit(m, d, options=OPTIONS).values)


@MODELS
@EACH
def test_conditional_fits(made, library):
    refits = Refits(made)
    name = refits.model.parameters.poi_names[0]

    def engine(model, data):
        return hft.fit(model, data, fixed={name: 0.5}, options=OPTIONS).values

    refits.agree(library, lambda f, t, d: f.best_fit(t, d, fixed={name: 0.5}), engine)


@MODELS
@EACH
@pytest.mark.parametrize("test_stat", ["qtilde", "q"])
def test_statistics_and_cls(made, library, test_stat):
    def q(model, data):
        return np.array([hft.hypotest(model, data, 2.0, test_stat=test_stat, options=OPTIONS).q])

    def cls(model, data):
        found = hft.hypotest(model, data, 2.0, test_stat=test_stat, options=OPTIONS)
        return np.array([found.cls_obs, *found.cls_exp])

    refits = Refits(made)
    refits.agree(library, lambda f, t, d: f.q(2.0, t, d, test_stat=test_stat), q)
    refits.agree(library, lambda f, t, d: f.cls(2.0, t, d, test_stat=test_stat), cls)


@pytest.mark.slow
@MODELS
@EACH
def test_upper_limits(made, library):
    def engine(model, data):
        tester = EngineTester(model=model, data=data, options=OPTIONS)
        found = limits_of(tester, 0.05, np.inf, relative_tolerance=1e-12)
        return np.array([found.observed, *found.expected])

    Refits(made).agree(library, lambda f, t, d: f.upper_limit(t, d), engine)


@EACH
def test_beyond_the_tested_value_nothing_moves(library):
    model, data = hello_world()
    likelihood = exported(model, library)
    found = likelihood.data(model.data((80.0, 75.0), data.auxdata))
    along = {k: np.ones_like(v) for k, v in templates_of(model).items()}
    value, derivative = slope(likelihood, lambda t: likelihood.q(0.1, t, found), along)
    assert value[0] == 0.0
    assert derivative[0] == 0.0


def test_gradients_by_jax_are_compiled_and_run_backwards():
    model, data = small()
    likelihood = exported(model, "jax")
    import jax

    gradient = jax.jit(jax.grad(lambda t: likelihood.cls(1.0, t, likelihood.data(data))[3]))(likelihood.templates)
    own, h = templates_of(model), 1e-4

    def expected(step):
        nominal = own["nominal"] + step * np.eye(4)[0]
        return hft.hypotest(with_templates(model, own | {"nominal": nominal}), data, options=OPTIONS).cls_exp[2]

    assert gradient["nominal"][0] == pytest.approx((expected(h) - expected(-h)) / (2.0 * h), rel=1e-5)


@EACH
def test_a_fit_that_fails_says_so(library):
    model, data = small()
    likelihood = exported(replace(model, parameters=replace(model.parameters, poi_names=())), library)
    with pytest.raises(Exception, match="names no parameter of interest"):
        likelihood.q(1.0, likelihood.templates, likelihood.data(data))
