import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.errors import FormatError, MissingInput, UnsafeInput
from hftranslate.formats import json_text as documents
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars |= st.text(st.characters(exclude_categories=["Cs"]))
trees = st.recursive(scalars, lambda t: st.lists(t) | st.dictionaries(st.text("ab~/é"), t), max_leaves=20)


@settings(deadline=None)
@given(trees)
def test_written_documents_read_back_exactly(tree: object) -> None:
    text = dump_json(tree)
    assert text.endswith("\n")
    assert text.isascii()
    back = parse_json(text.encode(), "x")
    assert repr(back) == repr(tree)  # tells 1 from 1.0 and 0.0 from -0.0
    assert dump_json(back) == text


def test_lists_of_numbers_stay_on_one_line() -> None:
    document = {"b": [1, 2.5, 1e-7], "a": [[0, 10], [1.0, 2]], "e": [], "o": {}}
    assert dump_json(document) == (
        '{\n    "b": [1, 2.5, 1e-07],\n    "a": [\n        [0, 10],\n        [1.0, 2]\n    ],\n'
        '    "e": [],\n    "o": {}\n}\n'
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_not_written(bad: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"data": [bad]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "f.json: not valid JSON: an empty document"),
        (b" \n", "f.json: not valid JSON: an empty document"),
        (b'{\n  "a": 1,\n}', "f.json: not valid JSON: line 2, column 9: a comma before '}'; JSON has none"),
        (b"[1] 2", "f.json: not valid JSON: line 1, column 5: Extra data"),
        (b"\xff\xfe[", "f.json: byte 2 is not UTF-16"),
        (b"[NaN]", "f.json: NaN is not a JSON number"),
        (b"[-Infinity]", "f.json: -Infinity is not a JSON number"),
        (b"[1e999]", "f.json: the number 1e999 is too large for double precision"),
        (b"[" + b"1" * 400 + b"]", r"f.json: the number 1+... \(400 characters\) is too large"),
        (b"[" + b"1" * 9999 + b"]", r"f.json: the number 1+... \(9999 characters\) is too large"),
        (b'{"a": 1, "b": 2, "a": 3}', "f.json: the key 'a' appears more than once in the same object"),
        (b'{"name": "SR", "a": 2, "a": 3}', "the key 'a' of the object named 'SR' appears more than once"),
        (b"[" * 200_000, "f.json: nested too deeply"),
        (b'{"a":' * 200_000, "f.json: nested too deeply"),
        (b'["\\ud800"]', "f.json: not valid JSON: a string with half of a surrogate pair"),
        (b'{"\\uDFFF": 1}', "f.json: not valid JSON: a string with half of a surrogate pair"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_its_place(text: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse_json(text, "f.json")


def test_numbers_are_kept_exactly() -> None:
    text = b"\xef\xbb\xbf[50, 50.0, 9007199254740993, 1e308, -0.0, 4.9e-324]"
    values = parse_json(text, "x")
    assert repr(values) == "[50, 50.0, 9007199254740993, 1e+308, -0.0, 5e-324]"
    assert parse_json(b'"\\ud83d\\ude00"', "x") == "\N{GRINNING FACE}"


def test_files_plain_compressed_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b'{"a": 1}'
    plain, packed = tmp_path / "a.json", tmp_path / "b.json"  # the content tells gzip, not the name
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text[:4]) + gzip.compress(text[4:]))
    assert read_bytes(plain) == read_bytes(str(packed)) == text
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(text))))
    assert read_bytes("-") == text


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "workspace.json").write_text("{}")
    with pytest.raises(MissingInput, match=r"worksapce.json: no such file; did you mean 'workspace.json'\?"):
        read_bytes(tmp_path / "worksapce.json")
    (tmp_path / "picture.png").write_text("")
    with pytest.raises(MissingInput, match=r"other.json: no such file; there are 'workspace.json'$"):
        read_bytes(tmp_path / "other.json")
    with pytest.raises(MissingInput, match=r"other.xml: no such file$"):
        read_bytes(tmp_path / "other.xml")
    with pytest.raises(MissingInput, match=r"no such file; the folder '.*nowhere' does not exist"):
        read_bytes(tmp_path / "nowhere" / "x.json")
    with pytest.raises(MissingInput, match="is a directory; expected a file"):
        read_bytes(tmp_path)
    with pytest.raises(MissingInput, match="cannot be read: "):
        read_bytes(tmp_path / "workspace.json" / "x.json")
    with pytest.raises(MissingInput, match="is no file name: embedded null byte"):
        read_bytes("a\0b")


def test_damaged_and_oversized_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(json.dumps(list(range(5000))).encode())
    file = tmp_path / "x.json.gz"
    for damaged in (packed[:-20], packed[:40] + b"\0\0\0\0" + packed[44:], b"\x1f\x8bnonsense"):
        file.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"x.json.gz: damaged gzip file"):
            read_bytes(file)
    monkeypatch.setattr(documents, "MAX_BYTES", 1 << 22)
    file.write_bytes(gzip.compress(bytes(1 << 24)))
    with pytest.raises(UnsafeInput, match=r"x.json.gz \(decompressed\): larger than 4194304 bytes"):
        read_bytes(file)
    file.write_bytes(b" " * (1 << 23))
    with pytest.raises(UnsafeInput, match=r"x.json.gz: larger than 4194304 bytes"):
        read_bytes(file)
