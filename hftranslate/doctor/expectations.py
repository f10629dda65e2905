"""Where moving one systematic by one or three standard deviations makes expectations negative or zero."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hftranslate.doctor.findings import Finding, Place, Severity, found
from hftranslate.doctor.settings import UNIFORM
from hftranslate.likelihood.cells import Floats, Integers
from hftranslate.likelihood.model import Data, Model

#: How far parameters are moved, in standard deviations.
STEPS = (1, 3)
#: Yields (cells times points) evaluated at once, as a bound on memory.
_CHUNK = 2_000_000
#: A negative yield matters where it is at least this fraction of the bin's total.
_RELEVANT = 1e-3


def expectation_findings(model: Model, data: Data) -> Iterator[Finding]:
    """Samples and bins whose expectation is not positive within three standard deviations of one parameter.

    Every systematic and the luminosity are moved alone, from the centres of their constraints, within their ranges.
    The yields of samples are those before ROOT's clip at zero.
    """
    base = model.parameters.init
    nominal_cells = _cell_rates(model, base[None])[0]
    nominal_bins = _bin_rates(model, nominal_cells[None])[0]
    seen_cells: set[tuple[int, int]] = set()
    seen_bins: set[tuple[int, int]] = set()
    where = _Where(model)
    for step in STEPS:
        samples: dict[tuple[str | None, str | None, str | None], Place] = {}
        bins: list[Place] = []
        for parameter, sign, point in _points(model, data, step):
            cells = _cell_rates(model, point)
            totals = _bin_rates(model, cells)
            name_of = [
                (model.parameters.names[p], f"{s * step:+d} sigma") for p, s in zip(parameter, sign, strict=True)
            ]
            low = (totals < 0.0) | ((totals == 0.0) & (data.observed > 0.0))
            for k, b in np.argwhere(low & (nominal_bins > 0.0)).tolist():
                if (int(parameter[k]), b) not in seen_bins:
                    seen_bins.add((int(parameter[k]), b))
                    channel, bin = where.bin(b)
                    detail = f"{totals[k, b]:.4g} at {name_of[k][1]}, nominal {nominal_bins[b]:.4g}"
                    size = float(1.0 - totals[k, b] / nominal_bins[b])
                    bins.append(Place(channel=channel, bin=bin, parameter=name_of[k][0], detail=detail, size=size))
            floor = -_RELEVANT * np.maximum(nominal_bins[model.cells.bin], 0.0)
            for k, i in np.argwhere((cells < floor) & (nominal_cells > 0.0)).tolist():
                if (int(parameter[k]), i) not in seen_cells:
                    seen_cells.add((int(parameter[k]), i))
                    channel, bin, sample = where.cell(i)
                    detail = f"{cells[k, i]:.4g} at {name_of[k][1]}, nominal {nominal_cells[i]:.4g}"
                    size = float(-cells[k, i] / nominal_bins[model.cells.bin[i]])
                    place = Place(
                        channel=channel, sample=sample, bin=bin, parameter=name_of[k][0], detail=detail, size=size
                    )
                    key = (channel, sample, place.parameter)
                    if key not in samples or samples[key].size < size:
                        samples[key] = place
        yield from _findings(step, bins, list(samples.values()), model.conventions.clip_samples)


def _findings(step: int, bins: list[Place], samples: list[Place], clipped: bool) -> Iterator[Finding]:
    severity: tuple[Severity, Severity] = ("error", "warning") if step == 1 else ("warning", "note")
    how_far = "one standard deviation" if step == 1 else "three standard deviations"
    yield from found(
        f"expectation-not-positive-{step}-sigma",
        severity[0],
        bins,
        reason=f"moving one parameter by {how_far} leaves a bin with a negative expectation, or with none where events "
        "are observed: the likelihood is undefined there",
        suggestion="reduce or smooth the variation, express it as a NormSys, or merge the bin with its neighbour",
    )
    here = "it is clipped at zero, as ROOT does" if clipped else "it is subtracted, as pyhf does, and clipped by ROOT"
    yield from found(
        f"negative-sample-{step}-sigma",
        severity[1],
        samples,
        reason=f"moving one parameter by {how_far} makes the yield of a sample negative; {here} "
        "(one place per channel, sample and parameter: the worst bin)",
        suggestion="smooth the variation, express it as a NormSys, or merge the bin with its neighbour",
    )


def _points(model: Model, data: Data, step: int) -> Iterator[tuple[Integers, Integers, Floats]]:
    """Parameter, sign and vector of every point, in chunks of which the cells fit into memory."""
    p, centres = model.parameters, model.constraints.centres(data.auxdata)
    starts = np.where(np.isfinite(centres), centres, p.init)
    moved = [
        i
        for i, name in enumerate(p.names)
        if p.width[i] > 0.0 and not p.fixed[i] and name == p.sets[i]  # bin factors stay positive
    ]
    parameter = np.repeat(np.array(moved, dtype=np.int64), 2)
    sign = np.tile(np.array([-1.0, 1.0]), len(moved))
    size = max(1, _CHUNK // len(model.cells.nominal))
    for start in range(0, len(parameter), size):
        part, signs = parameter[start : start + size], sign[start : start + size].astype(np.int64)
        points = np.repeat(p.init[None], len(part), axis=0)
        width = np.where(p.width[part] >= UNIFORM, 1.0, p.width[part])
        value = starts[part] + step * signs * width
        points[np.arange(len(part)), part] = np.clip(value, p.bounds[part, 0], p.bounds[part, 1])
        yield part, signs, points


def _cell_rates(model: Model, points: Floats) -> Floats:
    """Yields of all cells before any clip, ``(n_points, n_cells)``: those of bins, each cell being one."""
    each = np.arange(len(model.cells.nominal))
    apart = replace(model.cells, n_bins=len(each), bin=each, bin_starts=each, clipped=None)
    return apart.evaluate_many(model.derived.extend(points))


def _bin_rates(model: Model, cells: Floats) -> Floats:
    """Yields of bins ``(n_points, n_bins)`` from those of cells before the clip."""
    clipped = model.cells.clipped
    kept = cells if clipped is None else np.where(clipped, np.maximum(cells, 0.0), cells)
    totals: Floats = np.add.reduceat(kept, model.cells.bin_starts, axis=1)
    return totals


class _Where:
    """Channel, bin and sample of bins and cells, which are numbered through."""

    def __init__(self, model: Model) -> None:
        self._bins = [(name, b) for name, n_bins in model.channels for b in range(n_bins)]
        self._cells = [
            (name, b, sample)
            for (name, n_bins), samples in zip(model.channels, model.samples, strict=True)
            for b in range(n_bins)
            for sample in samples
        ]

    def bin(self, index: int) -> tuple[str, int]:
        return self._bins[index]

    def cell(self, index: int) -> tuple[str, int, str]:
        return self._cells[index]
