"""The parameters of a document and what they are called here.

A document names every parameter; here a parameter has the name of its modifiers, and ROOT's name is made of that. Where
a document has ROOT's names, both come out the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from hftranslate.formats.hs3.channels import RawChannel, RawSample, Use, labels
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import Outcomes, outcome
from hftranslate.workspace.parameter_names import staterror_name, staterror_stem

#: The kind, in :data:`Sets`, of the factor that a luminosity is where it multiplies a sample once more.
AGAIN = "again"
#: What is said of a parameter that has another name here.
CALLED = "is called {!r} here, as ROOT's HistFactory would call it"
#: Which modifiers' names come first where several could have the same.
_ORDER = {"factor": 0, "alpha": 1, "gamma": 2}


@dataclass(slots=True)
class Named:
    """A parameter set: its name here, the stem of ROOT's name, and ROOT's names of its entries.

    ``linked`` is the parameter of other modifiers that a factor is: a function of it makes the factor.
    """

    name: str
    stem: str
    kind: str
    entries: tuple[str, ...]
    types: set[str] = field(default_factory=set)
    linked: str | None = None


#: Parameter sets by the kind of modifiers and the names that the document has for the parameters.
Sets: TypeAlias = dict[tuple[str, tuple[str, ...]], Named]


def every_use(channels: Iterable[RawChannel]) -> Iterator[tuple[RawChannel, RawSample, Use]]:
    """All modifiers."""
    for channel in channels:
        for sample in channel.samples:
            for use in sample.uses:
                yield channel, sample, use


def owned_by_others(channels: Iterable[RawChannel]) -> dict[str, tuple[str, ...]]:
    """The parameters that modifiers other than factors have, and the set that each is of.

    Raises
    ------
    Unsupported
        A parameter enters modifiers that cannot share it.
    """
    owner: dict[str, tuple[str, ...]] = {}
    kinds: dict[str, Use] = {}
    for _, _, use in every_use(channels):
        for parameter in use.parameters if use.kind != "factor" else ():
            first = kinds.setdefault(parameter, use)
            if owner.setdefault(parameter, use.parameters) != use.parameters:
                use.node.unsupported(f"the parameter {parameter!r} is shared with modifiers of other parameters")
            if first.kind != use.kind:
                use.node.unsupported(f"the parameter {parameter!r} is that of a {first.type} and a {use.type}")
    return owner


def parameter_sets_of(channels: tuple[RawChannel, ...], lumi: str | None) -> tuple[Sets, Outcomes]:
    """All parameter sets, and how those are called that a document calls otherwise than ROOT would.

    Raises
    ------
    Unsupported
        A parameter enters modifiers that cannot share it.
    """
    sets: Sets = {}
    owner = owned_by_others(channels)
    taken = {"lumi"} if lumi is not None else set()
    uses = sorted(every_use(channels), key=lambda use: (_ORDER[use[2].kind], use[2].type != "staterror"))
    for channel, _, use in uses:
        key = (use.kind, use.parameters)
        known = sets.get(key)
        if known is None:
            linked = use.parameters[0] if use.kind == "factor" and use.parameters[0] in owner else None
            known = sets[key] = _named(channel, use, taken if linked is None else taken | {linked}, linked)
            taken.add(known.name)
        if use.type == "staterror" and known.types and known.name != staterror_name(channel.name):
            use.node.unsupported("a staterror shares its parameters with another channel")
        known.types.add(use.type)
    if any(sum(u.parameters == (lumi,) for u in s.uses) > 1 for c in channels for s in c.samples):
        assert lumi is not None
        name = _free(f"norm_{lumi}", f"norm_{lumi}_", taken)
        sets[AGAIN, (lumi,)] = Named(name, name, "factor", (lumi,), linked=lumi)
    return sets, tuple(_renamings(sets))


def _named(channel: RawChannel, use: Use, taken: set[str], linked: str | None) -> Named:
    first = use.parameters[0]
    if use.kind == "factor":
        name = _free(first, f"norm_{first}", taken)
        return Named(name, name if linked else first, use.kind, (first,), linked=linked)
    if use.kind == "alpha":
        stem = first.removeprefix("alpha_") or first
        return Named(_free(stem, first, taken), stem, use.kind, (f"alpha_{stem}",))
    if use.type == "staterror":
        stem = staterror_stem(channel.name)
        name = _free(staterror_name(channel.name), f"gamma_{stem}", taken)
    else:
        end = f"_bin_{labels(channel.shape)[0]}"
        own = first.removeprefix("gamma_").removesuffix(end)
        stem = own if own and first == f"gamma_{own}{end}" else use.name
        name = _free(stem, f"gamma_{stem}", taken)
    return Named(name, stem, use.kind, tuple(f"gamma_{stem}_bin_{label}" for label in labels(channel.shape)))


def _free(name: str, other: str, taken: set[str]) -> str:
    while name in taken:
        name, other = other, f"{other}_"
    return name


def _renamings(sets: Sets) -> Iterator[Outcome]:
    for (_, parameters), named in sets.items():
        for parameter, entry in zip(parameters, named.entries, strict=True):
            if parameter != entry:
                yield outcome("rewrite", f"parameter {parameter!r}", CALLED.format(entry))
