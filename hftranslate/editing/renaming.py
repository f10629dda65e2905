"""A workspace with other names."""

from collections.abc import Mapping
from dataclasses import replace

from hftranslate.editing.names import (
    channel_names,
    check_known,
    measurement_names,
    modifier_names,
    sample_names,
)
from hftranslate.workspace import Function, Measurement, Workspace
from hftranslate.workspace.functions import renamed_function
from hftranslate.workspace.model import check_workspaces
from hftranslate.workspace.observations import observations, with_observations
from hftranslate.workspace.parameter_names import declared_parameters, stem, with_names
from hftranslate.workspace.parameters import beta_name

Names = Mapping[str, str]


def rename(
    workspace: Workspace,
    *,
    channels: Names | None = None,
    samples: Names | None = None,
    modifiers: Names | None = None,
    measurements: Names | None = None,
) -> Workspace:
    """The workspace with new names, each a mapping from old to new; all at once, so that two can be exchanged.

    A modifier's parameter is renamed with it: in the settings, among the parameters of interest, and in functions.
    Two modifiers of different names that get the same one share their parameter from then on.

    Parameters
    ----------
    workspace
        the model.
    channels, samples, modifiers, measurements
        new names by the old ones.

    Returns
    -------
    Workspace
        a new one.

    Raises
    ------
    MissingInput
        A name is not there.
    InvalidWorkspace
        Two channels, samples of a channel, measurements or settings would have the same name.
    """
    check_workspaces(workspace)
    channels, samples, modifiers, measurements = channels or {}, samples or {}, modifiers or {}, measurements or {}
    check_known(channels, channel_names(workspace), "channel")
    check_known(samples, sample_names(workspace), "sample")
    check_known(modifiers, modifier_names(workspace), "modifier")
    check_known(measurements, measurement_names(workspace), "measurement")

    renamed = with_names(workspace.channels, modifiers, channels)
    told = [(channels.get(name, name), data) for name, data in observations(workspace)]
    changed = replace(
        workspace,
        channels=tuple(
            replace(
                c,
                name=channels.get(c.name, c.name),
                samples=tuple(
                    replace(s, name=samples.get(s.name, s.name), modifiers=tuple(map(renamed, s.modifiers)))
                    for s in c.samples
                ),
            )
            for c in workspace.channels
        ),
        measurements=tuple(
            replace(_measurement(m, workspace, modifiers), name=measurements.get(m.name, m.name))
            for m in workspace.measurements
        ),
        functions=_functions(workspace, modifiers),
    )
    return with_observations(changed, told) if channels else changed


def _measurement(measurement: Measurement, workspace: Workspace, modifiers: Names) -> Measurement:
    if not modifiers:
        return measurement
    terms = {t.name for t in measurement.constraint_terms if t.kind == "gamma"}
    names = {beta_name(old): beta_name(new) for old, new in modifiers.items() if old in terms} | dict(modifiers)
    if any(p.endswith("]") for p in measurement.pois):  # factors of single bins
        for old, declared in declared_parameters(workspace.channels).items():
            if old in modifiers and declared.kind == "gamma":
                names |= {entry: f"{modifiers[old]}[{i}]" for i, entry in enumerate(declared.names)}
    return replace(
        measurement,
        pois=tuple(names.get(p, p) for p in measurement.pois),
        parameters=tuple(replace(p, name=names.get(p.name, p.name)) for p in measurement.parameters),
        constraint_terms=tuple(replace(t, name=modifiers.get(t.name, t.name)) for t in measurement.constraint_terms),
    )


def _functions(workspace: Workspace, modifiers: Names) -> tuple[Function, ...]:
    """Functions of the new names. They name parameters as ROOT does."""
    if not workspace.functions or not modifiers:
        return workspace.functions
    names: dict[str, str] = {}
    parameters = declared_parameters(workspace.channels)
    for old, new in modifiers.items():
        declared = parameters[old]
        own = stem(declared.uses[0][2])
        match declared.kind:
            case "normfactor":
                names |= {old: new, own: new}
            case "alpha":
                names |= {f"alpha_{own}": f"alpha_{new}", beta_name(own): beta_name(new)}
            case "gamma":
                prefix = f"gamma_{own}_"
                names |= {
                    entry: f"gamma_{new}_{entry.removeprefix(prefix)}"
                    for entry in declared.root_names
                    if entry.startswith(prefix)
                }
            case "lumi":
                pass  # ROOT's name of it never changes
    return tuple(renamed_function(f, names) for f in workspace.functions)
