"""Fits: closed forms, minimisers against each other, statuses and messages."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from hftranslate.errors import FitFailed, InputError, MissingInput
from hftranslate.inference.fit import asimov_data, fit, inverse_of
from hftranslate.inference.minimize import STATUS, FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.yields import expected_yields
from hftranslate.workspace import ROOT, HistoSys, NormFactor, NormSys
from tests.cases import compiled
from tests.likelihood.builders import channel, config, counting, hello_world, workspace

QUIET = FitOptions(raise_on_failure=False)
ALL = pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])


@ALL
@pytest.mark.parametrize("n", [3.0, 5.0, 9.0, 0.5])
def test_counting_experiment(minimizer, n):
    """mu_hat = (n - b) / s with the uncertainty sqrt(n) / s; at the bound where that is negative."""
    model, data = counting(n, s=2.0, b=1.0)
    result = fit(model, data, options=FitOptions(minimizer=minimizer))
    expected = max((n - 1.0) / 2.0, 0.0)
    assert result.value("mu") == pytest.approx(expected, abs=1e-4)
    assert result.status == "converged"
    assert result.message == STATUS["converged"]
    if expected > 0.0:
        assert result.uncertainty("mu") == pytest.approx(np.sqrt(n) / 2.0, rel=1e-4)
        assert result.excess_nll == pytest.approx(0.0, abs=1e-7)
        assert not result.at_bound.any()
    else:
        assert result.value("mu") == pytest.approx(0.0, abs=1e-8)
        assert result.at_bound.tolist() == [True] or minimizer == "minuit"  # which comes near, seldom onto it
    assert result.nll == pytest.approx(model.nll(result.values, data), rel=1e-12)


def test_counting_experiment_with_a_constrained_background():
    """With mu free the background is what its constraint says, and errors add in quadrature."""
    model, data = counting(13.0, 2.0, 10.0, NormSys(name="a", lo=1 / 1.1, hi=1.1, interpolation="code1"))
    result = fit(model, data)
    assert result.value("mu") == pytest.approx(1.5, abs=1e-8)
    assert result.value("a") == pytest.approx(0.0, abs=1e-8)
    slope = 10.0 * np.log(1.1)  # events per unit of a
    assert result.uncertainty("mu") == pytest.approx(np.hypot(np.sqrt(13.0), slope) / 2.0, rel=1e-6)
    assert result.uncertainty("a") == pytest.approx(1.0, rel=1e-6)
    rho = -slope / np.hypot(np.sqrt(13.0), slope)
    i, j = model.parameters.index("mu"), model.parameters.index("a")
    np.testing.assert_allclose(result.correlation[[i, j], [j, i]], rho, rtol=1e-6)
    np.testing.assert_array_equal(np.diagonal(result.correlation), 1.0)


def test_on_off_problem():
    """Conditional fit at mu = 0 with a Poisson constraint: b_hat = (n + m) / (1 + tau) in events."""
    model, data = hello_world()
    result = fit(model, data, fixed={"mu": 0.0})
    for i, (n, b, sigma) in enumerate([(51.0, 50.0, 3.0), (48.0, 52.0, 7.0)]):
        tau = (b / sigma) ** 2
        gamma = (n + tau) / (b + tau)
        assert result.value(f"uncorr_bkguncrt[{i}]") == pytest.approx(gamma, abs=1e-6)
        expected = np.sqrt(n + tau) / (b + tau)
        assert result.uncertainty(f"uncorr_bkguncrt[{i}]") == pytest.approx(expected, rel=1e-5)
    assert result.fixed.tolist() == [True, False, False]
    assert result.value("mu") == 0.0
    assert result.uncertainty("mu") == 0.0
    np.testing.assert_array_equal(result.covariance[0], 0.0)
    np.testing.assert_array_equal(result.correlation[0], [1.0, 0.0, 0.0])


def test_conditional_fit_beyond_the_range():
    model, data = counting(13.0, bounds=((0.0, 10.0),))
    assert fit(model, data, fixed={"mu": 12.5}).value("mu") == 12.5


def test_everything_fixed():
    model, data = hello_world()
    at = {"mu": 1.0, "uncorr_bkguncrt[0]": 1.1, "gamma_uncorr_bkguncrt_bin_1": 0.9}
    result = fit(model, data, fixed=at)
    assert result.values.tolist() == [1.0, 1.1, 0.9]
    assert result.status == "converged"
    assert (result.iterations, result.edm) == (0, 0.0)
    np.testing.assert_array_equal(result.uncertainties, 0.0)
    outside, data = counting(3.0, 1.0, 0.0)
    with pytest.raises(FitFailed, match=r"only the signal expects any.*Is this the signal without its background"):
        fit(outside, data, fixed={"mu": 0.0})


def test_bounds_and_start_given_by_the_caller():
    model, data = counting(1.0)
    assert fit(model, data).value("mu") == 0.0
    assert fit(model, data, bounds={"mu": (-5.0, 5.0)}).value("mu") == pytest.approx(-2.0, abs=1e-7)
    assert fit(model, data, bounds={"mu": (-np.inf, np.inf)}).value("mu") == pytest.approx(-2.0, abs=1e-7)
    assert fit(model, data, start=np.array([7.0])).value("mu") == 0.0
    with pytest.raises(InputError, match="cannot be bounded by 2 from below and 1 from above"):
        fit(model, data, bounds={"mu": (2, 1)})
    with pytest.raises(InputError, match=r"starting point of shape \(2,\) for 1 parameters"):
        fit(model, data, start=np.zeros(2))
    with pytest.raises(InputError, match="cannot be fixed at nan"):
        fit(model, data, fixed={"mu": float("nan")})
    with pytest.raises(MissingInput, match="no parameter 'nu'"):
        fit(model, data, fixed={"nu": 1.0})
    with pytest.raises(MissingInput, match="no parameter 'nu'"):
        fit(model, data).value("nu")


def test_outside_the_domain_names_the_bin():
    space = workspace(
        channel("CR", [5.0], ("b", [5.0])),
        channel("SR", [7.0, 2.0], ("s", [1.0, 2.0], NormFactor(name="mu")), ("b", [3.0, 0.0])),
    )
    model, data = compile_model(space)
    with pytest.raises(
        FitFailed, match=r"only the signal expects any: .* all such bins\) \(channel 'SR', bin 1: 0 expected, 2 obs"
    ):
        fit(model, data, fixed={"mu": 0.0})
    empty, data_of_empty = compile_model(
        workspace(channel("SR", [7.0, 2.0], ("s", [1.0, 0.0], NormFactor(name="mu")), ("b", [3.0, 0.0])))
    )
    with pytest.raises(
        FitFailed, match=r"fit failed: at the starting point .* \(channel 'SR', bin 1: 0 expected, 2 obs"
    ):
        fit(empty, data_of_empty)
    for minimizer in ("newton", "minuit", "scipy"):
        quiet = fit(model, data, fixed={"mu": 0.0}, options=replace(QUIET, minimizer=minimizer))
        assert quiet.status == "outside_domain"
        assert quiet.message == STATUS["outside_domain"]
        assert quiet.nll == np.inf
    assert fit(model, data, start=np.array([0.0])).status == "converged"  # a free signal leads back into the domain
    held = fit(model, data, bounds={"mu": (-1.0, 0.0)}, start=np.array([-1.0]), options=QUIET)
    assert held.status == "outside_domain"
    assert np.isnan(held.uncertainties).all()


@ALL
def test_a_start_outside_the_domain_is_brought_inside(minimizer):
    """Without its signal the bin has a negative expectation unless h is above zero."""
    model, data = compile_model(
        workspace(
            channel(
                "SR",
                [6.0],
                ("s", [5.0], NormFactor(name="mu")),
                ("b", [-1.0], HistoSys(name="h", lo_data=(-6.0,), hi_data=(4.0,))),
            )
        )
    )
    assert model.nll(model.parameters.vector(mu=0.0), data) == np.inf
    result = fit(model, data, fixed={"mu": 0.0}, options=FitOptions(minimizer=minimizer))
    assert result.status == "converged"
    assert result.value("h") == pytest.approx(1.0, abs=0.3)  # six events ask for 1.4, the constraint for 0
    assert model.nll_and_gradient(result.values, data)[1][model.parameters.index("h")] == pytest.approx(0.0, abs=1e-3)


def test_background_only_fit_of_a_model_without_background(shared):
    """Published: one bin has -1.2 events without the signal, and 12 observed; the systematics can lift it."""
    model, data = compiled("cms_ttgamma_2l")
    assert model.nll(model.parameters.vector(r_TTGamma=0.0), data) == np.inf
    result = fit(model, data, fixed={"r_TTGamma": 0.0})
    assert result.status == "unsure"  # with 18 of NLL per bin, and several minima
    # the first fit ends 1554.98 above the saturated model, others at 1554.29 and 1491.38
    assert result.excess_nll == pytest.approx(1490.816371, abs=1e-5)
    for judge in ("scipy", "minuit"):  # and stay there
        options = FitOptions(minimizer=judge, other_minima=False)
        there = fit(model, data, fixed={"r_TTGamma": 0.0}, start=result.values, options=options)
        assert there.excess_nll == pytest.approx(result.excess_nll, abs=1e-5)


def test_limit_of_iterations():
    model, data = compiled("sbottom_RegionA")
    with pytest.raises(FitFailed, match="limit of iterations was reached"):
        fit(model, data, options=FitOptions(max_iterations=2))
    result = fit(model, data, options=replace(QUIET, max_iterations=2))
    assert result.status == "iterations"
    assert np.isfinite(result.nll)
    assert result.edm > 1e-6


def test_kink_status_and_uncertainties():
    """h wants to go below -1 until the clip stops paying for its constraint: the one-sided slopes bracket zero."""
    model, data = compile_model(
        workspace(
            channel(
                "SR",
                [0.0, 8.0],
                ("b", [1.0, 2.0], HistoSys(name="h", lo_data=(0.0, 2.0), hi_data=(2.0, 2.0), interpolation="code0")),
                ("c", [3.0, 8.0]),
            ),
            channel(
                "pull", [0.0], ("b", [3.0], HistoSys(name="h", lo_data=(2.5,), hi_data=(3.5,), interpolation="code0"))
            ),
            poi=None,
            conventions=ROOT,
        )
    )
    result = fit(model, data)
    assert result.value("h") == pytest.approx(-1.0, abs=1e-6)
    assert result.status == "kink"
    assert result.message == STATUS["kink"]
    assert np.isnan(result.uncertainty("h"))
    assert np.isnan(result.correlation).sum() == 0  # one parameter: the diagonal alone
    for step in (-1e-4, 1e-4):
        assert model.nll(result.values + step, data) > result.nll


def test_edge_of_the_domain():
    """Nothing observed: a signal that may be negative takes away the whole background."""
    model, data = counting(0.0)
    result = fit(model, data, bounds={"mu": (-np.inf, 10.0)})
    assert result.value("mu") == pytest.approx(-3.0, abs=1e-8)
    assert result.status == "kink"
    assert result.nll == pytest.approx(0.0, abs=1e-8)


def test_minimum_along_the_edge_of_the_domain():
    """A bin without events, 1 + h + 2 k expected, which both want below zero: the minimum lies on h + 2 k = -1."""
    shifts = (1.0, 1.0), (2.0, 0.0)  # of h and k in the two bins
    modifiers = [
        HistoSys(
            name=name,
            lo_data=tuple(n - s for n, s in zip((1.0, 5.0), shift, strict=True)),
            hi_data=tuple(n + s for n, s in zip((1.0, 5.0), shift, strict=True)),
            interpolation="code0",
        )
        for name, shift in zip("hk", shifts, strict=True)
    ]
    model, data = compile_model(workspace(channel("SR", [0.0, 8.0], ("b", [1.0, 5.0], *modifiers)), poi=None))
    result = fit(model, data)
    on_the_edge = minimize_scalar(
        lambda h: 5.0 + h - 8.0 * np.log(5.0 + h) + 0.5 * h**2 + 0.125 * (1.0 + h) ** 2,
        bounds=(-4.0, 4.0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert result.status == "kink"
    assert result.value("h") == pytest.approx(on_the_edge.x, abs=1e-5)
    assert result.value("k") == pytest.approx(-(1.0 + on_the_edge.x) / 2.0, abs=1e-5)
    assert 0.0 <= model.rates(result.values)[0] < 1e-6


def test_parameter_without_effect():
    model, data = counting(3.0, 0.0, 3.0)
    result = fit(model, data)
    assert result.status == "converged"
    assert result.value("mu") == 1.0
    assert np.isnan(result.uncertainty("mu"))


CASES = [
    "sbottom_RegionA",
    "sbottom_simplifiedC",
    "staus_Region-highMass_DS_440_40_Staus",
    "1Lbb_tutorial_control_regions",
    "2l2j_ewk_simplified",
    "displaced_Comb",
    "belle2_workspace_2channel",
    "combine2pyhf_one-bin-stat-full",
    "multinomial_example",
    "pyhf_2-bin_1-channel",
    "nextstat_complex",
]


@pytest.mark.parametrize("name", CASES)
def test_minimizers_agree(name, shared):
    model, data = compiled(name)
    results = {m: fit(model, data, options=FitOptions(minimizer=m)) for m in ("newton", "minuit", "scipy")}
    best = results["newton"]
    sigma = np.where(best.uncertainties > 0.0, best.uncertainties, 1.0)
    for minimizer, result in results.items():
        assert result.status == "converged"
        assert -1e-9 < result.excess_nll - best.excess_nll < 1e-5, minimizer
        assert np.nanmax(np.abs(result.values - best.values) / sigma) < 0.02, minimizer


def test_uncertainties_equal_minuits(shared):
    """HESSE of an independent program on the same function."""
    from iminuit import Minuit

    model, data = compiled("sbottom_simplifiedC")
    result = fit(model, data)
    m = Minuit(lambda x: model.nll(x, data), result.values, name=[f"x{i}" for i in range(len(result.values))])
    m.errordef = Minuit.LIKELIHOOD
    for i in np.flatnonzero(result.fixed):
        m.fixed[int(i)] = True
    m.hesse()
    np.testing.assert_allclose(result.uncertainties, np.where(result.fixed, 0.0, m.errors), rtol=1e-3)


def test_asimov_data():
    model, data = hello_world()
    asimov, point = asimov_data(model, data, 0.0)
    best = fit(model, data, fixed={"mu": 0.0})
    np.testing.assert_array_equal(point, best.values)
    np.testing.assert_allclose(asimov.observed, model.rates(point), rtol=1e-14)
    tau = np.array([(50.0 / 3.0) ** 2, (52.0 / 7.0) ** 2])
    np.testing.assert_allclose(asimov.auxdata, point[1:] * tau, rtol=1e-12)
    again = fit(model, asimov)
    np.testing.assert_allclose(again.values, point, atol=1e-6)
    assert again.excess_nll == pytest.approx(0.0, abs=1e-9)


def test_document():
    model, data = hello_world()
    document = fit(model, data, fixed={"mu": 1.0}).to_dict()
    assert document["mle_parameters"]["mu"] == [1.0]
    assert len(document["mle_parameters"]["uncorr_bkguncrt"]) == 2
    assert document["uncertainties"]["mu"] == [0.0]
    assert document["correlations"]["names"] == ["uncorr_bkguncrt[0]", "uncorr_bkguncrt[1]"]
    assert document["correlations"]["matrix"][0][0] == 1.0
    assert document["twice_nll"] == pytest.approx(2.0 * fit(model, data, fixed={"mu": 1.0}).nll)
    assert document["status"] == "converged"
    flat, flat_data = counting(3.0, 0.0, 3.0)
    assert fit(flat, flat_data).to_dict()["uncertainties"] == {"mu": [None]}


def test_fixed_parameters_stay(shared):
    model, data = compile_model(
        workspace(
            channel("SR", [9.0], ("s", [2.0], NormFactor(name="mu")), ("b", [5.0], NormFactor(name="k"))),
            parameters=[config("k", inits=(1.2,), fixed=True)],
        )
    )
    result = fit(model, data)
    assert result.value("k") == 1.2
    assert result.value("mu") == pytest.approx(1.5)


def test_parameters_that_the_data_cannot_tell_apart_have_no_uncertainties():
    """Two norm factors on one bin: the Hessian is singular but for rounding, whichever way that goes."""
    for nominal in ((5.0, 50.0), (3.0, 7.0), (5.0, 45.0)):
        signal, background = (
            ("s", [nominal[0]], NormFactor(name="mu")),
            ("b", [nominal[1]], NormFactor(name="k")),
        )
        best = fit(*compile_model(workspace(channel("SR", [53.0], signal, background))), options=QUIET)
        assert np.isnan(best.uncertainties).all()


def test_inverse_of_a_hessian():
    assert inverse_of(np.array([[4.0, 0.0], [0.0, 1e-30]])) == pytest.approx(np.diag([0.25, 1e30]))
    assert inverse_of(np.array([[1.0, 1.0], [1.0, 1.0 + 4e-16]])) is None  # positive definite by chance
    assert inverse_of(np.array([[1.0, 2.0], [2.0, 1.0]])) is None
    assert inverse_of(np.zeros((1, 1))) is None
    assert inverse_of(np.zeros((0, 0))).shape == (0, 0)


def test_a_parameter_without_effect_leaves_the_others_their_uncertainties():
    space = workspace(
        channel(
            "SR",
            [53.0],
            ("s", [0.0], NormFactor(name="mu")),
            ("b", [50.0], NormSys(name="a", lo=0.9, hi=1.1)),
        )
    )
    model, data = compile_model(space)
    best = fit(model, data)
    assert np.isnan(best.uncertainty("mu"))
    assert best.uncertainty("a") == pytest.approx(fit(model, data, fixed={"mu": 1.0}).uncertainty("a"))
    total = expected_yields(model, best.values, best.covariance).channels[0].total_uncertainties
    assert total == pytest.approx(
        expected_yields(model, best.values, np.diag([1.0, best.uncertainty("a") ** 2])).channels[0].total_uncertainties
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"minimizer": "minuet"}, "no minimizer 'minuet'; did you mean 'minuit'"),
        ({"tolerance": float("nan")}, "tolerance of a fit is above zero, not nan"),
        ({"tolerance": -1.0}, "tolerance of a fit is above zero"),
        ({"max_iterations": 0}, "one iteration at least, not 0"),
        ({"strategy": 9}, "strategy of MIGRAD is 0, 1 or 2, not 9"),
    ],
)
def test_settings_out_of_their_range(setting, message):
    with pytest.raises(InputError, match=message):
        FitOptions(**setting)
