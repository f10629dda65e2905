"""Yields at a parameter point and their uncertainties."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hftranslate as hft
from hftranslate.errors import InputError, MissingInput
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.yields import expected_yields
from hftranslate.workspace import HistoSys, NormFactor, NormSys, ShapeSys, StatError
from tests.likelihood.builders import channel, workspace
from tests.likelihood.test_compile import compilable
from tests.strategies import workspaces


@pytest.fixture
def space():
    shape = HistoSys(name="JES", lo_data=(45.0, 50.0), hi_data=(57.0, 53.0))
    return workspace(
        channel(
            "SR",
            [60.0, 58.0],
            ("signal", [5.0, 8.0], NormFactor(name="mu"), NormSys(name="JES", lo=0.9, hi=1.2)),
            ("background", [50.0, 52.0], shape, StatError(name="staterror_SR", data=(3.0, 4.0))),
        ),
        channel("CR", [30.0], ("background", [31.0], NormSys(name="JES", lo=0.95, hi=1.04))),
    )


def test_shapes_and_numbers(space):
    model, data = compile_model(space)
    fit = hft.fit(model, data)
    yields = hft.expected_yields(model, fit.values, fit.covariance)
    assert yields.rates.to_list() == model.sample_rates(fit.values).to_list()
    sr = yields.channel("SR")
    assert (sr.samples, sr.rates.shape, sr.uncertainties.shape) == (("signal", "background"), (2, 2), (2, 2))
    np.testing.assert_allclose(sr.total, sr.rates.sum(axis=0), rtol=1e-15)
    np.testing.assert_array_equal(np.concatenate([c.total for c in yields.channels]), model.rates(fit.values))
    # one sample alone in its channel has the uncertainty of the total; two are correlated
    cr = yields.channel("CR")
    np.testing.assert_allclose(cr.uncertainties[0], cr.total_uncertainties, rtol=1e-12)
    assert not np.allclose(np.hypot(*sr.uncertainties), sr.total_uncertainties, rtol=1e-3)
    # the control region is counted: its uncertainty is that of a Poisson number, reduced by the constraint
    assert 0.0 < cr.total_uncertainties[0] < np.sqrt(30.0)
    assert yields.uncertainties.to_list()[1] == cr.uncertainties.tolist()


def test_histograms(space):
    model, _ = compile_model(space)
    covariance = np.diag(model.parameters.width**2)
    yields = expected_yields(model, model.parameters.init, covariance)
    h = yields.to_hist("SR")
    np.testing.assert_array_equal(h.values(), space.to_hist("SR").values())
    np.testing.assert_allclose(h.variances(), yields.channel("SR").uncertainties ** 2)
    assert [list(h.axes[0]), list(h.axes[1].edges)] == [["signal", "background"], [0.0, 1.0, 2.0]]
    total = yields.channel("SR").total_hist()
    assert total.axes[0].name == "x"
    np.testing.assert_allclose(total.values(), [55.0, 60.0])
    np.testing.assert_allclose(total.variances(), yields.channel("SR").total_uncertainties ** 2)


def test_several_axes():
    edges = ((0.0, 1.0, 3.0), (10.0, 20.0, 50.0))
    sample = hft.Sample(name="b", nominal=(10.0, 20.0, 30.0, 40.0), modifiers=(NormFactor(name="mu"),))
    space = hft.Workspace(
        channels=(hft.Channel(name="SR", samples=(sample,), observed=(1.0,) * 4, edges=edges),),
        measurements=(hft.Measurement(name="m", pois=("mu",)),),
    )
    model, _ = compile_model(space)
    h = expected_yields(model, [2.0]).to_hist("SR")
    assert h["b", 1, 0].value == 40.0  # x runs fastest in the workspace
    assert h["b", 0, 1].value == 60.0
    assert list(h.axes[2].edges) == [10.0, 20.0, 50.0]


def test_without_covariance_there_are_no_uncertainties(space):
    model, _ = compile_model(space)
    yields = expected_yields(model, model.parameters.init)
    assert not np.any(yields.channel("SR").uncertainties)
    assert not np.any(yields.channel("SR").total_uncertainties)


def test_bin_factors_of_one_sample():
    """By hand: each cell has its own factor, of the relative uncertainty 0.1."""
    shapesys = ShapeSys(name="bin_factors", data=(5.0, 10.0))
    space = workspace(channel("SR", [50.0, 100.0], ("b", [50.0, 100.0], shapesys)))
    model, _ = compile_model(space)
    yields = expected_yields(model, model.parameters.init, 0.01 * np.eye(2))
    np.testing.assert_allclose(yields.channel("SR").uncertainties, [[5.0, 10.0]])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces())
def test_uncertainties_are_propagated_exactly(drawn):
    """Against differences of the rates, parameter by parameter."""
    space = compilable(drawn)
    try:
        model, _ = compile_model(space, space.measurements[0].name)
    except InputError:
        return
    p = model.parameters
    theta = p.init + 0.013  # beside kinks
    rng = np.random.default_rng(1)
    root = 0.1 * rng.normal(size=(len(p), len(p)))
    covariance = root @ root.T
    yields = expected_yields(model, theta, covariance)
    step = 1e-6
    columns = []
    for i in range(len(p)):
        shift = step * np.eye(len(p))[i]
        columns.append((model.state(theta + shift).nu - model.state(theta - shift).nu) / (2 * step))
    slopes = np.array(columns).reshape(len(p), len(model.cells.nominal)).T
    expected = np.sqrt(np.einsum("ij,jk,ik->i", slopes, covariance, slopes))
    found = np.concatenate([c.uncertainties.T.ravel() for c in yields.channels])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * (1.0 + model.state(theta).nu.max()))


def test_what_does_not_fit(space):
    model, _ = compile_model(space)
    n = len(model.parameters)
    with pytest.raises(InputError, match=rf"shapes \(2,\) for a model with {n} parameters"):
        expected_yields(model, [1.0, 2.0])
    with pytest.raises(InputError, match=rf"shapes \({n},\) and \(2, 2\) for a model with {n} parameters"):
        expected_yields(model, model.parameters.init, np.eye(2))
    with pytest.raises(MissingInput, match="no channel 'SP'; there are 'CR', 'SR'"):
        expected_yields(model, model.parameters.init).channel("SP")
