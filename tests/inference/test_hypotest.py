"""Test statistics, asymptotic CLs and limits: textbook numbers, pyhf, definitions."""

import warnings
from dataclasses import replace
from math import sqrt

import jsonpatch
import numpy as np
import pytest
from scipy.stats import norm

from hftranslate.errors import FitFailed, InputError, MissingInput
from hftranslate.formats.pyhf_json import from_document
from hftranslate.inference.discovery import significance
from hftranslate.inference.fit import fit
from hftranslate.inference.hypotest import (
    asymptotic_pvalues,
    expected_pvalues,
    hypotest,
    upper_limit,
)
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.tester import Tester as AsymptoticTester  # its own name is that of a test
from hftranslate.likelihood.compile import compile_model
from hftranslate.toys.hypotest import toy_test
from hftranslate.workspace import PYHF, ROOT, NormFactor, NormSys, StatError
from tests.cases import case, case_ids, compiled, load_json, pyhf_model
from tests.likelihood.builders import channel, config, counting, hello_world, workspace

# ------------------------------------------------------------ textbook models


def test_hello_world():
    result = hypotest(*hello_world(), 1.0)
    assert result.cls_obs == pytest.approx(0.05251552515, abs=1e-8)
    expected = [0.00260640458, 0.01382064004, 0.06445515477, 0.23526090312, 0.57304165498]
    np.testing.assert_allclose(result.cls_exp, expected, atol=1e-8)
    assert result.cls_obs == pytest.approx(0.05251497, rel=1e-4)  # what pyhf prints, from a looser fit


def test_hello_world_with_another_signal():
    assert hypotest(*hello_world((5.0, 6.0)), 1.0).cls_obs == pytest.approx(0.33650564291, abs=1e-8)


@pytest.mark.parametrize("n", [2.0, 6.0, 12.0])
def test_counting_experiment_in_closed_form(n):
    """Without systematics: q = 2 (nu - n + n ln(n / nu)), and the Asimov data set is the background."""
    s, b = 4.0, 6.0
    model, data = counting(n, s, b)

    def q(observed, mu):
        best = max((observed - b) / s, 0.0)
        if best > mu:
            return 0.0
        return 2.0 * (mu * s + b - observed * np.log(mu * s + b) - best * s - b + observed * np.log(best * s + b))

    for mu in (0.5, 1.0, 2.0):
        result = hypotest(model, data, mu)
        assert result.q == pytest.approx(q(n, mu), abs=1e-9)
        assert result.q_asimov == pytest.approx(q(b, mu), abs=1e-9)
        assert result.muhat == pytest.approx(max((n - b) / s, 0.0), abs=1e-8)
        root, root_a = sqrt(result.q), sqrt(result.q_asimov)
        if root <= root_a:
            clsb, clb = norm.sf(root), norm.sf(root - root_a)
        else:
            clsb = norm.sf((root**2 + root_a**2) / (2 * root_a))
            clb = norm.sf((root**2 - root_a**2) / (2 * root_a))
        assert (result.clsb_obs, result.clb_obs) == pytest.approx((clsb, clb), rel=1e-8)
        assert result.cls_obs == pytest.approx(clsb / clb, rel=1e-8)
        for k, band in enumerate((-2, -1, 0, 1, 2)):
            assert result.cls_exp[k] == pytest.approx(norm.sf(root_a - band) / norm.cdf(band), rel=1e-8)
        assert result.conditional_nll - result.free_nll == pytest.approx(result.q / 2.0, abs=1e-9) or result.q == 0.0


