"""Every published model against pyhf: parameters, rates, likelihood, and exact derivatives."""

import warnings

import numpy as np
import pytest

from tests.cases import case, case_ids, compiled, pyhf_model
from tests.likelihood.differences import assert_derivatives_are_exact

#: Models that take pyhf seconds to build and differ from another case by their signal only: these are compared
#: with pyhf's stored number alone.
LOOK_ALIKES = {
    "1Lbb_C1N2_Wh_hbb_900_100",
    "1Lbb_C1N2_Wh_hbb_550_200",
    "1Lbb_C1N2_Wh_hbb_300_75",
    "sbottom_RegionA_complete",
    "sbottom_RegionC_complete",
    "staus_Region-combined_DS_280_200_Staus",
    "staus_Region-combined_DS_320_40_Staus",
}


def points(name, n):
    """Random points near the initial values, inside the ranges."""
    p = compiled(name)[0].parameters
    rng = np.random.default_rng(list(name.encode()))
    size = np.where(p.width > 0.0, np.minimum(p.width, 1.0), 0.3)
    inside = 1e-3 * (p.bounds[:, 1] - p.bounds[:, 0])
    for _ in range(n):
        step = 0.6 * size * rng.normal(size=len(p))
        yield np.clip(p.init + step, p.bounds[:, 0] + inside, p.bounds[:, 1] - inside)


def rounding(data):
    """What rounding leaves of ``n ln n``: up to 1e9 for the auxiliary data of very precise factors."""
    events = np.concatenate([data.observed, data.auxdata[data.auxdata > 1.0]])
    return 1e-10 + 4.0 * np.finfo(float).eps * float(np.sum(events * np.log1p(events)))


@pytest.mark.parametrize("name", case_ids())
def test_nll_at_the_initial_values_is_the_stored_one(name):
    model, data = compiled(name)
    ours = model.nll(model.parameters.init, data)
    assert ours == pytest.approx(case(name).reference["nll_at_suggested_init"], rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("name", case_ids())
def test_number_of_parameters_is_the_stored_one(name):
    parameters = compiled(name)[0].parameters
    assert len(parameters) == case(name).entry["npar"]
    assert np.count_nonzero(~parameters.fixed) == case(name).entry["nfree"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [c for c in case_ids() if c not in LOOK_ALIKES])
def test_parameters_rates_and_likelihood(name):
    model, data = compiled(name)
    theirs, their_data = pyhf_model(name)
    p, config = model.parameters, theirs.config
    assert p.names == tuple(config.par_names)
    np.testing.assert_array_equal(p.init, config.suggested_init())
    np.testing.assert_array_equal(p.bounds, config.suggested_bounds())
    np.testing.assert_array_equal(p.fixed, config.suggested_fixed())
    np.testing.assert_array_equal(data.auxdata, config.auxdata)
    # pyhf sorts channels, we keep the order of the document
    order = np.concatenate([np.arange(s.start, s.stop) for s in (config.channel_slices[c] for c, _ in model.channels)])
    np.testing.assert_array_equal(data.observed, np.asarray(their_data)[: model.cells.n_bins][order])
    compared = 0
    for theta in points(name, 25):
        if not np.isfinite(model.nll(theta, data)):
            continue  # outside the domain pyhf has its own opinion
        rates = theirs.expected_actualdata(theta)[order]
        np.testing.assert_allclose(model.rates(theta), rates, rtol=1e-11, atol=1e-11)
        asimov = model.expected_data(theta)
        expected = theirs.expected_data(theta)
        np.testing.assert_allclose(asimov.auxdata, expected[model.cells.n_bins :], rtol=1e-14)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            reference = float(theirs.logpdf(theta, their_data)[0])
            at_asimov = float(theirs.logpdf(theta, expected)[0])
        assert model.logpdf(theta, data) == pytest.approx(reference, rel=1e-10, abs=rounding(data))
        assert model.logpdf(theta, asimov) == pytest.approx(at_asimov, rel=1e-10, abs=rounding(asimov))
        compared += 1
        if compared == 5:
            break
    assert compared >= 3, "too few points inside the domain"


@pytest.mark.parametrize("name", case_ids())
def test_derivatives_are_exact(name):
    model, data = compiled(name)
    rng = np.random.default_rng(7)
    checked = 0
    for theta in [model.parameters.init, *points(name, 12)]:
        if np.isfinite(model.nll(theta, data)):
            chosen = rng.choice(len(theta), min(8, len(theta)), replace=False)
            assert_derivatives_are_exact(model, data, theta, chosen)
            checked += 1
        if checked == 2:
            return
    assert checked
