"""What is suspicious in the variations of systematic uncertainties: NormSys and HistoSys."""

from collections.abc import Iterator

import numpy as np

from hftranslate.doctor.findings import Finding, Place, found
from hftranslate.doctor.nominal import total_of
from hftranslate.likelihood.cells import Booleans, Floats
from hftranslate.records import record
from hftranslate.workspace import Channel, HistoSys, Modifier, NormSys, Sample, Workspace

#: A variation matters where it changes a bin of the channel (all samples) by at least this fraction.
RELEVANT = 0.01
#: A variation is huge where it scales a bin of its sample by at least this factor, or by its inverse.
_HUGE = 3.0
#: Normalisation by which a shape may differ from nominal beside a NormSys of the same name.
_NORMALISED = 0.01


@record
class Variations:
    """What all systematics do to one sample, NormSys and HistoSys of one name taken together.

    Attributes
    ----------
    parameters, modifiers
        name and modifiers of each systematic, ``(n,)``.
    nominal, total
        nominal yield of the sample and of the channel, ``(n_bins,)``.
    low, high
        changes at -1 and +1 standard deviation in events, ``(n, n_bins)``.
    """

    channel: Channel
    sample: Sample
    parameters: tuple[str, ...]
    modifiers: tuple[tuple[Modifier, ...], ...]
    nominal: Floats
    total: Floats
    low: Floats
    high: Floats

    def of_total(self, change: Floats) -> Floats:
        """Changes ``(n, n_bins)`` as fractions of the bins' totals, zero where these are not positive."""
        return np.divide(change, self.total, out=np.zeros_like(change), where=self.total > 0.0)

    @property
    def acts(self) -> Booleans:
        """Which systematics change anything, ``(n,)``."""
        acts: Booleans = np.any((self.low != 0.0) | (self.high != 0.0), axis=1)
        return acts

    def place(self, index: int, detail: str, size: float, bin: int | None = None) -> Place:
        """Where a systematic stands."""
        return Place(
            channel=self.channel.name,
            sample=self.sample.name,
            bin=bin,
            parameter=self.parameters[index],
            detail=detail,
            size=size,
        )


def variations(workspace: Workspace) -> tuple[Variations, ...]:
    """The variations of all systematics, sample by sample; samples without any are left out."""
    result = []
    for c in workspace.channels:
        total = total_of(c.samples, c.n_bins)
        for s in c.samples:
            by_name: dict[str, list[Modifier]] = {}
            for m in s.modifiers:
                if isinstance(m, NormSys | HistoSys):
                    by_name.setdefault(m.name, []).append(m)
            if by_name:
                nominal = np.array(s.nominal, dtype=float)
                low, high = (_shifted(s, by_name, up) - nominal for up in (False, True))
                result.append(
                    Variations(
                        channel=c,
                        sample=s,
                        parameters=tuple(by_name),
                        modifiers=tuple(map(tuple, by_name.values())),
                        nominal=nominal,
                        total=total,
                        low=low,
                        high=high,
                    )
                )
    return tuple(result)


def _shifted(sample: Sample, by_name: dict[str, list[Modifier]], up: bool) -> Floats:
    """Yields of a sample with each systematic at one standard deviation, ``(n, n_bins)``."""
    additive, factors = [], []
    for modifiers in by_name.values():
        shape, factor = sample.nominal, 1.0
        for m in modifiers:
            if isinstance(m, NormSys):
                factor *= float(m.hi if up else m.lo)
            elif isinstance(m, HistoSys):
                shape = m.hi_data if up else m.lo_data
        additive.append(shape)
        factors.append(factor)
    shifted: Floats = np.array(additive, dtype=float) * np.array(factors)[:, None]
    return shifted


def variation_findings(workspace: Workspace) -> Iterator[Finding]:
    """Variations that are not positive, one-sided, huge, not normalised, without effect, or given twice."""
    all_variations = variations(workspace)
    yield from _not_positive(all_variations)
    yield from _one_sided(all_variations)
    yield from _huge(all_variations)
    yield from _not_normalised(all_variations)
    yield from _without_effect(all_variations)
    yield from _duplicated(all_variations)


def _worst_bins(values: Floats, least: float) -> Iterator[tuple[int, int]]:
    """Row and bin of the largest value of each row, of rows where that reaches a least value above zero."""
    bins = np.argmax(values, axis=1)
    largest = values[np.arange(len(values)), bins]
    for k in np.flatnonzero((largest >= least) & (largest > 0.0)).tolist():
        yield k, int(bins[k])


def _not_positive(all_variations: tuple[Variations, ...]) -> Iterator[Finding]:
    places = [
        v.place(k, f"lo {m.lo:g}, hi {m.hi:g}", 1.0 - min(m.lo, m.hi))
        for v in all_variations
        for k, modifiers in enumerate(v.modifiers)
        for m in modifiers
        if isinstance(m, NormSys) and min(m.lo, m.hi) <= 0 and m.interpolation in ("code1", "code4")
    ]
    yield from found(
        "normsys-not-positive",
        "error",
        places,
        reason="a factor of a NormSys (OverallSys) is zero or negative, and its exponential interpolation undefined",
        suggestion="keep lo and hi above zero (0.01, say), or replace a factor between 0 and 2 by a norm factor",
    )


