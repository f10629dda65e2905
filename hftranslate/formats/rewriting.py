"""What the steps of a dialect (:mod:`hftranslate.formats.pyhf_json.dialect` is one) are made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from hftranslate.formats.outcomes import Kind, Outcome
from hftranslate.workspace import Channel, Measurement, Modifier, ParameterConfig, Sample, Workspace

Outcomes: TypeAlias = tuple[Outcome, ...]
Rewriting: TypeAlias = tuple[Workspace, Outcomes]
#: What a modifier becomes, by channel, sample and name.
Replacements: TypeAlias = dict[tuple[str, str, str], Modifier]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rewriting of a dialect, with a name for reports."""

    name: str
    apply: Callable[[Workspace], Rewriting]


def outcome(kind: Kind, where: str, what: str) -> Outcome:
    """An outcome without a measured effect."""
    return Outcome(kind=kind, where=where, what=what)


def map_modifiers(workspace: Workspace, change: Callable[[Channel, Sample, Modifier], Modifier | None]) -> Workspace:
    """The workspace with every modifier replaced by ``change(...)``, or removed where that is ``None``."""
    channels = []
    for channel in workspace.channels:
        samples = []
        for sample in channel.samples:
            modifiers = tuple(n for m in sample.modifiers if (n := change(channel, sample, m)) is not None)
            samples.append(sample if modifiers == sample.modifiers else replace(sample, modifiers=modifiers))
        channels.append(replace(channel, samples=tuple(samples)))
    return replace(workspace, channels=tuple(channels))


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


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first few of many."""
    all_names = list(names)
    shown = ", ".join(repr(n) for n in all_names[:4])
    return shown + (f" and {len(all_names) - 4} more" if len(all_names) > 4 else "")
