"""Upper limits by toys: where exact ones are known, with errors, resumed, and what is said where there are none."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import isfinite, isnan
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

from hftranslate.batch.journal import Journal
from hftranslate.batch.options import BatchOptions
from hftranslate.errors import FitFailed, InputError
from hftranslate.toys import limits as toy_limits
from hftranslate.toys.hypotest import ToyTestResult, toy_test_of
from hftranslate.toys.limits import ToyLimitResult, toy_limit
from hftranslate.toys.samples import ToyOptions, ToySample, kept_toys
from tests.likelihood.builders import counting, hello_world


def exact(n: float, s: float, b: float, level: float = 0.05) -> float:
    """The CLs limit of a counting experiment: Poisson probabilities of as few events."""
    return float(brentq(lambda mu: poisson.cdf(n, mu * s + b) / poisson.cdf(n, b) - level, 0.0, 100.0 / s))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "s", "b"), [(3.0, 1.0, 3.0), (0.0, 2.0, 1e-3), (60.0, 1.0, 50.0), (9.0, 200.0, 10.0)])
def test_counting_experiment_has_exact_limits(n: float, s: float, b: float) -> None:
    found = toy_limit(*counting(n, s, b, bounds=((0.0, 100.0),)), toy_options=ToyOptions(toys=1500, seed=3))
    assert abs(found.observed - exact(n, s, b)) < 4.0 * found.observed_error
    assert found.observed_error < 0.1 * found.observed
    median = poisson.ppf(0.5, b)
    assert abs(found.expected[2] - exact(median, s, b)) < 4.0 * found.expected_errors[2]
    assert found.failures == {}
    assert list(found.expected) == sorted(found.expected) or b < 1.0  # all bands are the same there
    assert len(found.scan) < 20


@pytest.mark.slow
def test_expected_limits_are_those_of_the_quantiles_of_the_counts() -> None:
    n, s, b = 20.0, 2.0, 20.0
    found = toy_limit(*counting(n, s, b, bounds=((0.0, 100.0),)), toy_options=ToyOptions(toys=2500, seed=1))
    for k, value, error in zip((-1, 0, 1), found.expected[1:4], found.expected_errors[1:4], strict=True):
        quantile = poisson.ppf({-1: 0.158655, 0: 0.5, 1: 0.841345}[k], b)
        near = [exact(quantile + d, s, b) for d in (-1.0, 0.0, 1.0)]
        assert min(abs(value - limit) for limit in near) < 4.0 * error


def test_does_not_depend_on_what_was_kept(tmp_path: Path) -> None:
    model, data = hello_world()
    path = tmp_path / "toys.jsonl"
    first = toy_limit(
        model, data, bands=False, toy_options=ToyOptions(toys=60, seed=1), batch=BatchOptions(resume=path)
    )
    again = toy_limit(
        model, data, bands=False, toy_options=ToyOptions(toys=60, seed=1), batch=BatchOptions(resume=path)
    )
    assert first.to_dict() == again.to_dict()
    assert first.expected == ()
    kept = kept_toys(Journal.read(path).results, "")
    assert [k.poi_test for k in kept] == [t.poi_test for t in first.scan]
    assert (
        toy_limit(model, data, bands=False, toy_options=ToyOptions(toys=60, seed=1)).to_dict()["scan"]
        == (first.to_dict()["scan"])
    )


def test_bad_questions() -> None:
    model, data = hello_world()
    with pytest.raises(InputError, match=r"between 0 and 1, not 1\.5"):
        toy_limit(model, data, 1.5)
    with pytest.raises(InputError, match="one-sided test statistic, qtilde or q, not t"):
        toy_limit(model, data, test_stat="t")


def test_a_signal_that_changes_nothing() -> None:
    with pytest.raises(FitFailed, match=r"no upper limit: CLs does not cross 0\.05 between"):
        toy_limit(*counting(3.0, 0.0, 3.0), toy_options=ToyOptions(toys=30))


def scripted(monkeypatch: pytest.MonkeyPatch, make: Callable[[float], ToyTestResult]) -> list[float]:
    """Tests that follow a script; the values that they are asked for."""
    asked: list[float] = []

    def run(tester: object, poi: float, *_: object, **__: object) -> ToyTestResult:
        asked.append(poi)
        return make(poi)

    monkeypatch.setattr(toy_limits, "run_toy_test", run)
    return asked


def test_limits_far_from_the_asymptotic_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values walk to where CLs crosses the level, upwards and downwards."""
    rng = np.random.default_rng(1)
    for place in (8.0, 0.1):

        def make(poi: float, place: float = place) -> ToyTestResult:
            signal = ToySample(signal=rng.normal(0.0, 1.0, 4000), background=rng.normal(poi / place, 1.0, 4000))
            return toy_test_of(signal, poi, "q", 1.0 + poi / place, 0.0)

        asked = scripted(monkeypatch, make)
        found = toy_limit(*hello_world(), bands=False)
        assert 0.3 * place < found.observed < 3.0 * place
        assert len(asked) < 20


def test_partial_results_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toys of one value fail: limits that need it are missing, the others stand."""
    model, data = hello_world()
    good = toy_limit(model, data, toy_options=ToyOptions(toys=100, seed=2))

    def make(poi: float) -> ToyTestResult:
        if poi > good.expected[3]:
            raise FitFailed("9 of 100 toys could not be fitted")
        return next(t for t in full.scan if t.poi_test == poi)

    full = replace(good)
    scripted(monkeypatch, make)
    found = toy_limit(model, data, toy_options=ToyOptions(toys=100, seed=2))
    assert isnan(found.expected[4])
    assert "9 of 100 toys" in found.failures["expected +2 sigma"]
    assert isfinite(found.expected[2])
    document = found.to_dict()
    assert document["expected"][4] is None
    assert document["failures"] == found.failures
    json.dumps(document, allow_nan=False)


def test_result_adds_up() -> None:
    model, data = hello_world()
    found = toy_limit(model, data, bands=False, toy_options=ToyOptions(toys=40, seed=2))
    assert isinstance(found, ToyLimitResult)
    document = found.to_dict()
    assert document["toys"] == {
        "signal": 40 * len(found.scan),
        "background": 40 * len(found.scan),
        "failed": 0,
        "seeds": [2],
    }
