"""Who comes from pyhf types what pyhf's commands take, and gets what they print. pyhf's own program is the judge."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Runner, pyhf_says
from tests.cli.documents import text


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    path = tmp_path / "ws.json"
    path.write_text(text())
    return path


# -------------------------------------------------------------------------------------------------------------- mounts
@pytest.fixture
def moved(ws: Path, run: Runner) -> Path:
    """A driver whose XML names the folder of another machine for everything: in truth it lies in ``here``."""
    folder = ws.parent / "here"
    assert run("json2xml", ws, "-d", folder, "--no-sidecar").code == 0
    for path in (folder / "FitConfig.xml", *(folder / "config").glob("*.xml")):
        path.write_text(path.read_text().replace("./config/", "/there/run2/config/").replace("./data/", "/there/run2/data/"))
    return folder / "FitConfig.xml"


def yields(printed: str) -> object:
    channels = json.loads(printed)["channels"]
    return {(c["name"], s["name"]): s["data"] for c in channels for s in c["samples"]}


def test_mounts_have_the_order_of_pyhf(moved: Path, run: Runner) -> None:
    arguments = ("xml2json", moved, "-v", f"{moved.parent}:/there/run2", "--hide-progress")
    found = run(*arguments)
    assert found.code == 0
    assert yields(found.out) == yields(pyhf_says(*arguments)) == yields(text())
    assert "--mount" not in found.err


def test_the_other_order_of_a_mount_is_taken_where_only_it_can_be_meant(moved: Path, run: Runner) -> None:
    expected = run("xml2json", moved, "-v", f"{moved.parent}:/there/run2")
    found = run("xml2json", moved, "-v", f"/there/run2:{moved.parent}")
    assert (found.code, found.out) == (0, expected.out)
    assert f"--mount /there/run2:{moved.parent}: read as {moved.parent}:/there/run2" in found.err


def test_where_both_folders_of_a_mount_are_here_the_first_is_meant(moved: Path, run: Runner) -> None:
    for path in (moved, *moved.parent.glob("config/*.xml")):
        path.write_text(path.read_text().replace("/there/run2", str(moved.parent)))
    there = moved.parent.with_name("there")
    shutil.copytree(moved.parent, there)
    (moved.parent / "data" / "data.root").unlink()
    found = run("xml2json", moved, "-v", f"{there}:{moved.parent}")
    assert found.code == 0
    assert "--mount" not in found.err
    assert run("xml2json", moved, "-v", f"{moved.parent}:{there}").code == 2


def test_a_mount_is_a_place_here_whatever_paths_are_relative_to(
    moved: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(moved.parent.parent)
    arguments = ("xml2json", "here/FitConfig.xml", "--basedir", "here/data", "-v", "here:/there/run2/")
    assert yields(run(*arguments).out) == yields(pyhf_says(*arguments)) == yields(text())


def test_an_address_may_be_mounted(moved: Path, run: Runner) -> None:
    for path in (moved, *moved.parent.glob("config/*.xml")):
        path.write_text(path.read_text().replace("/there/run2", "root://eos.there.org//run2"))
    for mount in (f"{moved.parent}:root://eos.there.org//run2", f"root://eos.there.org//run2:{moved.parent}"):
        assert yields(run("xml2json", moved, "-v", mount).out) == yields(text())


def test_what_is_no_mount_is_refused_and_a_missing_folder_told(moved: Path, run: Runner) -> None:
    for words in ("nonsense", ":there", "here:", ":"):
        found = run("xml2json", moved, "-v", words)
        assert found.code == 2
        assert f"'{words}' must look like LOCAL:IN_XML" in found.err
    found = run("xml2json", moved, "-v", "/nowhere:/there/run2")
    assert found.code == 2
    assert "--mount /nowhere:/there/run2: there is no folder '/nowhere' here" in found.err
