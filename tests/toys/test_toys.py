"""Toys: what is drawn, and that fitting them in bulk is fitting each of them."""

import numpy as np
import pytest
from scipy.special import ndtr

from hftranslate.errors import InputError
from hftranslate.inference.fit import fit
from hftranslate.inference.hypotest import Tester as Analysis
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood import poisson
from hftranslate.likelihood.compile import compile_model
from hftranslate.toys.fits import TOY_OPTIONS, Toys, _inside, fit_toys, sample_toys
from hftranslate.workspace import PYHF, ROOT, Lumi, NormFactor, StatError
from tests.cases import compiled
from tests.likelihood.builders import channel, config, counting, hello_world, workspace


def poissons_and_gaussians(conventions):
    """Bin factors of 60 % with a Gaussian constraint, and a luminosity known to 50 %."""
    return compile_model(
        workspace(
            channel(
                "SR",
                [12.0, 6.0],
                ("s", [3.0, 1.0], NormFactor(name="mu"), Lumi()),
                ("b", [10.0, 5.0], StatError(name="st", data=(6.0, 0.5)), Lumi()),
            ),
            parameters=[config("lumi", auxdata=(1.0,), sigmas=(0.5,))],
            conventions=conventions,
        )
    )


def test_toys_are_spread_as_the_model_says():
    model, data = hello_world()
    truth = fit(model, data).values
    toys = sample_toys(model, truth, 20_000, np.random.default_rng(3))
    assert len(toys) == 20_000
    assert toys.observed.shape == (20_000, 2)
    tau = np.array([(50.0 / 3.0) ** 2, (52.0 / 7.0) ** 2])
    for drawn, mean in ((toys.observed, model.rates(truth)), (toys.auxdata, truth[1:] * tau)):
        np.testing.assert_array_equal(drawn, np.round(drawn))
        # five standard deviations of the mean, and of the variance, of 20 000 Poisson numbers
        np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5.0 * np.sqrt(mean.max() / 20_000))
        np.testing.assert_allclose(drawn.var(axis=0), mean, rtol=5.0 * np.sqrt(2.1 / 20_000))


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_fits_start_no_higher_than_at_the_base(size):
    """However far away the first order has the minimum; where it is good, that is where they start."""
    model, data = hello_world()
    p, base = model.parameters, fit(model, data).values
    toys = sample_toys(model, base, 50, np.random.default_rng(4))
    steps = size * np.random.default_rng(5).normal(0.0, 0.05, size=(50, len(base)))
    starts = _inside(model, toys.observed, toys.auxdata, ~p.fixed, p.bounds, base, steps)
    each = [model.data(*pair) for pair in zip(toys.observed, toys.auxdata, strict=True)]
    rise = [model.excess_nll(s, d) - model.excess_nll(base, d) for s, d in zip(starts, each, strict=True)]
    assert max(rise) <= 1e-12
    assert min(rise) < 0.0


@pytest.mark.parametrize("conventions", [PYHF, ROOT])
def test_gaussian_observables(conventions):
    """Under ROOT's conventions they stay in their range: [0, 10] for a bin factor, [0, L + 10 sigma] for the lumi."""
    model, _ = poissons_and_gaussians(conventions)
    truth = model.parameters.init
    aux = sample_toys(model, truth, 20_000, np.random.default_rng(5)).auxdata
    c = model.constraints
    for i, (place, width) in enumerate(zip(c.gauss_aux, c.width, strict=True)):
        drawn = (aux[:, place] - truth[c.gauss_parameter[i]]) / width
        below = ndtr(-1.0 / width) if conventions is ROOT else 0.0
        assert (drawn.min() * width > -1.0) == (conventions is ROOT or width < 0.2)
        expected = (ndtr(0.5) - below) / (1.0 - below)
        assert np.mean(drawn < 0.5) == pytest.approx(expected, abs=5.0 * 0.5 / np.sqrt(20_000))


