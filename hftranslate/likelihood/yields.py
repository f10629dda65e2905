"""Expected events of all channels, samples and bins at a parameter point, with their uncertainties."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hftranslate.errors import InputError, MissingInput, did_you_mean
from hftranslate.likelihood.cells import Floats
from hftranslate.likelihood.model import Model
from hftranslate.likelihood.pattern import find_pattern
from hftranslate.likelihood.second_order import jacobian
from hftranslate.likelihood.sizes import unwarned
from hftranslate.workspace import Numbers
from hftranslate.workspace.to_hist import stacked

if TYPE_CHECKING:
    import awkward as ak
    from hist import Hist


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelYields:
    """Expected events of one channel.

    Attributes
    ----------
    rates, uncertainties
        of each sample and bin, ``(n_samples, n_bins)``.
    total, total_uncertainties
        of their sum, ``(n_bins,)``; the samples of a bin are correlated.
    sample_sums, sample_sum_uncertainties
        of each sample, summed over the bins, which are correlated, ``(n_samples,)``.
    sum, sum_uncertainty
        of all samples and bins.
    edges
        bin edges of each axis, ``None`` where they are not known.
    """

    name: str
    samples: tuple[str, ...]
    edges: tuple[Numbers, ...] | None
    rates: Floats
    uncertainties: Floats
    total: Floats
    total_uncertainties: Floats
    sample_sums: Floats
    sample_sum_uncertainties: Floats
    sum: float
    sum_uncertainty: float

    def to_hist(self) -> "Hist[Any]":
        """Rates and variances of the samples, with a sample axis and the axes of the channel."""
        return stacked(self.name, self.samples, self.edges, self.rates, np.square(self.uncertainties))

    def total_hist(self) -> "Hist[Any]":
        """The total and its variances, with the axes of the channel."""
        variances = np.square(self.total_uncertainties)
        stack: Any = stacked(self.name, ["total"], self.edges, self.total[None], variances[None])
        alone: Hist[Any] = stack["total", ...]
        return alone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Yields:
    """Expected events of all channels, in the order of the model.

    Attributes
    ----------
    sample_sums
        events of each sample and their uncertainty, in all channels together; samples of one name are one sample.
    sum, sum_uncertainty
        of all events.
    """

    channels: tuple[ChannelYields, ...]
    sample_sums: Mapping[str, tuple[float, float]]
    sum: float
    sum_uncertainty: float

    def channel(self, name: str) -> ChannelYields:
        """The channel of that name.

        Raises
        ------
        MissingInput
            There is none; the message names the nearest one.
        """
        for channel in self.channels:
            if channel.name == name:
                return channel
        raise MissingInput(f"no channel {name!r}" + did_you_mean(name, (c.name for c in self.channels)))

    def to_hist(self, channel: str) -> "Hist[Any]":
        """A channel as a histogram with a sample axis; see :meth:`ChannelYields.to_hist`."""
        return self.channel(channel).to_hist()

    @property
    def rates(self) -> "ak.Array":
        """Events per channel, sample and bin, ragged as the channels are."""
        return _ragged(c.rates for c in self.channels)

    @property
    def uncertainties(self) -> "ak.Array":
        """Their uncertainties, in the same shape."""
        return _ragged(c.uncertainties for c in self.channels)


def _ragged(parts: Any) -> "ak.Array":
    import awkward as ak  # takes a third of a second, and few commands need it

    return ak.Array([part.tolist() for part in parts])


@unwarned
def expected_yields(model: Model, theta: ArrayLike, covariance: ArrayLike | None = None) -> Yields:
    """The yields at a parameter point; those of a fit are ``expected_yields(model, fit.values, fit.covariance)``.

    Parameters
    ----------
    theta
        the parameters ``(n_parameters,)``.
    covariance
        of the parameters ``(n_parameters, n_parameters)``, propagated to first order with exact derivatives; without
        it the uncertainties are zero.

    Raises
    ------
    InputError
        The shapes do not fit the model.
    """
    t = np.asarray(theta, dtype=np.float64)
    n = len(model.parameters)
    matrix = None if covariance is None else np.asarray(covariance, dtype=np.float64)
    if t.shape != (n,) or (matrix is not None and matrix.shape != (n, n)):
        shapes = f"{t.shape}" + ("" if matrix is None else f" and {matrix.shape}")
        raise InputError(f"parameters and covariance of shapes {shapes} for a model with {n} parameters")
    state = model.state(t)
    slopes = None if matrix is None else _cell_jacobian(model, t)
    if slopes is not None and matrix is not None:  # what a parameter without effect does not say matters to no yield
        matters = np.any(slopes != 0.0, axis=0)
        matrix = np.where(np.outer(matters, matters), matrix, 0.0)
    labels = _Labels.of(model)

    def summed(label: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Events of the cells with each label, and their uncertainties."""
        values = _added(state.nu[:, None], label)[:, 0]
        if slopes is None or matrix is None:
            return values, np.zeros_like(values)
        return values, _deviations(_added(slopes, label), matrix)

    cells, bins = summed(np.arange(len(state.nu))), summed(labels.bins)
    sums, channels, samples = summed(labels.sums), summed(labels.channels), summed(labels.samples)
    everything = summed(np.zeros(len(state.nu), dtype=np.int64))
    return Yields(
        channels=tuple(
            ChannelYields(
                name=model.channels[k][0],
                samples=model.samples[k],
                edges=model.edges[k],
                rates=cells[0][at.cells].reshape(at.shape).T,
                uncertainties=cells[1][at.cells].reshape(at.shape).T,
                total=state.bins[at.bins],
                total_uncertainties=bins[1][at.bins],
                sample_sums=sums[0][at.sums],
                sample_sum_uncertainties=sums[1][at.sums],
                sum=float(channels[0][k]),
                sum_uncertainty=float(channels[1][k]),
            )
            for k, at in enumerate(_places(model))
        ),
        sample_sums={
            n: (float(v), float(u)) for n, v, u in zip(labels.sample_names, samples[0], samples[1], strict=True)
        },
        sum=float(everything[0][0]),
        sum_uncertainty=float(everything[1][0]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a channel is among all cells, bins and sums of samples, and its numbers of bins and samples."""

    cells: slice
    bins: slice
    sums: slice
    shape: tuple[int, int]


def _places(model: Model) -> list[_Place]:
    places = []
    cell = bin = total = 0
    for (_, n_bins), samples in zip(model.channels, model.samples, strict=True):
        n = len(samples)
        places.append(
            _Place(
                cells=slice(cell, cell + n * n_bins),
                bins=slice(bin, bin + n_bins),
                sums=slice(total, total + n),
                shape=(n_bins, n),
            )
        )
        cell, bin, total = cell + n * n_bins, bin + n_bins, total + n
    return places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labels:
    """To which bin, sum of a sample in its channel, channel and sample each cell belongs, ``(n_cells,)`` each."""

    bins: NDArray[np.int64]
    sums: NDArray[np.int64]
    channels: NDArray[np.int64]
    samples: NDArray[np.int64]
    sample_names: tuple[str, ...]

    @classmethod
    def of(cls, model: Model) -> "_Labels":
        names = {name: i for i, name in enumerate(dict.fromkeys(s for samples in model.samples for s in samples))}
        columns: list[list[NDArray[np.int64]]] = [[], [], [], []]
        for k, (samples, at) in enumerate(zip(model.samples, _places(model), strict=True)):
            bin, sample = (i.ravel() for i in np.indices(at.shape))
            of_channel = at.bins.start + bin, at.sums.start + sample, np.full_like(bin, k)
            for column, part in zip(columns, (*of_channel, np.array([names[s] for s in samples])[sample]), strict=True):
                column.append(part)
        joined = [np.concatenate(column) for column in columns]
        return cls(bins=joined[0], sums=joined[1], channels=joined[2], samples=joined[3], sample_names=tuple(names))


def _added(values: Floats, labels: NDArray[np.int64]) -> Floats:
    """Sums of the rows ``(n_cells, k)`` with each label."""
    sums = np.zeros((int(labels.max()) + 1, values.shape[1]))
    np.add.at(sums, labels, values)
    return sums


def prior_covariance(model: Model) -> Floats:
    """The covariance of the parameters before a fit, ``(n_parameters, n_parameters)``: what constraint terms say.

    Constant parameters, and free ones without constraint term, contribute nothing.
    """
    widths = np.where(model.parameters.fixed, 0.0, model.parameters.width)
    covariance: Floats = np.diag(np.square(widths))
    return covariance


def _deviations(slopes: Floats, covariance: Floats) -> Floats:
    variances = np.einsum("ij,ij->i", slopes @ covariance, slopes)
    deviations: Floats = np.sqrt(np.maximum(variances, 0.0))  # rounding may leave less than nothing
    return deviations


def _cell_jacobian(model: Model, theta: Floats) -> Floats:
    """Derivatives of the yields of all cells, ``(n_cells, n_parameters)``: those of bins, each cell being one."""
    cells = model.cells
    each = np.arange(len(cells.nominal))
    m = cells.multiplicative
    by_code = [cells.additive.parameter[columns] for columns in cells.additive.code_columns]
    apart = replace(
        cells,
        n_bins=len(each),
        bin=each,
        bin_starts=each,
        pattern=find_pattern(cells.n_parameters, each, cells.row, by_code, m.row, m.parameter, cells.direct),
    )
    return model.derived.rows(theta, jacobian(apart, apart.evaluate(model.derived.extend(theta))))
