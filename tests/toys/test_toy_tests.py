"""p-values from toys: calibrated, with errors, whatever the workers; kept, resumed and merged."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from hftranslate.batch.fingerprint import fingerprint
from hftranslate.batch.journal import Journal
from hftranslate.batch.options import BatchOptions
from hftranslate.errors import FitFailed, FormatError, InputError
from hftranslate.inference import hypotest as asymptotic_test
from hftranslate.inference.asymptotics import expected_pvalues
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.toys import samples as toy_samples
from hftranslate.toys.discovery import toy_significance, toy_significance_of
from hftranslate.toys.fits import fit_toys, sample_toys
from hftranslate.toys.hypotest import (
    ToyTestResult,
    p_value,
    toy_test,
    toy_test_of,
)
from hftranslate.toys.samples import (
    CHUNK,
    Chunk,
    ToyOptions,
    ToySample,
    chunks_of,
    kept_toys,
    merged,
    observed_key,
)
from hftranslate.translation.load import load
from hftranslate.workspace import NormSys
from hftranslate.workspace.simplemodels import uncorrelated_background
from tests.likelihood.builders import counting, hello_world

VALIDATION = Path(__file__).resolve().parents[2] / "validation"


def same(a: ToyTestResult, b: ToyTestResult) -> bool:
    return a.to_dict() == b.to_dict()


# ------------------------------------------------------------ calibration


@pytest.mark.parametrize("test_stat", ["qtilde", "q"])
@pytest.mark.parametrize(("n", "poi"), [(1.0, 1.0), (4.0, 1.5), (7.0, 2.0), (20.0, 1.0)])
def test_counting_experiment_has_exact_poisson_probabilities(n: float, poi: float, test_stat: Any) -> None:
    """Without nuisance parameters CLs+b is the probability of as few events, unless the best fit is beyond."""
    s, b, toys = 4.0, 3.0, 2000
    model, data = counting(n, s, b)
    found = toy_test(model, data, poi, test_stat=test_stat, toy_options=ToyOptions(toys=toys, seed=11))
    beyond = (n - b) / s > poi
    # every count below the background alone gives q-tilde by the same comparison, and so a smaller one for fewer events
    clsb, clb = (1.0, 1.0) if beyond else (poisson.cdf(n, poi * s + b), poisson.cdf(n, b))
    for p, exact in ((found.clsb, clsb), (found.clb, clb)):
        count = round(p.value * toys)
        assert min(binom.cdf(count, toys, exact), binom.sf(count - 1, toys, exact)) > 1e-4
        if 0.0 < p.value < 1.0:
            assert p.error == pytest.approx(sqrt(p.value * (1.0 - p.value) / toys))
    assert found.cls.value == pytest.approx(found.clsb.value / found.clb.value)


def test_expected_values_are_those_of_the_quantiles_of_the_counts() -> None:
    s, b, toys = 5.0, 6.0, 3000
    model, data = counting(6.0, s, b)
    found = toy_test(model, data, 1.0, toy_options=ToyOptions(toys=toys, seed=3))
    for k, value, error in zip((-2, -1, 0, 1, 2), found.cls_exp, found.cls_exp_error, strict=True):
        n = poisson.ppf(expected_pvalues(0.0)[1][k + 2], b)
        exact = poisson.cdf(n, s + b) / poisson.cdf(n, b) if (n - b) / s < 1.0 else 1.0
        assert value == pytest.approx(exact, abs=max(4.0 * error, 0.02))


@pytest.mark.parametrize("n", [2.0, 5.0, 9.0])
def test_discovery_has_exact_poisson_probabilities(n: float) -> None:
    s, b, toys = 4.0, 3.0, 2000
    model, data = counting(n, s, b)
    found = toy_significance(model, data, toy_options=ToyOptions(toys=toys, seed=7))
    exact = poisson.sf(n - 1.0, b) if n > b else 1.0
    count = round(found.p0.value * toys)
    assert min(binom.cdf(count, toys, exact), binom.sf(count - 1, toys, exact)) > 1e-4
    median = poisson.ppf(0.5, s + b)
    assert found.p0_exp[2] == pytest.approx(poisson.sf(median - 1.0, b), abs=0.015)
    assert list(found.p0_exp) == sorted(found.p0_exp, reverse=True)
    assert list(found.z_exp) == sorted(found.z_exp)


def test_pvalues_of_many_experiments_are_uniform() -> None:
    """Calibration: where the signal is there, CLs+b is below alpha in alpha of the experiments."""
    model, _ = counting(30.0, 10.0, 60.0)
    truth = np.array([1.0])
    distribution, experiments = (
        fit_toys(model, sample_toys(model, truth, n, np.random.default_rng(n)), 1.0).q for n in (2000, 400)
    )
    p = np.array([p_value(distribution, q).value for q in experiments])
    for alpha in (0.05, 0.1, 0.2, 0.3):
        # counts are discrete: the probability is that of the largest p-value below alpha
        exact = poisson.cdf(poisson.ppf(alpha, 70.0) - 1.0, 70.0)
        assert np.mean(p <= alpha) == pytest.approx(exact, abs=4.0 * sqrt(exact / 400) + 0.03)


@pytest.mark.slow
def test_agrees_with_the_asymptotic_formulae_where_there_are_many_events() -> None:
    space = uncorrelated_background([60.0, 40.0], [2000.0, 1500.0], [20.0, 15.0], observed=[2010, 1490])
    model, data = compile_model(space)
    for test_stat in ("qtilde", "q", "ttilde", "t"):
        toys = toy_test(model, data, 1.0, test_stat=test_stat, toy_options=ToyOptions(toys=600, seed=2))
        expected = asymptotic_test(model, data, 1.0, test_stat=test_stat)
        assert toys.q == pytest.approx(expected.q)
        assert abs(toys.clsb_obs - expected.clsb_obs) < 4.0 * toys.clsb.error
        assert abs(toys.clb_obs - expected.clb_obs) < 4.0 * toys.clb.error
        assert abs(toys.cls_obs - expected.cls_obs) < 4.0 * toys.cls.error
        assert abs(toys.cls_exp[2] - expected.cls_exp[2]) < 4.0 * toys.cls_exp_error[2] + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["normsys", "shapesys_poisson", "staterror_large_poisson"])
def test_agrees_with_the_frequentist_calculator_of_root(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored p-values of RooStats' FrequentistCalculator, whose toys are others, within both errors.

    Cross-checks of these cases compare as many toys again, of another seed.
    """
    reference = json.loads((VALIDATION.parent / "reference_outputs" / f"{name}.json").read_text())
    (theirs,) = (t for t in reference["hypotests"] if t["calculator"] == "toys")
    monkeypatch.chdir(VALIDATION)
    model, data = compile_model(load(f"cases/{name}/model.xml").workspace)
    ours = toy_test(
        model,
        data,
        theirs["poi"],
        test_stat=theirs["test_stat"],
        poi_range="model",
        toy_options=ToyOptions(toys=1000, seed=1),
    )
    for key, p in (("CLsb", ours.clsb), ("CLb", ours.clb)):
        assert abs(p.value - theirs[key]) < 4.0 * sqrt(p.error**2 + theirs["toys"][f"{key}_error"] ** 2)
    assert abs(ours.cls_obs - theirs["CLs_obs"]) < 4.0 * sqrt(ours.cls.error**2 + theirs["toys"]["CLs_error"] ** 2)


