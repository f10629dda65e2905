"""Walking through a workspace: the one way to look at all modifiers, and the one way to change them or their numbers.

What is changed is a copy; a part in which nothing changed is the same object as before.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias, TypeVar, cast

from hftranslate.workspace.model import (
    Channel,
    HistoSys,
    Measurement,
    Modifier,
    NormFactor,
    Number,
    Numbers,
    ParameterConfig,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)

M = TypeVar("M")
#: What takes the place of a modifier: another one, several, or none.
Replacement: TypeAlias = Modifier | tuple[Modifier, ...] | None


def all_uses(channels: Iterable[Channel]) -> Iterator[tuple[Channel, Sample, Modifier]]:
    """Every modifier with the channel and the sample that it stands on, in the order of the workspace."""
    return ((c, s, m) for c in channels for s in c.samples for m in s.modifiers)


def all_modifiers(channels: Iterable[Channel]) -> Iterator[Modifier]:
    """Every modifier of some channels, in their order."""
    return (m for c in channels for s in c.samples for m in s.modifiers)


def modifiers_of(channels: Iterable[Channel], *kinds: type[M]) -> Iterator[M]:
    """Every modifier of the given kinds, in the order of the channels."""
    return (cast(M, m) for c in channels for s in c.samples for m in s.modifiers if isinstance(m, kinds))


def has(sample: Sample, kind: type[Modifier]) -> bool:
    """Whether a modifier of this kind stands on the sample."""
    return any(isinstance(m, kind) for m in sample.modifiers)


def is_scaled_by(sample: Sample, names: Collection[str]) -> bool:
    """Whether one of these norm factors stands on the sample."""
    return any(isinstance(m, NormFactor) and m.name in names for m in sample.modifiers)


def pois_of(workspace: Workspace) -> set[str]:
    """Parameters of interest of all measurements."""
    return {poi for m in workspace.measurements for poi in m.pois}


def signal_samples(workspace: Workspace) -> list[tuple[Channel, Sample]]:
    """Samples that a parameter of interest scales."""
    pois = pois_of(workspace)
    return [(c, s) for c in workspace.channels for s in c.samples if is_scaled_by(s, pois)]


def sample_with_modifiers(sample: Sample, change: Callable[[Modifier], Replacement]) -> Sample:
    """The sample with every modifier replaced by what ``change`` makes of it."""
    modifiers: list[Modifier] = []
    for m in sample.modifiers:
        new = change(m)
        if isinstance(new, tuple):
            modifiers += new
        elif new is not None:
            modifiers.append(new)
    return sample if tuple(modifiers) == sample.modifiers else replace(sample, modifiers=tuple(modifiers))


def with_samples(channel: Channel, change: Callable[[Sample], Sample]) -> Channel:
    """The channel with every sample replaced by what ``change`` makes of it."""
    samples = tuple(map(change, channel.samples))
    same = all(new is old for new, old in zip(samples, channel.samples, strict=True))
    return channel if same else replace(channel, samples=samples)


def with_modifiers(channel: Channel, change: Callable[[Modifier], Replacement]) -> Channel:
    """The channel with every modifier replaced by what ``change`` makes of it."""
    return with_samples(channel, lambda s: sample_with_modifiers(s, change))


def map_samples(workspace: Workspace, change: Callable[[Channel, Sample], Sample]) -> Workspace:
    """The workspace with every sample replaced by what ``change`` makes of it and its channel."""
    channels = tuple(with_samples(c, lambda s, c=c: change(c, s)) for c in workspace.channels)  # type: ignore[misc]
    same = all(new is old for new, old in zip(channels, workspace.channels, strict=True))
    return workspace if same else replace(workspace, channels=channels)


def map_modifiers(workspace: Workspace, change: Callable[[Channel, Sample, Modifier], Replacement]) -> Workspace:
    """The workspace with every modifier replaced by what ``change`` makes of it, its channel and its sample."""
    return map_samples(workspace, lambda c, s: sample_with_modifiers(s, lambda m: change(c, s, m)))


def with_numbers(sample: Sample, change: Callable[[Numbers], Numbers], *, fractions: bool = True) -> Sample:
    """The sample with everything that it says per bin replaced: nominal yields, variations, uncertainties of bins.

    Parameters
    ----------
    fractions
        also what is a fraction of the nominal yields, not events.
    """

    def changed(m: Modifier) -> Modifier:
        match m:
            case HistoSys():
                return replace(m, lo_data=change(m.lo_data), hi_data=change(m.hi_data))
            case StatError():
                return replace(m, data=change(m.data))
            case ShapeSys() if fractions or not m.relative:
                further = tuple(replace(u, data=change(u.data)) for u in m.further)
                return replace(m, data=change(m.data), further=further)
            case _:
                return m

    modifiers = tuple(map(changed, sample.modifiers))
    return replace(sample, nominal=change(sample.nominal), modifiers=modifiers)


def with_events(sample: Sample, change: Callable[[Number], Number]) -> Sample:
    """The sample with every number of events in it replaced, in all of its bins."""
    return with_numbers(sample, lambda values: tuple(map(change, values)), fractions=False)


def scaled(sample: Sample, factor: float) -> Sample:
    """All yields of a sample times a factor, with their variations and absolute uncertainties."""
    return sample if factor == 1.0 else with_events(sample, lambda events: factor * events)


def map_parameters(
    workspace: Workspace, change: Callable[[Measurement, ParameterConfig], ParameterConfig | None]
) -> Workspace:
    """The workspace with every parameter setting replaced by ``change(...)``, or removed where that is ``None``."""
    measurements = tuple(
        replace(m, parameters=tuple(n for p in m.parameters if (n := change(m, p)) is not None))
        for m in workspace.measurements
    )
    return replace(workspace, measurements=measurements)


def set_parameters(measurement: Measurement, configs: Iterable[ParameterConfig]) -> Measurement:
    """The measurement with the settings of some parameters replaced, or added at the end."""
    by_name = {p.name: p for p in measurement.parameters} | {c.name: c for c in configs}
    return replace(measurement, parameters=tuple(by_name.values()))


def set_parameter(measurement: Measurement, config: ParameterConfig) -> Measurement:
    """The measurement with the settings of one parameter replaced, or added at the end."""
    return set_parameters(measurement, [config])
