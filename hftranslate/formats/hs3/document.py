"""A Workspace in the HS3 dialect (:mod:`hftranslate.formats.hs3.dialect`) as a document."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod, sqrt
from typing import Any, Literal, TypeAlias, assert_never

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.formats.hs3.channels import in_their_order
from hftranslate.formats.hs3.expressions import as_formula, only_word
from hftranslate.formats.hs3.settings import DEFAULT_DOMAIN, DEFAULT_POINT, HISTFACTORY, SNAPSHOT
from hftranslate.workspace import (
    Channel,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    Numbers,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.map import all_uses
from hftranslate.workspace.parameter_names import staterror_stem
from hftranslate.workspace.parameters import Constraint, ParameterSet, parameter_sets

JSON: TypeAlias = dict[str, Any]
#: Who is to read the document.
Target = Literal["root", "pyhs3", "standard"]
TARGETS: tuple[Target, ...] = ("root", "pyhs3", "standard")

_AXES = "xyz"
_TYPE = {"gaussian": "Gauss", "poisson": "Poisson"}
_ROOT_CODES = {"code0": 0, "code1": 1, "code2": 2, "code4": 4}
_NAMES = {"code0": "lin", "code1": "log", "code2": "parabolic"}
_PDF, _DATA, _LABELS = "simPdf", "obsData", "channelCat"


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter or global observable: value, range and constancy."""

    name: str
    value: float
    range: tuple[float, float]
    constant: bool

    def point(self) -> JSON:
        """It in a parameter point."""
        ends = {} if self.constant else _ends(self.range)
        return {**({"const": True} if self.constant else {}), **ends, "name": self.name, "value": self.value}

    def axis(self) -> JSON:
        """It in a domain."""
        return {**_ends(self.range), "name": self.name}


def _ends(range_: tuple[float, float]) -> JSON:
    """The finite ends of a range."""
    return {key: end for key, end in zip(("max", "min"), reversed(range_), strict=True) if isfinite(end)}


def to_document(workspace: Workspace, target: Target = "root") -> JSON:
    """The document of a workspace in the HS3 dialect.

    Parameters
    ----------
    workspace
        the model, in the dialect of the target (:func:`~hftranslate.formats.hs3.to_hs3_steps`).
    target
        who is to read it: ``"root"`` (6.40), ``"pyhs3"`` or ``"standard"``.

    Returns
    -------
    dict
        HS3 0.2 as plain JSON values.

    Raises
    ------
    Unsupported
        HS3, or its reader, has no word for a part of the model; the message names it.
    InvalidWorkspace
        A channel has no observed data.
    """
    return _Writer(workspace, target).document()