# ------------------------------------------------------------ chunks


@pytest.mark.slow
def test_results_do_not_depend_on_the_workers() -> None:
    model, data = hello_world()
    alone = toy_test(model, data, 1.0, toy_options=ToyOptions(toys=250, seed=4))
    with ThreadPoolExecutor(3) as executor:
        batch = BatchOptions(executor=executor)
        assert same(toy_test(model, data, 1.0, toy_options=ToyOptions(toys=250, seed=4), batch=batch), alone)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        batch = BatchOptions(executor=executor)
        assert same(toy_test(model, data, 1.0, toy_options=ToyOptions(toys=250, seed=4), batch=batch), alone)
    assert not same(toy_test(model, data, 1.0, toy_options=ToyOptions(toys=250, seed=5)), alone)


def test_a_larger_run_begins_with_the_toys_of_a_smaller_one(tmp_path: Path) -> None:
    model, data = hello_world()
    kept = []
    for toys in (30, 130, 310):
        path = tmp_path / f"{toys}.jsonl"
        toy_test(model, data, 1.0, toy_options=ToyOptions(toys=toys, seed=4), batch=BatchOptions(resume=path))
        (found,) = kept_toys(Journal.read(path).results, "")
        assert len(found.sample.signal) == toys
        kept.append(found.sample)
    for smaller, larger in pairwise(kept):
        np.testing.assert_array_equal(larger.signal[: len(smaller.signal)], smaller.signal)
        np.testing.assert_array_equal(larger.background[: len(smaller.background)], smaller.background)
    assert len(set(kept[-1].signal) & set(kept[-1].background)) <= 1  # zero at most


