r"""Scalar arithmetic of parameters, as ROOT's Function elements state it, with exact derivatives.

The language is the part of ROOT's TFormula that makes a number out of numbers: ``+ - * / ^ **``, parentheses, numbers,
``pi``, names, ``@0`` (the first dependent, and so on), ``pow``, ``min``, ``max`` and the functions of
:data:`FUNCTIONS`, with or without ``std::`` or ``TMath::`` (``TMath::Power``, ``TMath::Sqrt``, ...). Anything else is
refused by name: nothing is ever executed. ROOT compiles an expression as C++, so that integers stay integers: ``1/2``
is zero; ``+ - * /``, ``abs``, ``min`` and ``max`` of integers are integers, powers and all other functions are not.

Dependents are the factory expressions of RooFit: ``x[1,0,10]`` (value and range), ``x[0,3]`` (a range, the value in its
middle), ``x[5]`` (a constant), ``x`` (one that exists).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import e, inf, isfinite, pi
from operator import mul
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import Unsupported, did_you_mean

Floats = NDArray[np.float64]
#: Value, gradient ``(m,)`` and Hessian ``(m, m)``.
Jet: TypeAlias = tuple[float, Floats, Floats]
_Node: TypeAlias = Callable[[Floats], Jet]
#: A function of two numbers: value, ``f_u, f_v, f_uu, f_uv`` and ``f_vv``.
_Function2: TypeAlias = Callable[[float, float], tuple[float, ...]]
#: A part of an expression, and its value where it is one of C++'s integers.
_Term: TypeAlias = tuple[_Node, int | None]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<at>@\d+)"
    r"|(?P<name>[A-Za-z_][\w.]*(?:::\w+)*)|(?P<operator>\*\*|[-+*/^(),]))",
    re.ASCII,
)
_DEPENDENT = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:\[(?P<numbers>[^\]]*)\])?\s*(?:,|$)")
_DEEPEST = 100
_DIGITS = 20
_LARGEST_INTEGER = 2**31 - 1
#: What real Functions stay far below: characters, dependents, and steps of one evaluation.
_LONGEST, _MOST_DEPENDENTS, _MOST_STEPS = 10_000, 100, 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """A parameter that a Function names: one that exists where ``value`` is ``None``, else a new one.

    ``text`` are the numbers in brackets, as written; ROOT moves a value outside the range to its end.
    """

    name: str
    value: float | None = None
    low: float = -inf
    high: float = inf
    constant: bool = False
    text: str = ""


def parse_dependents(text: str) -> tuple[Dependent, ...]:
    """The dependents of a Function.

    Raises
    ------
    Unsupported
        The text is no list of parameters.
    """
    _limited(text)
    found, at = [], 0
    while at < len(text) and text[at:].strip():
        match = _DEPENDENT.match(text, at)
        if match is None:
            raise Unsupported(f"the dependents {text!r} are no list of parameters like 'x[1,0,10],y' at {text[at:]!r}")
        found.append(_dependent(match["name"], match["numbers"], text))
        at = match.end()
    if len(found) > _MOST_DEPENDENTS:
        raise Unsupported(f"{len(found)} dependents; a Function of more than {_MOST_DEPENDENTS} is not evaluated")
    return tuple(found)


def _limited(text: str) -> None:
    if len(text) > _LONGEST:
        raise Unsupported(f"the text {text[:40]!r}... of {len(text)} characters is too long for a Function")


def _dependent(name: str, numbers: str | None, text: str) -> Dependent:
    if numbers is None:
        return Dependent(name=name)
    words = ",".join(word.strip() for word in numbers.split(","))
    try:
        values = [float(v) for v in numbers.split(",")]
    except ValueError:
        raise Unsupported(f"the dependents {text!r}: {name}[{numbers}] must hold one to three numbers") from None
    match values:
        case [value]:
            return Dependent(name=name, value=value, constant=True, text=words)
        case [low, high] if low <= high:
            return Dependent(name=name, value=0.5 * (low + high), low=low, high=high, text=words)
        case [value, low, high] if low <= high:
            return Dependent(name=name, value=min(max(value, low), high), low=low, high=high, text=words)
    raise Unsupported(
        f"the dependents {text!r}: {name}[{numbers}] must be [value], [low,high] or [value,low,high] with low <= high"
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
    _steps: int = 1  # of one evaluation, and how deep they are nested
    _depth: int = 1
    _given: tuple[tuple[str, ...], tuple[tuple[str, "Expression"], ...]] = ((), ())

    def __reduce__(self) -> tuple[Any, ...]:
        """Expressions travel to other processes as their text."""
        names, known = self._given
        return parse_expression, (self.text, names, dict(known))

    def evaluate(self, x: Sequence[float] | Floats) -> Jet:
        """Value, gradient ``(m,)`` and Hessian ``(m, m)`` at values ``(m,)``; NaN where it is not defined.

        Where a derivative does not exist (``abs``, ``min``, ``max``) it is the one from the right.
        """
        with np.errstate(all="ignore"):
            value, gradient, hessian = self._node(np.asarray(x, dtype=np.float64))
        if not isfinite(value):
            return np.nan, np.full_like(gradient, np.nan), np.full_like(hessian, np.nan)
        return float(value), gradient, hessian


def parse_expression(text: str, names: Sequence[str], known: Mapping[str, Expression] | None = None) -> Expression:
    """Parse an expression of the given names.

    Parameters
    ----------
    names
        what it may depend on; ``@0`` is the first.
    known
        those of the names that are expressions themselves: what these depend on takes their place.

    Raises
    ------
    Unsupported
        It is no scalar arithmetic of these names; the message says where.
    """
    inner = known or {}
    leaves = tuple(dict.fromkeys(leaf for n in names for leaf in (inner[n].names if n in inner else (n,))))
    parser = _Parser(text, tuple(names))
    for name in names:
        parser.nodes.append(_inserted(inner[name], leaves) if name in inner else _variable(leaves.index(name)))
        parser.steps_of.append(inner[name]._steps if name in inner else 1)
    node, integer = parser.sum()
    depth = 1 + max((inner[name]._depth for name in names if name in inner), default=0)
    if parser.steps > _MOST_STEPS or depth > _DEEPEST or len(leaves) > _MOST_DEPENDENTS:
        raise Unsupported(f"the expression {text[:40]!r} with the Functions in it is too large to be evaluated")
    if parser.tokens:
        raise Unsupported(f"the expression {text!r} cannot be evaluated: unexpected {parser.tokens[0][1]!r}")
    node = node if integer is None else _constant(float(integer))
    given = (tuple(names), tuple((n, inner[n]) for n in names if n in inner))
    return Expression(text, leaves, node, parser.steps, depth, given)


class _Parser:
    """Recursive descent: sums of products of signed powers."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        _limited(text)
        self.text, self.names, self.depth, self.steps = text, names, 0, 0
        self.nodes: list[_Node] = []  # of the names
        self.steps_of: list[int] = []  # of the names
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

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unsupported(f"the expression {self.text[:40]!r}... is nested too deeply")

    def sum(self) -> _Term:
        self.deeper()
        node, integer = self.product()
        nodes, signs = [node], [1]
        while operator := self.accept("+", "-"):
            node, term = self.product()
            nodes.append(node)
            signs.append(1 if operator == "+" else -1)
            integer = None if integer is None or term is None else integer + signs[-1] * term
        self.depth -= 1
        if integer is not None:
            return self.integer(integer)
        return (_sum(nodes, signs) if len(nodes) > 1 else nodes[0]), None

    def product(self) -> _Term:
        depth = self.depth
        term = self.signed()
        while operator := self.accept("*", "/"):
            self.deeper()
            term = self.combined(operator, _times if operator == "*" else _over, term, self.signed())
        self.depth = depth
        return term

    def combined(self, word: str, function: _Function2, left: _Term, right: _Term) -> _Term:
        """Two parts and what stands between them; of two integers an integer."""
        node = _binary(function, left[0], right[0])
        if left[1] is None or right[1] is None or word not in _OF_INTEGERS:
            return node, None
        if word == "/" and right[1] == 0:
            raise Unsupported(
                f"the expression {self.text!r} cannot be evaluated: it divides the integer {left[1]} by 0"
            )
        return self.integer(_OF_INTEGERS[word](left[1], right[1]))

    def integer(self, value: int) -> _Term:
        if abs(value) > _LARGEST_INTEGER:
            raise Unsupported(
                f"the expression {self.text!r} cannot be evaluated: the integer {value} is too large; write {value}.0"
            )
        return _constant(float(value)), value

    def signed(self) -> _Term:
        negative = False
        while sign := self.accept("+", "-"):
            negative ^= sign == "-"
        node, integer = self.power()
        if not negative:
            return node, integer
        return _unary(lambda u: (-u, -1.0, 0.0), node), None if integer is None else -integer

    def power(self) -> _Term:
        term = self.atom()
        if self.accept("^", "**"):
            self.deeper()
            term = self.combined("^", _power, term, self.signed())
            self.depth -= 1
        return term

    def atom(self) -> _Term:
        if self.accept("("):
            term = self.sum()
            self.expect(")")
            return term
        if not self.tokens or self.tokens[0][0] == "operator":
            found = repr(self.tokens[0][1]) if self.tokens else "the end"
            raise Unsupported(f"the expression {self.text!r} cannot be evaluated: unexpected {found}")
        kind, token = self.tokens.pop(0)
        self.steps += 1
        if kind == "number":
            whole = token.isdecimal() and len(token) <= _DIGITS
            return self.integer(int(token)) if whole else (_constant(float(token)), None)
        if kind == "at":
            return self.variable(int(token[1 : _DIGITS + 1]), token)
        if self.tokens and self.tokens[0][1] == "(":
            return self.call(token)
        if token in self.names:
            return self.variable(self.names.index(token), token)
        if token in _CONSTANTS:
            return _constant(_CONSTANTS[token]), None
        raise Unsupported(
            f"the expression {self.text!r} cannot be evaluated: {token!r} is not among its dependents"
            + did_you_mean(token, self.names)
        )

    def variable(self, index: int, token: str) -> _Term:
        if index >= len(self.nodes):
            raise Unsupported(f"the expression {self.text!r} cannot be evaluated: there is no dependent {token}")
        self.steps += self.steps_of[index]
        return self.nodes[index], None

    def call(self, name: str) -> _Term:
        self.expect("(")
        arguments = []
        while not self.accept(")"):
            arguments.append(self.sum())
            if not self.accept(","):
                self.expect(")")
                break
        plain = name.removeprefix("std::").removeprefix("TMath::").lower()
        if plain == "pi" and not arguments:
            return _constant(pi), None
        if plain in FUNCTIONS and len(arguments) == 1:
            node, integer = arguments[0]
            if plain == "abs" and integer is not None:
                return self.integer(abs(integer))
            return _unary(FUNCTIONS[plain], node), None
        if plain in _BINARY_FUNCTIONS and len(arguments) == 2:
            return self.combined(plain, _BINARY_FUNCTIONS[plain], *arguments)
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