class _Writer:
    def __init__(self, workspace: Workspace, target: Target) -> None:
        self.workspace, self.target = workspace, target
        self.every = [parameter_sets(workspace, m, workspace.conventions) for m in workspace.measurements]
        self.sets = self.every[0]
        self.functions = {f.name: f for f in workspace.functions}
        self.staterrors = self._plain_staterrors() if target != "pyhs3" else {}
        self.carriers = self._carriers() if target == "pyhs3" else {}

    def document(self) -> JSON:
        """All of it, in the order in which ROOT writes it."""
        names = [m.name for m in self.workspace.measurements]
        channels = [c.name for c in self.workspace.channels]
        likelihood = {
            "data": [f"{_DATA}_{c}" for c in channels],
            "distributions": [f"model_{c}" for c in channels],
            "name": f"{_PDF}_{_DATA}",
        }
        constraints = self._constraints()
        if self.target != "root" and constraints:
            likelihood["aux_distributions"] = [
                c["name"] for c in constraints if self.target == "standard" or c["x"] == "Lumi"
            ]
        functions = self._functions()
        return {
            "analyses": [self._analysis(m) for m in self.workspace.measurements],
            "data": [self._data(c) for c in self.workspace.channels],
            "distributions": [*map(self._channel, self.workspace.channels), *constraints],
            "domains": [
                *(domain for m, sets in self._measurements() for domain in self._domains(m, sets)),
                {**self._domain(self.sets), "name": DEFAULT_DOMAIN},
            ],
            **({"functions": functions} if functions else {}),
            "likelihoods": [likelihood],
            "metadata": {"hs3_version": "0.2", "packages": self._packages()},
            "misc": {"ROOT_internal": self._root_internal(names, channels)},
            "parameter_points": [
                {"name": DEFAULT_POINT, "parameters": self._point(self.sets)},
                {"name": SNAPSHOT, "parameters": self._point(self.sets)},
                *({"name": f"{m.name}_init", "parameters": self._point(sets)} for m, sets in self._measurements()[1:]),
            ],
        }

    def _packages(self) -> list[JSON]:
        """Whose words these are: pyhs3 gives uncertainties of shapesys in events."""
        names = ["hftranslate", "pyhs3"] if self.target == "pyhs3" else ["hftranslate"]
        return [{"name": name, "version": ""} for name in names]

    def _measurements(self) -> list[tuple[Measurement, Mapping[str, ParameterSet]]]:
        return list(zip(self.workspace.measurements, self.every, strict=True))

    # --------------------------------------------------------------------------------------------------- the channels
    def _axes(self, channel: Channel) -> list[JSON]:
        edges = channel.edges or (tuple(range(channel.n_bins + 1)),)
        if len(edges) > len(_AXES):
            raise Unsupported(f"channel {channel.name!r} has {len(edges)} axes; HistFactory has up to three")
        return [_axis(f"obs_{x}_{channel.name}", e) for x, e in zip(_AXES, edges, strict=False)]

    def _data(self, channel: Channel) -> JSON:
        if channel.observed is None:
            raise InvalidWorkspace(
                f"channel {channel.name!r} has no observed data; HS3 needs some (--asimov-if-missing takes what is "
                "expected)"
            )
        return {
            "axes": self._axes(channel),
            "contents": _listed(channel, channel.observed),
            "name": f"{_DATA}_{channel.name}",
            "type": "binned",
        }

    def _channel(self, channel: Channel) -> JSON:
        plain = [m for s in channel.samples for m in s.modifiers if m in self.staterrors.get(channel.name, ())]
        struct: JSON = {}
        if plain and isinstance(plain[0], StatError):
            struct = {"staterror": {"constraint_type": _TYPE[plain[0].constraint], "relThreshold": 0.0}}
        if any(place[0] == channel.name for place in self.carriers.values()):
            struct = {"barlow_beeston_method": "full"}
        if self.target == "pyhs3":
            _check_for_pyhs3(channel)
        return {
            "axes": self._axes(channel),
            "name": f"model_{channel.name}",
            "samples": [self._sample(channel, s) for s in channel.samples],
            **struct,
            "type": HISTFACTORY,
        }

    def _sample(self, channel: Channel, sample: Sample) -> JSON:
        data: JSON = {"contents": _listed(channel, sample.nominal)}
        modifiers: list[JSON] = []
        for m in sample.modifiers:
            modifiers += self._modifier(channel, sample, m)
            if isinstance(m, StatError) and m in self.staterrors.get(channel.name, ()):
                data["errors"] = _listed(channel, m.data)
        return {"data": data, "modifiers": modifiers, "name": sample.name}

    def _modifier(self, channel: Channel, sample: Sample, m: Modifier) -> list[JSON]:
        """A modifier; a factor of a power stands there as often."""
        match m:
            case Lumi():
                entry = {"name": "Lumi", "parameter": "Lumi", "type": "normfactor"}
                constrained = self.sets[m.name].constraints[0] is not None
                named = {"constraint_name": _constraint_name("Lumi")} if constrained and self.target != "pyhs3" else {}
                return [{**named, **entry}]
            case NormFactor():
                return [self._factor(m)] * m.power
            case NormSys() | HistoSys():
                return [self._systematic(channel, m)]
            case StatError() if m in self.staterrors.get(channel.name, ()):
                kind = _TYPE[m.constraint]
                return [
                    {
                        "constraint_type" if self.target != "pyhs3" else "constraint": kind,
                        "name": m.name,
                        "parameters": list(self.sets[m.name].root_names),
                        "type": "staterror",
                    }
                ]
            case StatError() | ShapeSys() | ShapeFactor():
                return [self._bin_factors(channel, sample, m)]
            case _:
                assert_never(m)

    def _factor(self, m: NormFactor) -> JSON:
        function = self.functions.get(m.name)
        if function is None or m.name in self.sets:
            (root,) = self.sets[m.name].root_names
            return {"name": root, "parameter": root, "type": "normfactor"}
        parameter = only_word(function)
        if parameter is not None:
            return {"name": parameter, "parameter": parameter, "type": "normfactor"}
        return {"name": m.name, "type": "custom"}

    def _systematic(self, channel: Channel, m: NormSys | HistoSys) -> JSON:
        (root,) = self.sets[m.name].root_names
        entry: JSON = {"constraint_name": _constraint_name(root)} if self.target != "pyhs3" else {"constraint": "Gauss"}
        if isinstance(m, NormSys):
            data: JSON = {"hi": m.hi, "lo": m.lo}
        else:
            data = {"hi": {"contents": _listed(channel, m.hi_data)}, "lo": {"contents": _listed(channel, m.lo_data)}}
        entry["data"] = data
        if self.target == "pyhs3":
            data["interpolation"] = m.interpolation
        elif self.target == "root":
            entry |= {"interpolation": _ROOT_CODES[m.interpolation]} if isinstance(m, NormSys) else {}
        elif m.interpolation in _NAMES:
            entry["interpolation"] = _NAMES[m.interpolation]
        kind = "normsys" if isinstance(m, NormSys) else "histosys"
        return {**entry, "name": root.removeprefix("alpha_"), "parameter": root, "type": kind}

    def _bin_factors(self, channel: Channel, sample: Sample, m: StatError | ShapeSys | ShapeFactor) -> JSON:
        s = self.sets[m.name]
        first, last = self._part(channel, m)
        names, constraints = s.root_names[first:last], s.constraints[first:last]
        kinds = {c.kind for c in constraints if c is not None}
        if len(kinds) > 1:
            raise Unsupported(f"{m.name!r} has Gaussian and Poisson constraints, which no modifier of HS3 has together")
        kind = kinds.pop() if kinds else "gaussian"
        widths = [0.0 if c is None else c.width if kind == "gaussian" else 1.0 / sqrt(c.width) for c in constraints]
        stem = names[0].removeprefix("gamma_").rpartition("_bin_")[0]
        if self.target == "pyhs3":
            return self._for_pyhs3(names, widths, kind, (channel.name, sample))
        return {
            "constraint_type": _TYPE[kind],
            "data": {"vals": widths},
            "name": stem or m.name,
            "parameters": list(names),
            "type": "shapesys",
        }

    def _for_pyhs3(self, names: tuple[str, ...], widths: Sequence[float], kind: str, place: tuple[str, Sample]) -> JSON:
        """A constraint stands on one sample, in events: pyhs3 would multiply those of several."""
        channel, sample = place
        entry: JSON = {"name": names[0].removeprefix("gamma_").rpartition("_bin_")[0], "parameters": list(names)}
        if not any(widths) or self.carriers.get(names, (channel, sample.name)) != (channel, sample.name):
            return {**entry, "type": "shapefactor"}
        if names not in self.carriers:
            raise Unsupported(f"{names[0]!r} and the like: pyhs3 takes no uncertainties of bins without events")
        # where a factor is constant the width has no effect, but pyhs3 divides by it
        events = [(w or 1.0) * h for w, h in zip(widths, sample.nominal, strict=True)]
        return {**entry, "constraint": _TYPE[kind], "data": {"uncertainties": events}, "type": "staterror"}

    def _carriers(self) -> dict[tuple[str, ...], tuple[str, str]]:
        """By the names of bin factors, the channel and sample that has their constraint: the first with events."""
        found: dict[tuple[str, ...], tuple[str, str]] = {}
        for channel, sample, m in all_uses(self.workspace.channels):
            if not isinstance(m, StatError | ShapeSys | ShapeFactor):
                continue
            first, last = self._part(channel, m)
            s = self.sets[m.name]
            pairs = list(zip(s.constraints[first:last], sample.nominal, s.fixed[first:last], strict=True))
            if all(h > 0.0 or c is None for c, h, _ in pairs) and all(c is not None or fixed for c, _, fixed in pairs):
                found.setdefault(s.root_names[first:last], (channel.name, sample.name))
        return found

    def _part(self, channel: Channel, m: Modifier) -> tuple[int, int]:
        """Which entries of a set the channel has: those of a staterror over several channels are strung together."""
        channels = sorted({c.name for c, _, other in all_uses(self.workspace.channels) if other.name == m.name})
        if len(self.sets[m.name].names) == channel.n_bins:
            return 0, channel.n_bins
        start = sum(self.workspace.channel(c).n_bins for c in channels if c < channel.name)
        return start, start + channel.n_bins

    def _plain_staterrors(self) -> dict[str, list[StatError]]:
        """By channel, the staterrors whose constraints are what their errors say, in a form that the target reads."""
        found: dict[str, list[StatError]] = {}
        for channel in self.workspace.channels:
            own = [m for s in channel.samples for m in s.modifiers if isinstance(m, StatError)]
            s = self.sets[own[0].name] if len({m.name for m in own}) == 1 else None
            if s is None or not s.root_names[0].startswith(f"gamma_{staterror_stem(channel.name)}_"):
                continue
            uses = [u for u in all_uses(self.workspace.channels) if u[2].name == own[0].name]
            configured = any(
                getattr(measurement.parameter(s.name), word) is not None
                for measurement in self.workspace.measurements
                for word in ("auxdata", "sigmas", "factors")
            )
            gaussian = own[0].constraint == "gaussian"
            if len(uses) == len(own) and not configured and not (self.target == "root" and gaussian):
                found[channel.name] = own
        return found

    # --------------------------------------------------------------------------------------------- constraints, points
    def _constraints(self) -> list[JSON]:
        found = []
        for s in self.sets.values():
            for root, c in zip(s.root_names, s.constraints, strict=True):
                if c is not None and s.kind in ("alpha", "lumi"):
                    if self.target == "pyhs3" and s.kind == "alpha":
                        continue
                    found.append(
                        {
                            "mean": _observable(s, root),
                            "name": _constraint_name(root),
                            "sigma": c.width,
                            "type": "gaussian_dist",
                            "x": root,
                        }
                    )
                elif c is not None and s.kind == "normfactor":
                    raise Unsupported(f"{root!r} has a {c.kind} constraint, for which HS3 has no word")
        return found

    def _variables(self, sets: Mapping[str, ParameterSet]) -> tuple[list[Variable], list[Variable]]:
        """Parameters and global observables."""
        parameters, observables = [], []
        for s in sets.values():
            for root, init, bounds, fixed, c in zip(
                s.root_names, s.inits, s.bounds, s.fixed, s.constraints, strict=True
            ):
                parameters.append(Variable(root, init, bounds, fixed))
                if c is not None:
                    observables.append(Variable(_observable(s, root), c.auxdata, _domain(c), True))
        return parameters, observables

    def _point(self, sets: Mapping[str, ParameterSet]) -> list[JSON]:
        parameters, observables = self._variables(sets)
        return [v.point() for v in (*parameters, *observables)]

    def _domain(self, sets: Mapping[str, ParameterSet]) -> JSON:
        parameters, observables = self._variables(sets)
        return {"axes": [v.axis() for v in (*parameters, *observables)], "type": "product_domain"}

    def _pois(self, measurement: Measurement, sets: Mapping[str, ParameterSet]) -> list[str]:
        entries = {n: r for s in sets.values() for n, r in zip(s.names, s.root_names, strict=True)}
        single = {s.name: s.root_names[0] for s in sets.values() if len(s.names) == 1}
        found = (entries.get(p, single.get(p)) for p in measurement.pois)
        return [p for p in found if p is not None]

    def _domains(self, measurement: Measurement, sets: Mapping[str, ParameterSet]) -> list[JSON]:
        parameters, observables = self._variables(sets)
        pois = self._pois(measurement, sets)
        parts: tuple[tuple[str, Iterable[Variable]], ...] = (
            ("nuisance_parameters", [v for v in parameters if v.name not in pois and not v.constant]),
            ("global_observables", observables),
            ("parameters_of_interest", [v for v in parameters if v.name in pois]),
        )
        return [
            {"axes": [v.axis() for v in part], "name": f"{measurement.name}_{word}", "type": "product_domain"}
            for word, part in parts
        ]

    def _analysis(self, measurement: Measurement) -> JSON:
        words = ("nuisance_parameters", "global_observables", "parameters_of_interest")
        sets = self.every[self.workspace.measurements.index(measurement)]
        first = measurement == self.workspace.measurements[0]
        return {
            "domains": [f"{measurement.name}_{word}" for word in words],
            **({} if first else {"init": f"{measurement.name}_init"}),
            "likelihood": f"{_PDF}_{_DATA}",
            "name": measurement.name,
            "parameters_of_interest": self._pois(measurement, sets),
        }

    # ------------------------------------------------------------------------------------------------------ the others
    def _functions(self) -> list[JSON]:
        used = {m.name for _, _, m in all_uses(self.workspace.channels) if isinstance(m, NormFactor)}
        made = settle_functions(self.workspace.functions).made
        wanted = {name for name in used if name in made and name not in self.sets}
        for function in reversed(self.workspace.functions):  # what they are made of comes before
            if function.name in wanted:
                wanted |= {d for d in _dependents(function) if d in self.functions}
        return [
            {"expression": as_formula(f), "name": f.name, "type": "generic_function"}
            for f in self.workspace.functions
            if f.name in wanted and only_word(f) is None
        ]

    def _root_internal(self, measurements: Sequence[str], channels: Sequence[str]) -> JSON:
        """What ROOT's importer makes a simultaneous pdf and its data of, and the tag of its binned likelihoods."""
        labels = {"index_cat": _LABELS, "indices": list(range(len(channels))), "labels": list(channels)}
        attributes: JSON = {f"{c}_model": {"tags": ["BinnedLikelihood", "GenerateBinned"]} for c in channels}
        attributes |= {f"model_{c}": {"tags": ["BinnedLikelihood", "GenerateBinned"]} for c in channels}
        return {
            "ModelConfigs": {
                name: {
                    "combined_data_name": _DATA,
                    "mcName": "ModelConfig" if i == 0 else name,
                    "pdfName": _PDF,
                }
                for i, name in enumerate(measurements)
            },
            "attributes": attributes,
            "combined_datasets": {_DATA: labels},
            "combined_distributions": {_PDF: {"distributions": [f"model_{c}" for c in channels], **labels}},
        }


