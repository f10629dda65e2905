"""The demonstration, as it runs from an installed package: in any folder, with commands that can be repeated."""

import re
import shlex
from pathlib import Path

import pytest

from hftranslate.crosscheck import demo as story
from hftranslate.crosscheck import demonstrate
from hftranslate.errors import MissingInput
from tests.cli.conftest import Runner, run  # noqa: F401 - a fixture


def test_every_command_that_it_shows_can_be_repeated(
    run: Runner,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = run("demo")
    assert found.code == 0
    assert "the JSON is identical, byte by byte" in found.out
    assert "PASSED" in found.out
    lines = re.findall(r"^  \$ hftranslate (.*?)(?:    \(.*)?$", found.out, re.MULTILINE)
    assert [line.split()[0] for line in lines] == [
        "xml2json",
        "json2xml",
        "xml2json",
        "fit",
        "cls",
        "limit",
        "plot",
        "crosscheck",
    ]
    for line in lines:
        assert run(*shlex.split(line)).code == 0
    assert {p.name for p in Path("demo-output").iterdir()} >= {"demo.json", "xml", "report.html", "brazil.png", "model"}


def test_a_number_that_differs_is_the_answer_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = story.beside_package("demo.json", "reference_outputs/demo.json")
    wrong = tmp_path / "wrong.json"
    text = reference.read_text()
    wrong.write_text(re.sub(r'("CLs_obs": *)0\.', r"\g<1>0.9", text))
    assert wrong.read_text() != text
    places = story.beside_package
    monkeypatch.setattr(
        story, "beside_package", lambda name, other: wrong if name == "demo.json" else places(name, other)
    )
    said: list[str] = []
    assert not demonstrate(tmp_path / "out", said.append)
    assert any("FAILED" in line for line in said)


def test_what_was_not_installed_is_named() -> None:
    with pytest.raises(MissingInput, match="nowhere/at_all"):
        story.beside_package("nothing", "nowhere/at_all")
