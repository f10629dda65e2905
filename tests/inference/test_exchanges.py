"""Free factors that change places: a start at the other end, and lower minima of a published model's toys.

The judges are the geometry of factors that do the same, and fits by SciPy from many places.
"""

from dataclasses import replace

import numpy as np
import pytest

from hftranslate.inference.exchanges import Exchanges, columns_of, factors_of, shared_otherwise
from hftranslate.inference.fit import fit
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.together import Fits
from hftranslate.inference.valleys import fit_many
from hftranslate.likelihood.compile import compile_model
from hftranslate.toys.fits import sample_toys
from hftranslate.workspace import NormFactor, NormSys, ShapeSys, StatError
from tests.cases import compiled
from tests.likelihood.builders import channel, workspace


def alike(background=(20.0, 40.0), names=("mu", "k")):
    """A signal of nearly the same shape as the background."""
    model, data = compile_model(
        workspace(
            channel(
                "SR",
                [20.0, 41.0],
                ("s", [2.1, 3.9], NormFactor(name=names[0]), NormSys(name="a", lo=0.9, hi=1.1)),
                ("b", list(background), NormFactor(name=names[1])),
            )
        )
    )
    return model, data, np.flatnonzero(~model.parameters.fixed)


def starts_from(model, data, index, **values):
    theta = model.parameters.vector(**values)
    found = []
    for x in of_information(model, index, model.convex_hessian(theta, data)[np.ix_(index, index)], theta):
        moved = theta.copy()
        moved[index] = x
        found.append(moved)
    return theta, found


def of_information(model, index, information, theta):
    factors = factors_of(model, index)
    columns = columns_of(information, factors)
    exchanges = Exchanges.of(model, index, factors, columns[None])
    owners, points = exchanges.starts(theta[None, index], model.parameters.bounds[index])
    assert np.all(owners == 0)
    return points


def test_a_factor_at_zero_and_one_that_does_the_same():
    """The background goes to zero, and the signal makes up for it."""
    model, data, index = alike()
    theta, starts = starts_from(model, data, index, mu=0.0, k=1.0)
    (start,) = starts
    assert start[model.parameters.index("k")] == pytest.approx(0.0, abs=1e-9)
    assert start[model.parameters.index("mu")] == pytest.approx(10.0, rel=0.02)
    np.testing.assert_allclose(model.rates(start), model.rates(theta), rtol=0.05)


def test_both_ends_from_the_middle():
    model, data, index = alike()
    _, starts = starts_from(model, data, index, mu=4.0, k=0.6)
    at = [(s[model.parameters.index("mu")], s[model.parameters.index("k")]) for s in starts]
    assert min(mu for mu, _ in at) == pytest.approx(0.0, abs=1e-9)
    assert min(k for _, k in at) == pytest.approx(0.0, abs=1e-9)


def test_nothing_to_exchange():
    model, data, index = alike(names=("mu", "mu"))
    assert not len(factors_of(model, index))  # there is one factor only
    assert starts_from(model, data, index, mu=0.0)[1] == []
    model, data, index = alike(background=(60.0, 6.0))
    assert starts_from(model, data, index, mu=0.0, k=1.0)[1] == []  # of another shape
    model, data, index = alike()
    assert not len(of_information(model, index, np.full((len(index), len(index)), np.nan), model.parameters.init))


@pytest.mark.parametrize(("toy", "gain"), [(32, 0.3), (117, 0.087)])
def test_a_signal_in_place_of_a_background(shared, toy, gain):
    """Two of 150 toys of a published model, whose first minima are without signal; SciPy stays at both."""
    model, _ = compiled("sbottom_RegionC")
    truth = fit(*compiled("sbottom_RegionC"), fixed={"mu_SIG": 1.0}).values
    toys = sample_toys(model, truth, 150, np.random.default_rng(7))
    data = model.data(toys.observed[toy], toys.auxdata[toy])
    first, found = fit(model, data, options=FitOptions(other_minima=False)), fit(model, data)
    assert first.value("mu_SIG") == 0.0
    assert found.value("mu_SIG") > 5.0
    assert first.excess_nll - found.excess_nll == pytest.approx(gain, rel=0.02)
    alone = FitOptions(minimizer="scipy", other_minima=False)
    for end in (first, found):
        assert fit(model, data, start=end.values, options=alone).excess_nll == pytest.approx(end.excess_nll, abs=1e-6)


