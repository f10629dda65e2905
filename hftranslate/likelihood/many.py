"""First derivatives of the yields at many parameter points at once."""

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import Cells, State
from hftranslate.likelihood.pattern import products_of_others
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Entries of the Jacobians per one with terms up to which it is faster to add them up apart: point by point they stand
#: far from each other, and may displace each other from the cache.
_DENSE = 8


@record
class _Terms:
    """Which terms add up to which entries of a Jacobian ``(n_bins * n_parameters,)``.

    ``first`` and ``second`` are indices of what is multiplied: the first term of each of ``places``, those of most
    terms first, then the second of those that have one, and so on. ``layers`` are where these stand.
    """

    first: Integers
    second: Integers
    places: Integers
    layers: tuple[slice, ...]

    @classmethod
    def of(cls, first: Integers, second: Integers, place: Integers) -> "_Terms":
        order = np.argsort(place, kind="stable")
        places, starts, counts = np.unique(place[order], return_index=True, return_counts=True)
        by_count = np.argsort(-counts, kind="stable")
        sizes = np.count_nonzero(counts[:, None] > np.arange(counts.max(initial=0)), axis=0)
        layered = order[np.concatenate([starts[by_count[:size]] + k for k, size in enumerate(sizes)] or [starts])]
        ends = np.cumsum(sizes).tolist()
        layers = tuple(slice(end - size, end) for end, size in zip(ends, sizes.tolist(), strict=True))
        return cls(first=first[layered], second=second[layered], places=places[by_count], layers=layers)

    def add(self, result: Floats, terms: Floats) -> None:
        """Add terms ``(n_terms, n_points)`` in that order to the Jacobians; they are overwritten."""
        if self.layers:
            sums = terms[self.layers[0]]
            for layer in self.layers[1:]:
                sums[: layer.stop - layer.start] += terms[layer]
            result[self.places] += sums


