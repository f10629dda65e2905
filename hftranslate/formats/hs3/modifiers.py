"""The modifiers of a document as those of a Workspace."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import hypot, isclose, isfinite, sqrt

from hftranslate.formats.hs3.channels import RawChannel, RawSample, Use, bin_values
from hftranslate.formats.hs3.constraints import Constraints, Gaussian, Poisson, relative_width
from hftranslate.formats.hs3.names import AGAIN, Sets
from hftranslate.formats.hs3.settings import Settings
from hftranslate.formats.hs3.tree import Node
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import outcome
from hftranslate.workspace import (
    BinConstraint,
    HistoSys,
    HistoSysCode,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    NormSysCode,
    Numbers,
    ShapeFactor,
    ShapeSys,
    StatError,
)

#: Interpolation codes by ROOT's number, by the standard's name, and as ROOT's master structures them.
_NORMSYS: dict[object, NormSysCode] = {
    0: "code0",
    1: "code1",
    2: "code2",
    3: "code2",
    4: "code4",
    5: "code4",
    "lin": "code0",
    "log": "code1",
    "exp": "code1",
    "parabolic": "code2",
    "code0": "code0",
    "code1": "code1",
    "code2": "code2",
    "code4": "code4",
    ("add", "poly1", "poly1"): "code0",
    ("mult", "exp", "exp"): "code1",
    ("add", "poly2", "poly1"): "code2",
    ("mult", "poly6", "exp"): "code4",
}
_HISTOSYS: dict[object, HistoSysCode] = {
    0: "code0",
    1: "code1",
    2: "code2",
    3: "code2",
    4: "code4p",
    5: "code4",
    6: "code6",
    "lin": "code0",
    "log": "code1",
    "exp": "code1",
    "parabolic": "code2",
    "poly6": "code4p",
    "code0": "code0",
    "code1": "code1",
    "code2": "code2",
    "code4p": "code4p",
    "code4": "code4",
    ("add", "poly1", "poly1"): "code0",
    ("mult", "exp", "exp"): "code1",
    ("add", "poly2", "poly1"): "code2",
    ("add", "poly6", "poly1"): "code4p",
    ("mult", "poly6", "exp"): "code4",
    ("mult", "poly6", "poly1"): "code6",
}
#: A uniform ConstraintTerm is, in ROOT, a Gaussian of this width.
UNIFORM_WIDTH = 100.0
#: ROOT writes relative errors to seven digits: so far may what its ranges and centres say more exactly lie from them.
_ROUNDED = 1e-6


@dataclass(slots=True, kw_only=True)
class ModifierReader:
    """Makes modifiers.

    Attributes
    ----------
    lumi
        the document's name of the luminosity, if there is one.
    uniform, misread
        systematics with a uniform constraint, and channels with a Gaussian staterror that ROOT takes for a Poisson one.
    in_events
        uncertainties of shapesys are in events, as they are for pyhs3; else relative, as for ROOT.
    """

    sets: Sets
    constraints: Constraints
    settings: Settings
    lumi: str | None
    in_events: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    uniform: set[str] = field(default_factory=set)
    misread: set[str] = field(default_factory=set)

    def of_sample(self, channel: RawChannel, sample: RawSample) -> tuple[Modifier, ...]:
        """All modifiers of a sample; a factor that stands there several times has a power."""
        found: dict[tuple[type[Modifier], str], Modifier] = {}
        for use in sample.uses:
            made = self._of(use, channel, sample)
            if isinstance(made, Lumi) and (Lumi, made.name) in found:
                made = NormFactor(name=self.sets[AGAIN, use.parameters].name)
            key = (type(made), made.name)
            former = found.get(key)
            if isinstance(made, NormFactor) and isinstance(former, NormFactor):
                made = replace(made, power=former.power + 1)
            elif isinstance(made, HistoSys) and isinstance(former, HistoSys):
                made = _summed(former, made, sample.nominal, use)
            elif former is not None:
                use.node.unsupported(f"a second {use.type} of the same parameters on one sample")
            found[key] = made
        return tuple(found.values())

    def _of(self, use: Use, channel: RawChannel, sample: RawSample) -> Modifier:
        named = self.sets[use.kind, use.parameters]
        stem = named.stem if named.stem != named.name else ""
        match use.type:
            case "normfactor" | "custom":
                if use.parameters[0] == self.lumi:
                    return Lumi()
                return NormFactor(name=named.name, stem=stem)
            case "normsys":
                self._check_unit(use)
                data = use.node["data"]
                lo, hi = data["lo"].number(), data["hi"].number()
                return NormSys(name=named.name, stem=stem, lo=lo, hi=hi, interpolation=self._normsys_code(use, channel))
            case "histosys":
                self._check_unit(use)
                return HistoSys(
                    name=named.name,
                    stem=stem,
                    lo_data=bin_values(use.node["data"]["lo"]["contents"], channel.shape),
                    hi_data=bin_values(use.node["data"]["hi"]["contents"], channel.shape),
                    interpolation=self._histosys_code(use, channel),
                )
            case "staterror":
                return self._staterror(use, channel, sample, named.name)
            case _:
                return self._shapesys(use, sample, named.name, stem)

    def _check_unit(self, use: Use) -> None:
        """The constraint of a systematic is a unit Gaussian."""
        if self.constraints.word(use.node) not in (None, "gaussian"):
            use.node.unsupported(f"a {use.type} whose constraint is no Gaussian")
        term = self.constraints.of_one(use.node, use.parameters[0])
        if term is not None and term.width == UNIFORM_WIDTH:
            self.uniform.add(self.sets[use.kind, use.parameters].name)
        elif term is not None and term.width != 1.0:
            use.node.unsupported(f"a {use.type} with a Gaussian constraint of width {term.width:g}; expected 1")

    # ------------------------------------------------------------------------------------------------ interpolation
    def _normsys_code(self, use: Use, channel: RawChannel) -> NormSysCode:
        node = _interpolation(use, channel)
        if node is None:
            return "code4"
        code = _NORMSYS.get(_code(node))
        if code is None:
            node.unsupported(f"a normsys has no interpolation code {node.value!r}")
        return code

    def _histosys_code(self, use: Use, channel: RawChannel) -> HistoSysCode:
        node = _interpolation(use, channel)
        if node is None:
            return "code4p"
        code = _HISTOSYS.get(_code(node))
        if code is None:
            node.unsupported(f"a histosys has no interpolation code {node.value!r}")
        if code != "code4p":
            what = f"{code} as stated; ROOT 6.40 ignores the interpolation of a histosys and takes its own"
            self.outcomes.append(outcome("convention", _where(use, channel), what))
        return code

    # --------------------------------------------------------------------------------------------------- bin factors
    def _staterror(self, use: Use, channel: RawChannel, sample: RawSample, name: str) -> StatError:
        if sample.errors is None:
            sample.node["data"].unsupported("a sample with a staterror has no 'errors'")
        kind, threshold = self._staterror_type(use, channel)
        total, combined = [0.0] * len(sample.nominal), [0.0] * len(sample.nominal)
        for other in channel.samples:
            if other.errors is not None and any(u.parameters == use.parameters for u in other.uses):
                for i, (h, e) in enumerate(zip(other.nominal, other.errors, strict=True)):
                    total[i], combined[i] = total[i] + h, hypot(combined[i], e)
        data = []
        for i, (error, parameter) in enumerate(zip(sample.errors, use.parameters, strict=True)):
            width = combined[i] / total[i] if total[i] > 0.0 else 0.0
            exact = self._exact_width(parameter, kind, width)
            data.append(error if exact is None or exact == width else error * (exact / width))
        return StatError(name=name, data=tuple(data), constraint=kind, threshold=threshold)

    def _staterror_type(self, use: Use, channel: RawChannel) -> tuple[BinConstraint, float]:
        struct = channel.node.get("staterror")
        threshold, of_channel = 0.0, None
        if struct is not None:
            struct.only({"constraint_type", "constraint", "relThreshold"})
            of_channel = self.constraints.word(struct)
            if struct.get("relThreshold") is not None:
                threshold = float(struct["relThreshold"].number())
        own = self.constraints.word(use.node)
        kind = own or of_channel or "poisson"
        if kind == "const":
            use.node.unsupported("a staterror whose factors are constant")
        if kind == "lognormal":
            use.node.unsupported("a staterror with a log-normal constraint")
        where = f"channel {channel.name!r}"
        if own is None and of_channel is None:
            self._say(outcome("default", where, "the type of its staterror is not stated; Poisson, as ROOT reads it"))
        elif kind == "gaussian" and of_channel != "gaussian":
            what = "its staterror is Gaussian, as stated; ROOT 6.40 would read it as Poisson"
            self._say(outcome("convention", where, what))
            self.misread.add(channel.name)
        return kind, threshold

    def _exact_width(self, parameter: str, kind: BinConstraint, width: float) -> float | None:
        """The relative uncertainty as ROOT's range or centre say it, where that is the one stated, but for rounding."""
        candidates = []
        if kind == "poisson":
            centre = self.settings.of(f"nom_{parameter}").value
            candidates += [1.0 / sqrt(centre)] if centre is not None and centre > 0.0 else []
        range_ = self.settings.of(parameter).range
        if range_ is not None and isfinite(range_[1]):
            candidates.append((range_[1] - 1.0) / 5.0)
        return next((c for c in candidates if c > 0.0 and isclose(c, width, rel_tol=_ROUNDED)), None)

    def _shapesys(self, use: Use, sample: RawSample, name: str, stem: str) -> ShapeSys | ShapeFactor:
        word = self.constraints.word(use.node)
        if word == "lognormal":
            use.node.unsupported(f"a {use.type} with a log-normal constraint")
        terms = self.constraints.of_bins(use.node, use.parameters)
        kind: BinConstraint = "poisson" if word == "poisson" else "gaussian"
        if terms is not None:
            kinds = {type(term) for term in terms if term is not None}
            if len(kinds) > 1:
                use.node["constraints"].unsupported("Gaussian and Poisson terms in one modifier")
            kind = "poisson" if kinds == {Poisson} else "gaussian"
        vals = self._widths(use, sample, terms)
        if word == "const" or use.type == "shapefactor":
            vals = (0.0,) * len(use.parameters)
        free = [self.settings.of(p).constant is False for p in use.parameters]
        empty = [v <= 0.0 for v in vals]
        if use.type == "shapefactor" or (all(empty) and any(free)):
            return ShapeFactor(name=name, stem=stem)
        loose = [p for p, f, e in zip(use.parameters, free, empty, strict=True) if f and e]
        if loose:
            use.node.unsupported(f"{loose[0]!r} floats without a constraint, others of its bins have one")
        return ShapeSys(name=name, stem=stem, data=vals, relative=True, constraint=kind)

    def _widths(self, use: Use, sample: RawSample, terms: Sequence[Gaussian | Poisson | None] | None) -> Numbers:
        data = use.node.get("data")
        if data is not None and data.get("uncertainties") is not None:
            events = bin_values(data["uncertainties"], (len(use.parameters),))
            return tuple(e / h if h > 0.0 else 0.0 for e, h in zip(events, sample.nominal, strict=True))
        stated = data.get("vals") if data is not None else None
        if stated is None:
            return tuple(map(relative_width, terms)) if terms is not None else (0.0,) * len(use.parameters)
        vals = stated.numbers()
        if len(vals) != len(use.parameters):
            stated.invalid(f"{len(vals)} numbers for {len(use.parameters)} bins")
        return self._meant(use, vals, sample)

    def _meant(self, use: Use, vals: Numbers, sample: RawSample) -> Numbers:
        """Relative uncertainties, which the values are for ROOT since 6.30; else as the ranges of the factors say."""
        ranges = [self.settings.of(p).range for p in use.parameters]
        readings = {
            "relative": vals,
            "in events": tuple(v / h if h > 0.0 else 0.0 for v, h in zip(vals, sample.nominal, strict=True)),
            "scales of Poisson terms": tuple(1.0 / sqrt(v) if v > 0.0 else 0.0 for v in vals),
        }
        if self.in_events:
            return readings["in events"]
        for word, widths in readings.items():
            if all(
                w <= 0.0 or (r is not None and isclose(r[1], 1.0 + 5.0 * w, rel_tol=1e-9))
                for r, w in zip(ranges, widths, strict=True)
            ) and any(w > 0.0 for w in widths):
                if word != "relative":
                    what = f"the uncertainties of the shapesys {use.name!r} are {word}, as its ranges say"
                    self._say(outcome("repair", use.node.where, what))
                return widths
        return vals

    def _say(self, said: Outcome) -> None:
        if said not in self.outcomes:
            self.outcomes.append(said)


