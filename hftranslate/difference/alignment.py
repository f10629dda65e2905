"""Which part of one workspace is which part of another: by name, by ROOT's name, else by identical content."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

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
    Workspace,
)
from hftranslate.workspace.bin_factors import bin_widths
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters

Names: TypeAlias = Mapping[str, str]
#: What a translation renamed: what it is, its name in the first and its name in the second workspace.
Announced: TypeAlias = Sequence[tuple[str, str, str]]
#: Characters that ROOT refuses in names, or that separate the names of a list in XML.
_REFUSED = re.compile(r"[\s\\,;\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A part that has another name and the same content in the second workspace."""

    where: str
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """What the parts of a second workspace are called in a first one.

    Attributes
    ----------
    channels, measurements
        names in the second and in the first.
    samples
        (channel, sample) in the second and the sample's name in the first.
    entries
        pyhf's name of each parameter in the second and in the first.
    renamed
        the parts that were matched by their content.
    respelt
        a sentence for each part whose name is only spelt as ROOT takes it.
    """

    channels: Names
    samples: Mapping[tuple[str, str], str]
    entries: Names
    measurements: Names
    renamed: tuple[Renamed, ...]
    respelt: tuple[str, ...]


def align(first: Workspace, second: Workspace, *, across: bool = False, announced: Announced = ()) -> Alignment:
    """Match channels, samples, parameters and measurements.

    Parameters
    ----------
    across
        one is XML and the other JSON: names are the same if ROOT has to spell them in that way.
    announced
        parts that have another name in the second, by the account of a translation.

    Raises
    ------
    InvalidWorkspace
        One name stands for parameters of different kinds or sizes.
    """
    matcher = _Matcher(across, announced)
    channels = matcher.match(
        "channel",
        {c.name: _channel_content(c) for c in second.channels},
        {c.name: _channel_content(c) for c in first.channels},
    )
    samples: dict[tuple[str, str], str] = {}
    by_name = {c.name: c for c in first.channels}
    for c in second.channels:
        if c.name in channels:
            one = by_name[channels[c.name]]
            found = matcher.match(
                f"channel {one.name!r}: sample",
                {s.name: _sample_content(s) for s in c.samples},
                {s.name: _sample_content(s) for s in one.samples},
                "sample",
            )
            samples |= {(c.name, sample): name for sample, name in found.items()}
    measurements = matcher.match(
        "measurement", {m.name: "any" for m in second.measurements}, {m.name: "any" for m in first.measurements}
    )
    entries = _entries(first, second, channels, samples, matcher)
    return Alignment(
        channels=channels,
        samples=samples,
        entries=entries,
        measurements=measurements,
        renamed=tuple(matcher.renamed),
        respelt=tuple(matcher.respelt),
    )


class _Matcher:
    """Matches names of two workspaces, and keeps which are not the same."""

    def __init__(self, across: bool, announced: Announced) -> None:
        self.across = across
        self.announced = announced
        self.renamed: list[Renamed] = []
        self.respelt: list[str] = []

    def names(self, kind: str) -> dict[str, str]:
        """What parts of a kind were called before they were renamed."""
        return {new: old for what, old, new in self.announced if what == kind}

    def match(
        self, what: str, second: Mapping[str, object], first: Mapping[str, object], kind: str = ""
    ) -> dict[str, str]:
        """Names of the second and the first.

        Announced ones; equal ones; those that ROOT spells in the same way; those whose content is the only one of its
        kind in both.
        """
        told = self.names(kind or what)
        matched = {name: told[name] for name in second if told.get(name) in first}
        gone = set(matched.values())
        matched |= {name: name for name in second if name in first and name not in matched and name not in gone}
        if self.across:
            spelt = self._unique(first, matched.values(), spelling)
            for name, key in self._unique(second, matched, spelling).items():
                for other, other_key in spelt.items():
                    if key == other_key:
                        matched[name] = other
                        self.respelt.append(f"{what} {other!r} is spelt {name!r} in the second, for ROOT")
        content = self._unique(first, matched.values(), lambda n: repr(first[n]))
        by_content = {key: name for name, key in content.items()}
        for name, key in self._unique(second, matched, lambda n: repr(second[n])).items():
            if key in by_content:
                matched[name] = by_content[key]
                self.renamed.append(Renamed(where=what, first=by_content[key], second=name))
        return matched

    @staticmethod
    def _unique(names: Iterable[str], done: Iterable[str], key: Callable[[str], str]) -> dict[str, str]:
        """The keys of the names that are left, where no two have the same."""
        left = {name: key(name) for name in names if name not in set(done)}
        count = Counter(left.values())
        return {name: k for name, k in left.items() if count[k] == 1}


