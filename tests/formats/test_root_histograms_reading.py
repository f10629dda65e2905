"""ROOT files in: all that producers write, and damage of every kind."""

import struct
import tracemalloc
from pathlib import Path

import hist
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st
from uproot.writing.identify import to_TAxis, to_TH1x

from hftranslate.errors import FormatError, MissingInput, UnsafeInput
from hftranslate.formats.root_histograms import Histogram, HistogramFiles, container, objects, write_histograms

EDGES = (0.0, 1.0, 2.5, 4.0)
NOMINAL = Histogram(contents=(5.0, 0.1, 3.0), errors=None, edges=(EDGES,))
HISTOGRAMS = {
    "plain": NOMINAL,
    "errors": Histogram(contents=(0.0, 1e-300, -2.0), errors=(0.3, 0.0, 1.7), edges=(EDGES,)),
    "uniform": Histogram(contents=(1.0, 2.0), errors=None, edges=((-1.0, 0.0, 1.0),)),
    "one_bin": Histogram(contents=(7.25,), errors=(0.1,), edges=((0.0, 1.0),)),
    "thirds": Histogram(contents=(1.0, 2.0, 3.0), errors=None, edges=((0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0),)),
}


def th1(contents, dtype, sumw2=()):
    cells = np.array([99, *contents, 99], dtype=dtype)
    axis = to_TAxis("xaxis", "", len(contents), 0.0, float(len(contents)), np.array([], dtype=">f8"))
    return to_TH1x("h", "h", cells, 1.0, 1.0, 1.0, 1.0, 1.0, np.array(sumw2, dtype=">f8"), axis)


@pytest.fixture
def files():
    with HistogramFiles() as opened:
        yield opened


def test_written_histograms_read_back_exactly(tmp_path, files):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    assert {name: files.get(tmp_path / "data.root", "", name) for name in HISTOGRAMS} == HISTOGRAMS


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">i2", ">i1"])
def test_all_types_of_contents(tmp_path, files, dtype):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["h"] = th1([1, 2, 3], dtype)
    h = files.get(tmp_path / "t.root", "", "h")
    assert h.contents == (1.0, 2.0, 3.0)
    assert h.errors is None
    assert h.bin_errors == (1.0, 2.0**0.5, 3.0**0.5)


def test_single_precision_is_converted_exactly(tmp_path, files):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["h"] = th1([0.1], ">f4")
    assert files.get(tmp_path / "t.root", "", "h").contents == (float(np.float32(0.1)),)


@pytest.mark.parametrize("known_versions", [(5, 6, 7, 8), ()])  # the short way, and uproot's own
def test_several_axes_are_flattened_with_x_fastest(tmp_path, monkeypatch, files, known_versions):
    monkeypatch.setattr(objects, "KNOWN_TH1_VERSIONS", known_versions)
    x, y, z = np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0, 5.0]), np.array([0.0, 1.0, 2.0])
    flat = hist.Hist(hist.axis.Variable(x), hist.axis.Variable(y), storage=hist.storage.Double())
    flat.view()[...] = [[1, 2, 3], [4, 5, 6]]
    solid = hist.Hist(hist.axis.Variable(x), hist.axis.Variable(y), hist.axis.Variable(z))
    solid.view()[...] = np.arange(12).reshape(2, 3, 2)
    with uproot.recreate(tmp_path / "t.root") as file:
        file["flat"] = flat
        file["solid"] = solid
    h = files.get(tmp_path / "t.root", "", "flat")
    assert h.contents == (1.0, 4.0, 2.0, 5.0, 3.0, 6.0)
    assert h.edges == (tuple(x), tuple(y))
    h = files.get(tmp_path / "t.root", "", "solid")
    assert h.contents == (0.0, 6.0, 2.0, 8.0, 4.0, 10.0, 1.0, 7.0, 3.0, 9.0, 5.0, 11.0)
    assert h.edges == (tuple(x), tuple(y), tuple(z))


@pytest.mark.parametrize("name", list(HISTOGRAMS))
def test_both_ways_of_reading_agree(tmp_path, monkeypatch, files, name):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    monkeypatch.setattr(objects, "KNOWN_TH1_VERSIONS", ())
    assert files.get(tmp_path / "data.root", "", name) == HISTOGRAMS[name]