def test_pvalues():
    assert asymptotic_pvalues(0.0, 4.0) == pytest.approx((0.5, norm.cdf(2.0)))
    assert asymptotic_pvalues(4.0, 4.0) == pytest.approx((norm.sf(2.0), 0.5))
    below, above = asymptotic_pvalues(4.0 - 1e-10, 4.0), asymptotic_pvalues(4.0 + 1e-10, 4.0)
    assert below == pytest.approx(above, abs=1e-9)  # CCGV Eq. 66 is continuous
    assert asymptotic_pvalues(9.0, 4.0, "q") == pytest.approx((norm.sf(3.0), norm.sf(1.0)))
    assert asymptotic_pvalues(9.0, 4.0, "qtilde") == pytest.approx((norm.sf(13 / 4), norm.sf(5 / 4)))
    clsb, clb, cls = expected_pvalues(4.0)
    assert clsb == pytest.approx([norm.sf(2 - k) for k in (-2, -1, 0, 1, 2)])
    assert clb == pytest.approx([norm.cdf(k) for k in (-2, -1, 0, 1, 2)])
    assert cls == pytest.approx(np.array(clsb) / np.array(clb))
    # the observed result in the expected data sets is the expected result
    for k, band in enumerate((0, 1, 2)):
        q = (2.0 - band) ** 2
        assert asymptotic_pvalues(q, 4.0) == pytest.approx((clsb[2 + k], clb[2 + k]))


# ------------------------------------------------------------ definitions of statistics


def test_q_and_qtilde_differ_below_zero():
    """mu_hat = -1: q compares with it, q-tilde with mu = 0; neither depends on the model's range."""
    s, b, n = 2.0, 10.0, 8.0

    def nll(mu):
        return mu * s + b - n * np.log(mu * s + b)

    results = {}
    for bounds in ((0.0, 10.0), (-3.0, 10.0), (0.5, 4.0)):
        model, data = counting(n, s, b, bounds=(bounds,))
        q, qtilde = (hypotest(model, data, 2.0, test_stat=t) for t in ("q", "qtilde"))
        assert q.muhat == pytest.approx(-1.0, abs=1e-7)
        assert qtilde.muhat == 0.0
        assert q.q == pytest.approx(2 * (nll(2.0) - nll(-1.0)), abs=1e-9)
        assert qtilde.q == pytest.approx(2 * (nll(2.0) - nll(0.0)), abs=1e-9)
        results[bounds] = (q.cls_obs, qtilde.cls_obs, *q.cls_exp)
    first = next(iter(results.values()))
    for other in results.values():
        assert other == pytest.approx(first, rel=1e-8)


def test_range_of_the_model():
    """What ROOT and pyhf do: the range of the parameter decides, whatever the statistic is called."""
    s, b, n = 2.0, 10.0, 8.0
    narrow, data = counting(n, s, b, bounds=((0.0, 10.0),))
    wide, wide_data = counting(n, s, b, bounds=((-3.0, 10.0),))
    assert hypotest(narrow, data, 2.0, test_stat="q", poi_range="model").muhat == 0.0
    assert hypotest(wide, wide_data, 2.0, test_stat="qtilde", poi_range="model").muhat == pytest.approx(-1.0, abs=1e-7)
    same = hypotest(narrow, data, 2.0, poi_range="model")
    assert same.cls_obs == hypotest(narrow, data, 2.0).cls_obs
    assert hypotest(wide, wide_data, 2.0, poi_range="model").q > same.q


def test_tested_values_beyond_the_range():
    model, data = counting(40.0, 1.0, 10.0, bounds=((0.0, 10.0),))
    assert hypotest(model, data, 50.0).muhat == pytest.approx(30.0, abs=1e-6)
    with pytest.raises(InputError, match=r"mu = 50 lies outside the model's range, \[0, 10\]"):
        hypotest(model, data, 50.0, poi_range="model")
    assert hypotest(model, data, 10.0, poi_range="model").muhat == 10.0


def test_q_without_observed_events():
    """The edge of the domain bounds mu_hat: -b / s, where nothing is expected."""
    model, data = counting(0.0, 1.0, 3.0)
    result = hypotest(model, data, 1.0, test_stat="q")
    assert result.muhat == pytest.approx(-3.0, abs=1e-6)
    assert result.q == pytest.approx(8.0, abs=1e-6)
    assert hypotest(model, data, 1.0).q == pytest.approx(2.0, abs=1e-9)
    for statistic in ("q", "qtilde"):
        limit = upper_limit(model, data, test_stat=statistic)
        assert hypotest(model, data, limit.observed, test_stat=statistic).cls_obs == pytest.approx(0.05, abs=1e-6)


def test_excess_above_the_tested_value():
    model, data = counting(30.0, 1.0, 10.0)
    result = hypotest(model, data, 5.0)
    assert (result.q, result.clsb_obs) == (0.0, 0.5)
    assert result.muhat > 5.0


