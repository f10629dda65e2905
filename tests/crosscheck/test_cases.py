"""Files that list cases: judged when they are read, because their names become files and their values models."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftranslate.crosscheck.cases import read_cases
from hftranslate.errors import FormatError, MissingInput, UnsafeInput
from tests.conftest import REPOSITORY

CASE = "[cases.a]\ninput = 'x'\nreference = 'r'\nmeasurement = 'm'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cases", "not valid TOML"),
        ("a = 1", r"expected tables \[cases\.NAME\]"),
        ("[cases.a]\ninputs = 'x'", "unknown key 'inputs'; did you mean 'input'"),
        ("[cases.a]\ninput = 'x'", "needs the key 'measurement'"),
        ("cases = 3", r"expected tables \[cases\.NAME\]"),
        ("cases = ['a']", r"expected tables \[cases\.NAME\]"),
        ("[cases]", r"expected tables \[cases\.NAME\]"),
        ("[[cases.a]]\ninput = 'x'", r"case 'a' is no table; expected \[cases\.a\]"),
        ("[cases]\na = 'x'", "case 'a' is no table"),
        ("a = " + "[" * 5000, "not valid TOML"),
        ("[cases.a]\ninput = 3", "case 'a': input is 3; expected a string"),
        ('[cases.a]\ninput = "a\\u0000"', r"case 'a': input is 'a\\x00'; expected a string"),
        (CASE + "shared = 'no'", "shared is 'no'; expected true or false"),
        (CASE + "interpolation = 'code4'", "interpolation is 'code4'; expected a table"),
        (CASE + "interpolation.shapesys = 'code4'", "interpolation of 'shapesys'; there are 'histosys'"),
        (CASE + "interpolation.normsys = 'code4p'", "no interpolation code 'code4p' of normsys; there are"),
        (CASE + "interpolation.normsys = []", "no interpolation code .* of normsys"),
        (CASE + "ranges = 'x'", "ranges is 'x'; expected a table"),
        (CASE + "ranges.mu = 3", r"the range of 'mu' is 3; expected \[low, high\]"),
        (CASE + "ranges.mu = [0.0, 'x']", r"the range of 'mu' is \[0.0, 'x'\]"),
        (CASE + "ranges.mu = [5, 0]", r"the range of 'mu' is \[5, 0\]"),
        (CASE + "ranges.mu = [0, inf]", r"the range of 'mu' is \[0, inf\]"),
        (CASE + "ranges.mu = [nan, 1]", r"the range of 'mu' is \[nan, 1\]"),
        (CASE + "ranges.mu = [0, 1" + 400 * "0" + "]", r"the range of 'mu' is \[0, 1000"),
        (CASE + "patch_name = 's'", "has a patch_name but no patch"),
        (CASE.replace("[cases.a]", "[cases.'../../a']"), r"case '\.\./\.\./a': expected a name of letters"),
        (CASE.replace("[cases.a]", "[cases.'/elsewhere/a']"), "case '/elsewhere/a': expected a name of letters"),
        (CASE.replace("[cases.a]", "[cases.'..']"), r"case '\.\.': expected a name of letters"),
        (CASE + CASE.replace("[cases.a]", "[cases.A]"), "case 'A' differs from case 'a' in capital letters only"),
        (CASE.replace("[cases.a]", "[cases.Index]"), "case 'Index': .* other than 'index'"),
    ],
)
def test_wrong_cases(tmp_path: Any, text: str, message: str) -> None:
    path = tmp_path / "cases.toml"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_cases(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ("input", "measurement", "reference", "patch", "patch_name", "interpolation", "ranges", "toys")
        ),
        st.recursive(
            st.sampled_from(("true", "3", "-1.5", "inf", "nan", "'x'", "''", "2020-01-01", "1e400")),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3).map(lambda v: f"[{', '.join(v)}]"),
                st.dictionaries(st.sampled_from(("mu", "normsys", "poi")), inner, max_size=2).map(
                    lambda v: "{" + ", ".join(f"{k} = {x}" for k, x in v.items()) + "}"
                ),
            ),
            max_leaves=4,
        ),
    )
)
def test_any_values_in_a_case(tmp_path: Any, values: dict[str, str]) -> None:
    path = tmp_path / "cases.toml"
    path.write_text("[cases.a]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))
    with suppress(FormatError):
        read_cases(path)


def test_a_signal_of_a_patch_set(tmp_path: Any) -> None:
    """By the reader of patch sets, with its limits: copies of copies are refused."""
    document = json.loads((REPOSITORY / "validation" / "cases" / "json_settings" / "workspace.json").read_text())
    (tmp_path / "bkg.json").write_text(json.dumps(document))
    operations = [{"op": "replace", "path": "/observations/0/data/0", "value": 7.0}]
    copies = [{"op": "copy", "from": "/channels", "path": "/channels/-"} for _ in range(30)]
    patches = [
        {"metadata": {"name": name, "values": [i]}, "patch": patch}
        for i, (name, patch) in enumerate((("s", operations), ("bomb", copies)))
    ]
    metadata = {"digests": {"sha256": "0" * 64}, "labels": ["m"], "references": {"hepdata": "ins1234567"}}
    found = {"metadata": {**metadata, "description": "d"}, "patches": patches, "version": "1.0.0"}
    (tmp_path / "patches.json").write_text(json.dumps(found))
    (tmp_path / "cases.toml").write_text(
        "[cases.a]\ninput = 'bkg.json'\npatch = 'patches.json'\npatch_name = 's'\nmeasurement = 'm'\nreference = 'r'\n"
    )
    (case,) = read_cases(tmp_path / "cases.toml")
    assert case.workspace().channels[0].observed[0] == 7.0
    with pytest.raises(UnsafeInput, match="patch 'bomb' does not apply: its copies multiply the document"):
        replace(case, patch_name="bomb").workspace()
    with pytest.raises(MissingInput, match="no patch 't'"):
        replace(case, patch_name="t").workspace()
    (tmp_path / "patches.json").write_text("{}")
    with pytest.raises(FormatError, match=r"patches\.json: "):
        case.workspace()
