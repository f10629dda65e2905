"""The functions of C++ and ROOT that formulas may call, with their first and second derivatives."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.workspace.jets import (
    Condition,
    Node,
    One,
    Two,
    binary,
    chosen,
    constant,
    negative,
    picked,
    product,
    quotient,
    stepped,
    total,
    unary,
)

Floats = NDArray[np.float64]
#: C++'s types of numbers, as far as they matter: whole numbers divide as whole numbers.
Kind: TypeAlias = Literal["bool", "int", "double"]


# --------------------------------------------------------------------------------------------- functions of two numbers
def _power(u: Floats, v: Floats) -> tuple[Any, ...]:
    f, log = u**v, np.log(u)
    fu = np.where(v != 0.0, v * u ** (v - 1.0), 0.0)
    fuu = np.where((v != 0.0) & (v != 1.0), v * (v - 1.0) * u ** (v - 2.0), 0.0)
    return f, fu, _or_zero(f, log), fuu, _or_zero(u ** (v - 1.0), 1.0 + v * log), _or_zero(f, log**2)


def _or_zero(power: Floats, by: Floats) -> Floats:
    """A power times something of a logarithm, of which nothing is left where the power vanishes."""
    return np.where(power == 0.0, 0.0, power * by)


def _arc_tangent(u: Floats, v: Floats) -> tuple[Any, ...]:
    r2 = u * u + v * v
    mixed = (u * u - v * v) / r2**2
    return np.arctan2(u, v), v / r2, -u / r2, -2.0 * u * v / r2**2, mixed, 2.0 * u * v / r2**2


def _hypotenuse(u: Floats, v: Floats) -> tuple[Any, ...]:
    r = np.hypot(u, v)
    return r, u / r, v / r, v * v / r**3, -u * v / r**3, u * u / r**3


# ---------------------------------------------------------------------------------------------- functions of one number
def _one_by_one(function: Callable[[float], tuple[float, ...]]) -> One:
    """A function of many numbers, each alone."""

    def of_all(u: Floats) -> tuple[Any, Any, Any]:
        values, first, second = np.array([function(one) for one in u], dtype=np.float64).reshape(-1, 3).T
        return values, first, second

    return of_all


def _error_function(sign: float, start: float) -> One:
    def function(u: float) -> tuple[float, float, float]:
        slope = sign * 2.0 / math.sqrt(math.pi) * np.exp(-u * u)
        return (math.erfc if start else math.erf)(u), slope, -2.0 * u * slope

    return _one_by_one(function)


@_one_by_one
def _normal(u: float) -> tuple[float, float, float]:
    density = np.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
    return 0.5 * math.erfc(-u / math.sqrt(2.0)), density, -u * density


def _bell(u: Floats) -> tuple[Any, Any, Any]:
    f = np.exp(-0.5 * u * u)
    return f, -u * f, (u * u - 1.0) * f


def _polygamma(u: float) -> tuple[float, float]:
    """The first two derivatives of ``ln Gamma``: by recurrence to where the asymptotic series is exact."""
    if u < 0.5:  # reflected
        digamma, trigamma = _polygamma(1.0 - u)
        cotangent = 1.0 / np.tan(math.pi * u)
        return digamma - math.pi * cotangent, math.pi**2 * (1.0 + cotangent**2) - trigamma
    digamma = trigamma = 0.0
    while u < 12.0:
        digamma, trigamma, u = digamma - 1.0 / u, trigamma + 1.0 / u**2, u + 1.0
    # Bernoulli numbers B_2k
    numbers = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    digamma += np.log(u) - 0.5 / u - sum(b / (2 * k * u ** (2 * k)) for k, b in enumerate(numbers, start=1))
    trigamma += 1.0 / u + 0.5 / u**2 + sum(b / u ** (2 * k + 1) for k, b in enumerate(numbers, start=1))
    return digamma, trigamma


@_one_by_one
def _log_gamma(u: float) -> tuple[float, float, float]:
    if not abs(u) < 1e300 or (u <= 0.0 and u == math.floor(u)):
        return abs(u) + math.inf, math.nan, math.nan
    return math.lgamma(u), *_polygamma(u)


def _gamma(at_poles: float) -> One:
    def function(u: float) -> tuple[float, float, float]:
        if math.isnan(u):
            return u, u, u
        if not -170.0 < u < 171.6 or (u <= 0.0 and u == math.floor(u)):
            at_zero = math.inf if at_poles == math.inf else math.copysign(math.inf, u)
            return at_poles if u < 0.0 else at_zero, math.nan, math.nan
        try:
            f = math.gamma(u)
        except OverflowError:  # so near zero
            return math.copysign(math.inf, u), math.nan, math.nan
        first, second = _polygamma(u)
        return f, f * first, f * (first**2 + second)

    return _one_by_one(function)


def _log(base: float) -> One:
    exact = {2.0: np.log2, 10.0: np.log10}.get(base, np.log)
    scale = 1.0 if base == math.e else math.log(base)
    return lambda u: (exact(u), 1.0 / (u * scale), -1.0 / (u**2 * scale))


def _away_from_zero(u: Floats) -> Floats:
    return np.where(np.abs(u) < 2.0**52, np.copysign(np.floor(np.abs(u) + 0.5), u), u)


#: Functions of C++, with and without ``std::``, that give a real number.
_OF_CPP: Mapping[str, One] = {
    "sqrt": lambda u: (np.sqrt(u), 0.5 / np.sqrt(u), -0.25 * u**-1.5),
    "cbrt": lambda u: (np.cbrt(u), np.cbrt(u) / (3.0 * u), -2.0 * np.cbrt(u) / (9.0 * u**2)),
    "exp": lambda u: (np.exp(u), np.exp(u), np.exp(u)),
    "exp2": lambda u: (np.exp2(u), np.exp2(u) * math.log(2.0), np.exp2(u) * math.log(2.0) ** 2),
    "expm1": lambda u: (np.expm1(u), np.exp(u), np.exp(u)),
    "log": _log(math.e),
    "log2": _log(2.0),
    "log10": _log(10.0),
    "log1p": lambda u: (np.log1p(u), 1.0 / (1.0 + u), -1.0 / (1.0 + u) ** 2),
    "sin": lambda u: (np.sin(u), np.cos(u), -np.sin(u)),
    "cos": lambda u: (np.cos(u), -np.sin(u), -np.cos(u)),
    "tan": lambda u: (np.tan(u), 1.0 / np.cos(u) ** 2, 2.0 * np.tan(u) / np.cos(u) ** 2),
    "asin": lambda u: (np.arcsin(u), (1.0 - u**2) ** -0.5, u * (1.0 - u**2) ** -1.5),
    "acos": lambda u: (np.arccos(u), -((1.0 - u**2) ** -0.5), -u * (1.0 - u**2) ** -1.5),
    "atan": lambda u: (np.arctan(u), 1.0 / (1.0 + u**2), -2.0 * u / (1.0 + u**2) ** 2),
    "sinh": lambda u: (np.sinh(u), np.cosh(u), np.sinh(u)),
    "cosh": lambda u: (np.cosh(u), np.sinh(u), np.cosh(u)),
    "tanh": lambda u: (np.tanh(u), 1.0 / np.cosh(u) ** 2, -2.0 * np.tanh(u) / np.cosh(u) ** 2),
    "asinh": lambda u: (np.arcsinh(u), (1.0 + u**2) ** -0.5, -u * (1.0 + u**2) ** -1.5),
    "acosh": lambda u: (np.arccosh(u), (u**2 - 1.0) ** -0.5, -u * (u**2 - 1.0) ** -1.5),
    "atanh": lambda u: (np.arctanh(u), 1.0 / (1.0 - u**2), 2.0 * u / (1.0 - u**2) ** 2),
    "erf": _error_function(1.0, 0.0),
    "erfc": _error_function(-1.0, 1.0),
    "tgamma": _gamma(math.nan),
    "lgamma": _log_gamma,
}


# ------------------------------------------------------------------------------------------- what a formula may call
@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function by one of its names.

    Attributes
    ----------
    least, most
        numbers of arguments.
    made
        the node of those of its arguments.
    kind
        the kind of the result for those of the arguments; ``None`` where the compiler does not know which of several
        functions is meant.
    smooth
        whether it has no kinks and steps.
    """

    least: int
    most: int
    made: Callable[..., Node]
    kind: Callable[[Sequence[Kind]], Kind | None]
    smooth: bool = True


