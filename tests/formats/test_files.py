"""Files that are written whole or not at all, and together or not at all."""

import ast
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.errors import InputError, MissingInput
from hftranslate.formats import files as module
from hftranslate.formats.files import fresh_folder, identity, working_folder, write_files, write_steps
from tests.conftest import REPOSITORY


class Killed(BaseException):
    """What no code is prepared for."""


@contextmanager
def failing_at(n: int, error: BaseException) -> Iterator[None]:
    """The n-th move of a file fails."""
    count = 0

    def counted(move):
        def moving(*arguments, **options):
            nonlocal count
            count += 1
            if count == n:
                raise error
            return move(*arguments, **options)

        return moving

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", counted(os.replace))
        patch.setattr(os, "rename", counted(os.rename))
        yield


def listing(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() if p.is_file() else "/" for p in folder.rglob("*")}


# -------------------------------------------------------------------------------------------------------- many together
NAMES = ("a", "b", "deep/c", "deep/d")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Killed()])
@given(
    old=st.sets(st.sampled_from(NAMES)),
    new=st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    gone=st.sets(st.sampled_from(NAMES)),
    n=st.integers(1, 8),
)
def test_what_fails_leaves_the_old_or_the_new(error, old, new, gone, n, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "deep").mkdir()
    for name in old:
        (folder / name).write_text(f"old {name}")
    before = listing(folder)
    wanted = {folder / name: None if name in gone and i > 0 else f"new {name}" for i, name in enumerate(new)}
    try:
        with failing_at(n, error):
            write_files(wanted)
    except (MissingInput, Killed):
        after = listing(folder)
        told = {p.relative_to(folder).as_posix() for p in wanted}
        ours = {name: text for name, text in after.items() if name in told}
        assert all(t == f"old {k}" for k, t in ours.items()) or all(t == f"new {k}" for k, t in ours.items())
        assert {k: t for k, t in after.items() if k not in told} == {k: t for k, t in before.items() if k not in told}
        if new[0] in old:
            assert new[0] in after
        if not old & told:
            assert after == before
    else:
        expected = {p.relative_to(folder).as_posix(): text for p, text in wanted.items()}
        assert listing(folder) == {k: t for k, t in (before | expected).items() if t is not None}


def test_nothing_is_replaced_before_all_is_ready(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with pytest.raises(MissingInput, match="b cannot be written: it is a directory"):
        write_files({tmp_path / "a": "new", tmp_path / "b": "new"})
    with pytest.raises(MissingInput, match="there is no folder"):
        write_files({tmp_path / "a": "new", tmp_path / "no" / "c": "new"})
    assert listing(tmp_path) == {"a": "old", "b": "/"}


def test_folders_that_were_made_for_steps_that_fail_go_again(tmp_path):
    steps = [(tmp_path / "x" / "y" / name, name) for name in "abc"]
    with failing_at(3, OSError(5, "Input/output error")), pytest.raises(MissingInput, match="x/y/c cannot be written"):
        write_steps(steps)
    assert listing(tmp_path) == {}
    write_steps(steps)
    assert sorted(listing(tmp_path)) == ["x", "x/y", "x/y/a", "x/y/b", "x/y/c"]


def test_a_step_may_come_again_and_take_away_folders(tmp_path):
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "x").write_text("")
    write_steps([(tmp_path / "a", "first"), (tmp_path / "b", b"b"), (tmp_path / "a", "ä"), (tmp_path / "copies", None)])
    assert listing(tmp_path) == {"a": "ä", "b": "b"}


# ------------------------------------------------------------------------------------------------------------ one file
def two_names(folder: Path) -> dict[str, tuple[Path, Path]]:
    (folder / "a").write_text("old")
    (folder / "link").symlink_to("a")
    os.link(folder / "a", folder / "hard")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "sub").mkdir()
    (folder / "folder").symlink_to("sub")
    return {
        "the same": (folder / "a", folder / "a"),
        "dots": (folder / "a", folder / "sub" / ".." / "a"),
        "a link": (folder / "a", folder / "link"),
        "a hard link": (folder / "a", folder / "hard"),
        "not there": (folder / "n", folder / "sub" / ".." / "n"),
        "a link to what is not there": (folder / "nowhere", folder / "dangling"),
        "in a linked folder": (folder / "sub" / "n", folder / "folder" / "n"),
    }


HOWS = ["the same", "dots", "a link", "a hard link", "not there", "a link to what is not there", "in a linked folder"]


@pytest.mark.parametrize("how", HOWS)
def test_one_file_by_two_names(how, tmp_path):
    one, other = two_names(tmp_path)[how]
    assert identity(one) == identity(other)
    if one != other:
        with pytest.raises(InputError, match="are one file, and two documents would be written to it"):
            write_files({one: "1", other: "2"})
    assert (tmp_path / "a").read_text() == "old"