def test_results_do_not_depend_on_what_was_asked_before(shared):
    """Region B has several local minima at mu = 1: the start decides, so it must not depend on the order."""
    model, data = compiled("sbottom_RegionB")
    fresh = {mu: AsymptoticTester(model=model, data=data).test(mu) for mu in (0.5, 1.0, 2.0)}
    from_initial_values = fit(model, data, fixed={"mu_SIG": 1.0})
    assert fresh[1.0].conditional_nll == pytest.approx(from_initial_values.nll, abs=1e-8)  # not the one 5.8e-4 above
    tester = AsymptoticTester(model=model, data=data)
    for mu in (2.0, 0.0, 0.5, 1.0):
        again = tester.test(mu)
        if mu in fresh:
            assert again.cls_obs == pytest.approx(fresh[mu].cls_obs, rel=1e-12)
            assert again.cls_exp == pytest.approx(fresh[mu].cls_exp, rel=1e-12)


def test_conditional_fit_below_the_free_one():
    """A conditional fit that ends lower shows that the free one was not at its minimum: it is repeated from there."""
    model, data = hello_world()
    tester = AsymptoticTester(model=model, data=data)
    good = tester.free_fit(1.0)
    bad = fit(model, data, fixed={"mu": 4.0})
    tester._conditional["free", 10.0] = bad  # as if the minimiser had got stuck at mu = 4
    assert bad.excess_nll > tester._at("data", 1.0).excess_nll
    q, free, conditional = tester.q(1.0)
    assert free.excess_nll == pytest.approx(good.excess_nll, abs=1e-9)
    assert q == pytest.approx(2.0 * (conditional.excess_nll - good.excess_nll), abs=1e-8)


@pytest.mark.parametrize("name", ["DS_200_40_Staus", "DS_240_120_Staus"])
def test_the_free_fit_is_never_above_the_one_without_signal(shared, name):
    """In these published points the free fit alone ends in the higher of two minima."""
    background = load_json("workspaces/ATLAS-SUSY-2018-04/Region-combined/BkgOnly.json.gz")
    patches = load_json("patchsets/ATLAS-SUSY-2018-04/Region-combined/patchset.json.gz")["patches"]
    patch = next(p["patch"] for p in patches if p["metadata"]["name"] == name)
    model, data = compile_model(from_document(jsonpatch.apply_patch(background, patch)))
    without = fit(model, data, fixed={model.parameters.names[model.parameters.poi_index]: 0.0})
    assert fit(model, data).excess_nll > without.excess_nll + 1e-3
    tester = AsymptoticTester(model=model, data=data)
    assert tester.free_fit(1.0).excess_nll <= without.excess_nll + 1e-6
    q, free, conditional = tester.q(1.0)
    assert q == 2.0 * (conditional.excess_nll - free.excess_nll)


def test_truncated_constraints_move_the_asimov_minimum():
    """Under ROOT's conventions the Asimov data's own point is not their minimum; q_A is taken from the refit."""
    for conventions, refitted in ((PYHF, False), (ROOT, True)):
        model, data = compile_model(
            workspace(
                channel(
                    "SR",
                    [20.0, 9.0],
                    ("s", [3.0, 3.0], NormFactor(name="mu")),
                    ("b", [14.0, 10.0], StatError(name="stat", data=(8.0, 6.0))),
                ),
                conventions=conventions,
            )
        )
        tester = AsymptoticTester(model=model, data=data)
        result = tester.test(1.0)
        asimov, background = tester._asimov
        own = model.excess_nll(background.values, asimov)
        best = fit(model, asimov, fixed={"mu": 0.0}).excess_nll
        assert (own - best > 1e-6) == refitted
        conditional = fit(model, asimov, fixed={"mu": 1.0}).excess_nll
        assert result.q_asimov == pytest.approx(2.0 * (conditional - best), abs=1e-8)


