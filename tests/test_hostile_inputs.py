"""Inputs made to take forever, or all of the memory: refused, or read, within a moment."""

import json
import re
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from hftranslate.difference.comparer import comparison_points
from hftranslate.errors import FormatError, InputError, UnsafeInput, did_you_mean
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.histfactory_xml.options import XmlOptions
from hftranslate.formats.histfactory_xml.parse import parse
from hftranslate.formats.json_patch import MAX_OPERATIONS, apply_patch
from hftranslate.formats.json_text import parse_json
from hftranslate.formats.pyhf_json import from_document
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import load
from tests.cli.conftest import Runner, run
from tests.cli.documents import document, text
from tests.conftest import REPOSITORY
from tests.watchdog import watched

__all__ = ["run"]  # a fixture


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    """Each of these once took minutes, or hours."""
    with watched():
        yield


def many_observations(n: int) -> dict[str, Any]:
    changed = document()
    changed["observations"] += [{"name": f"channel {i}", "data": [1]} for i in range(n)]
    return changed


def test_many_observations() -> None:
    assert from_document(many_observations(50_000)).channels[0].observed == (55, 60)
    twice = many_observations(50_000)
    twice["observations"].append({"name": "channel 7", "data": [1]})
    with pytest.raises(InputError, match="channel 'channel 7' has two observations"):
        from_document(twice)


def test_a_key_given_twice_among_many() -> None:
    pairs = [f'"k{i}": 1' for i in range(100_000)]
    with pytest.raises(FormatError, match="the key 'k99999' appears more than once"):
        parse_json(("{" + ", ".join([*pairs, '"k99999": 2']) + "}").encode(), "x")


def test_the_nearest_of_very_many_or_very_long_names() -> None:
    assert did_you_mean("a" * 100_000, ["a" * 99_999 + "b"]).startswith("; there are")
    names = [f"channel {i} " * 10 for i in range(30_000)]
    assert did_you_mean("channel 0 " * 10 + "x", names).startswith("; did you mean 'channel 0")


def test_comments_without_an_end() -> None:
    for data in (b"<Combination>" + b"<!--" * 1_000_000, b"<!-- a -->" * 100_000 + b"<!--<!ENTITY"):
        with pytest.raises(FormatError, match="not well-formed"):
            parse(data, "x", "Combination", Notes())


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"<!-- <!ENTITY --><Combination/>", False),
        (b'<!-- a --><!DOCTYPE a [<!ENTITY x "y">]><Combination/>', True),
        (b"<!-- a --><!-- <!ENTITY --> <!ENTITY", True),
    ],
)
def test_entities_are_looked_for_outside_comments(data: bytes, refused: bool) -> None:
    if refused:
        with pytest.raises(UnsafeInput, match="declares entities"):
            parse(data, "x", "Combination", Notes())
    else:
        assert parse(data, "x", "Combination", Notes()).tag == "Combination"


# ------------------------------------------------------------------------------------------------------ JSON patches
def test_patches() -> None:
    operations = [
        {"op": "add", "path": "/b", "value": [1, {"c": 2}]},
        {"op": "copy", "from": "/b", "path": "/d"},
        {"op": "replace", "path": "/b/1/c", "value": 3},
        {"op": "remove", "path": "/a"},
    ]
    assert apply_patch({"a": 1}, operations) == {"b": [1, {"c": 3}], "d": [1, {"c": 2}]}


def test_copies_of_copies() -> None:
    bomb = [{"op": "copy", "from": "/x", "path": "/x/-"}] * 60
    with pytest.raises(UnsafeInput, match="its copies multiply the document"):
        apply_patch({"x": [1]}, bomb)


def test_too_many_operations() -> None:
    with pytest.raises(UnsafeInput, match="300001 operations; more than 300000 are refused"):
        apply_patch({}, [{"op": "test", "path": "", "value": {}}] * (MAX_OPERATIONS + 1))


