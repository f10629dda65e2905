"""First derivatives of the yields at many parameter points at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import Cells, State
from hftranslate.likelihood.pattern import products_of_others

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Terms:
    """Which terms add up to which entries of a Jacobian ``(n_bins * n_parameters,)``.

    ``first`` and ``second`` are indices of what is multiplied, sorted by entry; ``starts`` is where each of ``places``
    begins.
    """

    first: Integers
    second: Integers
    starts: Integers
    places: Integers

    @classmethod
    def of(cls, first: Integers, second: Integers, place: Integers) -> "_Terms":
        order = np.argsort(place, kind="stable")
        places, starts = np.unique(place[order], return_index=True)
        return cls(first=first[order], second=second[order], starts=starts, places=places)

    def add(self, result: Floats, terms: Floats) -> None:
        """Add terms ``(n_terms, n_points)`` in the sorted order to the Jacobians."""
        if self.places.size:
            sums = terms if len(self.places) == len(terms) else np.add.reduceat(terms, self.starts)
            result[self.places] += sums


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slopes:
    """Jacobians of many points: where the sparse terms of a model's cells stand in them."""

    cells: Cells
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
        return cls(
            cells=cells,
            normsys=_Terms.of(cell, entry, cells.bin[cell] * n + m.parameter[entry]),
            direct=_Terms.of(slot, user, cells.bin[user] * n + cells.direct[slot, user]),
            rows=_Terms.of(every, every, cells.row),
            entries=_Terms.of(each, each, m.parameter),
        )

    def at(self, state: State, weights: Floats) -> tuple[Floats, Floats]:
        """Jacobians of a state at many points, and what each parameter alone adds to the Hessian of a function of bins.

        Parameters
        ----------
        weights
            the first derivatives of that function, ``(n_bins, n_points)``.

        Returns
        -------
        tuple
            ``d nu_bin / d theta``, ``(n_bins, n_parameters, n_points)``, and ``sum_b weights_b d2 nu_b / d theta2``,
            ``(n_parameters, n_points)``.
        """
        cells, n_points = self.cells, state.bins.shape[1]
        result, bends = np.zeros((cells.n_bins, cells.n_parameters, n_points)), np.zeros((cells.n_parameters, n_points))
        flat = result.reshape(-1, n_points)
        a, n_columns = cells.additive, len(cells.additive.parameter)
        if n_columns:
            sums = a.shifts.sums(cells.lift(state), cells.bin_starts)
            straight, shifts = sums[:, :n_columns], sums[:, n_columns:]
            bend = np.einsum("bcn,bn->cn", shifts, weights) * state.curves[3]
            shifts *= state.curves[2]
            shifts += straight
            for columns in a.code_columns:  # within a code every parameter has one column
                result[:, a.parameter[columns]] += shifts[:, columns]
                bends[a.parameter[columns]] += bend[columns]
        terms = self.normsys
        if terms.places.size:
            ratio = cells.ratio(state)
            terms.add(flat, state.nu[terms.first] * ratio[terms.second])
            second = state.factors[2] / state.factors[0]
            second *= self._by_entry(state, weights)
            self.entries.add(bends, second[self.entries.first])
        terms = self.direct
        if terms.places.size:
            uses = products_of_others(state.slots)
            uses *= state.additive * state.scale
            terms.add(flat, uses[terms.first, terms.second])
        return result, bends

    def mean_effects(self, state: State, weights: Floats) -> Floats:
        """``sum_b weights_b {[nu_b(1) + nu_b(-1)] / 2 - nu_b(0)}`` of each parameter, ``(n_parameters, n_points)``.

        What :meth:`~hftranslate.likelihood.cells.Cells.mean_effects` has for each bin.
        """
        cells = self.cells
        result = np.zeros((cells.n_parameters, state.bins.shape[1]))
        a, m = cells.additive, cells.multiplicative
        if len(a.parameter):
            pulled = a.shifts.pull(weights[cells.bin] * cells.lift(state))[1]
            for columns in a.code_columns:
                result[a.parameter[columns]] += pulled[columns]
        if len(m.row):
            effects = (0.5 * (m.lo + m.hi) - 1.0)[:, None] * self._by_entry(state, weights)
            self.entries.add(result, effects[self.entries.first])
        return result

    def unevenness(self, state: State) -> Floats:
        """The largest effect of :meth:`mean_effects` of a parameter, in units of what bins fluctuate, ``(n_points,)``.

        Bins of less than half an event count as such.
        """
        cells, n_points = self.cells, state.bins.shape[1]
        effects = np.zeros((cells.n_bins, cells.n_parameters, n_points))
        a, m = cells.additive, cells.multiplicative
        if len(a.parameter):
            sums = a.shifts.sums(cells.lift(state), cells.bin_starts)[:, len(a.parameter) :]
            for columns in a.code_columns:
                effects[:, a.parameter[columns]] += sums[:, columns]
        if len(m.row):
            terms, mean = self.normsys, 0.5 * (m.lo + m.hi) - 1.0
            terms.add(effects.reshape(-1, n_points), state.nu[terms.first] * mean[terms.second, None])
        sizes = np.sum(effects**2 / np.maximum(state.bins, 0.5)[:, None], axis=0)
        largest: Floats = np.sqrt(sizes.max(axis=0, initial=0.0))
        return largest

    def _by_entry(self, state: State, weights: Floats) -> Floats:
        """Sums of weighted yields over the row of each NormSys entry, ``(n_entries, n_points)``."""
        per_row = np.zeros((self.cells.n_rows, state.bins.shape[1]))
        self.rows.add(per_row, (weights[self.cells.bin] * state.nu)[self.rows.first])
        return per_row[self.cells.multiplicative.row]
