"""pyhf's densities: what :meth:`hftranslate.pyhf.Model.make_pdf` gives."""

from collections.abc import Sequence
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


class Independent:
    """Numbers of one density, taken together."""

    def __init__(self, batched_pdf: Any) -> None:
        self._pdf = batched_pdf
        self.expected_data, self.sample = batched_pdf.expected_data, batched_pdf.sample

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density, summed over the last axis."""
        return np.sum(self._pdf.log_prob(value), axis=-1)


class TensorViewer:
    """Parts of an array, each by its indices in the last axis."""

    def __init__(self, indices: Sequence[Any]) -> None:
        self._indices, self._back = indices, np.argsort(np.concatenate(indices))

    def split(self, data: Any) -> list[Any]:
        """The parts."""
        return [np.asarray(data)[..., index] for index in self._indices]

    def stitch(self, parts: Sequence[Any]) -> Any:
        """The whole."""
        return np.concatenate(parts, axis=-1)[..., self._back]


class Simultaneous(list[Any]):
    """Densities of parts of the data, which ``tensorview`` knows."""

    def __init__(self, pdfobjs: Sequence[Any], tensorview: TensorViewer) -> None:
        super().__init__(pdfobjs)
        self._view = tensorview

    def expected_data(self) -> Any:
        """What is expected of all data."""
        return self._view.stitch([p.expected_data() for p in self])

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Pseudo-experiments."""
        return self._view.stitch([p.sample(sample_shape) for p in self])

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        return sum(p.log_prob(part) for p, part in zip(self, self._view.split(value), strict=True))
