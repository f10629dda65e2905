"""Downloads from a server on this machine that answers as HEPData, doi.org and Zenodo do."""

import gzip
import hashlib
import json
import os
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.cli import cli
from hftranslate.errors import FormatError, InputError, MissingInput, UnsafeInput, VerificationFailed
from hftranslate.hepdata import web
from hftranslate.hepdata.archives import Limits, folder_names, pack
from hftranslate.hepdata.download import address_of, download
from hftranslate.hepdata.web import HOSTS, Rules
from tests.hepdata.hostile import HOSTILE
from tests.hepdata.servers import Answer, serving

ARCHIVE = pack({"BkgOnly.json": b"{}", "patchset.json": b"[]"})
downloading = import_module("hftranslate.hepdata.download")  # the name in its room is the function
LOCAL = Rules(plain_http_to_this_machine=True, timeout=5.0)


@pytest.fixture(scope="module")
def started():
    with serving() as server:
        yield server


@pytest.fixture
def server(started):
    started.answers.clear()
    started.requests.clear()
    started.sent.clear()
    return started


def landing_page(accept):
    """A resource of HEPData: the file where its type is asked for, else its page."""
    if "application/x-tar" in accept:
        return Answer(ARCHIVE, "application/x-tar", headers={"Content-Disposition": "attachment; filename=L.tar.gz"})
    return Answer(b"<html>", "text/html")


def record(server, **analyses):
    return {
        "record": {
            "analyses": [
                {
                    "type": kind,
                    "analysis": server.url(f"/record/resource/{i}?landing_page=true"),
                    "filename": f"{kind}{i}.tar.gz",
                }
                for i, kind in analyses.items()
            ]
        },
        "resources_with_doi": [],
    }


# ----------------------------------------------------------------------------------------------------------- addresses
@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("10.17182/hepdata.90607.v3/r3", "https://doi.org/10.17182/hepdata.90607.v3/r3"),
        ("doi:10.17182/hepdata.90607.v3", "https://doi.org/10.17182/hepdata.90607.v3"),
        ("http://dx.doi.org/10.5281/zenodo.1", "https://doi.org/10.5281/zenodo.1"),
        (" ins1755298 ", "https://www.hepdata.net/record/ins1755298"),
        ("ins1755298.v3", "https://www.hepdata.net/record/ins1755298?version=3"),
        ("90607v2", "https://www.hepdata.net/record/90607?version=2"),
        ("https://zenodo.org/records/1", "https://zenodo.org/records/1"),
    ],
)
def test_addresses(source, address):
    assert address_of(source) == address


def test_what_is_no_address_is_told():
    with pytest.raises(InputError, match="no DOI"):
        address_of("sbottom")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://www.hepdata.net/record/1", "only https"),
        ("file:///etc/passwd", "only https"),
        ("https://evil.example/a", "host 'evil.example' is not allowed"),
        ("https://www.hepdata.net.evil.example/a", "not allowed"),
        ("https://user@www.hepdata.net/a", "user or a port"),
        ("https://www.hepdata.net:8080/a", "user or a port"),
        ("https://www.hepdata.net:port/a", "no address"),
        ("http://127.0.0.1/a", "only https"),
        ("https://169.254.169.254/latest", "not allowed"),
    ],
)
def test_addresses_that_are_refused(url, message):
    with pytest.raises(UnsafeInput, match=message):
        Rules().check(url)


def test_a_refused_address_is_not_asked(tmp_path):
    with pytest.raises(UnsafeInput):
        download("https://evil.example/a.tar.gz", tmp_path / "out")
    assert os.listdir(tmp_path) == []


# ----------------------------------------------------------------------------------------------------------- downloads
def test_an_archive_is_unpacked_and_its_checksum_told(server, tmp_path):
    server.answers["/Likelihoods.tar.gz"] = Answer(ARCHIVE)
    steps = []
    done = download(
        server.url("/Likelihoods.tar.gz"), tmp_path / "out", rules=LOCAL, progress=lambda *step: steps.append(step)
    )
    assert done.files == ("BkgOnly.json", "patchset.json")
    assert (tmp_path / "out" / "BkgOnly.json").read_bytes() == b"{}"
    assert done.archives[0].sha256 == hashlib.sha256(ARCHIVE).hexdigest()
    assert done.archives[0].name == "Likelihoods.tar.gz"
    assert steps[-1] == ("downloading", len(ARCHIVE), len(ARCHIVE))


