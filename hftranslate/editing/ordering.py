"""A workspace in alphabetical order."""

from dataclasses import replace

from hftranslate.workspace import MODIFIER_TYPES, Workspace
from hftranslate.workspace.model import check_workspaces
from hftranslate.workspace.observations import observations, with_observations


def sort(workspace: Workspace) -> Workspace:
    """Channels, samples, modifiers (by name, then type), measurements, their settings and observations, by name.

    The likelihood stays the same, but the first measurement, which is the default, may become another.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    Workspace
        a new one in alphabetical order.
    """
    check_workspaces(workspace)
    channels = [
        replace(
            c,
            samples=tuple(
                replace(s, modifiers=tuple(sorted(s.modifiers, key=lambda m: (m.name, MODIFIER_TYPES[type(m)]))))
                for s in sorted(c.samples, key=lambda s: s.name)
            ),
        )
        for c in sorted(workspace.channels, key=lambda c: c.name)
    ]
    measurements = [
        replace(
            m,
            parameters=tuple(sorted(m.parameters, key=lambda p: p.name)),
            constraint_terms=tuple(sorted(m.constraint_terms, key=lambda t: t.name)),
        )
        for m in sorted(workspace.measurements, key=lambda m: m.name)
    ]
    told = sorted(observations(workspace), key=lambda item: item[0])
    return with_observations(
        replace(
            workspace,
            channels=tuple(channels),
            measurements=tuple(measurements),
            functions=tuple(sorted(workspace.functions, key=lambda f: f.name)),
        ),
        told,
    )
