"""The observations of a pyhf JSON document, where they are more than the data of its channels in the channels' order.

Published documents list observations in an order of their own, and observations of channels that a patch removed. An
annotation of the workspace keeps that, so that a document is written as it was read and pyhf's digest stays the same.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, TypeAlias

from hftranslate.workspace import Annotations, Channel, Numbers, Workspace
from hftranslate.workspace.arrays import is_number

#: The annotation of a workspace that holds the order of the document's observations where it is not that of the
#: channels, and the observations of channels that are not there.
OBSERVATIONS = "pyhf-json observations"

Observation: TypeAlias = tuple[str, Numbers]


def observation_annotation(channels: Iterable[str], observations: Sequence[Observation]) -> Annotations:
    """The annotation that keeps a list of observations; none where it is that of the channels in their order."""
    names = list(channels)
    if [name for name, _ in observations] == names:
        return ()
    known = set(names)
    told = [name if name in known else {"data": list(data), "name": name} for name, data in observations]
    return ((OBSERVATIONS, json.dumps(told)),)


def observations(workspace: Workspace) -> tuple[Observation, ...]:
    """All observations in their order: those of the channels that have data, and those of channels not there.

    Channels that came after the document was read stand at the end.

    Parameters
    ----------
    workspace
        the model.

    Returns
    -------
    tuple of Observation
        each with its name and events ``(n_bins,)``.
    """
    observed = {c.name: c.observed for c in workspace.channels if c.observed is not None}
    present = {c.name for c in workspace.channels}
    in_order: list[Observation] = []
    for item in _from_annotation(workspace):
        if isinstance(item, str):
            if item in observed:
                in_order.append((item, observed.pop(item)))
        elif item["name"] not in present:
            in_order.append((item["name"], tuple(item["data"])))
    return (*in_order, *observed.items())


def _from_annotation(workspace: Workspace) -> list[Any]:
    """The content of the annotation; nothing where it is not what :func:`observation_annotation` writes."""
    text = next((text for key, text in workspace.annotations if key == OBSERVATIONS), "[]")
    try:
        told: object = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return []
    valid = isinstance(told, list) and all(isinstance(item, str) or _is_observation(item) for item in told)
    return told if valid and isinstance(told, list) else []


def _is_observation(item: object) -> bool:
    if not isinstance(item, dict) or item.keys() != {"data", "name"}:
        return False
    data = item["data"]
    numbers = isinstance(data, list) and data and all(_is_finite(v) for v in data)
    return bool(numbers) and isinstance(item["name"], str)


def _is_finite(value: object) -> bool:
    try:
        return is_number(value) and isfinite(value)
    except OverflowError:
        return False


def with_observations(workspace: Workspace, told: Sequence[Observation]) -> Workspace:
    """The workspace with these observations: those of its channels become their data.

    Parameters
    ----------
    workspace
        the model.
    told
        each with its name and events ``(n_bins,)``.

    Returns
    -------
    Workspace
        a new one; a channel without observation has no data.

    Raises
    ------
    InvalidWorkspace
        Numbers of bins differ.
    """
    data = dict(told)
    channels: tuple[Channel, ...] = tuple(replace(c, observed=data.get(c.name)) for c in workspace.channels)
    kept = tuple(a for a in workspace.annotations if a[0] != OBSERVATIONS)
    names = [c.name for c in channels if c.observed is not None]
    return replace(workspace, channels=channels, annotations=(*kept, *observation_annotation(names, told)))
