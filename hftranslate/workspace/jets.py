"""Numbers with their first and second derivatives.

A :class:`Node` evaluates a part of a formula at many vectors of parameters at once. Functions state values and
derivatives side by side; the chain rule does the rest.

At a kink the derivative is that of the branch that is evaluated there: of ``abs`` the one from the right, of ``min``
and ``max`` that of the first argument where both are equal, of ``?:`` that of the part chosen. Steps (``floor``,
comparisons) have the derivative zero.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
#: Values ``(n,)``, gradients ``(n, m)`` and Hessians ``(n, m, m)`` at ``n`` points of ``m`` parameters; ``None`` where
#: all of them vanish.
Jet: TypeAlias = tuple[Floats, Floats | None, Floats | None]
#: A function of one number: values and two derivatives, each an array or one number for all.
One: TypeAlias = Callable[[Floats], tuple[Any, Any, Any]]
#: A function of two numbers: values, ``f_u, f_v, f_uu, f_uv`` and ``f_vv``.
Two: TypeAlias = Callable[[Floats, Floats], tuple[Any, ...]]
#: What compares numbers.
Condition: TypeAlias = Callable[[Floats, Floats], Booleans]

LARGEST_INTEGER = 2**31 - 1


# ---------------------------------------------------------------------------------------------------- nodes from nodes
@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula at points ``(n, m)``: its values ``(n,)``, and values and derivatives, which take longer."""

    value: Callable[[Floats], Floats]
    jet: Callable[[Floats], Jet]


def _flat(value: Callable[[Floats], Floats]) -> Node:
    """What is constant but for its jumps."""
    return Node(value, lambda x: (value(x), None, None))


def constant(value: float) -> Node:
    """A number."""
    return _flat(lambda x: np.full(len(x), value))


def variable(index: int) -> Node:
    """A parameter, by its place in the vector."""

    def jet(x: Floats) -> Jet:
        gradient = np.zeros(x.shape)
        gradient[:, index] = 1.0
        return x[:, index], gradient, None

    return Node(lambda x: x[:, index], jet)


def total(nodes: Sequence[Node], signs: Sequence[int]) -> Node:
    """The sum of nodes with signs."""

    def value(x: Floats) -> Floats:
        return sum((sign * n.value(x) for sign, n in zip(signs, nodes, strict=True)), start=np.zeros(len(x)))

    def jet(x: Floats) -> Jet:
        value, *sums = zip(*(node.jet(x) for node in nodes), strict=True)
        gradient, hessian = (_sum([(sign, part) for sign, part in zip(signs, parts, strict=True)]) for parts in sums)
        return sum((s * f for s, f in zip(signs, value, strict=True)), start=np.zeros(len(x))), gradient, hessian

    return Node(value, jet)


def _sum(terms: Iterable[tuple[Any, Floats | None]]) -> Floats | None:
    """The sum of arrays, each times a number or one for each point; ``None`` where all vanish."""
    result: Floats | None = None
    for factor, part in terms:
        if part is not None:
            shaped = factor.reshape(-1, *(1,) * (part.ndim - 1)) if isinstance(factor, np.ndarray) else factor
            result = shaped * part if result is None else result + shaped * part
    return result


def _outer(du: Floats | None, dv: Floats | None) -> Floats | None:
    return None if du is None or dv is None else du[:, :, None] * dv[:, None]


def _moves(d: Floats | None, dd: Floats | None) -> Booleans:
    """Which parameters alone move a number that has these derivatives, at each point, ``(n, m)``."""
    along = None if dd is None else np.einsum("nii->ni", dd)
    moves: Booleans = np.logical_or.reduce([part != 0.0 for part in (d, along) if part is not None])
    return moves


def _where_moved(result: Floats | None, moved: Callable[[], Booleans]) -> Floats | None:
    """What the chain rule gives, and zero by parameters that move nothing inside.

    Whatever the outer derivative is there: the logarithm in ``x^2`` at zero, or the slope of a root of a constant.
    """
    if result is not None and not np.isfinite(result).all():
        result[~moved()] = 0.0
    return result


def _bends(d: Floats | None, dd: Floats | None) -> Booleans:
    """Which pairs of parameters bend a function of a number that has these derivatives, ``(n, m, m)``."""
    moves = _moves(d, dd)
    pairs: Booleans = moves[:, :, None] & moves[:, None]
    return pairs if dd is None else pairs | (dd != 0.0)


def _pairs(one: Booleans, two: Booleans) -> Booleans:
    """Which pairs of parameters move two numbers, one each, ``(n, m, m)``."""
    pairs: Booleans = one[:, :, None] & two[:, None]
    return pairs | pairs.swapaxes(1, 2)


def unary(function: One, argument: Node) -> Node:
    """The chain rule for a function of one number."""

    def jet(x: Floats) -> Jet:
        u, du, ddu = argument.jet(x)
        f, df, ddf = function(u)
        gradient = _where_moved(_sum([(df, du)]), lambda: _moves(du, ddu))
        hessian = _sum([(df, ddu), (ddf, _outer(du, du))])
        return f, gradient, _where_moved(hessian, partial(_bends, du, ddu))

    return Node(lambda x: function(argument.value(x))[0], jet)


