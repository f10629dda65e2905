r"""Scalar arithmetic of parameters, as ROOT's Function elements state it, with exact derivatives.

A Function is a formula of ROOT's RooFormula and TFormula, which turn its text into C++ and compile that
(:mod:`hftranslate.workspace.formula_text`). The language here is the part of this C++ that makes a number out of
numbers:

* ``+ - * / %``, ``< > <= >= == !=``, ``! && ||``, ``? :``, parentheses; ``^`` and ``**`` become ``pow`` before;
* numbers, names of parameters, ``@0`` or ``x[0]`` (the first dependent, and so on), TFormula's constants (``pi``, ...);
* the functions of :data:`hftranslate.workspace.formula_functions.FUNCTIONS`: those of C++, with or without ``std::``,
  of TMath and ROOT::Math.

Anything else is refused by name: nothing is ever executed. Types are those of C++: integers stay integers, so that
``1/2`` and ``(x>1)/2`` are zero; ``max(x,0)`` is refused, as the compiler refuses a maximum of two types.

Dependents are the factory expressions of RooFit: ``x[1,0,10]`` (value and range), ``x[0,3]`` (a range, the value in its
middle), ``x[5]`` (a constant), ``x`` (one that exists).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import Unsupported, did_you_mean
from hftranslate.records import record
from hftranslate.workspace.constants import CONSTANT_FUNCTIONS, CONSTANTS
from hftranslate.workspace.formula_functions import FUNCTIONS, Kind, arithmetic
from hftranslate.workspace.formula_text import compiled_text
from hftranslate.workspace.jets import (
    COMPARISONS,
    LARGEST_INTEGER,
    Jet,
    Node,
    chosen,
    constant,
    decided,
    negative,
    opposite,
    product,
    quotient,
    remainder,
    stepped,
    total,
    variable,
    whole,
    whole_quotient,
)

Floats = NDArray[np.float64]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))|(?P<at>x\[(?:0|[1-9]\d*)\])"
    r"|(?P<name>[A-Za-z_][\w.]*(?:::\w+)*)|(?P<operator>\+\+|--|<<|>>|[<>=!]=|&&|\|\||[-+*/%(),<>!?:]))",
    re.ASCII,
)
_DEPENDENT = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:\[(?P<numbers>[^\]]*)\])?\s*(?:,|$)")
_DEEPEST = 100
#: What real Functions stay far below: characters, dependents, and steps of one evaluation.
_LONGEST, _MOST_DEPENDENTS, _MOST_STEPS = 10_000, 100, 10_000
#: How tightly C++'s operators between two numbers bind.
_PRECEDENCE = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("==", "!="), 3),
    **dict.fromkeys(("<", ">", "<=", ">="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}
#: A point of no parameters.
_NOWHERE = np.zeros((1, 0))


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
    _refuse_long(text)
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


def _refuse_long(text: str) -> None:
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
    smooth
        whether it has no kinks and steps: no comparisons, and no functions such as ``max``.
    """

    text: str
    names: tuple[str, ...]
    smooth: bool
    _node: Node
    _steps: int = 1  # of one evaluation, and how deep they are nested
    _depth: int = 1
    _given: tuple[tuple[str, ...], tuple[tuple[str, "Expression"], ...]] = ((), ())

    def __reduce__(self) -> tuple[Any, ...]:
        """Expressions travel to other processes as their text."""
        names, known = self._given
        return parse_expression, (self.text, names, dict(known))

    def evaluate(self, x: Sequence[float] | Floats) -> tuple[float, Floats, Floats]:
        """Value, gradient ``(m,)`` and Hessian ``(m, m)`` at values ``(m,)``; NaN where it is not defined.

        Where a derivative does not exist it is that of the branch that is evaluated
        (:mod:`hftranslate.workspace.jets`).
        """
        value, gradient, hessian = self.jets(np.asarray(x, dtype=np.float64)[None])
        return float(value[0]), gradient[0], hessian[0]

    def jets(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Those of :meth:`evaluate` at many points ``(n_points, m)``, one after the other along the first axis."""
        with np.errstate(all="ignore"):
            value, *derivatives = self._node.jet(points)
        n, m = points.shape
        gradient, hessian = (
            np.zeros(shape) if part is None else part
            for part, shape in zip(derivatives, ((n, m), (n, m, m)), strict=True)
        )
        if not (known := np.isfinite(value)).all():
            value, gradient, hessian = (
                np.where(known.reshape(-1, *(1,) * k), part, np.nan)
                for k, part in enumerate((value, gradient, hessian))
            )
        return value, gradient, hessian

    def values(self, points: Floats) -> Floats:
        """The value of :meth:`evaluate` at many points ``(n_points, m)``, ``(n_points,)``."""
        with np.errstate(all="ignore"):
            values = self._node.value(points)
        return np.where(np.isfinite(values), values, np.nan)


def parse_expression(text: str, names: Sequence[str], known: Mapping[str, Expression] | None = None) -> Expression:
    """Parse an expression of the given names.

    Parameters
    ----------
    text
        of C++, as a Function in XML holds it.
    names
        what it may depend on; ``@0`` is the first.
    known
        those of the names that are expressions themselves: what these depend on takes their place.

    Returns
    -------
    Expression
        evaluates with first and second derivatives.

    Raises
    ------
    Unsupported
        It is no scalar arithmetic of these names; the message says where.
    """
    inner = known or {}
    leaves = tuple(dict.fromkeys(leaf for n in names for leaf in (inner[n].names if n in inner else (n,))))
    nodes = [_as_part_of_another(inner[n], leaves) if n in inner else variable(leaves.index(n)) for n in names]
    parser = _Parser(text, tuple(names), nodes, [inner[n]._steps if n in inner else 1 for n in names])
    term = parser.conditional()
    depth = 1 + max((inner[name]._depth for name in names if name in inner), default=0)
    if parser.steps > _MOST_STEPS or depth > _DEEPEST or len(leaves) > _MOST_DEPENDENTS:
        raise Unsupported(f"the expression {text[:40]!r} with the Functions in it is too large to be evaluated")
    if parser.tokens:
        raise parser.refused(f"unexpected {parser.tokens[-1][1]!r}")
    given = (tuple(names), tuple((n, inner[n]) for n in names if n in inner))
    smooth = parser.smooth and all(e.smooth for e in inner.values() if e.names)
    return Expression(text, leaves, smooth, term.node, parser.steps, depth, given)


@record
class _Term:
    """A part of an expression; ``value`` where it depends on nothing."""

    node: Node
    kind: Kind
    value: float | None = None


class _Parser:
    """Recursive descent through the C++ that ROOT compiles."""

    def __init__(self, text: str, names: tuple[str, ...], nodes: Sequence[Node], steps_of: Sequence[int]) -> None:
        _refuse_long(text)
        self.text, self.names, self.nodes, self.steps_of = text, names, nodes, steps_of
        self.depth, self.steps, self.smooth = 0, 0, True
        self.compiled = compiled_text(text, names)
        self.tokens: list[tuple[str, str]] = []  # the next one last
        at, end = 0, len(self.compiled.rstrip())
        while at < end:
            match = _TOKEN.match(self.compiled, at)
            if match is None:
                raise self.refused(f"unexpected {self.compiled[at : at + 10].strip()!r}")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()
        self.tokens.reverse()

    def refused(self, why: str) -> Unsupported:
        """Why the expression cannot be evaluated, with what ROOT makes of it where that is not what stands there."""
        read = "" if self.compiled == self.text.replace(" ", "") else f" (ROOT reads {self.compiled[:80]!r})"
        return Unsupported(f"the expression {self.text[:200]!r} cannot be evaluated: {why}{read}")

    def accept(self, *operators: str) -> str | None:
        """Take the next token if it is one of these operators."""
        if self.tokens and self.tokens[-1][0] == "operator" and self.tokens[-1][1] in operators:
            return self.tokens.pop()[1]
        return None

    def expect(self, operator: str) -> None:
        if self.accept(operator) is None:
            raise self.refused(f"{operator!r} expected, not {self.next()}")

    def next(self) -> str:
        return repr(self.tokens[-1][1]) if self.tokens else "the end"

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unsupported(f"the expression {self.text[:40]!r}... is nested too deeply")

    # ---------------------------------------------------------------- the grammar
    def conditional(self) -> _Term:
        depth = self.depth
        self.deeper()
        condition = self.operation(1)
        if self.accept("?"):
            yes = self.conditional()
            self.expect(":")
            no = self.conditional()
            self.smooth = False
            kind = yes.kind if yes.kind == no.kind else arithmetic((yes.kind, no.kind))
            condition = self.term(chosen(condition.node, yes.node, no.node), kind, condition, yes, no)
        self.depth = depth
        return condition

    def operation(self, least: int) -> _Term:
        """Operands with operators between them that bind at least so tightly."""
        depth = self.depth
        left = self.signed()
        while (level := self.level()) >= least:
            operands, operators = [left], []
            while self.level() == level:
                operators.append(self.tokens.pop()[1])
                operands.append(self.operation(level + 1))
            left = self.combined(operators, operands)
        self.depth = depth
        return left

    def level(self) -> int:
        return _PRECEDENCE.get(self.tokens[-1][1], 0) if self.tokens and self.tokens[-1][0] == "operator" else 0

    def combined(self, operators: Sequence[str], operands: Sequence[_Term]) -> _Term:
        """Operands with operators of one level between them, from the left to the right."""
        if operators[0] in ("+", "-"):
            signs = [1, *(1 if operator == "+" else -1 for operator in operators)]
            kind = arithmetic([t.kind for t in operands])
            return self.term(total([t.node for t in operands], signs), kind, *operands)
        if operators[0] in ("&&", "||"):
            self.smooth = False
            return self.term(decided([t.node for t in operands], every=operators[0] == "&&"), "bool", *operands)
        left = operands[0]
        for operator, right in zip(operators, operands[1:], strict=True):
            self.deeper()
            left = self.pair(operator, left, right)
        return left

    def pair(self, operator: str, left: _Term, right: _Term) -> _Term:
        if operator in COMPARISONS:
            self.smooth = False
            return self.term(stepped(COMPARISONS[operator], left.node, right.node), "bool", left, right)
        kind = arithmetic((left.kind, right.kind))
        if operator == "*":
            return self.term(product(left.node, right.node), kind, left, right)
        if operator == "/" and kind == "double":
            return self.term(quotient(left.node, right.node), kind, left, right)
        if kind == "double":
            raise self.refused("C++ has '%' for integers only")
        if right.value == 0.0:
            raise self.refused("it divides an integer by the integer 0")
        self.smooth = False
        node = whole_quotient if operator == "/" else remainder
        return self.term(node(left.node, right.node), kind, left, right)

    def signed(self) -> _Term:
        signs = []
        while sign := self.accept("+", "-", "!"):
            signs.append(sign)
        term = self.atom()
        for sign in reversed(signs):
            self.deeper()
            if sign == "!":
                self.smooth = False
                term = self.term(opposite(term.node), "bool", term)
            else:
                node = term.node if sign == "+" else negative(term.node)
                term = self.term(node, arithmetic((term.kind,)), term)
        return term

    def atom(self) -> _Term:
        if self.accept("("):
            term = self.conditional()
            self.expect(")")
            return term
        if not self.tokens or self.tokens[-1][0] == "operator":
            raise self.refused(f"unexpected {self.next()}")
        kind, token = self.tokens.pop()
        self.steps += 1
        if kind == "number":
            return self.number(token)
        if kind == "at":
            return self.parameter(token)
        if self.tokens and self.tokens[-1] == ("operator", "("):
            return self.call(token)
        if token in CONSTANTS:
            value = CONSTANTS[token]
            return _constant(value, "int" if value.is_integer() else "double")
        if token in self.names:
            why = f"ROOT misses the name {token!r} there; write @{self.names.index(token)}, or use a longer name"
            raise self.refused(why)
        raise self.refused(f"{token!r} is not among its dependents" + did_you_mean(token, self.names))

    def number(self, token: str) -> _Term:
        if not token.isdecimal():
            return _constant(float(token), "double")
        if token != "0" and token.startswith("0"):
            raise self.refused(f"{token!r} is a number to the base of 8 for C++; write it without the leading zero")
        if len(token) > 10 or int(token) > LARGEST_INTEGER:
            raise self.refused(f"the integer {token[:20]} is too large; write {token[:20]}.0")
        return _constant(float(token), "int")

    def parameter(self, token: str) -> _Term:
        index = int(token[2:-1]) if len(token) < 10 else len(self.nodes)
        if index >= len(self.nodes):
            raise self.refused(f"there is no dependent @{token[2:-1][:20]}")
        self.steps += self.steps_of[index]
        return _Term(node=self.nodes[index], kind="double")

    def call(self, name: str) -> _Term:
        self.expect("(")
        arguments: list[_Term] = []
        if not self.accept(")"):
            arguments.append(self.conditional())
            while self.accept(","):
                arguments.append(self.conditional())
            self.expect(")")
        if name in CONSTANT_FUNCTIONS and not arguments:
            return _constant(CONSTANT_FUNCTIONS[name], "double")
        function = FUNCTIONS.get(name)
        if function is None or not function.least <= len(arguments) <= function.most:
            hint = did_you_mean(name, [*FUNCTIONS, *CONSTANT_FUNCTIONS])
            raise self.refused(f"no function {name!r} of {len(arguments)} argument(s) is known{hint}")
        kind = function.kind([t.kind for t in arguments])
        if kind is None:
            kinds = ", ".join(t.kind for t in arguments)
            raise self.refused(f"C++ has no {name}({kinds}) of numbers of these types; write integers as 1.0")
        self.smooth = self.smooth and function.smooth
        return self.term(function.made(*(t.node for t in arguments)), kind, *arguments)

    # ---------------------------------------------------------------- terms
    def term(self, node: Node, kind: Kind, *parts: _Term) -> _Term:
        """A term made of others, worked out here where they depend on nothing."""
        if any(part.value is None for part in parts):
            return _Term(node=whole(node) if kind == "int" else node, kind=kind)
        with np.errstate(all="ignore"):
            value = float(node.value(_NOWHERE)[0])
        if kind == "int" and not abs(value) <= LARGEST_INTEGER:
            raise self.refused(f"the integer {value:.0f} is too large; write numbers as 1.0")
        return _constant(value, kind)


def _constant(value: float, kind: Kind) -> _Term:
    return _Term(node=constant(value), kind=kind, value=value)


def _as_part_of_another(expression: Expression, leaves: tuple[str, ...]) -> Node:
    """An expression as part of another one, which depends on more."""
    at = np.array([leaves.index(name) for name in expression.names], dtype=np.int64)

    def jet(x: Floats) -> Jet:
        value, slopes, bends = expression.jets(x[:, at])
        gradient, hessian = np.zeros(x.shape), np.zeros((*x.shape, x.shape[1]))
        gradient[:, at] = slopes
        hessian[:, at[:, None], at] = bends
        return value, gradient, hessian

    return Node(lambda x: expression.values(x[:, at]), jet)


_WORD = re.compile(r"[A-Za-z_][\w.]*(?:::\w+)*(?!\s*\(|[\w.:])")


def renamed_words(text: str, names: Mapping[str, str]) -> str:
    """An expression or its dependents with the names of parameters replaced; functions keep theirs."""
    return _WORD.sub(lambda word: names.get(word[0], word[0]), text)
