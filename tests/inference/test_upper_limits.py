"""Upper limits: far away, at bounds, without background, without a limit, and few fits."""

import json
from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan, log, nan
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from hftranslate.errors import FitFailed, InputError
from hftranslate.inference import hypotest
from hftranslate.inference.fit import FitResult
from hftranslate.inference.limits import UpperLimitResult, limits_of, upper_limit
from hftranslate.inference.tester import Tester as AsymptoticTester
from hftranslate.inference.tester import Which
from hftranslate.inference.together import Fits
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted
from hftranslate.workspace import NormFactor, NormSys, ShapeSys, simplemodels
from tests.cases import compiled
from tests.likelihood.builders import channel, counting, hello_world, workspace


def dense(model: Model, data: Data, values: Sequence[float], level: float = 0.05) -> list[float]:
    """The six limits by a scan: the expected ones, then the observed, interpolated in ln CLs."""
    tester = AsymptoticTester(model=model, data=data)
    tests = [tester.test(mu) for mu in values]
    curves = [[t.cls_exp[k] for t in tests] for k in range(5)] + [[t.cls_obs for t in tests]]
    return [float(np.interp(-log(level), -np.log(np.maximum(c, 1e-300)), values)) for c in curves]


@pytest.mark.parametrize("strength", [1e-9, 1e-4, 1e-2, 1.0, 1e3, 1e7])
def test_limits_far_away(strength: float) -> None:
    """A signal of another strength has its limits elsewhere, and nothing else changes."""
    nominal = upper_limit(*hello_world())
    scaled = upper_limit(*hello_world((12.0 * strength, 11.0 * strength)))
    assert scaled.observed * strength == pytest.approx(nominal.observed, rel=3e-6)
    assert np.array(scaled.expected) * strength == pytest.approx(nominal.expected, rel=3e-6)
    assert len(scaled.scan) < 40
    assert scaled.failures == {}


