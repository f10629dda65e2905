r"""Asymptotic distributions of test statistics (arXiv:1007.1727v3, "CCGV"; CLs: J. Phys. G 28 (2002) 2693).

A p-value is the probability of a test statistic at least as large as a given one: ``CLs+b`` where the signal has the
tested strength, ``CLb`` where there is none. With sigma from the background-only Asimov data, ``mu / sigma`` is the
root of the statistic there (CCGV Eq. 30), so that both follow from the statistic ``q`` and the Asimov data's ``q_A``.
``Phi`` is the cumulative distribution of the standard normal, and the tails beyond ``x`` are ``1 - Phi(x)``.
"""

import sys
from math import exp, inf, log, sqrt
from typing import Literal, assert_never

from hftranslate.likelihood.scipy_parts import log_ndtr, ndtr, ndtri

TestStat = Literal["qtilde", "q", "ttilde", "t"]
#: The test statistics of upper limits: values below the best fit are never rejected.
OneSided = Literal["qtilde", "q"]
#: What upper limits may be made with.
ONE_SIDED: tuple[OneSided, ...] = ("qtilde", "q")

#: The quantiles of an expectation at which expected results are given, in standard deviations.
BANDS = (-2.0, -1.0, 0.0, 1.0, 2.0)

#: Below this p-values lose their digits.
_SMALLEST = 1e-290
#: The logarithm of the largest number: the ratio of two-sided p-values may be larger.
_LARGEST_EXPONENT = log(sys.float_info.max)

Five = tuple[float, ...]


def tail(z: float) -> float:
    """Probability of a standard normal variable above ``z``."""
    return float(ndtr(-z))


def significance_of(p: float) -> float:
    """The one-sided significance of a p-value in standard deviations, ``Phi^-1(1 - p)`` (CCGV Eq. 1)."""
    return float(-ndtri(p))


def asymptotic_pvalues(q: float, q_asimov: float, test_stat: TestStat = "qtilde") -> tuple[float, float]:
    """``CLs+b`` and ``CLb`` of an observed test statistic.

    Parameters
    ----------
    q, q_asimov
        the test statistic in the data and in the background-only Asimov data.
    test_stat
        ``q``: one minus CCGV Eqs. 58 and 57; ``qtilde``: Eqs. 66 and 65; ``t``: Eqs. 36 and 35; ``ttilde``: Eqs. 44 and
        43. Those with a tilde change their form beyond ``q_asimov``, where the best fit lies at zero.

    Returns
    -------
    tuple
        the p-values of signal plus background and of background alone.
    """
    signal, background = _tails(q, q_asimov, test_stat)
    return sum(map(tail, signal)), sum(map(tail, background))


def asymptotic_cls(q: float, q_asimov: float, test_stat: TestStat = "qtilde") -> float:
    """The ratio ``CLs+b / CLb`` of an observed test statistic; from logarithms where both are too small for numbers."""
    clsb, clb = asymptotic_pvalues(q, q_asimov, test_stat)
    if clb >= _SMALLEST:
        return clsb / clb
    signal, background = (_log_sum(tails) for tails in _tails(q, q_asimov, test_stat))
    return exp(signal - background) if signal - background < _LARGEST_EXPONENT else inf


def _tails(q: float, q_asimov: float, test_stat: TestStat) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Where the tails begin whose sums are ``CLs+b`` and ``CLb``.

    Without any power (``q_asimov`` of zero) the two hypotheses are one, and so are the p-values.
    """
    root, root_a = sqrt(q), sqrt(q_asimov)
    upper = (root,), (root - root_a,)
    if test_stat.endswith("tilde") and q > q_asimov > 0.0:
        # the best fit is so far below zero that the statistic is linear in it
        upper = ((q + q_asimov) / (2.0 * root_a),), ((q - q_asimov) / (2.0 * root_a),)
    match test_stat:
        case "q" | "qtilde":
            return upper
        case "t" | "ttilde":
            return (root, *upper[0]), (root + root_a, *upper[1])
        case _ as unreachable:
            assert_never(unreachable)


def _log_sum(tails: tuple[float, ...]) -> float:
    """The logarithm of a sum of tails."""
    logs = [float(log_ndtr(-x)) for x in tails]
    most = max(logs)
    return most + log(sum(exp(x - most) for x in logs))


def expected_pvalues(q_asimov: float, test_stat: TestStat = "qtilde") -> tuple[Five, Five, Five]:
    """``CLs+b``, ``CLb`` and ``CLs`` at five quantiles of the background-only expectation (CCGV section 4.3).

    The quantile at ``k`` standard deviations is the test statistic whose ``CLb`` is ``Phi(k)``. For the one-sided
    statistics its root is ``sqrt(q_A) - k``, not cut off at zero; the two-sided ones are solved for it.
    """
    root_a = sqrt(q_asimov)
    clb = tuple(tail(-k) for k in BANDS)
    match test_stat:
        case "q" | "qtilde":
            clsb = tuple(tail(root_a - k) for k in BANDS)
        case "t" | "ttilde":
            if q_asimov == 0.0:  # nothing tells the hypotheses apart
                clsb = clb
            else:
                quantiles = (_quantile(b, q_asimov, test_stat) for b in clb)
                clsb = tuple(asymptotic_pvalues(t, q_asimov, test_stat)[0] for t in quantiles)
        case _ as unreachable:
            assert_never(unreachable)
    return clsb, clb, tuple(a / b for a, b in zip(clsb, clb, strict=True))


def _quantile(clb: float, q_asimov: float, test_stat: TestStat) -> float:
    """The test statistic that has a given ``CLb``."""
    from scipy.optimize import brentq

    def excess(root: float) -> float:
        return asymptotic_pvalues(root * root, q_asimov, test_stat)[1] - clb

    # beyond sqrt(q_A) + 5 or, in the linear part, beyond q_A + 10 sqrt(q_A), less than 1e-6 is left; a number that is
    # so large that ten more make no difference has to grow, too
    return float(brentq(excess, 0.0, 1.1 * sqrt(q_asimov) + 10.0, xtol=1e-13) ** 2)


def discovery_pvalue(q0: float) -> float:
    """``p0`` of the discovery statistic ``q0``: one minus CCGV Eq. 51, so that ``Z0 = sqrt(q0)`` (Eq. 53)."""
    return tail(sqrt(q0))
