"""Tests by toys for result documents, on a model whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest

from hftranslate.crosscheck.toy_tests import toy_record
from hftranslate.errors import FitFailed
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.tester import Tester as AsymptoticTester
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace.simplemodels import uncorrelated_background

MODEL, DATA = compile_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48]))


def on_data(**options: object) -> AsymptoticTester:
    return AsymptoticTester(model=MODEL, data=DATA, **options)  # type: ignore[arg-type]


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
    first, again, other = (toy_record(t, 1.0, 300, seed) for seed in (3, 3, 4))
    assert first == again
    assert first.clsb != other.clsb


def test_too_many_failed_toys() -> None:
    t = on_data()
    t.q(1.0)  # the data are fitted with the usual options
    t.q(0.0)
    with pytest.raises(FitFailed, match="20 of 20 toys with signal could not be fitted"):
        toy_record(replace(t, options=FitOptions(max_iterations=1)), 1.0, 20, 1)