def test_bad_questions():
    model, data = hello_world()
    with pytest.raises(InputError, match="cannot test the parameter of interest at inf"):
        hypotest(model, data, float("inf"))
    for level in (0.0, 1.0, -0.1):
        with pytest.raises(InputError, match="level of a limit lies between 0 and 1"):
            upper_limit(model, data, level)
    background = compile_model(workspace(channel("SR", [5.0], ("b", [5.0], NormFactor(name="k")))))
    with pytest.raises(MissingInput, match="used by no modifier"):
        hypotest(*background)


def test_failed_fits_can_be_carried_on(shared):
    model, data = compiled("sbottom_RegionA")
    options = FitOptions(max_iterations=2)
    with pytest.raises(FitFailed, match="limit of iterations"):
        hypotest(model, data, options=options)
    result = hypotest(model, data, options=replace(options, raise_on_failure=False))
    assert result.muhat_status == "iterations"


# ------------------------------------------------------------ upper limits


@pytest.mark.parametrize("statistic", ["qtilde", "q"])
@pytest.mark.parametrize("level", [0.05, 0.1])
@pytest.mark.parametrize("name", ["hello world", "sbottom_simplifiedC", "displaced_Comb", "multinomial_example"])
def test_limits_are_where_cls_is_the_level(name, level, statistic, shared):
    model, data = hello_world() if name == "hello world" else compiled(name)
    limit = upper_limit(model, data, level, test_stat=statistic)
    tester = AsymptoticTester(model=model, data=data, test_stat=statistic)
    assert tester.test(limit.observed).cls_obs == pytest.approx(level, abs=1e-6)
    for band, value in enumerate(limit.expected):
        assert tester.test(value).cls_exp[band] == pytest.approx(level, abs=1e-6)
    assert list(limit.expected) == sorted(limit.expected)
    tested = [mu for mu, _, _ in limit.scan]
    assert tested == sorted(set(tested))
    assert limit.observed in tested
    assert len(tested) < 60


def test_no_limit():
    model, data = counting(3.0, 0.0, 3.0)
    with pytest.raises(FitFailed, match=r"no upper limit: CLs is still 1 .* does the parameter change the expectation"):
        upper_limit(model, data)


def test_documents():
    model, data = hello_world()
    result = hypotest(model, data)
    document = result.to_dict()
    assert document["CLs_obs"] == result.cls_obs
    assert document["CLs_exp"] == list(result.cls_exp)
    assert document["conventions"] == "pyhf"
    limit = upper_limit(model, data)
    document = limit.to_dict()
    assert (document["observed"], len(document["expected"])) == (limit.observed, 5)
    assert [p["poi"] for p in document["scan"]] == [mu for mu, _, _ in limit.scan]


# ------------------------------------------------------------ published models

#: Cases whose stored values, computed with pyhf and Minuit at its default tolerance, are further than 1e-4 from ours.
#: Their background-only fits stop within the default tolerance of the minimum, 1e-8 to 4e-7 above it in NLL, but with
#: nuisance parameters some 1e-3 sigma away from it. These become the truth of the Asimov data, to which q_A is linear.
#: Region C, where q_A is 0.01 only, feels it most: 6.5e-3 in the expected CLs.
LOOSE_REFERENCES = {
    "sbottom_RegionA": 3e-4,
    "sbottom_RegionB": 3e-4,
    "sbottom_RegionC": 7e-3,
    "staus_Region-combined_DS_440_40_Staus": 2e-4,
    "staus_Region-combined_DS_280_200_Staus": 3e-4,
    "staus_Region-highMass_DS_440_40_Staus": 3e-4,
    "staus_Region-lowMass_DS_120_1_Staus": 4e-4,
    "1Lbb_C1N2_Wh_hbb_550_200": 2e-4,
    "displaced_SRmm": 7e-4,
    "displaced_Comb": 7e-4,
}

#: Cases whose background-only fit has two minima: a factor of 40 at +1 sigma (TopSystHardCodeSR1) can make up for what
#: a bin lacks. The stored values belong to the higher one, which lies 0.008 to 0.06 above the lower in NLL; the
#: expectation at the lower one is another Asimov data set.
SECOND_MINIMUM = {
    "staus_Region-combined_DS_440_40_Staus",
    "staus_Region-combined_DS_280_200_Staus",
    "staus_Region-combined_DS_320_40_Staus",
    "staus_Region-lowMass_DS_120_1_Staus",
}

