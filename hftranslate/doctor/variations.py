"""What is suspicious in the variations of systematic uncertainties: NormSys and HistoSys."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hftranslate.doctor.findings import Finding, Place, found
from hftranslate.doctor.nominal import total_of
from hftranslate.likelihood.cells import Floats
from hftranslate.workspace import Channel, HistoSys, Modifier, NormSys, Sample, Workspace

#: A variation matters where it changes a bin of the channel (all samples) by at least this fraction.
RELEVANT = 0.01
#: A variation is huge where it scales a bin of its sample by at least this factor, or by its inverse.
_HUGE = 3.0
#: Normalisation by which a shape may differ from nominal beside a NormSys of the same name.
_NORMALISED = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What one systematic does to one sample, NormSys and HistoSys of the same name taken together.

    ``low`` and ``high`` are the changes at -1 and +1 standard deviation in events, ``total`` is the nominal yield of
    the channel, and ``nominal`` that of the sample, ``(n_bins,)`` each.
    """

    channel: Channel
    sample: Sample
    parameter: str
    modifiers: tuple[Modifier, ...]
    nominal: Floats
    total: Floats
    low: Floats
    high: Floats

    def of_total(self, change: Floats) -> Floats:
        """A change as a fraction of the bin's total, zero where that is not positive."""
        return np.divide(change, self.total, out=np.zeros_like(change), where=self.total > 0.0)

    def place(self, detail: str, size: float, bin: int | None = None) -> Place:
        """Where it stands."""
        return Place(
            channel=self.channel.name,
            sample=self.sample.name,
            bin=bin,
            parameter=self.parameter,
            detail=detail,
            size=size,
        )


def variations(workspace: Workspace) -> tuple[Variation, ...]:
    """The variations of all systematics on all samples."""
    result = []
    for c in workspace.channels:
        total = total_of(c.samples, c.n_bins)
        for s in c.samples:
            nominal = np.array(s.nominal, dtype=float)
            by_name: dict[str, list[Modifier]] = {}
            for m in s.modifiers:
                if isinstance(m, NormSys | HistoSys):
                    by_name.setdefault(m.name, []).append(m)
            for name, modifiers in by_name.items():
                low, high = (_shifted(nominal, modifiers, up) - nominal for up in (False, True))
                result.append(
                    Variation(
                        channel=c,
                        sample=s,
                        parameter=name,
                        modifiers=tuple(modifiers),
                        nominal=nominal,
                        total=total,
                        low=low,
                        high=high,
                    )
                )
    return tuple(result)


def _shifted(nominal: Floats, modifiers: list[Modifier], up: bool) -> Floats:
    additive, factor = nominal, 1.0
    for m in modifiers:
        if isinstance(m, NormSys):
            factor *= float(m.hi if up else m.lo)
        elif isinstance(m, HistoSys):
            additive = np.array(m.hi_data if up else m.lo_data, dtype=float)
    shifted: Floats = additive * factor
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


def _not_positive(all_variations: tuple[Variation, ...]) -> Iterator[Finding]:
    places = [
        v.place(f"lo {m.lo:g}, hi {m.hi:g}", 1.0 - min(m.lo, m.hi))
        for v in all_variations
        for m in v.modifiers
        if isinstance(m, NormSys) and min(m.lo, m.hi) <= 0 and m.interpolation in ("code1", "code4")
    ]
    yield from found(
        "normsys-not-positive",
        "error",
        places,
        reason="a factor of a NormSys (OverallSys) is zero or negative, and its exponential interpolation undefined",
        suggestion="keep lo and hi above zero (0.01, say), or replace a factor between 0 and 2 by a norm factor",
    )


