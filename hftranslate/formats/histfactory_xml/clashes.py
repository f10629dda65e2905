"""Names of which ROOT makes no object twice (:mod:`hftranslate.formats.histfactory_xml.root_objects`), on the way to
HistFactory XML."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count

from hftranslate.formats.histfactory_xml.root_objects import (
    CUT_OFF,
    OF_EVERY_MODEL,
    object_of_shape,
    objects_of_bin_factor,
    objects_of_channel,
    objects_of_sample,
    objects_of_systematic,
    objects_of_term,
)
from hftranslate.workspace import HistoSys, Lumi, ShapeFactor, ShapeSys, StatError, Workspace
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.map import has
from hftranslate.workspace.parameter_names import (
    DeclaredParameter,
    bin_labels,
    declared_parameters,
    staterror_stem,
    stem,
)
from hftranslate.workspace.parameters import beta_name

Names = dict[str, str]
#: ROOT's names of what belongs to a part of the model, by its old and its new name.
Objects = Callable[[str, str], Collection[str]]

_ORDER = ("lumi", "alpha", "gamma", "normfactor")


def without_clashes(workspace: Workspace, channels: Names, samples: Names, parameters: Names) -> tuple[Names, ...]:
    """The renamings, each from old to new, with further changes where two things would have one name in ROOT.

    Who comes first keeps the name: channels, samples, then systematics, bin factors and norm factors. Names that
    clash with none are left alone.
    """
    declared = declared_parameters(workspace.channels)
    alone = staterrors_of_a_channel(declared)
    taken = _fixed_names(workspace, declared)
    by_name = {c.name: c for c in workspace.channels}

    def of_channel(old: str, new: str) -> Collection[str]:
        stats = (f"gamma_{staterror_stem(new)}_bin_{b}" for b in bin_labels(by_name[old]) if old in alone.values())
        return [*objects_of_channel(by_name[old], new), *(o for root in stats for o in objects_of_bin_factor(root))]

    channels = _without_clash(channels, of_channel, taken)
    histosys: dict[str, list[tuple[str, int]]] = {}
    for c in workspace.channels:
        for s in c.samples:
            n = sum(isinstance(m, HistoSys) for m in s.modifiers)
            histosys.setdefault(s.name, []).append((channels[c.name], n))

    def of_sample(old: str, new: str) -> Collection[str]:
        return [name for channel, n in histosys[old] for name in objects_of_sample(channel, new, n)]

    samples = _without_clash(samples, of_sample, taken, lambda name: name.replace(CUT_OFF, "Histalpha"))
    terms = {t.name for m in workspace.measurements for t in m.constraint_terms if t.kind in ("gamma", "lognormal")}

    def of_parameter(old: str, new: str) -> Collection[str]:
        if old not in declared or declared[old].kind == "lumi":
            return ()
        root = stem(declared[old].uses[0][2]) if new == old else new
        return _objects_of_parameter(declared[old], root, channels, alone, old in terms)

    order = sorted(parameters, key=lambda n: _ORDER.index(declared[n].kind) if n in declared else -1)
    return channels, samples, _without_clash({n: parameters[n] for n in order}, of_parameter, taken)


def _fixed_names(workspace: Workspace, declared: Mapping[str, DeclaredParameter]) -> set[str]:
    """What ROOT calls things that have no name of their own here."""
    taken = set(OF_EVERY_MODEL)
    carries = [has(s, Lumi) for c in workspace.channels for s in c.samples]
    if any(carries) and not all(carries):
        taken |= set(objects_of_systematic("lumi"))
    settled = settle_functions(workspace.functions)
    known = {root for d in declared.values() for root in d.root_names}
    known |= {
        beta_name(stem(declared[t.name].uses[0][2]))
        for m in workspace.measurements
        for t in m.constraint_terms
        if t.kind == "gamma" and t.name in declared
    }
    return taken | {leaf for leaves in settled.depends.values() for leaf in leaves if leaf not in known}


def _objects_of_parameter(
    declared: DeclaredParameter, root: str, channels: Names, alone: Collection[str], has_term: bool
) -> Collection[str]:
    match declared.kind:
        case "alpha":
            return {*objects_of_systematic(root), *(objects_of_term(root) if has_term else ())}
        case "normfactor":
            return {root}
        case _:
            shapes = {
                object_of_shape(channels[c.name], ShapeFactor if isinstance(m, ShapeFactor) else ShapeSys, name)
                for c, _, m in declared.uses
                for name in _names_of_bin_factors(declared, root, channels)
            }
            if declared.name in alone:  # the factors are the channel's
                return shapes
            factors = (
                f"gamma_{name}_bin_{b}"
                for name in _names_of_bin_factors(declared, root, channels)
                for c in {c.name: c for c, _, _ in declared.uses}.values()
                for b in bin_labels(c)
            )
            if not any(declared.modifiers(ShapeSys, StatError)):  # no constraints
                return {*shapes, *factors}
            return {*shapes, *(o for factor in factors for o in objects_of_bin_factor(factor))}


def _names_of_bin_factors(declared: DeclaredParameter, root: str, channels: Names) -> list[str]:
    """A staterror over several channels becomes several shapesys."""
    if any(declared.modifiers(StatError)):
        return [root, *(f"{root}_{channels[c]}" for c in declared.bin_channels)]
    return [root]


def _without_clash(names: Names, objects: Objects, taken: set[str], spelling: Callable[[str], str] = str) -> Names:
    """New names with objects that are not taken yet, and taken from then on; of equal ones the first gets it.

    The first new name that is tried is another spelling, if there is one, then numbers are put behind.
    """
    others = Counter(names.values())
    settled: Names = {}
    numbers: dict[str, Iterator[str]] = {}  # where to go on, so that many equal names take no longer each
    for old, first in names.items():
        others[first] -= 1
        candidates = numbers.setdefault(first, _candidates(first, spelling(first)))
        new = first
        while True:
            made = objects(old, new)
            if not others[new] and len(set(made)) == len(made) and taken.isdisjoint(made):
                break
            new = next(candidates)
        settled[old] = new
        others[new] += 1
        taken |= set(made)
    return settled


def _candidates(name: str, respelt: str) -> Iterator[str]:
    yield from [respelt] * (respelt != name)
    yield from (f"{respelt}_{n}" for n in count(2))


def staterrors_of_a_channel(declared: Mapping[str, DeclaredParameter]) -> dict[str, str]:
    """The staterrors that can stay one in XML, which has one a channel, and their channels."""
    found: dict[str, set[str]] = {}
    for name, d in declared.items():
        for channel, _, _ in d.modifiers(StatError):
            found.setdefault(channel.name, set()).add(name)
    return {
        name: channel
        for channel, names in found.items()
        for name in names
        if len(names) == 1 and len(declared[name].bin_channels) == 1
    }