def _one_sided(all_variations: tuple[Variations, ...]) -> Iterator[Finding]:
    same_way, half = [], []
    for v in all_variations:
        low, high = v.of_total(v.low), v.of_total(v.high)
        smaller = np.where(low * high > 0.0, np.minimum(np.abs(low), np.abs(high)), 0.0)
        for k, b in _worst_bins(smaller, RELEVANT):
            detail = f"{low[k, b]:+.1%} at -1 sigma, {high[k, b]:+.1%} at +1 sigma of the bin's total"
            same_way.append(v.place(k, detail, float(smaller[k, b]), b))
        one_way = np.any(low != 0.0, axis=1) != np.any(high != 0.0, axis=1)
        for k, b in _worst_bins(np.abs(low + high) * one_way[:, None], RELEVANT):
            side = "+1" if np.any(low[k] != 0.0) else "-1"
            detail = f"{low[k, b] + high[k, b]:+.1%} of the bin's total, nothing at {side} sigma"
            half.append(v.place(k, detail, float(np.abs(low + high)[k, b]), b))
    yield from found(
        "one-sided",
        "warning",
        same_way,
        reason="both variations move a bin the same way, by 1 % of its total or more: the parameter has no sign and the"
        " likelihood a kink or a second minimum",
        suggestion="symmetrise the variation, or smooth it where it is statistical noise",
    )
    yield from found(
        "half-variation",
        "note",
        half,
        reason="a systematic varies to one side only: it has no effect on the other",
        suggestion="symmetrise it if it stands for a two-point comparison",
    )


def _huge(all_variations: tuple[Variations, ...]) -> Iterator[Finding]:
    relevant: list[Place] = []
    minor: list[Place] = []
    for v in all_variations:
        upper = v.nominal + np.maximum(v.low, v.high)
        ratios = np.divide(upper, v.nominal, out=np.zeros_like(upper), where=v.nominal > 0.0)
        change = np.maximum(np.abs(v.of_total(v.low)), np.abs(v.of_total(v.high)))
        for k, b in _worst_bins(np.where(ratios >= _HUGE, change, 0.0), 0.0):
            detail = f"scaled by {ratios[k, b]:.3g}, {change[k, b]:.1%} of the bin's total"
            (relevant if change[k, b] >= 10 * RELEVANT else minor).append(v.place(k, detail, float(change[k, b]), b))
    yield from found(
        "huge-variation",
        "warning",
        relevant,
        reason="one standard deviation multiplies a bin of a sample by three or more, and changes the bin's total by a "
        "tenth or more; the interpolation reaches far beyond what was simulated",
        suggestion="check the variation for low statistics or wrong weights; smooth it or merge bins",
    )
    yield from found(
        "huge-variation-of-small-sample",
        "note",
        minor,
        reason="one standard deviation multiplies a bin of a small sample by three or more",
        suggestion="check the variation for low statistics; prune it where it does not matter",
    )


def _not_normalised(all_variations: tuple[Variations, ...]) -> Iterator[Finding]:
    places = []
    for v in all_variations:
        total, of_channel = float(v.nominal.sum()), float(v.total.sum())
        if min(total, of_channel) <= 0.0 or v.channel.n_bins == 1:
            continue
        for k, modifiers in enumerate(v.modifiers):
            shape = next((m for m in modifiers if isinstance(m, HistoSys)), None)
            norm = next((m for m in modifiers if isinstance(m, NormSys)), None)
            if shape is None or norm is None:
                continue
            changes = [sum(data) / total - 1.0 for data in (shape.lo_data, shape.hi_data)]
            largest = max(map(abs, changes))
            if largest >= _NORMALISED and largest * total / of_channel >= RELEVANT:
                shapes = f"{changes[0]:+.1%} and {changes[1]:+.1%}"
                places.append(v.place(k, f"shapes {shapes}, beside factors {norm.lo:g} and {norm.hi:g}", largest))
    yield from found(
        "shape-not-normalised",
        "warning",
        places,
        reason="a HistoSys changes the normalisation although a NormSys of the same name stands beside it: part of the "
        "effect may be counted twice",
        suggestion="scale the shape variations to the nominal normalisation, or drop the NormSys",
    )


def _without_effect(all_variations: tuple[Variations, ...]) -> Iterator[Finding]:
    effective: set[str] = set()
    idle: list[tuple[Variations, int]] = []
    for v in all_variations:
        acts = v.acts
        effective.update(v.parameters[k] for k in np.flatnonzero(acts))
        idle += [(v, k) for k in np.flatnonzero(~acts).tolist()]
    never = sorted({v.parameters[k] for v, k in idle} - effective)
    yield from found(
        "systematic-without-effect",
        "warning",
        [Place(parameter=name, detail="no modifier of it changes any yield") for name in never],
        reason="a systematic has a constraint but changes nothing",
        suggestion="remove it (prune)",
    )
    yield from found(
        "variation-without-effect",
        "note",
        [v.place(k, "up and down are the nominal yields", 0.0) for v, k in idle if v.parameters[k] in effective],
        reason="a systematic that acts elsewhere stands on a sample that it does not change",
        suggestion="remove the modifier from the sample (prune)",
    )


def _duplicated(all_variations: tuple[Variations, ...]) -> Iterator[Finding]:
    effects: dict[str, list[tuple[int, bytes, bytes]]] = {}
    for i, v in enumerate(all_variations):
        for k in np.flatnonzero(v.acts).tolist():
            effects.setdefault(v.parameters[k], []).append((i, v.low[k].tobytes(), v.high[k].tobytes()))
    names: dict[tuple[tuple[int, bytes, bytes], ...], list[str]] = {}
    for name, everywhere in effects.items():
        names.setdefault(tuple(everywhere), []).append(name)
    places = [
        Place(parameter=same[0], detail=f"the same as {', '.join(same[1:4])}" + (" ..." if len(same) > 4 else ""))
        for same in names.values()
        if len(same) > 1
    ]
    yield from found(
        "duplicated-systematic",
        "warning",
        places,
        reason="systematics of different names do exactly the same everywhere: one effect may be counted twice",
        suggestion="keep one of them, or make sure that they are independent uncertainties of the same size",
    )
