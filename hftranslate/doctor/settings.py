"""What is suspicious in a measurement: parameters nobody uses, the parameter of interest, ranges and constraints."""

from collections.abc import Iterator

import numpy as np

from hftranslate.doctor.findings import Finding, Place, Severity, found
from hftranslate.errors import did_you_mean
from hftranslate.formats.hs3 import MISREAD
from hftranslate.likelihood.cells import Floats
from hftranslate.likelihood.model import Model
from hftranslate.workspace import Measurement, NormSys, Workspace
from hftranslate.workspace.functions import used_names
from hftranslate.workspace.parameter_names import declared_parameters
from hftranslate.workspace.parameters import ParameterSet, beta_name

#: A Gaussian constraint as wide as this stands for a uniform one.
UNIFORM = 100.0


def misread_findings(workspace: Workspace) -> Iterator[Finding]:
    """What another program will read otherwise than it stands in the file."""
    places = [
        Place(channel=c.name, detail="its staterror is Gaussian, without the channel's own 'staterror' to say so")
        for c in workspace.channels
        if any(key == MISREAD for key, _ in c.annotations)
    ]
    yield from found(
        "root-misreads-staterror",
        "warning",
        places,
        reason="ROOT 6.40 ignores the constraint type of a staterror in HS3, which it wrote itself, and reads Poisson: "
        "its likelihood will be another one",
        suggestion="give ROOT what hftranslate convert FILE OUT.hs3.json makes of it: a shapesys, which it reads right",
    )


def unused_findings(workspace: Workspace, measurement: Measurement) -> Iterator[Finding]:
    """Settings, constraint terms and Functions that nothing in the model uses, and names that differ by little."""
    declared = declared_parameters(workspace.channels)
    made = used_names(workspace)
    known = {*declared, *(root for d in declared.values() for root in d.root_names)}
    known |= {beta_name(t.name) for t in measurement.constraint_terms if t.kind == "gamma"}
    dependents = " ".join(f.dependents for f in workspace.functions)
    places = [
        Place(parameter=p.name, detail="settings" + did_you_mean(p.name, declared))
        for p in measurement.parameters
        if p.name not in known and p.name not in made and p.name not in dependents and p.name not in measurement.pois
    ]
    places += [
        Place(parameter=t.name, detail=f"{t.kind} constraint term" + did_you_mean(t.name, declared))
        for t in measurement.constraint_terms
        if t.name not in declared
    ]
    places += [
        Place(parameter=f.name, detail="a Function that no modifier uses")
        for f in workspace.functions
        if f.name not in made
    ]
    yield from found(
        "unused-parameter",
        "note",
        places,
        reason=f"measurement {measurement.name!r} sets up what nothing in the model uses",
        suggestion="remove it, or correct the name",
    )
    alike: dict[str, list[str]] = {}
    for name in declared:
        alike.setdefault("".join(name.casefold().split()), []).append(name)
    yield from found(
        "names-alike",
        "warning",
        [Place(parameter=names[0], detail=f"and {', '.join(names[1:])}") for names in alike.values() if len(names) > 1],
        reason="names of parameters differ only in case or spaces: they are independent",
        suggestion="give them one name if one uncertainty is meant",
    )
    terms = {t.name: t for t in measurement.constraint_terms if t.name in declared}
    idle = [
        Place(parameter=name, detail=f"{t.kind} constraint term")
        for name, t in terms.items()
        if t.kind in ("gamma", "lognormal", "none") and not any(declared[name].modifiers(NormSys))
    ]
    yield from found(
        "constraint-term-without-effect",
        "note",
        idle,
        reason="a constraint term of this kind acts on NormSys (OverallSys) only, and the parameter has none",
        suggestion="remove the constraint term",
    )


def poi_findings(measurement: Measurement, model: Model) -> Iterator[Finding]:
    """A parameter of interest that is missing, constant, at a bound, constrained, or without effect."""
    p = model.parameters
    if not measurement.pois:
        yield from found(
            "no-poi",
            "note",
            [Place(detail=f"measurement {measurement.name}")],
            reason="the measurement names no parameter of interest: it can be fitted, but nothing can be tested",
            suggestion="name the norm factor of the signal as parameter of interest",
        )
        return
    missing = [Place(parameter=poi) for poi in measurement.pois if poi not in (*p.names, *p.root_names)]
    yield from found(
        "poi-unused",
        "note",
        missing,
        reason="no modifier uses the parameter of interest: a background-only workspace waiting for its signal, or a "
        "wrong name",
        suggestion="apply a signal patch, or correct the name",
    )
    places: dict[str, list[Place]] = {}
    for poi in measurement.pois:
        if poi in (*p.names, *p.root_names):
            for kind, place in _about_poi(poi, model):
                places.setdefault(kind, []).append(place)
    for kind, (severity, reason, suggestion) in _POI_KINDS.items():
        yield from found(kind, severity, places.get(kind, []), reason=reason, suggestion=suggestion)


