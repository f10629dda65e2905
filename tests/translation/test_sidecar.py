import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.errors import FormatError, InputError
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.formats.pyhf_json import from_document
from hftranslate.translation.sidecar import (
    SidecarMismatch,
    apply_sidecar,
    canonical_digest,
    from_tree,
    make_sidecar,
    to_tree,
)
from hftranslate.workspace import (
    ROOT,
    Channel,
    HistoSys,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    StatError,
    Workspace,
)
from tests.equivalence import all_of
from tests.strategies import permuted, workspaces

SMALL = Workspace(
    channels=(
        Channel(
            name="SR",
            samples=(
                Sample(
                    name="signal",
                    nominal=(5, 4.5),
                    modifiers=(NormSys(name="JES", lo=0.9, hi=1.1), NormFactor(name="mu")),
                ),
                Sample(
                    name="background",
                    nominal=(50.0, 60),
                    modifiers=(
                        StatError(name="stat", data=(1, 2.0), constraint="poisson", threshold=0.05),
                        HistoSys(name="JES", lo_data=(49, 59), hi_data=(51, 61), interpolation="code0"),
                    ),
                ),
            ),
            observed=(55, 60),
            edges=((0, 1, 2.5),),
        ),
    ),
    measurements=(
        Measurement(
            name="m",
            pois=("mu",),
            parameters=(ParameterConfig(name="mu", bounds=((0, 10.0),), fixed=False), ParameterConfig(name="JES")),
        ),
    ),
    annotations=(("prefix", "results/x"),),
)


def with_floats(ws: Workspace) -> Workspace:
    """Every number as a float, as histograms give them."""
    return from_tree(json.loads(json.dumps(to_tree(ws)), parse_int=float))


def as_int(text: str) -> int | float:
    return int(float(text)) if float(text).is_integer() else float(text)


def with_ints(ws: Workspace) -> Workspace:
    """Every whole number as an int, as some JSON tools write them."""
    return from_tree(json.loads(json.dumps(to_tree(ws)), parse_float=as_int))


# ------------------------------------------------------------------------------------------------------------- codec


@settings(deadline=None, max_examples=40)
@given(workspaces())
def test_the_tree_loses_nothing(ws: Workspace) -> None:
    tree = json.loads(json.dumps(to_tree(ws)))
    assert all_of(from_tree(tree)) == all_of(ws)


def test_defaults_are_left_out() -> None:
    assert to_tree(SMALL)["channels"][0]["samples"][0] == {
        "name": "signal",
        "nominal": [5, 4.5],
        "modifiers": [{"type": "normsys", "name": "JES", "lo": 0.9, "hi": 1.1}, {"type": "normfactor", "name": "mu"}],
    }
    assert "conventions" not in to_tree(SMALL)
    assert to_tree(replace(SMALL, conventions=ROOT))["conventions"]["name"] == "root"


JUNK = [
    None,
    True,
    0,
    1.5,
    -1,
    "x",
    [],
    [1],
    [True],
    ["x"],
    [["a", "b", "c"]],
    {},
    {"name": "x"},
    {"type": []},
    10**400,
]


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys: Any = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [p for key in keys for p in [(*path, key), *places(tree[key], (*path, key))]]


def well_typed(ws: Workspace) -> bool:
    """Encoding and decoding it again gives the same: nothing of a wrong type got in."""
    return all_of(from_tree(json.loads(json.dumps(to_tree(ws))))) == all_of(ws)


