"""Names that ROOT keeps apart by prefixes, as ``X`` and ``alpha_X``, but that are one name without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.workspace import (
    Channel,
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

#: Kind of parameter by modifier. Where a name is used for several kinds, the first in this list keeps it.
_KINDS: dict[type[Modifier], str] = {
    Lumi: "luminosity",
    StatError: "staterror",
    NormFactor: "NormFactor",
    NormSys: "systematic",
    HistoSys: "systematic",
    ShapeSys: "bin factor",
    ShapeFactor: "bin factor",
}
_ORDER = list(dict.fromkeys(_KINDS.values()))
_PREFIXES = {"NormFactor": "norm_", "systematic": "alpha_", "bin factor": "gamma_", "staterror": "stat_"}


@dataclass(frozen=True, slots=True)
class Renaming:
    """Names as the XML gives them, and the ones they go by in the model."""

    by_kind: Mapping[tuple[str, str], str]

    def model_name(self, modifier: type[Modifier], name: str) -> str:
        """The name in the model of what the XML calls ``name``."""
        return self.by_kind.get((_KINDS[modifier], name), name)

    def xml_name(self, name: str) -> str:
        """What the XML calls the parameter ``name`` of the model."""
        return next((old for (_, old), new in self.by_kind.items() if new == name), name)


def separate(channels: Sequence[Channel], notes: Notes) -> tuple[list[Channel], Renaming]:
    """Give parameters of different kinds different names."""
    kinds: dict[str, set[str]] = {}
    for channel in channels:
        for sample in channel.samples:
            for m in sample.modifiers:
                kinds.setdefault(m.name, set()).add(_KINDS[type(m)])
    by_kind: dict[tuple[str, str], str] = {}
    for name, found in list(kinds.items()):
        for kind in sorted(found, key=_ORDER.index)[1:]:
            new = next(n for i in count() if (n := _PREFIXES[kind] + name + "_" * i) not in kinds)
            kinds[new] = {kind}
            by_kind[kind, name] = new
            keeper = min(found, key=_ORDER.index)
            notes.add(
                "rewrite",
                f"{kind} {name!r}",
                f"its name is also that of a {keeper}, which ROOT tells apart; it is called {new!r} here",
            )
    if not by_kind:
        return list(channels), Renaming({})

    def renamed(m: Modifier) -> Modifier:
        new = by_kind.get((_KINDS[type(m)], m.name))
        return m if new is None else replace(m, name=new)

    def sample_renamed(s: Sample) -> Sample:
        return replace(s, modifiers=tuple(map(renamed, s.modifiers)))

    return [replace(c, samples=tuple(map(sample_renamed, c.samples))) for c in channels], Renaming(by_kind)
