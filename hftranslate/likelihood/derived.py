r"""Derived parameters: numbers that a model uses in place of its parameters, made from them by expressions.

The cells see the vector ``(theta, d(theta))``: the parameters, followed by the derived ones. With the first derivatives
``g`` and second derivatives ``H`` of a function of that longer vector and the Jacobian ``D = d d / d theta``, the chain
rule gives

    gradient = g_theta + D^T g_d,
    Hessian  = H_theta + H_theta,d D + D^T H_d,theta + D^T H_d D + sum_k g_dk  d2 d_k / d theta2.

Three constructs of ROOT are of this kind: a norm factor that a Function makes, and the systematics of a LogNormal or
Gamma constraint term, whose effect interpolates in ``((1 + r)^alpha - 1) / r`` or ``(beta - 1) / r``.

Where a derivative of an expression does not exist (``sqrt`` at zero), those by its parameters are infinite or NaN.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hftranslate.records import record

if TYPE_CHECKING:
    from hftranslate.workspace.expressions import Expression

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Random points at which an expression is looked at, all over and closer to some; how far from where its parameters
#: begin if their ranges have no end; and the powers of ten by which points come closer.
_TRIED, _FAR, _CLOSER = 200, 1e3, 5.0


@record
class Terms:
    """Systematics of LogNormal and Gamma terms: ``((1 + r)^alpha - 1) / r`` and ``(beta - 1) / r``.

    Attributes
    ----------
    parameter, uncertainty
        index of ``alpha`` or ``beta``, each another one, and ``r``, ``(n_terms,)``.
    growth
        ``ln(1 + r)`` of LogNormal terms; zero for Gamma terms.
    """

    parameter: Integers
    uncertainty: Floats
    growth: Floats

    def values(self, theta: Floats) -> Floats:
        """Values at vectors ``(..., n_parameters)``, ``(..., n_terms)``."""
        t = theta[..., self.parameter]
        return np.where(self.growth == 0.0, t - 1.0, np.expm1(self.growth * t)) / self.uncertainty

    def slopes(self, theta: Floats) -> tuple[Floats, Floats]:
        """First and second derivatives, ``(..., n_terms)`` each."""
        power = np.exp(self.growth * theta[..., self.parameter]) / self.uncertainty
        return np.where(self.growth == 0.0, 1.0, self.growth) * power, self.growth * self.growth * power


@record
class Derived:
    """Expressions of parameters, and then those of constraint terms.

    Attributes
    ----------
    names
        the norm factor or systematic, by pyhf's name, that each takes the place of.
    expressions, parameters
        those that Functions make, and indices of what each depends on.
    terms
        the others.
    curved
        whether one that a Function makes :func:`turns`, and may have the same value at several places.
    """

    n_parameters: int
    names: tuple[str, ...]
    expressions: tuple["Expression", ...]
    parameters: tuple[Integers, ...]
    terms: Terms
    curved: bool = False

    @property
    def leaves(self) -> tuple[Integers, ...]:
        """Indices of what each depends on, those of terms last."""
        return (*self.parameters, *self.terms.parameter[:, None])

    def extend(self, theta: Floats) -> Floats:
        """Parameters ``(..., n_parameters)`` followed by the derived ones."""
        if not self.names:
            return theta
        points = theta.reshape(prod(theta.shape[:-1]), self.n_parameters)
        parts = [e.values(points[:, p])[:, None] for e, p in zip(self.expressions, self.parameters, strict=True)]
        extended = np.concatenate([points, *parts, self.terms.values(points)], axis=1)
        return extended.reshape(*theta.shape[:-1], extended.shape[1])

    def jacobian(self, theta: Floats) -> Floats:
        """``D``, ``(..., n_derived, n_parameters)``, at vectors ``(..., n_parameters)``."""
        points = theta.reshape(prod(theta.shape[:-1]), self.n_parameters)
        return self._jacobian(points, self._jets(points)).reshape(*theta.shape[:-1], len(self.names), self.n_parameters)

    def _jets(self, points: Floats) -> list[tuple[Floats, Floats, Floats]]:
        return [e.jets(points[:, p]) for e, p in zip(self.expressions, self.parameters, strict=True)]

    def _jacobian(self, points: Floats, jets: Sequence[tuple[Floats, Floats, Floats]]) -> Floats:
        result = self._of_functions(points, jets, len(self.names))
        result[:, np.arange(len(jets), len(self.names)), self.terms.parameter] = self.terms.slopes(points)[0]
        return result

    def _of_functions(self, points: Floats, jets: Sequence[tuple[Floats, Floats, Floats]], size: int) -> Floats:
        """The rows of ``D`` of Functions, ``(n_points, size, n_parameters)``."""
        result = np.zeros((len(points), size, self.n_parameters))
        for i, (p, (_, gradient, _)) in enumerate(zip(self.parameters, jets, strict=True)):
            for k, place in enumerate(p):  # two names may be of one parameter
                result[:, i, place] += gradient[:, k]
        return result

    def _behind(self, points: Floats, derivatives: Floats, power: int) -> Floats:
        """Derivatives ``(n_points, n, ...)`` by the longer vector, those by derived ones times a power of ``D``."""
        n, k = self.n_parameters, len(self.expressions)
        with np.errstate(invalid="ignore"):
            result: Floats = derivatives[..., :n].copy()
            if k:
                result += derivatives[..., n : n + k] @ self._of_functions(points, self._jets(points), k) ** power
            if len(self.names) > k:
                moved = derivatives[..., n + k :] * self.terms.slopes(points)[0][:, None] ** power
                result[..., self.terms.parameter] += moved
        return result

    def curvatures(self, theta: Floats) -> Floats:
        """Second derivatives of each, ``(n_derived, n_parameters, n_parameters)``."""
        result = np.zeros((len(self.names), self.n_parameters, self.n_parameters))
        for matrix, p, jet in zip(result, self.parameters, self._jets(theta[None]), strict=False):
            np.add.at(matrix, (p[:, None], p), jet[2][0])
        p = self.terms.parameter
        result[np.arange(len(self.expressions), len(self.names)), p, p] = self.terms.slopes(theta)[1]
        return result

    def rows(self, theta: Floats, derivatives: Floats) -> Floats:
        """First derivatives by the longer vector ``(..., n_parameters + n_derived)`` as those by the parameters.

        At one vector of parameters, or at many, along the first axis of both.
        """
        if not self.names:
            return derivatives
        if theta.ndim > 1:
            return self._behind(theta, derivatives, 1)
        return self._behind(theta[None], derivatives.reshape(1, -1, derivatives.shape[-1]), 1).reshape(
            *derivatives.shape[:-1], self.n_parameters
        )

    def of_many(self, thetas: Floats, rows: Floats, bends: Floats) -> tuple[Floats, Floats]:
        """:meth:`rows` at many vectors, and second derivatives by each alone but for those of the expressions."""
        return self.rows(thetas, rows), self.bends(thetas, bends[:, None])[:, 0]

    def bends(self, thetas: Floats, bends: Floats) -> Floats:
        """Second derivatives of ``n`` numbers as :meth:`of_many` has them, ``(n_points, n, n_parameters)``."""
        return self._behind(thetas, bends, 2) if self.names else bends

    def behind(self, places: Integers) -> NDArray[np.bool_]:
        """Which parameters some numbers of the longer vector are, or depend on, ``(n_parameters,)``."""
        found = np.zeros(self.n_parameters + len(self.names), dtype=np.bool_)
        found[places] = True
        for derived, leaves in zip(found[self.n_parameters :].tolist(), self.leaves, strict=True):
            if derived:
                found[leaves] = True
        return found[: self.n_parameters]

    def products(self, theta: Floats, products: Floats) -> Floats:
        """Sums of products of first derivatives by the longer vector as those by the parameters."""
        return self._products(self.jacobian(theta), products) if self.names else products

    def _products(self, d: Floats, products: Floats) -> Floats:
        n = self.n_parameters
        with np.errstate(invalid="ignore"):
            mixed = products[:n, n:] @ d
            result: Floats = products[:n, :n] + mixed + mixed.T + d.T @ products[n:, n:] @ d
        return result

    def hessian(self, theta: Floats, gradient: Floats, hessian: Floats) -> Floats:
        """Second derivatives by the parameters, from first and second ones by the longer vector."""
        if not self.names:
            return hessian
        points = theta[None]
        jets, slopes = self._jets(points), gradient[self.n_parameters :]
        result = self._products(self._jacobian(points, jets)[0], hessian)
        with np.errstate(invalid="ignore"):
            for slope, p, jet in zip(slopes, self.parameters, jets, strict=False):
                np.add.at(result, (p[:, None], p), slope * jet[2][0])
            p = self.terms.parameter
            result[p, p] += slopes[len(jets) :] * self.terms.slopes(theta)[1]
        return result


def turns(expression: "Expression", starts: Floats, ranges: Floats) -> bool:
    """Whether an expression may turn along one of its parameters, the others held, and have the same value twice.

    What is linear in each of its parameters does not, nor what rises or falls along each wherever it is looked at: all
    over the ranges, and ever closer to where the parameters begin and to both ends.

    Parameters
    ----------
    starts, ranges
        initial values of the parameters ``(m,)``, and their ranges ``(m, 2)``.
    """
    if not expression.smooth:
        return True
    rng, m = np.random.default_rng(1), len(starts)
    low, high = np.where(np.isfinite(ranges), ranges, starts[:, None] + [-_FAR, _FAR]).T
    anywhere = rng.uniform(low, high, (_TRIED, m))
    near = np.stack([starts, low, high])[rng.integers(3, size=(_TRIED, m)), np.arange(m)]
    closer = near + (anywhere - near) * 10.0 ** rng.uniform(-_CLOSER, 0.0, (_TRIED, m))
    _, slopes, bends = expression.jets(np.concatenate([anywhere, closer]))
    straight = (np.einsum("nii->ni", bends) == 0.0).all(axis=0)
    steady = (slopes >= 0.0).all(axis=0) | (slopes <= 0.0).all(axis=0)
    return not (straight | steady).all()