@record
class Slopes:
    """Jacobians of many points: where the terms of a model's cells stand in them.

    ``straight`` and, for each code, ``bent`` are ``S`` and ``A`` of the additive shifts with a column for each
    parameter, ``(n_cells, n_parameters)``.
    """

    cells: Cells
    straight: Floats
    bent: tuple[Floats, ...]
    normsys: _Terms
    direct: _Terms
    rows: _Terms
    entries: _Terms

    @classmethod
    def of(cls, cells: Cells) -> "Slopes":
        """Of the cells of a model."""
        n, m = cells.n_parameters, cells.multiplicative
        entries = np.bincount(m.row, minlength=cells.n_rows)  # of each row
        begin = np.cumsum(entries) - entries
        count = entries[cells.row]
        cell = np.repeat(np.arange(len(count)), count)
        entry = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count - begin[cells.row], count)
        slot, user = np.nonzero(cells.direct < n)
        every, each = np.arange(len(cells.row)), np.arange(len(m.row))
        a, straight = cells.additive, np.zeros((len(cells.row), n))
        bent = tuple(np.zeros_like(straight) for _ in a.codes)
        s, shifts = a.shifts.columns(np.arange(len(a.parameter)))
        for columns, of_code in zip(a.code_columns, bent, strict=True):  # within a code every parameter has one column
            straight[:, a.parameter[columns]] += s[:, columns]
            of_code[:, a.parameter[columns]] = shifts[:, columns]
        return cls(
            cells=cells,
            straight=straight,
            bent=bent,
            normsys=_Terms.of(cell, entry, cells.bin[cell] * n + m.parameter[entry]),
            direct=_Terms.of(slot, user, cells.bin[user] * n + cells.direct[slot, user]),
            rows=_Terms.of(every, every, cells.row),
            entries=_Terms.of(each, each, m.parameter),
        )

    def at(self, state: State, weights: Floats, room: Floats | None = None) -> tuple[Floats, Floats]:
        """Jacobians of a state at many points, and what each parameter alone adds to the Hessian of a function of bins.

        Parameters
        ----------
        weights
            the first derivatives of that function, ``(n_bins, n_points)``.
        room
            where the Jacobians are put, and something else meanwhile, ``(2, n_points, n_bins, n_parameters)``: for who
            asks so often that fresh memory takes long.

        Returns
        -------
        tuple
            ``d nu_bin / d theta``, ``(n_points, n_bins, n_parameters)``, and ``sum_b weights_b d2 nu_b / d theta2``,
            ``(n_points, n_parameters)``.
        """
        cells, n_points = self.cells, state.bins.shape[1]
        shape = (n_points, cells.n_bins, cells.n_parameters)
        result, bent = np.empty((2, *shape)) if room is None else room[:, :n_points]
        bends = self._shifts(state, weights, result, bent)
        flat = result.reshape(n_points, cells.n_bins * cells.n_parameters)
        apart = _DENSE * (len(self.normsys.places) + len(self.direct.places)) > flat.shape[1]
        entries = np.zeros(flat.T.shape) if apart else flat.T
        terms = self.normsys
        if terms.places.size:
            terms.add(entries, state.nu[terms.first] * cells.ratio(state)[terms.second])
            second = state.factors[2] / state.factors[0]
            second *= self._by_entry(state, weights)
            self.entries.add(bends, second[self.entries.first])
        terms = self.direct
        if terms.places.size:
            uses = products_of_others(state.slots)
            uses *= state.additive * state.scale
            terms.add(entries, uses[terms.first, terms.second])
        if apart:
            flat += entries.T
        return result, bends.T

    def _shifts(self, state: State, weights: Floats, result: Floats, bent: Floats) -> Floats:
        """Put what additive shifts contribute to :meth:`at` into the Jacobians, and give the other part of it."""
        a, starts, lift = self.cells.additive, self.cells.bin_starts, self.cells.lift(state)
        bends = np.zeros((self.cells.n_parameters, weights.shape[1]))
        if not self.bent:
            result[...] = 0.0
            return bends
        _sums(self.straight, lift, starts, result)
        for columns, shifts in zip(a.code_columns, self.bent, strict=True):
            first, second = np.zeros((2, *bends.shape))
            first[a.parameter[columns]] = state.curves[2][columns]
            second[a.parameter[columns]] = state.curves[3][columns]
            _sums(shifts, lift, starts, bent)
            bends += (weights.T[:, None] @ bent)[:, 0].T * second
            bent *= np.ascontiguousarray(first.T)[:, None]
            result += bent
        return bends

    def mean_effects(self, state: State) -> Floats:
        """``[nu_b(1) + nu_b(-1)] / 2 - nu_b(0)`` of each bin and parameter, ``(n_points, n_bins, n_parameters)``.

        What :meth:`~hftranslate.likelihood.cells.Cells.mean_effects` has for one point.
        """
        cells, m, n_points = self.cells, self.cells.multiplicative, state.bins.shape[1]
        result = np.zeros((n_points, cells.n_bins, cells.n_parameters))
        if self.bent:
            _sums(np.sum(self.bent, axis=0), cells.lift(state), cells.bin_starts, result)
        if len(m.row):
            terms, mean = self.normsys, 0.5 * (m.lo + m.hi) - 1.0
            terms.add(
                result.reshape(n_points, cells.n_bins * cells.n_parameters).T,
                state.nu[terms.first] * mean[terms.second, None],
            )
        return result

    def unevenness(self, state: State) -> Floats:
        """The largest effect of :meth:`mean_effects` of a parameter, in units of what bins fluctuate, ``(n_points,)``.

        Bins of less than half an event count as such.
        """
        sizes = np.sum(self.mean_effects(state) ** 2 / np.maximum(state.bins.T, 0.5)[..., None], axis=1)
        largest: Floats = np.sqrt(sizes.max(axis=1, initial=0.0))
        return largest

    def _by_entry(self, state: State, weights: Floats) -> Floats:
        """Sums of weighted yields over the row of each NormSys entry, ``(n_entries, n_points)``."""
        per_row = np.zeros((self.cells.n_rows, state.bins.shape[1]))
        self.rows.add(per_row, (weights[self.cells.bin] * state.nu)[self.rows.first])
        return per_row[self.cells.multiplicative.row]


def _sums(matrix: Floats, weights: Floats, starts: Integers, result: Floats) -> None:
    """Sums of the rows of a matrix over groups, with weights ``(n_rows, n_points)``: ``(n_points, n_groups, m)``."""
    for k, (first, last) in enumerate(zip(starts, [*starts[1:], len(matrix)], strict=True)):
        np.matmul(weights[first:last].T, matrix[first:last], out=result[:, k])
