"""The textbook models against pyhf's, and as histograms."""

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.workspace import simplemodels

pyhf = pytest.importorskip("pyhf")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_uncorrelated_background_is_pyhfs() -> None:
    ours = simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51, 48])
    model, data = hft.compile_model(ours)
    theirs = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    theta = [1.3, 0.9, 1.1]
    assert model.parameters.names == tuple(theirs.config.par_names)
    assert model.logpdf(theta, data) == pytest.approx(
        float(theirs.logpdf(theta, [51, 48, *theirs.config.auxdata])[0]), rel=1e-12
    )


def test_correlated_background_is_pyhfs() -> None:
    arguments = ([12.0, 11.0], [50.0, 52.0], [45.0, 57.0], [55.0, 47.0])
    ours = simplemodels.correlated_background(*arguments, [51, 48])
    model, data = hft.compile_model(ours)
    theirs = pyhf.simplemodels.correlated_background(*arguments)
    index = {n: i for i, n in enumerate(theirs.config.par_names)}
    theta = np.array([0.7, 1.4])
    reordered = np.empty(2)
    reordered[[index[n] for n in model.parameters.names]] = theta
    assert model.logpdf(theta, data) == pytest.approx(
        float(theirs.logpdf(reordered, [51, 48, *theirs.config.auxdata])[0]), rel=1e-12
    )


def test_observed_defaults_to_the_background() -> None:
    ws = simplemodels.uncorrelated_background([1.0], [5.0], [1.0])
    assert ws.channels[0].observed == (5.0,)


def test_to_hist_has_a_sample_axis_and_the_edges() -> None:
    ws = simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    h = ws.to_hist("singlechannel")
    assert list(h.axes[0]) == ["signal", "background"]
    np.testing.assert_array_equal(h.values(), [[12.0, 11.0], [50.0, 52.0]])
    np.testing.assert_array_equal(h.axes[1].edges, [0.0, 1.0, 2.0])


def test_to_hist_keeps_statistical_errors_and_several_axes() -> None:
    stat = hft.StatError(name="staterror_SR", data=(1.0, 2.0, 3.0, 4.0))
    sample = hft.Sample(name="b", nominal=(10.0, 20.0, 30.0, 40.0), modifiers=(stat,))
    channel = hft.Channel(name="SR", samples=(sample,), edges=((0.0, 1.0, 3.0), (10.0, 20.0, 50.0)))
    ws = hft.Workspace(channels=(channel,), measurements=(hft.Measurement(name="m"),))
    h = ws.to_hist("SR")
    # x runs fastest in the workspace: bin (ix, iy) is entry ix + 2 iy
    assert h["b", 1, 0].value == 20.0
    assert h["b", 0, 1].variance == 9.0
    np.testing.assert_array_equal(h.axes[2].edges, [10.0, 20.0, 50.0])
