"""What multiplies the samples of a RooWorkspace, as modifiers with names, Functions and constraint terms."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose, isfinite, sqrt

from hftranslate.errors import Unsupported
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.root_histograms.container import Damaged
from hftranslate.formats.root_workspace.channels import Bins, Norm, Region, Summand
from hftranslate.formats.root_workspace.graph import CLASS, At
from hftranslate.formats.root_workspace.roofit import RooFit, Variable, name_of
from hftranslate.formats.root_workspace.streamed import Object
from hftranslate.formats.root_workspace.terms import Term
from hftranslate.workspace import (
    BinConstraint,
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.parameter_names import bin_labels, staterror_name, staterror_stem

#: ROOT's name of the luminosity.
_LUMI = "Lumi"
_BIN = re.compile(r"gamma_(?P<stem>.+)_bin_(?P<label>\d+(?:_\d+)*)")
_PLACEHOLDER = re.compile(r"\bx\[(\d+)\]|@(\d+)")
#: What HistFactory calls the functions of bin factors, after channel and name.
_OF_BINS = ("_ShapeSys", "_ShapeFactor")
#: The class of a Function, and how deep Functions may lie in each other.
_FORMULA, _MAX_DEPTH = "RooFormulaVar", 50
#: Numbers that ROOT wrote as text of six decimals are the same to this.
_AS_TEXT = 1e-6
#: Standard deviation of a Uniform term, and thresholds of staterrors that are tried.
_UNIFORM, _THRESHOLDS = 100.0, (0.0, 0.05)


def variables_of(roofit: RooFit, regions: Iterable[Region]) -> set[At]:
    """Where the variables lie that the channels depend on."""
    found: set[At] = set()
    for region in regions:
        for sample in region.samples:
            places = [*(n.place for n in sample.norms), *(s.place for s in sample.shapes), *sample.factors]
            found.update(*(bins.places for bins in sample.bins))
            for place in places:
                found.update(_leaves(roofit, place))
    return found


def _leaves(roofit: RooFit, place: At) -> set[At]:
    """A variable, or those that a function depends on, directly or through others."""
    found: set[At] = set()
    seen, ahead = {place}, [place]
    while ahead:
        at = ahead.pop()
        one = roofit.graph.at(at)
        if one[CLASS] == _FORMULA:
            inner = [each for each, _ in roofit.listed(one, "_actualVars")]
        elif one[CLASS] in ("RooPolyVar", "RooLinearVar"):
            inner = [roofit.target(one, "_x")[0]]
        else:
            inner = []
            found.add(at)
        ahead += [each for each in inner if each not in seen]
        seen.update(inner)
    return found


def luminosity_of(roofit: RooFit, regions: Iterable[Region], terms: Mapping[At, Term]) -> At | None:
    """Where the luminosity lies: the only factor with a Gaussian constraint that is nothing else beside.

    Without one it is the constant of the name that HistFactory gives it.

    Raises
    ------
    Unsupported
        There are several such factors.
    """
    samples = [sample for region in regions for sample in region.samples]
    others = {n.place for s in samples for n in s.norms} | {p.place for s in samples for p in s.shapes}
    others.update(place for s in samples for bins in s.bins for place in bins.places)
    found: dict[At, Variable] = {}
    for place in (p for s in samples for p in s.factors if p not in others):
        if roofit.graph.at(place)[CLASS] == "RooRealVar":
            found[place] = roofit.variable(place)
    gaussian = [p for p in found if p in terms and terms[p].kind == "gaussian"]
    if len(gaussian) > 1:
        names = " and ".join(repr(found[p].name) for p in gaussian)
        raise Unsupported(
            f"{roofit.source}: {names} are factors with a constraint; HistFactory has one, the luminosity"
        )
    return next(iter(gaussian or [p for p, v in found.items() if v.name == _LUMI and v.constant]), None)


@dataclass(slots=True, kw_only=True)
class Builder:
    """Makes channels of regions; what they need beside is collected on the way.

    Attributes
    ----------
    roofit, terms
        the objects, and the constraint of each parameter.
    notes
        what did not pass unchanged.
    functions
        of norm factors that are no parameter of their own, by name.
    constraint_terms
        by the name of the systematic.
    roots
        the variable of each parameter, by the name that HistFactory gives it.
    called
        that name, by the place of a variable that has another one in the file.
    """

    roofit: RooFit
    terms: Mapping[At, Term]
    notes: Notes
    lumi: At | None
    functions: dict[str, Function] = field(default_factory=dict)
    constraint_terms: dict[str, ConstraintTerm] = field(default_factory=dict)
    roots: dict[str, tuple[Variable, Term | None]] = field(default_factory=dict)
    systematics: dict[str, At] = field(default_factory=dict)
    called: dict[At, str] = field(default_factory=dict)
    stems: dict[tuple[At, ...], str] = field(default_factory=dict)

    def channel(self, region: Region, observed: tuple[float, ...] | None) -> Channel:
        """The channel; its modifiers have the names that XML would have given them."""
        channel = Channel(
            name=region.name,
            samples=tuple(Sample(name=s.name, nominal=s.nominal) for s in region.samples),
            observed=observed,
            edges=region.edges,
        )
        labels = bin_labels(channel)
        staterrors = self._staterrors(region, labels)
        samples = []
        for i, summand in enumerate(region.samples):
            modifiers: dict[tuple[type[Modifier], str], Modifier] = {}
            for modifier in self._modifiers(summand, region.name, labels):
                self._add(modifiers, modifier, summand)
            if i in staterrors:
                modifiers[StatError, staterrors[i].name] = staterrors[i]
            samples.append(Sample(name=summand.name, nominal=summand.nominal, modifiers=tuple(modifiers.values())))
        return Channel(name=region.name, samples=tuple(samples), observed=observed, edges=region.edges)

    def _modifiers(self, summand: Summand, channel: str, labels: Sequence[str]) -> Iterable[Modifier]:
        factors = [self._factor(place) for place in summand.factors]
        seen = {name: factors.count(name) for name in factors}
        if self.lumi in summand.factors:
            yield Lumi()
            power, made = seen.pop(_LUMI) - 1, f"norm_{_LUMI}"
            if power and self.lumi is not None:
                self.functions[made] = self._same(made, self.lumi)
                seen[made] = power
        for norm in summand.norms:
            yield self._normsys(norm)
        for name, power in seen.items():
            yield NormFactor(name=name, power=power)
        for shape in summand.shapes:
            name = self._systematic(shape.place)
            yield HistoSys(name=name, lo_data=shape.lo, hi_data=shape.hi, interpolation=shape.code)
        for bins in summand.bins:
            if bins.name != f"mc_stat_{channel}":
                yield self._bin_factors(bins, labels, channel)

    def _add(self, modifiers: dict[tuple[type[Modifier], str], Modifier], modifier: Modifier, summand: Summand) -> None:
        earlier = modifiers.get((type(modifier), modifier.name))
        if earlier is None:
            modifiers[type(modifier), modifier.name] = modifier
        elif isinstance(modifier, HistoSys) and isinstance(earlier, HistoSys) and _adds(modifier, earlier):
            pairs = [(earlier.lo_data, modifier.lo_data), (earlier.hi_data, modifier.hi_data)]
            lo, hi = (tuple(a + b - n for a, b, n in zip(one, two, summand.nominal, strict=True)) for one, two in pairs)
            modifiers[HistoSys, modifier.name] = HistoSys(
                name=modifier.name, lo_data=lo, hi_data=hi, interpolation=modifier.interpolation
            )
        else:
            raise Unsupported(
                f"{self.roofit.source}: sample {summand.name!r} is multiplied twice by what depends on "
                f"{modifier.name!r}"
            )

    # --------------------------------------------------------------------------------------------------- parameters
    def _known(self, place: At, name: str | None = None) -> str:
        """The name that a parameter is known by from now on: its own, or the one that HistFactory would give it."""
        variable = self.roofit.variable(place)
        known = self.called.get(place) or name or variable.name
        earlier, _ = self.roots.setdefault(known, (variable, self.terms.get(place)))
        if earlier is not variable:
            raise Unsupported(f"{self.roofit.source}: two variables are called {known!r}")
        if known != variable.name and place not in self.called:
            what = f"is called {known!r} here, as ROOT's HistFactory would call it"
            self.notes.add("rewrite", f"parameter {variable.name!r}", what)
            self.called[place] = known
        return known

    def _systematic(self, place: At) -> str:
        """The name of a systematic whose parameter lies there, with an own unit Gaussian or a Uniform term."""
        variable, term = self.roofit.variable(place), self.terms.get(place)
        name = variable.name.removeprefix("alpha_") or variable.name
        self._known(place, f"alpha_{name}")
        if term is None or term.kind != "gaussian" or term.width not in (1.0, _UNIFORM):
            what = "no constraint term" if term is None else f"a {term.kind} constraint of width {term.width:g}"
            raise Unsupported(
                f"{self.roofit.source}: {variable.name!r}, the parameter of a systematic, has {what}; HistFactory has "
                "Gaussian ones of width 1, or 100 where it says Uniform"
            )
        if term.width == _UNIFORM:
            self.constraint_terms[name] = ConstraintTerm(name=name, kind="uniform")
        return name

    def _normsys(self, norm: Norm) -> NormSys:
        one = self.roofit.graph.at(norm.place)
        if one[CLASS] in ("RooRealVar", "RooConstVar"):
            name = self._systematic(norm.place)
        else:
            name = name_of(one).removeprefix("alphaOfBeta_")
            read = {"RooPolyVar": self._gamma, "RooFormulaVar": self._lognormal}.get(str(one[CLASS]))
            if read is None or name == name_of(one):
                self.roofit.refuse(one, "stands for the parameter of a systematic, which HistFactory does not make")
            self.constraint_terms[name] = read(one, name)
        self._one_function(name, norm.place)
        return NormSys(name=name, lo=norm.lo, hi=norm.hi, interpolation=norm.code)

    def _one_function(self, name: str, place: At) -> None:
        """A normalisation systematic depends on the parameter in the same way everywhere."""
        if self.systematics.setdefault(name, place) != place:
            raise Unsupported(
                f"{self.roofit.source}: the systematic {name!r} depends on its parameter in different ways"
            )

    def _gamma(self, one: Object, name: str) -> ConstraintTerm:
        """``(beta - 1) / r``."""
        place, _ = self.roofit.target(one, "_x")
        beta, term = self.roofit.variable(place), self.terms.get(place)
        self._known(place)
        values = [self.roofit.variable(at).value for at, _ in self.roofit.listed(one, "_coefList")]
        if len(values) != 2 or values[0] != -values[1] or values[1] <= 0.0 or one.get("_lowestOrder"):
            self.roofit.refuse(one, "is not (beta - 1) / r")
        if beta.name != f"beta_{name}" or term is None or term.kind != "gamma":
            self.roofit.refuse(one, f"is of {beta.name!r}, which has no Gamma term")
        relative = _rounded(sqrt(term.width))
        self._exact(one, name, values[1], relative)
        return ConstraintTerm(name=name, kind="gamma", relative_uncertainty=relative)

    def _exact(self, one: Object, name: str, inverse: float, relative: float) -> None:
        """ROOT before 6.26 has ``1 / r`` to six decimals."""
        if not isclose(inverse * relative, 1.0, rel_tol=_AS_TEXT):
            self.roofit.refuse(one, f"has a factor {inverse:g} where its width says {1.0 / relative:g}")
        if not isclose(inverse * relative, 1.0, rel_tol=1e-12):
            what = f"the file has 1/r as {inverse!r}, in the six decimals of ROOT before 6.26; it is exact here"
            self.notes.add("convention", f"constraint term of {name!r}", what)

    def _lognormal(self, one: Object, name: str) -> ConstraintTerm:
        """``((1 + r)^alpha - 1) / r``."""
        places = [at for at, _ in self.roofit.listed(one, "_actualVars")]
        formula = self._expression(one, [f"v{i}" for i in range(len(places))]).replace(" ", "")
        if len(places) != 3 or formula not in ("v0*(pow(v1,v2)-1.)", "v0*(pow(v1,v2)-1)"):
            self.roofit.refuse(one, "is not tau * (kappa ^ alpha - 1)")
        tau, kappa = (self.roofit.variable(at) for at in places[:2])
        relative = _rounded(kappa.value - 1.0)
        if self._systematic(places[2]) != name or not (tau.constant and kappa.constant) or relative <= 0.0:
            self.roofit.refuse(one, f"is not of constants and alpha_{name}")
        self._exact(one, name, tau.value, relative)
        return ConstraintTerm(name=name, kind="lognormal", relative_uncertainty=relative)

    # ------------------------------------------------------------------------------------------------- norm factors
    def _factor(self, place: At) -> str:
        """The name of a norm factor: a free variable, or a Function."""
        one = self.roofit.graph.at(place)
        name = name_of(one)
        if one[CLASS] == _FORMULA:
            self._function(one)
            return name
        if one[CLASS] != "RooRealVar":
            self.roofit.refuse(one, "is no factor that HistFactory makes")
        if place == self.lumi:
            return self._known(place, _LUMI)
        name = self._known(place)
        if place in self.terms:  # the parameter of something else, too
            made = f"norm_{name}"
            self.functions.setdefault(made, self._same(made, place))
            return made
        return name

    def _same(self, made: str, place: At) -> Function:
        """A Function that is a variable."""
        return Function(name=made, expression=self._known(place), dependents=self._dependent(place))

    def _dependent(self, place: At) -> str:
        """The variable as ROOT's factory makes it."""
        variable, name = self.roofit.variable(place), self._known(place)
        if not variable.fundamental or (variable.constant and not isfinite(variable.high - variable.low)):
            return f"{name}[{variable.value!r}]"
        return f"{name}[{variable.value!r},{variable.low!r},{variable.high!r}]"

    def _function(self, one: Object, depth: int = 0) -> None:
        """Keep a Function, behind those that it is made of."""
        if name_of(one) in self.functions:
            return
        if depth > _MAX_DEPTH:
            raise Damaged(f"functions lie deeper than {_MAX_DEPTH} in each other")
        words, dependents = [], []
        for at, inner in self.roofit.listed(one, "_actualVars"):
            if inner[CLASS] == _FORMULA:
                self._function(inner, depth + 1)
                words.append(name_of(inner))
                dependents.append(name_of(inner))
            elif self.roofit.variable(at).fundamental:
                words.append(self._known(at))
                dependents.append(self._dependent(at))
            else:
                words.append(repr(self.roofit.variable(at).value))
        self.functions[name_of(one)] = Function(
            name=name_of(one), expression=self._expression(one, words), dependents=",".join(dependents)
        )

    def _expression(self, one: Object, names: Sequence[str]) -> str:
        """The text of a formula with names for its placeholders."""
        places = self.roofit.listed(one, "_actualVars")
        text = str(one.get("_formExpr"))

        def named(match: "re.Match[str]") -> str:
            i = int(match[1] or match[2])
            if i >= len(places):
                self.roofit.refuse(one, f"has the formula {text!r} of {len(places)} variables")
            return names[i]

        own = {name_of(target): name for (_, target), name in zip(places, names, strict=True)}
        words = re.sub(r"[A-Za-z_]\w*", lambda word: own.get(word[0], word[0]), text)
        return _PLACEHOLDER.sub(named, words)

    # -------------------------------------------------------------------------------------------------- bin factors
    def _of_bins(
        self, bins: Bins, labels: Sequence[str], channel: str
    ) -> tuple[str, list[tuple[Variable, Term | None]]]:
        """What the factors are named after, and each with its constraint, in the order of the bins."""
        if len(bins.places) != len(labels) or len(set(bins.places)) != len(labels):
            raise Unsupported(
                f"{self.roofit.source}: ParamHistFunc {bins.name!r} has {len(set(bins.places))} factors; expected one "
                f"for each of {len(labels)} bins"
            )
        matches = [_BIN.fullmatch(self.roofit.variable(place).name) for place in bins.places]
        said = [match["label"] for match in matches if match is not None]
        own = said if sorted(said) == sorted(labels) else labels
        stem = self.stems.get(bins.places)
        if stem is None:
            stem = _stem(bins.name, {match["stem"] for match in matches if match is not None}, channel)
            self.stems[bins.places] = stem
        places = {label: at for at, label in zip(bins.places, own, strict=True)}
        for label, at in places.items():
            self._known(at, f"gamma_{stem}_bin_{label}")
        return stem, [(self.roofit.variable(places[label]), self.terms.get(places[label])) for label in labels]

    def _bin_factors(self, bins: Bins, labels: Sequence[str], channel: str) -> ShapeSys | ShapeFactor:
        stem, factors = self._of_bins(bins, labels, channel)
        kind, widths = self._widths(bins, factors)
        if bins.name.lower().endswith("shapefactor") or (kind is None and not all(v.constant for v, _ in factors)):
            return ShapeFactor(name=stem)
        return ShapeSys(name=stem, data=widths, relative=True, constraint=kind or "gaussian")

    def _widths(
        self, bins: Bins, factors: Sequence[tuple[Variable, Term | None]]
    ) -> tuple[BinConstraint | None, tuple[float, ...]]:
        kinds = {term.kind for _, term in factors if term is not None}
        if len(kinds) > 1 or "gamma" in kinds:
            raise Unsupported(
                f"{self.roofit.source}: the factors of ParamHistFunc {bins.name!r} have {' and '.join(sorted(kinds))} "
                "constraints; HistFactory makes Gaussian or Poisson ones"
            )
        kind: BinConstraint | None = None
        widths = []
        for _, term in factors:
            if term is not None:
                kind = "poisson" if term.kind == "poisson" else "gaussian"
            relative = 0.0 if term is None else 1.0 / sqrt(term.width) if kind == "poisson" else term.width
            widths.append(_rounded(relative) if isfinite(relative) else 0.0)
        return kind, tuple(widths)

    def _staterrors(self, region: Region, labels: Sequence[str]) -> dict[int, StatError]:
        """The staterror of a channel by sample: the graph has the combined uncertainty, which is shared out.

        All samples get the same relative uncertainty in a bin, as in ROOT's own export of HS3.
        """
        name = f"mc_stat_{region.name}"
        found = [(i, b) for i, s in enumerate(region.samples) for b in s.bins if b.name == name]
        if not found:
            return {}
        stem, factors = self._of_bins(found[0][1], labels, region.name)
        if any(b.places != found[0][1].places for _, b in found) or stem != staterror_stem(region.name):
            raise Unsupported(f"{self.roofit.source}: the factors of {name!r} are not those of a staterror")
        if len({i for i, _ in found}) != len(found):
            raise Unsupported(f"{self.roofit.source}: a sample is multiplied twice by {name!r}")
        kind, widths = self._widths(found[0][1], factors)
        nominal = {i: region.samples[i].nominal for i, _ in found}
        shares = [_share(width, [n[b] for n in nominal.values()]) for b, width in enumerate(widths)]
        threshold = _threshold([(w, v.constant) for w, (v, t) in zip(widths, factors, strict=True) if t is not None])
        return {
            i: StatError(
                name=staterror_name(region.name),
                data=tuple(of_bin[k] for of_bin in shares),
                constraint=kind or "gaussian",
                threshold=threshold,
            )
            for k, i in enumerate(nominal)
        }


