"""Names that ROOT keeps apart by prefixes, as ``X`` and ``alpha_X``, but that are one name without them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.workspace import (
    Channel,
    Function,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.functions import renamed_function
from hftranslate.workspace.map import all_modifiers, modifiers_of, with_modifiers
from hftranslate.workspace.parameter_names import staterror_name, staterror_stem

#: Kind of parameter by modifier. Where a name is used for several kinds, the first in this list keeps it.
_KINDS: dict[type[Modifier], str] = {
    Lumi: "luminosity",
    NormFactor: "NormFactor",
    NormSys: "systematic",
    HistoSys: "systematic",
    ShapeSys: "bin factor",
    ShapeFactor: "bin factor",
    StatError: "staterror",
}
_ORDER = list(dict.fromkeys(_KINDS.values()))
_PREFIXES = {"NormFactor": "norm_", "systematic": "alpha_", "bin factor": "gamma_", "staterror": "stat_"}


def separate(
    channels: Sequence[Channel], functions: Sequence[Function], notes: Notes
) -> tuple[list[Channel], tuple[Function, ...]]:
    """Give parameters of different kinds different names, and those that are one parameter to ROOT the same.

    The names of the XML stay on the modifiers as their stems, and Functions go on naming parameters as ROOT does.
    """
    stems = {staterror_stem(c.name): c.name for c in channels if any(modifiers_of([c], StatError))}

    def kind(m: Modifier) -> str:
        shares = isinstance(m, ShapeSys | ShapeFactor) and m.name in stems
        return "staterror" if shares else _KINDS[type(m)]

    def own_name(m: Modifier) -> str:
        return staterror_name(stems[m.name]) if kind(m) == "staterror" and m.name in stems else m.name

    kinds: dict[str, set[str]] = {}
    distinct = {(type(m), m.name): m for m in all_modifiers(channels)}.values()
    for m in distinct:
        kinds.setdefault(own_name(m), set()).add(kind(m))
        if own_name(m) != m.name:
            what = "in ROOT it shares the factors of the staterror of that name; it is called {!r} here"
            notes.add("rewrite", f"bin factor {m.name!r}", what.format(own_name(m)))
    renamed: dict[tuple[str, str], str] = {}
    for name, found in list(kinds.items()):
        for other in sorted(found, key=_ORDER.index)[1:]:
            new = next(n for i in count() if (n := _PREFIXES[other] + name + "_" * i) not in kinds)
            kinds[new] = {other}
            renamed[other, name] = new
            keeper = min(found, key=_ORDER.index)
            notes.add(
                "rewrite",
                f"{other} {name!r}",
                f"its name is also that of a {keeper}, which ROOT tells apart; it is called {new!r} here",
            )
    if not renamed and all(own_name(m) == m.name for m in distinct):
        return list(channels), tuple(functions)
    made = {f.name for f in functions}

    def separated(m: Modifier) -> Modifier:
        new = renamed.get((kind(m), own_name(m)), own_name(m))
        if new == m.name:
            return m
        if isinstance(m, Lumi | StatError) or (isinstance(m, NormFactor) and m.name in made):
            return replace(m, name=new)
        return replace(m, name=new, stem=m.name)

    changed = [with_modifiers(c, separated) for c in channels]
    names = {old: new for (of, old), new in renamed.items() if of == "NormFactor" and old in made}
    return changed, tuple(renamed_function(f, names) for f in functions) if names else tuple(functions)
