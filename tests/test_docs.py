"""The pages do what they say: their code and their commands run, and their pictures can be made again."""

import doctest
import json
import re
import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hftranslate
from tests.cli.conftest import Runner, run  # noqa: F401 - a fixture
from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
sys.path.insert(0, str(DOCS))
import make_pictures  # noqa: E402


def commands_of(page: str) -> list[list[str]]:
    """The commands of a page, without the name of the program."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    words = [shlex.split(line[2:]) for line in lines]
    assert all(w[0] == "hftranslate" for w in words)
    return [w[1:] for w in words]


def outputs(commands: list[list[str]]) -> list[str]:
    return [w[w.index("-o") + 1] for w in commands if "-o" in w]


def test_floating_signal(
    run: Runner,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = DOCS / "howto-floating-signal.md"
    monkeypatch.chdir(tmp_path)
    exec(make_pictures.python_of(page), {})
    printed = capsys.readouterr().out
    promised = re.search(r"^```text\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert promised is not None
    assert printed.startswith(promised[1])
    assert (tmp_path / "floating_signal.png").stat().st_size > 10_000
    commands = commands_of(page.name)
    for words in commands:
        found = run(*words)
        assert found.code == 0, (words, found.err)
    for name in outputs(commands):
        assert (tmp_path / name).stat().st_size > 500


def test_workspace_root(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    shutil.copy(REPOSITORY / "tests" / "data" / "root_workspace" / "histosys.root", tmp_path / "workspace.root")
    monkeypatch.chdir(tmp_path)
    for words in commands_of("howto-workspace-root.md"):
        found = run(*words)
        assert found.code == 0, (words, found.err)


@pytest.mark.slow
def test_diagnostics(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    shutil.copytree(REPOSITORY / "validation" / "cases" / "demo", tmp_path / "demo")
    monkeypatch.chdir(tmp_path / "demo")
    commands = commands_of("diagnostics.md")
    assert {w[0] for w in commands} == {"fit", "scan", "impacts", "gof", "yields", "limit", "systematics", "plot"}
    for words in commands:
        alone = [w if words[i - 1] != "--workers" else "1" for i, w in enumerate(words)]  # sooner there
        found = run(*alone)
        assert found.code == 0, (words, found.err)
        assert found.out or "-o" in words
    for name in outputs(commands):
        assert Path(name).stat().st_size > 500


@pytest.mark.slow
def test_pictures_can_be_made_again(run: Runner, tmp_path: Path) -> None:  # noqa: F811
    make_pictures.main(tmp_path)
    made = {p.name for p in tmp_path.iterdir()}
    assert made <= {p.name for p in (DOCS / "images").iterdir()}
    for name in made:
        if name.endswith(".svg"):
            assert (tmp_path / name).stat().st_size < 150_000
    # that of the README is what the commands beside it make, to the byte
    limit, picture = tmp_path / "limit.json", tmp_path / "brazil.png"
    assert run("limit", make_pictures.DEMO, "-o", limit).code == 0
    assert run("plot", "brazil", limit, "-o", picture).code == 0
    assert picture.read_bytes() == (tmp_path / "demo_brazil.png").read_bytes()


def test_pictures_of_the_pages_are_there() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (DOCS / target).is_file(), f"{page.name}: {target}"


@pytest.mark.slow
def test_tutorial(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    shutil.copytree(REPOSITORY / "validation" / "cases" / "demo", tmp_path / "demo")
    shutil.copy(REPOSITORY / "reference_outputs" / "demo.json", tmp_path / "root_says.json")
    monkeypatch.chdir(tmp_path)
    commands = commands_of("tutorial.md")
    used = {" ".join(w[:2]) if w[0] in ("patchset", "hepdata") else w[0] for w in commands}
    assert used == {
        *("xml2json", "json2xml", "diff", "inspect", "doctor", "crosscheck", "fit", "impacts", "limit", "plot"),
        *("patchset strip", "patchset create", "patchset inspect", "patchset verify", "patchset scan"),
        *("patchset contour", "hepdata bundle", "hepdata check", "reproduce"),
    }
    for words in commands:
        if words[:2] == ["patchset", "strip"]:
            exec(make_pictures.python_of(DOCS / "tutorial.md"), {})
        alone = [w if words[i - 1] != "--workers" else "1" for i, w in enumerate(words)]  # sooner there
        expanded = [f for w in alone for f in (sorted(map(str, Path().glob(w))) if "*" in w and "/" in w else [w])]
        found = run(*expanded)
        assert found.code == 0, (words, found.err)
    for name in outputs(commands):
        assert Path(name).stat().st_size > 500
    assert Path("reproduced/scan.json").read_text() == Path("scan.json").read_text()
    points = json.loads(Path("scan.json").read_text())["points"]
    assert len(points) == 24
    assert 5 < sum(p["CLs_obs"] < 0.05 for p in points) < 15


@pytest.mark.parametrize("page", [*sorted(p.name for p in DOCS.glob("*.md")), "../README.md"])
def test_what_pages_say_of_python_is_there(page: str) -> None:
    text = re.sub(r"\S*/\S*", "", (DOCS / page).read_text(encoding="utf-8"))
    for path in re.findall(r"\bhftranslate((?:\.[A-Za-z_]\w*)+)", text):
        room, _, name = f"hftranslate{path}".rpartition(".")
        if name not in ("json", "md", "xml"):
            assert hasattr(import_module(room), name) or import_module(f"{room}.{name}"), path
    for name in re.findall(r"\bhft\.([A-Za-z_]\w*)", text):
        assert hasattr(hftranslate, name), name


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(p.name for p in (DOCS / "notebooks").glob("*.md")))
def test_notebooks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = re.findall(
        r"^```\{code-cell\}\n(.*?)^```", (DOCS / "notebooks" / page).read_text("utf-8"), re.DOTALL | re.M
    )
    assert cells
    names: dict[str, object] = {}
    for cell in cells:
        exec(cell, names)


@pytest.mark.parametrize(
    "module",
    sorted(
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        for path in Path(hftranslate.__path__[0]).rglob("*.py")
        if ">>> " in path.read_text("utf-8")
    ),
)
def test_examples_in_docstrings(module: str) -> None:
    found = doctest.testmod(import_module(module))
    assert found.attempted > 0
    assert found.failed == 0


def test_every_page_is_in_the_contents() -> None:
    listed = set(re.findall(r"^([\w/-]+)$", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE))
    pages = {str(p.relative_to(DOCS).with_suffix("")) for p in DOCS.rglob("*.md") if p.parent.name != "api"}
    assert pages - {"index"} <= listed
    assert listed <= pages | {"api/index"}


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md")]:
        if page.parent.name == "api":
            continue
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), (page.name, link)
