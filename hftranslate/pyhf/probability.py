"""pyhf's two densities of single numbers."""

from typing import Any

import numpy as np
from scipy import special, stats


def poisson_logpdf(n: Any, lam: Any) -> Any:
    """The logarithm of the density of a number of events, which need not be an integer."""
    return special.xlogy(n, lam) - lam - special.gammaln(np.add(n, 1.0))


class Poisson:
    """Numbers of events, each around its rate."""

    _kind: Any = stats.poisson
    _log_density: Any = staticmethod(poisson_logpdf)

    def __init__(self, *parameters: Any) -> None:
        self._parameters = parameters

    def expected_data(self) -> Any:
        """What is expected."""
        return self._parameters[0]

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Pseudo-experiments by NumPy's global generator, ``(*sample_shape, *shape)``."""
        return self._kind(*self._parameters).rvs(size=sample_shape + np.shape(self._parameters[0]))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of each density."""
        return self._log_density(value, *self._parameters)


class Normal(Poisson):
    """Numbers, each around its place with its standard deviation."""

    _kind: Any = stats.norm
    _log_density: Any = staticmethod(stats.norm.logpdf)