def _real(kinds: Sequence[Kind]) -> Kind | None:
    return "double"


def _integer(kinds: Sequence[Kind]) -> Kind | None:
    return "int"


def arithmetic(kinds: Sequence[Kind]) -> Kind:
    """The kind of what C++ makes of numbers of these kinds: real if one of them is."""
    return "double" if "double" in kinds else "int"


def _of_first(kinds: Sequence[Kind]) -> Kind | None:
    return arithmetic(kinds[:1])


def _of_number(kinds: Sequence[Kind]) -> Kind | None:
    return None if kinds[0] == "bool" else kinds[0]


def _all_alike(kinds: Sequence[Kind]) -> Kind | None:
    """A template of one type, which does not convert its arguments."""
    return kinds[0] if len(set(kinds)) == 1 else None


def _all_real_or_none(kinds: Sequence[Kind]) -> Kind | None:
    """Overloaded for every type, and none the best for mixed ones."""
    return arithmetic(kinds) if len({k == "double" for k in kinds}) == 1 else None


def _not_all_whole(kinds: Sequence[Kind]) -> Kind | None:
    return "double" if "double" in kinds else None


def _one(function: One) -> Function:
    return Function(least=1, most=1, made=lambda u: unary(function, u), kind=_real)


def _two(function: Two, kind: Callable[[Sequence[Kind]], Kind | None] = _real) -> Function:
    return Function(least=2, most=2, made=lambda u, v: binary(function, u, v), kind=kind)