_POI_KINDS: dict[str, tuple[Severity, str, str]] = {
    "poi-without-effect": (
        "error",
        "the parameter of interest scales nothing: every value of it is equally likely",
        "check that the signal has yields",
    ),
    "poi-constant": (
        "warning",
        "the parameter of interest is constant: it is freed only where a test needs it, and fits do not find it",
        "remove the constant flag",
    ),
    "poi-starts-at-bound": (
        "warning",
        "the parameter of interest starts at the end of its range, where many minimisers stay",
        "start it inside, or widen the range",
    ),
    "poi-constrained": (
        "warning",
        "the parameter of interest is a systematic or the luminosity: a place holder, or a mistake",
        "name the norm factor of the signal",
    ),
    "poi-range": (
        "warning",
        "the range of the parameter of interest leaves out zero or one, the values that are tested",
        "widen the range",
    ),
}


def _about_poi(poi: str, model: Model) -> Iterator[tuple[str, Place]]:
    p = model.parameters
    i = p.index(poi)
    init, (low, high) = float(p.init[i]), (float(b) for b in p.bounds[i])
    told = Place(parameter=poi, detail=f"starts at {init:g}, range [{low:g}, {high:g}]")
    if not np.any(model.jacobian(_inside(p.init, p.bounds))[:, i]):
        yield "poi-without-effect", Place(parameter=poi, detail="it changes no bin")
    if p.width[i] > 0.0:
        yield "poi-constrained", Place(parameter=poi, detail=f"prior uncertainty {p.width[i]:g}")
        return
    if p.fixed[i]:
        yield "poi-constant", Place(parameter=poi, detail=f"constant at {init:g}")
    elif init <= low or init >= high:
        yield "poi-starts-at-bound", told
    if low > 0.0 or high < 1.0:
        yield "poi-range", told


def _inside(theta: Floats, bounds: Floats) -> Floats:
    """The point moved off the ends of the ranges: a factor of zero would hide the effect of others."""
    low, high = bounds.T
    margin = 1e-3 * (high - low)
    inside: Floats = np.clip(theta, low + margin, high - margin)
    return inside


def range_findings(sets: dict[str, ParameterSet]) -> Iterator[Finding]:
    """Ranges that cut off a constraint, starting values outside, and constraints of constant parameters."""
    outside, cut, close, constant, wide = [], [], [], [], []
    for s in sets.values():
        for i, name in enumerate(s.names):
            (low, high), init, constraint = s.bounds[i], s.inits[i], s.constraints[i]
            told = f"range [{low:g}, {high:g}]"
            if not s.fixed[i] and not low <= init <= high:
                outside.append(Place(parameter=name, detail=f"starts at {init:g}, {told}"))
            if s.fixed[i] and constraint is not None and s.kind != "gamma":
                constant.append(Place(parameter=name, detail=f"at {init:g}"))
            if s.fixed[i] or constraint is None or constraint.kind != "gaussian" or s.kind == "gamma":
                continue
            width = constraint.width
            if width >= UNIFORM:
                continue
            room = min(constraint.auxdata - low, high - constraint.auxdata) / width
            told += f" around {constraint.auxdata:g} +- {width:g}"
            if room < 1.0:
                cut.append(Place(parameter=name, detail=told, size=1.0 - room))
            elif room < 3.0:
                close.append(Place(parameter=name, detail=told, size=3.0 - room))
            if s.kind == "lumi" and width > 0.2 * abs(constraint.auxdata):
                wide.append(Place(parameter=name, detail=told))
    yield from found(
        "start-outside-range",
        "error",
        outside,
        reason="a parameter starts outside its range",
        suggestion="move the starting value or the range",
    )
    yield from found(
        "range-cuts-constraint",
        "warning",
        cut,
        reason="the range of a constrained parameter ends within one standard deviation of its constraint",
        suggestion="widen the range to five standard deviations",
    )
    yield from found(
        "range-close-to-constraint",
        "note",
        close,
        reason="the range of a constrained parameter ends within three standard deviations of its constraint",
        suggestion="widen the range to five standard deviations",
    )
    yield from found(
        "huge-lumi-uncertainty",
        "warning",
        wide,
        reason="the luminosity is uncertain by more than 20 %; sigmas of pyhf JSON are absolute, those of XML relative",
        suggestion="check whether a relative uncertainty was given as an absolute one, or the other way round",
    )
    yield from found(
        "constraint-of-constant",
        "note",
        constant,
        reason="a systematic or the luminosity is constant: its constraint has no effect",
        suggestion="free it, or remove its modifiers",
    )