def test_all_shared_files_as_uproot_reads_them(shared):
    """Files of ROOT 5 and 6, of uproot, compressed and not: bit by bit what uproot makes of them."""
    compared = 0
    for path in sorted(p for p in shared.rglob("*.root") if p.read_bytes()[:4] == b"root"):
        try:
            file = uproot.open(path)
        except OSError:
            continue  # damaged on purpose
        with file, HistogramFiles() as files:
            found = [k for k, c in file.classnames(cycle=False).items() if c in objects.HISTOGRAM_CLASSES]
            for key in found[:: len(found) // 40 + 1]:
                directory, _, name = key.rpartition("/")
                same_as_uproot(files.get(path, directory, name), file[key])
                compared += 1
    assert compared > 1500


def same_as_uproot(own, h):
    assert own.contents == tuple(h.values().astype(float).T.ravel().tolist())
    sumw2 = np.asarray(h.member("fSumw2"))
    if len(sumw2):
        cells = sumw2.reshape([h.axis(i).member("fNbins") + 2 for i in reversed(range(len(own.edges)))])
        inner = cells[(slice(1, -1),) * len(own.edges)]
        assert own.errors == tuple(np.sqrt(inner).ravel().tolist())
    else:
        assert own.errors is None
    for i, edges in enumerate(own.edges):
        assert edges == pytest.approx(h.axis(i).edges(), rel=1e-15, abs=1e-15 * max(map(abs, edges)))


@pytest.fixture
def nested(tmp_path):
    with uproot.recreate(tmp_path / "n.root") as file:
        file["h"] = th1([1], ">f8")
        file["a/b/h"] = th1([2], ">f8")
        file["a/b/h"] = th1([3], ">f8")  # a second cycle
        file["a/title"] = "text"
    return tmp_path / "n.root"


@pytest.mark.parametrize("directory", ["a/b", "/a/b/", "/a/b", "a/b/"])
def test_directories_and_highest_cycle(nested, files, directory):
    assert files.get(nested, directory, "h").contents == (3.0,)


@pytest.mark.parametrize("directory", ["", "/"])
def test_top_directory(nested, files, directory):
    assert files.get(nested, directory, "h").contents == (1.0,)


@pytest.mark.parametrize(
    ("directory", "name", "error", "message"),
    [
        ("a/c", "h", MissingInput, "{f}: there is no directory '/a/c'; there are 'b'"),
        ("h", "h", MissingInput, "{f}: there is no directory '/h'; there are 'a'"),
        ("a/b", "g", MissingInput, "{f}: directory '/a/b' has no histogram 'g'; there are 'h'"),
        ("a/b", "h;1", MissingInput, "{f}: directory '/a/b' has no histogram 'h;1'; there are 'h'"),
        (
            "a",
            "b/h",
            MissingInput,
            "{f}: directory '/a' has no histogram 'b/h': a histogram name must not contain a path; "
            "ROOT wants HistoPath='a/b' and HistoName='h'",
        ),
        (
            "a",
            "title",
            FormatError,
            "{f}: directory '/a': 'title' is a TObjString, not a histogram (TH1, TH2 or TH3)",
        ),
    ],
)
def test_what_is_not_there(nested, files, directory, name, error, message):
    with pytest.raises(error) as caught:
        files.get(nested, directory, name)
    assert str(caught.value) == message.format(f=nested)


@pytest.mark.parametrize(
    ("contents", "sumw2", "message"),
    [
        ([1.0, np.inf], (), "bin 1 has the content inf"),
        ([np.nan, 1.0], (), "bin 0 has the content nan"),
        ([1.0, 2.0], (0.0, 1.0, -1.0, 0.0), "bin 1 has the error nan"),
    ],
)
def test_contents_must_be_finite(tmp_path, files, contents, sumw2, message):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["h"] = th1(contents, ">f8", sumw2)
    with pytest.raises(FormatError) as caught:
        files.get(tmp_path / "t.root", "", "h")
    assert str(caught.value) == f"{tmp_path}/t.root: directory '/': histogram 'h': {message}; it must be finite"


def test_no_such_file(files):
    with pytest.raises(MissingInput, match=r"nowhere\.root: there is no such file"):
        files.get(Path("nowhere.root"), "", "h")


@pytest.mark.parametrize("compression", [uproot.ZLIB(1), uproot.LZMA(1), uproot.LZ4(1), uproot.ZSTD(1)])
def test_compressed(tmp_path, files, compression):
    contents = np.sqrt(np.arange(1000.0)).round(1)
    with uproot.recreate(tmp_path / "t.root", compression=compression) as file:
        file["h"] = th1(contents, ">f8")
    assert len((tmp_path / "t.root").read_bytes()) < 16000
    assert files.get(tmp_path / "t.root", "", "h").contents == tuple(contents)


def test_positions_of_eight_bytes(tmp_path, files):
    """The layout of files beyond 2 GB, in a small file: folder, list of keys and record."""
    write_histograms(tmp_path / "small.root", {"plain": NOMINAL})
    with uproot.open(tmp_path / "small.root") as file:
        thing = bytes(file.key("plain").get_uncompressed_chunk_cursor()[0].raw_data)
    strings = b"\x04TH1D\x05plain\x00"
    key_at, list_at = 200, 200 + 34 + len(strings) + len(thing)
    record = struct.pack(
        ">ihiIhhqq", 34 + len(strings) + len(thing), 1004, len(thing), 0, 34 + len(strings), 1, key_at, 100
    )
    own_strings = b"\x05TFile\x00\x00"
    own = struct.pack(
        ">ihiIhhqq", 42 + 4 + len(record + strings), 1004, 4 + len(record + strings), 0, 42, 1, list_at, 100
    )
    keys = own + own_strings + struct.pack(">i", 1) + record + strings
    folder = struct.pack(">hIIiiqqq", 1005, 0, 0, len(keys), 30, 100, 0, list_at)
    head = struct.pack(">4siiqqiiiBiqi", b"root", 1062400, 100, list_at + len(keys), 0, 0, 1, 30, 8, 0, 0, 0)
    data = head.ljust(130, b"\0") + folder
    (tmp_path / "big.root").write_bytes(data.ljust(200, b"\0") + record + strings + thing + keys)
    assert files.get(tmp_path / "big.root", "", "plain") == NOMINAL


def test_long_names(tmp_path, files):
    name = "n" * 300
    write_histograms(tmp_path / "t.root", {name: NOMINAL})
    assert files.get(tmp_path / "t.root", "", name) == NOMINAL


def test_damaged_files_give_one_sentence(tmp_path):
    write_histograms(tmp_path / "whole.root", HISTOGRAMS)
    data = (tmp_path / "whole.root").read_bytes()
    refused = 0
    for i, length in enumerate(range(0, len(data), len(data) // 60)):
        path = tmp_path / f"cut{i}.root"
        path.write_bytes(data[:length])
        message = ""
        with HistogramFiles() as files:
            try:
                assert {name: files.get(path, "", name) for name in HISTOGRAMS} == HISTOGRAMS
            except FormatError as error:
                message = str(error)
                refused += 1
        assert ("not a ROOT file, or damaged" in message) == (message != "")
        assert "\n" not in message
    assert refused > 5


def damaged(path, edit):
    """The sentence about the first histogram of a file after an edit of its bytes; empty where it can be read."""
    data = bytearray(path.read_bytes())
    edit(data)
    other = path.with_name("edited.root")
    other.write_bytes(data)
    with HistogramFiles() as files, pytest.raises(FormatError) as caught:
        files.get(other, "", "plain")
    text = str(caught.value)
    assert text.startswith(f"{other}: not a ROOT file, or damaged (")
    assert text.endswith(")")
    return text[len(f"{other}: not a ROOT file, or damaged (") : -1]


@pytest.fixture
def plain(tmp_path):
    write_histograms(tmp_path / "plain.root", {"plain": NOMINAL})
    return tmp_path / "plain.root"


def put(layout, at, *values):
    return lambda data: struct.pack_into(layout, data, at, *values)


def test_what_is_wrong_with_a_file(plain, monkeypatch):
    data = plain.read_bytes()
    folder = 166  # behind the head and its name
    list_at, size = struct.unpack_from(">i", data, folder + 26)[0], len(data)
    assert damaged(plain, lambda d: d.clear()) == "it is empty"
    assert damaged(plain, lambda d: d.__delitem__(slice(50, None))) == "it ends after 50 bytes"
    assert damaged(plain, lambda d: d.__delitem__(slice(160, None))) == (
        "the description of a folder is expected at bytes 166 to 196, but the file has 160"
    )
    assert damaged(plain, put(">h", folder, 1005)) == "a folder has no list of keys; the file was not closed properly"
    assert damaged(plain, put(">i", folder + 26, 0)) == "a folder has no list of keys; the file was not closed properly"
    assert damaged(plain, put(">i", folder + 10, -1)).startswith("the list of keys is expected at bytes")
    assert damaged(plain, put(">i", folder + 10, 2**31 - 1)) == (
        "the list of keys claims 2147483647 bytes; more than 1073741824 are refused"
    )
    key_at = list_at + struct.unpack_from(">h", data, list_at + 14)[0]
    (n,) = struct.unpack_from(">i", data, key_at + 4)
    n_keys = f"the list of keys has {struct.unpack_from('>i', data, list_at)[0]} bytes, too few for 2147483647 keys"
    assert damaged(plain, put(">i", key_at, 2**31 - 1)) == n_keys
    assert damaged(plain, put(">i", key_at + 4 + 18, size)) == (
        f"the record of 'plain' is expected at bytes {size} to {size + n}, but the file has {size}"
    )
    assert damaged(plain, put(">i", key_at + 4 + 18, 300)) == (
        "the record of 'plain' is not at byte 300, where its folder says"
    )
    assert damaged(plain, put(">i", key_at + 4 + 6, -1)) == (
        f"the key of 'plain' claims {n} bytes, of which 38 for itself"
    )
    assert damaged(plain, put(">h", key_at + 4 + 14, 9000)) == (
        f"the key of 'plain' claims {n} bytes, of which 9000 for itself"
    )
    assert damaged(plain, put(">b", key_at + 4 + 26, 100)) == "the list of keys is cut off"
    assert damaged(plain, put(">Bi", key_at + 4 + 26, 255, 2**31 - 1)) == "the list of keys is cut off"
    monkeypatch.setattr(container, "MAX_OBJECT", 500)
    assert damaged(plain, lambda d: None) == f"the record of 'plain' claims {n - 38} bytes; more than 500 are refused"


def test_what_is_wrong_with_a_compressed_object(tmp_path, monkeypatch):
    path = tmp_path / "z.root"
    with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
        file["plain"] = th1(range(1000), ">f8")
    with uproot.open(path) as file:
        key = file.key("plain")
        at, n = key.fSeekKey + key.fKeylen, key.fObjlen
    wrong_size = f"the record of 'plain' does not decompress to the {n} bytes that it claims"
    assert damaged(path, put("2s", at, b"CS")) == (
        "the record of 'plain' does not decompress: the compression b'CS' is not known"
    )
    assert damaged(path, put("2s", at, b"XZ")).startswith("the record of 'plain' does not decompress: ")
    assert damaged(path, put("2s", at, b"ZS")).startswith("the record of 'plain' does not decompress: ")
    assert damaged(path, put("2s", at, b"L4")).startswith("the record of 'plain' does not decompress: ")
    assert damaged(path, put("3s", at + 3, b"\xff\xff\xff")) == wrong_size
    assert damaged(path, put("3s", at + 6, b"\xff\xff\xff")) == wrong_size
    assert damaged(path, put("3s", at + 6, b"\x00\x00\x00")) == wrong_size
    half = (n // 2).to_bytes(3, "little")  # the block holds more
    assert damaged(path, put("3s", at + 6, half)) == (
        "the record of 'plain' does not decompress: it goes on after its end"
    )


def test_a_block_never_grows_beyond_what_it_claims():
    import zlib

    bomb = zlib.compress(bytes(1 << 24))
    head = b"ZL\x08" + len(bomb).to_bytes(3, "little") + (1000).to_bytes(3, "little")
    tracemalloc.start()
    with pytest.raises(container.Damaged):
        container._decompressed(memoryview(head + bomb), 2000, "it")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_contradictions_inside_a_histogram(tmp_path):
    write_histograms(tmp_path / "t.root", HISTOGRAMS)
    with uproot.open(tmp_path / "t.root") as file:
        data = bytes(file.key("errors").get_uncompressed_chunk_cursor()[0].raw_data)
    assert objects.from_bytes(data, "TH1D") == HISTOGRAMS["errors"]
    n_bins = struct.pack(">idd", 3, 0.0, 4.0)
    n_cells = struct.pack(">i", 5)
    for old, new in [
        (n_bins, struct.pack(">idd", 0, 0.0, 4.0)),
        (n_bins, struct.pack(">idd", 2, 0.0, 4.0)),
        (n_bins, struct.pack(">idd", 2**31 - 1, 0.0, 4.0)),
        (n_bins, struct.pack(">idd", -1, 0.0, 4.0)),
        (n_cells, struct.pack(">i", 4)),
        (n_cells, struct.pack(">i", 2**31 - 1)),
        (data[:4], struct.pack(">I", 0x40000000 | len(data))),
        (data[:4], struct.pack(">I", len(data) - 4)),
    ]:
        assert old in data
        with pytest.raises(objects.BadObject, match=r"its \d+ bytes do not follow the layout of a TH1D"):
            objects.from_bytes(data.replace(old, new, 1), "TH1D")
    with pytest.raises(objects.BadObject, match="its 100 bytes do not follow the layout of a TH2D"):
        objects.from_bytes(data[:100], "TH2D")


def test_an_unknown_version_that_uproot_cannot_read_either(plain, monkeypatch):
    monkeypatch.setattr(objects, "KNOWN_TH1_VERSIONS", ())
    at = plain.read_bytes().index(struct.pack(">idd", 3, 0.0, 4.0))  # the axis, and then its edges
    assert "Error" in damaged(plain, put(">i", at + 20, 2**31 - 1))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_one_sentence_in_bounded_time_and_memory(data, tmp_path_factory):
    """Whatever four bytes are overwritten or cut: the histogram itself, another one of it, or a sentence."""
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole_for_damage.root"
    if not whole.exists():
        with uproot.recreate(whole, compression=uproot.ZLIB(1)) as file:
            file["a/h"] = th1(range(50), ">f8")
        write_histograms(folder / "plain_for_damage.root", {"h": HISTOGRAMS["errors"]})
    source, directory = data.draw(st.sampled_from([(whole, "a"), (folder / "plain_for_damage.root", "")]))
    content = bytearray(source.read_bytes())
    at = data.draw(st.integers(0, len(content) - 4))
    numbers = st.sampled_from([0, -1, 2**31 - 1, -(2**31), 1 << 28, 1 << 24, len(content)])
    struct.pack_into(">i", content, at, data.draw(numbers | st.integers(-(2**31), 2**31 - 1)))
    edited = folder / "damaged.root"
    edited.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    message = ""
    tracemalloc.start()
    with HistogramFiles() as files:
        try:
            assert all(np.isfinite(files.get(edited, directory, "h").contents))
        except (FormatError, MissingInput) as error:
            message = str(error)
    assert "\n" not in message
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20


# What ROOT 6.40 wrote, by validation/make_reference/make_root_files.py
COMPRESSIONS = ("none", "zlib", "lzma", "lz4", "zstd")


def expected(first: int = 0) -> tuple[float, ...]:
    return tuple(float(7 * (i + first) % 101) for i in range(60))


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("class_name", ["TH1D", "TH1F", "TH1I", "TH1S", "TH1C", "TH1L"])
def test_every_class_in_every_compression(repository, files, class_name, compression):
    path = repository / "validation" / "cases" / "root_files" / f"{compression}.root"
    h = files.get(path, "", class_name)
    assert h.contents == expected()
    assert h.edges == (tuple(0.5 * i for i in range(61)),)
    if class_name in ("TH1D", "TH1F"):
        assert h.errors == pytest.approx([(2.0 * c) ** 0.5 for c in expected()], rel=1e-15)
    else:
        assert h.errors is None


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_folders_and_cycles_of_root(repository, files, compression):
    path = repository / "validation" / "cases" / "root_files" / f"{compression}.root"
    assert files.get(path, "SR/nominal", "yield").contents == expected(3)


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
def test_a_changed_byte_of_a_compressed_histogram_is_noticed_or_harmless(tmp_path, repository, compression):
    """These two carry checksums of what they hold."""
    whole = (repository / "validation" / "cases" / "root_files" / f"{compression}.root").read_bytes()
    changed = 0
    for at in range(300, 1200, 7):
        data = bytearray(whole)
        data[at] ^= 0x10
        path = tmp_path / "changed.root"
        path.write_bytes(data)
        with HistogramFiles() as files:
            try:
                assert files.get(path, "", "TH1D").contents == expected()
            except FormatError:
                changed += 1
    assert changed > 20


def test_files_that_are_not_trusted_are_not_left_to_uproot(tmp_path, monkeypatch):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    monkeypatch.setattr(objects, "KNOWN_TH1_VERSIONS", ())
    with HistogramFiles(trusted=False) as files, pytest.raises(FormatError, match="version 8 of TH1 is not known"):
        files.get(tmp_path / "data.root", "", "plain")


def test_numbers_of_one_model_are_limited(tmp_path, monkeypatch):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    monkeypatch.setattr("hftranslate.formats.root_histograms.reading.MAX_NUMBERS", 7)
    with HistogramFiles() as files:
        files.get(tmp_path / "data.root", "", "plain")
        with pytest.raises(UnsafeInput, match="more than 7 numbers"):
            files.get(tmp_path / "data.root", "", "errors")