#: Bins with observed events have no background at all.
NO_BACKGROUND = {"pyhf_workspace_no_parameter_bounds", "pyhf_workspace_no_parameter_inits"}
NO_POI = {"pyhf_poiless": "names no parameter", "pyhf_issue1720_greedy_staterror": "used by no modifier"}
#: Its parameter of interest is a constant luminosity: it waits for a signal. ROOT and pyhf make no tests of it either.
CONSTANT_POI = {"compressed_EWKinos_poi_lumi_fixed"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [c for c in case_ids() if c not in NO_BACKGROUND | NO_POI.keys() | CONSTANT_POI])
def test_cls_of_published_models(name):
    model, data = compiled(name)
    result = hypotest(model, data, 1.0)
    if name in SECOND_MINIMUM:
        first = FitOptions(other_minima=False)
        poi = model.parameters.names[model.parameters.poi_index]
        lower, higher = (fit(model, data, fixed={poi: 0.0}, options=o) for o in (FitOptions(), first))
        assert lower.excess_nll < higher.excess_nll - 5e-3
        result = hypotest(model, data, 1.0, options=first)
    found = np.array([result.cls_obs, *result.cls_exp])
    assert np.all(np.isfinite(found))
    assert np.all((found >= 0.0) & (found <= 1.0))
    reference = case(name).reference
    if "CLs_mu1_obs" in reference:
        expected = np.array([reference["CLs_mu1_obs"], *reference["CLs_mu1_exp"]])
        difference = np.abs(found - expected).max()
        assert difference < LOOSE_REFERENCES.get(name, 1e-4)
        assert name not in LOOSE_REFERENCES or difference > 1e-4, "no longer an exception"


@pytest.mark.parametrize("name", sorted(CONSTANT_POI) if case_ids() else [])
def test_published_models_that_cannot_be_tested(name):
    with pytest.raises(InputError, match="'lumi' is constant, at 1, and tests move it"):
        hypotest(*compiled(name), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LOOSE_REFERENCES) if case_ids() else [])
def test_ours_are_the_minima_where_the_references_differ(name):
    """pyhf itself, on its own likelihood, finds nothing below our points, in any of the fits that make CLs."""
    import pyhf

    model, data = compiled(name)
    tester = AsymptoticTester(model=model, data=data)
    result = tester.test(1.0)
    theirs, their_data = pyhf_model(name)
    background, signal, free = tester._at("data", 0.0), tester._at("data", 1.0), tester.free_fit(1.0)
    asimov = theirs.expected_data(background.values)
    fits = [
        (their_data, free, None),
        (their_data, background, 0.0),
        (their_data, signal, 1.0),
        (asimov, tester._at("asimov", 1.0), 1.0),
    ]
    at_ours = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-12, maxiter=1000), precision="64b")
        try:
            for events, ours, poi in fits:
                here = -float(theirs.logpdf(ours.values, events)[0])
                assert here == pytest.approx(ours.nll, rel=1e-10, abs=1e-9)
                at_ours.append(here)
                start = list(ours.values)
                if poi is None:
                    _, twice = pyhf.infer.mle.fit(events, theirs, init_pars=start, return_fitted_val=True)
                else:
                    _, twice = pyhf.infer.mle.fixed_poi_fit(
                        poi, events, theirs, init_pars=start, return_fitted_val=True
                    )
                assert float(twice) / 2.0 > here - 1e-7
        finally:
            pyhf.set_backend("numpy", precision="64b")
    q = 2.0 * (at_ours[2] - at_ours[0]) if result.muhat <= 1.0 else 0.0
    assert result.q == pytest.approx(q, abs=1e-8)
    own = -float(theirs.logpdf(background.values, asimov)[0])
    assert result.q_asimov == pytest.approx(2.0 * (at_ours[3] - own), abs=1e-8)


@pytest.mark.parametrize("name", sorted(NO_BACKGROUND) if case_ids() else [])
def test_no_background_only_fit(name):
    with pytest.raises(FitFailed, match=r"only the signal expects any.*channel .* bin \d+: .* expected, .* observed"):
        hypotest(*compiled(name), 1.0)


