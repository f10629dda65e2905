"""Whole ways through the package, as users go them: from numbers to limits and pictures."""

import warnings
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import hftranslate as hft
from hftranslate.workspace import Channel, Measurement, NormFactor, ParameterConfig, Sample, Workspace

pyhf = pytest.importorskip("pyhf")


def test_two_bins_from_numbers_to_cls() -> None:
    """The first example of pyhf's pages, in the numbers that pyhf finds."""
    ws = hft.simplemodels.hepdata_like([12, 11], [50, 52], [3, 7])
    model, data = hft.compile_model(ws)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what pyhf calls
        theirs = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    for observed in ([50, 52], [51, 48]):
        ours = hft.hypotest(model, model.data(observed, data.auxdata), 1.0)
        events = [*map(float, observed), *theirs.config.auxdata]
        cls, bands = pyhf.infer.hypotest(1.0, events, theirs, test_stat="qtilde", return_expected_set=True)
        assert ours.cls_obs == pytest.approx(float(cls), rel=2e-4)
        assert ours.cls_exp == pytest.approx([float(b) for b in bands], rel=2e-4)
    text = str(hft.fit(model, model.data([51, 48], data.auxdata)))
    assert text.splitlines()[3].startswith("mu ")
    assert "uncorr_bkguncrt[1]" in text


def test_limits_and_band_of_a_large_model() -> None:
    """45 bins with 500 times the events of a small search: large numbers are normally distributed.

    A. L. Read's CLs with a normal estimate of the signal strength (arXiv:1007.1727, equation 89):
    ``mu_up(N) = sigma [N + Phi^-1(1 - alpha Phi(N))]``.
    """
    rng = np.random.default_rng(45)
    shape = np.exp(-0.5 * ((np.arange(45) - 20.0) / 4.0) ** 2)
    signal, background = 500.0 * 0.4 * shape, 500.0 * (6.0 + 4.0 * np.exp(-np.arange(45) / 15.0))
    uncertainty = 0.02 * background
    observed = rng.poisson(background)
    ws = hft.simplemodels.uncorrelated_background(signal, background, uncertainty, observed)
    model, data = hft.compile_model(ws)
    limit = hft.upper_limit(model, data)
    sigma = 1.0 / sqrt(np.sum(signal**2 / (background + uncertainty**2)))
    expected = [sigma * (n + norm.isf(0.05 * norm.cdf(n))) for n in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    np.testing.assert_allclose(limit.expected, expected, rtol=0.02)
    for value, band in zip(limit.expected, range(5), strict=True):
        assert hft.hypotest(model, data, value).cls_exp[band] == pytest.approx(0.05, rel=1e-4)
    assert hft.hypotest(model, data, limit.observed).cls_obs == pytest.approx(0.05, rel=1e-4)
    axes = hft.plots.limit(limit).axes[0]
    (curve,) = (line for line in axes.lines if str(line.get_label()).startswith("observed"))
    x, y = (np.asarray(v, dtype=float) for v in (curve.get_xdata(), curve.get_ydata()))
    assert np.interp(limit.observed, x, y) == pytest.approx(0.05, abs=2e-3)
    assert (np.diff(y) <= 1e-12).all()
    assert f"limit {limit.expected[2]:#.3g}" in "".join(t.get_text() for t in axes.get_legend().get_texts())


def test_a_floating_signal_and_background_before_and_after_the_fit() -> None:
    """Two regions, two free factors: the fit goes through the data, and its errors follow from those of the counts."""
    s, b, c, in_signal_region, in_control_region = 20.0, 50.0, 200.0, 95.0, 250.0
    ws = Workspace(
        channels=(
            Channel(
                name="SR",
                samples=(
                    Sample(name="signal", nominal=(s,), modifiers=(NormFactor(name="mu"),)),
                    Sample(name="background", nominal=(b,), modifiers=(NormFactor(name="k"),)),
                ),
                observed=(in_signal_region,),
            ),
            Channel(
                name="CR",
                samples=(Sample(name="background", nominal=(c,), modifiers=(NormFactor(name="k"),)),),
                observed=(in_control_region,),
            ),
        ),
        measurements=(Measurement(name="m", pois=("mu",), parameters=(ParameterConfig(name="mu", inits=(1.0,)),)),),
    )
    model, data = hft.compile_model(ws)
    best = hft.fit(model, data)
    k = in_control_region / c
    assert best["k"] == pytest.approx(k)
    assert best["mu"] == pytest.approx((in_signal_region - k * b) / s)
    assert best.uncertainty("k") == pytest.approx(sqrt(in_control_region) / c)
    spread = sqrt(in_signal_region + in_control_region * (b / c) ** 2) / s
    assert best.uncertainty("mu") == pytest.approx(spread)
    before, after = hft.fitted_yields(model, data=data), hft.fitted_yields(model, best)
    assert before["SR"].sum == pytest.approx(s + b)
    assert (after["SR"].sum, after["CR"].sum) == pytest.approx((in_signal_region, in_control_region))
    assert after["SR"].sum_uncertainty == pytest.approx(sqrt(in_signal_region))  # less than signal and background alone
    figure: Any = hft.plots.yields([before, after])
    said = [t.get_text() for axes in figure.axes for t in axes.texts]
    assert [t.split()[-1] for t in said if "fit" in t] == ["pre-fit", "post-fit"]
    totals = [
        patch.get_data().values.tolist()
        for axes in figure.axes
        for patch in axes.patches
        if hasattr(patch, "get_data") and not patch.get_fill() and patch.get_hatch() is None
    ]
    assert [pytest.approx(t) for t in totals] == [[s + b, c], [in_signal_region, in_control_region]]
