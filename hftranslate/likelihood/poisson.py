r"""Poisson terms, for counts of any size and their continuous generalisation.

A term ``mean - x ln(mean) + ln Gamma(x + 1)`` of a large count is a small difference of large numbers. It is split into
its least value, where the mean is ``x`` (the *saturated* part), and the *excess* over it,

    x - x ln x + ln Gamma(x + 1)    and    mean - x - x ln(mean / x),

each evaluated in a form in which nothing cancels (C. Loader, "Fast and accurate computation of binomial
probabilities", 2000).
"""

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.scipy_parts import gammaln, xlogy
from hftranslate.likelihood.sizes import unwarned

Floats = NDArray[np.float64]

#: Numbers of the formulas below; as arrays without axes they are computed with in half the time that floats take.
_TINY, _HUGE, _HALVED = np.array(np.finfo(np.float64).tiny), np.array(1e300), np.array(-0.5)
_CUBIC, _QUINTIC = np.array(2 / 3), np.array(2 / 5)
#: Counts from which Stirling's series is exact to the last digit.
_STIRLING = 16.0
#: Relative deviations of mean and count below which ``ln(mean / x) = 2 artanh(v)`` is expanded in ``v``, to all digits.
_CLOSE = 1e-3
#: Means up to which Poisson numbers are drawn as such; beyond, their relative spread is below 1e-6.
_LARGEST_MEAN = 1e12
#: Half of the digits of a number: the factor that splits one (Dekker, Numer. Math. 18 (1971) 224).
_SPLIT = np.array(2.0**27 + 1.0)


@unwarned
def excess(mean: Floats, x: Floats, deviation: Floats) -> Floats:
    """``mean - x - x ln(mean / x)`` of each term; infinite where a mean of zero has a count.

    Parameters
    ----------
    mean, x
        expectations, of which negative ones give no number, and counts, none of them negative.
    deviation
        ``mean - x``, as exactly as the caller knows it: near the minimum the excess is about its square over ``2 x``.
    """
    return terms(mean, x, deviation)


def terms(mean: Floats, x: Floats, deviation: Floats) -> Floats:
    """:func:`excess` for who is :func:`~hftranslate.likelihood.sizes.unwarned` already."""
    count = np.maximum(x, _TINY)
    r = np.minimum(deviation / count, _HUGE)
    log = np.log1p(np.maximum(r, _HALVED))
    if not r.min() >= _HALVED:
        log = np.where(r < _HALVED, np.log(mean / count), log)
    result: Floats = deviation - x * log
    size = np.abs(r)
    if not size.min() >= _CLOSE:
        v = deviation / np.maximum(mean + x, _TINY)
        w = v * v
        result = np.where(size < _CLOSE, v * (deviation - x * w * (_CUBIC + _QUINTIC * w)), result)
    return result


def saturated(x: Floats) -> Floats:
    """``x - x ln x + ln Gamma(x + 1)``: each term where the mean is the count."""
    few, inverse = np.minimum(x, _STIRLING), 1.0 / np.maximum(x, _STIRLING)
    z = inverse * inverse
    series = inverse * (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188))))
    stirling = 0.5 * (np.log(2.0 * np.pi) - np.log(inverse)) + series
    return np.where(x < _STIRLING, few - xlogy(few, few) + gammaln(few + 1.0), stirling)


def deviation(factor: Floats, scale: Floats, x: Floats) -> Floats:
    """``factor * scale - x`` without the rounding of the product."""
    product = factor * scale
    (f, f_rest), (s, s_rest) = _halves(factor), _halves(scale)
    rest = ((f * s - product) + f * s_rest + f_rest * s) + f_rest * s_rest
    result: Floats = (product - x) + rest
    return result


def _halves(a: Floats) -> tuple[Floats, Floats]:
    """The upper half of the digits of each number, and the rest."""
    large = _SPLIT * a
    upper: Floats = large - (large - a)
    return upper, a - upper


def sample(mean: Floats, n_toys: int, rng: "np.random.Generator") -> Floats:
    """Poisson numbers around means ``(n,)``, shape ``(n_toys, n)``.

    Where a mean is beyond what integers hold exactly, a Gaussian stands for the distribution.
    """
    large = mean > _LARGEST_MEAN
    drawn = rng.poisson(np.where(large, 1.0, mean), size=(n_toys, len(mean))).astype(np.float64)
    if large.any():
        drawn[:, large] = rng.normal(mean[large], np.sqrt(mean[large]), size=(n_toys, int(large.sum())))
    return drawn
