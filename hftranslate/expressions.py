r"""Scalar arithmetic of parameters, as ROOT's Function elements state it, with exact derivatives.

The language is the part of ROOT's TFormula that makes a number out of numbers: ``+ - * / ^ **``, parentheses, numbers,
``pi``, names, ``@0`` (the first dependent, and so on), ``pow``, ``min``, ``max`` and the functions of
:data:`FUNCTIONS`, with or without ``std::`` or ``TMath::`` (``TMath::Power``, ``TMath::Sqrt``, ...). Anything else is
refused by name: nothing is ever executed.

Dependents are the factory expressions of RooFit: ``x[1,0,10]`` (value and range), ``x[0,3]`` (a range, the value in its
middle), ``x[5]`` (a constant), ``x`` (one that exists).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, pi
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import Unsupported, did_you_mean

Floats = NDArray[np.float64]
#: Value, gradient ``(m,)`` and Hessian ``(m, m)``.
Jet: TypeAlias = tuple[float, Floats, Floats]
_Node: TypeAlias = Callable[[Floats], Jet]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<at>@\d+)"
    r"|(?P<name>[A-Za-z_][\w.]*(?:::\w+)*)|(?P<operator>\*\*|[-+*/^(),]))"
)
_DEPENDENT = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:\[(?P<numbers>[^\]]*)\])?\s*(?:,|$)")
_DEEPEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """A parameter that a Function names: one that exists where ``value`` is ``None``, else a new one."""

    name: str
    value: float | None = None
    low: float = -inf
    high: float = inf
    constant: bool = False


def parse_dependents(text: str) -> tuple[Dependent, ...]:
    """The dependents of a Function.

    Raises
    ------
    Unsupported
        The text is no list of parameters.
    """
    found, at = [], 0
    while at < len(text) and text[at:].strip():
        match = _DEPENDENT.match(text, at)
        if match is None:
            raise Unsupported(f"the dependents {text!r} are no list of parameters like 'x[1,0,10],y' at {text[at:]!r}")
        found.append(_dependent(match["name"], match["numbers"], text))
        at = match.end()
    return tuple(found)


def _dependent(name: str, numbers: str | None, text: str) -> Dependent:
    if numbers is None:
        return Dependent(name=name)
    try:
        values = [float(v) for v in numbers.split(",")]
    except ValueError:
        raise Unsupported(f"the dependents {text!r}: {name}[{numbers}] must hold one to three numbers") from None
    match values:
        case [value]:
            return Dependent(name=name, value=value, constant=True)
        case [low, high] if low <= high:
            return Dependent(name=name, value=0.5 * (low + high), low=low, high=high)
        case [value, low, high] if low <= value <= high:
            return Dependent(name=name, value=value, low=low, high=high)
    raise Unsupported(
        f"the dependents {text!r}: {name}[{numbers}] must be [value], [low,high] or [value,low,high], the value inside"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """An expression of named numbers.

    Attributes
    ----------
    text
        as written.
    names
        what it depends on, in the order of the vectors that it is evaluated with.
    """

    text: str
    names: tuple[str, ...]
    _node: _Node

    def evaluate(self, x: Sequence[float] | Floats) -> Jet:
        """Value, gradient ``(m,)`` and Hessian ``(m, m)`` at values ``(m,)``; NaN where it is not defined.

        Where a derivative does not exist (``abs``, ``min``, ``max``) it is the one from the right.
        """
        with np.errstate(all="ignore"):
            value, gradient, hessian = self._node(np.asarray(x, dtype=np.float64))
        if not isfinite(value):
            return np.nan, np.full_like(gradient, np.nan), np.full_like(hessian, np.nan)
        return float(value), gradient, hessian


def parse_expression(text: str, names: Sequence[str]) -> Expression:
    """Parse an expression of the given names.

    Raises
    ------
    Unsupported
        It is no scalar arithmetic of these names; the message says where.
    """
    parser = _Parser(text, tuple(names))
    node = parser.sum()
    if parser.tokens:
        raise Unsupported(f"the expression {text!r} cannot be evaluated: unexpected {parser.tokens[0][1]!r}")
    return Expression(text, tuple(names), node)


class _Parser:
    """Recursive descent: sums of products of signed powers."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self.text, self.names, self.depth = text, names, 0
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text) and text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise Unsupported(f"the expression {text!r} cannot be evaluated: unexpected {text[at:].strip()[0]!r}")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()

    def accept(self, *operators: str) -> str | None:
        """Take the next token if it is one of these operators."""
        if self.tokens and self.tokens[0][0] == "operator" and self.tokens[0][1] in operators:
            return self.tokens.pop(0)[1]
        return None

    def expect(self, operator: str) -> None:
        if self.accept(operator) is None:
            found = self.tokens[0][1] if self.tokens else "the end"
            raise Unsupported(f"the expression {self.text!r} cannot be evaluated: {operator!r} expected, not {found!r}")

    def sum(self) -> _Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unsupported(f"the expression {self.text[:40]!r}... is nested too deeply")
        node = self.product()
        while operator := self.accept("+", "-"):
            node = _binary(_plus if operator == "+" else _minus, node, self.product())
        self.depth -= 1
        return node

    def product(self) -> _Node:
        node = self.signed()
        while operator := self.accept("*", "/"):
            node = _binary(_times if operator == "*" else _over, node, self.signed())
        return node

    def signed(self) -> _Node:
        negative = False
        while sign := self.accept("+", "-"):
            negative ^= sign == "-"
        node = self.power()
        return _unary(lambda u: (-u, -1.0, 0.0), node) if negative else node

    def power(self) -> _Node:
        base = self.atom()
        return _binary(_power, base, self.signed()) if self.accept("^", "**") else base

    def atom(self) -> _Node:
        if self.accept("("):
            node = self.sum()
            self.expect(")")
            return node
        if not self.tokens or self.tokens[0][0] == "operator":
            found = repr(self.tokens[0][1]) if self.tokens else "the end"
            raise Unsupported(f"the expression {self.text!r} cannot be evaluated: unexpected {found}")
        kind, token = self.tokens.pop(0)
        if kind == "number":
            return _constant(float(token))
        if kind == "at":
            return self.variable(int(token[1:]), token)
        if self.tokens and self.tokens[0][1] == "(":
            return self.call(token)
        if token in self.names:
            return self.variable(self.names.index(token), token)
        if token in ("pi", "TMath::Pi"):
            return _constant(pi)
        raise Unsupported(
            f"the expression {self.text!r} cannot be evaluated: {token!r} is not among its dependents"
            + did_you_mean(token, self.names)
        )

    def variable(self, index: int, token: str) -> _Node:
        if index >= len(self.names):
            raise Unsupported(f"the expression {self.text!r} cannot be evaluated: there is no dependent {token}")
        return _variable(index)

    def call(self, name: str) -> _Node:
        self.expect("(")
        arguments = []
        while not self.accept(")"):
            arguments.append(self.sum())
            if not self.accept(","):
                self.expect(")")
                break
        plain = name.removeprefix("std::").removeprefix("TMath::").lower()
        if plain == "pi" and not arguments:
            return _constant(pi)
        if plain in FUNCTIONS and len(arguments) == 1:
            return _unary(FUNCTIONS[plain], arguments[0])
        if plain in _BINARY_FUNCTIONS and len(arguments) == 2:
            return _binary(_BINARY_FUNCTIONS[plain], *arguments)
        known = [*FUNCTIONS, *_BINARY_FUNCTIONS]
        raise Unsupported(
            f"the expression {self.text!r} cannot be evaluated: no function {name!r} of {len(arguments)} argument(s) "
            "is known" + did_you_mean(plain, known)
        )