def _stem(function: str, stems: set[str], channel: str) -> str:
    """What factors are named after: what their own names say, or that of their function."""
    if len(stems) == 1:
        return next(iter(stems))
    if function == f"mc_stat_{channel}":
        return staterror_stem(channel)
    own = function.removeprefix(f"{channel}_")
    for suffix in _OF_BINS:
        own = own.removesuffix(suffix)
    return own or function


def _share(width: float, nominal: Sequence[float]) -> list[float]:
    """Uncertainties that together are ``width`` times the sum of the yields, each in proportion to its yield."""
    norm, total = sqrt(sum(n * n for n in nominal)), sum(nominal)
    return [abs(n) / norm * (width * total) if norm > 0.0 and total > 0.0 else 0.0 for n in nominal]


def _threshold(widths: Sequence[tuple[float, bool]]) -> float:
    """A threshold below which the factors are constant, by their widths and constancy; zero where there is none."""
    lowest = min((w for w, constant in widths if not constant), default=1.0)
    highest = max((w for w, constant in widths if constant), default=0.0)
    for threshold in (*_THRESHOLDS, (lowest + highest) / 2):
        clear = not any(isclose(w, threshold, rel_tol=_AS_TEXT) for w, _ in widths)
        if clear and all((w < threshold) == constant for w, constant in widths):
            return threshold
    return 0.0


def _adds(one: HistoSys, two: HistoSys) -> bool:
    """Whether their shifts add up to that of one HistoSys."""
    return one.interpolation == two.interpolation and one.interpolation in ("code0", "code2", "code4p")


def _rounded(value: float) -> float:
    """The number of fifteen digits next to it, where rounding made the difference."""
    short = float(f"{value:.15g}")
    return short if isclose(short, value, rel_tol=4e-16) else value
