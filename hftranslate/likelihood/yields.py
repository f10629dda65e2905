"""Expected events of all channels, samples and bins at a parameter point, with their uncertainties."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hftranslate.display.speaking import Cell, Result, Table, counted, measured, plain
from hftranslate.errors import InputError, MissingInput, did_you_mean
from hftranslate.likelihood.agreement import Agreement, agreement
from hftranslate.likelihood.cells import Floats
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.pattern import find_pattern
from hftranslate.likelihood.second_order import jacobian
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record
from hftranslate.workspace import Numbers
from hftranslate.workspace.to_hist import stacked

if TYPE_CHECKING:
    import awkward as ak
    from hist import Hist

Stage = Literal["prefit", "postfit", ""]

#: Bins that stand side by side in a table.
_COLUMNS = 7
#: The columns of the table for programs.
_RECORDS = ("channel", "sample", "bin", "low", "high", "events", "uncertainty")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ChannelYields(Result):
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
    signals
        the samples that move with the parameter of interest.
    observed
        events in the data, ``(n_bins,)``; ``None`` where none were given.
    agreement
        chi-square of data and expectation, before or after a fit; ``None`` where that makes no sense.
    """

    name: str
    samples: tuple[str, ...]
    edges: tuple[Numbers, ...] | None
    signals: frozenset[str]
    observed: Floats | None
    rates: Floats
    uncertainties: Floats
    total: Floats
    total_uncertainties: Floats
    sample_sums: Floats
    sample_sum_uncertainties: Floats
    sum: float
    sum_uncertainty: float
    agreement: Agreement | None = None

    def to_hist(self) -> "Hist[Any]":
        """Rates and variances of the samples, with a sample axis and the axes of the channel."""
        return stacked(self.name, self.samples, self.edges, self.rates, np.square(self.uncertainties))

    def total_hist(self) -> "Hist[Any]":
        """The total and its variances, with the axes of the channel."""
        variances = np.square(self.total_uncertainties)
        stack: Any = stacked(self.name, ["total"], self.edges, self.total[None], variances[None])
        alone: Hist[Any] = stack["total", ...]
        return alone

    def tables(self) -> tuple[Table, ...]:
        """A line for each sample and a column for each bin, with the sum over bins; of many bins several tables."""
        rows: list[tuple[Cell, ...]] = [
            (name, *map(measured, rates, errors), measured(total, error))
            for name, rates, errors, total, error in zip(
                (*self.samples, "total"),
                (*self.rates, self.total),
                (*self.uncertainties, self.total_uncertainties),
                (*self.sample_sums, self.sum),
                (*self.sample_sum_uncertainties, self.sum_uncertainty),
                strict=True,
            )
        ]
        if self.observed is not None:
            rows.append(("observed", *map(_events, self.observed), _events(np.sum(self.observed))))
        names = ("", *self._bin_names(), "sum")
        return tuple(
            Table(
                caption=self.name,
                columns=(names[0], *names[i : i + _COLUMNS]),
                rows=[(row[0], *row[i : i + _COLUMNS]) for row in rows],
            )
            for i in range(1, len(names), _COLUMNS)
        )

    def records(self) -> Table:
        """A row for each sample and bin, and for its sum, where the bin is empty."""
        return Table(caption=self.name, columns=_RECORDS, rows=self.rows())

    def rows(self) -> list[tuple[Cell, ...]]:
        """The rows of :meth:`records`."""
        one = self.edges is not None and len(self.edges) == 1
        ends = list(pairwise(self.edges[0])) if one and self.edges else [(None, None)] * len(self.total)
        places = [*((i, *pair) for i, pair in enumerate(ends)), (None, None, None)]
        values = [*np.column_stack([self.rates, self.sample_sums]), np.append(self.total, self.sum)]
        sigmas = [
            *np.column_stack([self.uncertainties, self.sample_sum_uncertainties]),
            np.append(self.total_uncertainties, self.sum_uncertainty),
        ]
        names = [*self.samples, "total"]
        if self.observed is not None:
            names.append("observed")
            values.append(np.append(self.observed, np.sum(self.observed)))
            sigmas.append(np.full(len(places), np.nan))
        return [
            (self.name, name, *place, float(value), plain(sigma))
            for name, of_bins, errors in zip(names, values, sigmas, strict=True)
            for place, value, sigma in zip(places, of_bins, errors, strict=True)
        ]

    def _bin_names(self) -> list[str]:
        if self.edges is not None and len(self.edges) == 1:
            return [f"[{low:g}, {high:g})" for low, high in pairwise(self.edges[0])]
        return [f"bin {i}" for i in range(len(self.total))]

    def to_dict(self) -> dict[str, Any]:
        """The part of this channel in the JSON of ``yields``."""
        return {
            "name": self.name,
            "edges": None if self.edges is None else [list(axis) for axis in self.edges],
            "observed": None if self.observed is None else _plain(self.observed),
            "samples": [
                {
                    "name": name,
                    "scaled_by_poi": name in self.signals,
                    "yields": _plain(self.rates[i]),
                    "uncertainties": _plain(self.uncertainties[i]),
                    "sum": plain(self.sample_sums[i]),
                    "sum_uncertainty": plain(self.sample_sum_uncertainties[i]),
                }
                for i, name in enumerate(self.samples)
            ],
            "total": {
                "yields": _plain(self.total),
                "uncertainties": _plain(self.total_uncertainties),
                "sum": self.sum,
                "sum_uncertainty": plain(self.sum_uncertainty),
            },
            "agreement": None if self.agreement is None else self.agreement.to_dict(),
        }


