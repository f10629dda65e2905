"""Expected events of all channels, samples and bins at a parameter point, with their uncertainties."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hftranslate.errors import InputError, MissingInput, did_you_mean
from hftranslate.hist_out import stacked
from hftranslate.likelihood.cells import Floats
from hftranslate.likelihood.model import Model
from hftranslate.likelihood.second_order import find_pattern, jacobian
from hftranslate.workspace import Numbers

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
    """Expected events of all channels, in the order of the model."""

    channels: tuple[ChannelYields, ...]

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
    of_cells, of_bins = np.zeros_like(state.nu), np.zeros_like(state.bins)
    if matrix is not None:
        of_cells = _deviations(_cell_jacobian(model, t), matrix)
        of_bins = _deviations(model.jacobian(t), matrix)
    channels = []
    cell = bin = 0
    for (name, n_bins), samples, edges in zip(model.channels, model.samples, model.edges, strict=True):
        cells, bins = slice(cell, cell + n_bins * len(samples)), slice(bin, bin + n_bins)
        channels.append(
            ChannelYields(
                name=name,
                samples=samples,
                edges=edges,
                rates=state.nu[cells].reshape(n_bins, len(samples)).T,
                uncertainties=of_cells[cells].reshape(n_bins, len(samples)).T,
                total=state.bins[bins],
                total_uncertainties=of_bins[bins],
            )
        )
        cell, bin = cells.stop, bins.stop
    return Yields(channels=tuple(channels))


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