def test_malformed_trees_are_refused_or_mean_a_workspace() -> None:
    tree = to_tree(replace(SMALL, conventions=ROOT))
    refused = 0
    for path in places(tree):
        for junk in ["delete", "unknown", *JUNK]:
            mutant: Any = copy.deepcopy(tree)
            container = mutant
            for step in path[:-1]:
                container = container[step]
            if junk == "delete":
                del container[path[-1]]
            elif junk == "unknown" and isinstance(container, dict):
                container["unknown"] = 1
            else:
                container[path[-1]] = junk
            try:
                ws = from_tree(mutant)
            except InputError:
                refused += 1
            else:
                assert well_typed(ws), (path, junk)
    assert refused > 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 1}, r"workspace.channels: found 1, expected a list"),
        ({"channels": [{"name": "SR"}]}, r"workspace.channels\[0\]: the key 'samples' is missing"),
        ({"chanels": []}, r"workspace: unknown key 'chanels'; did you mean 'channels'\?"),
        ({"conventions": {"name": "x"}}, r"workspace.conventions: the key 'clip_samples' is missing"),
        ({"annotations": [["a"]]}, r"workspace.annotations\[0\]: found a list of 1, expected a list of 2"),
        ({"measurements": [{"name": 1}]}, r"measurements\[0\].name: found 1, expected a string"),
        ({"measurements": [{"name": "m", "parameters": [{"name": "p", "fixed": 1}]}]}, "fixed: found 1, expected true"),
        (
            {"measurements": [{"name": "m", "constraint_terms": [{"name": "p", "kind": "x"}]}]},
            r'kind: found "x", expected one of gamma, lognormal, uniform, none',
        ),
    ],
)
def test_a_malformed_tree_says_where(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_tree(to_tree(SMALL) | change)


# ------------------------------------------------------------------------------------------------------------ digest


@settings(deadline=None, max_examples=40)
@given(workspaces(), st.data())
def test_the_digest_ignores_order_and_number_format(ws: Workspace, data: st.DataObject) -> None:
    digest = canonical_digest(ws)
    assert canonical_digest(data.draw(permuted(ws))) == digest
    assert canonical_digest(with_floats(ws)) == digest
    assert canonical_digest(with_ints(ws)) == digest
    assert canonical_digest(replace(ws, annotations=(("a", "b"),))) == digest


def test_the_digest_sees_every_change_of_content() -> None:
    tree = to_tree(replace(SMALL, annotations=()))
    digests = {canonical_digest(from_tree(tree))}
    count = 1
    for path in places(tree):
        mutant: Any = copy.deepcopy(tree)
        container = mutant
        for step in path[:-1]:
            container = container[step]
        value = container[path[-1]]
        if isinstance(value, bool):
            container[path[-1]] = not value
        elif isinstance(value, int | float):
            container[path[-1]] = value * (1 + 1e-15) if value else 1e-300
        elif isinstance(value, str) and path[-1] == "name":
            container[path[-1]] = "x"
        else:
            continue
        digests.add(canonical_digest(from_tree(mutant)))
        count += 1
    digests.add(canonical_digest(replace(SMALL, conventions=ROOT)))
    assert len(digests) == count + 1 > 30


def test_large_integers_are_told_apart() -> None:
    def at(n: int) -> str:
        sample = Sample(name="s", nominal=(n,))
        return canonical_digest(
            Workspace(channels=(Channel(name="c", samples=(sample,)),), measurements=(Measurement(name="m"),))
        )

    assert at(2**53) != at(2**53 + 1)


# ----------------------------------------------------------------------------------------------------------- sidecar


def through_text(sidecar: dict[str, Any]) -> object:
    return parse_json(json.dumps(sidecar).encode(), "sidecar")


@settings(deadline=None, max_examples=30)
@given(workspaces(), workspaces(), st.data())
def test_any_workspace_is_restored_from_any_other(plain: Workspace, original: Workspace, data: st.DataObject) -> None:
    sidecar = through_text(make_sidecar(plain, original))
    found = data.draw(permuted(plain))
    found = data.draw(st.sampled_from([lambda ws: ws, with_floats, with_ints]))(found)
    assert all_of(apply_sidecar(found, sidecar)) == all_of(original)


@settings(deadline=None, max_examples=40)
@given(workspaces(), st.data())
def test_a_workspace_is_restored_from_a_variant_of_itself(original: Workspace, data: st.DataObject) -> None:
    plain = with_floats(data.draw(permuted(original)))
    channels = [replace(c, edges=None, samples=c.samples[: data.draw(st.integers(1, 4))]) for c in plain.channels]
    plain = replace(plain, channels=tuple(channels), functions=(), annotations=())
    sidecar = through_text(make_sidecar(plain, original))
    assert all_of(apply_sidecar(data.draw(permuted(plain)), sidecar)) == all_of(original)


def test_the_patch_says_only_what_differs() -> None:
    original = with_floats(SMALL)
    sample = original.channels[0].samples[1]
    poisson, jes = sample.modifiers
    gaussian = replace(sample, modifiers=(replace(poisson, constraint="gaussian", threshold=0.0), jes))  # type: ignore[arg-type]
    channel = replace(original.channels[0], samples=(original.channels[0].samples[0], gaussian), edges=None)
    plain = replace(original, channels=(channel,), annotations=())
    sidecar = make_sidecar(plain, original)
    assert sidecar["patch"] == [
        {"op": "add", "path": "/channels/0/samples/0/modifiers/1/constraint", "value": "poisson"},
        {"op": "add", "path": "/channels/0/samples/0/modifiers/1/threshold", "value": 0.05},
        {"op": "add", "path": "/channels/0/edges", "value": [[0.0, 1.0, 2.5]]},
        {"op": "add", "path": "/annotations", "value": [["prefix", "results/x"]]},
    ]
    assert list(sidecar) == ["format", "version", "digest", "order", "patch"]
    assert apply_sidecar(plain, sidecar) == original


def test_a_sidecar_of_other_content_is_refused() -> None:
    sidecar = make_sidecar(SMALL, SMALL)
    changed = replace(SMALL, measurements=(Measurement(name="other"),))
    with pytest.raises(SidecarMismatch, match="it was changed after the translation, or the sidecar is another file's"):
        apply_sidecar(changed, sidecar)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "x"}, "not a document of the format 'hftranslate-sidecar'"),
        ({"version": 2}, "version 2 is not known; expected 1"),
        ({"digest": None}, "digest: found null, expected a string"),
        ({"order": []}, "order: found a list of 0, expected an object"),
        ({"order": {"/channels": [True]}}, "order of /channels: found a list of 1, expected a list of integers"),
        ({"order": {"/channels": [1]}}, "order given for /channels does not fit its 1 entries"),
        ({"patch": {}}, "patch: found an object, expected a list"),
        ({"patch": [1]}, r"patch\[0\]: found 1, expected an object"),
        ({"patch": [{"op": "add", "value": 1}]}, r"patch\[0\].path: found null, expected a string"),
        ({"patch": [{"op": "copy", "path": "/a"}]}, r'patch\[0\].op: found "copy", expected one of'),
        ({"patch": [{"op": "add", "path": "/a"}]}, r"patch\[0\]: the key 'value' is missing"),
        ({"patch": [{"op": "remove", "path": "/nothing/there"}]}, "its patch cannot be applied"),
        ({"patch": [{"op": "remove", "path": "no slash"}]}, "its patch cannot be applied"),
        ({"patch": [{"op": "add", "path": "/channels/x", "value": 1}]}, "its patch cannot be applied"),
        ({"patch": [{"op": "add", "path": "/channels/0/name/x", "value": 1}]}, "its patch cannot be applied"),
        ({"patch": [{"op": "replace", "path": "/channels", "value": 1}]}, "found 1, expected a list"),
        ({"patch": [{"op": "replace", "path": "", "value": 1}]}, "found 1, expected an object"),
    ],
)
def test_a_malformed_sidecar_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        apply_sidecar(SMALL, make_sidecar(SMALL, SMALL) | change)


