"""A Measurement element to a measurement: parameters of interest, settings and constraint terms."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from hftranslate.errors import FormatError, InvalidWorkspace
from hftranslate.formats.histfactory_xml.factors import Stated, StatedFactors, settle
from hftranslate.formats.histfactory_xml.function_elements import parameters_without_modifiers
from hftranslate.formats.histfactory_xml.grammar import Node, Notes, names, number
from hftranslate.formats.histfactory_xml.lumi import PartialLumi
from hftranslate.records import record
from hftranslate.workspace import (
    ROOT,
    ConstraintTerm,
    Function,
    Lumi,
    Measurement,
    NormSys,
    ParameterConfig,
    TermKind,
    Workspace,
)
from hftranslate.workspace.bin_factors import bin_widths
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.parameter_names import DeclaredParameter
from hftranslate.workspace.parameters import parameter_sets

if TYPE_CHECKING:
    from hftranslate.workspace.expressions import Dependent

#: Written as POI where a measurement has none, because ROOT demands a name; ROOT drops a name it does not know.
NO_POI = "no_parameter_of_interest"
#: Types of ConstraintTerm that act with a relative uncertainty other than zero. ``NoConstraint`` acts without one.
CONSTRAINT_TERMS: dict[str, TermKind] = {"Gamma": "gamma", "LogNormal": "lognormal", "Uniform": "uniform"}
NO_CONSTRAINT = "NoConstraint"
#: ROOT's name of the centre of a constraint (its global observable) is that of the parameter with this in front.
CENTRE = "nom_"
#: That of the luminosity.
LUMI_CENTRE = "nominalLumi"
#: Attributes without any effect, kept as notes.
_WITHOUT_EFFECT = ("BinLow", "BinHigh", "Mode", "ExportOnly")
_GAMMA_DEFAULT = 1.0
#: Of several terms for one OverallSys, the kinds that leave no trace of others in ROOT, the strongest first.
_PRECEDENCE: tuple[TermKind, ...] = ("none", "gamma")


@record
class Model:
    """What the measurements of a model share."""

    declared: Mapping[str, DeclaredParameter]
    stated: StatedFactors
    functions: Sequence[Function]
    partial_lumi: PartialLumi | None
    by_theory: Sequence[bool] = ()  # of channels in alphabetical order: whether a sample says NormalizeByTheory=False

    @property
    def definitions(self) -> Mapping[str, "Dependent"]:
        """The parameters that Functions define, by ROOT's name."""
        return settle_functions(tuple(self.functions)).definitions

    def entries(self) -> dict[str, tuple[str, int]]:
        """Parameter set and index of every parameter that ROOT knows, by ROOT's name."""
        made_by_functions = {f.name for f in self.functions}
        found = {
            root: (d.name, i)
            for d in self.declared.values()
            if d.name not in made_by_functions
            for i, root in enumerate(d.root_names)
        }
        if self.partial_lumi is not None:
            found.pop("Lumi", None)
            found["alpha_lumi"] = ("lumi", 0)
        elif self.carries_lumi:
            found["Lumi"] = ("lumi", 0)
        return found

    @property
    def carries_lumi(self) -> bool:
        """Whether there is a luminosity; a constant one may be left out."""
        return any(d.kind == "lumi" for d in self.declared.values())

    def systematic(self, name: str) -> DeclaredParameter | None:
        """The parameter of the OverallSys and HistoSys of that name."""
        found = (d for d in self.declared.values() if d.kind == "alpha" and d.root_names == (f"alpha_{name}",))
        return next(found, None)


#: Centres of constraints that a measurement moves, by parameter set and index.
Centres: TypeAlias = Mapping[str, Mapping[int, float]]


def read_measurement(node: Node, model: Model, notes: Notes) -> tuple[Measurement, Centres]:
    """Interpret a Measurement element.

    Returns
    -------
    tuple
        the measurement, and the centres of constraints that it moves, which are left to :func:`with_centres`.
    """
    reader = _Reader(node, model, notes)
    return reader.measurement(), reader.centres


def with_centres(workspace: Workspace, index: int, centres: Centres, node: Node) -> Measurement:
    """A measurement of the workspace with its moved centres beside those that stay where ROOT puts them.

    Raises
    ------
    InvalidWorkspace
        ROOT refuses a value outside the range.
    """
    measurement = workspace.measurements[index]
    sets = parameter_sets(workspace, measurement, ROOT)
    configs = {p.name: p for p in measurement.parameters}
    for name, moved in centres.items():
        auxdata = [1.0 if c is None else c.auxdata for c in sets[name].constraints]
        for i, value in moved.items():
            constraint = sets[name].constraints[i]
            if constraint is None:
                continue  # ROOT makes no such variable and only prints a message
            low, high = constraint.domain
            if not low <= value <= high:
                what = f"ParamSetting '{CENTRE}{sets[name].root_names[i]}' Val={value:g} lies outside the range"
                raise InvalidWorkspace(f"{node.where}: {what} [{low:g}, {high:g}]; ROOT refuses that")
            auxdata[i] = value
        configs[name] = replace(configs.get(name, ParameterConfig(name=name)), auxdata=tuple(auxdata))
    return replace(measurement, parameters=tuple(configs.values()))


