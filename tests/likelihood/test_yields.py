"""Yields at a parameter point and their uncertainties."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hftranslate as hft
from hftranslate.errors import InputError, MissingInput
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.yields import expected_yields, prior_covariance
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


def test_sums(space):
    model, data = compile_model(space)
    fit = hft.fit(model, data)
    yields = expected_yields(model, fit.values, fit.covariance)
    sr, cr = yields.channels
    np.testing.assert_allclose(sr.sample_sums, sr.rates.sum(axis=1), rtol=1e-14)
    assert sr.sum == pytest.approx(sr.total.sum(), rel=1e-14)
    assert yields.sum == pytest.approx(sr.sum + cr.sum, rel=1e-14)
    assert list(yields.sample_sums) == ["signal", "background"]
    assert yields.sample_sums["background"][0] == pytest.approx(sr.sample_sums[1] + cr.sample_sums[0])
    # the signal floats: signal and background are anticorrelated, and the total is known better than either
    assert sr.sum_uncertainty < sr.sample_sum_uncertainties[0]


def test_before_a_fit_by_hand(space):
    """Both variations of JES are one parameter; bin factors are independent; the free signal strength has no prior."""
    model, _ = compile_model(space)
    covariance = prior_covariance(model)
    p = model.parameters
    assert covariance[p.index("mu"), p.index("mu")] == 0.0
    assert covariance[p.index("JES"), p.index("JES")] == 1.0
    yields = expected_yields(model, p.init, covariance)
    sr, cr = yields.channels
    slope = model.jacobian(p.init)[:, p.index("JES")]
    shape = np.array([57.0 - 45.0, 53.0 - 50.0]) / 2.0  # code4p: half the difference, exactly
    signal = slope[:2] - shape
    stat = np.array([3.0, 4.0])
    np.testing.assert_allclose(sr.uncertainties[0], np.abs(signal), rtol=1e-12)
    np.testing.assert_allclose(sr.uncertainties[1], np.hypot(shape, stat), rtol=1e-12)
    np.testing.assert_allclose(sr.total_uncertainties, np.hypot(signal + shape, stat), rtol=1e-12)
    assert sr.sample_sum_uncertainties[1] == pytest.approx(np.sqrt(shape.sum() ** 2 + 9.0 + 16.0))
    assert yields.sum_uncertainty == pytest.approx(np.sqrt(slope.sum() ** 2 + 9.0 + 16.0))
    assert cr.sum_uncertainty == pytest.approx(abs(slope[2]))


def test_constant_parameters_have_no_uncertainty_before_a_fit(space):
    from hftranslate.likelihood.restricted import restricted

    model, _ = compile_model(space)
    held = restricted(model, fixed={"JES": 0.0})
    assert prior_covariance(held)[model.parameters.index("JES")].sum() == 0.0


def test_propagation_against_sampled_parameters(space):
    """A model that is linear in what varies: the spread of yields at sampled points is what is propagated."""
    model, _ = compile_model(
        workspace(
            channel(
                "SR",
                [60.0, 58.0],
                ("signal", [5.0, 8.0], NormFactor(name="mu")),
                ("background", [50.0, 52.0], HistoSys(name="a", lo_data=(45.0, 51.0), hi_data=(55.0, 53.0))),
            )
        )
    )
    covariance = np.array([[0.25, -0.2], [-0.2, 0.64]])
    centre = model.parameters.init
    yields = expected_yields(model, centre, covariance)
    points = np.random.default_rng(7).multivariate_normal(centre, covariance, size=20_000)
    rates = np.array([model.state(p).nu for p in points]).reshape(-1, 2, 2)  # point, bin, sample
    sr = yields.channel("SR")
    tolerance = {"rtol": 4.0 / np.sqrt(2.0 * len(points))}
    np.testing.assert_allclose(sr.uncertainties, rates.std(axis=0).T, **tolerance)
    np.testing.assert_allclose(sr.total_uncertainties, rates.sum(axis=2).std(axis=0), **tolerance)
    np.testing.assert_allclose(sr.sample_sum_uncertainties, rates.sum(axis=1).std(axis=0), **tolerance)
    np.testing.assert_allclose(sr.sum_uncertainty, rates.sum(axis=(1, 2)).std(), **tolerance)


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

    def deviation(cells):
        """Of the sum of some cells."""
        together = slopes[cells].sum(axis=0)
        return np.sqrt(together @ covariance @ together)

    tolerance = {"rtol": 1e-5, "atol": 1e-5 * (1.0 + model.state(theta).nu.max())}
    expected = np.sqrt(np.einsum("ij,jk,ik->i", slopes, covariance, slopes))
    found = np.concatenate([c.uncertainties.T.ravel() for c in yields.channels])
    np.testing.assert_allclose(found, expected, **tolerance)
    cell, of_sample = 0, {}
    for channel_yields in yields.channels:
        n_samples, n_bins = channel_yields.rates.shape
        numbers = np.arange(cell, cell + n_samples * n_bins).reshape(n_bins, n_samples)
        cell += numbers.size
        for b in range(n_bins):
            np.testing.assert_allclose(channel_yields.total_uncertainties[b], deviation(numbers[b]), **tolerance)
        for s, name in enumerate(channel_yields.samples):
            of_sample.setdefault(name, []).extend(numbers[:, s])
            np.testing.assert_allclose(
                channel_yields.sample_sum_uncertainties[s], deviation(numbers[:, s]), **tolerance
            )
        np.testing.assert_allclose(channel_yields.sum_uncertainty, deviation(numbers.ravel()), **tolerance)
    assert list(yields.sample_sums) == list(of_sample)
    for name, cells in of_sample.items():
        np.testing.assert_allclose(yields.sample_sums[name][1], deviation(cells), **tolerance)
    np.testing.assert_allclose(yields.sum_uncertainty, deviation(np.arange(cell)), **tolerance)


def test_what_does_not_fit(space):
    model, _ = compile_model(space)
    n = len(model.parameters)
    with pytest.raises(InputError, match=rf"shapes \(2,\) for a model with {n} parameters"):
        expected_yields(model, [1.0, 2.0])
    with pytest.raises(InputError, match=rf"shapes \({n},\) and \(2, 2\) for a model with {n} parameters"):
        expected_yields(model, model.parameters.init, np.eye(2))
    with pytest.raises(MissingInput, match="no channel 'SP'; there are 'CR', 'SR'"):
        expected_yields(model, model.parameters.init).channel("SP")
