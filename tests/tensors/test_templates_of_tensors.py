"""Templates there and back, and derivatives by them, judged by the engine compiled with other ones."""

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.errors import InputError
from hftranslate.tensors import templates_of, with_templates
from hftranslate.workspace import ROOT
from tests.likelihood.builders import hello_world
from tests.tensors.libraries import EACH, exported, near, slope
from tests.tensors.test_against_engine import everything


def direction(templates, rng):
    return {k: 0.05 * rng.normal(size=v.shape) * np.abs(v) for k, v in templates.items()}


@pytest.mark.parametrize("codes", [("code4p", "code4"), ("code0", "code1"), ("code2", "code6")], ids=str)
def test_a_model_with_its_own_templates_is_the_same(codes):
    model, data = hft.compile_model(everything(*codes), conventions=ROOT)
    again, rng = with_templates(model, templates_of(model)), np.random.default_rng(1)
    for _ in range(5):
        theta = near(model, rng)
        np.testing.assert_allclose(again.rates(theta), model.rates(theta), rtol=1e-13)
        assert again.nll(theta, data) == pytest.approx(model.nll(theta, data), rel=1e-13)
    np.testing.assert_allclose(again.parameters.width, model.parameters.width, rtol=1e-15)


def test_histograms_are_in_the_templates_as_they_stand_in_the_workspace():
    model, _ = hft.compile_model(everything("code4p", "code4"))
    templates = templates_of(model)
    background = np.arange(6)[1::2]  # cells are ordered by bin, then sample
    np.testing.assert_array_equal(templates["nominal"][background], (10.0, 1.0, 7.0))
    names = [model.parameters.names[i] for i in model.cells.additive.parameter]
    column = templates["shift_hi"][background, names.index("shape")]
    np.testing.assert_allclose(column, np.subtract((11.5, 1.1, 6.0), (10.0, 1.0, 7.0)), rtol=1e-14)
    assert set(templates["factor_hi"]) == {1.15, 1.1, 1.2, 1.05}


def test_templates_of_another_shape_are_refused():
    model, _ = hello_world()
    with pytest.raises(InputError, match=r"have a 'nominal' of the shape \(4,\)"):
        with_templates(model, templates_of(model) | {"nominal": np.ones(3)})
    with pytest.raises(InputError, match="have a 'width' of the shape"):
        with_templates(model, {k: v for k, v in templates_of(model).items() if k != "width"})


@EACH
@pytest.mark.parametrize("codes", [("code4p", "code4"), ("code0", "code1"), ("code2", "code6")], ids=str)
def test_derivatives_by_templates(codes, library):
    model, data = hft.compile_model(everything(*codes), conventions=ROOT)
    likelihood, rng = exported(model, library), np.random.default_rng(4)
    theta, along = near(model, rng), direction(templates_of(model), rng)
    point, own = likelihood.formulas.library.floats(theta), templates_of(model)

    def value(step):
        varied = with_templates(model, {k: own[k] + step * along[k] for k in own})
        return varied.nll(theta, varied.data(data.observed, data.auxdata))

    h = 1e-3
    expected = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h)
    _, found = slope(likelihood, lambda t: likelihood.logpdf(point, t, likelihood.data(data)), along)
    assert -found[0] == pytest.approx(expected, rel=1e-8)