@pytest.mark.parametrize("junk", [None, [], 1, {}, "x"])
def test_something_else_is_no_sidecar(junk: object) -> None:
    with pytest.raises(FormatError, match="not a document of the format"):
        apply_sidecar(SMALL, junk)


def test_deep_nesting_is_refused_without_a_traceback() -> None:
    nested: Any = []
    for _ in range(2000):
        nested = [nested]
    sidecar = make_sidecar(SMALL, SMALL) | {"patch": [{"op": "replace", "path": "/channels", "value": nested}]}
    with pytest.raises(FormatError):
        apply_sidecar(SMALL, sidecar)


def shaken(workspace: Workspace) -> Workspace:
    """Every number moved by what JSON and XML make of it: an integer a float, a float its neighbour."""
    scale: Any = lambda text: float(text) * (1 + 1e-15)  # noqa: E731
    return from_tree(json.loads(json.dumps(to_tree(workspace)), parse_int=float, parse_float=scale))


def test_the_largest_published_model_is_restored(shared: Path) -> None:
    file = shared / "workspaces/ATLAS-SUSY-2019-08/BkgOnly.json.gz"
    original = from_document(parse_json(read_bytes(file), file.name))
    sidecar = make_sidecar(shaken(original), original)
    assert all_of(apply_sidecar(shaken(original), sidecar)) == all_of(original)
    assert len(sidecar["patch"]) > 10_000


def test_the_work_grows_with_the_size(calls_of: Callable[[Callable[[], object]], int]) -> None:
    """Four times the samples, every number changed: about four times the work, where a search in all is sixteen."""

    def work(n_samples: int) -> int:
        first = SMALL.channels[0]
        samples = tuple(replace(first.samples[1], name=f"background{i}") for i in range(n_samples))
        original = replace(SMALL, channels=(replace(first, samples=(first.samples[0], *samples)),))
        plain = shaken(original)
        return calls_of(lambda: apply_sidecar(plain, make_sidecar(plain, original)))

    assert work(100) < 5 * work(25)