def test_a_resource_is_asked_for_by_its_type(server, tmp_path):
    server.answers["/10.1/r3"] = Answer(status=302, headers={"Location": "/record/resource/7?landing_page=true"})
    server.answers["/record/resource/7?landing_page=true"] = landing_page
    done = download(server.url("/10.1/r3"), tmp_path / "out", rules=LOCAL)
    assert done.archives[0].name == "L.tar.gz"
    assert [path for path, _ in server.requests] == ["/10.1/r3", "/record/resource/7?landing_page=true"]
    assert "application/x-tar" in server.requests[0][1]
    assert "application/json" in server.requests[0][1]


def test_a_resource_that_shows_its_page_all_the_same_is_asked_for_itself(server, tmp_path):
    server.answers["/record/resource/7"] = Answer(b"<html>", "text/html")
    server.answers["/record/resource/7?view=true"] = Answer(ARCHIVE)
    done = download(server.url("/record/resource/7?landing_page=true"), tmp_path / "out", rules=LOCAL)
    assert len(done.files) == 2


def test_the_likelihood_of_a_record_is_that_of_type_histfactory(server, tmp_path):
    server.answers["/record/ins1?version=3"] = Answer(b"<html>", "text/html")
    document = record(server, **{"1": "rivet", "2": "HistFactory"})
    server.answers["/record/ins1?version=3&format=json"] = Answer(json.dumps(document).encode(), "application/json")
    server.answers["/record/resource/2?view=true"] = Answer(ARCHIVE)
    done = download(server.url("/record/ins1?version=3"), tmp_path / "out", rules=LOCAL)
    assert done.files == ("BkgOnly.json", "patchset.json")


def test_a_record_that_answers_in_json_is_not_taken_for_a_likelihood(server, tmp_path):
    document = record(server, **{"2": "HistFactory"})
    server.answers["/record/90607"] = Answer(json.dumps(document).encode(), "application/json")
    server.answers["/record/resource/2?view=true"] = Answer(ARCHIVE)
    assert len(download(server.url("/record/90607"), tmp_path / "out", rules=LOCAL).files) == 2


def test_several_likelihoods_get_folders_of_their_own(server, tmp_path):
    document = record(server, **{"2": "HistFactory", "3": "histfactory"})
    server.answers["/record/1"] = Answer(json.dumps(document).encode(), "application/json")
    for i in (2, 3):
        server.answers[f"/record/resource/{i}?view=true"] = Answer(
            ARCHIVE, headers={"Content-Disposition": f"attachment; filename=Region{i}.tar.gz"}
        )
    done = download(server.url("/record/1"), tmp_path / "out", rules=LOCAL)
    assert done.files == (
        "Region2/BkgOnly.json",
        "Region2/patchset.json",
        "Region3/BkgOnly.json",
        "Region3/patchset.json",
    )
    one = download(server.url("/record/1"), tmp_path / "one", rules=LOCAL, resource="histfactory3.tar.gz")
    assert one.archives[0].name == "Region3.tar.gz"
    with pytest.raises(InputError, match="choose one with --resource"):
        download(server.url("/record/1"), tmp_path / "two", rules=LOCAL, sha256="00")
    with pytest.raises(MissingInput, match="did you mean 'histfactory3"):
        download(server.url("/record/1"), tmp_path / "two", rules=LOCAL, resource="histfactory4.tar.gz")


def test_archives_of_one_name_do_not_meet():
    one = downloading.Fetched(url="", final_url="", name="a.tar.gz", content_type="", path=None, sha256="", n_bytes=0)
    assert downloading._places([one, one]) == ["a", "a-1"]


