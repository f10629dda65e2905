"""Which parameters a set of channels declares, and what pyhf and ROOT call them.

=============  =======================  =====================================
modifier       pyhf                     ROOT
=============  =======================  =====================================
lumi           ``lumi``                 ``Lumi``
normfactor     ``k``                    ``k``
normsys        ``X``                    ``alpha_X``
histosys       ``X``                    ``alpha_X``
shapesys       ``S[i]``                 ``gamma_S_bin_i``
shapefactor    ``F[i]``                 ``gamma_F_bin_i``
staterror      ``staterror_C[i]``       ``gamma_stat_C_bin_i`` (C: the channel)
=============  =======================  =====================================

ROOT's names are made of the modifier's ``stem`` where it has one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import chain
from operator import attrgetter
from typing import Literal, TypeAlias

from hftranslate.errors import InvalidWorkspace
from hftranslate.records import record
from hftranslate.workspace import (
    MODIFIER_TYPES,
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
from hftranslate.workspace.caching import Same

ParameterKind = Literal["lumi", "normfactor", "alpha", "gamma"]
Use: TypeAlias = tuple[Channel, Sample, Modifier]
Rename: TypeAlias = Callable[[Modifier], Modifier]

_KINDS: dict[type[Modifier], ParameterKind] = {
    HistoSys: "alpha",
    Lumi: "lumi",
    NormFactor: "normfactor",
    NormSys: "alpha",
    ShapeFactor: "gamma",
    ShapeSys: "gamma",
    StatError: "gamma",
}
#: The types of which a sample has many.
_SYSTEMATICS = frozenset((HistoSys, NormSys))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredParameter:
    """A parameter set as the modifiers declare it: one number, or one per bin.

    Attributes
    ----------
    name
        pyhf's name of the set.
    kind
        what it is.
    found
        what all parameters of the channels enter: channels in alphabetical order, samples as they stand, which is the
        order in which ROOT settles conflicts.
    root_names
        ROOT's name of each entry.
    bin_channels
        for bin factors of a staterror over several channels, the channels whose bins are strung together;
        otherwise the first channel, or that of the staterror.
    listed
        the channels of bin factors in the order in which the workspace lists them.
    """

    name: str
    kind: ParameterKind
    found: "Uses" = field(repr=False, compare=False)
    root_names: tuple[str, ...]
    bin_channels: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    @property
    def uses(self) -> tuple[Use, ...]:
        """Every (channel, sample, modifier) that it enters."""
        return self.found.of(self.name, self.kind)

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self.root_names)

    @property
    def names(self) -> tuple[str, ...]:
        """pyhf's name of each entry."""
        return (self.name,) if self.kind != "gamma" else tuple(f"{self.name}[{i}]" for i in range(self.size))

    def modifiers(self, *types: type[Modifier]) -> Iterator[Use]:
        """The uses by modifiers of the given types."""
        return (use for use in self.uses if isinstance(use[2], types))


def bin_labels(channel: Channel) -> list[str]:
    """ROOT's bin indices within a channel: ``0, 1, ...``, or ``ix_iy`` with x running fastest in two dimensions.

    Parameters
    ----------
    channel
        with its bins, and their axes where they are known.

    Returns
    -------
    list of str
        one for each bin.
    """
    labels = [""]
    for axis in reversed(channel.edges) if channel.edges and len(channel.edges) > 1 else [range(channel.n_bins + 1)]:
        labels = [f"{i}_{tail}" if tail else str(i) for tail in labels for i in range(len(axis) - 1)]
    return labels


def staterror_name(channel: str) -> str:
    """The name that a staterror read from XML, where it has none, gets in JSON."""
    return f"staterror_{channel}"


def stem(modifier: Modifier) -> str:
    """What ROOT's name of the modifier's parameter is made of; of a staterror, that is its channel instead."""
    return getattr(modifier, "stem", "") or modifier.name


def with_names(channels: Iterable[Channel], names: Mapping[str, str], channel_names: Mapping[str, str]) -> Rename:
    """What gives modifiers of these channels other names, of which ROOT's are made, too.

    Parameters
    ----------
    names, channel_names
        new names of modifiers and of channels, by the old ones.
    """
    modifiers = [(c.name, m) for c in channels for s in c.samples for m in s.modifiers]
    staterrors = {m.name: channel for channel, m in modifiers if isinstance(m, StatError)}

    def renamed(modifier: Modifier) -> Modifier:
        new = names.get(modifier.name, modifier.name)
        if isinstance(modifier, Lumi | StatError):
            return modifier if new == modifier.name else replace(modifier, name=new)
        channel = staterrors.get(modifier.name)
        if channel is not None and modifier.stem == staterror_stem(channel):  # it shares the factors of the staterror
            return replace(modifier, name=new, stem=staterror_stem(channel_names.get(channel, channel)))
        return modifier if new == modifier.name else replace(modifier, name=new, stem="")

    return renamed


