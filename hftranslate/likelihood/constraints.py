r"""The constraint terms: what auxiliary measurements say about the parameters.

For a parameter ``t`` with the global observable ``x``:

* Gaussian of width ``s``:  ``(x - t)^2 / (2 s^2) + ln(s sqrt(2 pi))``, and where constraints are truncated as in ROOT,
  the logarithm of the probability that ``x`` falls into its range: ``ln[Phi((hi - t)/s) - Phi((lo - t)/s)]``;
* Poisson with the scale ``tau``:  ``t tau - x ln(t tau) + ln Gamma(x + 1)``;
* Gamma with the relative uncertainty ``r`` as ROOT has it, a density of ``t`` with the shape ``x + 1`` and the scale
  ``r^2`` that is normalised over ``x`` in [0, 10]: with ``z = t / r^2``,
  ``ln Gamma(x + 1) - x ln z + ln N(z)``,  ``N(z) = integral_0^10 z^y / Gamma(y + 1) dy``.

All functions see the terms minus their value in the saturated model (``x`` exactly where the parameter puts it), which
is a constant of the data given by :meth:`Constraints.saturated` (zero for Gamma terms).
"""

from dataclasses import field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood import poisson
from hftranslate.likelihood.scipy_parts import erfcx, gammaln, log_ndtr, ndtr
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: The range of the global observable of a Gamma term.
HIGHEST = 10.0


