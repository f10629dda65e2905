"""The patch between two workspaces."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.formats.json_patch import patched
from hftranslate.formats.pyhf_json import from_document, to_document
from hftranslate.signal_grid import changes, same_model
from hftranslate.translation.sidecar import canonical_digest
from hftranslate.workspace import Workspace
from tests.signal_grid.grid import background, signal_sample, with_signal
from tests.strategies import permuted, workspaces

VALID = workspaces("pyhf-json")


def in_order(workspace: Workspace, like: Workspace) -> Workspace:
    """Measurements in the order of another workspace: theirs is not free."""
    names = [m.name for m in like.measurements]
    return replace(workspace, measurements=tuple(sorted(workspace.measurements, key=lambda m: names.index(m.name))))


@pytest.mark.slow
@settings(max_examples=40)
@given(a=VALID, b=VALID, data=st.data())
def test_the_patch_of_any_two_workspaces_makes_one_of_the_other(
    a: Workspace, b: Workspace, data: st.DataObject
) -> None:
    before, after = to_document(a), to_document(b)
    whole = deepcopy(before)
    made = patched(before, changes(before, after))
    assert before == whole
    assert same_model(made, after)
    assert canonical_digest(from_document(made)) == canonical_digest(b)  # which is judged in another way
    assert [m["name"] for m in made["measurements"]] == [m.name for m in b.measurements]
    if a != b and canonical_digest(a) != canonical_digest(b):
        assert not same_model(before, after)
    # the other order of what is patched in gives another place only to what is new
    shuffled = to_document(in_order(data.draw(permuted(b)), b))
    assert same_model(patched(before, changes(before, shuffled)), after)


@settings(max_examples=40)
@given(ws=VALID, data=st.data())
def test_another_order_is_no_change(ws: Workspace, data: st.DataObject) -> None:
    other = to_document(in_order(data.draw(permuted(ws)), ws))
    assert changes(to_document(ws), other) == []
    assert same_model(to_document(ws), other)


def test_a_signal_is_one_operation_a_channel() -> None:
    assert changes(background(), with_signal(100, 0)) == [
        {"op": "add", "path": "/channels/0/samples/-", "value": signal_sample("sig_100_0", [10.0, 20.0])}
    ]


def test_numbers_written_otherwise_are_no_change() -> None:
    other = background()
    other["channels"][0]["samples"][1]["data"] = [4.0, 2.5]
    other["observations"][0]["data"] = [510.0]
    assert changes(background(), other) == []
    assert same_model(background(), other)


def edited(edit: Any) -> list[dict[str, Any]]:
    after = background()
    edit(after)
    found = changes(background(), after)
    assert same_model(patched(background(), found), after)
    assert not same_model(background(), after)
    return found


def test_each_change_is_one_operation_at_its_place() -> None:
    def data(d: Any) -> None:
        d["channels"][1]["samples"][0]["data"] = [501.0]

    def modifier(d: Any) -> None:
        d["channels"][0]["samples"][1]["modifiers"][0]["data"] = {"hi": 1.2, "lo": 0.9}

    def fewer(d: Any) -> None:
        del d["channels"][1], d["observations"][0]

    def observed(d: Any) -> None:
        d["observations"][0]["data"] = [0]

    def poi(d: Any) -> None:
        d["measurements"][0]["config"]["poi"] = "other"

    def setting(d: Any) -> None:
        d["measurements"][0]["config"]["parameters"].append({"name": "mu", "inits": [1.0]})

    assert edited(data) == [{"op": "replace", "path": "/channels/1/samples/0/data", "value": [501.0]}]
    assert edited(modifier) == [
        {"op": "replace", "path": "/channels/0/samples/1/modifiers/0/data", "value": {"hi": 1.2, "lo": 0.9}}
    ]
    assert edited(fewer) == [{"op": "remove", "path": "/channels/1"}, {"op": "remove", "path": "/observations/0"}]
    assert edited(observed) == [{"op": "replace", "path": "/observations/0/data", "value": [0]}]
    assert edited(poi) == [{"op": "replace", "path": "/measurements/0/config/poi", "value": "other"}]
    assert edited(setting) == [
        {"op": "add", "path": "/measurements/0/config/parameters/-", "value": {"name": "mu", "inits": [1.0]}}
    ]


def test_settings_change_key_by_key() -> None:
    before, after = background(), background()
    before["measurements"][0]["config"]["parameters"] = [{"name": "mu", "inits": [1.0], "fixed": True}]
    after["measurements"][0]["config"]["parameters"] = [{"name": "mu", "inits": [2.0], "bounds": [[0.0, 5.0]]}]
    assert changes(before, after) == [
        {"op": "add", "path": "/measurements/0/config/parameters/0/bounds", "value": [[0.0, 5.0]]},
        {"op": "remove", "path": "/measurements/0/config/parameters/0/fixed"},
        {"op": "replace", "path": "/measurements/0/config/parameters/0/inits", "value": [2.0]},
    ]


def test_the_order_of_measurements_counts() -> None:
    before = background()
    second = {"name": "second", "config": {"poi": "mu", "parameters": []}}
    added = {**before, "measurements": [*before["measurements"], second]}
    swapped = {**before, "measurements": [second, *before["measurements"]]}
    assert changes(before, added) == [{"op": "add", "path": "/measurements/-", "value": second}]
    assert changes(before, swapped) == [{"op": "replace", "path": "/measurements", "value": swapped["measurements"]}]
    assert not same_model(added, swapped)
    assert changes(added, swapped)[0]["path"] == "/measurements"


def test_smaller_than_a_difference_by_position() -> None:
    import jsonpatch

    before, after = background(), with_signal(200, 50)
    after["channels"].reverse()
    after["channels"][1]["samples"].reverse()
    found, theirs = changes(before, after), list(jsonpatch.make_patch(before, after))
    assert len(found) == 1
    assert len(json.dumps(found)) < 0.4 * len(json.dumps(theirs))