def _one_sided(all_variations: tuple[Variation, ...]) -> Iterator[Finding]:
    same_way, half = [], []
    for v in all_variations:
        low, high = v.of_total(v.low), v.of_total(v.high)
        smaller = np.where(low * high > 0.0, np.minimum(np.abs(low), np.abs(high)), 0.0)
        b = int(np.argmax(smaller))
        if smaller[b] >= RELEVANT:
            detail = f"{low[b]:+.1%} at -1 sigma, {high[b]:+.1%} at +1 sigma of the bin's total"
            same_way.append(v.place(detail, float(smaller[b]), b))
            continue
        one = np.where((low == 0.0) != (high == 0.0), np.abs(low + high), 0.0)
        b = int(np.argmax(one))
        if one[b] >= RELEVANT and (not np.any(low) or not np.any(high)):
            side = "-1" if low[b] == 0.0 else "+1"
            half.append(
                v.place(f"{low[b] + high[b]:+.1%} of the bin's total, nothing at {side} sigma", float(one[b]), b)
            )
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


def _huge(all_variations: tuple[Variation, ...]) -> Iterator[Finding]:
    relevant: list[Place] = []
    minor: list[Place] = []
    for v in all_variations:
        upper = v.nominal + np.maximum(v.low, v.high)
        ratios = np.divide(upper, v.nominal, out=np.zeros_like(upper), where=v.nominal > 0.0)
        change = np.maximum(np.abs(v.of_total(v.low)), np.abs(v.of_total(v.high)))
        huge = np.where((ratios >= _HUGE) & (change > 0.0), change, 0.0)
        b = int(np.argmax(huge))
        if huge[b] > 0.0:
            detail = f"scaled by {ratios[b]:.3g}, {change[b]:.1%} of the bin's total"
            (relevant if change[b] >= 10 * RELEVANT else minor).append(v.place(detail, float(change[b]), b))
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


def _not_normalised(all_variations: tuple[Variation, ...]) -> Iterator[Finding]:
    places = []
    for v in all_variations:
        shape = next((m for m in v.modifiers if isinstance(m, HistoSys)), None)
        norm = next((m for m in v.modifiers if isinstance(m, NormSys)), None)
        total = float(v.nominal.sum())
        if shape is None or norm is None or min(total, float(v.total.sum())) <= 0.0 or v.channel.n_bins == 1:
            continue
        changes = [sum(data) / total - 1.0 for data in (shape.lo_data, shape.hi_data)]
        largest = max(map(abs, changes))
        in_channel = largest * total / float(v.total.sum())
        if largest >= _NORMALISED and in_channel >= RELEVANT:
            shapes = f"{changes[0]:+.1%} and {changes[1]:+.1%}"
            detail = f"shapes {shapes}, beside factors {norm.lo:g} and {norm.hi:g}"
            places.append(v.place(detail, largest))
    yield from found(
        "shape-not-normalised",
        "warning",
        places,
        reason="a HistoSys changes the normalisation although a NormSys of the same name stands beside it: part of the "
        "effect may be counted twice",
        suggestion="scale the shape variations to the nominal normalisation, or drop the NormSys",
    )


def _without_effect(all_variations: tuple[Variation, ...]) -> Iterator[Finding]:
    effective = {v.parameter for v in all_variations if np.any(v.low) or np.any(v.high)}
    idle = [v for v in all_variations if not np.any(v.low) and not np.any(v.high)]
    never = sorted({v.parameter for v in idle} - effective)
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
        [v.place("up and down are the nominal yields", 0.0) for v in idle if v.parameter in effective],
        reason="a systematic that acts elsewhere stands on a sample that it does not change",
        suggestion="remove the modifier from the sample (prune)",
    )


def _duplicated(all_variations: tuple[Variation, ...]) -> Iterator[Finding]:
    by_parameter: dict[str, list[tuple[object, ...]]] = {}
    for v in all_variations:
        if np.any(v.low) or np.any(v.high):
            key = (v.channel.name, v.sample.name, v.low.tobytes(), v.high.tobytes())
            by_parameter.setdefault(v.parameter, []).append(key)
    names: dict[tuple[tuple[object, ...], ...], list[str]] = {}
    for name, keys in by_parameter.items():
        names.setdefault(tuple(sorted(keys, key=repr)), []).append(name)
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
