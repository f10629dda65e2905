"""Published models are fetched from where they are public, checked, and found by the cases."""

import gzip
import hashlib
import io
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hftranslate.crosscheck import read_cases
from tests.conftest import REPOSITORY
from tests.hepdata.servers import Answer, Server, serving
from validation.fetch import ORIGINS, main, origins

SHARED = "shared/data/"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def table(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files: a plain one, one that is kept compressed, one of an archive; as a table and on a server."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("./deep/c.json")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"[3]"))
    server.answers["/one/models/HEAD/a.json"] = Answer(b"[1]")
    server.answers["/one/models/HEAD/sub/b.json"] = Answer(b"[2]")
    server.answers["/two/archives/HEAD/all.tar.gz"] = Answer(packed.getvalue())
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in (("a", b"[1]"), ("b", b"[2]"), ("c", b"[3]"))}
    path = tmp_path / "origins.toml"
    path.write_text(
        f'["one/models"]\n"w/a.json" = {{ at = "a.json", sha256 = "{sums["a"]}" }}\n'
        f'"w/b.json.gz" = {{ at = "sub/b.json", sha256 = "{sums["b"]}" }}\n'
        f'["two/archives"]\n"w/c.json" = {{ at = "all.tar.gz", member = "deep/c.json", sha256 = "{sums["c"]}" }}\n'
        '[made]\n"w/d.json" = "written for this project"\n'
    )
    monkeypatch.setattr("validation.fetch.origins", lambda host: origins(host, path))
    return path


def test_files_are_fetched_once_checked_and_kept(
    table: Path, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    options = ["--host", server.address, "--to", str(folder)]
    assert main([*options, "--list"]) == 0
    assert not folder.exists()
    assert capsys.readouterr().out.count(" -> ") == 3
    assert main(options) == 0
    assert (folder / "w" / "a.json").read_bytes() == b"[1]"
    assert gzip.decompress((folder / "w" / "b.json.gz").read_bytes()) == b"[2]"
    assert (folder / "w" / "c.json").read_bytes() == b"[3]"
    assert len(server.requests) == 3
    assert main(options) == 0
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/one/models/HEAD/a.json", Answer(b"[4]"), "it was changed since"),
        ("/one/models/HEAD/a.json", Answer(status=404), "404"),
        ("/two/archives/HEAD/all.tar.gz", Answer(b"no archive"), "all.tar.gz: "),
    ],
)
def test_what_is_not_the_right_file_is_not_kept(
    table: Path,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    path: str,
    answer: Answer,
    says: str,
) -> None:
    server.answers[path] = answer
    folder = tmp_path / "data"
    assert main(["--host", server.address, "--to", str(folder)]) == 1
    out = capsys.readouterr().out
    assert says in out
    assert "2 of 3 missing files" in out
    assert len([p for p in folder.rglob("*") if p.is_file()]) == 2


def test_without_a_network_the_list_still_says_what_would_be_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--to", "nowhere"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(origins())
    assert all(line.startswith("https://") for line in lines)


def test_every_shared_input_of_the_cases_has_an_origin_or_is_said_to_have_none() -> None:
    known = tomllib.loads(ORIGINS.read_text())
    paths = {path for files in known.values() for path in files}
    cases = tomllib.loads((REPOSITORY / "validation" / "cases.toml").read_text())["cases"]
    shared = [case for case in cases.values() if case.get("shared")]
    named = {case[key].partition(SHARED)[2] for case in shared for key in ("input", "patch") if key in case}
    assert named
    assert named <= paths


def test_the_origins_are_those_of_the_shared_files(shared: Path) -> None:
    for origin in origins():
        content = (shared / origin.path).read_bytes()
        if origin.path.endswith(".gz"):
            content = gzip.decompress(content)
        assert hashlib.sha256(content).hexdigest() == origin.sha256, origin.path


def test_cases_find_what_was_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = tmp_path / "project" / "validation" / "cases.toml"
    cases.parent.mkdir(parents=True)
    cases.write_text(
        '[cases.x]\nmeasurement = "m"\nreference = "r.json"\nshared = true\ninput = "../../shared/data/w/a.json"\n'
    )
    monkeypatch.setenv("HFTRANSLATE_DATA", str(tmp_path / "cache"))
    (case,) = read_cases(cases)
    assert case.absent == case.input
    fetched = tmp_path / "cache" / "w" / "a.json"
    fetched.parent.mkdir(parents=True)
    fetched.write_text("{}")
    (case,) = read_cases(cases)
    assert case.input == fetched
    assert case.absent is None
    beside = tmp_path / "shared" / "data" / "w" / "a.json"
    beside.parent.mkdir(parents=True)
    beside.write_text("{}")
    (case,) = read_cases(cases)
    assert case.input.samefile(beside)
