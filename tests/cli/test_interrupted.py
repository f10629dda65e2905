"""A run that is killed at any moment leaves what was there before, or what it was to write: never a mixture."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hftranslate.cli.options.paths import KeptFile, ModelFile, OutputFolder
from hftranslate.errors import InputError
from hftranslate.hepdata import web
from hftranslate.hepdata.web import Rules
from hftranslate.translation.load import Loaded, load
from tests.cli.conftest import Runner
from tests.cli.documents import document
from tests.cli.test_paths import ALL, PATHS
from tests.conftest import REPOSITORY
from tests.hepdata.servers import Answer, Server, serving
from tests.interruptions import content, copy_of, killed_states
from tests.signal_grid.grid import background, patches


def other() -> dict[str, Any]:
    """Another model in the same channel: other numbers in every file of its translation."""
    changed = document()
    changed["channels"][0]["samples"][1]["data"] = [41.0, 42.0]
    changed["channels"][0]["samples"][1]["modifiers"][0]["data"] = {"hi": 1.4, "lo": 0.6}
    changed["channels"].append({**changed["channels"][0], "name": "CR"})
    changed["channels"][1] = json.loads(json.dumps(changed["channels"][1]).replace("staterror_SR", "staterror_CR"))
    changed["observations"].append({"name": "CR", "data": [44, 43]})
    changed["measurements"][0]["config"]["parameters"].append({"name": "JES", "inits": [0.25]})
    return changed


def third() -> str:
    """A model of other channels, which can be combined with both."""
    return json.dumps(document()).replace('"SR"', '"VR"').replace("staterror_SR", "staterror_VR")


#: What hist2workspace wrote.
ROOT_FILES = REPOSITORY / "tests" / "data" / "root_workspace"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which commands run, with two models."""
    place = tmp_path / "before"
    place.mkdir()
    (place / "old.json").write_text(json.dumps(document()))
    (place / "new.json").write_text(json.dumps(other()))
    return place


