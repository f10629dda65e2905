"""Saturated goodness of fit by hand, against pyhf and with pseudo-experiments."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy.stats import chi2, kstest, norm, poisson

from hftranslate.batch.options import BatchOptions
from hftranslate.errors import InputError
from hftranslate.formats.pyhf_json import from_document
from hftranslate.inference.fit import fit
from hftranslate.inference.goodness import (
    _Batch,
    goodness_of_fit,
    saturated_ratio,
)
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.workspace import NormFactor, NormSys, ShapeFactor, ShapeSys
from tests.cli.documents import document
from tests.likelihood.builders import channel, counting, workspace
from tests.likelihood.test_compile import compilable
from tests.strategies import workspaces


@pytest.fixture(scope="module")
def many_counts() -> tuple[Model, Data]:
    """Six bins of a hundred events and more, one normalisation, one systematic: chi-square holds well."""
    rates = [120.0, 150.0, 210.0, 260.0, 180.0, 110.0]
    systematic = NormSys(name="tilt", lo=0.95, hi=1.05)
    return compile_model(
        workspace(
            channel("A", [130.0, 141.0, 222.0], ("b", rates[:3], NormFactor(name="mu"), systematic)),
            channel("B", [251.0, 188.0, 97.0], ("b", rates[3:], NormFactor(name="mu"))),
        )
    )


def test_by_hand() -> None:
    """One bin, one constrained background: -2 ln of the ratio of the densities at the fit and at the data."""
    model, data = counting(20.0, 4.0, 10.0, NormSys(name="norm", lo=0.8, hi=1.3))
    held = restricted(model, fixed={"mu": 1.0})
    best = fit(held, data)
    nu, alpha = float(held.rates(best.values)[0]), best.value("norm")
    by_hand = -2.0 * (poisson.logpmf(20, nu) + norm.logpdf(alpha) - poisson.logpmf(20, 20.0) - norm.logpdf(0.0))
    found = goodness_of_fit(held, data)
    assert found.statistic == pytest.approx(by_hand, rel=1e-9)
    assert found.n_dof == 1  # two observables, one parameter
    assert found.p_value == pytest.approx(chi2.sf(by_hand, 1))
    assert found.constraints == pytest.approx(alpha**2, rel=1e-6)
    assert found.per_channel == (("SR", pytest.approx(found.bins)),)
    assert found.p_value_toys is None


def test_against_pyhf() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyhf

        ws = pyhf.Workspace(document())
        their = ws.model(measurement_name="meas")
        model, data = compile_model(from_document(document(), "document"), "meas")
        best = fit(model, data)
        order = [model.parameters.names.index(n) for n in their.config.par_names]
        at_fit = their.logpdf(best.values[order].tolist(), ws.data(their))[0]
        # the constraint terms of pyhf at the initial values, which are the centres of all of them here
        constraints = their.constraint_logpdf(np.array(their.config.auxdata), np.array(their.config.suggested_init()))
    np.testing.assert_allclose(data.auxdata, model.constraints.expected(model.parameters.init, model.n_aux))
    saturated = poisson.logpmf(data.observed, data.observed).sum() + float(np.asarray(constraints).sum())
    found = goodness_of_fit(model, data)
    assert found.statistic == pytest.approx(-2.0 * (at_fit - saturated), rel=1e-7)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces())
def test_asimov_data_are_described_exactly(drawn: object) -> None:
    """Under either convention: where data and global observables are as expected the statistic vanishes."""
    space = compilable(drawn)
    try:
        model, _ = compile_model(space, space.measurements[0].name)
        asimov = model.expected_data(model.parameters.init)
    except InputError:
        return
    if model.constraints.gamma_scale.size and asimov.auxdata.max() >= 10.0:
        return  # ROOT's range of that global observable ends before its expectation
    statistic = saturated_ratio(model, asimov, model.excess_nll(model.parameters.init, asimov))
    scale = 1.0 + float(np.sum(asimov.observed))
    assert statistic == pytest.approx(0.0, abs=1e-9 * scale)


def test_degrees_of_freedom() -> None:
    background = ("b", [50.0, 60.0, 70.0], NormFactor(name="k"), NormSys(name="a", lo=0.9, hi=1.1))
    signal = ("s", [5.0, 2.0, 1.0], NormFactor(name="mu"))
    model, data = compile_model(workspace(channel("SR", [52.0, 61.0, 75.0], signal, background)))
    assert goodness_of_fit(model, data).n_dof == 1  # 3 bins and 1 constraint less mu, k, a
    assert goodness_of_fit(restricted(model, fixed={"a": 0.0}), data).n_dof == 1  # neither term nor parameter
    assert goodness_of_fit(restricted(model, fixed={"mu": 0.0}), data).n_dof == 2
    # a parameter without any effect, and a bin that is empty whatever the parameters, count as nothing
    nothing = ("s", [0.0, 0.0, 0.0, 0.0], NormFactor(name="mu"))
    background = ("b", [50.0, 60.0, 70.0, 0.0], NormFactor(name="k"))
    model, data = compile_model(workspace(channel("SR", [52.0, 61.0, 75.0, 0.0], nothing, background)))
    assert goodness_of_fit(model, data).n_dof == 2


def test_no_degree_of_freedom_is_left() -> None:
    free = ("b", [50.0, 60.0], ShapeFactor(name="shape"))
    model, data = compile_model(workspace(channel("SR", [52.0, 61.0], free), poi=None))
    found = goodness_of_fit(model, data)
    assert found.n_dof == 0
    assert np.isnan(found.p_value)
    assert found.statistic == pytest.approx(0.0, abs=1e-7)
    assert found.to_dict()["p_value"] is None


def test_pseudo_experiments_follow_the_chi_square(many_counts: tuple[Model, Data]) -> None:
    model, data = many_counts
    found = goodness_of_fit(model, data, toys=400, seed=3)
    assert found.n_dof == 5
    assert len(found.toys) == 400
    assert found.failed_toys == 0
    assert kstest(found.toys, chi2(5).cdf).pvalue > 1e-3
    assert found.p_value_toys is not None
    p, error = found.p_value_toys
    assert p == pytest.approx(np.mean(found.toys >= found.statistic))
    assert abs(p - found.p_value) < 4.0 * error
    document = found.to_dict()
    assert document["toys"]["p_value"] == p
    assert document["channels"].keys() == {"A", "B"}
    assert sum(document["channels"].values()) == pytest.approx(document["bins"])


@pytest.mark.parametrize("code", [NormSys(name="held", lo=0.9, hi=1.1), ShapeSys(name="held", data=(9.0, 9.0, 9.0))])
def test_terms_of_constant_parameters_do_not_spread_pseudo_experiments(code: NormSys | ShapeSys) -> None:
    """A chi-square of the bins alone; terms that fluctuate about a constant would add a degree of freedom each."""
    rates = [320.0, 450.0, 510.0]
    free, data = compile_model(
        workspace(channel("A", [330.0, 441.0, 522.0], ("b", rates, NormFactor(name="mu"), code)))
    )
    held = {name: 1.0 if "[" in name else 0.0 for name in free.parameters.names if name.startswith("held")}
    found = goodness_of_fit(restricted(free, fixed=held), data, toys=300, seed=4)
    assert found.n_dof == 2
    assert kstest(found.toys, chi2(2).cdf).pvalue > 1e-3


def test_seeds_workers_and_resuming(many_counts: tuple[Model, Data], tmp_path: Path) -> None:
    model, data = many_counts
    here = goodness_of_fit(model, data, toys=60, seed=5)
    with ThreadPoolExecutor(2) as executor:
        there = goodness_of_fit(model, data, toys=60, seed=5, batch=BatchOptions(executor=executor))
    np.testing.assert_array_equal(here.toys, there.toys)
    assert not np.array_equal(here.toys, goodness_of_fit(model, data, toys=60, seed=6).toys)
    path = tmp_path / "toys.jsonl"
    goodness_of_fit(model, data, toys=50, seed=5, batch=BatchOptions(resume=path))
    seen: list[int] = []
    watched = BatchOptions(resume=path, progress=lambda step, done, n: seen.append(n))
    more = goodness_of_fit(model, data, toys=60, seed=5, batch=watched)
    assert seen[0] == 1  # batches of 50: the first one was there
    np.testing.assert_array_equal(more.toys, here.toys)
    best = fit(model, data)
    task = _Batch(
        model=model,
        truth=best.values,
        auxdata=data.auxdata,
        free=~best.fixed,
        bounds=best.bounds,
        seed=5,
        options=FitOptions(),
    )
    assert pickle.loads(pickle.dumps(task))((0, 3)) == task((0, 3))


def test_failed_pseudo_experiments_are_counted(many_counts: tuple[Model, Data]) -> None:
    model, data = many_counts
    best = fit(model, data)
    few = FitOptions(max_iterations=1, other_minima=False)
    task = _Batch(
        model=model, truth=best.values, auxdata=data.auxdata, free=~best.fixed, bounds=best.bounds, seed=5, options=few
    )
    assert None in task((0, 5))


def test_impossible_toys(many_counts: tuple[Model, Data]) -> None:
    with pytest.raises(InputError, match="-1 pseudo-experiments"):
        goodness_of_fit(*many_counts, toys=-1)
    with pytest.raises(InputError, match="seed of pseudo-experiments is not negative"):
        goodness_of_fit(*many_counts, toys=5, seed=-1)


def test_toys_like_the_data_count() -> None:
    """Two bins of few events: one toy in six has the counts of the data, and the same statistic but for rounding."""
    model, data = compile_model(workspace(channel("SR", [1.0, 1.0], ("b", [1.0, 1.3], NormFactor(name="k"))), poi="k"))
    result = goodness_of_fit(model, data, toys=400, seed=3)
    expected = model.rates(fit(model, data).values)
    counts = np.arange(12.0)
    chance = np.outer(*(poisson.pmf(counts, rate) for rate in expected))
    statistics = np.array(
        [
            [
                saturated_ratio(model, toy, fit(model, toy).excess_nll)
                for toy in (model.data([a, b], []) for b in counts)
            ]
            for a in counts
        ]
    )
    exact = chance[statistics >= result.statistic - 1e-6].sum()
    assert result.p_value_toys is not None
    p, error = result.p_value_toys
    assert abs(p - exact) < 3.0 * error
    assert p - float(np.mean(result.toys > result.statistic + 1e-6)) > 0.1
    assert p == np.mean(result.toys > result.statistic - 1e-6)