def _inserted(expression: Expression, leaves: tuple[str, ...]) -> _Node:
    """An expression as part of another one, which depends on more."""
    at = np.array([leaves.index(name) for name in expression.names], dtype=np.int64)

    def node(x: Floats) -> Jet:
        value, slopes, bends = expression.evaluate(x[at])
        gradient, hessian = np.zeros(len(x)), np.zeros((len(x), len(x)))
        gradient[at] = slopes
        hessian[at[:, None], at] = bends
        return value, gradient, hessian

    return node


def _sum(nodes: Sequence[_Node], signs: Sequence[int]) -> _Node:
    def node(x: Floats) -> Jet:
        value, gradient, hessian = 0.0, np.zeros(len(x)), np.zeros((len(x), len(x)))
        for sign, term in zip(signs, nodes, strict=True):
            f, df, ddf = term(x)
            value, gradient, hessian = value + sign * f, gradient + sign * df, hessian + sign * ddf
        return value, gradient, hessian

    return node


def _unary(function: Callable[[float], tuple[float, float, float]], argument: _Node) -> _Node:
    """The chain rule for a function that gives its value and two derivatives."""

    def node(x: Floats) -> Jet:
        u, du, ddu = argument(x)
        f, df, ddf = function(np.float64(u))
        return f, df * du, df * ddu + ddf * np.outer(du, du)

    return node


def _binary(function: _Function2, left: _Node, right: _Node) -> _Node:
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
_BINARY_FUNCTIONS: dict[str, _Function2] = {
    "pow": _power,
    "power": _power,
    "min": _lower_of,
    "max": _higher_of,
}
_CONSTANTS = {"pi": pi, "TMath::Pi": pi, "e": e}
#: What C++ makes of two integers; a quotient is cut off towards zero.
_OF_INTEGERS: dict[str, Callable[[int, int], int]] = {
    "*": mul,
    "/": lambda u, v: abs(u) // abs(v) * (1 if (u >= 0) == (v >= 0) else -1),
    "min": min,
    "max": max,
}


_WORD = re.compile(r"[A-Za-z_][\w.]*(?:::\w+)*(?!\s*\(|[\w.:])")


def renamed_words(text: str, names: Mapping[str, str]) -> str:
    """An expression or its dependents with the names of parameters replaced; functions keep theirs."""
    return _WORD.sub(lambda word: names.get(word[0], word[0]), text)
