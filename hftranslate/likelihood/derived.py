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

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hftranslate.records import record

if TYPE_CHECKING:
    from hftranslate.workspace.expressions import Expression

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@record
class Derived:
    """Expressions of parameters.

    Attributes
    ----------
    names
        the norm factor or systematic, by pyhf's name, that each expression takes the place of.
    parameters
        indices of what each depends on.
    """

    n_parameters: int
    names: tuple[str, ...]
    expressions: tuple["Expression", ...]
    parameters: tuple[Integers, ...]

    def extend(self, theta: Floats) -> Floats:
        """Parameters ``(..., n_parameters)`` followed by the derived ones."""
        if not self.expressions:
            return theta
        points = theta.reshape(-1, theta.shape[-1])
        values = [e.values(points[:, p]) for e, p in zip(self.expressions, self.parameters, strict=True)]
        return np.concatenate([theta, np.stack(values, axis=-1).reshape(*theta.shape[:-1], -1)], axis=-1)

    def jacobian(self, theta: Floats) -> Floats:
        """``D``, ``(n_derived, n_parameters)``."""
        result = np.zeros((len(self.expressions), self.n_parameters))
        for row, e, p in zip(result, self.expressions, self.parameters, strict=True):
            np.add.at(row, p, e.evaluate(theta[p])[1])
        return result

    def curvatures(self, theta: Floats) -> Floats:
        """Second derivatives of each, ``(n_derived, n_parameters, n_parameters)``."""
        result = np.zeros((len(self.expressions), self.n_parameters, self.n_parameters))
        for matrix, e, p in zip(result, self.expressions, self.parameters, strict=True):
            np.add.at(matrix, (p[:, None], p), e.evaluate(theta[p])[2])
        return result

    def rows(self, theta: Floats, derivatives: Floats) -> Floats:
        """First derivatives by the longer vector ``(..., n_parameters + n_derived)`` as those by the parameters."""
        if not self.expressions:
            return derivatives
        n = self.n_parameters
        with np.errstate(invalid="ignore"):
            result: Floats = derivatives[..., :n] + derivatives[..., n:] @ self.jacobian(theta)
        return result

    def products(self, theta: Floats, products: Floats) -> Floats:
        """Sums of products of first derivatives by the longer vector as those by the parameters."""
        if not self.expressions:
            return products
        n = self.n_parameters
        d = self.jacobian(theta)
        with np.errstate(invalid="ignore"):
            mixed = products[:n, n:] @ d
            result: Floats = products[:n, :n] + mixed + mixed.T + d.T @ products[n:, n:] @ d
        return result

    def hessian(self, theta: Floats, gradient: Floats, hessian: Floats) -> Floats:
        """Second derivatives by the parameters, from first and second ones by the longer vector."""
        if not self.expressions:
            return hessian
        n = self.n_parameters
        result = self.products(theta, hessian)
        with np.errstate(invalid="ignore"):
            for slope, e, p in zip(gradient[n:], self.expressions, self.parameters, strict=True):
                np.add.at(result, (p[:, None], p), slope * e.evaluate(theta[p])[2])
        return result
