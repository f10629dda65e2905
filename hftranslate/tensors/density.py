r"""The posterior as a log density over all of R^n: what samplers take.

The constraint terms of the model, at its global observables, are the priors of their parameters; parameters without one
have a flat prior in their range, or the one that is given. Each free parameter ``theta`` with a range is a function of
an unconstrained number ``z``,

    [low, high]:  theta = low + (high - low) / (1 + exp(-z)),      [low, inf):  theta = low + exp(z),
    (-inf, high]: theta = high - exp(z),                           (-inf, inf): theta = z,

and the log density of ``z`` is ``ln p(theta) + ln |d theta / d z|``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hftranslate.errors import InputError
from hftranslate.tensors.namespaces import Array

if TYPE_CHECKING:
    from hftranslate.tensors.likelihood import Arrays, TensorLikelihood

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Density:
    """A log density of unconstrained numbers ``z (n_free,)``, one for each parameter in ``names``.

    Attributes
    ----------
    names
        the parameters that are not constant, in the order of the model.
    index
        their places among all parameters.
    low, high
        their ranges.
    priors
        log densities by name, of which each multiplies the posterior.
    """

    likelihood: "TensorLikelihood"
    data: "Arrays"
    templates: "Arrays"
    priors: Mapping[str, Callable[[Array], Array]]
    names: tuple[str, ...]
    index: NDArray[np.int64]
    low: Floats
    high: Floats

    @classmethod
    def of(
        cls,
        likelihood: "TensorLikelihood",
        data: "Arrays",
        templates: "Arrays",
        priors: Mapping[str, Callable[[Array], Array]],
    ) -> "Density":
        """That of a likelihood.

        Raises
        ------
        MissingInput
            There is no parameter that a prior is for.
        """
        p = likelihood.model.parameters
        index = np.flatnonzero(~p.fixed)
        low, high = p.bounds[index].T
        return cls(
            likelihood=likelihood,
            data=data,
            templates=templates,
            priors={p.names[p.index(name)]: prior for name, prior in priors.items()},
            names=tuple(p.names[i] for i in index),
            index=index,
            low=low.copy(),
            high=high.copy(),
        )

    def __call__(self, z: Array) -> Array:
        """The log density of ``z``, up to a constant."""
        theta, log_slope = self._mapped(z)
        total = self.likelihood.logpdf(theta, self.templates, self.data) + log_slope
        for name, prior in self.priors.items():
            total = total + prior(theta[self.likelihood.model.parameters.index(name)])
        return total

    def theta(self, z: Array) -> Array:
        """All parameters ``(n_parameters,)`` of ``z``, constant ones included."""
        return self._mapped(z)[0]

    def log_slope(self, z: Array) -> Array:
        """``ln |d theta / d z|``."""
        return self._mapped(z)[1]

    def z(self, theta: ArrayLike) -> Floats:
        """The unconstrained numbers ``(n_free,)`` of parameters ``(n_parameters,)``, to begin with.

        Raises
        ------
        InputError
            A parameter lies at an end of its range or beyond.
        """
        t = np.asarray(theta, dtype=np.float64)[self.index]
        outside = (t <= self.low) | (t >= self.high)
        if outside.any():
            i = int(np.argmax(outside))
            raise InputError(
                f"parameter {self.names[i]!r} = {t[i]:g} is not inside its range, ({self.low[i]:g}, {self.high[i]:g})"
            )
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        up, down = np.where(below, t - self.low, 1.0), np.where(above, self.high - t, 1.0)
        return np.where(below | above, np.where(below, np.log(up), 0.0) - np.where(above, np.log(down), 0.0), t) * (
            np.where(above & ~below, -1.0, 1.0)
        )

    def _mapped(self, z: Array) -> tuple[Array, Array]:
        """All parameters, and the logarithm of the determinant of their slopes by ``z``."""
        library = self.likelihood.formulas.library
        xp, p = library.xp, self.likelihood.model.parameters
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        both, half = library.indices(below & above), library.indices(below ^ above)
        low, high = (library.floats(np.where(np.isfinite(end), end, 0.0)) for end in (self.low, self.high))
        size, sign = abs(z), library.floats(np.where(below, 1.0, -1.0))
        tail = xp.log1p(xp.exp(-size))
        fraction = xp.where(z > 0.0, 1.0, xp.exp(-size)) * xp.exp(-tail)
        grown = xp.exp(xp.where(half, z, 0.0))
        values = xp.where(both, low + (high - low) * fraction, xp.where(half, low + high + sign * grown, z))
        length = library.floats(np.where(below & above, self.high - self.low, 1.0))
        slopes = xp.where(both, xp.log(length) - size - 2.0 * tail, xp.where(half, z, 0.0))
        held = np.flatnonzero(p.fixed)
        everything = xp.concatenate((values, library.floats(p.init[held])))
        places = library.indices(np.argsort(np.concatenate((self.index, held))))
        return everything[places], xp.sum(slopes)