def _dependents(function: Function) -> list[str]:
    return [part.split("[")[0].strip() for part in function.dependents.replace("]", "],").split(",")]


def _constraint_name(root: str) -> str:
    return "lumiConstraint" if root == "Lumi" else f"{root}Constraint"


def _observable(s: ParameterSet, root: str) -> str:
    return "nominalLumi" if s.kind == "lumi" else f"nom_{root}"


def _domain(constraint: Constraint) -> tuple[float, float]:
    return constraint.domain


def _axis(name: str, edges: Numbers) -> JSON:
    n, low, high = len(edges) - 1, float(edges[0]), float(edges[-1])
    if all(low + (high - low) * i / n == e for i, e in enumerate(edges[:-1])):
        return {"max": high, "min": low, "name": name, "nbins": n}
    return {"edges": [float(e) for e in edges], "name": name}


def _listed(channel: Channel, values: Numbers) -> list[Any]:
    shape = [len(e) - 1 for e in channel.edges] if channel.edges else [channel.n_bins]
    assert prod(shape) == len(values)
    return list(in_their_order(values, shape))


def _check_for_pyhs3(channel: Channel) -> None:
    """Refuse what pyhs3 has no value for, or another than is meant.

    Raises
    ------
    Unsupported
        A bin without events in any sample (``0 ln 0``), or bin factors of several axes: pyhs3 takes them in the order
        of the contents, ROOT in its own.
    """
    for i in range(channel.n_bins):
        if not any(s.nominal[i] for s in channel.samples):
            raise Unsupported(f"channel {channel.name!r}: pyhs3 has no value where a bin, here {i}, expects no events")
    factors = [m for s in channel.samples for m in s.modifiers if isinstance(m, StatError | ShapeSys | ShapeFactor)]
    if channel.edges is not None and len(channel.edges) > 1 and factors:
        raise Unsupported(
            f"channel {channel.name!r}: pyhs3 would give the factors of {factors[0].name!r} to other bins, as the "
            f"channel has {len(channel.edges)} axes"
        )