def test_without_the_scan_the_data_are_fitted_only_for_the_observed_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far above what a sensitive search expects, where its data say nothing of expected limits."""
    model, data = hello_world()
    data = replace(data, observed=data.observed + 40.0)
    asked: set[float] = set()
    q, many = AsymptoticTester.q, AsymptoticTester.many

    def counted(self: AsymptoticTester, poi: float) -> tuple[float, FitResult, FitResult]:
        asked.add(poi)
        return q(self, poi)

    def counted_many(self: AsymptoticTester, which: Which, pois: Sequence[float], *known: Any) -> Fits:
        asked.update(pois if which == "data" else ())
        return many(self, which, pois, *known)

    monkeypatch.setattr(AsymptoticTester, "q", counted)
    monkeypatch.setattr(AsymptoticTester, "many", counted_many)
    found = []
    for scan in (True, False):
        asked.clear()
        found.append(limits_of(AsymptoticTester(model=model, data=data), 0.05, inf, scan=scan))
        if scan:
            assert asked >= {mu for mu, _, _ in found[0].scan}
            assert min(asked) < found[0].expected[0]
    assert min(asked) > found[0].expected[4]
    assert found[1] == replace(found[0], scan=())


def falling(n_bins: int = 45) -> tuple[Model, Data]:
    """A falling background that is gone in the last bins, where most of the signal is.

    A small constant is added to every bin, with an uncertainty of 1 %, so that a logarithm exists. The signal is scaled
    so that its limit is of order one.
    """
    x = np.arange(n_bins)
    background = np.floor(400.0 * np.exp(-x / 5.0)) + 1e-3
    signal = 0.2 * np.exp(-0.5 * ((x - 36.0) / 4.0) ** 2) + 0.0125
    observed = np.random.default_rng(4).poisson(background)
    space = simplemodels.uncorrelated_background(
        signal.tolist(), background.tolist(), (0.01 * background).tolist(), observed.tolist()
    )
    return compile_model(space)


def test_forty_five_bins_without_background_at_the_end() -> None:
    model, data = falling()
    assert np.sum(model.rates(model.parameters.vector(mu=0.0)) < 0.01) > 10
    found = upper_limit(model, data)
    scanned = dense(model, data, np.linspace(0.2, 12.0, 300).tolist())
    assert found.expected == pytest.approx(scanned[:5], rel=2e-3)
    assert found.observed == pytest.approx(scanned[5], rel=2e-3)
    assert 0.5 < found.observed < 2.0
    assert list(found.expected) == sorted(found.expected)


def test_no_background_and_nothing_observed() -> None:
    """q = q_A = 2 mu s: CLs+b is 1 - Phi(sqrt(2 mu s)), CLb one half."""
    model, data = counting(0.0, 2.0, 0.0)
    found = upper_limit(model, data)
    expected = [(k + norm.isf(0.05 * norm.cdf(k))) ** 2 / 4.0 for k in (-2, -1, 0, 1, 2)]
    assert found.observed == pytest.approx(norm.isf(0.025) ** 2 / 4.0, rel=1e-6)
    assert found.expected == pytest.approx(expected, rel=1e-6)


def test_no_background_but_events() -> None:
    with pytest.raises(
        FitFailed, match=r"background alone, which cannot be fitted .*channel 'SR', bin 0: 0 expected, 3"
    ):
        upper_limit(*counting(3.0, 2.0, 0.0))


@pytest.mark.parametrize("poi_range", ["named", "model"])
@pytest.mark.parametrize(("n", "high"), [(1.0, 10.0), (80.0, 10.0), (80.0, 100.0)])
def test_best_fit_at_a_bound(poi_range: str, n: float, high: float) -> None:
    """A deficit, and an excess that ends at the upper end of the range; limits lie beyond it where they must."""
    model, data = counting(n, 2.0, 10.0, bounds=((0.0, high),))
    tester = AsymptoticTester(model=model, data=data, poi_range=poi_range)  # type: ignore[arg-type]
    found = upper_limit(model, data, poi_range=poi_range)  # type: ignore[arg-type]
    if poi_range == "model" and n > 10.0 * high / 5.0:  # within the range no strength is too large for the data
        assert isnan(found.observed)
        assert "the model's range ends there, and --poi-range named looks beyond" in found.failures["observed"]
        assert tester.test(high).cls_obs > 0.05
        assert max(found.expected) < high
        return
    below, above = (tester.test(found.observed * factor).cls_obs for factor in (1.0 - 1e-6, 1.0 + 1e-6))
    assert above < 0.05 < below
    assert found.failures == {}
    assert found.to_dict()["outside_range"] == (["observed"] if found.observed > high else [])


@pytest.mark.parametrize("test_stat", ["qtilde", "q"])
def test_limits_within_a_range_are_those_without(test_stat: str) -> None:
    """Where the range ends between the limits, those below are the same and those above do not exist."""
    wide = upper_limit(*hello_world(), test_stat=test_stat)  # type: ignore[arg-type]
    end = 0.5 * (wide.expected[2] + wide.expected[3])
    model, data = hello_world()
    narrow = restricted(model, bounds={"mu": (-5.0 if test_stat == "q" else 0.0, end)})
    within = upper_limit(narrow, data, test_stat=test_stat, poi_range="model")  # type: ignore[arg-type]
    assert within.expected[:3] == pytest.approx(wide.expected[:3], rel=2e-6)
    assert np.isnan(within.expected[3:]).all()
    assert max(poi for poi, _, _ in within.scan) <= end
    named = upper_limit(narrow, data, test_stat=test_stat)  # type: ignore[arg-type]
    assert named.expected == pytest.approx(wide.expected, rel=2e-6)
    document = named.to_dict()
    assert document["poi"] == {"name": "mu", "range": [narrow.parameters.bounds[0, 0], end]}
    assert document["outside_range"][-2:] == ["expected +1 sigma", "expected +2 sigma"]
    assert within.to_dict()["outside_range"] == []


def test_no_limit_within_the_range() -> None:
    model, data = counting(50.0, 1.0, 50.0, ShapeSys(name="u", data=(5.0,)), bounds=((0.0, 5.0),))
    with pytest.raises(FitFailed, match=r"no upper limit: CLs is still 0\.5\d+ at .* of 5; the model"):
        upper_limit(model, data, poi_range="model")
    assert 15.0 < upper_limit(model, data).observed < 20.0


def test_expected_limits_survive_a_failing_observed_one() -> None:
    """The data push the background up to where the conditional fits leave their number of steps; Asimov data do not."""
    model, data = counting(9.0, 2.0, 10.0)
    broken, of_many = AsymptoticTester.q, AsymptoticTester.statistics

    def q(self: AsymptoticTester, poi_test: float) -> object:
        if poi_test > 0.0:
            raise FitFailed("fit failed: as this test wants it")
        return broken(self, poi_test)

    def statistics(self: AsymptoticTester, which: Which, excesses: dict[float, float]) -> dict[float, float]:
        return {} if which == "data" else of_many(self, which, excesses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AsymptoticTester, "q", q)
        patch.setattr(AsymptoticTester, "statistics", statistics)
        found = upper_limit(model, data)
    assert isnan(found.observed)
    assert found.expected == pytest.approx(upper_limit(model, data).expected, rel=2e-6)
    assert found.scan == ()
    assert "as this test wants it" in found.failures["observed"]
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["observed"] is None
    assert document["failures"] == found.failures
    assert document["expected"] == list(found.expected)


def test_observed_limit_survives_missing_expected_ones() -> None:
    """A ratio parameter: where it is large the other channel is empty, and the median CLs levels off above 5 %."""
    model, data = compiled("belle2_workspace_ratio")
    found = upper_limit(model, data)
    assert hypotest(model, data, found.observed).cls_obs == pytest.approx(0.05, abs=1e-6)
    assert isnan(found.expected[2])
    assert "CLs is still 0.191" in found.failures["expected"]
    assert "levels off" in found.failures["expected +2 sigma"]
    far = hypotest(model, data, 1e6)
    assert far.cls_exp[2] == pytest.approx(0.191, abs=1e-3)
    document = found.to_dict()
    assert document["expected"][1:] == [None] * 4
    json.dumps(document, allow_nan=False)


def test_without_bands() -> None:
    model, data = hello_world()
    found, full = upper_limit(model, data, bands=False), upper_limit(model, data)
    assert found.observed == pytest.approx(full.observed, rel=2e-6)
    assert found.expected == ()
    assert len(found.scan) < len(full.scan)
    assert found.to_dict()["expected"] == []


def test_two_sided_statistics_make_no_upper_limit() -> None:
    with pytest.raises(InputError, match="one-sided test statistic, qtilde or q, not ttilde"):
        upper_limit(*hello_world(), test_stat="ttilde")


def test_a_signal_that_changes_nothing() -> None:
    with pytest.raises(FitFailed, match=r"CLs is still 1 .*; does the parameter change the expectation\?"):
        upper_limit(*counting(3.0, 0.0, 3.0))


def test_tests_that_fail_below() -> None:
    """Close to zero signal no fit succeeds, and CLs is below the level where one does."""
    model, data = counting(10.0, 1.0, 10.0)
    original = AsymptoticTester.q_asimov

    def q_asimov(self: AsymptoticTester, poi_test: float) -> float:
        if poi_test < 50.0:
            raise FitFailed("fit failed: too small for this test")
        return original(self, poi_test)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AsymptoticTester, "q_asimov", q_asimov)
        with pytest.raises(FitFailed, match=r"no upper limit: CLs is below 0\.05 down to .*; below, at .* too small"):
            upper_limit(model, data)


def test_few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    import hftranslate.inference.tester as tester

    fits = []
    original = tester.fit

    def counted(*arguments: object, **options: object) -> object:
        fits.append(options.get("fixed"))
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(tester, "fit", counted)
    for make in (hello_world, falling, lambda: compiled("sbottom_RegionA"), lambda: compiled("displaced_Comb")):
        fits.clear()
        upper_limit(*make())
        assert len(fits) < 15


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.0 + 1e-5, 1.1, 9.0, nan])
def test_limits_do_not_rest_on_the_look(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is told of many values at once, right or wrong, single fits find the same limits."""
    model, data = falling()
    of_many = AsymptoticTester.statistics

    def told(*at: Any) -> dict[float, float]:
        return {poi: factor * q for poi, q in of_many(*at).items()}

    monkeypatch.setattr(AsymptoticTester, "statistics", told)
    found = upper_limit(model, data)
    assert hypotest(model, data, found.observed).cls_obs == pytest.approx(0.05, rel=1e-5)
    at_limits = [hypotest(model, data, mu).cls_exp[k] for k, mu in enumerate(found.expected)]
    assert at_limits == pytest.approx([0.05] * 5, rel=1e-5)


def test_strong_correlations_with_the_background() -> None:
    """A free background normalisation next to the signal, and a control region that fixes it."""
    space = workspace(
        channel("SR", [25.0], ("s", [5.0], NormFactor(name="mu")), ("b", [20.0], NormFactor(name="k"))),
        channel("CR", [210.0], ("b", [200.0], NormFactor(name="k"), NormSys(name="t", hi=1.1, lo=0.9))),
    )
    model, data = compile_model(space)
    found = upper_limit(model, data)
    scanned = dense(model, data, np.linspace(0.9, 6.5, 250).tolist())
    assert [*found.expected, found.observed] == pytest.approx(scanned, rel=1e-3)


def test_result_is_a_value() -> None:
    model, data = hello_world()
    found = upper_limit(model, data)
    assert isinstance(found, UpperLimitResult)
    assert replace(found, level=0.1).observed == found.observed
