"""Limits within a range, and tests by toys, on models whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest

from hftranslate.crosschecking.limits import limits_within
from hftranslate.crosschecking.toy_tests import toy_record
from hftranslate.errors import FitFailed
from hftranslate.inference import hypotest
from hftranslate.inference.hypotest import upper_limit
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.simplemodels import uncorrelated_background

MODEL, DATA = compile_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


def on_data(**options: object) -> hypotest.Tester:
    return hypotest.Tester(model=MODEL, data=DATA, **options)  # type: ignore[arg-type]


def test_limits_are_those_of_the_public_function() -> None:
    notes: list[str] = []
    found, expected = limits_within(on_data(), 0.05, 10.0, notes), upper_limit(MODEL, DATA)
    assert found.observed == pytest.approx(expected.observed, rel=2e-6)
    assert found.expected == pytest.approx(expected.expected, rel=2e-6)
    assert notes == []


def test_limits_beyond_the_range_are_none() -> None:
    full = limits_within(on_data(), 0.05, 10.0, [])
    assert full.expected[2] is not None
    cut = limits_within(on_data(), 0.05, full.expected[2] + 0.01, [])
    assert cut.expected[:3] == pytest.approx(full.expected[:3], rel=2e-6)
    assert cut.expected[3:] == (None, None)


def test_a_failed_fit_is_noted() -> None:
    notes: list[str] = []
    broken = on_data(options=FitOptions(max_iterations=1, other_minima=False))
    try:
        limits_within(broken, 0.05, 10.0, notes)
    except FitFailed:  # the free fit itself
        return
    assert notes


@pytest.mark.slow
def test_toys_agree_with_the_asymptotic_formulae() -> None:
    t = on_data()
    toys, asymptotic = toy_record(t, 1.0, 2000, 3), t.test(1.0)
    assert toys.toys is not None
    assert toys.q == pytest.approx(asymptotic.q)
    assert abs(toys.clsb - asymptotic.clsb_obs) < 4.0 * toys.toys.clsb_error
    assert abs(toys.clb - asymptotic.clb_obs) < 4.0 * toys.toys.clb_error
    assert toys.cls_obs == pytest.approx(toys.clsb / toys.clb)
    assert toys.toys.clsb_error == pytest.approx(np.sqrt(toys.clsb * (1.0 - toys.clsb) / 2000))
    assert toy_record(t, 1.0, 2000, 3) == toys
    assert toy_record(t, 1.0, 2000, 4).clsb != toys.clsb


def test_too_many_failed_toys() -> None:
    t = on_data()
    t.q(1.0)  # the data are fitted with the usual options
    t.q(0.0)
    with pytest.raises(FitFailed, match="20 of 20 toys with signal could not be fitted"):
        toy_record(replace(t, options=FitOptions(max_iterations=1)), 1.0, 20, 1)