def test_chunks() -> None:
    chunks = chunks_of(1.0, ToyOptions(toys=2 * CHUNK + 7, seed=3))
    assert [(c.hypothesis, c.number, c.size) for c in chunks[-2:]] == [("signal", 2, 7), ("background", 2, 7)]
    assert len({c.key for c in chunks}) == len(chunks) == 6
    others = chunks_of(1.0, ToyOptions(toys=1, seed=4))
    numbers = {tuple(c.generator().integers(0, 2**30, 4)) for c in [*chunks, *others]}
    assert len(numbers) == 8
    again = Chunk(poi_test=2.0, seed=3, hypothesis="signal", number=0, size=5)
    assert again.generator().integers(0, 2**30) == chunks[0].generator().integers(0, 2**30)
    for wrong, message in (
        ({"toys": 0}, "needs toys, not 0"),
        ({"seed": -1}, "not negative, as -1 is"),
        ({"most_failed": 1.5}, "lies between 0 and 1, not at 1.5"),
    ):
        with pytest.raises(InputError, match=message):
            ToyOptions(**wrong)


# ------------------------------------------------------------ kept, resumed, merged


def test_resumed_runs_fit_only_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = hello_world()
    path = tmp_path / "toys.jsonl"
    fitted: list[tuple[str, list[int]]] = []
    original = toy_samples.ToyExperiment.__call__

    def counted(self: toy_samples.ToyExperiment, chunks: Sequence[Chunk]) -> list[list[float | None]]:
        fitted.append((chunks[0].hypothesis, [c.number for c in chunks]))
        if len(fitted) == 3 and stop:
            raise KeyboardInterrupt
        return original(self, chunks)

    monkeypatch.setattr(toy_samples.ToyExperiment, "__call__", counted)
    stop = True
    with pytest.raises(KeyboardInterrupt):
        toy_test(model, data, 1.0, toy_options=ToyOptions(toys=600, seed=9), batch=BatchOptions(resume=path))
    assert len(Journal.read(path).results) == 1 + 2 * 4  # the test of the data, and the chunks of two tasks
    stop, fitted = False, []
    told: list[tuple[int, int]] = []
    watched = BatchOptions(resume=path, progress=lambda step, done, total: told.append((done, total)))
    resumed = toy_test(model, data, 1.0, toy_options=ToyOptions(toys=600, seed=9), batch=watched)
    assert fitted == [("signal", [4, 5]), ("background", [4, 5])]
    assert told == [(800, 1200), (1000, 1200), (1200, 1200)]
    assert same(resumed, toy_test(model, data, 1.0, toy_options=ToyOptions(toys=600, seed=9)))


def test_kept_toys_of_another_test_are_refused(tmp_path: Path) -> None:
    model, data = hello_world()
    path = tmp_path / "toys.jsonl"
    toy_test(model, data, 1.0, toy_options=ToyOptions(toys=10), batch=BatchOptions(resume=path))
    # another value of the same model is welcome
    toy_test(model, data, 2.0, toy_options=ToyOptions(toys=10), batch=BatchOptions(resume=path))
    assert [k.poi_test for k in kept_toys(Journal.read(path).results, "")] == [1.0, 2.0]
    with pytest.raises(InputError, match="another task"):
        toy_test(model, data, 1.0, test_stat="q", toy_options=ToyOptions(toys=10), batch=BatchOptions(resume=path))
    with pytest.raises(InputError, match="another task"):
        toy_test(*counting(3.0), 1.0, toy_options=ToyOptions(toys=10), batch=BatchOptions(resume=path))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="another task"):
        toy_significance(model, data, toy_options=ToyOptions(toys=10), batch=BatchOptions(resume=path))