def _steps(function: Callable[[Floats], Floats], kind: Callable[[Sequence[Kind]], Kind | None] = _real) -> Function:
    return Function(least=1, most=1, made=lambda u: stepped(function, u), kind=kind, smooth=False)


def _either(condition: Condition, kind: Callable[[Sequence[Kind]], Kind | None] = _real) -> Function:
    """The first argument where the condition holds, else the second."""
    return Function(least=2, most=2, made=lambda u, v: picked(condition, u, v), kind=kind, smooth=False)


_ZERO, _UNIT = constant(0.0), constant(1.0)


def _absolute(u: Node) -> Node:
    return picked(operator.ge, u, negative(u))


def _with_sign(u: Node, v: Node) -> Node:
    same = stepped(lambda a, b: (a >= 0.0) == (b >= 0.0), u, v)
    return chosen(same, u, negative(u))


def _standardised(x: Node, mean: Node, sigma: Node) -> Node:
    return quotient(total([x, mean], [1, -1]), sigma)


def _gaus(x: Node, mean: Node = _ZERO, sigma: Node = _UNIT, normalised: Node = _ZERO) -> Node:
    bell = unary(_bell, _standardised(x, mean, sigma))
    area = product(constant(math.sqrt(2.0 * math.pi)), sigma)
    return chosen(sigma, chosen(normalised, quotient(bell, area), bell), constant(1e30))


def _breit_wigner(x: Node, mean: Node = _ZERO, width: Node = _UNIT) -> Node:
    return _cauchy(x, mean, product(constant(0.5), width))


def _cauchy(x: Node, middle: Node = _ZERO, half_width: Node = _UNIT) -> Node:
    bell = unary(lambda u: _reciprocal(1.0 + u * u, 2.0 * u, 2.0), _standardised(x, middle, half_width))
    return quotient(bell, product(constant(math.pi), half_width))


def _reciprocal(f: Floats, df: Floats, ddf: float) -> tuple[Any, Any, Any]:
    return 1.0 / f, -df / f**2, 2.0 * df**2 / f**3 - ddf / f**2


def _laplace(x: Node, middle: Node = _ZERO, width: Node = _UNIT) -> Node:
    tail = unary(lambda u: (np.exp(-u), -np.exp(-u), np.exp(-u)), _absolute(_standardised(x, middle, width)))
    return quotient(tail, product(constant(2.0), width))


def _normal_density(x: Node, sigma: Node = _UNIT, mean: Node = _ZERO) -> Node:
    area = product(constant(math.sqrt(2.0 * math.pi)), _absolute(sigma))
    return quotient(unary(_bell, _standardised(x, mean, sigma)), area)