def staterror_stem(channel: str) -> str:
    """The name that a shapesys has in XML if it shares its factors with the staterror of the channel."""
    return f"stat_{channel}"


@record
class SampleNames:
    """The names that the modifiers of a sample use: it need not be looked at again where models share it.

    Attributes
    ----------
    stems
        for each of :data:`~hftranslate.workspace.MODIFIER_TYPES`, in their order, the names in alphabetical order with
        what ROOT's are made of.
    others
        the modifiers that are no systematics of shapes and norms: of thousands, these are few.
    """

    stems: tuple[dict[str, str], ...]
    others: tuple[Modifier, ...]

    @classmethod
    def of(cls, sample: Sample) -> "SampleNames":
        """Those of a sample."""
        by_class: dict[type[Modifier], dict[str, str]] = {kind: {} for kind in MODIFIER_TYPES}
        for m in sorted(sample.modifiers, key=_BY_NAME):
            by_class[type(m)][m.name] = stem(m)
        return cls(
            stems=tuple(by_class.values()),
            others=tuple(m for m in sample.modifiers if type(m) not in _SYSTEMATICS),
        )


class Uses:
    """Where the parameters of some channels enter; it is looked for when it is asked for."""

    def __init__(self, channels: Iterable[Channel], names: Mapping[int, SampleNames]) -> None:
        self._channels, self._names = sorted(channels, key=_BY_NAME), names

    def of(self, name: str, kind: ParameterKind) -> tuple[Use, ...]:
        """Those of one parameter."""
        return (self._systematics if kind == "alpha" else self._others)[name]

    @cached_property
    def _systematics(self) -> dict[str, tuple[Use, ...]]:
        return _by_name((c, s, m) for c in self._channels for s in c.samples for m in s.modifiers)

    @cached_property
    def _others(self) -> dict[str, tuple[Use, ...]]:
        return _by_name((c, s, m) for c in self._channels for s in c.samples for m in self._names[id(s)].others)


def _by_name(uses: Iterable[Use]) -> dict[str, tuple[Use, ...]]:
    """Uses by name, those of each type of modifier together."""
    by_class: dict[type[Modifier], dict[str, list[Use]]] = {kind: {} for kind in MODIFIER_TYPES}
    for use in uses:
        by_class[type(use[2])].setdefault(use[2].name, []).append(use)
    names = dict.fromkeys(chain.from_iterable(by_class.values()))
    return {
        name: tuple(chain.from_iterable(of_class.get(name, ()) for of_class in by_class.values())) for name in names
    }


def declared_parameters(channels: Iterable[Channel]) -> dict[str, DeclaredParameter]:
    """All parameter sets that the modifiers of these channels declare, by name, in pyhf's order.

    Parameters
    ----------
    channels
        in any order.

    Returns
    -------
    dict
        each set with its size, its names in ROOT, and the modifiers that use it.

    Raises
    ------
    InvalidWorkspace
        One name is used for parameters of different kinds or sizes.
    """
    return dict(_declared_parameters(Same(tuple(channels))))


_BY_NAME = attrgetter("name")


@lru_cache(maxsize=2)  # every step of a translation asks, and it takes as long as the step
def _declared_parameters(key: Same[tuple[Channel, ...]]) -> dict[str, DeclaredParameter]:
    return declare_parameters(key.value, {})


def declare_parameters(channels: Sequence[Channel], known: Mapping[int, SampleNames]) -> dict[str, DeclaredParameter]:
    """:func:`declared_parameters` of channels with samples whose names are known, by the identity of the samples."""
    samples = [s for c in sorted(channels, key=_BY_NAME) for s in sorted(c.samples, key=_BY_NAME)]
    names = {id(s): known.get(id(s)) or SampleNames.of(s) for s in samples}
    stems: dict[type[Modifier], dict[str, str]] = {}
    pairs = set[tuple[str, str]]()
    for kind, parts in zip(MODIFIER_TYPES, zip(*(n.stems for n in names.values()), strict=True), strict=True):
        stems[kind] = of_kind = dict[str, str]()
        for part in parts:  # what was met before keeps its place
            of_kind.update(part)
            if kind not in (Lumi, StatError):
                pairs.update(part.items())
    stems[StatError] = dict(sorted(stems[StatError].items()))
    found = Uses(channels, names)
    kinds: dict[str, set[ParameterKind]] = {}
    for kind, of_kind in stems.items():
        for name in of_kind:
            kinds.setdefault(name, set()).add(_KINDS[kind])
    own: dict[str, set[str]] = {}
    for name, own_stem in pairs:
        own.setdefault(name, set()).add(own_stem)
    places = {channel.name: i for i, channel in enumerate(channels)}
    several = _channels_with_several_staterrors(found, stems[StatError])
    return {name: _declare(name, found, kinds[name], own.get(name, set()), several, places) for name in kinds}