@pytest.mark.parametrize(
    ("names", "folders"),
    [
        (["x-2", "x", "x"], ["x-2", "x", "x-1"]),
        (["x", "x", "x-1"], ["x", "x-2", "x-1"]),
        (["x", "X", "x"], ["x", "X-1", "x-2"]),
        (["", "", "likelihood"], ["likelihood", "likelihood-1", "likelihood-2"]),
    ],
)
def test_every_likelihood_has_a_folder_of_its_own(names, folders, server, tmp_path):
    assert folder_names(names) == folders
    document = record(server, **{str(i): "HistFactory" for i in range(len(names))})
    server.answers["/record/1"] = Answer(json.dumps(document).encode(), "application/json")
    for i, name in enumerate(names):
        server.answers[f"/record/resource/{i}?view=true"] = Answer(
            pack({"ws.json": b"{}", f"{i}.json": b"{}"}),
            headers={"Content-Disposition": f"attachment; filename={name or '.'}.tar.gz"},
        )
    done = download(server.url("/record/1"), tmp_path / "out", rules=LOCAL)
    assert len(done.files) == 2 * len(names)
    if all(names):
        assert set(done.files) >= {f"{folder}/{i}.json" for i, folder in enumerate(folders)}


@given(st.lists(st.text("xX-12", max_size=4), max_size=8))
def test_names_of_folders_differ(names):
    found = folder_names(names)
    assert len({name.casefold() for name in found}) == len(names)
    pairs = zip(found, (name or "likelihood" for name in names), strict=True)
    assert all(name in (wanted, f"{wanted}-{name.rpartition('-')[2]}") for name, wanted in pairs)


# -------------------------------------------------------------------------------------------------------------- bounds
MEGABYTE = bytes(1 << 20)
TIGHT = replace(LOCAL, max_bytes=1 << 20)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 404, 500])
def test_the_body_of_what_is_no_file_is_not_read(status, server, tmp_path):
    headers = {"Location": "/b"} if status < 400 else {}
    server.answers["/a"] = Answer(MEGABYTE, status=status, headers=headers, times=200)
    server.answers["/b"] = Answer(ARCHIVE)
    if status < 400:
        assert len(download(server.url("/a"), tmp_path / "out", rules=TIGHT).files) == 2
    else:
        with pytest.raises(MissingInput, match=f"answers {status}"):
            download(server.url("/a"), tmp_path / "out", rules=TIGHT)
    assert sum(server.sent) < 50 << 20  # what lies in buffers on the way


def test_redirects_are_counted(server, tmp_path):
    for i in range(30):
        server.answers[f"/{i}"] = Answer(status=302, headers={"Location": f"/{i + 1}"})
    server.answers["/30"] = Answer(ARCHIVE)
    assert download(server.url("/20"), tmp_path / "out", rules=LOCAL).archives[0].final_url == server.url("/30")
    server.requests.clear()
    with pytest.raises(MissingInput, match="more than 10"):
        download(server.url("/0"), tmp_path / "no", rules=LOCAL)
    assert len(server.requests) == 11


def test_a_record_with_very_many_likelihoods_is_refused_at_once(server, tmp_path):
    document = record(server, **{str(i): "HistFactory" for i in range(2000)})
    server.answers["/record/1"] = Answer(json.dumps(document).encode(), "application/json")
    with pytest.raises(
        UnsafeInput, match="has 2000 likelihoods; more than 100 are refused; choose one with --resource"
    ):
        download(server.url("/record/1"), tmp_path / "out", rules=LOCAL)
    assert len(server.requests) == 2
    server.answers["/record/resource/7?view=true"] = Answer(ARCHIVE)
    assert download(server.url("/record/1"), tmp_path / "out", rules=LOCAL, resource="HistFactory7.tar.gz").files


def test_all_files_together_are_limited(server, tmp_path):
    document = record(server, **{str(i): "HistFactory" for i in range(20)})
    server.answers["/record/1"] = Answer(json.dumps(document).encode(), "application/json")
    for i in range(20):
        server.answers[f"/record/resource/{i}?view=true"] = Answer(MEGABYTE)
    with pytest.raises(UnsafeInput, match="this and the files before have more than 4194304 bytes"):
        download(server.url("/record/1"), tmp_path / "out", rules=TIGHT)
    assert len(server.requests) < 9
    assert os.listdir(tmp_path) == []
    for _ in range(3):  # the next download begins anew
        server.answers["/a"] = Answer(ARCHIVE)
        assert download(server.url("/a"), tmp_path / f"out{_}", rules=TIGHT).files