def _normal_below(x: Node, sigma: Node = _UNIT, mean: Node = _ZERO) -> Node:
    return unary(_normal, _standardised(x, mean, sigma))


def _normal_above(x: Node, sigma: Node = _UNIT, mean: Node = _ZERO) -> Node:
    return unary(_normal, negative(_standardised(x, mean, sigma)))


_PLAIN = {name: _one(f) for name, f in _OF_CPP.items()} | {
    "fabs": Function(least=1, most=1, made=_absolute, kind=_real, smooth=False),
    "abs": Function(least=1, most=1, made=_absolute, kind=_of_first, smooth=False),
    "floor": _steps(np.floor),
    "ceil": _steps(np.ceil),
    "trunc": _steps(np.trunc),
    "round": _steps(_away_from_zero),
    "pow": _two(_power),
    "atan2": _two(_arc_tangent),
    "hypot": _two(_hypotenuse),
    "min": _either(lambda u, v: ~(v < u), _all_alike),
    "max": _either(lambda u, v: ~(u < v), _all_alike),
    "fmin": _either(lambda u, v: (u <= v) | (v != v)),
    "fmax": _either(lambda u, v: (u >= v) | (v != v)),
    "fmod": replace(_two(lambda u, v: (np.fmod(u, v), 1.0, -np.trunc(u / v), 0.0, 0.0, 0.0)), smooth=False),
}
_SAME_IN_TMATH = (
    "Sqrt Exp Log Log2 Log10 Sin Cos Tan ASin ACos ATan SinH CosH TanH ASinH ACosH ATanH Erf Erfc Floor Ceil Abs"
)
_OF_TMATH = {name: _PLAIN[name.lower()] for name in _SAME_IN_TMATH.split()} | {
    "Power": _PLAIN["pow"],
    "ATan2": _two(lambda u, v: _arc_tangent(u, v + 0.0)),  # which knows no negative zero there
    "Hypot": _two(_hypotenuse, _not_all_whole),
    "Sq": _one(lambda u: (u * u, 2.0 * u, 2.0)),
    "Sign": Function(least=2, most=2, made=_with_sign, kind=_of_number, smooth=False),
    "Min": _either(operator.le, _all_real_or_none),
    "Max": _either(operator.ge, _all_real_or_none),
    "Gamma": _one(_gamma(math.inf)),
    "LnGamma": _PLAIN["lgamma"],
    "Freq": _one(_normal),
    "Gaus": Function(least=1, most=4, made=_gaus, kind=_real),
    "BreitWigner": Function(least=1, most=3, made=_breit_wigner, kind=_real),
    "CauchyDist": Function(least=1, most=3, made=_cauchy, kind=_real),
    "LaplaceDist": Function(least=1, most=3, made=_laplace, kind=_real, smooth=False),
    "Nint": _steps(np.round, _integer),
    "FloorNint": _steps(np.floor, _integer),
    "CeilNint": _steps(np.ceil, _integer),
}
_OF_ROOT_MATH = {name: _PLAIN[name] for name in ("erf", "erfc", "lgamma", "expm1", "log1p")} | {
    "tgamma": _OF_TMATH["Gamma"]
}
for _names, _made in (
    ("normal_pdf gaussian_pdf", _normal_density),
    ("normal_cdf gaussian_cdf", _normal_below),
    ("normal_cdf_c gaussian_cdf_c", _normal_above),
):
    _OF_ROOT_MATH |= dict.fromkeys(_names.split(), Function(least=1, most=3, made=_made, kind=_real))
#: By the names that a formula calls them by; measured in ROOT 6.40, as are the kinds of what they give.
FUNCTIONS: Mapping[str, Function] = {
    **_PLAIN,
    **{f"std::{name}": f for name, f in _PLAIN.items()},
    **{f"TMath::{name}": f for name, f in _OF_TMATH.items()},
    **{f"ROOT::Math::{name}": f for name, f in _OF_ROOT_MATH.items()},
    "int": _steps(np.trunc, _integer),
    "double": _one(lambda u: (u, 1.0, 0.0)),
}