def spelling(name: str) -> str:
    """What is the same for a name and for what ROOT accepts in its place."""
    if name == "":
        return "measurement"  # the only thing that may have an empty name in both formats
    return _REFUSED.sub("_", name.removeprefix("channel_") if name[8:9].isdigit() else name)


# ---------------------------------------------------------------------------------------------------------- content
def _nine_digits(values: Iterable[float]) -> tuple[str, ...]:
    return tuple(f"{v:.9g}" for v in values)


def _channel_content(channel: Channel) -> object:
    observed = None if channel.observed is None else _nine_digits(channel.observed)
    return observed, sorted(_nine_digits(s.nominal) for s in channel.samples)


def _sample_content(sample: Sample) -> object:
    return _nine_digits(sample.nominal), sorted(map(repr, filter(None, map(_modifier_content, sample.modifiers))))


def _modifier_content(m: Modifier) -> object:
    """The numbers of a modifier that every format states in the same way."""
    match m:
        case NormSys():
            return "normsys", _nine_digits((m.lo, m.hi))
        case HistoSys():
            return "histosys", _nine_digits(chain(m.lo_data, m.hi_data))
        case _:
            return None


def _parameter_content(declared: DeclaredParameter, place: Mapping[tuple[str, str], tuple[str, str]]) -> object:
    uses = sorted(
        (place.get((c.name, s.name), (c.name, s.name)), _kind(m), repr(_modifier_content(m)))
        for c, s, m in declared.uses
    )
    widths = _nine_digits(bin_widths(declared)[1]) if declared.kind == "gamma" else ()
    return declared.kind, declared.size, widths, uses


def _kind(m: Modifier) -> str:
    """Kind of a modifier, the same for what formats say differently."""
    match m:
        case ShapeSys() | StatError():
            return "bin uncertainty"
        case ShapeFactor():
            return "shapefactor"
        case NormFactor():
            return f"normfactor {m.power}"
        case Lumi():
            return "lumi"
        case NormSys():
            return "normsys"
        case HistoSys():
            return "histosys"


# ------------------------------------------------------------------------------------------------------- parameters
def _entries(
    first: Workspace,
    second: Workspace,
    channels: Names,
    samples: Mapping[tuple[str, str], str],
    matcher: _Matcher,
) -> dict[str, str]:
    """Names of the single parameters in the second and in the first."""
    mine, theirs = declared_parameters(first.channels), declared_parameters(second.channels)
    by_root = {(d.kind, root): name for d in mine.values() for root, name in zip(d.root_names, d.names, strict=True)}
    by_name = {(d.kind, name): name for d in mine.values() for name in d.names}
    entries: dict[str, str] = {}
    taken: set[str] = set()
    for new, old in matcher.names("parameter").items():
        if new in theirs and old in mine and _alike(theirs[new], mine[old]):
            entries |= dict(zip(theirs[new].names, mine[old].names, strict=True))
            taken |= set(mine[old].names)
    for d in theirs.values():
        for root, name in zip(d.root_names, d.names, strict=True):
            if name in entries:
                continue
            found = by_root.get((d.kind, _root_name(root, channels))) or by_name.get((d.kind, name))
            if found is not None and found not in taken:
                entries[name] = found
                taken.add(found)
    place = {(c, s): (channels[c], name) for (c, s), name in samples.items()}
    left = {n: d for n, d in theirs.items() if not any(name in entries for name in d.names)}
    free = {n: d for n, d in mine.items() if not taken & set(d.names)}
    for kind in dict.fromkeys(d.kind for d in left.values()):
        sets = matcher.match(
            "parameter",
            {n: _parameter_content(d, place) for n, d in left.items() if d.kind == kind},
            {n: _parameter_content(d, {}) for n, d in free.items() if d.kind == kind},
        )
        for old, new in sets.items():
            if _alike(theirs[old], mine[new]):
                entries |= dict(zip(theirs[old].names, mine[new].names, strict=True))
    return entries


def _alike(one: DeclaredParameter, two: DeclaredParameter) -> bool:
    return one.kind == two.kind and one.size == two.size


def _root_name(root: str, channels: Names) -> str:
    """ROOT's name of a bin factor with the name that the first workspace has for the channel at its end."""
    for old, new in channels.items():
        if old != new and root.startswith("gamma_") and f"_{old}_bin_" in root:
            begin, _, bin_ = root.rpartition(f"_{old}_bin_")
            return f"{begin}_{new}_bin_{bin_}"
    return root
