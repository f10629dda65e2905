"""Hypothesis tests of one value of the parameter of interest, and what goes with them."""

from hftranslate.inference.asymptotics import BANDS as BANDS
from hftranslate.inference.asymptotics import TestStat as TestStat
from hftranslate.inference.asymptotics import asymptotic_pvalues as asymptotic_pvalues
from hftranslate.inference.asymptotics import expected_pvalues as expected_pvalues
from hftranslate.inference.limits import UpperLimitResult as UpperLimitResult
from hftranslate.inference.limits import upper_limit as upper_limit
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import HypoTestResult as HypoTestResult
from hftranslate.inference.tester import PoiRange as PoiRange
from hftranslate.inference.tester import Tester as Tester
from hftranslate.inference.tester import free_range as free_range
from hftranslate.likelihood.model import Data, Model


def hypotest(
    model: Model,
    data: Data,
    poi_test: float = 1.0,
    *,
    test_stat: TestStat = "qtilde",
    poi_range: PoiRange = "named",
    options: FitOptions = DEFAULT_OPTIONS,
) -> HypoTestResult:
    """Asymptotic CLs, observed and expected, of one value of the parameter of interest.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    poi_test
        the value to test.
    test_stat
        ``"qtilde"`` (for signals that cannot be negative) or ``"q"`` for upper limits, ``"ttilde"`` or ``"t"`` for
        two-sided tests (defined in :mod:`hftranslate.inference.tester`).
    poi_range
        ``"named"``: the statistic is what its name says; ``"model"``: its fits stay within the model's range of the
        parameter of interest, whatever that is, as in ROOT and pyhf.
    options
        how to minimise.

    Returns
    -------
    HypoTestResult
        ``cls_obs``, ``cls_exp (5,)`` at -2 to +2 standard deviations, and what they consist of.

    Raises
    ------
    FitFailed
        One of the fits reached no minimum.
    InputError
        The parameter of interest is constant, or the value cannot be tested: below zero with a statistic for signals
        that cannot be negative, or with ``"model"`` outside the range.
    MissingInput
        The measurement names no parameter of interest that the model has.
    """
    return Tester(model=model, data=data, test_stat=test_stat, poi_range=poi_range, options=options).test(poi_test)
