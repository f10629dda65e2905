"""Upper limits within the range of the parameter of interest, as ROOT's references state them."""

from collections.abc import Callable
from math import log, sqrt

from scipy.special import ndtr, ndtri

from hftranslate.crosschecking.document import LimitRecord
from hftranslate.errors import FitFailed
from hftranslate.inference.hypotest import BANDS, Tester

_PRECISION = 1e-6  # relative


def limits_within(tester: Tester, level: float, high: float, notes: list[str]) -> LimitRecord:
    """Where CLs falls to ``level`` below ``high``; ``None`` where it does not, or where a fit fails on the way.

    The expected CLs is ``tail(sqrt(q_A) - k) / cdf(k)`` (arXiv:1007.1727, section 4.3): the expected limit is where the
    root of the test statistic in the Asimov data reaches a known value.
    """
    expected: list[float | None] = []
    guess = max(tester.free_fit().value(tester.poi), 0.0) + 1.0
    for k in BANDS:
        needed = k + float(ndtri(1.0 - level * ndtr(k)))
        limit = _crossing(lambda mu, z=needed: 1.0 - sqrt(tester.q_asimov(mu)) / z, guess, high, notes)  # type: ignore[misc]
        expected.append(limit)
        guess = limit or guess
    observed = _crossing(
        lambda mu: log(max(tester.test(mu).cls_obs, 1e-300) / level), expected[2] or guess, high, notes
    )
    return LimitRecord(level=level, observed=observed, expected=tuple(expected))


def _crossing(function: Callable[[float], float], guess: float, high: float, notes: list[str]) -> float | None:
    """Where a function that falls from above zero at zero reaches it, up to ``high``."""
    from scipy.optimize import brentq

    try:
        low, x = 0.0, min(guess, high)
        while function(x) > 0.0:
            if x >= high:
                return None
            low, x = x, min(2.0 * x, high)
        while low == 0.0:
            if function(x / 2.0) > 0.0:
                low = x / 2.0
            else:
                x /= 2.0
        return float(brentq(function, low, x, rtol=_PRECISION, xtol=1e-3 * _PRECISION * x))
    except FitFailed as error:
        notes.append(f"a limit was not found: {error}")
        return None
