"""Systematic uncertainties too small to matter: which they are, and what leaving them out does to the likelihood."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.difference.likelihood_change import cls_difference, likelihood_difference
from hftranslate.display import terminal
from hftranslate.editing import Places, prune
from hftranslate.errors import InputError
from hftranslate.workspace import (
    MODIFIER_TYPES,
    Channel,
    HistoSys,
    Measurement,
    Modifier,
    NormSys,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.bin_factors import bin_widths
from hftranslate.workspace.map import all_uses
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Negligible:
    """A modifier whose effect is below a threshold.

    Attributes
    ----------
    channel, sample, modifier, word
        where it stands, its name and type.
    effect
        the largest change that one standard deviation of it makes in a bin, as a fraction of the channel's nominal
        yield there.
    """

    channel: str
    sample: str
    modifier: str
    word: str
    effect: float


def negligible(workspace: Workspace, threshold: float) -> tuple[Negligible, ...]:
    """The modifiers that change no bin of their channel by more than a fraction of its nominal yield.

    Normsys and histosys of one name and channel are taken together: samples are left out, those with the smallest
    effect first, as long as the sum of the absolute changes at one standard deviation stays below the threshold in
    every bin. Of bin factors (shapesys, staterror) all or none are left out. A bin without nominal yield makes whatever
    changes it matter. Norm factors, shape factors, luminosities, bin factors shared by channels and parameters of
    interest always stay.

    Parameters
    ----------
    workspace
        the model.
    threshold
        for example 0.001.

    Returns
    -------
    tuple of Negligible
        each modifier with its place and its largest relative effect on a bin.

    Raises
    ------
    InputError
        The threshold is not a positive number.
    """
    if not 0.0 < threshold < 1.0:
        raise InputError(f"a threshold of {threshold:g} for what is negligible; expected a fraction between 0 and 1")
    declared = declared_parameters(workspace.channels)
    candidates = {name: d for name, d in declared.items() if _may_go(d, workspace)}
    found: list[Negligible] = []
    for channel in workspace.channels:
        total = np.sum([np.array(s.nominal, dtype=float) for s in channel.samples], axis=0)
        groups: dict[str, list[tuple[Sample, Modifier]]] = {}
        for _, s, m in all_uses([channel]):
            if m.name in candidates:
                groups.setdefault(m.name, []).append((s, m))
        for name, uses in groups.items():
            samples = {s.name: s for s, _ in uses}
            if candidates[name].kind == "alpha":
                changes = {n: _change(s, [m for t, m in uses if t is s]) for n, s in samples.items()}
            else:
                changes = {"": _bin_change(candidates[name])}
            found += _negligible(channel, total, uses, changes, threshold)
    return tuple(found)


def _may_go(declared: DeclaredParameter, workspace: Workspace) -> bool:
    """Systematic uncertainties; not parameters of interest, nor bin factors that are free or shared by channels."""
    if {declared.name, *declared.names} & {p for m in workspace.measurements for p in m.pois}:
        return False
    if declared.kind == "alpha":
        return True
    constrained = all(isinstance(m, ShapeSys | StatError) for _, _, m in declared.uses)
    return constrained and len({c.name for c, _, _ in declared.uses}) == 1


def _negligible(
    channel: Channel,
    total: Floats,
    uses: list[tuple[Sample, Modifier]],
    changes: dict[str, Floats],
    threshold: float,
) -> Iterator[Negligible]:
    sum_of_changes = np.zeros(channel.n_bins)
    for name, change in sorted(changes.items(), key=lambda item: _fraction(item[1], total)):
        sum_of_changes += change
        if _fraction(sum_of_changes, total) >= threshold:
            return
        for s, m in uses:
            if name in ("", s.name):
                yield Negligible(
                    channel=channel.name,
                    sample=s.name,
                    modifier=m.name,
                    word=MODIFIER_TYPES[type(m)],
                    effect=_fraction(change, total),
                )


def _fraction(change: Floats, total: Floats) -> float:
    """The largest change of a bin as a fraction of its yield."""
    fractions = np.divide(change, total, out=np.full_like(total, np.inf), where=total > 0.0)
    return float(np.max(np.where(change == 0.0, 0.0, fractions)))


def _change(sample: Sample, modifiers: list[Modifier]) -> Floats:
    """Largest absolute change of each bin of a sample at -1 and +1 standard deviation of one parameter."""
    nominal = np.array(sample.nominal, dtype=float)
    largest = np.zeros_like(nominal)
    for up in (False, True):
        shifted, factor = nominal.copy(), 1.0
        for m in modifiers:
            match m:
                case NormSys():
                    factor *= m.hi if up else m.lo
                case HistoSys():
                    shifted += np.array(m.hi_data if up else m.lo_data, dtype=float) - nominal
        largest = np.maximum(largest, np.abs(shifted * factor - nominal))
    return largest


def _bin_change(declared: DeclaredParameter) -> Floats:
    """Absolute change of each bin of a channel at one standard deviation of its bin factors."""
    scaled = {s.name: s.nominal for _, s, _ in declared.uses}
    _, widths = bin_widths(declared)
    changes: Floats = np.array(widths) * np.abs(np.sum([np.array(h, dtype=float) for h in scaled.values()], axis=0))
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningEffect:
    """What leaving modifiers out did to the likelihood of one measurement.

    Attributes
    ----------
    measurement
        its name.
    parameters_gone
        names of parameter sets that are no longer there.
    nll
        largest absolute change of the NLL (relative to nominal) within three standard deviations of the parameters
        that are left, those gone at their nominal values; ``None`` where it cannot be evaluated.
    cls
        absolute change of the observed CLs at a signal strength of one, ``None`` where it cannot be computed.
    """

    measurement: str
    parameters_gone: tuple[str, ...]
    nll: float | None
    cls: float | None


def prune_negligible(workspace: Workspace, threshold: float) -> tuple[Workspace, tuple[Negligible, ...]]:
    """The workspace without its negligible modifiers (see :func:`negligible`), and what they were.

    Settings of parameters that are no longer there go with them.

    Parameters
    ----------
    workspace
        the model.
    threshold
        the fraction of a bin's nominal yield, for example 0.001.

    Returns
    -------
    Workspace, tuple of Negligible
        what is left, and what went.

    Raises
    ------
    InputError
        The threshold is not a positive number.
    """
    found = negligible(workspace, threshold)
    return without(workspace, found), found


def without(workspace: Workspace, found: tuple[Negligible, ...]) -> Workspace:
    """The workspace without these modifiers."""
    return prune(workspace, places=Places(modifiers_in={(n.channel, n.sample, n.modifier) for n in found}))


def pruning_effects(before: Workspace, after: Workspace) -> tuple[PruningEffect, ...]:
    """What pruning modifiers did to the likelihood, for each measurement.

    Parameters
    ----------
    before, after
        the workspace with all modifiers, and without some.

    Returns
    -------
    tuple of PruningEffect
        of each measurement: the change of the NLL, and of CLs(1) where it can be computed.
    """
    left = declared_parameters(after.channels)
    gone = tuple(name for name in declared_parameters(before.channels) if name not in left)
    effects = []
    for m in after.measurements:
        held = _holding(before, m.name, gone)
        effects.append(
            PruningEffect(
                measurement=m.name,
                parameters_gone=gone,
                nll=likelihood_difference(held, after, m.name),
                cls=cls_difference(before, after, m.name),
            )
        )
    return tuple(effects)


def _holding(workspace: Workspace, measurement: str, names: tuple[str, ...]) -> Workspace:
    """The workspace with parameters constant at their nominal values."""

    def held(m: Measurement) -> Measurement:
        kept = tuple(p for p in m.parameters if p.name not in names)
        constant = (replace(m.parameter(name), fixed=True) for name in names)
        return replace(m, parameters=(*kept, *constant)) if m.name == measurement else m

    return replace(workspace, measurements=tuple(map(held, workspace.measurements)))


#: So many modifiers are listed in the text; the document holds them all.
_SHOWN = 20


def pruned_text(found: tuple[Negligible, ...], effects: tuple[PruningEffect, ...], threshold: float) -> str:
    """What was left out and what that did, for people.

    Parameters
    ----------
    found
        the modifiers that were left out.
    effects
        what that did to the likelihood.
    threshold
        by which they were chosen.

    Returns
    -------
    str
        lines for a terminal.
    """
    lines = [
        f"{len(found)} modifier(s) change no bin of their channel by more than {threshold:g} of its yield: left out"
    ]
    largest = sorted(found, key=lambda n: -n.effect)
    lines += [f"  {n.effect:8.2g}  {n.channel}, {n.sample}: {n.word} {n.modifier}" for n in largest[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more with smaller effects (--report FILE lists them all)")
    gone = effects[0].parameters_gone
    lines.append(f"{len(gone)} parameter(s) are no longer there" + (f": {', '.join(gone)}" if gone else ""))
    for e in effects:
        nll = "not evaluated" if e.nll is None else f"{e.nll:.2g}"
        cls = "not evaluated" if e.cls is None else f"{e.cls:.2g}"
        lines.append(
            f"measurement {e.measurement!r}: largest change of the NLL within 3 sigma {nll}, change of CLs(1) {cls}"
        )
    return "\n".join(map(terminal, lines))


def pruned_document(
    found: tuple[Negligible, ...], effects: tuple[PruningEffect, ...], threshold: float
) -> dict[str, object]:
    """The same as plain JSON values.

    Parameters
    ----------
    found
        the modifiers that were left out.
    effects
        what that did to the likelihood.
    threshold
        by which they were chosen.

    Returns
    -------
    dict
        plain JSON values.
    """
    return {
        "threshold": threshold,
        "pruned": [
            {"channel": n.channel, "sample": n.sample, "modifier": n.modifier, "type": n.word, "effect": n.effect}
            for n in found
        ],
        "parameters_gone": list(effects[0].parameters_gone),
        "effects": [{"measurement": e.measurement, "nll": e.nll, "cls": e.cls} for e in effects],
    }