def test_different_files_and_devices(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")
    assert identity(tmp_path / "a") != identity(tmp_path / "b") != identity(tmp_path / "c")
    assert identity(Path(os.devnull)) != identity(Path(os.devnull))
    write_files({Path(os.devnull): "a", Path("/dev/../dev/null"): "b"})


# ----------------------------------------------------------------------------------------------------------- full disks
def test_a_file_that_does_not_fit_is_named_and_gone(tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    (tmp_path / "small.json").write_text("old")
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from hftranslate.errors import MissingInput; from hftranslate.formats.files import write_files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_files({Path('small.json'): 'new', Path('large.json'): 'x' * 5000})\n"
        "except MissingInput as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])},
    )  # fmt: skip
    assert run.stdout == "large.json cannot be written: File too large\n"
    assert listing(tmp_path) == {"small.json": "old"}
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_device_that_is_full_is_named():
    with pytest.raises(MissingInput, match="/dev/full cannot be written: No space left on device"):
        write_files({Path("/dev/full"): "x"})


# ------------------------------------------------------------------------------------------------------ working folders
def test_working_folders_of_killed_runs_go(tmp_path):
    code = "import os, sys; from pathlib import Path; from hftranslate.formats.files import working_folder\n"
    code += "with working_folder(Path('.')) as work: (work / 'x').write_text('half'); os._exit(9)"
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])},
        )  # fmt: skip
        [left] = tmp_path.iterdir()  # the second run removed that of the first
    assert (left / "x").read_text() == "half"
    (tmp_path / ".hftranslate-mine").mkdir()
    write_files({tmp_path / "a": "new"})
    assert sorted(listing(tmp_path)) == [".hftranslate-mine", "a"]


def test_working_folders_in_use_stay(tmp_path):
    with working_folder(tmp_path) as one, working_folder(tmp_path) as other:
        write_files({tmp_path / "a": "new"})
        assert one.is_dir()
        assert other.is_dir()
        assert one != other
    assert listing(tmp_path) == {"a": "new"}


def test_a_working_folder_that_someone_removes_is_made_again(tmp_path, monkeypatch):
    """Between its making and its being held, it looks like that of a killed run."""
    made = []
    mkdtemp = module.tempfile.mkdtemp

    def interfered(**options):
        made.append(mkdtemp(**options))
        if len(made) == 1:
            module._sweep(tmp_path)
        return made[-1]

    monkeypatch.setattr(module.tempfile, "mkdtemp", interfered)
    with working_folder(tmp_path) as work:
        assert work.is_dir()
        assert len(made) == 2


def test_where_there_are_no_locks_files_are_written_all_the_same(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", flock)
    with working_folder(tmp_path) as work:
        write_files({tmp_path / "a": "new"})
        assert work.is_dir()  # who cannot tell whether it is in use leaves it alone
    assert listing(tmp_path) == {"a": "new"}


# -------------------------------------------------------------------------------------------------------- fresh folders
@pytest.mark.parametrize("is_there", [False, True])
def test_a_fresh_folder_appears_at_once(is_there, tmp_path):
    target = tmp_path / "deep" / "out"
    if is_there:
        target.mkdir(parents=True)
        target.chmod(0o750)

    def interrupted() -> None:
        with fresh_folder(target) as work:
            (work / "a").write_text("half")
            raise Killed

    with pytest.raises(Killed):
        interrupted()
    assert sorted(listing(tmp_path)) == (["deep", "deep/out"] if is_there else [])
    with failing_at(1, Killed()), pytest.raises(Killed), fresh_folder(target) as work:
        (work / "a").write_text("")
    assert sorted(listing(tmp_path)) == (["deep", "deep/out"] if is_there else [])
    with fresh_folder(target) as work:
        (work / "a").write_text("1")
        (work / "b").write_text("2")
        assert not target.exists() or not listing(target)
    assert listing(target) == {"a": "1", "b": "2"}
    (tmp_path / "usual").mkdir()
    assert target.stat().st_mode & 0o777 == (0o750 if is_there else (tmp_path / "usual").stat().st_mode & 0o777)


def test_a_folder_with_what_a_killed_run_left_is_empty(tmp_path):
    (tmp_path / "out" / ".hftranslate-abcdefgh").mkdir(parents=True)
    with fresh_folder(tmp_path / "out") as work:
        (work / "a").write_text("1")
    assert listing(tmp_path / "out") == {"a": "1"}


WRITING = ("write_bytes", "write_text", "truncate")


def _writes(node: ast.AST) -> bool:
    """Whether a call writes to a file by its path."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    opens = node.func.attr == "open" and any(set(mode) & set("wax+") and len(mode) < 4 for mode in modes)
    return node.func.attr in WRITING or opens


def _unnamed(node: ast.AST) -> Iterator[int]:
    """Lines that write outside of a ``with naming(...)``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.With) and any(
            isinstance(i.context_expr, ast.Call) and ast.unparse(i.context_expr.func) == "naming" for i in child.items
        ):
            continue
        if _writes(child):
            yield child.lineno
        yield from _unnamed(child)


def test_whatever_writes_says_which_file_a_full_disk_stopped():
    package = REPOSITORY / "hftranslate"
    paths = sorted(package.rglob("*.py"))
    assert any(map(_writes, ast.walk(ast.parse((package / "formats" / "files.py").read_text()))))
    assert [f"{p.relative_to(package)}:{line}" for p in paths for line in _unnamed(ast.parse(p.read_text()))] == []