def _channels_with_several_staterrors(found: Uses, names: Iterable[str]) -> set[str]:
    staterrors: dict[str, set[str]] = {}
    for name in names:
        for channel, _, m in found.of(name, "gamma"):
            if isinstance(m, StatError):
                staterrors.setdefault(channel.name, set()).add(name)
    return {channel for channel, of_channel in staterrors.items() if len(of_channel) > 1}


def _declare(
    name: str,
    found: Uses,
    kinds: set[ParameterKind],
    stems: set[str],
    several_staterrors: set[str],
    places: dict[str, int],
) -> DeclaredParameter:
    if len(kinds) > 1:
        raise InvalidWorkspace(_cannot_share(name, found))
    (kind,) = kinds
    if kind == "lumi":
        return DeclaredParameter(name=name, kind=kind, found=found, root_names=("Lumi",))
    if len(stems) > 1:
        words = ", ".join(map(repr, sorted(stems)))
        raise InvalidWorkspace(f"the name {name!r} stands for several parameters, which ROOT calls {words}")
    if kind == "gamma":
        return _declare_bin_factors(name, found, several_staterrors, places)
    (own,) = stems
    root = own if kind == "normfactor" else f"alpha_{own}"
    return DeclaredParameter(name=name, kind=kind, found=found, root_names=(root,))


def _declare_bin_factors(
    name: str, found: Uses, several_staterrors: set[str], places: dict[str, int]
) -> DeclaredParameter:
    """Bin factors of staterrors, or of shapesys and shapefactors, which may share those of one staterror."""
    uses = found.of(name, "gamma")
    channels = list({c.name: c for c, _, _ in uses}.values())
    staterrors = list({c.name: c for c, _, m in uses if isinstance(m, StatError)}.values())
    others = [m for _, _, m in uses if not isinstance(m, StatError)]
    alone = len(staterrors) == 1 and staterrors[0].name not in several_staterrors
    if staterrors and others and not (alone and {stem(m) for m in others} == {staterror_stem(staterrors[0].name)}):
        raise InvalidWorkspace(_cannot_share(name, found))
    first = (staterrors or channels)[0]
    if others:
        for c in channels:
            if c.n_bins != first.n_bins:
                raise InvalidWorkspace(
                    f"{MODIFIER_TYPES[type(others[0])]} {name!r} is shared by channel {first.name!r} with "
                    f"{first.n_bins} bins and channel {c.name!r} with {c.n_bins} bins"
                )
    strung = [first] if others else channels
    if alone:
        root = tuple(f"gamma_{staterror_stem(first.name)}_bin_{b}" for b in bin_labels(first))
    elif len(strung) == 1:
        own = stem(others[0]) if others else name
        root = tuple(f"gamma_{own}_bin_{b}" for b in bin_labels(first))
    else:
        root = tuple(f"gamma_{name}_{c.name}_bin_{b}" for c in strung for b in bin_labels(c))
    return DeclaredParameter(
        name=name,
        kind="gamma",
        found=found,
        root_names=root,
        bin_channels=tuple(c.name for c in strung),
        listed=tuple(sorted((c.name for c in channels), key=places.__getitem__)),
    )


def _cannot_share(name: str, found: Uses) -> str:
    uses = found.of(name, "alpha")  # of all kinds
    channel, sample, _ = uses[-1]
    words = sorted({MODIFIER_TYPES[type(m)] for _, _, m in uses})
    return (
        f"the name {name!r} is used for {' and '.join(words)} (last in channel {channel.name!r}, "
        f"sample {sample.name!r}); these cannot share a parameter"
    )


# ------------------------------------------------------------------------------------------------------ short of space
#: By how many letters a name may exceed its room, to differ from another.
_MOST_MORE = 48


def shortened(text: str, longest: int) -> str:
    """A name without its middle where it is longer than there is room for."""
    if len(text) <= longest:
        return text
    left = (longest - 1) // 2
    return f"{text[:left]}…{text[-(longest - 1 - left) :]}"


def shortened_all(names: Sequence[str], longest: int) -> list[str]:
    """Names, each shortened as far as it still differs from the others; numbered where it would have to be longer."""
    short = [shortened(name, longest) for name in names]
    step = 8
    while len(set(short)) < len(set(names)) and step < _MOST_MORE:
        again = {s for s in short if short.count(s) > 1}
        short = [shortened(n, longest + step) if s in again else s for n, s in zip(names, short, strict=True)]
        step += 8
    places: dict[str, list[str]] = {}
    for name, text in dict(zip(names, short, strict=True)).items():
        places.setdefault(text, []).append(name)
    return [
        f"{text} ({places[text].index(name) + 1})" if len(places[text]) > 1 else text
        for name, text in zip(names, short, strict=True)
    ]
