"""Paths of all commands: of a known kind, completed by the shell, and never one file for two purposes."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from hftranslate.cli import cli
from hftranslate.cli.options.paths import (
    InputFile,
    InputFolder,
    KeptFile,
    ModelFile,
    ModelFolder,
    NamedFiles,
    OutputFile,
    OutputFolder,
    SidecarFile,
)
from tests.cli.conftest import Runner
from tests.cli.documents import text
from tests.interruptions import content
from tests.signal_grid.grid import background, patches

KINDS = {InputFile, InputFolder, KeptFile, ModelFile, ModelFolder, NamedFiles, OutputFile, OutputFolder, SidecarFile}
WRITTEN = (OutputFile, OutputFolder)
FOLDERS = (InputFolder, OutputFolder)
#: Arguments that are no paths.
OTHER_ARGUMENTS = {("scan", "parameters"), ("hepdata download", "source"), ("contrib download", "source")}


@dataclass(frozen=True)
class Place:
    """A parameter of a command."""

    command: str
    parameter: click.Parameter

    def __str__(self) -> str:
        return f"{self.command} {self.parameter.name}"

    @property
    def kind(self) -> click.ParamType:
        return self.parameter.type

    @property
    def is_written(self) -> bool:
        return isinstance(self.kind, WRITTEN)


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


ALL = dict(commands(cli))
PLACES = [Place(name, p) for name, command in ALL.items() for p in command.params]
PATHS = [p for p in PLACES if isinstance(p.kind, click.Path)]


# ---------------------------------------------------------------------------------------------------------------- kinds
def test_there_is_something_to_check() -> None:
    assert len(ALL) > 35
    assert len([p for p in PATHS if p.is_written]) > 40


@pytest.mark.parametrize("place", PATHS, ids=str)
def test_every_path_is_of_a_known_kind(place: Place) -> None:
    assert type(place.kind).__mro__[1] in KINDS or type(place.kind) in KINDS


def test_what_looks_like_a_path_is_one() -> None:
    for place in PLACES:
        parameter = place.parameter
        if isinstance(place.kind, click.Path) or (place.command, parameter.name) in OTHER_ARGUMENTS:
            continue
        assert not isinstance(parameter, click.Argument), place
        named = str(parameter.make_metavar(click.Context(ALL[place.command])))
        assert not any(word in named for word in (".json", ".toml", "FILE", "DIR", "PATH")), place


# ----------------------------------------------------------------------------------------------------------- completion
@pytest.mark.parametrize("place", PATHS, ids=str)
def test_the_shell_completes_names_of_files(place: Place) -> None:
    words = place.command.split()
    if isinstance(place.parameter, click.Argument):
        for other in ALL[place.command].params:
            if other is place.parameter:
                break
            if isinstance(other, click.Argument):
                words.append("before")
    else:
        words.append(place.parameter.opts[0])
    found = BashComplete(cli, {}, "hftranslate", "_HFTRANSLATE_COMPLETE").get_completions(words, "begun")
    assert [(item.type, item.value) for item in found] == [
        ("file" if getattr(place.kind, "file_okay", True) else "dir", "begun")
    ]


# -------------------------------------------------------------------------------------------------- one file, two roles
def some_value(parameter: click.Parameter, folder: Path) -> str:
    """Anything that the parameter takes."""
    if isinstance(parameter.type, click.Path):
        return str(folder / f"other-{parameter.name}")
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    return "1"


def words_of(parameter: click.Parameter, value: str) -> list[str]:
    if isinstance(parameter, click.Argument):
        return [value]
    return [parameter.opts[0], value]


def command_line(command: str, given: dict[str, str], folder: Path) -> list[str]:
    """A command line with what is given, and with something for all else that is required."""
    options, arguments = [], []
    parameters = ALL[command].params
    last = max((i for i, p in enumerate(parameters) if isinstance(p, click.Argument) and p.name in given), default=-1)
    for i, parameter in enumerate(parameters):
        is_argument = isinstance(parameter, click.Argument)
        if parameter.name in given or parameter.required or (is_argument and i < last):
            value = given.get(str(parameter.name), some_value(parameter, folder))
            (arguments if is_argument else options).extend(words_of(parameter, value))
    return [*command.split(), *options, *arguments]


def pairs() -> Iterator[tuple[Place, Place]]:
    for i, one in enumerate(PATHS):
        for other in PATHS[i + 1 :]:
            both = isinstance(one.kind, FOLDERS) == isinstance(other.kind, FOLDERS)
            model = ModelFolder in (type(one.kind), type(other.kind))
            if one.command == other.command and (one.is_written or other.is_written) and (both or model):
                yield one, other


SPELLINGS: dict[str, Callable[[Path], Path]] = {
    "the same": lambda path: path,
    "with dots": lambda path: path.parent / "sub" / ".." / path.name,
    "by a link": lambda path: path.with_name(f"link{path.suffix}"),
    "by a hard link": lambda path: path.with_name(f"hard{path.suffix}"),
}


@pytest.mark.parametrize(("one", "other"), list(pairs()), ids=str)
def test_no_file_serves_two_purposes(
    one: Place, other: Place, run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    if isinstance(one.kind, FOLDERS) and isinstance(other.kind, FOLDERS):
        if ModelFolder in (type(one.kind), type(other.kind)):
            return  # XML may be written beside what is read there
        target = tmp_path / "folder"
        target.mkdir()
        spellings = {"the same": target, "with dots": tmp_path / "sub" / ".." / "folder"}
        values = {name: (str(target), str(path)) for name, path in spellings.items()}
    else:
        model = "FitConfig.xml" if ModelFolder in (type(one.kind), type(other.kind)) else "file.json"
        target = tmp_path / model
        target.write_text("mine")
        target.with_name(f"link{target.suffix}").symlink_to(target)
        os.link(target, target.with_name(f"hard{target.suffix}"))
        values = {name: (str(target), str(spell(target))) for name, spell in SPELLINGS.items()}
    before = content(tmp_path)
    for how, (first, second) in values.items():
        given = {str(one.parameter.name): first, str(other.parameter.name): second}
        for place in (one, other):
            if isinstance(place.kind, ModelFolder):
                given[str(place.parameter.name)] = "."
            if type(place.kind) is NamedFiles:
                given[str(place.parameter.name)] = f"SR={given[str(place.parameter.name)]}"
        found = run(*command_line(one.command, given, tmp_path))
        assert found.code == 2, how
        assert "one file for two purposes: " in found.err or "is a file." in found.err, how
        assert content(tmp_path) == before


@pytest.fixture
def folder(tmp_path: Path, run: Runner, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ws.json").write_text(text())
    assert run("json2xml", "ws.json", "-d", "xml").code == 0
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("xml2json", "xml/FitConfig.xml", "-o", "xml/data/data.root"),
        ("xml2json", "xml/FitConfig.xml", "-o", "xml/config/SR.xml"),
        ("xml2json", "xml/FitConfig.xml", "-o", "new.json", "--losses", "hard.root"),
        ("xml2json", "xml/FitConfig.xml", "-o", "new.json", "--losses", "new.histfactory.json"),
        ("xml2json", "xml/FitConfig.xml", "-o", "link.root"),
        ("json2xml", "xml/FitConfig.xml", "-d", "xml"),
        ("json2xml", "elsewhere.xml", "-d", "xml"),
        ("convert", "elsewhere.xml", "xml/Other.xml"),
        ("convert", "elsewhere.xml", "xml/Other", "--to", "xml"),
        ("convert", "xml/FitConfig.xml", "--to", "xml", "xml/FitConfig"),
        ("sort", "xml/FitConfig.xml", "-o", "xml/FitConfig.xml"),
        ("rename", "elsewhere.xml", "-o", "xml/FitConfig.xml"),
        ("combine", "ws.json", "xml/FitConfig.xml", "--join", "left outer", "-o", "xml/data/data.root"),
        ("fit", "xml/FitConfig.xml", "-o", "hard.root"),
        ("crosscheck", "xml/FitConfig.xml", "ref.json", "--html", "xml/data/data.root"),
        ("crosscheck", "--cases", "cases.toml", "--json", "ref.json"),
        ("crosscheck", "--cases", "cases.toml", "--json", "ws.json"),
        ("digest", "ws.json", "-o", "ws.histfactory.json"),
        ("patchset", "create", "ws.json", "xml/FitConfig.xml", "--labels", "m", "--values-from", "(Fit)Config",
         "--reference", "ins1234567", "-o", "xml/data/data.root"),
        ("hepdata", "check", "bundle", "--points", "0", "--html", "bundle/submission.yaml"),
        ("hepdata", "check", "bundle", "--points", "0", "-o", "bundle/Likelihoods.tar.gz"),
        ("hepdata", "check", "plain", "--points", "0", "-o", "plain/BkgOnly.json"),
        ("hepdata", "bundle", "new", "--region", "SR=bkg.json,ps.json", "--upload", "ps.json"),
        ("hepdata", "bundle", "new", "--workspace", "bkg.json", "--scan", "scan.json", "--upload", "scan.json"),
        ("reproduce", "plain", "-d", "plain"),
    ],
)  # fmt: skip
def test_what_files_name_is_not_replaced(arguments: tuple[str, ...], run: Runner, folder: Path) -> None:
    """Histograms and channels of XML, cases of a list, and what lies in folders."""
    os.link("xml/data/data.root", "hard.root")
    os.symlink("xml/data/data.root", "link.root")
    driver = (folder / "xml/FitConfig.xml").read_text()
    (folder / "elsewhere.xml").write_text(driver.replace("./config", "./xml/config"))
    channel = folder / "xml/config/SR.xml"
    channel.write_text(channel.read_text().replace("./data/data.root", str(folder / "xml/data/data.root")))
    (folder / "ws.histfactory.json").write_text(json.dumps({"format": "other"}))
    assert run("results", "ws.json", "-o", "ref.json").code == 0
    (folder / "cases.toml").write_text('[cases.a]\ninput = "ws.json"\nreference = "ref.json"\nmeasurement = "meas"\n')
    for name, document in (("bkg", background()), ("ps", patches().to_document())):
        (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "plain").mkdir()
    (folder / "plain" / "BkgOnly.json").write_text(json.dumps(background()))
    (folder / "plain" / "ps.json").write_text(json.dumps(patches().to_document()))
    assert run("hepdata", "bundle", "bundle", "--workspace", "bkg.json", "--patchset", "ps.json").code == 0
    (folder / "scan.json").write_text("{}")
    before = content(folder)
    found = run(*arguments)
    assert found.code == 2
    assert "one file for two purposes: " in found.err or "would be replaced" in found.err
    assert content(folder) == before


def test_a_driver_without_its_ending_is_verified_where_it_is(run: Runner, folder: Path) -> None:
    found = run("convert", "ws.json", "new/Other", "--to", "xml", "--verify")
    assert (found.code, found.err.count("verified: new/Other.xml, read back, has the same likelihood")) == (0, 1)


@pytest.mark.parametrize("out", ["here", "here/", "..", "new/"])
def test_a_folder_is_no_driver(out: str, run: Runner, folder: Path) -> None:
    """Its own name with an ending would be a file beside it."""
    (folder / "inner" / "here").mkdir(parents=True)
    os.rename("ws.json", "inner/ws.json")
    os.chdir("inner")
    before = content(folder)
    found = run("convert", "ws.json", out, "--to", "xml")
    assert found.code == 2
    assert content(folder) == before


def test_a_second_driver_of_the_same_histograms(run: Runner, folder: Path) -> None:
    """Another one of another model would take its histograms away."""
    assert run("json2xml", "ws.json", "-d", "xml", "--prefix", "Second").code == 0
    (folder / "other.json").write_text(text().replace("50.0", "49.0"))
    found = run("json2xml", "other.json", "-d", "xml", "--prefix", "Third")
    assert found.code == 2
    assert "xml holds another model, FitConfig.xml, whose file data/data.root would be replaced" in found.err


def test_what_is_meant_to_be_read_and_written(run: Runner, folder: Path) -> None:
    """Sidecars of two formats at one place, kept results, what is read back to verify it, and devices."""
    driver = "xml/FitConfig.xml"
    for _ in range(2):
        assert run("xml2json", driver, "-o", "xml/FitConfig.json", "--verify").code == 0
        assert (
            run("xml2json", driver, "-o", "a.json", "--sidecar", "a.histfactory.json", "--losses", "l.json").code == 0
        )
        assert run("json2xml", "ws.json", "-d", "xml", "--verify", "--losses", "l.json").code == 0
        assert run("scan", "ws.json", "mu", "--points", "3", "--resume", "kept", "-o", "scan.json").code == 0
        assert run("toys", "result", "kept", "-o", os.devnull).code == 2
        assert run("sort", "ws.json", "-o", "sorted.json").code == 0
        assert run("sort", "sorted.json", "-o", "again.json").code == 0
        assert run("xml2json", driver, "-o", os.devnull, "--losses", os.devnull).code == 0
    assert "of" in json.loads((folder / "xml/FitConfig.histfactory.json").read_text())


@pytest.mark.parametrize("option", ["--resume", "--sidecar", "--upload"])
def test_what_must_be_a_file_is_not_standard_output(option: str, run: Runner, folder: Path) -> None:
    line = {
        "--resume": ("scan", "ws.json", "mu"),
        "--sidecar": ("xml2json", "xml/FitConfig.xml"),
        "--upload": ("hepdata", "bundle", "out", "--workspace", "ws.json"),
    }[option]
    found = run(*line, option, "-")
    assert found.code == 2
    assert "it goes to a file, not to standard output" in found.err
    assert not (folder / "-").exists()