def test_what_is_unpacked_is_limited_together(server, tmp_path):
    document = record(server, **{str(i): "HistFactory" for i in range(3)})
    server.answers["/record/1"] = Answer(json.dumps(document).encode(), "application/json")
    for i in range(3):
        server.answers[f"/record/resource/{i}?view=true"] = Answer(pack({"a.json": bytes(400_000)}))
    for limits, message in (
        (Limits(total_bytes=1_000_000), "unpacks to more than"),
        (Limits(files=2), "more than 0 files"),
    ):
        with pytest.raises(UnsafeInput, match=message):
            download(server.url("/record/1"), tmp_path / "out", rules=LOCAL, limits=limits)
        assert os.listdir(tmp_path) == []


def test_the_description_of_a_record_is_limited(server, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "_MAX_JSON", 1000)
    document = {**record(server, **{"1": "HistFactory"}), "more": "x" * 2000}
    server.answers["/record/1"] = Answer(b"<html>", "text/html")
    server.answers["/record/1?format=json"] = Answer(json.dumps(document).encode(), "application/json")
    with pytest.raises(UnsafeInput, match="more than 1000 are refused"):
        download(server.url("/record/1"), tmp_path / "out", rules=LOCAL)


def a_byte_in_half_a_second(server):
    """A clock that goes on as the server sends."""
    return replace(LOCAL, timeout=2.0, clock=lambda: 0.5 * len(server.sent))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\n" + bytes(60),
        b"HTTP/1.0 200 OK\r\nX-Name: " + b"a" * 60,
        b"HTTP/1.0 200" + b" " * 60,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5,
        b"HTTP/1.0 302 Found\r\nLocation: /b\r\nX-Name: " + b"a" * 60,
    ],
)
def test_an_answer_that_trickles_is_given_up(raw, server, tmp_path):
    server.answers["/a"] = Answer(raw=raw)
    with pytest.raises(MissingInput, match="cannot be fetched: it comes with less than 1024 bytes a second"):
        download(server.url("/a"), tmp_path / "out", rules=a_byte_in_half_a_second(server))


def test_answers_before_the_answer_are_limited(tmp_path):
    many = [b"HTTP/1.1 100 Continue\r\n\r\n" * 1000] * 200
    with pytest.raises(UnsafeInput, match="more than 1000 bytes; refused"), sending(many) as address:
        download(address, tmp_path / "out", rules=replace(LOCAL, max_bytes=1000))


@contextmanager
def sending(pieces):
    """A server that knows no HTTP."""

    def serve():
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            for piece in pieces:
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/a"
        finally:
            thread.join()


def test_a_download_of_many_files_has_an_end(server, tmp_path):
    """A thousand seconds for every request."""
    document = record(server, **{str(i): "HistFactory" for i in range(9)})
    server.answers["/record/1"] = Answer(json.dumps(document).encode(), "application/json")
    for i in range(9):
        server.answers[f"/record/resource/{i}?view=true"] = Answer(ARCHIVE)
    rules = replace(LOCAL, clock=lambda: 1000.0 * len(server.requests), max_seconds=5500.0, timeout=1500.0)
    with pytest.raises(MissingInput, match="cannot be fetched: the whole download takes longer than 5500 s"):
        download(server.url("/record/1"), tmp_path / "out", rules=rules)
    assert len(server.requests) == 6
    server.requests.clear()
    rules = replace(rules, max_seconds=1e6)
    assert len(download(server.url("/record/1"), tmp_path / "out", rules=rules).archives) == 9


def test_an_old_record_without_types_offers_its_archives(server, tmp_path, monkeypatch):
    found = downloading._of_hepdata(
        {
            "record": {},
            "resources_with_doi": [
                {"doi": "10.17182/hepdata.1/r1", "filename": "figure.png"},
                {"doi": "10.17182/hepdata.1/r2", "filename": "likelihoods.tar.gz"},
            ],
        },
        "https://www.hepdata.net/record/1",
    )
    assert [(r.name, r.url) for r in found] == [("likelihoods.tar.gz", "https://doi.org/10.17182/hepdata.1/r2")]


def test_a_record_without_likelihood_is_told(server, tmp_path):
    server.answers["/record/1"] = Answer(b'{"record": {"analyses": "none"}}', "application/json")
    with pytest.raises(MissingInput, match="has no likelihood"):
        download(server.url("/record/1"), tmp_path / "out", rules=LOCAL)


def test_files_of_zenodo():
    document = {
        "files": [
            {"key": "a.pdf", "links": {"self": "https://zenodo.org/a"}},
            {"key": "b.tar.gz", "links": {"self": "https://zenodo.org/b"}},
            {"key": "c.zip"},
        ]
    }
    assert [r.url for r in downloading._of_zenodo(document)] == ["https://zenodo.org/b"]
    assert downloading._of_zenodo([]) == []


