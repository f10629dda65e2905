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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hftranslate.records import record

if TYPE_CHECKING:
    from hftranslate.workspace.expressions import Expression

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Random points at which an expression is looked at, no farther from zero than this.
_TRIED, _FAR = 64, 100.0


@record
class Derived:
    """Expressions of parameters.

    Attributes
    ----------
    names
        the norm factor or systematic, by pyhf's name, that each expression takes the place of.
    parameters
        indices of what each depends on.
    curved
        whether one that a Function makes :func:`turns`, and may have the same value at several places.
    """

    n_parameters: int
    names: tuple[str, ...]
    expressions: tuple["Expression", ...]
    parameters: tuple[Integers, ...]
    curved: bool = False

    def extend(self, theta: Floats) -> Floats:
        """Parameters ``(..., n_parameters)`` followed by the derived ones."""
        if not self.expressions:
            return theta
        points = theta.reshape(-1, theta.shape[-1])
        values = [e.values(points[:, p]) for e, p in zip(self.expressions, self.parameters, strict=True)]
        return np.concatenate([theta, np.stack(values, axis=-1).reshape(*theta.shape[:-1], -1)], axis=-1)

    def jacobian(self, theta: Floats) -> Floats:
        """``D``, ``(..., n_derived, n_parameters)``, at vectors ``(..., n_parameters)``."""
        points = theta.reshape(-1, theta.shape[-1])
        return self._jacobian(self._jets(points)).reshape(*theta.shape[:-1], -1, self.n_parameters)

    def _jets(self, points: Floats) -> list[tuple[Floats, Floats, Floats]]:
        return [e.jets(points[:, p]) for e, p in zip(self.expressions, self.parameters, strict=True)]

    def _jacobian(self, jets: Sequence[tuple[Floats, Floats, Floats]]) -> Floats:
        result = np.zeros((len(jets[0][0]) if jets else 1, len(jets), self.n_parameters))
        for i, (p, (_, gradient, _)) in enumerate(zip(self.parameters, jets, strict=True)):
            for k, place in enumerate(p):  # two names may be of one parameter
                result[:, i, place] += gradient[:, k]
        return result

    def curvatures(self, theta: Floats) -> Floats:
        """Second derivatives of each, ``(n_derived, n_parameters, n_parameters)``."""
        result = np.zeros((len(self.expressions), self.n_parameters, self.n_parameters))
        for matrix, p, jet in zip(result, self.parameters, self._jets(theta[None]), strict=True):
            np.add.at(matrix, (p[:, None], p), jet[2][0])
        return result

    def rows(self, theta: Floats, derivatives: Floats) -> Floats:
        """First derivatives by the longer vector ``(..., n_parameters + n_derived)`` as those by the parameters.

        At one vector of parameters, or at many, along the first axis of both.
        """
        if not self.expressions:
            return derivatives
        n = self.n_parameters
        with np.errstate(invalid="ignore"):
            result: Floats = derivatives[..., :n] + derivatives[..., n:] @ self.jacobian(theta)
        return result

    def of_many(self, thetas: Floats, rows: Floats, bends: Floats) -> tuple[Floats, Floats]:
        """:meth:`rows` at many vectors, and second derivatives by each alone but for those of the expressions."""
        if not self.expressions:
            return rows, bends
        n, d = self.n_parameters, self.jacobian(thetas)
        with np.errstate(invalid="ignore"):
            return rows[..., :n] + rows[..., n:] @ d, bends[:, :n] + (bends[:, None, n:] @ (d * d))[:, 0]

    def bends(self, thetas: Floats, bends: Floats) -> Floats:
        """Second derivatives of ``n`` numbers as :meth:`of_many` has them, ``(n_points, n, n_parameters)``."""
        if not self.expressions:
            return bends
        n = self.n_parameters
        with np.errstate(invalid="ignore"):
            result: Floats = bends[..., :n] + bends[..., n:] @ self.jacobian(thetas) ** 2
        return result

    def behind(self, places: Integers) -> NDArray[np.bool_]:
        """Which parameters some numbers of the longer vector are, or depend on, ``(n_parameters,)``."""
        found = np.zeros(self.n_parameters + len(self.expressions), dtype=np.bool_)
        found[places] = True
        for i, parameters in enumerate(self.parameters):
            if found[self.n_parameters + i]:
                found[parameters] = True
        return found[: self.n_parameters]

    def products(self, theta: Floats, products: Floats) -> Floats:
        """Sums of products of first derivatives by the longer vector as those by the parameters."""
        return self._products(self.jacobian(theta), products) if self.expressions else products

    def _products(self, d: Floats, products: Floats) -> Floats:
        n = self.n_parameters
        with np.errstate(invalid="ignore"):
            mixed = products[:n, n:] @ d
            result: Floats = products[:n, :n] + mixed + mixed.T + d.T @ products[n:, n:] @ d
        return result

    def hessian(self, theta: Floats, gradient: Floats, hessian: Floats) -> Floats:
        """Second derivatives by the parameters, from first and second ones by the longer vector."""
        if not self.expressions:
            return hessian
        jets = self._jets(theta[None])
        result = self._products(self._jacobian(jets)[0], hessian)
        with np.errstate(invalid="ignore"):
            for slope, p, jet in zip(gradient[self.n_parameters :], self.parameters, jets, strict=True):
                np.add.at(result, (p[:, None], p), slope * jet[2][0])
        return result


def turns(expression: "Expression", ranges: Floats) -> bool:
    """Whether an expression may turn along one of its parameters, the others held, and have the same value twice.

    What is linear in each of its parameters does not, nor what rises or falls along each wherever it is looked at.

    Parameters
    ----------
    ranges
        of the parameters, ``(m, 2)``.
    """
    if not expression.smooth:
        return True
    low, high = np.clip(ranges, -_FAR, _FAR).T
    _, slopes, bends = expression.jets(np.random.default_rng(1).uniform(low, high, (_TRIED, len(low))))
    straight = (np.einsum("nii->ni", bends) == 0.0).all(axis=0)
    steady = (slopes >= 0.0).all(axis=0) | (slopes <= 0.0).all(axis=0)
    return not (straight | steady).all()