def test_a_factor_that_a_fit_holds_stays(shared):
    """Of the same toys, fitted many at once: alone as in a single fit, and nowhere where another factor is held."""
    model, _ = compiled("sbottom_RegionC")
    p = model.parameters
    truth = fit(*compiled("sbottom_RegionC"), fixed={"mu_SIG": 1.0}).values
    toys = sample_toys(model, truth, 150, np.random.default_rng(7))
    some = [32, 117]
    starts = np.tile(truth, (2, 1))
    fits = Fits(observed=toys.observed[some], auxdata=toys.auxdata[some], starts=starts, free=~p.fixed, bounds=p.bounds)
    found = fit_many(model, fits, tolerance=1e-8, search=True)
    for i, toy in enumerate(some):
        alone = fit(model, model.data(toys.observed[toy], toys.auxdata[toy]))
        assert found.values[i] == pytest.approx(alone.excess_nll, abs=1e-7)
        assert found.thetas[i, p.poi_index] > 5.0
    held = np.zeros(starts.shape, dtype=np.bool_)
    held[:, p.poi_index] = True
    found = fit_many(model, replace(fits, held=held), tolerance=1e-8, search=True)
    assert np.all(found.thetas[:, p.poi_index] == truth[p.poi_index])


def one_bin(background=40.0, of_sample=0.7, of_bin=0.35, n=0.0):
    """A bin with a Poisson factor of its sample and a Gaussian one of its own: what is lacking may be either's."""
    factors = ShapeSys(name="sh", data=(of_sample * background,)), StatError(name="st", data=(of_bin * background,))
    return compile_model(
        workspace(channel("SR", [n], ("s", [5.0], NormFactor(name="mu")), ("b", [background], *factors)))
    )


@pytest.mark.parametrize("n", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("background", [10.0, 40.0])
@pytest.mark.parametrize(("of_sample", "of_bin"), [(0.7, 0.35), (0.5, 0.25), (0.5, 0.5), (1.0, 0.5), (0.2, 0.3)])
def test_factors_of_a_bin_share_what_it_lacks_in_the_cheapest_way(background, of_sample, of_bin, n):
    """The judge is a grid of both, with the signal at zero, where the excess of the background puts it."""
    model, data = one_bin(background, of_sample, of_bin, n)
    found = fit(model, data)
    one, other = np.meshgrid(*(np.geomspace(1e-3, 1.7, 200),) * 2)
    points = np.zeros((one.size, 3))
    names = model.parameters.names
    points[:, names.index("sh[0]")], points[:, names.index("st[0]")] = one.ravel(), other.ravel()
    assert found.excess_nll <= model.excess_of_many(points, data).min() + 1e-3
    assert found.sure


def test_toys_share_what_a_bin_lacks_as_data_do():
    model, _ = one_bin()
    rng = np.random.default_rng(1)
    observed = rng.integers(0, 2, (60, 1)).astype(float)
    auxdata = model.expected_data(model.parameters.init).auxdata * rng.uniform(0.8, 1.2, (60, model.n_aux))
    p = model.parameters
    fits = Fits(observed=observed, auxdata=auxdata, starts=np.tile(p.init, (60, 1)), free=~p.fixed, bounds=p.bounds)
    together = fit_many(model, fits, tolerance=1e-8, search=True)
    first = fit_many(model, fits, tolerance=1e-8, search=False)
    alone = [fit(model, model.data(*both)).excess_nll for both in zip(observed, auxdata, strict=True)]
    kept = together.converged
    assert np.sum(first.values[kept] > together.values[kept] + 0.1) > 5
    np.testing.assert_allclose(together.values[kept], np.array(alone)[kept], atol=1e-7)
    assert kept.sum() > 30


def test_looking_at_shares_costs_no_more_for_more_bins():
    """So many places of each fit are looked at, however many pairs there are."""
    n, rng = 120, np.random.default_rng(1)
    b = np.linspace(40.0, 2.0, n)
    factors = ShapeSys(name="sh", data=tuple(0.4 * b)), StatError(name="st", data=tuple(0.3 * b))
    signal = ("s", tuple(0.1 * b), NormFactor(name="mu"))
    model, data = compile_model(workspace(channel("SR", np.round(b), signal, ("b", tuple(b), *factors))))
    thetas = np.exp(rng.normal(0.0, 0.4, (3, len(model.parameters))))
    observed = np.stack([np.zeros(n), np.round(b), np.round(b)])
    auxdata = np.broadcast_to(data.auxdata, (3, model.n_aux))
    owner, points, most = shared_otherwise(model, ~model.parameters.fixed, thetas, observed, auxdata)
    assert np.bincount(owner, minlength=3).max() <= 16
    assert len(owner) == len(points) == len(most) > 16
    for fit_of, point in zip(owner, points, strict=True):
        assert np.count_nonzero(point != thetas[fit_of]) == 2
    nobody = shared_otherwise(model, ~model.parameters.fixed, np.ones_like(thetas), observed, auxdata)
    assert [len(part) for part in nobody] == [0, 0, 0]
