"""The patch from one workspace document to another: few operations, the same whatever the order of named things.

Channels, samples, modifiers, observations, measurements and settings of parameters are matched by their names. What is
new goes to the end of its list (``/channels/0/samples/-``), where it depends on no index; changes come before that, at
their places in the document that is patched, and what is to go is removed last, from the back.

Two documents are the same model where they differ in nothing but the order of named things and in how numbers are
written (50 or 50.0). The order of measurements counts: the first one is the default.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Operation: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, ...]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Operation]:
    """The operations of the patch (RFC 6902) that makes one workspace of another.

    Parameters
    ----------
    before, after
        documents that follow the schema of workspaces, with unique names. What the operations hold is shared with
        ``after``.

    Returns
    -------
    list
        operations in the order of channels, observations, measurements; empty for the same model.
    """
    return [
        *_list(before["channels"], after["channels"], "/channels", _name, _channel),
        *_list(before["observations"], after["observations"], "/observations", _name, _keys),
        *_measurements(before["measurements"], after["measurements"]),
    ]


def same_model(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two workspace documents differ in nothing but the order of named things and how numbers are written.

    Parameters
    ----------
    a, b
        documents of workspaces.

    Returns
    -------
    bool
        whether reading them gives the same model.
    """
    return _same(dict(a), dict(b))


def _same(a: Any, b: Any, key: str = "") -> bool:
    if a == b:
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(value, b[name], name) for name, value in a.items())
    if not (_is_named(a) and _is_named(b) and len(a) == len(b)):
        return False
    if key != "measurements":  # in their list order counts
        a, b = sorted(a, key=_place), sorted(b, key=_place)
    return all(_same(x, y) for x, y in zip(a, b, strict=True))


def _is_named(node: Any) -> bool:
    return isinstance(node, list) and all(isinstance(item, dict) and "name" in item for item in node)


def _place(item: Json) -> Key:
    return item["name"], item.get("type", "")


def _name(item: Json) -> Key:
    return (item["name"],)


def _name_and_type(item: Json) -> Key:
    return (item["name"], item["type"])


Differ: TypeAlias = Callable[[Json, Json, str], Iterator[Operation]]


def _list(
    before: list[Json], after: list[Json], path: str, key: Callable[[Json], Key], inside: Differ
) -> list[Operation]:
    """Changes of a list of named things in which order has no meaning."""
    wanted = {key(item): item for item in after}
    there = {key(item) for item in before}
    operations = [
        operation
        for i, item in enumerate(before)
        if key(item) in wanted and item != wanted[key(item)]
        for operation in inside(item, wanted[key(item)], f"{path}/{i}")
    ]
    new = sorted(wanted.keys() - there)
    operations += [{"op": "add", "path": f"{path}/-", "value": wanted[name]} for name in new]
    gone = [i for i, item in enumerate(before) if key(item) not in wanted]
    operations += [{"op": "remove", "path": f"{path}/{i}"} for i in reversed(gone)]
    return operations


def _channel(before: Json, after: Json, path: str) -> Iterator[Operation]:
    yield from _list(before["samples"], after["samples"], f"{path}/samples", _name, _sample)


def _sample(before: Json, after: Json, path: str) -> Iterator[Operation]:
    if before["data"] != after["data"]:
        yield {"op": "replace", "path": f"{path}/data", "value": after["data"]}
    yield from _list(before["modifiers"], after["modifiers"], f"{path}/modifiers", _name_and_type, _keys)


def _keys(before: Json, after: Json, path: str) -> Iterator[Operation]:
    """Changes of an object, key by key, each value as a whole. The keys of the schemas need no escaping."""
    for key in sorted(before.keys() | after.keys()):
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{key}"}
        elif key not in before:
            yield {"op": "add", "path": f"{path}/{key}", "value": after[key]}
        elif before[key] != after[key]:
            yield {"op": "replace", "path": f"{path}/{key}", "value": after[key]}


def _measurements(before: list[Json], after: list[Json]) -> list[Operation]:
    """Changes of the measurements, in whose list order counts: a list with another order is replaced as a whole."""
    common = [m["name"] for m in after if m["name"] in {b["name"] for b in before}]
    if [m["name"] for m in before] != common or [m["name"] for m in after[: len(common)]] != common:
        return [] if before == after else [{"op": "replace", "path": "/measurements", "value": after}]
    operations = []
    for i, (old, new) in enumerate(zip(before, after, strict=False)):
        path = f"/measurements/{i}/config"
        operations += _list(
            old["config"]["parameters"], new["config"]["parameters"], f"{path}/parameters", _name, _keys
        )
        if old["config"]["poi"] != new["config"]["poi"]:
            operations.append({"op": "replace", "path": f"{path}/poi", "value": new["config"]["poi"]})
    operations += [{"op": "add", "path": "/measurements/-", "value": m} for m in after[len(common) :]]
    return operations