def test_toys_depend_on_the_generator_only():
    model, _ = hello_world()
    one, other = (sample_toys(model, model.parameters.init, 5, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.observed, other.observed)
    np.testing.assert_array_equal(one.auxdata, other.auxdata)


def test_very_large_means():
    drawn = poisson.sample(np.array([0.0, 1e15, 1e30]), 4_000, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn[:, 0], 0.0)
    assert (drawn[:, 1].mean() - 1e15) / np.sqrt(1e15 / 4_000) == pytest.approx(0.0, abs=4.0)
    assert (drawn[:, 2].std()) == pytest.approx(1e15, rel=0.05)


def test_no_toys_where_none_can_be():
    model, _ = counting(3.0, 1.0, 2.0, bounds=((-5.0, 5.0),))
    with pytest.raises(InputError, match=r"bin 0 has a negative expectation \(-1\)"):
        sample_toys(model, np.array([-3.0]), 10, np.random.default_rng(1))
    with pytest.raises(InputError, match="-1 toys cannot be drawn"):
        sample_toys(model, np.array([1.0]), -1, np.random.default_rng(1))
    none = fit_toys(model, sample_toys(model, np.array([1.0]), 0, np.random.default_rng(1)), 1.0)
    assert none.q.shape == none.valid.shape == (0,)


@pytest.mark.parametrize("test_stat", ["qtilde", "q"])
def test_closed_form(test_stat):
    """One bin without uncertainties: q = 2 [mu s + b - n + n ln(n / (mu s + b))] for 0 < muhat < mu."""
    model, _ = counting(3.0, 2.0, 5.0)
    toys = sample_toys(model, np.array([1.0]), 200, np.random.default_rng(11))
    fits = fit_toys(model, toys, 2.0, test_stat=test_stat)
    n = toys.observed[:, 0]
    muhat = (n - 5.0) / 2.0
    if test_stat == "qtilde":
        muhat = np.maximum(muhat, 0.0)
    nll = (
        np.where(n > 0.0, 9.0 - n * np.log(9.0), 9.0),
        np.where(n > 0.0, 2.0 * muhat + 5.0 - n * np.log(np.where(n > 0.0, 2.0 * muhat + 5.0, 1.0)), 2.0 * muhat + 5.0),
    )
    np.testing.assert_allclose(fits.muhat, muhat, atol=1e-6)
    np.testing.assert_allclose(fits.q, np.where(muhat <= 2.0, 2.0 * (nll[0] - nll[1]), 0.0), atol=1e-8)
    assert fits.valid.all()


@pytest.mark.parametrize("name", ["sbottom_RegionA", "2l2j_ewk_simplified", "pyhf_2-bin_1-channel"])
def test_bulk_fits_are_the_fits_of_each_toy(name, shared):
    """Each agrees with the tester that analyses data, or found a lower minimum (such small samples have several)."""
    model, data = compiled(name)
    poi = model.parameters.names[model.parameters.poi_index]
    truth = fit(model, data, fixed={poi: 1.0}).values
    toys = sample_toys(model, truth, 25, np.random.default_rng(13))
    fits = fit_toys(model, toys, 1.0)
    assert fits.valid.all()
    agree = 0
    for i in range(len(toys)):
        data = model.data(toys.observed[i], toys.auxdata[i])
        q, free, conditional = Analysis(model=model, data=data, options=TOY_OPTIONS).q(1.0)
        agree += q == pytest.approx(fits.q[i], abs=1e-6)
        for ours, other in ((fits.free_nll[i], free), (fits.conditional_nll[i], conditional)):
            assert ours == pytest.approx(other.excess_nll, abs=1e-6) or abs(ours - other.excess_nll) > 1e-3
        assert fits.conditional_nll[i] >= fits.free_nll[i] - 1e-8
    assert agree >= 23


def test_results_do_not_depend_on_the_batch(shared):
    model, data = compiled("sbottom_RegionA")
    truth = fit(model, data, fixed={"mu_SIG": 0.0}).values
    toys = sample_toys(model, truth, 12, np.random.default_rng(17))
    together = fit_toys(model, toys, 1.0)
    for size in (1, 5):
        parts = [
            fit_toys(
                model, Toys(truth=truth, observed=toys.observed[i : i + size], auxdata=toys.auxdata[i : i + size]), 1.0
            )
            for i in range(0, 12, size)
        ]
        for what in ("q", "muhat", "free_nll", "conditional_nll", "valid"):
            found = np.concatenate([getattr(p, what) for p in parts])  # sums of arrays of other shapes are rounded
            near = 1e-5 if what == "muhat" else 1e-10  # the NLL is flat at its minimum
            np.testing.assert_allclose(found, getattr(together, what), rtol=0.0, atol=near)


def test_failed_fits_are_marked():
    """Three iterations are not enough for every toy; the others stand."""
    model, _ = poissons_and_gaussians(PYHF)
    toys = sample_toys(model, model.parameters.init, 50, np.random.default_rng(19))
    hurried = fit_toys(model, toys, 1.0, options=FitOptions(max_iterations=3))
    patient = fit_toys(model, toys, 1.0)
    assert patient.valid.all()
    assert 0 < hurried.valid.sum() < 50
    np.testing.assert_array_equal(np.isnan(hurried.q), ~hurried.valid)
    np.testing.assert_allclose(hurried.q[hurried.valid], patient.q[hurried.valid], atol=1e-7)