@pytest.mark.parametrize("name", sorted(NO_POI) if case_ids() else [])
def test_no_parameter_of_interest(name):
    with pytest.raises(MissingInput, match=NO_POI[name]):
        hypotest(*compiled(name), 1.0)


def test_range_of_the_parameter_of_interest_is_given_by_name():
    model, data = compile_model(
        workspace(
            channel("SR", [9.0], ("s", [2.0], NormFactor(name="mu")), ("b", [5.0])),
            parameters=[config("mu", bounds=((-20.0, 20.0),))],
        )
    )
    assert hypotest(model, data, 3.0).muhat == pytest.approx(2.0, abs=1e-7)


# ------------------------------------------------------------ two-sided tests


@pytest.mark.parametrize("n", [5.0, 8.0, 14.0, 30.0])
def test_two_sided_statistics_in_closed_form(n):
    """One bin without systematics: t compares with the best fit wherever it is, t-tilde with one not below zero."""
    s, b = 2.0, 10.0
    model, data = counting(n, s, b, bounds=((0.0, 5.0),))

    def nll(mu):
        return mu * s + b - n * np.log(mu * s + b)

    best = (n - b) / s
    for mu in (1.0, 3.0):
        t, ttilde = (hypotest(model, data, mu, test_stat=name) for name in ("t", "ttilde"))
        assert t.q == pytest.approx(2.0 * (nll(mu) - nll(best)), abs=1e-7)
        assert ttilde.q == pytest.approx(2.0 * (nll(mu) - nll(max(best, 0.0))), abs=1e-7)
        assert t.muhat == pytest.approx(best, abs=1e-6)
        assert t.q_asimov == pytest.approx(hypotest(model, data, mu, test_stat="q").q_asimov)
        assert t.clsb_obs == pytest.approx(2.0 * norm.sf(sqrt(t.q)), rel=1e-6)
        assert ttilde.clsb_obs == pytest.approx(asymptotic_pvalues(ttilde.q, ttilde.q_asimov, "ttilde")[0])


@pytest.mark.parametrize(
    "name", ["sbottom_simplifiedC", "litehf_multi_channel", "pyhf_2-bin_1-channel", "nextstat_complex"]
)
@pytest.mark.parametrize("test_stat", ["t", "ttilde", "q", "qtilde"])
def test_statistics_are_those_of_pyhf(name, test_stat, shared):
    """With pyhf's functions of these names, whose fits keep to the range that they are given."""
    import pyhf

    theirs_by_name = {
        "t": pyhf.infer.test_statistics.tmu,
        "ttilde": pyhf.infer.test_statistics.tmu_tilde,
        "q": pyhf.infer.test_statistics.qmu,
        "qtilde": pyhf.infer.test_statistics.qmu_tilde,
    }
    model, data = compiled(name)
    theirs, their_data = pyhf_model(name)
    bounds = theirs.config.suggested_bounds()
    bounds[theirs.config.poi_index] = (0.0 if test_stat.endswith("tilde") else -5.0, 50.0)
    wide = model.parameters.bounds.copy()
    wide[model.parameters.poi_index] = bounds[theirs.config.poi_index]
    model = replace(model, parameters=replace(model.parameters, bounds=wide))
    for mu in (0.3, 1.0, 2.5):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4), precision="64b")
            try:
                expected = theirs_by_name[test_stat](
                    mu, their_data, theirs, theirs.config.suggested_init(), bounds, theirs.config.suggested_fixed()
                )
            finally:
                pyhf.set_backend("numpy", precision="64b")
        found = hypotest(model, data, mu, test_stat=test_stat, poi_range="model")
        assert found.q == pytest.approx(float(expected), abs=1e-5)


def test_names_that_mean_nothing():
    model, data = counting(5.0, 2.0, 3.0)
    with pytest.raises(InputError, match="no test statistic 'qtild' of tests; did you mean 'qtilde'"):
        hypotest(model, data, test_stat="qtild")
    with pytest.raises(InputError, match="no range 'models' of tests; did you mean 'model'"):
        hypotest(model, data, poi_range="models")


# ------------------------------------------------------------ what cannot be tested