def test_a_record_of_zenodo_is_asked_at_its_interface(server, tmp_path, monkeypatch):
    monkeypatch.setattr("hftranslate.hepdata.web._LOOPBACK", ("127.0.0.1", "zenodo.localhost"))
    page = downloading.Fetched(
        url="", final_url=server.url("/records/5").replace("127.0.0.1", "zenodo.localhost"), name="5",
        content_type="text/html", path=tmp_path / "x", sha256="", n_bytes=0,
    )  # fmt: skip
    asked = []

    def answer(url, work, rules):
        asked.append(url)
        return {"files": []}, url

    monkeypatch.setattr(downloading, "fetch_json", answer)
    assert downloading._offered(page, tmp_path, LOCAL) == []
    assert asked[0].endswith("/api/records/5")


def test_a_single_json_file_is_kept_under_its_name(server, tmp_path):
    server.answers["/workspace.json"] = Answer(b'{"channels": []}')
    server.answers["/likelihood"] = Answer(gzip.compress(b'{"channels": []}'))
    assert download(server.url("/workspace.json"), tmp_path / "a", rules=LOCAL).files == ("workspace.json",)
    assert download(server.url("/likelihood"), tmp_path / "b", rules=LOCAL).files == ("likelihood.json",)
    with pytest.raises(MissingInput, match="is one file, 'workspace"):
        download(server.url("/workspace.json"), tmp_path / "c", rules=LOCAL, resource="other.json")


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Answer(status=404), MissingInput, "answers 404"),
        (Answer(status=500), MissingInput, "answers 500"),
        (Answer(b"<html>", "text/html"), FormatError, "text/html: neither an archive"),
        (Answer(b"x" * 10, length=100), MissingInput, "ended after 10 of 100 bytes"),
        (Answer(b"", length=600 << 20), UnsafeInput, "are refused"),
        (Answer(status=302, headers={"Location": "https://evil.example/a"}), UnsafeInput, "not allowed"),
        (Answer(status=302, headers={"Location": "file:///etc/passwd"}), MissingInput, "not allowed"),
        (Answer(status=302, headers={"Location": "/a"}), MissingInput, "302"),
    ],
)
def test_answers_that_are_no_likelihood(server, tmp_path, answer, error, message):
    server.answers["/a"] = answer
    with pytest.raises(error, match=message):
        download(server.url("/a"), tmp_path / "out", rules=LOCAL)
    assert os.listdir(tmp_path) == []


def test_a_record_that_answers_no_json_is_told(server, tmp_path):
    server.answers["/record/1"] = Answer(b"<html>", "text/html")
    with pytest.raises(MissingInput, match="not with JSON"):
        download(server.url("/record/1"), tmp_path / "out", rules=LOCAL)


def test_a_size_that_was_not_stated_is_limited_too(server, tmp_path):
    server.answers["/a"] = Answer(headers={}, body=b"")
    server.answers["/b"] = lambda accept: Answer(body=b"x" * 5000, headers={})
    with pytest.raises(UnsafeInput, match="refused"):
        download(
            server.url("/b"),
            tmp_path / "out",
            rules=Rules(plain_http_to_this_machine=True, max_bytes=1000),
        )


def test_no_server_is_told(tmp_path):
    with pytest.raises(MissingInput, match="cannot be fetched"):
        download("http://127.0.0.1:9/a", tmp_path / "out", rules=LOCAL)


def test_checksums(server, tmp_path):
    server.answers["/a.tar.gz"] = Answer(ARCHIVE)
    right = hashlib.sha256(ARCHIVE).hexdigest()
    assert download(server.url("/a.tar.gz"), tmp_path / "out", rules=LOCAL, sha256=right.upper()).files
    with pytest.raises(VerificationFailed, match="expected 00"):
        download(server.url("/a.tar.gz"), tmp_path / "no", rules=LOCAL, sha256="00")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_leaves_nothing(server, tmp_path, name):
    data, message = HOSTILE[name]
    server.answers["/a.tar.gz"] = Answer(data)
    with pytest.raises(UnsafeInput, match=message):
        download(server.url("/a.tar.gz"), tmp_path / "out", rules=LOCAL)
    assert os.listdir(tmp_path) == []


