"""Changed copies of a workspace: what its files cannot say, and what may have been meant instead.

Each function returns the workspace with one thing changed, the same object where nothing was to change.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from hftranslate.workspace import (
    BinConstraint,
    HistoSys,
    HistoSysCode,
    Lumi,
    Measurement,
    Modifier,
    NormSys,
    NormSysCode,
    Numbers,
    ParameterConfig,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)

Change = Callable[[Workspace], Workspace]


def with_modifiers(workspace: Workspace, change: Callable[[Modifier, Sample], Modifier]) -> Workspace:
    """Every modifier replaced by what ``change`` makes of it and its sample."""
    channels = []
    for channel in workspace.channels:
        samples = []
        for sample in channel.samples:
            modifiers = tuple(change(m, sample) for m in sample.modifiers)
            samples.append(sample if modifiers == sample.modifiers else replace(sample, modifiers=modifiers))
        channels.append(channel if tuple(samples) == channel.samples else replace(channel, samples=tuple(samples)))
    return workspace if tuple(channels) == workspace.channels else replace(workspace, channels=tuple(channels))


def with_interpolation(
    workspace: Workspace, *, histosys: HistoSysCode | None = None, normsys: NormSysCode | None = None
) -> Workspace:
    """Another interpolation code for all HistoSys, or all NormSys."""

    def change(m: Modifier, _: Sample) -> Modifier:
        if isinstance(m, HistoSys) and histosys is not None:
            return replace(m, interpolation=histosys)
        if isinstance(m, NormSys) and normsys is not None:
            return replace(m, interpolation=normsys)
        return m

    return with_modifiers(workspace, change)


def with_staterror(
    workspace: Workspace, *, constraint: BinConstraint | None = None, threshold: float | None = None
) -> Workspace:
    """Another constraint type, or another threshold, for all StatErrors."""

    def change(m: Modifier, _: Sample) -> Modifier:
        if not isinstance(m, StatError):
            return m
        changed = m if constraint is None else replace(m, constraint=constraint)
        return changed if threshold is None else replace(changed, threshold=threshold)

    return with_modifiers(workspace, change)


def with_shapesys(workspace: Workspace, constraint: BinConstraint) -> Workspace:
    """Another constraint type for all ShapeSys."""

    def change(m: Modifier, _: Sample) -> Modifier:
        return replace(m, constraint=constraint) if isinstance(m, ShapeSys) else m

    return with_modifiers(workspace, change)


def with_measurements(workspace: Workspace, change: Callable[[Measurement], Measurement]) -> Workspace:
    """Every measurement replaced by what ``change`` makes of it."""
    measurements = tuple(map(change, workspace.measurements))
    return workspace if measurements == workspace.measurements else replace(workspace, measurements=measurements)


def with_setting(workspace: Workspace, name: str, change: Callable[[ParameterConfig], ParameterConfig]) -> Workspace:
    """The settings of a parameter set replaced in all measurements."""

    def changed(measurement: Measurement) -> Measurement:
        before = measurement.parameter(name)
        after = change(before)
        if after == before:
            return measurement
        others = tuple(p for p in measurement.parameters if p.name != name)
        if len(others) == len(measurement.parameters):
            return replace(measurement, parameters=(*others, after))
        parameters = tuple(after if p.name == name else p for p in measurement.parameters)
        return replace(measurement, parameters=parameters)

    return with_measurements(workspace, changed)


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
    return sum(any(isinstance(m, Lumi) for m in s.modifiers) for s in samples), len(samples)


def scaled(sample: Sample, factor: float) -> Sample:
    """All yields of a sample times a factor."""

    def times(values: Numbers) -> Numbers:
        return tuple(factor * v for v in values)

    def change(m: Modifier) -> Modifier:
        if isinstance(m, HistoSys):
            return replace(m, lo_data=times(m.lo_data), hi_data=times(m.hi_data))
        if isinstance(m, StatError) or (isinstance(m, ShapeSys) and not m.relative):
            return replace(m, data=times(m.data))
        return m

    return replace(sample, nominal=times(sample.nominal), modifiers=tuple(map(change, sample.modifiers)))


def with_lumi(
    workspace: Workspace, carries: Callable[[str, Sample], bool], *, constant: float | None = None
) -> Workspace:
    """The luminosity on those samples that ``carries`` chooses, by channel name and sample.

    With ``constant``, samples that lose it are multiplied by this number instead.
    """
    lumis = (m.name for c in workspace.channels for s in c.samples for m in s.modifiers if isinstance(m, Lumi))
    name = next(lumis, "lumi")

    def changed(channel: str, sample: Sample) -> Sample:
        others = tuple(m for m in sample.modifiers if not isinstance(m, Lumi))
        has = len(others) < len(sample.modifiers)
        if carries(channel, sample) == has:
            return sample
        if has:
            without = replace(sample, modifiers=others)
            return without if constant is None else scaled(without, constant)
        return replace(sample, modifiers=(Lumi(name=name), *others))

    channels = tuple(replace(c, samples=tuple(changed(c.name, s) for s in c.samples)) for c in workspace.channels)
    return workspace if channels == workspace.channels else replace(workspace, channels=channels)
