"""Patching with a copy of what changes only; what applies and what is refused is in test_hostile_inputs."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.errors import InputError, UnsafeInput
from hftranslate.formats.json_patch import apply_patch, patched

DOCUMENT = {"a": [{"b": [1, 2]}, {"b": [3]}, [4, [5]]], "c": {"d": {"e~/": 6}}, "x": [7]}
PATHS = [
    "",
    "/a",
    "/a/0",
    "/a/0/b",
    "/a/1/b/0",
    "/a/-",
    "/a/2/1/0",
    "/a/2/1/-",
    "/a/0/b/0/b/-",
    "/c/d/e~0~1",
    "/c/d/n",
    "/x/0",
    "/no/1",
]
PATH = st.sampled_from(PATHS)
VALUE = st.sampled_from([0, [8], {"b": [9]}, {"b": [{"b": [10]}]}])
OPERATION = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "test"]), "path": PATH, "value": VALUE}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": PATH}),
    st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "path": PATH, "from": PATH}),
)


def outcome(function: Callable[[Any, Any], Any], document: Any, operations: Any) -> Any:
    try:
        return function(document, operations)
    except InputError as error:
        return str(error)


@settings(max_examples=300)
@given(operations=st.lists(OPERATION, max_size=5))
def test_gives_what_applying_to_a_copy_gives_and_changes_nothing(operations: list[dict[str, Any]]) -> None:
    document, given = deepcopy(DOCUMENT), deepcopy(operations)
    assert outcome(patched, document, operations) == outcome(apply_patch, deepcopy(DOCUMENT), deepcopy(operations))
    assert document == DOCUMENT
    assert operations == given


def test_what_is_not_touched_is_shared() -> None:
    document = deepcopy(DOCUMENT)
    found = patched(document, [{"op": "add", "path": "/a/0/b/-", "value": 3}])
    assert found["c"] is document["c"]
    assert found["a"][1] is document["a"][1]
    assert found["a"][0] == {"b": [1, 2, 3]}


def test_what_is_added_is_shared_until_it_is_written_to() -> None:
    added = {"b": [{"b": [1]}], "d": [2]}
    operations = [{"op": "add", "path": "/x/-", "value": added}, {"op": "add", "path": "/x/1/b/0/b/-", "value": 3}]
    found = patched(deepcopy(DOCUMENT), operations)
    assert found["x"] == [7, {"b": [{"b": [1, 3]}], "d": [2]}]
    assert found["x"][1]["d"] is added["d"]
    assert added == {"b": [{"b": [1]}], "d": [2]}


def test_limits_hold_over_all_operations() -> None:
    with pytest.raises(UnsafeInput, match="its copies multiply the document"):
        patched({"x": [1]}, [{"op": "copy", "from": "/x", "path": "/x/-"}] * 60)
    with pytest.raises(InputError, match="operation 0: "):
        patched({}, [{"op": "add"}])