def test_a_name_from_the_server_stays_in_the_folder(server, tmp_path):
    server.answers["/x"] = Answer(b"{}", headers={"Content-Disposition": 'attachment; filename="../../evil.json"'})
    assert download(server.url("/x"), tmp_path / "out", rules=LOCAL).files == ("evil.json",)


# -------------------------------------------------------------------------------------------------------- command line
def test_the_command_prints_files_and_checksums(server, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "Rules", lambda **options: Rules(plain_http_to_this_machine=True, **options))
    server.answers["/a.tar.gz"] = Answer(ARCHIVE)
    arguments = ["hepdata", "download", server.url("/a.tar.gz"), str(tmp_path / "out"), "--allow-host", "Example.org"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False, catch_exceptions=False)
    told = json.loads(result.stdout)
    assert told["files"] == ["BkgOnly.json", "patchset.json"]
    assert told["archives"][0]["sha256"] == hashlib.sha256(ARCHIVE).hexdigest()


def test_the_command_refuses_other_hosts(tmp_path):
    result = CliRunner().invoke(cli, ["hepdata", "download", "https://example.org/a", str(tmp_path / "out")])
    assert isinstance(result.exception, UnsafeInput)
    assert HOSTS[1] in str(result.exception)


@pytest.fixture
def contrib(server, monkeypatch):
    """The group of pyhf's options, with a server of this machine for the known hosts."""
    monkeypatch.setattr(web, "Rules", lambda **options: Rules(plain_http_to_this_machine=True, **options))
    monkeypatch.setattr(downloading, "Rules", web.Rules)
    server.answers["/a.tar.gz"] = Answer(ARCHIVE)

    def command(*arguments):
        return CliRunner().invoke(cli, ["contrib", "download", *map(str, arguments)], standalone_mode=False)

    return command


def test_contrib_download_takes_the_options_of_pyhf_and_prints_what_it_prints(contrib, server, tmp_path, monkeypatch):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyhf.cli import cli as pyhf_cli

    folders = {program: tmp_path / program for program in ("pyhf", "hftranslate")}
    url = server.url("/a.tar.gz")
    options = ("--verbose", "--force")
    theirs = CliRunner().invoke(pyhf_cli, ["contrib", "download", url, str(folders["pyhf"]), *options])
    ours = contrib(url, folders["hftranslate"], *options)
    assert ours.exception is None
    names = {p: sorted(Path(line).name for line in r.stdout.splitlines()) for p, r in (("a", theirs), ("b", ours))}
    assert names["a"] == names["b"] == ["BkgOnly.json", "patchset.json"]
    for name in names["b"]:
        assert (folders["hftranslate"] / name).read_bytes() == (folders["pyhf"] / name).read_bytes()
    silent = contrib(url, tmp_path / "quiet", "-f")
    assert (silent.exception, silent.stdout) == (None, "")


def test_contrib_download_keeps_the_archive_where_that_is_asked_for(contrib, server, tmp_path):
    target = tmp_path / "likelihoods.tar.gz"
    told = contrib(server.url("/a.tar.gz"), target, "-c", "-v")
    assert told.stdout == f"{target}\n"
    assert target.read_bytes() == ARCHIVE
    again = contrib(server.url("/a.tar.gz"), target, "-c")
    assert "is there already" in str(again.exception)
    elsewhere = contrib(server.url("/a.tar.gz"), tmp_path / "missing" / "x.tar.gz", "-c")
    assert "cannot be written" in str(elsewhere.exception)
    server.answers["/page"] = Answer(b"{}", "application/json")
    assert isinstance(contrib(server.url("/page"), tmp_path / "y", "-c").exception, FormatError)
    assert [p.name for p in tmp_path.iterdir()] == ["likelihoods.tar.gz"]


def test_contrib_download_asks_before_it_goes_to_another_host(contrib, tmp_path):
    found = contrib("https://example.org/a.tar.gz", tmp_path / "out")
    assert isinstance(found.exception, UnsafeInput)
    assert not (tmp_path / "out").exists()
    forced = contrib("https://unknown.invalid/a.tar.gz", tmp_path / "out", "--force")
    assert isinstance(forced.exception, MissingInput)  # it was asked for, but is not there
