"""Changed copies of a workspace: what its files cannot say, and what may have been meant instead.

Each function returns the workspace with one thing changed, the same object where nothing was to change.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hftranslate.workspace import (
    Channel,
    HistoSys,
    HistoSysCode,
    Lumi,
    Measurement,
    Modifier,
    NormSys,
    NormSysCode,
    ParameterConfig,
    Sample,
    Workspace,
)
from hftranslate.workspace.map import (
    has,
    map_modifiers,
    map_samples,
    modifiers_of,
    sample_with_modifiers,
    scaled,
    set_parameter,
)

Change = Callable[[Workspace], Workspace]


def with_all(workspace: Workspace, kind: type[Modifier], **fields: Any) -> Workspace:
    """Other values of some fields for all modifiers of a kind: another constraint type, threshold or interpolation."""
    return map_modifiers(workspace, lambda _c, _s, m: replace(m, **fields) if isinstance(m, kind) else m)


def with_interpolation(
    workspace: Workspace, *, histosys: HistoSysCode | None = None, normsys: NormSysCode | None = None
) -> Workspace:
    """Another interpolation code for all HistoSys, or all NormSys."""
    changed = workspace if histosys is None else with_all(workspace, HistoSys, interpolation=histosys)
    return changed if normsys is None else with_all(changed, NormSys, interpolation=normsys)


def with_setting(workspace: Workspace, name: str, change: Callable[[ParameterConfig], ParameterConfig]) -> Workspace:
    """The settings of a parameter set replaced in all measurements."""

    def changed(measurement: Measurement) -> Measurement:
        before = measurement.parameter(name)
        after = change(before)
        return measurement if after == before else set_parameter(measurement, after)

    measurements = tuple(map(changed, workspace.measurements))
    return workspace if measurements == workspace.measurements else replace(workspace, measurements=measurements)


def with_ranges(workspace: Workspace, ranges: Mapping[str, tuple[float, float]]) -> Workspace:
    """Other ranges for parameters of one number, by name."""
    for name, (low, high) in ranges.items():
        workspace = with_setting(workspace, name, lambda p, ends=(low, high): replace(p, bounds=(ends,)))  # type: ignore[misc]
    return workspace


def with_lumi_width(workspace: Workspace, width: Callable[[float, float], float]) -> Workspace:
    """Another width of the luminosity's constraint, from its centre and its width."""

    def change(p: ParameterConfig) -> ParameterConfig:
        if not p.auxdata or not p.sigmas:
            return p
        return replace(p, sigmas=(width(float(p.auxdata[0]), float(p.sigmas[0])),))

    return with_setting(workspace, "lumi", change)


def lumi_carriers(workspace: Workspace) -> tuple[int, int]:
    """How many samples carry the luminosity, and how many samples there are."""
    samples = [s for c in workspace.channels for s in c.samples]
    return sum(has(s, Lumi) for s in samples), len(samples)


def with_lumi(
    workspace: Workspace, carries: Callable[[str, Sample], bool], *, constant: float | None = None
) -> Workspace:
    """The luminosity on those samples that ``carries`` chooses, by channel name and sample.

    With ``constant``, samples that lose it are multiplied by this number instead.
    """
    name = next((m.name for m in modifiers_of(workspace.channels, Lumi)), "lumi")

    def changed(channel: Channel, sample: Sample) -> Sample:
        if carries(channel.name, sample) == has(sample, Lumi):
            return sample
        if not has(sample, Lumi):
            return replace(sample, modifiers=(Lumi(name=name), *sample.modifiers))
        without = sample_with_modifiers(sample, lambda m: None if isinstance(m, Lumi) else m)
        return without if constant is None else scaled(without, constant)

    return map_samples(workspace, changed)
