r"""Interpolation codes: what happens between and beyond the variations at -1 and +1 sigma.

Additive codes (HistoSys) are all of one form: with the nominal yield ``n`` and the variations ``lo``, ``hi``,

    shift(alpha) = S * alpha + A * g(alpha),     S = (hi - lo) / 2,   A = (hi + lo) / 2 - n,

so that one matrix-vector product serves all of them, and a code is its scalar function ``g``:

=======  ==============================================  ==============================
code     |alpha| < 1                                     |alpha| >= 1
=======  ==============================================  ==============================
code0    ``|alpha|``                                     ``|alpha|``
code2    ``alpha^2``                                     ``2 |alpha| - 1`` (ROOT's continuation)
code4p   ``alpha^2 (15 - 10 alpha^2 + 3 alpha^4) / 8``   ``|alpha|``
=======  ==============================================  ==============================

HistoSys of a multiplicative code are factors of single bins, with ``lo / n`` and ``hi / n`` for ``lo`` and ``hi``:
code1 (ROOT's 1), code4 (ROOT's 5) and code6 (ROOT's 6), which is ``1 + S alpha + A g(alpha)`` with the ``g`` of code4p.
NormSys of an additive code are of that form too, with the ``g`` of the code, and add up where a sample has several.

Multiplicative codes (NormSys) are factors: code1 is ``hi^alpha`` or ``lo^-alpha``; code4 is the same beyond +-1 and
inside the polynomial of sixth order that matches its value and first two derivatives there
(ROOT's FlexibleInterpVar; the coefficients are those of its code 4, boundary 1).

Each function returns value, first and second derivative. Where a derivative does not exist (code0 and code1 at zero)
it is the one from the right.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import Unsupported, did_you_mean

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Values: TypeAlias = tuple[Floats, Floats, Floats]

#: The smallest normal number stands for zero, so that factors may be divided by. (It is also ROOT's floor.)
_TINY = float(np.finfo(np.float64).tiny)
_LOG_TINY = float(np.log(_TINY))
#: ``g / alpha^2``, ``g' / alpha`` and ``g''`` of code4p as polynomials in ``alpha^2``, highest power first; arrays
#: without axes are multiplied with in half the time that floats take.
_CODE4P = tuple(
    tuple(np.array(c) for c in row) for row in ((0.375, -1.25, 1.875), (2.25, -5.0, 3.75), (11.25, -15.0, 3.75))
)
#: With ``lo = 0`` the polynomial of code4 touches zero at -1: what is left there, below this size, is rounding.
_ROUNDING = 1e-15


def curve_code0(alpha: Floats, order: int = 2) -> tuple[Floats, ...]:
    """``g`` of code0 with its derivatives, up to an order."""
    return (np.abs(alpha), np.where(alpha < 0.0, -1.0, 1.0), np.zeros_like(alpha))[: order + 1]


def curve_code2(alpha: Floats, order: int = 2) -> tuple[Floats, ...]:
    """``g`` of code2 with its derivatives, up to an order."""
    size = np.abs(alpha)
    inside = size < 1.0
    return (
        np.where(inside, alpha * alpha, 2.0 * size - 1.0),
        np.where(inside, 2.0 * alpha, 2.0 * np.sign(alpha)),
        np.where(inside, 2.0, 0.0),
    )[: order + 1]


def curve_code4p(alpha: Floats, order: int = 2) -> tuple[Floats, ...]:
    """``g`` of code4p with its derivatives, up to an order."""
    square = alpha * alpha
    result = [_polynomial(c, square) for c in _CODE4P[: order + 1]]
    result[0] *= square
    if order:
        result[1] *= alpha
    if square.size and not square.max() < 1.0:
        continue_code4p(result, alpha, places(square >= 1.0))
    return tuple(result)


def places(mask: NDArray[np.bool_]) -> tuple[Integers, ...]:
    """``np.nonzero``, which takes twenty times as long where few of many points are."""
    found = np.flatnonzero(mask)
    return (found,) if mask.ndim == 1 else np.unravel_index(found, mask.shape)


def continue_code4p(parts: Sequence[Floats] | Floats, alpha: Floats, outside: tuple[Integers, ...]) -> None:
    """Put ``g`` of code4p, and derivatives, in the place of its polynomials outside of +-1."""
    if not outside[0].size:
        return
    beyond = alpha[outside]
    parts[0][outside] = np.abs(beyond)
    if len(parts) > 1:
        parts[1][outside] = np.sign(beyond)
    if len(parts) > 2:
        parts[2][outside] = 0.0


def _polynomial(coefficients: Sequence[Floats] | Floats, x: Floats) -> Floats:
    """A polynomial, highest power first."""
    result: Floats = coefficients[0] * x
    for c in coefficients[1:-1]:
        result += c
        result *= x
    result += coefficients[-1]
    return result


CURVES = {"code0": curve_code0, "code2": curve_code2, "code4p": curve_code4p}


def factor_linear(alpha: Floats, code: str, lo: Floats, hi: Floats) -> Values:
    """A factor ``1 + S alpha + A g(alpha)``, with the ``g`` of an additive code, and its derivatives."""
    g, slope, curvature = CURVES[code](alpha)
    s, a = (hi - lo) / 2.0, (hi + lo) / 2.0 - 1.0
    value = 1.0 + s * alpha + a * g
    return np.where(value == 0.0, _TINY, value), s + a * slope, a * curvature


def code4_coefficients(lo: Floats, hi: Floats) -> Floats:
    """Coefficients ``a_1 ... a_6`` of the polynomial of code4, shape ``(6, n)``.

    A logarithm of a non-positive argument counts as zero, as in ROOT.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        log_hi = np.where(hi > 0.0, np.log(hi), 0.0)
        log_lo = np.where(lo > 0.0, np.log(lo), 0.0)
    up = (hi, hi * log_hi, hi * log_hi**2)
    down = (lo, -lo * log_lo, lo * log_lo**2)
    s0, s1, s2 = ((u + d) / 2.0 for u, d in zip(up, down, strict=True))
    a0, a1, a2 = ((u - d) / 2.0 for u, d in zip(up, down, strict=True))
    return np.stack(
        [
            (15.0 * a0 - 7.0 * s1 + a2) / 8.0,
            (-24.0 + 24.0 * s0 - 9.0 * a1 + s2) / 8.0,
            (-5.0 * a0 + 5.0 * s1 - a2) / 4.0,
            (12.0 - 12.0 * s0 + 7.0 * a1 - s2) / 4.0,
            (3.0 * a0 - 3.0 * s1 + a2) / 8.0,
            (-8.0 + 8.0 * s0 - 5.0 * a1 + s2) / 8.0,
        ]
    )