@pytest.mark.parametrize("test_stat", ["qtilde", "ttilde"])
def test_no_value_below_zero_with_a_tilde(test_stat):
    with pytest.raises(InputError, match=f"{test_stat} is for signals that cannot be negative: .* mu = -1; take '"):
        hypotest(*hello_world(), -1.0, test_stat=test_stat)
    plain = test_stat.removesuffix("tilde")
    assert 0.0 < hypotest(*hello_world(), -1.0, test_stat=plain).cls_obs <= 1.0


@pytest.mark.parametrize("poi_test", [-0.5, 7.0])
def test_values_outside_the_range(poi_test):
    """pyhf refuses them; so do we where tests are to keep to the range, and say so otherwise."""
    model, data = counting(12.0, 2.0, 10.0, bounds=((0.0, 5.0),))
    with pytest.raises(InputError, match=r"outside the model's range, \[0, 5\], .*--poi-range named"):
        hypotest(model, data, poi_test, test_stat="q", poi_range="model")
    result = hypotest(model, data, poi_test, test_stat="q")
    assert result.to_dict()["outside_range"] == ["poi_test"]
    assert hypotest(model, data, 2.0).to_dict()["outside_range"] == []


def test_background_outside_the_range():
    """Every test compares with zero signal."""
    model, data = counting(12.0, 2.0, 10.0, bounds=((0.5, 5.0),))
    with pytest.raises(InputError, match=r"mu = 0 lies outside the model's range, \[0\.5, 5\]"):
        hypotest(model, data, 1.0, poi_range="model")
    assert 0.0 < hypotest(model, data, 1.0).cls_obs < 1.0


def test_a_constant_parameter_of_interest():
    space = workspace(
        channel("SR", [12.0], ("s", [2.0], NormFactor(name="mu")), ("b", [10.0])),
        parameters=[config("mu", fixed=True, inits=(1.0,))],
    )
    model, data = compile_model(space)
    for test in (hypotest, upper_limit, significance, toy_test):
        with pytest.raises(InputError, match="'mu' is constant, at 1, and tests move it; free it"):
            test(model, data)


def test_a_signal_without_any_effect_excludes_nothing():
    """The statistic in the Asimov data is exactly zero; that of the data may differ from it by rounding."""
    degenerate = workspace(
        channel(
            "SR",
            [52.0, 63.0],
            ("s", [5.0, 6.0], NormFactor(name="mu")),
            ("b", [50.0, 60.0], NormFactor(name="k"), NormSys(name="a", lo=0.9, hi=1.1)),
        )
    )
    for model, data in (counting(52.0, 0.0, 50.0), compile_model(degenerate)):
        for test_stat in ("q", "qtilde", "t", "ttilde"):
            result = hypotest(model, data, 1.0, test_stat=test_stat)
            assert result.q_asimov == pytest.approx(0.0, abs=1e-20)  # rounding of equal numbers
            assert result.cls_obs == pytest.approx(1.0, abs=1e-6)
            assert result.cls_exp == pytest.approx((1.0,) * 5)
        assert significance(model, data).z == pytest.approx(0.0, abs=1e-5)
        assert np.isfinite(significance(model, data).z_exp).all()


@pytest.mark.parametrize("poi", [3, 10**30, np.float32(3.0)])
def test_whole_numbers_of_any_size_are_tested_and_held_as_numbers(poi):
    model, data = hello_world()
    result = hypotest(model, data, poi)
    assert (type(result.poi_test), result.cls_obs) == (float, hypotest(model, data, float(poi)).cls_obs)
    assert fit(model, data, fixed={"mu": poi}).nll == fit(model, data, fixed={"mu": float(poi)}).nll


def test_whole_numbers_beyond_those_of_computers_are_infinite():
    model, data = hello_world()
    with pytest.raises(InputError, match="expected a finite number"):
        hypotest(model, data, 10**400)
    with pytest.raises(InputError, match="'mu' cannot be fixed at -inf"):
        fit(model, data, fixed={"mu": -(10**400)})
    assert fit(model, data, bounds={"mu": (0, 10**400)})["mu"] == fit(model, data, bounds={"mu": (0.0, np.inf)})["mu"]