def test_merging(tmp_path: Path) -> None:
    model, data = hello_world()
    paths = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for path, seed, toys in zip(paths, (1, 2, 1), (150, 100, 250), strict=True):
        toy_test(model, data, 1.0, toy_options=ToyOptions(toys=toys, seed=seed), batch=BatchOptions(resume=path))
    journals = [Journal.read(p) for p in paths]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        (kept,) = kept_toys(merged([journals[i] for i in order]), "")
        assert kept.seeds == (1, 2)
        assert len(kept.sample.signal) == 350  # the 150 toys of the first are among the 250 of the last
        assert kept.observed["q"] == pytest.approx(asymptotic_test(model, data).q)
    both = kept_toys(merged(journals[:2]), "")[0].sample
    found = toy_test_of(both, 1.0, "qtilde", kept.observed["q"], kept.observed["muhat"])
    parts = [toy_test(model, data, 1.0, toy_options=ToyOptions(toys=n, seed=seed)) for n, seed in ((150, 1), (100, 2))]
    assert found.clsb_obs == pytest.approx((150 * parts[0].clsb_obs + 100 * parts[1].clsb_obs) / 250)
    assert found.clsb.error < min(p.clsb.error for p in parts)


def test_what_does_not_belong_together_is_not_merged(tmp_path: Path) -> None:
    model, data = hello_world()
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    toy_test(model, data, 1.0, toy_options=ToyOptions(toys=20), batch=BatchOptions(resume=one))
    toy_test(model, data, 1.0, test_stat="q", toy_options=ToyOptions(toys=20), batch=BatchOptions(resume=other))
    first, second = Journal.read(one), Journal.read(other)
    with pytest.raises(InputError, match="do not belong together: they differ in test_stat"):
        merged([first, second])
    changed = Journal(path=other, task=first.task, results=dict(first.results))
    key = Chunk(poi_test=1.0, seed=0, hypothesis="signal", number=0, size=20).key
    changed.results[key] = [*first.results[key][:-1], 77.0]
    with pytest.raises(InputError, match="signal 0 differ, although their seeds are the same"):
        merged([first, changed])
    changed.results[key] = [*first.results[key][:-1], None]
    with pytest.raises(InputError, match="differ, although"):
        merged([first, changed])
    changed.results[key] = first.results[key][:-1]
    assert merged([first, changed]) == merged([changed, first]) == first.results
    with pytest.raises(FormatError, match="holds other results than toys: 'mass 3'"):
        kept_toys({"mass 3": 1.0}, "a file")
    assert kept_toys({observed_key(1.0): {"q": 1.0, "muhat": 0.0}}, "") == []


def test_models_are_recognised() -> None:
    model, data = hello_world()
    again, same_data = hello_world()
    assert fingerprint(model, data) == fingerprint(again, same_data)
    others = [hello_world((12.0, 11.001)), counting(3.0), counting(3.0, 1.0, 3.0, NormSys(name="x", hi=1.1, lo=0.9))]
    others += [counting(3.0, 1.0, 3.0, NormSys(name="x", hi=1.1, lo=0.91)), counting(4.0)]
    others += [counting(3.0, bounds=((0.0, 11.0),)), (model, model.data([52, 48], data.auxdata))]
    assert len({fingerprint(*other) for other in [(model, data), *others]}) == len(others) + 1


# ------------------------------------------------------------ failures


def test_failed_toys_are_left_out_and_bound_the_pvalues() -> None:
    statistics = np.array([1.0, 2.0, 3.0, np.nan, 5.0])
    found = p_value(statistics, 2.0)
    assert found.value == 0.75
    assert (found.low, found.high) == (0.6, 0.8)
    assert found.error == pytest.approx(sqrt(0.75 * 0.25 / 4))
    sample = ToySample(signal=statistics, background=np.array([2.0, 4.0, 6.0, 8.0, np.nan]))
    test = toy_test_of(sample, 1.0, "q", 3.0, 0.0)
    assert (test.failed_signal, test.failed_background, test.n_signal) == (1, 1, 5)
    assert test.cls.value == pytest.approx(0.5 / 0.75)
    assert (test.cls.low, test.cls.high) == pytest.approx((0.4 / 0.8, 0.6 / 0.6))
    document = test.to_dict()
    assert document["toys"]["bounds"]["CLsb"] == [0.4, pytest.approx(0.6)]
    assert "bounds" not in replace(test, failed_signal=0, failed_background=0).to_dict()["toys"]