@pytest.mark.parametrize(
    "operation",
    [
        None,
        1,
        [],
        "add",
        {},
        {"op": "add"},
        {"op": ["add"], "path": "/a", "value": 1},
        {"op": "add", "path": 5, "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/a/b/c", "value": 1},
        {"op": "copy", "path": "/b"},
        {"op": "copy", "from": 3, "path": "/b"},
        {"op": "copy", "from": "/nowhere", "path": "/b"},
        {"op": "move", "from": "/nowhere", "path": "/b"},
        {"op": "remove", "path": "/l/7"},
        {"op": "replace", "path": "/l/-", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
    ],
)
def test_operations_that_do_not_apply(operation: Any) -> None:
    with pytest.raises(InputError, match="operation 1: "):
        apply_patch({"a": 1, "l": [1]}, [{"op": "add", "path": "/z", "value": 0}, operation])


def test_a_deep_document_and_a_patch(run: Runner, tmp_path: Path) -> None:
    path, patch = tmp_path / "deep.json", tmp_path / "patch.json"
    path.write_text(text()[:-1] + ', "deep": ' + "[" * 700 + "]" * 700 + "}")
    patch.write_text('[{"op": "copy", "from": "/deep", "path": "/deeper"}]')
    assert run("inspect", path, "-p", patch).code == 2
    patch.write_text('[{"op": "remove", "path": "/deep"}]')
    assert run("inspect", path, "-p", patch).code == 0


# ------------------------------------------------------------------------------------------------------ large models
def test_messages_stay_readable(run: Runner) -> None:
    changed = document()
    changed["channels"][0]["name"] = "a" * 100_000
    found = run("inspect", stdin=json.dumps(changed).encode())
    assert found.code == 2
    assert len(found.err) < 2_000
    assert "[...]" in found.err


def test_a_model_of_any_size_is_compared_at_a_bounded_number_of_points() -> None:
    def points(n_bins: int) -> tuple[int, np.ndarray, int]:
        changed = document()
        for sample in changed["channels"][0]["samples"]:
            sample["data"] = [5.0] * n_bins
        changed["channels"][0]["samples"][1]["modifiers"][1]["data"] = [1.0] * n_bins
        changed["observations"][0]["data"] = [10] * n_bins
        model, _ = compile_model(from_document(changed))
        found = comparison_points(model, 5, Random(1))
        return len(found), found, len(model.parameters)

    count, found, n = points(20)
    assert count == 4 * n + 5
    count, found, n = points(2000)
    assert count == 4 * 500 + 5
    nominal = np.median(found, axis=0)
    assert np.all(np.any(found[:-5] != nominal, axis=0))  # each parameter is moved
    assert np.max(np.sum(found[:-5] != nominal, axis=1)) <= 6  # few at a time


def many_parameters(n: int) -> dict[str, Any]:
    """A model of many norm factors, each with settings."""
    changed = document()
    names = [f"k,{i % 10}{i}" for i in range(n)]
    changed["channels"][0]["samples"][1]["modifiers"] += [
        {"name": k, "type": "normfactor", "data": None} for k in names
    ]
    settings = [{"name": k, "bounds": [[0.5, 1.5]], "inits": [1.0], "fixed": True} for k in names]
    changed["measurements"][0]["config"]["parameters"] += settings
    return changed


@pytest.mark.slow
def test_many_parameters(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_text(json.dumps(many_parameters(2_500)))
    assert run("json2xml", path, "-d", tmp_path / "xml").code == 0
    back = run("xml2json", tmp_path / "xml" / "FitConfig.xml", "-o", tmp_path / "back.json")
    assert back.code == 0
    assert len(json.loads((tmp_path / "back.json").read_text())["measurements"][0]["config"]["parameters"]) >= 2_500
    found = run("cls", path)
    assert found.code == 2
    assert "factors multiply it; models with more than 500" in found.err


def test_numbers_that_no_likelihood_can_hold() -> None:
    changed = document()
    changed["channels"][0]["samples"][1]["data"][0] = 1e200
    with pytest.raises(InputError, match=r"its yields: numbers of the size of 1e\+200 cannot be evaluated"):
        compile_model(from_document(changed))


def test_uncertainties_that_no_likelihood_can_hold() -> None:
    changed = document()
    sample = changed["channels"][0]["samples"][1]
    sample["data"][0] = 1e-308
    sample["modifiers"] = [{"name": "mc", "type": "staterror", "data": [10.0, 5.0]}]
    with pytest.raises(InputError, match=r"parameter 'mc': numbers of the size of inf cannot be evaluated"):
        compile_model(from_document(changed))


def test_fits_of_too_many_parameters_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("hftranslate.inference.minimize"), "MAX_FREE", 2)
    with pytest.raises(InputError, match="free parameters cannot be fitted; at most 2"):
        fit(*compile_model(from_document(document())))


@pytest.mark.parametrize("width", ["1e308", "1e160", "1e-200"])
def test_widths_of_gamma_terms_beyond_double_precision(width: str, tmp_path: Path) -> None:
    case = REPOSITORY / "validation" / "cases" / "constraint_gamma"
    for path in case.iterdir():
        shutil.copy(path, tmp_path)
    driver = tmp_path / "model.xml"
    driver.write_text(re.sub('RelativeUncertainty="[^"]*"', f'RelativeUncertainty="{width}"', driver.read_text()))
    workspace = load(driver, xml=XmlOptions(basedir=tmp_path)).workspace
    with pytest.raises(InputError, match="parameter 'beta_xsec': numbers of the size of"):
        compile_model(workspace)
