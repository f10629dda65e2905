"""pyhf's densities: what :meth:`hftranslate.pyhf.Model.make_pdf` gives."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from hftranslate.pyhf.tensor import numpy_backend

__all__ = ["Independent", "Normal", "Poisson", "Simultaneous"]


class Poisson:
    """Numbers of events, each around its rate."""

    _kind: Any = stats.poisson
    _log_density: Any = staticmethod(numpy_backend().poisson_logpdf)

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


class Simultaneous:
    """Densities of parts of the data; ``places`` are the indices of each part in the last axis."""

    def __init__(self, pdfobjs: Sequence[Any], places: Sequence[Any]) -> None:
        self._pdfobjs, self._places = pdfobjs, places

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pdfobjs)

    def __getitem__(self, index: int) -> Any:
        return self._pdfobjs[index]

    def _stitched(self, parts: Sequence[Any]) -> Any:
        return np.concatenate(parts, axis=-1)[..., np.argsort(np.concatenate(self._places))]

    def expected_data(self) -> Any:
        """What is expected of all data."""
        return self._stitched([p.expected_data() for p in self])

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Pseudo-experiments."""
        return self._stitched([p.sample(sample_shape) for p in self])

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        return sum(p.log_prob(np.asarray(value)[..., place]) for p, place in zip(self, self._places, strict=True))