# ------------------------------------------------------------------------------------- values with two derivatives
def _constant(value: float) -> _Node:
    return lambda x: (value, np.zeros(len(x)), np.zeros((len(x), len(x))))


def _variable(index: int) -> _Node:
    def node(x: Floats) -> Jet:
        gradient = np.zeros(len(x))
        gradient[index] = 1.0
        return float(x[index]), gradient, np.zeros((len(x), len(x)))

    return node


def _unary(function: Callable[[float], tuple[float, float, float]], argument: _Node) -> _Node:
    """The chain rule for a function that gives its value and two derivatives."""

    def node(x: Floats) -> Jet:
        u, du, ddu = argument(x)
        f, df, ddf = function(np.float64(u))
        return f, df * du, df * ddu + ddf * np.outer(du, du)

    return node


def _binary(function: Callable[[float, float], tuple[float, ...]], left: _Node, right: _Node) -> _Node:
    """The chain rule for a function that gives its value, ``f_u, f_v, f_uu, f_uv`` and ``f_vv``."""

    def node(x: Floats) -> Jet:
        (u, du, ddu), (v, dv, ddv) = left(x), right(x)
        f, fu, fv, fuu, fuv, fvv = function(np.float64(u), np.float64(v))
        # a term whose inner derivative vanishes does not count, whatever the outer one (the logarithm in x^2 at zero)
        gradient, hessian = np.zeros_like(du), np.zeros_like(ddu)
        if du.any() or ddu.any():
            gradient, hessian = gradient + fu * du, hessian + fu * ddu + fuu * np.outer(du, du)
        if dv.any() or ddv.any():
            gradient, hessian = gradient + fv * dv, hessian + fv * ddv + fvv * np.outer(dv, dv)
        if du.any() and dv.any():
            hessian = hessian + fuv * (np.outer(du, dv) + np.outer(dv, du))
        return f, gradient, hessian

    return node


