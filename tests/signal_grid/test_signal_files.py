"""Signals from files of all kinds."""

import json
from pathlib import Path

import pytest

from hftranslate.errors import FormatError, InputError, InvalidWorkspace
from hftranslate.signal_grid import same_model
from hftranslate.signal_grid.signal_files import known_background, read_background, read_signal
from hftranslate.translation.load import read
from hftranslate.translation.write import write
from tests.signal_grid.grid import background, patches, with_signal


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_workspaces_patches_and_xml_are_the_same_signal(tmp_path: Path) -> None:
    full = written(tmp_path / "full.json", with_signal(200, 50))
    patch = written(tmp_path / "patch.json", patches().named("sig_200_50").operations)
    write(read(full), tmp_path / "xml" / "FitConfig.xml")
    expected = with_signal(200, 50)
    assert same_model(read_signal(full, background()).document, expected)
    assert same_model(read_signal(patch, background()).document, expected)
    from_xml = read_signal(tmp_path / "xml" / "FitConfig.xml", background())
    names = [[s["name"] for s in c["samples"]] for c in from_xml.document["channels"]]
    assert names == [["sig_200_50", "bkg", "fakes"], ["bkg"]]
    assert from_xml.document["observations"] == expected["observations"][::-1]
    assert from_xml.outcomes


def test_the_background_is_read_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path / "bkg.json", background())
    assert read_background(path) == background()
    write(read(path), tmp_path / "FitConfig.xml")
    with pytest.raises(FormatError, match=r"FitConfig\.xml is XML; .* make one with hftranslate xml2json"):
        read_background(tmp_path / "FitConfig.xml")


def test_what_is_known_of_the_background_is_not_judged_again(tmp_path: Path) -> None:
    there = background()
    known = known_background(there)
    read_again = read_signal(written(tmp_path / "full.json", with_signal(200, 50)), there, known=known).document
    assert read_again == with_signal(200, 50)
    assert read_again["channels"][0]["samples"][1] is there["channels"][0]["samples"][0]
    other = with_signal(200, 50)
    other["channels"][0]["samples"][1]["data"] = [1.0]
    with pytest.raises(InvalidWorkspace, match=r"lo_data has 2 entries, expected 1"):
        read_signal(written(tmp_path / "other.json", other), there, known=known)
    for change in ({"channels": 5}, {"channels": [5]}, {"channels": [{"name": []}]}):
        with pytest.raises(FormatError):
            read_signal(written(tmp_path / "other.json", {**other, **change}), there, known=known)
    assert there == background()


def test_what_is_no_signal(tmp_path: Path) -> None:
    wrong = written(tmp_path / "wrong.json", [{"op": "remove", "path": "/channels/7"}])
    with pytest.raises(InputError, match=r"wrong\.json does not apply to the background-only workspace: operation 0"):
        read_signal(wrong, background())
    invalid = written(tmp_path / "invalid.json", [{"op": "add", "path": "/observations/1/data/-", "value": 1}])
    with pytest.raises(InvalidWorkspace, match=r"invalid\.json: .*'SR'.*3 entries, expected 2"):
        read_signal(invalid, background())
    with pytest.raises(FormatError, match="this is a patch set"):
        read_signal(written(tmp_path / "set.json", patches().to_document()), background())
