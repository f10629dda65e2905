"""What a workspace says, as single statements in words that do not depend on its format or order.

A fact has a place, a path such as ``("channel 'SR'", "sample 'signal'", "normsys 'JES', lo and hi")``, and a value.
Two workspaces have the same meaning where they state the same facts. What formats say in different ways is one fact:
the relative uncertainties of bin factors stand for staterror and shapesys alike, a parameter is constant at a value for
whatever reason, a constant luminosity of one is nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, assert_never

from hftranslate.errors import InputError, InvalidWorkspace
from hftranslate.workspace import (
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.expressions import Expression
from hftranslate.workspace.functions import used_functions
from hftranslate.workspace.map import Replacement, map_modifiers, modifiers_of
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import ParameterSet, parameter_sets

Kind = Literal["structure", "numbers", "settings"]
Place: TypeAlias = tuple[str, ...]
Value: TypeAlias = tuple[float, ...] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement.

    Attributes
    ----------
    value
        numbers, or words.
    stated
        ``False`` where the workspace leaves it open, so that the conventions' default counts.
    optional
        no difference where only one of the two states it.
    """

    kind: Kind
    value: Value
    stated: bool = True
    optional: bool = False


Facts: TypeAlias = dict[Place, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the parts of a workspace are called in the facts; what is in none of the mappings keeps its name."""

    channels: Mapping[str, str]
    samples: Mapping[tuple[str, str], str]
    entries: Mapping[str, str]

    def place(self, channel: Channel, sample: Sample | None = None) -> Place:
        """The place of a channel or a sample."""
        where = f"channel {self.channels.get(channel.name, channel.name)!r}"
        if sample is None:
            return (where,)
        return where, f"sample {self.samples.get((channel.name, sample.name), sample.name)!r}"

    def entry(self, name: str) -> str:
        """The name of a parameter."""
        return self.entries.get(name, name)


UNCHANGED = Labels(channels={}, samples={}, entries={})


# ---------------------------------------------------------------------------------------------- channels and samples
def model_facts(workspace: Workspace, labels: Labels = UNCHANGED) -> Facts:
    """Facts about channels, samples, modifiers, data and functions."""
    facts: Facts = {}
    declared = declared_parameters(workspace.channels)
    absent = _removed_everywhere(workspace)
    if _lumi_is_one(workspace):
        absent |= {name for name, d in declared.items() if d.kind == "lumi"}
    bins = _bin_entries(workspace, declared)
    for channel in workspace.channels:
        place = labels.place(channel)
        facts[place] = Fact(kind="structure", value=f"{channel.n_bins} bins")
        if channel.observed is not None:
            facts[*place, "observed data"] = Fact(kind="numbers", value=channel.observed)
        for i, edges in enumerate(channel.edges or ()):
            facts[*place, f"bin edges of axis {i}"] = Fact(kind="numbers", value=edges, optional=True)
        for sample in channel.samples:
            here = labels.place(channel, sample)
            facts[here] = Fact(kind="structure", value="sample")
            facts[*here, "nominal yields"] = Fact(kind="numbers", value=sample.nominal)
            for m in sample.modifiers:
                if not (m.name in absent and isinstance(m, Lumi | NormSys)):
                    _add_modifier(facts, here, m, bins.get((channel.name, m.name), ()), labels)
    factors = {m.name for m in modifiers_of(workspace.channels, NormFactor)}
    for f in workspace.functions:
        if f.name in factors:
            where = f"function {labels.entry(f.name)!r}"
            facts[where,] = Fact(kind="structure", value=f"{f.expression} of {f.dependents}")
    return facts


def with_products_as_factors(workspace: Workspace) -> Workspace:
    """The workspace with norm factors in place of each Function that is a product of parameters, as JSON says it."""
    try:
        made = used_functions(workspace)
    except InputError:  # one of them cannot be evaluated, which is told elsewhere
        return workspace
    products = {name: e.names for name, e in made.items() if _is_product(e)}
    if not products:
        return workspace

    def factors(_c: Channel, _s: Sample, m: Modifier) -> Replacement:
        if not isinstance(m, NormFactor) or m.power > 1 or m.name not in products:
            return m
        return tuple(NormFactor(name=name) for name in products[m.name])

    functions = tuple(f for f in workspace.functions if f.name not in products)
    try:
        return replace(map_modifiers(workspace, factors), functions=functions)
    except InvalidWorkspace:  # a sample has one of them already
        return workspace


def _is_product(expression: Expression) -> bool:
    """Whether an expression is a product of its parameters, each of them once: ``x * y``, or ``x`` alone."""
    factors = [word.strip() for word in expression.text.split("*")]
    return sorted(factors) == sorted(expression.names)


def _add_modifier(facts: Facts, here: Place, m: Modifier, entries: tuple[str, ...], labels: Labels) -> None:
    def word(what: str) -> str:
        return f"{what} {labels.entry(m.name)!r}"

    match m:
        case Lumi():
            facts[*here, "luminosity"] = Fact(kind="structure", value="a factor")
        case NormFactor():
            facts[*here, word("normfactor")] = Fact(kind="structure", value=f"to the power of {m.power}")
        case NormSys():
            facts[*here, word("normsys")] = Fact(kind="structure", value=f"interpolation {m.interpolation}")
            facts[*here, word("normsys"), "lo and hi"] = Fact(kind="numbers", value=(m.lo, m.hi))
        case HistoSys():
            where = (*here, word("histosys"))
            facts[where] = Fact(kind="structure", value=f"interpolation {m.interpolation}")
            facts[*where, "lo"] = Fact(kind="numbers", value=m.lo_data)
            facts[*where, "hi"] = Fact(kind="numbers", value=m.hi_data)
        case ShapeSys() | ShapeFactor() | StatError():
            factors = tuple(map(labels.entry, entries))
            where = (*here, f"bin factors {factors[0].rpartition('[')[0]!r}")
            once = f"{factors[0]} to {factors[-1]}"
            facts[where] = Fact(kind="structure", value=f"{facts[where].value}, {once}" if where in facts else once)
        case _:
            assert_never(m)


def _bin_entries(
    workspace: Workspace, declared: Mapping[str, DeclaredParameter]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """For each channel and set of bin factors, pyhf's names of the factors of its bins."""
    entries: dict[tuple[str, str], tuple[str, ...]] = {}
    sizes = {c.name: c.n_bins for c in workspace.channels}
    for name, d in declared.items():
        if d.kind != "gamma":
            continue
        start = 0
        for channel in d.bin_channels:
            entries[channel, name] = d.names[start : start + sizes[channel]]
            start += sizes[channel]
        for c, _, _ in d.uses:
            entries.setdefault((c.name, name), d.names)
    return entries


def _removed_everywhere(workspace: Workspace) -> set[str]:
    """Systematics whose normsys no measurement has, because a constraint term removes it."""
    return set.intersection(*({t.name for t in m.constraint_terms if t.kind == "none"} for m in workspace.measurements))


def _lumi_is_one(workspace: Workspace) -> bool:
    configs = [m.parameter("lumi") for m in workspace.measurements]
    return all(c.sigmas == (0.0,) and c.auxdata == (1.0,) and c.inits in (None, (1.0,)) for c in configs)


# -------------------------------------------------------------------------------------------------------- parameters
def measurement_facts(workspace: Workspace, measurement: Measurement, name: str, labels: Labels = UNCHANGED) -> Facts:
    """Facts about the parameters of a measurement, which is called by the given name.

    Raises
    ------
    InvalidWorkspace
        Its settings do not fit the parameters, or the luminosity is not configured.
    """
    where = f"measurement {name!r}"
    declared = declared_parameters(workspace.channels)
    single = {n: d.names[0] for n, d in declared.items() if d.size == 1}  # one bin factor has the name of the set, too
    pois = ", ".join(labels.entry(single.get(p, p)) for p in measurement.pois)
    facts: Facts = {(where,): Fact(kind="structure", value="measurement")}
    facts[where, "parameters of interest"] = Fact(kind="settings", value=pois or "none")
    for s in parameter_sets(workspace, measurement, workspace.conventions).values():
        if s.kind == "lumi" and _lumi_is_one(workspace):
            continue
        idle = _idle_bins(declared[s.name]) if s.name in declared and s.kind == "gamma" else ()
        config = measurement.parameter(s.name)
        for i, entry in enumerate(s.names):
            if i not in idle:
                place = (where, f"parameter {labels.entry(entry)!r}")
                _add_parameter(facts, place, s, i, config.bounds is not None)
    for term in measurement.constraint_terms:
        if term.kind in ("lognormal", "gamma") and any(
            isinstance(m, NormSys) for _, _, m in _uses(declared, term.name)
        ):
            place = (where, f"constraint term of {labels.entry(term.name)!r}")
            facts[place] = Fact(kind="structure", value=f"{term.kind}, {term.relative_uncertainty!r}")
    return facts


def _uses(declared: Mapping[str, DeclaredParameter], name: str) -> tuple[tuple[Channel, Sample, Modifier], ...]:
    return declared[name].uses if name in declared else ()


def _add_parameter(facts: Facts, place: Place, s: ParameterSet, i: int, has_range: bool) -> None:
    if s.fixed[i]:
        facts[place] = Fact(kind="settings", value="constant")
        facts[*place, "value"] = Fact(kind="numbers", value=(s.inits[i],))
        return
    facts[place] = Fact(kind="settings", value="free")
    facts[*place, "initial value"] = Fact(kind="settings", value=(s.inits[i],))
    facts[*place, "range"] = Fact(kind="settings", value=s.bounds[i], stated=has_range)
    constraint = s.constraints[i]
    facts[*place, "constraint"] = Fact(kind="structure", value="none" if constraint is None else constraint.kind)
    if constraint is not None:
        numbers = (constraint.auxdata, constraint.width)
        facts[*place, "constraint", "centre and width"] = Fact(kind="numbers", value=numbers)


def _idle_bins(declared: DeclaredParameter) -> tuple[int, ...]:
    """Entries of a set of bin factors that scale nothing: the yield there is zero whatever the parameters."""
    moved: set[int] = set()
    starts: dict[str, int] = {}
    start = 0
    for channel in declared.bin_channels:
        starts[channel] = start
        start += next(c.n_bins for c, _, _ in declared.uses if c.name == channel)
    for c, s, _ in declared.uses:
        offset = starts.get(c.name, 0)
        shapes = [m for m in s.modifiers if isinstance(m, HistoSys)]
        for b in range(c.n_bins):
            if s.nominal[b] != 0 or any(m.lo_data[b] != 0 or m.hi_data[b] != 0 for m in shapes):
                moved.add(offset + b)
    return tuple(i for i in range(declared.size) if i not in moved)