def _summed(one: HistoSys, two: HistoSys, nominal: Numbers, use: Use) -> HistoSys:
    """Two shifts by one parameter; additive codes are linear in the variations."""
    if one.interpolation != two.interpolation or one.interpolation not in ("code0", "code2", "code4p"):
        use.node.unsupported("a second histosys of the same parameter, which does not add up with the first")
    lo, hi = (
        tuple(a + b - n for a, b, n in zip(x, y, nominal, strict=True))
        for x, y in ((one.lo_data, two.lo_data), (one.hi_data, two.hi_data))
    )
    return replace(one, lo_data=lo, hi_data=hi)


def _where(use: Use, channel: RawChannel) -> str:
    return f"channel {channel.name!r}: {use.type} {use.name!r}"


def _interpolation(use: Use, channel: RawChannel) -> Node | None:
    own = use.node.get("interpolation")
    if own is None and (data := use.node.get("data")) is not None:
        own = data.get("interpolation")
    if own is not None:
        return own
    default = channel.node.get("default_interpolation")
    return default.get(use.type) if default is not None and isinstance(default.value, dict) else default


def _code(node: Node) -> object:
    """What the tables have for an interpolation."""
    if isinstance(node.value, dict):
        node.only({"type", "in", "out"})
        inside = node["in"].text()
        out = node.get("out")
        return node["type"].text(), inside, out.text() if out is not None else inside
    if isinstance(node.value, bool) or not isinstance(node.value, int | str):
        node.refuse("expected a number, a name or an object")
    return node.value
