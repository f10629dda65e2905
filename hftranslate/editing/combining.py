"""Two workspaces in one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from hftranslate.editing.ordering import sort
from hftranslate.errors import InputError, InvalidWorkspace
from hftranslate.workspace import Channel, Measurement, Workspace
from hftranslate.workspace.model import check_workspaces
from hftranslate.workspace.observations import OBSERVATIONS, Observation, observations, with_observations

Join = Literal["none", "outer", "left outer", "right outer"]
JOINS: tuple[Join, ...] = ("none", "outer", "left outer", "right outer")
T = TypeVar("T")


def combine(first: Workspace, second: Workspace, *, join: Join = "none", merge_channels: bool = False) -> Workspace:
    """One workspace of the channels, observations and measurements of two.

    Modifiers of the same name share their parameter, whichever workspace they come from.

    Parameters
    ----------
    first, second
        the workspaces; the first one's measurements come first.
    join
        what may be in both: ``"none"``: nothing; ``"outer"``: channels, observations and settings that are equal, and
        measurements with the same parameters of interest, whose settings are joined; ``"left outer"`` and
        ``"right outer"``: anything, of which the first or the second workspace's is kept (see :func:`set_aside`).
    merge_channels
        join the samples of channels that are in both instead; of a sample that is in both, the first workspace's is
        kept (with ``"right outer"`` the second's). Not with ``"none"``.

    Returns
    -------
    Workspace
        a new one; the two stay as they are.

    Raises
    ------
    InvalidWorkspace
        Both have something that the join does not allow, or their channels do not fit.
    InputError
        They are evaluated under different conventions, or the options exclude each other.
    """
    check_workspaces(first, second)
    if join not in JOINS:
        raise InputError(f"{join!r} is no way to join; expected one of {', '.join(map(repr, JOINS))}")
    if merge_channels and join == "none":
        raise InputError("channels are not merged with the join 'none'; choose 'outer', 'left outer' or 'right outer'")
    if first.conventions != second.conventions:
        raise InputError(
            f"the first workspace is evaluated under {first.conventions.name} conventions, the second under "
            f"{second.conventions.name}; translate one to the format of the other first"
        )
    merge = _merged_channels if merge_channels else None
    channels = _join(join, "channel", first.channels, second.channels, _same_channel, merge)
    told = _join(join, "observation", _Told.of(first), _Told.of(second), lambda a, b: a.data == b.data)
    same_pois = _joined_measurements if join == "outer" else None
    measurements = _join(join, "measurement", first.measurements, second.measurements, _never, same_pois)
    functions = _join("outer" if join == "none" else join, "function", first.functions, second.functions, _equal)
    combined = Workspace(
        channels=tuple(channels),
        measurements=tuple(measurements),
        functions=tuple(functions),
        conventions=first.conventions,
        annotations=tuple(
            (key, text)
            for key, text in (dict(second.annotations) | dict(first.annotations)).items()
            if key != OBSERVATIONS
        ),
    )
    return with_observations(combined, [(t.name, t.data) for t in told])


class _Told:
    """An observation, with its name and data as attributes."""

    def __init__(self, observation: Observation) -> None:
        self.name, self.data = observation

    @classmethod
    def of(cls, workspace: Workspace) -> list["_Told"]:
        return [cls(item) for item in observations(workspace)]


def _equal(one: object, two: object) -> bool:
    return one == two


def _never(_a: object, _b: object) -> bool:
    return False


def _join(
    join: Join,
    what: str,
    first: Sequence[T],
    second: Sequence[T],
    same: Callable[[Any, Any], bool],
    merge: Callable[[Any, Any], T] | None = None,
) -> list[T]:
    """Items of both by name; those in both as the join says, or merged."""
    primary, secondary = (second, first) if join == "right outer" else (first, second)
    joined = {_name(item): item for item in primary}
    refused = []
    for item in secondary:
        name = _name(item)
        if name not in joined:
            joined[name] = item
        elif merge is not None:
            joined[name] = merge(joined[name], item)
        elif join == "none" or (join == "outer" and not same(joined[name], item)):
            refused.append(name)
    if refused:
        names = ", ".join(map(repr, refused))
        if join == "none":
            raise InvalidWorkspace(
                f"both workspaces have the {what}(s) {names}; rename them in one, or choose another join "
                "('outer': what is equal is taken once)"
            )
        raise InvalidWorkspace(
            f"both workspaces have the {what}(s) {names}, and they differ; rename them in one, or choose whose are "
            "kept with the join 'left outer' or 'right outer'"
        )
    return list(joined.values())


def _name(item: Any) -> str:
    name: str = item.name
    return name


def _same_channel(one: Channel, two: Channel) -> bool:
    """Whether two channels say the same, in any order; data and descriptions are not compared."""
    bare = [
        replace(
            c, observed=None, edges=None, annotations=(), samples=tuple(replace(s, annotations=()) for s in c.samples)
        )
        for c in (one, two)
    ]
    if bare[0] == bare[1]:
        return one.edges == two.edges or None in (one.edges, two.edges)
    nowhere = Measurement(name="")
    first, second = (sort(Workspace(channels=(c,), measurements=(nowhere,))) for c in bare)
    return first == second and (one.edges == two.edges or None in (one.edges, two.edges))


def _merged_channels(one: Channel, two: Channel) -> Channel:
    present = {s.name for s in one.samples}
    return replace(one, samples=(*one.samples, *(s for s in two.samples if s.name not in present)))


def _joined_measurements(one: Measurement, two: Measurement) -> Measurement:
    if one.pois != two.pois:
        raise InvalidWorkspace(
            f"both workspaces have the measurement {one.name!r}, with the parameters of interest "
            f"{list(one.pois)} and {list(two.pois)}; rename one, or choose whose is kept with the join "
            "'left outer' or 'right outer'"
        )
    label = f"measurement {one.name!r}: setting"
    return replace(
        one,
        parameters=tuple(_join("outer", label, one.parameters, two.parameters, _equal)),
        constraint_terms=tuple(
            _join("outer", f"{label} (constraint term)", one.constraint_terms, two.constraint_terms, _equal)
        ),
    )


def set_aside(first: Workspace, second: Workspace, combined: Workspace) -> tuple[str, ...]:
    """What a combination took from one workspace although the other says something else, a sentence for each.

    Parameters
    ----------
    first, second
        what was combined.
    combined
        what :func:`combine` made of them.

    Returns
    -------
    tuple of str
        empty where nothing was hidden.
    """
    return tuple(_set_aside(first, second, combined))


def _set_aside(first: Workspace, second: Workspace, combined: Workspace) -> Iterator[str]:
    for source, other in (("first", first), ("second", second)):
        for c in other.channels:
            joined = combined.channel(c.name)
            if joined.observed != c.observed:
                yield f"channel {c.name!r}: the data of the {source} workspace are left out"
            samples = {s.name: s for s in joined.samples}
            for s in c.samples:
                if s.name not in samples:
                    yield f"channel {c.name!r}: sample {s.name!r} of the {source} workspace is left out"
                elif samples[s.name] != s and not _same_samples(samples[s.name], s):
                    yield f"channel {c.name!r}: sample {s.name!r} of the {source} workspace differs and is left out"
        for m in other.measurements:
            kept = combined.measurement(m.name)
            if kept.pois != m.pois:
                yield f"measurement {m.name!r}: the parameters of interest of the {source} workspace are left out"
            lost = [p.name for p in m.parameters if kept.parameter(p.name) != p]
            if lost:
                yield f"measurement {m.name!r}: settings of the {source} workspace are left out ({', '.join(lost)})"


def _same_samples(one: Any, two: Any) -> bool:
    return _same_channel(Channel(name="", samples=(one,)), Channel(name="", samples=(two,)))
