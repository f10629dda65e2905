"""Written translations are read back and proved, or not."""

from dataclasses import replace
from pathlib import Path

import pytest

from hftranslate.editing import prune
from hftranslate.formats.json_text import dump_json
from hftranslate.formats.pyhf_json import from_document
from hftranslate.translation.sidecar_file import sidecar_path
from hftranslate.translation.verify import verify_file, verify_json
from hftranslate.translation.write import to_pyhf_json, write
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    Measurement,
    NormFactor,
    NormSys,
    Sample,
    StatError,
    Workspace,
)
from hftranslate.workspace.map import map_modifiers
from tests.cli.documents import document

WS = replace(from_document(document()), conventions=ROOT)


def poisson(ws: Workspace) -> Workspace:
    """With a staterror that two samples share, which JSON cannot say."""
    stat = StatError(name="staterror_SR", data=(1.0, 1.0), constraint="poisson")
    shared = map_modifiers(ws, lambda _c, _s, m: stat if isinstance(m, StatError) else m)
    channel = shared.channels[0]
    first = replace(channel.samples[0], modifiers=(*channel.samples[0].modifiers, stat))
    return replace(shared, channels=(replace(channel, samples=(first, *channel.samples[1:])),))


@pytest.mark.parametrize("name", ["ws.json", "xml/FitConfig.xml"])
def test_a_faithful_translation(name: str, tmp_path: Path) -> None:
    (tmp_path / "xml").mkdir()
    write(WS, tmp_path / name)
    checked = verify_file(WS, tmp_path / name, with_sidecar=True)
    assert checked.verified
    assert checked.sentence.startswith(f"verified: {tmp_path / name}, read back, has the same likelihood")
    assert "as the input, both as hftranslate reads and evaluates them: at " in checked.sentence
    assert checked.sentence.endswith(
        "(under root conventions; '--verify root' asks ROOT); with its sidecar it is the input exactly"
    )
    assert checked.details() == ""
    plain = verify_file(WS, tmp_path / name, with_sidecar=False)
    assert plain.verified
    assert "sidecar" not in plain.sentence


def test_a_loss_is_not_verified(tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    lossy = poisson(WS)
    account = write(lossy, path)
    checked = verify_file(lossy, path, with_sidecar=True, account=account)
    assert not checked.verified
    assert checked.sentence.startswith(f"NOT verified: {path}, read back, is not the input: measurement 'meas'")
    assert "constraint: poisson / gaussian" in checked.details()
    assert "what to do: the 1 line(s) 'loss' name what the format cannot say" in checked.details()
    assert checked.details().endswith("--strict writes nothing in such a case\n")


def test_parts_are_compared_under_the_names_that_the_translation_announced(tmp_path: Path) -> None:
    """Of three systematics with the same numbers two are renamed: content cannot tell which is which."""
    systematics = (NormSys(name=name, lo=0.9, hi=1.1) for name in ("a;b", "a,b", "a_b"))
    sample = Sample(name="s,1", nominal=(5.0, 6.0), modifiers=(NormFactor(name="mu"), *systematics))
    channel = Channel(name="1,SR", samples=(sample,), observed=(12.0, 9.0))
    ws = Workspace(channels=(channel,), measurements=(Measurement(name="m", pois=("mu",)),), conventions=PYHF)
    account = write(ws, tmp_path / "FitConfig.xml")
    checked = verify_file(ws, tmp_path / "FitConfig.xml", with_sidecar=True, account=account)
    assert checked.verified, checked.details()
    assert not verify_file(ws, tmp_path / "FitConfig.xml", with_sidecar=True).verified


def test_a_rename_to_a_name_that_is_another_kind_of_parameter_in_the_input(tmp_path: Path) -> None:
    sample = Sample(
        name="s", nominal=(5.0, 6.0), modifiers=(NormFactor(name="mu"), NormSys(name="lumi", lo=0.9, hi=1.1))
    )
    channel = Channel(name="SR", samples=(sample,), observed=(12.0, 9.0))
    ws = Workspace(channels=(channel,), measurements=(Measurement(name="m", pois=("mu",)),), conventions=PYHF)
    account = write(ws, tmp_path / "FitConfig.xml")
    assert verify_file(ws, tmp_path / "FitConfig.xml", with_sidecar=True, account=account).verified


@pytest.mark.parametrize(
    ("old", "new"),
    [('"hi": 1.1', '"hi": 1.2'), ('"data": [3.0, 8.0]', '"data": [3.0, 8.1]'), ('"fixed": true', '"fixed": false')],
)
def test_what_was_changed_on_the_way_is_found(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    write(WS, path, sidecar=False)
    damaged = path.read_text()
    assert old in damaged
    path.write_text(damaged.replace(old, new))
    checked = verify_file(WS, path, with_sidecar=False)
    assert not checked.verified
    assert "the two DIFFER\n" in checked.details()
    assert "No loss was announced, so this is a fault of hftranslate" in checked.details()
    assert not verify_json(WS, path.read_text()).verified


def test_a_sidecar_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    write(WS, path)
    other = prune(WS, measurements=["other"])
    write(other, tmp_path / "other.json")
    sidecar_path(path).write_text(sidecar_path(tmp_path / "other.json").read_text())
    checked = verify_file(WS, path, with_sidecar=True)
    assert not checked.verified
    assert checked.sentence == f"NOT verified: {path} with its sidecar, read back, is not the input"


def test_what_cannot_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    path.write_text("{")
    checked = verify_file(WS, path, with_sidecar=False)
    assert not checked.verified
    assert checked.sentence.startswith(f"NOT verified: {path} cannot be read back: {path}: not valid JSON")
    assert checked.details().startswith("what to do: do not use it")
    assert "the JSON cannot be read back" in verify_json(WS, "{}").sentence


def test_json_that_was_not_written_to_a_file() -> None:
    checked = verify_json(WS, dump_json(to_pyhf_json(WS).document))
    assert checked.verified
    assert checked.sentence.startswith("verified: the JSON, read back,")
