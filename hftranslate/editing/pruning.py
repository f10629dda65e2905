"""A workspace without some of its parts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hftranslate.display.speaking import named
from hftranslate.editing.names import (
    channel_names,
    check_known,
    measurement_names,
    modifier_names,
    modifier_words,
    sample_names,
)
from hftranslate.errors import InputError, InvalidWorkspace, MissingInput, did_you_mean
from hftranslate.workspace import (
    MODIFIER_TYPES,
    Channel,
    Measurement,
    Modifier,
    Numbers,
    ParameterConfig,
    Sample,
    StatError,
    Workspace,
)
from hftranslate.workspace.map import all_modifiers, modifiers_of, with_numbers
from hftranslate.workspace.model import check_workspaces
from hftranslate.workspace.observations import observations, with_observations
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Parts of a workspace that are named by where they are.

    Attributes
    ----------
    samples_in
        (channel, sample).
    modifiers_in
        (channel, sample, modifier): modifiers of all types with this name.
    bins
        (channel, index), counted from zero over all axes with x running fastest.

    Raises
    ------
    InputError
        A place has another number of words.
    """

    samples_in: Collection[tuple[str, str]] = ()
    modifiers_in: Collection[tuple[str, str, str]] = ()
    bins: Collection[tuple[str, int]] = ()

    def __post_init__(self) -> None:
        for what, words, places in (
            ("samples_in", 2, self.samples_in),
            ("modifiers_in", 3, self.modifiers_in),
            ("bins", 2, self.bins),
        ):
            for place in places:
                if isinstance(place, str) or len(place) != words:
                    raise InputError(f"{what}: expected places of {words} words each, not {place!r}")


NOWHERE = Places()


def prune(
    workspace: Workspace,
    *,
    channels: str | Collection[str] = (),
    samples: str | Collection[str] = (),
    modifiers: str | Collection[str] = (),
    modifier_types: str | Collection[str] = (),
    measurements: str | Collection[str] = (),
    places: Places = NOWHERE,
) -> Workspace:
    """The workspace without what is named.

    Parameters
    ----------
    workspace
        the model.
    channels, samples, modifiers, modifier_types, measurements
        names, as for pyhf's function: samples and modifiers go from all channels, and the settings of a modifier's
        parameter with it (those of parameters that are without a modifier for another reason stay).
    places
        what goes from one place only. Bin factors of the bins that stay are counted anew; bin edges are kept where the
        rest is still one range.

    Returns
    -------
    Workspace
        a new one of what is left.

    Raises
    ------
    MissingInput
        A name or index is not there.
    InvalidWorkspace
        Nothing would be left of a channel or of the workspace, or factors shared by channels would no longer fit.
    """
    check_workspaces(workspace)
    channels, samples, modifiers = map(named, (channels, samples, modifiers))
    modifier_types, measurements = named(modifier_types), named(measurements)
    check_known(channels, channel_names(workspace), "channel")
    check_known(samples, sample_names(workspace), "sample")
    check_known(modifiers, modifier_names(workspace), "modifier")
    check_known(modifier_types, modifier_words(workspace), "modifier of the type")
    check_known(measurements, measurement_names(workspace), "measurement")
    _check_places(workspace, places.samples_in, places.modifiers_in)
    told = [item for item in observations(workspace) if item[0] not in channels]
    workspace = _without_bins(workspace, _by_channel(workspace, places.bins))

    def modifiers_left(c: Channel, s: Sample) -> tuple[Modifier, ...]:
        return tuple(
            m
            for m in s.modifiers
            if m.name not in modifiers
            and MODIFIER_TYPES[type(m)] not in modifier_types
            and (c.name, s.name, m.name) not in places.modifiers_in
        )

    kept: list[Channel] = []
    for c in workspace.channels:
        if c.name in channels:
            continue
        left = [s for s in c.samples if s.name not in samples and (c.name, s.name) not in places.samples_in]
        if not left:
            raise InvalidWorkspace(f"pruning leaves channel {c.name!r} without samples; prune the channel too")
        kept.append(replace(c, samples=tuple(replace(s, modifiers=modifiers_left(c, s)) for s in left)))
    if not kept:
        raise InvalidWorkspace("pruning leaves no channel; a workspace needs at least one")
    gone = set(modifiers) | _names_not_on({m for _, _, m in places.modifiers_in}, kept)
    entries = _staterrors_left(workspace, kept)
    wanted = tuple(
        _settings_with(_without_settings(m, gone), entries)
        for m in workspace.measurements
        if m.name not in measurements
    )
    if not wanted:
        raise InvalidWorkspace("pruning leaves no measurement; a workspace needs at least one")
    pruned = replace(
        workspace,
        channels=tuple(kept),
        measurements=wanted,
        functions=tuple(f for f in workspace.functions if f.name not in gone),
    )
    data = {c.name: c.observed for c in workspace.channels}
    return with_observations(pruned, [(name, data.get(name) or numbers) for name, numbers in told])


def _check_places(
    workspace: Workspace, samples: Collection[tuple[str, str]], modifiers: Collection[tuple[str, str, str]]
) -> None:
    places = {(c.name, s.name): s for c in workspace.channels for s in c.samples}
    for channel, sample, *rest in (*samples, *modifiers):
        names = [s.name for s in workspace.channel(channel).samples]
        if sample not in names:
            raise MissingInput(f"channel {channel!r} has no sample {sample!r}" + did_you_mean(sample, names))
        valid = {m.name for m in places[channel, sample].modifiers}
        for modifier in rest:
            if modifier not in valid:
                raise MissingInput(
                    f"channel {channel!r}, sample {sample!r} has no modifier {modifier!r}"
                    + did_you_mean(modifier, valid)
                )