def _plus(u: float, v: float) -> tuple[float, ...]:
    return u + v, 1.0, 1.0, 0.0, 0.0, 0.0


def _minus(u: float, v: float) -> tuple[float, ...]:
    return u - v, 1.0, -1.0, 0.0, 0.0, 0.0


def _times(u: float, v: float) -> tuple[float, ...]:
    return u * v, v, u, 0.0, 1.0, 0.0


def _over(u: float, v: float) -> tuple[float, ...]:
    return u / v, 1.0 / v, -u / v**2, 0.0, -1.0 / v**2, 2.0 * u / v**3


def _power(u: float, v: float) -> tuple[float, ...]:
    f, log = u**v, np.log(u)
    fu = v * u ** (v - 1.0) if v != 0.0 else 0.0
    fuu = v * (v - 1.0) * u ** (v - 2.0) if v not in (0.0, 1.0) else 0.0
    return f, fu, f * log, fuu, u ** (v - 1.0) * (1.0 + v * log), f * log**2


def _lower_of(u: float, v: float) -> tuple[float, ...]:
    return (u, 1.0, 0.0, 0.0, 0.0, 0.0) if u < v else (v, 0.0, 1.0, 0.0, 0.0, 0.0)


def _higher_of(u: float, v: float) -> tuple[float, ...]:
    return (u, 1.0, 0.0, 0.0, 0.0, 0.0) if u >= v else (v, 0.0, 1.0, 0.0, 0.0, 0.0)


#: Functions of one argument: value and two derivatives.
FUNCTIONS: dict[str, Callable[[float], tuple[float, float, float]]] = {
    "sqrt": lambda u: (np.sqrt(u), 0.5 / np.sqrt(u), -0.25 * u**-1.5),
    "exp": lambda u: (np.exp(u), np.exp(u), np.exp(u)),
    "log": lambda u: (np.log(u), 1.0 / u, -1.0 / u**2),
    "log10": lambda u: (np.log10(u), 1.0 / (u * np.log(10.0)), -1.0 / (u**2 * np.log(10.0))),
    "abs": lambda u: (abs(u), 1.0 if u >= 0.0 else -1.0, 0.0),
    "fabs": lambda u: (abs(u), 1.0 if u >= 0.0 else -1.0, 0.0),
    "sin": lambda u: (np.sin(u), np.cos(u), -np.sin(u)),
    "cos": lambda u: (np.cos(u), -np.sin(u), -np.cos(u)),
    "tan": lambda u: (np.tan(u), 1.0 / np.cos(u) ** 2, 2.0 * np.tan(u) / np.cos(u) ** 2),
    "atan": lambda u: (np.arctan(u), 1.0 / (1.0 + u**2), -2.0 * u / (1.0 + u**2) ** 2),
    "sinh": lambda u: (np.sinh(u), np.cosh(u), np.sinh(u)),
    "cosh": lambda u: (np.cosh(u), np.sinh(u), np.cosh(u)),
    "tanh": lambda u: (np.tanh(u), 1.0 / np.cosh(u) ** 2, -2.0 * np.tanh(u) / np.cosh(u) ** 2),
    "sq": lambda u: (u * u, 2.0 * u, 2.0),
}
_BINARY_FUNCTIONS: dict[str, Callable[[float, float], tuple[float, ...]]] = {
    "pow": _power,
    "power": _power,
    "min": _lower_of,
    "max": _higher_of,
}