@cache
def gamma_nodes() -> tuple[Floats, Floats]:
    """Nodes of the normalisation of a Gamma term (Gauss-Legendre), and what their exponents begin with, ``(60,)``."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    nodes = 0.5 * HIGHEST * (nodes + 1.0)
    return nodes, np.log(0.5 * HIGHEST * weights) - gammaln(nodes + 1.0)


@record
class Constraints:
    """Constraint terms as flat arrays.

    ``gauss_*``, ``poisson_*`` and ``gamma_*`` hold, per term, the index of the parameter, the index into the auxiliary
    data, and the width (Gaussian) or scale (``tau`` of Poisson, ``r^2`` of Gamma); ``low`` and ``high`` are the ranges
    of the Gaussian global observables and are empty where constraints are not truncated. ``one_each`` says that no
    parameter has two terms of a kind.
    """

    n_parameters: int
    gauss_parameter: Integers
    gauss_aux: Integers
    width: Floats
    low: Floats
    high: Floats
    poisson_parameter: Integers
    poisson_aux: Integers
    scale: Floats
    gamma_parameter: Integers
    gamma_aux: Integers
    gamma_scale: Floats
    one_each: bool = field(init=False)

    def __post_init__(self) -> None:
        """See whether every parameter has one term of a kind."""
        kinds = (self.gauss_parameter, self.poisson_parameter, self.gamma_parameter)
        object.__setattr__(self, "one_each", all(np.bincount(kind, minlength=1).max() < 2 for kind in kinds))

    def saturated(self, auxdata: Floats) -> float:
        """Sum of the terms where every parameter agrees with its global observable."""
        x = auxdata[self.poisson_aux]
        return float(np.sum(np.log(self.width * np.sqrt(2.0 * np.pi))) + np.sum(poisson.saturated(x)))

    def excess(self, theta: Floats, auxdata: Floats) -> float:
        """The terms above their saturated value; infinite where a Poisson mean is not positive."""
        return float(self.excess_of_many(theta, auxdata))

    @unwarned
    def excess_of_many(self, thetas: Floats, auxdata: Floats) -> Floats:
        """:meth:`excess` of parameter points ``(..., n_parameters)``."""
        return self.expanded(thetas, auxdata, 0)[0]

    @unwarned
    def derivatives(self, thetas: Floats, auxdata: Floats) -> tuple[Floats, Floats]:
        """Gradient and the diagonal of the Hessian (it has no other entries), shape ``(..., n_parameters)`` each."""
        _, gradient, diagonal = self.expanded(thetas, auxdata, 2)
        return gradient, diagonal

    def expanded(self, thetas: Floats, auxdata: Floats, order: int) -> tuple[Floats, ...]:
        """:meth:`excess_of_many` and :meth:`derivatives`, up to an order, for who is :func:`~.sizes.unwarned`."""
        value, *sums = self._gauss_terms(thetas, auxdata, order)
        sums = [self._by_parameter(self.gauss_parameter, terms) for terms in sums]
        if self.scale.size:
            more, *terms = self._poisson_terms(thetas, auxdata, order)
            value = value + more
            for total, each in zip(sums, terms, strict=True):
                total += self._by_parameter(self.poisson_parameter, each)
        if self.gamma_scale.size:
            parts = self._gamma_terms(thetas, auxdata)
            value = value + np.add.reduce(parts[0], axis=-1)
            for total, each in zip(sums, parts[1:], strict=False):
                total += self._by_parameter(self.gamma_parameter, each)
        return value, *sums

    def _gauss_terms(self, thetas: Floats, auxdata: Floats, order: int) -> tuple[Floats, ...]:
        """The sum of the Gaussian terms, and up to two derivatives of each, ``(..., n_terms)``."""
        t = thetas.take(self.gauss_parameter, axis=-1)
        pull = (t - auxdata.take(self.gauss_aux, axis=-1)) / self.width
        value: Floats = 0.5 * (pull.dot(pull) if pull.ndim == 1 else np.vecdot(pull, pull))
        if not self.low.size:
            if order == 0:
                return (value,)
            slope = pull / self.width
            if order == 1:
                return value, slope
            inverse = 1.0 / (self.width * self.width)
            return value, slope, inverse if slope.ndim == 1 else np.broadcast_to(inverse, slope.shape)
        if order == 0:
            return (value + np.add.reduce(self._log_norms(t), axis=-1),)
        log_p, first, second = self._log_probability(t)
        value = value + np.add.reduce(log_p, axis=-1)
        return (value, pull / self.width + first, 1.0 / (self.width * self.width) + second)[: order + 1]

    def _poisson_terms(self, thetas: Floats, auxdata: Floats, order: int) -> tuple[Floats, ...]:
        """The sum of the Poisson terms, and up to two derivatives of each, ``(..., n_terms)``."""
        t, x = thetas.take(self.poisson_parameter, axis=-1), auxdata.take(self.poisson_aux, axis=-1)
        deviation = poisson.deviation(t, self.scale, x)
        value = np.add.reduce(poisson.terms(t * self.scale, x, deviation), axis=-1)
        if not (t > 0.0).all():
            value = np.where(np.all((t > 0.0) | ((t == 0.0) & (x == 0.0)), axis=-1), value, np.inf)
        if order == 0:
            return (value,)
        first, some = deviation / t, bool(x.all())
        first = first if some else np.where(x == 0.0, self.scale, first)
        if order == 1:
            return value, first
        second = x / t / t
        return value, first, second if some else np.where(x == 0.0, 0.0, second)

    def _by_parameter(self, parameter: Integers, terms: Floats) -> Floats:
        """Sums of terms ``(..., n_terms)`` by the parameter that each belongs to, ``(..., n_parameters)``."""
        n = self.n_parameters
        if terms.ndim == 1:
            return np.bincount(parameter, terms, n).astype(np.float64, copy=False)
        sums = np.zeros((*terms.shape[:-1], n))
        if self.one_each:
            sums[..., parameter] = terms
        else:
            np.add.at(sums.T, parameter, terms.T)
        return sums

    def _gamma_terms(self, thetas: Floats, auxdata: Floats) -> tuple[Floats, Floats, Floats]:
        """The Gamma terms with two derivatives, ``(..., n_terms)``; infinite where the parameter is not positive.

        In ``u = ln z`` the logarithm of ``N`` is a cumulant generating function: its derivatives are mean and variance
        of ``y`` under the weights of the integral.
        """
        t, x = thetas[..., self.gamma_parameter], auxdata[..., self.gamma_aux]
        inside = t > 0.0
        positive = np.where(inside, t, 1.0)
        u = np.log(positive / self.gamma_scale)
        nodes, log_weights = gamma_nodes()
        exponent = log_weights + nodes * u[..., None]
        peak = exponent.max(axis=-1, keepdims=True)
        weights = np.exp(exponent - peak)
        norm = weights.sum(axis=-1)
        mean = (weights @ nodes) / norm
        variance = (weights @ nodes**2) / norm - mean**2
        value = gammaln(x + 1.0) - x * u + np.log(norm) + peak[..., 0]
        with np.errstate(over="ignore"):
            slope = (mean - x) / positive
            bend = (variance / positive - slope) / positive
        return np.where(inside, value, np.inf), np.where(inside, slope, np.nan), np.where(inside, bend, np.nan)

    def centres(self, auxdata: Floats) -> Floats:
        """Where terms put their parameters, given the global observables; NaN without one, ``(n_parameters,)``."""
        centres = np.full(self.n_parameters, np.nan)
        centres[self.gauss_parameter] = auxdata[self.gauss_aux]
        centres[self.poisson_parameter] = auxdata[self.poisson_aux] / self.scale
        centres[self.gamma_parameter] = auxdata[self.gamma_aux] * self.gamma_scale
        return centres

    def observables(self, chosen: NDArray[np.bool_]) -> Integers:
        """Indices of the global observables of the parameters that a mask ``(n_parameters,)`` chooses."""
        pairs = (
            (self.gauss_parameter, self.gauss_aux),
            (self.poisson_parameter, self.poisson_aux),
            (self.gamma_parameter, self.gamma_aux),
        )
        return np.concatenate([aux[chosen[parameter]] for parameter, aux in pairs])

    def response(self, theta: Floats, n_aux: int) -> Floats:
        """Derivatives of the gradient by the auxiliary data, ``(n_parameters, n_aux)``."""
        matrix = np.zeros((self.n_parameters, n_aux))
        matrix[self.gauss_parameter, self.gauss_aux] = -1.0 / self.width**2
        mean = theta[self.poisson_parameter]
        matrix[self.poisson_parameter, self.poisson_aux] = -1.0 / np.where(mean > 0.0, mean, np.inf)
        beta = theta[self.gamma_parameter]
        matrix[self.gamma_parameter, self.gamma_aux] = -1.0 / np.where(beta > 0.0, beta, np.inf)
        return matrix

    def sample(self, theta: Floats, n_aux: int, n_toys: int, rng: "np.random.Generator") -> Floats:
        """Auxiliary data drawn around a parameter point, ``(n_toys, n_aux)``.

        Truncated Gaussian observables are drawn within their range.
        """
        aux = np.zeros((n_toys, n_aux))
        centre = theta[self.gauss_parameter]
        if self.low.size:
            from hftranslate.likelihood.scipy_parts import ndtri

            below, above = (ndtr((limit - centre) / self.width) for limit in (self.low, self.high))
            uniform = rng.uniform(size=(n_toys, len(centre)))
            drawn = centre + self.width * ndtri(below + (above - below) * uniform)
            aux[:, self.gauss_aux] = np.clip(drawn, self.low, self.high)
        else:
            aux[:, self.gauss_aux] = rng.normal(centre, self.width, size=(n_toys, len(centre)))
        mean = theta[self.poisson_parameter] * self.scale
        aux[:, self.poisson_aux] = poisson.sample(mean, n_toys, rng)
        for parameter, place, scale in zip(self.gamma_parameter, self.gamma_aux, self.gamma_scale, strict=True):
            y = np.linspace(0.0, HIGHEST, 4001)
            density = np.exp(y * np.log(max(theta[parameter] / scale, 1e-300)) - gammaln(y + 1.0))
            cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
            aux[:, place] = np.interp(rng.uniform(size=n_toys) * cumulative[-1], cumulative, y)
        return aux

    def _log_norms(self, t: Floats) -> Floats:
        """``ln[Phi(b) - Phi(a)]`` at parameters ``(..., n_terms)``; where most are as at the first point, only once."""
        terms = np.arange(len(self.width))
        if t.ndim == 2 and len(t):
            moved = np.nonzero(t != t[0])
            if 2 * len(moved[0]) < t.size:
                norms = np.repeat(self._truncation(t[0], terms)[-1][None], len(t), axis=0)
                norms[moved] = self._truncation(t[moved], moved[1])[-1]
                return norms
        everywhere: Floats = self._truncation(t, terms)[-1]
        return everywhere

    def _truncation(self, t: Floats, terms: Integers) -> tuple[Any, ...]:
        """``ln[Phi(b) - Phi(a)]`` of some terms, each at a value of its parameter, after what its derivatives need."""
        low, high, width = self.low[terms], self.high[terms], self.width[terms]
        a, b = (low - t) / width, (high - t) / width
        # Phi(b) - Phi(a) = Phi(-a) - Phi(-b): take the side on which neither term is close to one, and divide by the
        # larger one, in ratios that stay finite however far theta is from the range.
        flip = a + b > 0.0
        upper, lower = np.where(flip, -a, b), np.where(flip, -b, a)
        fall = np.exp(0.5 * (upper - lower) * (upper + lower))  # phi(lower) / phi(upper)
        hazard = _hazard(upper)
        ratio = fall * hazard / _hazard(lower)  # Phi(lower) / Phi(upper)
        return flip, upper, lower, fall, hazard, ratio, log_ndtr(upper) + np.log1p(-ratio)

    def _log_probability(self, t: Floats) -> tuple[Floats, Floats, Floats]:
        """``ln[Phi(b) - Phi(a)]`` with ``a, b = (low, high - t) / width``, and two derivatives by ``t``."""
        flip, upper, lower, fall, hazard, ratio, log_p = self._truncation(t, np.arange(len(self.width)))
        density_upper = hazard / (1.0 - ratio)
        density_lower = fall * density_upper
        first = np.where(flip, density_upper - density_lower, density_lower - density_upper) / self.width
        second = (lower * density_lower - upper * density_upper) / self.width**2 - first * first
        return log_p, first, second

    def expected(self, theta: Floats, n_aux: int) -> Floats:
        """The auxiliary data of an Asimov data set: each global observable at its mean given ``theta``.

        That of a Gamma term is where the density peaks at ``theta``, but inside its range, which ROOT insists on.
        """
        aux = np.zeros(n_aux)
        aux[self.gauss_aux] = theta[self.gauss_parameter]
        aux[self.poisson_aux] = theta[self.poisson_parameter] * self.scale
        aux[self.gamma_aux] = np.clip(theta[self.gamma_parameter] / self.gamma_scale, 0.0, HIGHEST)
        return aux


def _hazard(z: Floats) -> Floats:
    """``phi(z) / Phi(z)``, the derivative of ``ln Phi``."""
    result: Floats = np.sqrt(2.0 / np.pi) / erfcx(-z / np.sqrt(2.0))
    return result