def binary(function: Two, left: Node, right: Node) -> Node:
    """The chain rule for a function of two numbers."""

    def jet(x: Floats) -> Jet:
        (u, du, ddu), (v, dv, ddv) = left.jet(x), right.jet(x)
        f, fu, fv, fuu, fuv, fvv = function(u, v)
        first, second = [], []
        for slope, bend, d, dd in ((fu, fuu, du, ddu), (fv, fvv, dv, ddv)):
            first.append((1.0, _where_moved(_sum([(slope, d)]), partial(_moves, d, dd))))
            alone = _sum([(slope, dd), (bend, _outer(d, d))])
            second.append((1.0, _where_moved(alone, partial(_bends, d, dd))))
        mixed = _outer(du, dv)
        if mixed is not None:
            both = _sum([(fuv, mixed + mixed.swapaxes(1, 2))])
            second.append((1.0, _where_moved(both, lambda: _pairs(_moves(du, None), _moves(dv, None)))))
        return f, _sum(first), _sum(second)

    return Node(lambda x: function(left.value(x), right.value(x))[0], jet)


def chosen(condition: Node, yes: Node, no: Node) -> Node:
    """``condition ? yes : no``; the other part is not evaluated."""

    def value(x: Floats) -> Floats:
        holds = condition.value(x) != 0.0
        result = np.empty(len(x))
        for node, where in ((yes, holds), (no, ~holds)):
            if where.any():
                result[where] = node.value(x[where])
        return result

    def jet(x: Floats) -> Jet:
        holds = condition.value(x) != 0.0
        result = np.zeros(len(x)), np.zeros(x.shape), np.zeros((*x.shape, x.shape[1]))
        for node, where in ((yes, holds), (no, ~holds)):
            if where.any():
                for part, values in zip(result, node.jet(x[where]), strict=True):
                    if values is not None:
                        part[where] = values
        return result

    return Node(value, jet)


def picked(condition: Condition, left: Node, right: Node) -> Node:
    """The first of two numbers where the condition holds for them, else the second."""

    def value(x: Floats) -> Floats:
        one, two = left.value(x), right.value(x)
        return np.where(condition(one, two), one, two)

    def jet(x: Floats) -> Jet:
        (u, du, ddu), (v, dv, ddv) = left.jet(x), right.jet(x)
        holds = condition(u, v)
        return np.where(holds, u, v), _where(holds, du, dv), _where(holds, ddu, ddv)

    return Node(value, jet)


def _where(holds: Booleans, one: Floats | None, two: Floats | None) -> Floats | None:
    if one is None and two is None:
        return None
    like: Any = two if one is None else one
    parts = (np.zeros(like.shape) if part is None else part for part in (one, two))
    return np.where(holds.reshape(-1, *(1,) * (like.ndim - 1)), *parts)


def stepped(function: Callable[..., Any], *nodes: Node) -> Node:
    """A function that is constant but for its jumps."""
    return _flat(lambda x: np.asarray(function(*(n.value(x) for n in nodes)), dtype=np.float64))


def decided(nodes: Sequence[Node], *, every: bool) -> Node:
    """``a && b && ...`` or ``a || b || ...``: one or zero."""
    together = np.logical_and if every else np.logical_or
    return _flat(lambda x: together.reduce([n.value(x) != 0.0 for n in nodes]).astype(np.float64))


def whole(argument: Node) -> Node:
    """A number that C++ keeps in an ``int``: NaN where it does not fit."""

    def fitting(value: Floats) -> Floats:
        return np.where(np.abs(value) <= LARGEST_INTEGER, value, math.nan)

    def jet(x: Floats) -> Jet:
        value, gradient, hessian = argument.jet(x)
        return fitting(value), gradient, hessian

    return Node(lambda x: fitting(argument.value(x)), jet)


# ---------------------------------------------------------------------------------------------------------- arithmetic
def _times(u: Floats, v: Floats) -> tuple[Any, ...]:
    return u * v, v, u, 0.0, 1.0, 0.0


def _over(u: Floats, v: Floats) -> tuple[Any, ...]:
    return u / v, 1.0 / v, -u / v**2, 0.0, -1.0 / v**2, 2.0 * u / v**3


def product(left: Node, right: Node) -> Node:
    """``a * b``."""
    return binary(_times, left, right)


def quotient(left: Node, right: Node) -> Node:
    """``a / b`` of real numbers."""
    return binary(_over, left, right)


def negative(argument: Node) -> Node:
    """``-a``."""
    return unary(lambda u: (-u, -1.0, 0.0), argument)


def opposite(argument: Node) -> Node:
    """``!a``: one or zero."""
    return stepped(lambda u: u == 0.0, argument)


def whole_quotient(left: Node, right: Node) -> Node:
    """The quotient of whole numbers, cut off towards zero; there is none by zero."""
    return stepped(lambda u, v: np.where(v != 0.0, np.trunc(u / v), math.nan), left, right)


def remainder(left: Node, right: Node) -> Node:
    """What the quotient of whole numbers leaves, with the sign of the first."""
    return stepped(np.fmod, left, right)


#: Comparisons: one or zero.
COMPARISONS: Mapping[str, Condition] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