def test_too_many_failures() -> None:
    model, data = hello_world()
    good = toy_test(model, data, 1.0, options=FitOptions(), toy_options=ToyOptions(toys=10))
    assert good.failed_signal == 0
    fine = ToySample(signal=np.arange(200.0), background=np.append(np.arange(198.0), [np.nan, np.nan]))
    assert toy_samples.checked(fine) is fine
    one = ToySample(signal=np.array([1.0, np.nan]), background=np.arange(3.0))
    assert toy_samples.checked(one) is one
    for failed, n in ((3, 200), (2, 20), (1, 1)):
        statistics = np.arange(float(n))
        statistics[:failed] = np.nan
        for sample, name in (
            (ToySample(signal=statistics, background=np.arange(9.0)), "with"),
            (ToySample(signal=np.arange(9.0), background=statistics), "without"),
        ):
            with pytest.raises(FitFailed, match=f"{failed} of {n} toys {name} signal could not be fitted"):
                toy_samples.checked(sample)
            if failed < n:
                assert toy_samples.checked(sample, 0.2) is sample


def test_toys_that_cannot_be_drawn() -> None:
    """At the tested value a bin would have a negative expectation."""
    model, data = counting(5.0, 2.0, 4.0, bounds=((-5.0, 5.0),))
    experiment = toy_samples.ToyExperiment(
        model=model,
        test_stat="q",
        poi_range="named",
        truths={"signal": np.array([-3.0]), "background": np.array([0.0])},
    )
    with pytest.raises(FitFailed, match=r"no toys at a parameter of interest of -3: bin 0 has a negative expectation"):
        toy_samples.run_toys(experiment, -3.0, ToyOptions(toys=10))
    with pytest.raises(InputError, match="cannot test the parameter of interest at nan"):
        toy_test(model, data, float("nan"))
    with pytest.raises(InputError, match="above zero, not -1"):
        toy_significance(model, data, expected_poi=-1.0)


# ------------------------------------------------------------ errors and edges


@pytest.mark.parametrize(("above", "n"), [(0, 50), (50, 50), (1, 2), (1, 1)])
def test_errors_at_the_ends(above: int, n: int) -> None:
    """No toys above, or all of them, do not mean that the p-value is known exactly."""
    statistics = np.array([1.0] * above + [0.0] * (n - above))
    found = p_value(statistics, 0.5)
    assert found.value == above / n
    spread = min(max(above / n, 1 / n), 1 - 1 / n)
    assert found.error == pytest.approx(sqrt(spread * (1 - spread) / n))


@given(q=st.floats(min_value=0.0, max_value=100.0))
def test_equal_statistics_count_as_large(q: float) -> None:
    noise = np.array([1.0 - 1e-9, 1.0, 1.0 + 1e-9])
    assert p_value(q * noise, q).value == 1.0
    assert p_value(np.array([q]), q + 1e-3 * (1.0 + q)).value == 0.0


def test_beyond_all_toys() -> None:
    sample = ToySample(signal=np.arange(10.0), background=np.arange(10.0))
    found = toy_test_of(sample, 1.0, "qtilde", 1e3, 0.0)
    assert (found.clsb_obs, found.clb_obs, found.cls_obs) == (0.0, 0.0, 0.0)
    assert found.cls.error == 1.0
    assert (found.cls.low, found.cls.high) == (0.0, 1.0)
    discovery = toy_significance_of(sample, 1e3, 5.0, 1.0)
    assert discovery.p0.value == 0.0
    assert discovery.z == float("inf")
    document = replace(discovery, seeds=(1, 2)).to_dict()
    assert document["z"] is None
    assert document["toys"]["seeds"] == [1, 2]
    json.dumps(document, allow_nan=False)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("call", [toy_test, toy_significance])
def test_no_excess_and_no_deficit(call: Callable[..., Any]) -> None:
    """Where the statistic of the data is zero, every toy is as large: the p-value is one."""
    found = call(*counting(30.0 if call is toy_test else 1.0, 2.0, 10.0), toy_options=ToyOptions(toys=50))
    assert (found.clsb if call is toy_test else found.p0).value == 1.0
