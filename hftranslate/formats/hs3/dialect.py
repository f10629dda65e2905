"""Exact rewriting of a Workspace into what HS3 can say, for who is to read it.

ROOT 6.40 reads normsys of any code, but takes its own code for every histosys, and a factor of a normsys that is not
above zero for 2.2e-16 (pyhs3 has no value then, and gets that number). ROOT reads a Gaussian staterror as a Poisson
one: it gets a shapesys instead (:mod:`.document`).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from sys import float_info

from hftranslate.formats.histfactory_xml.names import root_names
from hftranslate.formats.hs3.document import Target
from hftranslate.formats.pyhf_json.dialect import without_constraint_terms
from hftranslate.formats.rewriting import Outcomes, Rewriting, Step, listed, outcome
from hftranslate.workspace import Channel, HistoSys, Modifier, NormSys, Sample, Workspace
from hftranslate.workspace.map import map_modifiers
from hftranslate.workspace.model import TermKind
from hftranslate.workspace.parameters import parameter_sets

#: What ROOT takes a factor of a normsys for that is not above zero; pyhs3 has no logarithm of it.
_SMALLEST = float_info.epsilon
#: The kinds of constraint terms that a target reads: pyhs3 knows words for unit Gaussians only.
_TERMS: dict[Target, tuple[TermKind, ...]] = {"root": ("uniform",), "pyhs3": (), "standard": ("uniform",)}
_READABLE = re.compile(r"\W", re.ASCII)


def _names(workspace: Workspace) -> Rewriting:
    """Names that ROOT's importer takes: letters, digits and underscores, no digit first."""
    return root_names(workspace, lambda name: _READABLE.sub("_", name) if not name[:1].isdigit() else f"_{name}")


def _interpolation(workspace: Workspace, target: Target) -> Rewriting:
    found: list[str] = []
    sayable = {
        "root": ({"code4p"}, {"code0", "code1", "code2", "code4"}),
        "pyhs3": ({"code0", "code4p"}, {"code1", "code4"}),
        "standard": ({"code0", "code1", "code2", "code4p"}, {"code0", "code1", "code2", "code4"}),
    }[target]

    def change(c: Channel, s: Sample, m: Modifier) -> Modifier:
        if not isinstance(m, HistoSys | NormSys) or m.interpolation in sayable[isinstance(m, NormSys)]:
            return m
        kind, own = ("histosys", "code4p") if isinstance(m, HistoSys) else ("normsys", "code4")
        found.append(f"channel {c.name!r}, sample {s.name!r}: {kind} {m.name!r}: {m.interpolation} becomes {own}")
        return replace(m, interpolation="code4p") if isinstance(m, HistoSys) else replace(m, interpolation="code4")

    changed = map_modifiers(workspace, change)
    reader = {"root": "ROOT ignores", "pyhs3": "pyhs3 has otherwise", "standard": "HS3 has no word for"}[target]
    return changed, tuple(outcome("loss", *_split(text, f", because {reader} its interpolation")) for text in found)


def _split(text: str, why: str) -> tuple[str, str]:
    where, _, what = text.rpartition(": ")
    return where, what + why


def _global_observables(workspace: Workspace) -> Rewriting:
    """Those of systematics and bin factors are where they are by default, which is all that pyhs3 knows."""
    account: Outcomes = ()
    measurements = []
    for m in workspace.measurements:
        moved = [p.name for p in m.parameters if p.auxdata is not None and p.name != "lumi"]
        if moved:
            what = f"the global observables of {listed(moved)} move to their defaults, because pyhs3 knows no others"
            account += (outcome("loss", f"measurement {m.name!r}", what),)
        measurements.append(
            replace(m, parameters=tuple(replace(p, auxdata=None) if p.name in moved else p for p in m.parameters))
        )
    return replace(workspace, measurements=tuple(measurements)), account


def _zero_factors(workspace: Workspace, target: Target) -> Rewriting:
    why = "as ROOT reads it" if target == "root" else "because pyhs3 takes its logarithm"
    found: list[tuple[str, str]] = []

    def change(c: Channel, s: Sample, m: Modifier) -> Modifier:
        if not isinstance(m, NormSys) or min(m.lo, m.hi) > 0.0:
            return m
        where = f"channel {c.name!r}, sample {s.name!r}: normsys {m.name!r}"
        found.append((where, f"a factor of {min(m.lo, m.hi):g} becomes {_SMALLEST:.3g}, {why}"))
        return replace(m, lo=max(m.lo, _SMALLEST), hi=max(m.hi, _SMALLEST))

    return map_modifiers(workspace, change), tuple(outcome("loss", *each) for each in found)


def _one_set_of_constraints(workspace: Workspace) -> Rewriting:
    """Measurements whose constraints differ from those of the first in more than their centres are left out."""
    first = parameter_sets(workspace, workspace.measurements[0], workspace.conventions)
    kept, account = [workspace.measurements[0]], []
    for m in workspace.measurements[1:]:
        sets = parameter_sets(workspace, m, workspace.conventions)
        same = sets.keys() == first.keys() and all(
            [c and (c.kind, c.width) for c in sets[n].constraints]
            == [c and (c.kind, c.width) for c in first[n].constraints]
            for n in sets
        )
        if same:
            kept.append(m)
        else:
            what = "has other constraints than the first one; a document of HS3 has one of each: it is left out"
            account.append(outcome("loss", f"measurement {m.name!r}", what))
    return replace(workspace, measurements=tuple(kept)), tuple(account)


def _first_settings(workspace: Workspace) -> Rewriting:
    """What ROOT does not take from a document."""
    others = workspace.measurements[1:]
    what = "ROOT's importer knows one set of values, ranges and constants; it takes those of the first measurement"
    return workspace, tuple(outcome("carried", f"measurement {m.name!r}", what) for m in others)


def _unused_settings(workspace: Workspace) -> Rewriting:
    """Settings and parameters of interest that the model does not have."""
    account: Outcomes = ()
    measurements = []
    for m in workspace.measurements:
        sets = parameter_sets(workspace, m, workspace.conventions)
        known = {*sets, *(n for s in sets.values() for n in s.names)}
        unused = [p.name for p in m.parameters if p.name not in sets] + [p for p in m.pois if p not in known]
        if unused:
            what = f"{', '.join(map(repr, unused))}: no parameter of the model; left out"
            account += (outcome("carried", f"measurement {m.name!r}", what),)
        kept = tuple(p for p in m.parameters if p.name in sets)
        measurements.append(replace(m, parameters=kept, pois=tuple(p for p in m.pois if p in known)))
    return replace(workspace, measurements=tuple(measurements)), account


def to_hs3_steps(target: Target) -> tuple[Step, ...]:
    """What rewrites any workspace into the dialect of HS3 that a target reads.

    Parameters
    ----------
    target
        ``"root"`` (6.40), ``"pyhs3"`` or ``"standard"``.

    Returns
    -------
    tuple of Step
        in the order in which they are taken.
    """
    steps: list[tuple[str, Callable[[Workspace], Rewriting]]] = [
        ("constraint terms", partial(without_constraint_terms, kept=frozenset(_TERMS[target]))),
        ("names", _names),
        ("interpolation", partial(_interpolation, target=target)),
        ("measurements", _one_set_of_constraints),
        ("settings", _unused_settings),
    ]
    if target == "pyhs3":
        steps += [("global observables", _global_observables)]
    if target != "standard":
        steps += [("factors of zero", partial(_zero_factors, target=target))]
    if target == "root":
        steps += [("values of measurements", _first_settings)]
    return tuple(Step(name=name, apply=apply) for name, apply in steps)