class _Reader:
    def __init__(self, node: Node, model: Model, notes: Notes) -> None:
        self.node = node
        self.model = model
        self.notes = notes
        self.name = node.get("Name")
        self.where = f"measurement {self.name!r}"
        self.entries = model.entries()
        self.values: dict[str, dict[int, float]] = {}
        self.constants: dict[str, set[int]] = {}
        self.centres: dict[str, dict[int, float]] = {}
        self.lumi_centre: float | None = None
        self.annotations: list[tuple[str, str]] = [
            (word, node.attributes[word]) for word in _WITHOUT_EFFECT if word in node.attributes
        ]

    def measurement(self) -> Measurement:
        for attribute in ("Lumi", "LumiRelErr"):
            if attribute not in self.node.attributes:
                value = self.node.get(attribute)
                self.notes.add("repair", self.node.where, f"no {attribute} is given; ROOT's default {value} was taken")
        n_annotations = len(self.annotations)
        terms = self._one_term_each([t for e in self.node.all("ConstraintTerm") for t in self._constraint_terms(e)])
        of_terms = self.annotations[n_annotations:]
        del self.annotations[n_annotations:]  # they follow those of the settings, as in the file
        others = parameters_without_modifiers(self.model.functions, self.model.declared, terms)
        self.entries |= {root: (name, 0) for root, name in others.items()}
        pois = self._pois()
        for setting in self.node.all("ParamSetting"):
            self._setting(setting)
        for asimov in self.node.all("Asimov"):
            self._keep("Asimov", " ".join(f"{k}={v!r}" for k, v in asimov.attributes.items()))
            self.notes.add("repair", asimov.where, "ROOT refuses this element; it is kept as a note")
        self.annotations += of_terms
        lumi = [self._lumi()] if self.model.carries_lumi else []
        configs = [c for d in self.model.declared.values() if d.kind != "lumi" and (c := self._config(d)) is not None]
        configs += [c for name in others.values() if (c := self._plain_config(name)) is not None]
        try:
            return Measurement(
                name=self.name,
                pois=pois,
                parameters=(*lumi, *configs),
                constraint_terms=tuple(terms),
                annotations=tuple(self.annotations),
            )
        except InvalidWorkspace as error:
            raise InvalidWorkspace(f"{self.node.where}: {error}") from None

    def _keep(self, word: str, value: str) -> None:
        self.annotations.append((word, value))

    def _pois(self) -> tuple[str, ...]:
        elements = self.node.all("POI")
        if not elements:
            self.notes.add("repair", self.node.where, "no POI is named, which ROOT refuses; read as none")
        found = [name for element in elements for name in names(element, self.notes) if name != NO_POI]
        centre = next(filter(self._is_centre, found), None)
        if centre is not None:
            raise InvalidWorkspace(f"{self.node.where}: the POI {centre!r} is the centre of a constraint, a constant")
        known = [self._own_name(*self.entries[name]) for name in found if name in self.entries]
        unknown = [name for name in found if name not in self.entries]
        for name in unknown:
            what = f"no modifier declares the POI {name!r}; ROOT drops it with a warning"
            self.notes.add("repair", self.where, what)
        if not known:  # a model without its signal, perhaps
            return tuple(dict.fromkeys(unknown))
        self.annotations += [("POI", name) for name in unknown]
        return tuple(dict.fromkeys(known))

    def _own_name(self, name: str, index: int) -> str:
        declared = self.model.declared.get(name)
        return name if declared is None else declared.names[index]

    def _setting(self, node: Node) -> None:
        given = names(node, self.notes)
        const = node.attributes.get("Const")
        if const not in (None, "True", "False"):
            self.notes.add("repair", node.where, f"Const={const!r} has no effect; ROOT acts on 'True' only")
        value = number(node, "Val", self.notes) if "Val" in node.attributes else None
        for name in given:
            entry = self.entries.get(name)
            if entry is None:
                if not self._is_centre(name):
                    self._unknown_setting(name, value, const == "True")
                elif value is not None:
                    self._centre(name, value)
                continue
            parameter_set, index = entry
            if value is not None:
                self.values.setdefault(parameter_set, {})[index] = value
            if const == "True":
                self.constants.setdefault(parameter_set, set()).add(index)

    def _is_centre(self, name: str) -> bool:
        """Whether the name is that of the centre of a constraint, which ROOT knows; all of them are constant."""
        if name == LUMI_CENTRE:
            error = number(self.node, "LumiRelErr", self.notes)
            return self.model.carries_lumi and self.model.partial_lumi is None and error != 0.0
        entry = self.entries.get(name.removeprefix(CENTRE)) if name.startswith(CENTRE) else None
        declared = None if entry is None else self.model.declared.get(entry[0])
        if declared is None:
            return False
        if declared.kind == "lumi":
            return self.model.partial_lumi is not None
        return declared.kind == "alpha" or (declared.kind == "gamma" and bin_widths(declared)[0] is not None)

    def _centre(self, name: str, value: float) -> None:
        """Note the centre of a constraint that a setting moves."""
        if name == LUMI_CENTRE or self.entries[name.removeprefix(CENTRE)][0] == Lumi().name:
            self.lumi_centre = value
        else:
            parameter_set, index = self.entries[name.removeprefix(CENTRE)]
            self.centres.setdefault(parameter_set, {})[index] = value

    def _unknown_setting(self, name: str, value: float | None, const: bool) -> None:
        words = ([f"Val={value!r}"] if value is not None else []) + (["Const=True"] if const else [])
        if not words:
            return
        self._keep("ParamSetting", " ".join([name, *words]))
        what = f"ParamSetting {name!r}: no modifier declares it and ROOT only prints a message"
        self.notes.add("repair", self.where, f"{what}; it is kept as a note")

    def _lumi(self) -> ParameterConfig:
        partial = self.model.partial_lumi
        constant = bool(self.constants.get("lumi"))
        if partial is not None:
            value = self.values.get("lumi", {}).get(0)
            self._check_range("alpha_lumi", value, -5.0, 5.0)
            self._check_range(f"{CENTRE}alpha_lumi", self.lumi_centre, -10.0, 10.0)
            centre = None if self.lumi_centre is None else partial.lumi + partial.sigma * self.lumi_centre
            return ParameterConfig(
                name="lumi",
                auxdata=(partial.lumi if centre is None else centre,),
                sigmas=(partial.sigma,),
                nominal=None if centre in (None, partial.lumi) else partial.lumi,
                inits=(partial.lumi if value is None else partial.lumi + partial.sigma * value,),
                fixed=True if constant or partial.sigma == 0.0 else None,
            )
        lumi, error = (number(self.node, attribute, self.notes) for attribute in ("Lumi", "LumiRelErr"))
        if lumi <= 0.0 or error < 0.0:
            raise InvalidWorkspace(
                f"{self.node.where}: Lumi={lumi:g} must be positive and LumiRelErr={error:g} must not be negative"
            )
        defined = self.model.definitions.get("Lumi")
        start = lumi if defined is None or defined.value is None else defined.value
        if defined is not None and any(self.model.by_theory):
            # the one effect that is left of NormalizeByTheory=False: ROOT sets the value once more, in each channel
            if not defined.low <= lumi <= defined.high:
                raise InvalidWorkspace(
                    f"{self.node.where}: Lumi={lumi:g} lies outside the range of Lumi[{defined.text}] of a Function; "
                    "ROOT refuses that where a sample says NormalizeByTheory=False"
                )
            start = lumi if self.model.by_theory[0] else start
        value = self.values.get("lumi", {}).get(0, start)
        if defined is None:
            self._check_range("Lumi", value, 0.0, 10.0 * lumi)
        self._check_range(LUMI_CENTRE, self.lumi_centre, 0.0, lumi + 10.0 * lumi * error)
        return ParameterConfig(
            name="lumi",
            auxdata=(lumi if self.lumi_centre is None else self.lumi_centre,),
            sigmas=(lumi * error,),
            nominal=None if self.lumi_centre in (None, lumi) else lumi,
            inits=(value,),
            fixed=True if constant or error == 0.0 else None,
        )

    def _check_range(self, name: str, value: float | None, low: float, high: float) -> None:
        if value is not None and not low <= value <= high:
            raise InvalidWorkspace(
                f"{self.node.where}: ParamSetting {name!r} Val={value:g} lies outside the range [{low:g}, {high:g}]; "
                "ROOT refuses that"
            )

    def _config(self, declared: DeclaredParameter) -> ParameterConfig | None:
        name = declared.name
        if declared.kind == "normfactor" and name in settle_functions(tuple(self.model.functions)).depends:
            return None
        stated = self._statement_of(declared)
        default = 0.0 if declared.kind == "alpha" else _GAMMA_DEFAULT
        defined = map(self.model.definitions.get, declared.root_names)
        inits = {i: default if d is None or d.value is None else d.value for i, d in enumerate(defined)}
        values, bounds = self.values.get(name, {}), None
        constants = set(self.constants.get(name, set()))
        if stated is not None:
            if stated.fixed:
                constants |= set(range(declared.size))
            if stated.bounds is not None:
                bounds = (stated.bounds,) * declared.size
            inits |= dict(enumerate(stated.inits or ()))
        given = bool(values) or (stated is not None and stated.inits is not None)
        if declared.kind == "normfactor" and bounds is not None:
            self._check_range(name, values.get(0, inits[0]), *bounds[0])
        if not given and not constants and bounds is None:
            return None
        flags = tuple(i in constants for i in range(declared.size))
        return ParameterConfig(
            name=name,
            inits=tuple({**inits, **values}[i] for i in range(declared.size)) if given else None,
            bounds=bounds,
            fixed=(True if all(flags) else flags) if constants else None,
        )

    def _plain_config(self, name: str) -> ParameterConfig | None:
        """What is said about a parameter that no modifier declares."""
        values, constant = self.values.get(name, {}), bool(self.constants.get(name))
        if not values and not constant:
            return None
        return ParameterConfig(name=name, inits=(values[0],) if values else None, fixed=True if constant else None)

    def _statement_of(self, declared: DeclaredParameter) -> Stated | None:
        """What NormFactors or ShapeFactors state; a Function that defines a norm factor decides before them."""
        defined = self.model.definitions.get(declared.root_names[0]) if declared.kind == "normfactor" else None
        if defined is not None and defined.value is not None:
            where = f"function with {defined.name}[{defined.text}]"
            bounds = (defined.low, defined.high) if isfinite(defined.low) and isfinite(defined.high) else None
            return Stated(where=where, inits=(defined.value,), bounds=bounds)
        return settle(declared, self.model.stated, self.notes)

    def _one_term_each(self, terms: Sequence[ConstraintTerm]) -> list[ConstraintTerm]:
        """One term for each systematic: of one kind the last holds; NoConstraint comes first, then Gamma.

        Raises
        ------
        InvalidWorkspace
            Terms that act together in ROOT, as one likelihood that none of them describes.
        """
        by_name: dict[str, dict[TermKind, ConstraintTerm]] = {}
        for term in terms:
            by_name.setdefault(term.name, {})[term.kind] = term
        settled = []
        for name, found in by_name.items():
            alone = all(isinstance(m, NormSys) for _, _, m in self.model.declared[name].uses)
            kind = next((k for k in _PRECEDENCE if k in found), None) if alone else None
            if len(found) > 1 and kind is None:
                raise InvalidWorkspace(
                    f"{self.node.where}: several ConstraintTerms of different types for {name!r} "
                    f"({', '.join(found)}), which ROOT mixes; give one"
                )
            if len(found) > 1 or sum(t.name == name for t in terms) > 1:
                chosen = found[kind] if kind is not None else next(iter(found.values()))
                what = f"several ConstraintTerms for {name!r}; as in ROOT, the {chosen.kind} one that came last holds"
                self.notes.add("repair", self.node.where, what)
                settled.append(chosen)
            else:
                settled += found.values()
        return [self._acting(term) for term in settled]

    def _acting(self, term: ConstraintTerm) -> ConstraintTerm:
        if term.kind != "gamma" or term.relative_uncertainty > 0.0:
            return term
        what = f"a Gamma term with the uncertainty {term.relative_uncertainty:g} removes the OverallSys {term.name!r}"
        self.notes.add("repair", self.node.where, f"{what}, as in ROOT")
        return ConstraintTerm(name=term.name, kind="none")

    def _constraint_terms(self, node: Node) -> list[ConstraintTerm]:
        kind = node.get("Type")
        uncertainty = 0.0
        if "RelativeUncertainty" in node.attributes:
            uncertainty = number(node, "RelativeUncertainty", self.notes)
        if uncertainty == 0.0 and kind != NO_CONSTRAINT:
            raise FormatError(
                f"{node.where}: Type={kind!r} needs a RelativeUncertainty other than zero; "
                f"without one only {NO_CONSTRAINT!r} is possible"
            )
        if uncertainty != 0.0 and kind not in CONSTRAINT_TERMS:
            self._keep("ConstraintTerm", f"{kind} {uncertainty!r} {' '.join(names(node, self.notes))}")
            self.notes.add(
                "repair", node.where, f"Type={kind!r} with a RelativeUncertainty has no effect in ROOT and is ignored"
            )
            return []
        terms = []
        for name in names(node, self.notes):
            declared = self.model.systematic(name)
            if declared is None:
                self._keep("ConstraintTerm", f"{kind} {uncertainty!r} {name}")
                self.notes.add(
                    "repair",
                    node.where,
                    f"there is no systematic {name!r} (names stand without alpha_ here); ROOT ignores it",
                )
                continue
            term = CONSTRAINT_TERMS.get(kind, "none")
            terms.append(ConstraintTerm(name=declared.name, kind=term, relative_uncertainty=uncertainty))
        return terms
