"""Objects of one name, which are one object to ROOT: norm factors that are another parameter, and what is refused."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeAlias

from hftranslate.errors import InvalidWorkspace
from hftranslate.formats.histfactory_xml.factors import StatedFactors
from hftranslate.formats.histfactory_xml.grammar import Node, Notes, names, number
from hftranslate.formats.histfactory_xml.root_objects import first_clash, objects_of_model, objects_of_systematic
from hftranslate.records import record
from hftranslate.workspace import (
    Channel,
    Function,
    HistoSys,
    Modifier,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.bin_factors import UNCERTAIN_RANGE
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.map import all_modifiers, all_uses, modifiers_of, with_modifiers
from hftranslate.workspace.parameter_names import bin_labels, staterror_stem
from hftranslate.workspace.parameters import beta_name

#: Initial value, lower and upper end.
Definition: TypeAlias = tuple[float, float, float]


@record
class _Terms:
    """What the measurements say that has a bearing on names, by measurement; ``removed``: no systematic is made."""

    removed: Sequence[frozenset[str]]
    gamma: Sequence[frozenset[str]]
    lognormal: Sequence[frozenset[str]]
    lumi: Sequence[float]
    sigma: Sequence[float]


def with_shared_parameters(
    channels: Sequence[Channel],
    functions: Sequence[Function],
    stated: StatedFactors,
    measurements: Sequence[Node],
    notes: Notes,
) -> tuple[list[Channel], tuple[Function, ...]]:
    """The model with a Function in place of every NormFactor that has the name of another parameter.

    ROOT makes one variable of both: that of a systematic (``alpha_X``), a bin factor (``gamma_F_bin_0``), the
    luminosity (``Lumi``). Value and range come from what is made first: within a sample OverallSys, NormFactor,
    HistoSys, bin factors, of the first channel in alphabetical order that has either.

    Parameters
    ----------
    channels
        with the names of the XML, and without Lumi.

    Raises
    ------
    InvalidWorkspace
        Two other things have one name, which ROOT mixes.
    """
    terms = _terms(measurements)
    parameters = _parameters(channels, terms)
    _refuse_shared_objects(channels, functions, parameters, terms, measurements[0].file)
    defined = settle_functions(tuple(functions)).definitions
    made = {f.name for f in functions}
    factors = list(modifiers_of(channels, NormFactor))
    shared = [n for n in dict.fromkeys(m.name for m in factors) if n in parameters]
    if not shared:
        return list(channels), tuple(functions)
    taken = {m.name for m in all_modifiers(channels)} | made
    new_names = {}
    added = []
    for name in shared:
        new = f"norm_{name}"
        while new in taken:
            new += "_"
        taken.add(new)
        new_names[name] = new
        brackets = ""
        if name not in defined:
            numbers = _definition(name, channels, stated, terms, measurements[0])
            brackets = "[" + ",".join(map(repr, numbers)) + "]"
        added.append(Function(name=new, expression=name, dependents=name + brackets))
        what = f"it is the parameter of {parameters[name]} in ROOT, too; said with a Function {new!r} of it"
        notes.add("rewrite", f"NormFactor {name!r}", what)

    def modifier(m: Modifier) -> Modifier:
        return replace(m, name=new_names[m.name]) if isinstance(m, NormFactor) and m.name in new_names else m

    return [with_modifiers(c, modifier) for c in channels], (*functions, *added)


def _terms(measurements: Sequence[Node]) -> _Terms:
    quiet = Notes()  # what is strange about them is told when they are read
    found = []
    for node in measurements:
        of_type: dict[str, dict[str, float]] = {}
        for element in node.all("ConstraintTerm"):
            stated = "RelativeUncertainty" in element.attributes
            relative = number(element, "RelativeUncertainty", quiet) if stated else 0.0
            of_type.setdefault(element.get("Type"), {}).update(dict.fromkeys(names(element, quiet), relative))
        none = {n for n, relative in of_type.get("NoConstraint", {}).items() if relative == 0.0}
        gammas = {n: relative for n, relative in of_type.get("Gamma", {}).items() if relative != 0.0}
        lumi, error = (number(node, attribute, quiet) for attribute in ("Lumi", "LumiRelErr"))
        removed = none | {n for n, relative in gammas.items() if relative < 0.0}
        lognormal = frozenset(of_type.get("LogNormal", {})) - removed - gammas.keys()
        found.append((frozenset(removed), frozenset(gammas) - removed, lognormal, lumi, lumi * error))
    removed_, gamma, lognormal_, lumis, sigmas = zip(*found, strict=True)
    return _Terms(removed=removed_, gamma=gamma, lognormal=lognormal_, lumi=lumis, sigma=sigmas)


def _parameters(channels: Sequence[Channel], terms: _Terms) -> dict[str, str]:
    """ROOT's names of the parameters that modifiers other than NormFactor make, with what they are of."""
    everywhere = frozenset.intersection(*terms.removed)
    found = {"Lumi": "the luminosity"}
    for c, m in {_maker(c, m): (c, m) for c, _, m in all_uses(channels)}.values():
        match m:
            case HistoSys(name=name):
                found[objects_of_systematic(name)[0]] = f"the systematic {name!r}"
            case NormSys(name=name) if name not in everywhere:
                found[objects_of_systematic(name)[0]] = f"the systematic {name!r}"
                if any(name in gamma for gamma in terms.gamma):
                    found[beta_name(name)] = f"the Gamma term of {name!r}"
            case ShapeSys() | ShapeFactor() | StatError():
                found |= dict.fromkeys(_bin_factors(c, m), f"the bin factors {_stem(c, m)!r}")
    return found