@pytest.fixture
def run_in(run: Runner, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a command line in a folder."""

    def command(folder: Path, *arguments: str) -> None:
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            found = run(*arguments)
        assert found.code == 0, found.err

    return command


def as_read(path: Path, *, with_sidecar: bool) -> Loaded | None:
    try:
        return load(path, use_sidecar=with_sidecar)
    except InputError:
        return None


#: A model that is written over another one: the command lines of both, and the file that is read.
MODELS = {
    "json2xml into the working directory": (["json2xml", "old.json"], ["json2xml", "new.json"], "FitConfig.xml"),
    "json2xml with losses": (
        ["json2xml", "old.json", "-d", "out", "--losses", "l.json"],
        ["json2xml", "new.json", "-d", "out", "--losses", "l.json"],
        "out/FitConfig.xml",
    ),
    "xml2json": (
        ["xml2json", "oldxml/FitConfig.xml", "-o", "out.json", "--losses", "l.json"],
        ["xml2json", "newxml/FitConfig.xml", "-o", "out.json", "--losses", "l.json"],
        "out.json",
    ),
    "xml2json with a sidecar": (
        ["xml2json", "oldxml/FitConfig.xml", "-o", "out.json", "--sidecar", "out.histfactory.json"],
        ["xml2json", "newxml/FitConfig.xml", "-o", "out.json", "--sidecar", "out.histfactory.json"],
        "out.json",
    ),
    "root2json": (
        ["root2json", "old.root", "-o", "out.json", "--losses", "l.json", "--sidecar", "s.json"],
        ["root2json", "new.root", "-o", "out.json", "--losses", "l.json", "--sidecar", "s.json"],
        "out.json",
    ),
    "json2hs3": (
        ["json2hs3", "oldxml/FitConfig.xml", "out.hs3.json"],
        ["json2hs3", "newxml/FitConfig.xml", "out.hs3.json"],
        "out.hs3.json",
    ),
    "hs32json": (["hs32json", "old.hs3", "out.json"], ["hs32json", "new.hs3", "out.json"], "out.json"),
    "rename": (
        ["rename", "old.json", "-s", "background", "b", "-o", "out/X.xml"],
        ["rename", "new.json", "-s", "background", "b", "-o", "out/X.xml"],
        "out/X.xml",
    ),
    "combine": (
        ["combine", "old.json", "third.json", "--join", "outer", "-o", "out/X.xml"],
        ["combine", "new.json", "third.json", "--join", "outer", "-o", "out/X.xml"],
        "out/X.xml",
    ),
    "patchset strip": (
        ["patchset", "strip", "oldxml/FitConfig.xml", "-s", "signal", "-o", "out.json"],
        ["patchset", "strip", "newxml/FitConfig.xml", "-s", "signal", "-o", "out.json"],
        "out.json",
    ),
    "convert": (["convert", "old.json", "out/X.xml"], ["convert", "new.json", "out/X.xml"], "out/X.xml"),
    "sort": (
        ["sort", "oldxml/FitConfig.xml", "-o", "out.json"],
        ["sort", "newxml/FitConfig.xml", "-o", "out.json"],
        "out.json",
    ),
    "prune": (
        ["prune", "old.json", "--negligible", "0.01", "-o", "out/X.xml", "--report", "r.json"],
        ["prune", "new.json", "--negligible", "0.01", "-o", "out/X.xml", "--report", "r.json"],
        "out/X.xml",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_old_one_or_the_new_one(
    name: str, folder: Path, tmp_path: Path, run_in: Callable[..., None]
) -> None:
    before, arguments, model = MODELS[name]
    for kind, written_by_root in (("old", "histosys"), ("new", "shapefactor")):
        run_in(folder, "json2xml", f"{kind}.json", "-d", f"{kind}xml")
        run_in(folder, "json2hs3", f"{kind}.json", "-o", f"{kind}.hs3")
        shutil.copy(ROOT_FILES / f"{written_by_root}.root", folder / f"{kind}.root")
    (folder / "third.json").write_text(third())
    run_in(folder, *before)
    (folder / model).with_name("notes.txt").write_text("mine")
    old = {s: as_read(folder / model, with_sidecar=s) for s in (False, True)}
    killed, done = killed_states(folder, arguments, tmp_path / "states", run_in)
    new = {s: as_read(done / model, with_sidecar=s) for s in (False, True)}
    assert None not in (*old.values(), *new.values())
    assert old[True] != new[True]
    seen = []
    for state in killed:
        for with_sidecar in (False, True):
            found = as_read(state / model, with_sidecar=with_sidecar)
            assert found in (old[with_sidecar], new[with_sidecar]), state.name
        seen.append(found == new[True])
        assert (state / model).with_name("notes.txt").read_text() == "mine"
        for document_about in ("l.json", "r.json"):  # never of the other model
            if (state / document_about).exists():
                expected = done if seen[-1] else folder
                assert (state / document_about).read_bytes() == (expected / document_about).read_bytes()
    assert seen == sorted(seen)
    assert set(seen) == {False, True}
    wanted = sorted(p.relative_to(done) for p in done.rglob("*"))
    for state in killed:  # what a killed run left is gone after the next one
        run_in(state, *arguments)
        assert content(state) == content(done)
        assert sorted(p.relative_to(state) for p in state.rglob("*")) == wanted


@pytest.mark.slow
def test_a_killed_run_may_be_followed_by_one_with_another_model(
    folder: Path, tmp_path: Path, run_in: Callable[..., None]
) -> None:
    """Killed, and killed again: three models, of which every state holds one."""
    third = document()
    third["channels"][0]["samples"][1]["data"] = [31.0, 32.0]
    (folder / "third.json").write_text(json.dumps(third))
    run_in(folder, "json2xml", "old.json", "-d", "out")
    first, done = killed_states(folder, ["json2xml", "new.json", "-d", "out"], tmp_path / "first", run_in)
    models = [as_read(place / "out/FitConfig.xml", with_sidecar=True) for place in (folder, done)]
    for i, state in enumerate(first[::5]):
        again, final = killed_states(state, ["json2xml", "third.json", "-d", "out"], tmp_path / f"again{i}", run_in)
        last = as_read(final / "out/FitConfig.xml", with_sidecar=True)
        for place in again:
            assert as_read(place / "out/FitConfig.xml", with_sidecar=True) in (*models, last)
        assert not [p for p in (final / "out").iterdir() if p.name.startswith(".")]


#: Documents that are written together: how to prepare them, both command lines, and their names, the main one first.
#: Where pictures are drawn, what was there before is not of a run of ours: nothing asks what it is.
DOCUMENTS: dict[str, tuple[list[list[str]], list[str] | None, list[str], list[str]]] = {
    "crosscheck": (
        [["results", "old.json", "-o", "ref.json"]],
        ["crosscheck", "old.json", "ref.json", "--json", "r.json", "--html", "r.html", "--markdown", "r.md"],
        ["crosscheck", "old.json", "ref2.json", "--json", "r.json", "--html", "r.html", "--markdown", "r.md"],
        ["r.json", "r.html", "r.md"],
    ),
    "crosscheck of all cases": (
        [["results", "old.json", "-o", "ref.json"]],
        ["crosscheck", "--cases", "cases.toml", "--json", "r.json", "--html", "pages"],
        ["crosscheck", "--cases", "cases2.toml", "--json", "r.json", "--html", "pages"],
        ["pages/index.html", "pages/a.html", "r.json"],
    ),
    "report": (
        [],
        None,
        ["report", "new.json", "-o", "r.html", "--json", "r.json", "--workers", "1"],
        ["r.json", "r.html"],
    ),
    "systematics": (
        [],
        ["systematics", "old.json", "-o", "s.html", "--json", "s.json"],
        ["systematics", "new.json", "-o", "s.html", "--json", "s.json"],
        ["s.json", "s.html"],
    ),
    "plot templates": (
        [],
        None,
        ["plot", "templates", "many.json", "-o", "t.svg"],
        ["t.svg", "t-2.svg"],
    ),
    "patchset scan": (
        [],
        ["patchset", "scan", "bkg.json", "ps.json", "--point", "sig_200_50", "-o", "s.json", "--csv", "s.csv"],
        ["patchset", "scan", "bkg.json", "ps.json", "--point", "sig_400_100", "-o", "s.json", "--csv", "s.csv"],
        ["s.json", "s.csv"],
    ),
    "patchset contour": (
        [["patchset", "scan", "bkg.json", "ps.json", "-o", "one.json"]],
        None,
        ["plot", "contour", "one.json", "-o", "c.png", "--lines", "c.json"],
        ["c.png", "c.json"],
    ),
    "plot": (
        [["impacts", "old.json", "-o", "one.json"]],
        None,
        ["plot", "impacts", "one.json", "--top", "1", "--pages", "2", "-o", "i.svg"],
        ["i.svg", "i-2.svg"],
    ),
    "reproduce": (
        [],
        ["reproduce", "record", "-d", "out", "--workers", "1"],
        ["reproduce", "record", "-d", "out", "--workers", "1", "--level", "0.3"],
        ["out/scan.json", "out/scan.csv", "out/contour.json", "out/contour.pdf", "out/contour.png"],
    ),
    "hepdata check": (
        [["hepdata", "bundle", "bundle", "--workspace", "bkg.json", "--patchset", "ps.json"]],
        ["hepdata", "check", "bundle", "--points", "0", "-o", "c.json", "--html", "c.html"],
        ["hepdata", "check", "bundle", "--points", "1", "-o", "c.json", "--html", "c.html"],
        ["c.json", "c.html"],
    ),
}


def with_systematics(n: int) -> dict[str, Any]:
    """A model of more systematics than a page has pictures."""
    changed = document()
    for i in range(n):
        modifier = {"name": f"s{i}", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
        changed["channels"][0]["samples"][1]["modifiers"].append(modifier)
    return changed


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_never_of_different_runs(
    name: str, folder: Path, tmp_path: Path, run_in: Callable[..., None]
) -> None:
    preparation, before, arguments, names = DOCUMENTS[name]
    for place in (folder, folder / "record"):
        place.mkdir(exist_ok=True)
        (place / "bkg.json").write_text(json.dumps(background()))
        (place / "ps.json").write_text(json.dumps(patches().to_document()))
    (folder / "many.json").write_text(json.dumps(with_systematics(7)))
    for line in preparation:
        run_in(folder, *line)
    if (folder / "ref.json").exists():
        reference = json.loads((folder / "ref.json").read_text())
        reference["fit"]["nll"] += 1e-9
        (folder / "ref2.json").write_text(json.dumps(reference))
    for cases, compared in (("cases", "ref"), ("cases2", "ref2")):
        case = f'[cases.a]\ninput = "old.json"\nmeasurement = "meas"\nreference = "{compared}.json"\n'
        (folder / f"{cases}.toml").write_text(case)
    if before is not None:
        run_in(folder, *before)
    for file in names if before is None else ():
        (folder / file).write_text(f"what was there before: {file}")
    killed, done = killed_states(folder, arguments, tmp_path / "states", run_in)
    old, new = ({n: (place / n).read_bytes() for n in names} for place in (folder, done))
    assert old[names[0]] != new[names[0]]
    for state in killed:
        there = {n: (state / n).read_bytes() for n in names if (state / n).exists()}
        assert names[0] in there
        assert there.items() <= old.items() or there.items() <= new.items(), state.name
    assert len(killed) >= len(names)


#: Folders that are made: how to prepare them, and the command line, which goes on with the folder's name.
FOLDERS = {
    "hepdata bundle": (
        [],
        ["hepdata", "bundle", "--workspace", "bkg.json", "--patchset", "ps.json", "--upload", "up.tar.gz"],
    ),
    "hepdata export": ([], ["hepdata", "export", "--for", "spey", "record"]),
    "hepdata download": ([], ["hepdata", "download", "SERVER/l.tar.gz"]),
    "contrib download": ([], ["contrib", "download", "SERVER/l.tar.gz"]),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_there_or_not(
    name: str, folder: Path, tmp_path: Path, run_in: Callable[..., None], local_server: Server
) -> None:
    (folder / "record").mkdir()
    for place in (folder, folder / "record"):
        (place / "bkg.json").write_text(json.dumps(background()))
        (place / "ps.json").write_text(json.dumps(patches().to_document()))
    (folder / "empty").mkdir()
    preparation, words = FOLDERS[name]
    for line in preparation:
        run_in(folder, *line)
    command = [word.replace("SERVER", local_server.address) for word in words]
    for target in ("out", "deep/out", "empty"):
        killed, done = killed_states(folder, [*command, target], tmp_path / target.replace("/", "-"), run_in)
        whole = content(done / target)
        assert len(whole) > 1
        for state in killed:
            assert content(state / target) in ({}, whole)
            if (state / "up.tar.gz").exists():
                assert (state / "up.tar.gz").read_bytes() == (done / "up.tar.gz").read_bytes()
        again = copy_of(folder, tmp_path / f"again-{target.replace('/', '-')}")
        if not content(killed[0] / target):
            again = copy_of(killed[0], tmp_path / f"after-{target.replace('/', '-')}")
        run_in(again, *command, target)
        assert content(again) == content(done)
        assert not list(again.rglob(".*"))


@pytest.fixture
def local_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of this machine, which may be asked, with an archive of two files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, made in (("BkgOnly.json", background()), ("patchset.json", patches().to_document())):
            data = json.dumps(made).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(web, "Rules", lambda **options: Rules(plain_http_to_this_machine=True, **options))
    with serving() as server:
        server.answers["/l.tar.gz"] = Answer(packed.getvalue())
        yield server


@pytest.mark.slow
def test_the_demonstration_may_be_interrupted(folder: Path, tmp_path: Path, run_in: Callable[..., None]) -> None:
    """It makes one thing: each file of it is there, or not yet."""
    killed, done = killed_states(folder, ["demo"], tmp_path / "states", run_in)
    whole = content(done)
    for state in killed:
        assert content(state).items() <= whole.items()
        last = state
    run_in(last, "demo")
    assert content(last) == whole


def test_every_command_that_writes_several_files_is_among_them() -> None:
    """Several options name files, or one a folder, or a model, which has a sidecar; what is kept for a resumption is
    written by itself."""
    tried = {*FOLDERS, "demo"}
    for _, before, arguments, *_ in ({n: ([], *lines) for n, lines in MODELS.items()} | DOCUMENTS).values():
        tried |= {" ".join(line[:n]) for line in (before or arguments, arguments) for n in (1, 2)}
    tried |= {"patchset contour"} if "plot contour" in tried else set()  # two names of one
    several = set()
    for command in ALL:
        written = [p.kind for p in PATHS if p.command == command and p.is_written and not isinstance(p.kind, KeptFile)]
        if len(written) > 1 or any(isinstance(kind, OutputFolder | ModelFile) for kind in written):
            several.add(command)
    assert several - tried == set()
    assert several >= {"report", "systematics", "hepdata export", "json2xml"}
