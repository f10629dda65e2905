"""Archives: the same files give the same bytes, and hostile ones leave nothing behind."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.errors import FormatError, InputError, UnsafeInput
from hftranslate.hepdata.archives import DEFAULT_LIMITS, Limits, kind_of, pack, read_files, unpack
from tests.hepdata.hostile import HOSTILE, tar, zipped

FILES = {"BkgOnly.json": b'{"a": 1}', "RegionA/patchset.json": b"[]", "README.md": "# µ\n".encode()}


@pytest.fixture
def unpacked(tmp_path):
    def unpacking(data, limits=DEFAULT_LIMITS):
        path = tmp_path / "archive"
        path.write_bytes(data)
        return unpack(path, tmp_path / "out", limits)

    return unpacking


def test_what_is_packed_is_unpacked(tmp_path, unpacked):
    assert unpacked(pack(FILES)) == ("BkgOnly.json", "README.md", "RegionA/patchset.json")
    assert {n: (tmp_path / "out" / n).read_bytes() for n in FILES} == FILES
    assert read_files(tmp_path / "out") == ["BkgOnly.json", "README.md", "RegionA/patchset.json"]


def test_the_same_files_give_the_same_bytes_in_any_order():
    assert pack(FILES) == pack(dict(reversed(FILES.items())))
    with tarfile.open(fileobj=io.BytesIO(pack(FILES))) as archive:
        assert [(m.name, m.mtime, m.uid, m.gid, m.uname, m.mode) for m in archive] == [
            (name, 0, 0, 0, "", 0o644) for name in sorted(FILES)
        ]


@given(st.dictionaries(st.from_regex(r"(folder/)?[a-z]{1,5}", fullmatch=True), st.binary(max_size=50), min_size=1))
def test_packing_and_unpacking_is_the_identity(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("packed")
    (folder / "a").write_bytes(pack(files))
    assert unpack(folder / "a", folder / "out") == tuple(sorted(files))
    assert {n: (folder / "out" / n).read_bytes() for n in files} == files


@pytest.mark.parametrize("compress", [None, gzip.compress, bz2.compress, lzma.compress])
def test_tar_archives_of_every_compression(unpacked, compress):
    assert unpacked(tar(("./a/b.json", b"{}"), ("a", {"type": tarfile.DIRTYPE}), compress=compress)) == ("a/b.json",)


def test_zip_archives(unpacked, tmp_path):
    assert unpacked(zipped(("a/", b""), ("a/b.json", b"{}"))) == ("a/b.json",)
    assert (tmp_path / "out" / "a" / "b.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (tar(("a", b"")), "tar"),
        (zipped(("a", b"")), "zip"),
        (b' \n{"a": 1}', "json"),
        (gzip.compress(b"[1]", mtime=0), "json"),
        (b"<html>", None),
        (b"", None),
        (b"\x1f\x8bnot gzip", None),
    ],
)
def test_the_kind_of_a_file_is_known_by_its_content(tmp_path, data, kind):
    (tmp_path / "file").write_bytes(data)
    assert kind_of(tmp_path / "file") == kind


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_and_leave_nothing(tmp_path, unpacked, name):
    data, message = HOSTILE[name]
    with pytest.raises(UnsafeInput, match=message):
        unpacked(data)
    assert os.listdir(tmp_path) == ["archive"]


def test_an_encrypted_zip_is_refused(unpacked):
    data = bytearray(zipped(("a", b"secret")))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    with pytest.raises(UnsafeInput, match="encrypted"):
        unpacked(bytes(data))


@pytest.mark.parametrize("make", [tar, zipped])
def test_the_number_of_files_and_their_size_are_limited(unpacked, make):
    many = make(*((f"f{i}", b"x") for i in range(30)))
    with pytest.raises(UnsafeInput, match="more than 10 files"):
        unpacked(many, Limits(files=10))
    with pytest.raises(UnsafeInput, match="refused"):
        unpacked(make(("a", bytes(range(256)) * 100)), Limits(total_bytes=1000))


def test_a_sparse_file_is_refused(unpacked, tmp_path):
    data = tar(("sparse", {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s"}}))
    with pytest.raises((UnsafeInput, FormatError)):
        unpacked(data)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(tar(("a", b"x" * 5000)), mtime=0)[:-2000],
        tar(("a", b"x" * 5000))[:2000],
        zipped(("a", b"x" * 5000))[:-30],
        b"plain text",
        b"",
    ],
    ids=["gzip", "tar", "zip", "text", "empty"],
)
def test_damaged_archives_are_told(tmp_path, unpacked, data):
    with pytest.raises(FormatError, match=r"damaged|no archive"):
        unpacked(data)
    assert not (tmp_path / "out").exists()


@given(st.sampled_from([tar, zipped]), st.data())
def test_damage_of_any_kind_is_told_and_leaves_nothing(tmp_path_factory, make, data):
    content = bytearray(make(("a/b.json", b'{"a": 1}' * 40), ("c", b"xyz")))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "archive").write_bytes(bytes(content))
    try:
        names = unpack(folder / "archive", folder / "out")
        assert set(read_files(folder / "out")) == set(names)
    except InputError:
        assert os.listdir(folder) == ["archive"]


def test_a_file_without_a_name_is_refused(tmp_path, unpacked):
    """A damaged zip can hold one, and :mod:`zipfile` looks at the last letter of the name."""
    with pytest.raises(UnsafeInput, match="unusable name: ''"):
        unpacked(zipped(("", b"x"), ("a", b"y")))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path, unpacked):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(InputError, match="holds something already"):
        unpacked(pack(FILES))
    assert os.listdir(tmp_path / "out") == ["mine"]


def test_an_empty_folder_is_used(tmp_path, unpacked):
    (tmp_path / "out").mkdir()
    assert len(unpacked(pack(FILES))) == 3


def test_the_folder_that_one_stands_in_stays_the_same(tmp_path, monkeypatch):
    (tmp_path / "archive").write_bytes(pack(FILES))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    unpack(tmp_path / "archive", Path())
    assert sorted(os.listdir()) == ["BkgOnly.json", "README.md", "RegionA"]
    assert os.stat(".").st_ino == here.stat().st_ino


def test_a_refusal_leaves_no_folder_on_the_way(tmp_path):
    (tmp_path / "archive").write_bytes(HOSTILE["parent"][0])
    with pytest.raises(UnsafeInput):
        unpack(tmp_path / "archive", tmp_path / "a" / "b" / "c")
    assert os.listdir(tmp_path) == ["archive"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "archive").write_bytes(pack(FILES))
    with pytest.raises(InputError, match="archive/in/it cannot be made: "):
        unpack(tmp_path / "archive", tmp_path / "archive" / "in" / "it")


def test_the_number_of_folders_is_limited(unpacked):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for i in range(5):
            member = tarfile.TarInfo(f"d{i}")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
    with pytest.raises(UnsafeInput, match="holds more than 2 files and as many folders"):
        unpacked(stream.getvalue(), Limits(files=2))
    with pytest.raises(UnsafeInput, match="unusable name"):
        unpacked(tar(("a/" * 600 + "b", b"x")))


def test_links_in_a_folder_are_refused(tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(UnsafeInput, match="is a link"):
        read_files(tmp_path)


def test_packing_refuses_names_that_lead_outside():
    with pytest.raises(UnsafeInput):
        pack({"../a": b""})
