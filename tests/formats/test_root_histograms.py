import datetime
import struct
from pathlib import Path

import hist
import numpy as np
import pytest
import uproot
import uproot.writing._cascade
from uproot.writing.identify import to_TAxis, to_TH1x

from hftranslate.errors import FormatError, MissingInput
from hftranslate.formats import root_histograms
from hftranslate.formats.root_histograms import Histogram, HistogramFiles, write_histograms

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


def test_uproot_reads_what_is_written(tmp_path):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    with uproot.open(tmp_path / "data.root") as file:
        assert file.classnames() == {f"{name};1": "TH1D" for name in HISTOGRAMS}
        h = file["errors"]
        assert h.values().tolist() == [0.0, 1e-300, -2.0]
        assert h.errors().tolist() == [0.3, 0.0, 1.7]
        assert h.axis().edges().tolist() == list(EDGES)
        assert len(file["plain"].member("fSumw2")) == 0


def test_same_histograms_same_bytes(tmp_path, monkeypatch):
    many = {f"h{i}": NOMINAL for i in range(50)}  # enough to make the list of keys grow and move
    write_histograms(tmp_path / "a.root", many)
    first = (tmp_path / "a.root").read_bytes()

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2031, 5, 6, 7, 8, 9)

    monkeypatch.setattr(uproot.writing._cascade.datetime, "datetime", Later)
    write_histograms(tmp_path / "a.root", many)
    assert (tmp_path / "a.root").read_bytes() == first


def test_gaps_between_records_are_marked_as_free(tmp_path):
    write_histograms(tmp_path / "a.root", {f"h{i}": NOMINAL for i in range(200)})
    data = (tmp_path / "a.root").read_bytes()
    at, end = struct.unpack_from(">ii", data, 8)
    records = 0
    while at < end:
        (size,) = struct.unpack_from(">i", data, at)
        assert size != 0
        records += size > 0
        at += abs(size)
    assert at == end == len(data)
    assert records == 200 + 4  # and the directory, its keys, the streamers, the free segments


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
    monkeypatch.setattr(root_histograms, "_KNOWN_TH1_VERSIONS", known_versions)
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
    monkeypatch.setattr(root_histograms, "_KNOWN_TH1_VERSIONS", ())
    assert files.get(tmp_path / "data.root", "", name) == HISTOGRAMS[name]


def test_files_written_by_root(shared, monkeypatch):
    """A file written by ROOT 5 and some by ROOT 6: the short way reads what uproot reads."""
    paths = [
        shared / "xml" / "atlas_top_dilepton_2011" / "data" / "Histograms.root",
        shared / "root_models" / "overall" / "data.root",
        shared / "printxml_example" / "meas_hists.root",
    ]
    compared = 0
    for path in paths:
        with uproot.open(path) as file, HistogramFiles() as files:
            names = [k for k, c in file.classnames(cycle=False).items() if c in root_histograms._HISTOGRAMS][::40]
            for key in names:
                directory, _, name = key.rpartition("/")
                h, own = file[key], files.get(path, directory, name)
                assert own.contents == tuple(map(float, h.values()))
                assert own.bin_errors == pytest.approx(h.errors(), rel=1e-15)
                assert own.edges[0] == pytest.approx(h.axis(0).edges(), rel=1e-15)
                compared += 1
    assert compared > 90


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