def safe_log(value: Floats) -> Floats:
    """Logarithm in which zero stands for the smallest positive number: ``0^x`` becomes 2e-308, as ROOT floors it."""
    return np.log(np.maximum(value, _TINY))


def factor_exponential(alpha: Floats, log_lo: Floats, log_hi: Floats) -> Values:
    """Code1: ``hi^alpha`` for ``alpha >= 0``, ``lo^-alpha`` below, with derivatives."""
    rate = np.where(alpha >= 0.0, log_hi, -log_lo)
    value = np.maximum(np.exp(np.maximum(rate * alpha, _LOG_TINY)), _TINY)
    return value, rate * value, rate * rate * value


def polynomial_table(coefficients: Floats) -> Floats:
    """Coefficients of ``1 + sum_k a_k alpha^k`` and its two derivatives, ``(7, 3, n)``, highest power first."""
    return _table(np.concatenate([np.ones((1, coefficients.shape[1])), coefficients]))


def code4p_table(n: int) -> Floats:
    """The same for ``g`` of code4p, ``n`` times."""
    a = np.zeros((7, n))
    a[2::2] = np.array(_CODE4P[0][::-1])[:, None]
    return _table(a)


def _table(a: Floats) -> Floats:
    k = np.arange(7.0)[:, None]
    table = np.zeros((7, 3, a.shape[1]))
    table[:, 0] = a
    table[:-1, 1] = (k * a)[1:]
    table[:-2, 2] = (k * (k - 1.0) * a)[2:]
    return table[::-1].copy()


def factor_polynomial(alpha: Floats, table: Floats) -> Floats:
    """The inner part of code4 and as many derivatives as its :func:`polynomial_table` has; for ``|alpha| <= 1``."""
    return without_zeros(polynomials(alpha, table))


def polynomials(alpha: Floats, table: Floats) -> Floats:
    """Polynomials and as many derivatives as their table has."""
    if table.shape[1] == 1 or alpha.ndim > 1:
        return _polynomial(table, alpha[None])
    each: Floats = np.empty((table.shape[1], *alpha.shape))
    each[:] = alpha  # short arrays of the same shape are multiplied in a third of the time
    return _polynomial(table, each)


def without_zeros(factors: Floats) -> Floats:
    """Factors and derivatives, with the smallest positive number in the place of what is rounding around zero."""
    if factors[0].size and not factors[0].min() >= _ROUNDING:  # a comparison of all takes longer
        zero = np.abs(factors[0]) < _ROUNDING
        if zero.any():
            for part, number in zip(factors, (_TINY, 0.0, 0.0), strict=False):
                part[zero] = number
    return factors


def relative_yield(alpha: Floats, code: str, lo: float, hi: float) -> Values:
    """What one systematic makes of a bin or sample whose nominal yield is one, with two derivatives by ``alpha``.

    Parameters
    ----------
    alpha
        values of the parameter, ``(n,)``.
    code
        ``"code0"``, ``"code1"``, ``"code2"``, ``"code4"``, ``"code4p"`` or ``"code6"``; the latter two agree where a
        systematic is alone.
    lo, hi
        the yield at -1 and +1, relative to the nominal one.

    Raises
    ------
    Unsupported
        There is no such code.
    """
    a = np.asarray(alpha, dtype=np.float64)
    low, high = np.full_like(a, lo), np.full_like(a, hi)
    match code:
        case "code0" | "code2" | "code4p":
            return factor_linear(a, code, low, high)
        case "code6":
            return factor_linear(a, "code4p", low, high)
        case "code1":
            return factor_exponential(a, safe_log(low), safe_log(high))
        case "code4":
            table = polynomial_table(code4_coefficients(low, high))
            inside = factor_polynomial(np.clip(a, -1.0, 1.0), table)
            outside = factor_exponential(a, safe_log(low), safe_log(high))
            chosen = np.abs(a) < 1.0
            value, slope, curvature = (np.where(chosen, i, o) for i, o in zip(inside, outside, strict=True))
            return value, slope, curvature
    raise Unsupported(f"no interpolation code {code!r}" + did_you_mean(code, ("code1", "code4", "code6", *CURVES)))