def _plain(values: Floats) -> list[float | None]:
    return list(map(plain, values.tolist()))


def _events(number: float) -> str:
    return f"{number:.6g}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Yields(Result):
    """Expected events of all channels, in the order of the model.

    Attributes
    ----------
    sample_sums
        events of each sample and their uncertainty, in all channels together; samples of one name are one sample.
    sum, sum_uncertainty
        of all events.
    stage
        whether they are those before or after a fit, where that is known.
    conventions
        whose evaluation the model follows.
    """

    channels: tuple[ChannelYields, ...]
    sample_sums: Mapping[str, tuple[float, float]]
    sum: float
    sum_uncertainty: float
    stage: Stage
    conventions: str

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

    __getitem__ = channel

    @property
    def observed(self) -> float | None:
        """All events in the data; ``None`` where none were given."""
        found = [float(np.sum(c.observed)) for c in self.channels if c.observed is not None]
        return sum(found) if found else None

    def headline(self) -> str:
        """The most important in a line."""
        observed = "" if self.observed is None else f", {_events(self.observed)} observed"
        total = measured(self.sum, self.sum_uncertainty)
        return f"{total} events in {counted(len(self.channels), 'channel')}{observed}" + (
            f" ({self.stage})" if self.stage else ""
        )

    def tables(self) -> tuple[Table, ...]:
        """Each channel by sample and bin, and all channels together by sample."""
        stage = f" ({self.stage})" if self.stage else ""
        rows = [(name, measured(*pair)) for name, pair in self.sample_sums.items()]
        rows.append(("total", measured(self.sum, self.sum_uncertainty)))
        rows += [] if self.observed is None else [("observed", _events(self.observed))]
        note = f"conventions: {self.conventions}"
        together = Table(caption=f"all channels{stage}", columns=("", "sum"), rows=rows, note=note)
        return *(replace(t, caption=f"{t.caption}{stage}") for c in self.channels for t in c.tables()), together

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``yields``."""
        return {
            "stage": self.stage,
            "channels": [c.to_dict() for c in self.channels],
            "samples": {name: [value, plain(sigma)] for name, (value, sigma) in self.sample_sums.items()},
            "total": [self.sum, plain(self.sum_uncertainty)],
            "observed": self.observed,
            "conventions": self.conventions,
        }

    def records(self) -> Table:
        """A row for each channel, sample and bin, and for their sums: there, the bin or the channel is empty."""
        sums: list[tuple[str, float, float | None]] = [(name, *pair) for name, pair in self.sample_sums.items()]
        sums.append(("total", self.sum, self.sum_uncertainty))
        sums += [] if self.observed is None else [("observed", self.observed, None)]
        rows: list[tuple[Cell, ...]] = [("", name, None, None, None, value, sigma) for name, value, sigma in sums]
        of_channels = [row for channel in self.channels for row in channel.rows()]
        return Table(caption=self.headline(), columns=_RECORDS, rows=of_channels + rows)

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


def _bin_covariances(model: Model, slopes: Floats, covariance: Floats) -> list[Floats]:
    """The covariance of the bins of each channel, ``(n_bins, n_bins)`` each, from that of the parameters."""
    rows = _added(slopes, _Labels.of(model).bins)
    return [rows[at.bins] @ covariance @ rows[at.bins].T for at in _places(model)]


def _agreement(data: Data | None, at: slice, bins: Floats, covariance: Floats | None, stage: Stage) -> Agreement | None:
    if data is None or covariance is None or not stage:
        return None
    return agreement(data.observed[at], bins[at], covariance, stage)


def _point(model: Model, theta: ArrayLike, covariance: ArrayLike | None) -> tuple[Floats, Floats | None]:
    """A parameter point and its covariance, if they are those of the model."""
    if not isinstance(model, Model):
        raise InputError(f"expected a model and its parameters, in this order, not {type(model).__name__} first")
    t = np.asarray(theta, dtype=np.float64)
    n = len(model.parameters)
    matrix = None if covariance is None else np.asarray(covariance, dtype=np.float64)
    if t.shape != (n,) or (matrix is not None and matrix.shape != (n, n)):
        shapes = f"{t.shape}" + ("" if matrix is None else f" and {matrix.shape}")
        raise InputError(f"parameters and covariance of shapes {shapes} for a model with {n} parameters")
    return t, matrix


@unwarned
def expected_yields(
    model: Model,
    theta: ArrayLike,
    covariance: ArrayLike | None = None,
    *,
    data: Data | None = None,
    stage: Stage = "",
) -> Yields:
    """The yields at a parameter point; those of a fit are ``expected_yields(model, fit.values, fit.covariance)``.

    Parameters
    ----------
    model
        the likelihood.
    theta
        the parameters ``(n_parameters,)``.
    covariance
        of the parameters ``(n_parameters, n_parameters)``, propagated to first order with exact derivatives; without
        it the uncertainties are zero.
    data
        to stand beside the expectation.
    stage
        whether it is that before or after a fit.

    Returns
    -------
    Yields
        events of each channel, sample and bin, with standard deviations.

    Raises
    ------
    InputError
        The shapes do not fit the model.
    """
    t, matrix = _point(model, theta, covariance)
    state = model.state(t)
    slopes = None if matrix is None else _cell_jacobian(model, t)
    if slopes is not None and matrix is not None:  # what a parameter without effect does not say matters to no yield
        matters = np.any(slopes != 0.0, axis=0)
        matrix = np.where(np.outer(matters, matters), matrix, 0.0)
    labels = _Labels.of(model)

    def summed(label: NDArray[np.int64]) -> tuple[Floats, Floats]:  # and uncertainties
        values = _added(state.nu[:, None], label)[:, 0]
        if slopes is None or matrix is None:
            return values, np.zeros_like(values)
        return values, _deviations(_added(slopes, label), matrix)

    cells, bins = summed(np.arange(len(state.nu))), summed(labels.bins)
    sums, channels, samples = summed(labels.sums), summed(labels.channels), summed(labels.samples)
    covariances = None if slopes is None or matrix is None else _bin_covariances(model, slopes, matrix)
    everything = summed(np.zeros(len(state.nu), dtype=np.int64))
    signals = scaled_samples(model)
    return Yields(
        channels=tuple(
            ChannelYields(
                name=model.channels[k][0],
                samples=model.samples[k],
                edges=model.edges[k],
                signals=signals[k],
                observed=None if data is None else data.observed[at.bins],
                rates=cells[0][at.cells].reshape(at.shape).T,
                uncertainties=cells[1][at.cells].reshape(at.shape).T,
                total=state.bins[at.bins],
                total_uncertainties=bins[1][at.bins],
                sample_sums=sums[0][at.sums],
                sample_sum_uncertainties=sums[1][at.sums],
                sum=float(channels[0][k]),
                sum_uncertainty=float(channels[1][k]),
                agreement=_agreement(data, at.bins, state.bins, None if covariances is None else covariances[k], stage),
            )
            for k, at in enumerate(_places(model))
        ),
        sample_sums={
            n: (float(v), float(u)) for n, v, u in zip(labels.sample_names, samples[0], samples[1], strict=True)
        },
        sum=float(everything[0][0]),
        sum_uncertainty=float(everything[1][0]),
        stage=stage,
        conventions=model.conventions.name,
    )


def scaled_samples(model: Model) -> tuple[frozenset[str], ...]:
    """The samples of each channel that move with the parameter of interest: the signal; none where there is no such."""
    p = model.parameters
    if not p.poi_names or p.poi_names[0] not in p.names:
        return tuple(frozenset() for _ in model.samples)
    moved = p.init.copy()
    moved[p.poi_index] += 1.0
    changed = model.state(moved).nu != model.state(p.init).nu
    return tuple(
        frozenset(np.array(samples, dtype=object)[changed[at.cells].reshape(at.shape).any(axis=0)])
        for samples, at in zip(model.samples, _places(model), strict=True)
    )


@record
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


@record
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
