"""What an edit brought about that nobody asked for."""

from collections.abc import Iterator

from hftranslate.workspace import Workspace
from hftranslate.workspace.parameter_names import declared_parameters


def consequences(before: Workspace, after: Workspace) -> tuple[str, ...]:
    """What a user should know about an edited workspace, a sentence for each.

    Parameters of interest and settings that no modifier uses any more, parameters that became shared, bin edges that
    no longer hold, another default measurement.

    Parameters
    ----------
    before, after
        the workspace before and after an edit.

    Returns
    -------
    tuple of str
        empty where there is nothing to know.

    Raises
    ------
    InvalidWorkspace
        The edited workspace describes no model: a name stands for parameters of different kinds or sizes.
    """
    return tuple(_consequences(before, after))


def _consequences(before: Workspace, after: Workspace) -> Iterator[str]:
    declared, former = declared_parameters(after.channels), declared_parameters(before.channels)
    known = {*declared, *(entry for d in declared.values() for entry in d.names)}
    known_before = {*former, *(entry for d in former.values() for entry in d.names)}
    orphans: dict[str, list[str]] = {}
    unused: dict[str, None] = {}
    for m in after.measurements:
        for poi in m.pois:
            if poi not in known and poi in known_before:
                orphans.setdefault(poi, []).append(m.name)
        unused |= {p.name: None for p in m.parameters if p.name not in declared and p.name in former}
    for poi, measurements in orphans.items():
        yield (
            f"no modifier uses {poi!r} any more, the parameter of interest of {', '.join(map(repr, measurements))}: "
            "tests and limits need another one, or a signal patch"
        )
    if unused:
        yield f"settings remain of parameters that no modifier uses any more: {', '.join(map(repr, unused))}"
    for name, d in declared.items():
        if name in former and len(d.uses) > len(former[name].uses):
            yield f"{name!r} acts on {len(d.uses)} modifiers instead of {len(former[name].uses)}: they share it now"
    edges = {c.name for c in before.channels if c.edges is not None}
    for c in after.channels:
        if c.name in edges and c.edges is None:
            yield f"channel {c.name!r}: the bins left are no longer one range; their edges are dropped"
    names = [m.name for m in after.measurements]
    default = before.measurements[0].name
    if default in names and names[0] != default:
        yield f"the first measurement, which is the default, is now {names[0]!r} instead of {default!r}"