def _maker(channel: Channel, m: Modifier) -> tuple[type[Modifier], str, str]:
    """The same for modifiers that make the same parameters."""
    return type(m), m.name, channel.name if type(m) in _OF_BINS else ""


_OF_BINS = frozenset((ShapeSys, ShapeFactor, StatError))


def _stem(channel: Channel, m: ShapeSys | ShapeFactor | StatError) -> str:
    return staterror_stem(channel.name) if isinstance(m, StatError) else m.name


def _bin_factors(channel: Channel, m: ShapeSys | ShapeFactor | StatError) -> list[str]:
    return [f"gamma_{_stem(channel, m)}_bin_{b}" for b in bin_labels(channel)]


def _refuse_shared_objects(
    channels: Sequence[Channel],
    functions: Sequence[Function],
    parameters: Mapping[str, str],
    terms: _Terms,
    file: str,
) -> None:
    bin_factors = [name for name, of in parameters.items() if of.startswith("the bin factors ")]
    with_terms = frozenset().union(*terms.gamma, *terms.lognormal)
    removed = frozenset.intersection(*terms.removed)
    made = [_without(c, removed) for c in channels] if removed else channels
    named = list(objects_of_model(made, with_terms, bin_factors, terms.sigma))
    settled = settle_functions(tuple(functions))
    others = {m.name for m in modifiers_of(channels, NormFactor)}
    others |= {leaf for leaves in settled.depends.values() for leaf in leaves}
    named += [(name, f"parameter {name!r}") for name in sorted(others) if name not in parameters]
    for f in functions:
        named.append((f.name, f"function {f.name!r}" if f.name in parameters else f"parameter {f.name!r}"))
    clash = first_clash(named)
    if clash is not None:
        name, one, other = clash
        raise InvalidWorkspace(
            f"{file}: ROOT calls an object of {one} and one of {other} {name!r}, which makes them one object, and "
            "evaluates a mixture of the two; give one of them another name"
        )


def _without(channel: Channel, removed: Set[str]) -> Channel:
    """The channel without OverallSys that ROOT does not make."""

    return with_modifiers(channel, lambda m: None if isinstance(m, NormSys) and m.name in removed else m)


def _definition(name: str, channels: Sequence[Channel], stated: StatedFactors, terms: _Terms, node: Node) -> Definition:
    """Value and range of a shared parameter: as the NormFactor says, or ROOT's own, whichever comes first.

    Raises
    ------
    InvalidWorkspace
        They differ between measurements, for which a Function has no words.
    """
    found = {_first(name, channels, stated, terms, i) for i in range(len(terms.removed))}
    if len(found) > 1:
        raise InvalidWorkspace(
            f"{node.file}: NormFactor {name!r} is another parameter in ROOT, too, whose initial value or range differs "
            "between the measurements; give it another name"
        )
    return found.pop()


def _first(
    name: str, channels: Sequence[Channel], stated: StatedFactors, terms: _Terms, measurement: int
) -> Definition:
    if name == "Lumi":
        lumi = terms.lumi[measurement]
        return lumi, 0.0, 10.0 * lumi
    for c in sorted(channels, key=lambda c: c.name):
        for s in c.samples:
            for m in sorted(s.modifiers, key=_order_in_root):
                own = _own_definition(name, c, m, terms, measurement)
                if own is not None:
                    return own
                if isinstance(m, NormFactor) and m.name == name:
                    factor = stated[c.name, s.name, NormFactor, name]
                    assert factor.inits is not None
                    assert factor.bounds is not None
                    return factor.inits[0], *factor.bounds
    raise AssertionError(f"nothing makes {name!r}")


def _order_in_root(m: Modifier) -> int:
    order: Iterable[type] = (NormSys, NormFactor, HistoSys, StatError, ShapeFactor, ShapeSys)
    return list(order).index(type(m))


def _own_definition(name: str, c: Channel, m: Modifier, terms: _Terms, measurement: int) -> Definition | None:
    """What ROOT makes of a parameter by itself, if the modifier makes it."""
    match m:
        case NormSys() if m.name in terms.gamma[measurement]:
            return (1.0, 0.0, 10.0) if name == beta_name(m.name) else None
        case NormSys() if m.name in terms.removed[measurement]:
            return None
        case NormSys() | HistoSys():
            return (0.0, -5.0, 5.0) if name == objects_of_systematic(m.name)[0] else None
        case ShapeSys() | ShapeFactor() | StatError():
            return (1.0, *UNCERTAIN_RANGE) if name in _bin_factors(c, m) else None
        case _:
            return None