def _names_not_on(names: set[str], channels: list[Channel]) -> set[str]:
    return names - {m.name for m in all_modifiers(channels)}


def _without_settings(measurement: Measurement, names: set[str]) -> Measurement:
    return replace(
        measurement,
        parameters=tuple(p for p in measurement.parameters if p.name not in names),
        constraint_terms=tuple(t for t in measurement.constraint_terms if t.name not in names),
    )


# ------------------------------------------------------------------------------------------------------------- bins
#: For each channel that loses bins, those that stay.
Kept = Mapping[str, list[int]]


def _by_channel(workspace: Workspace, bins: Collection[tuple[str, int]]) -> Kept:
    pruned: dict[str, set[int]] = {}
    for name, index in bins:
        n = workspace.channel(name).n_bins
        if not 0 <= index < n:
            raise MissingInput(f"channel {name!r} has no bin {index}; its bins are 0 to {n - 1}")
        pruned.setdefault(name, set()).add(index)
    kept = {}
    for name, indices in pruned.items():
        n = workspace.channel(name).n_bins
        if len(indices) == n:
            raise InvalidWorkspace(f"pruning leaves channel {name!r} without bins; prune the channel instead")
        kept[name] = [i for i in range(n) if i not in indices]
    return kept


def _without_bins(workspace: Workspace, kept: Kept) -> Workspace:
    if not kept:
        return workspace
    entries = {
        name: _entries_left(declared, workspace, kept)
        for name, declared in declared_parameters(workspace.channels).items()
        if declared.kind == "gamma" and any(c.name in kept for c, _, _ in declared.uses)
    }
    return replace(
        workspace,
        channels=tuple(_channel_with(c, kept[c.name]) if c.name in kept else c for c in workspace.channels),
        measurements=tuple(_settings_with(m, entries) for m in workspace.measurements),
    )


def _entries_left(declared: DeclaredParameter, workspace: Workspace, kept: Kept) -> list[int]:
    """Which entries of a set of bin factors stay."""
    if any(declared.modifiers(StatError)):
        left, start = [], 0
        for name in declared.bin_channels:
            n = workspace.channel(name).n_bins
            left += [start + i for i in kept.get(name, range(n))]
            start += n
        return left
    bins = {c.name: kept.get(c.name, list(range(c.n_bins))) for c, _, _ in declared.uses}
    (first, left), *others = bins.items()
    for name, other in others:
        if other != left:
            raise InvalidWorkspace(
                f"{declared.name!r} shares its bin factors between channel {first!r} and channel {name!r}; "
                "prune the same bins in both"
            )
    return left


def _staterrors_left(workspace: Workspace, kept: list[Channel]) -> dict[str, list[int]]:
    """Entries that stay of the staterrors over several channels that are no longer in all of them."""
    remain = {(c.name, m.name) for c in kept for m in modifiers_of([c], StatError)}
    entries = {}
    spread: dict[str, list[Channel]] = {}
    for c in sorted(workspace.channels, key=lambda c: c.name):
        for name in {m.name for m in modifiers_of([c], StatError)}:
            spread.setdefault(name, []).append(c)
    for name, channels in spread.items():
        stays = [(c.name, name) in remain for c in channels for _ in range(c.n_bins)]
        if any(stays) and not all(stays):
            entries[name] = [i for i, stay in enumerate(stays) if stay]
    return entries


def _channel_with(channel: Channel, kept: list[int]) -> Channel:
    def numbers_left(values: Numbers) -> Numbers:
        return tuple(values[i] for i in kept)

    return replace(
        channel,
        samples=tuple(with_numbers(s, numbers_left) for s in channel.samples),
        observed=None if channel.observed is None else numbers_left(channel.observed),
        edges=_edges_with(channel.edges, kept),
    )


def _edges_with(edges: tuple[Numbers, ...] | None, kept: list[int]) -> tuple[Numbers, ...] | None:
    if edges is None or len(edges) > 1 or kept != list(range(kept[0], kept[-1] + 1)):
        return None
    return (edges[0][kept[0] : kept[-1] + 2],)


def _settings_with(measurement: Measurement, entries: Mapping[str, list[int]]) -> Measurement:
    def left(p: ParameterConfig) -> ParameterConfig:
        indices = entries.get(p.name)
        if indices is None:
            return p
        changed: dict[str, Any] = {}
        for attribute in ("inits", "bounds", "fixed", "auxdata", "sigmas", "factors"):
            values = getattr(p, attribute)
            if isinstance(values, tuple) and len(values) > max(indices):
                changed[attribute] = tuple(values[i] for i in indices)
        return replace(p, **changed)

    moved = {f"{name}[{old}]": f"{name}[{new}]" for name, kept in entries.items() for new, old in enumerate(kept)}
    for poi in measurement.pois:
        if poi not in moved and poi.endswith("]") and poi.rpartition("[")[0] in entries:
            raise InvalidWorkspace(
                f"measurement {measurement.name!r}: the parameter of interest {poi!r} is the factor of a pruned bin"
            )
    return replace(
        measurement,
        parameters=tuple(map(left, measurement.parameters)),
        pois=tuple(moved.get(p, p) for p in measurement.pois),
    )
