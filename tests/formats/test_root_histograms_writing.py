"""ROOT files out: what uproot, ROOT and our own reader make of them."""

import json
import struct
import subprocess
from math import prod

import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.errors import Unsupported
from hftranslate.formats.root_histograms import Histogram, HistogramFiles, write_histograms, writing
from hftranslate.formats.root_histograms.streamers import string

EDGES = (0.0, 1.0, 2.5, 4.0)
HISTOGRAMS = {
    "plain": Histogram(contents=(5.0, 0.1, 3.0), errors=None, edges=(EDGES,)),
    "errors": Histogram(contents=(0.0, 1e-300, -2.0), errors=(0.3, 0.0, 1.7), edges=(EDGES,)),
    "uniform": Histogram(contents=(1.0, 2.0), errors=None, edges=((-1.0, 0.0, 1.0),)),
    "one_bin": Histogram(contents=(7.25,), errors=(0.1,), edges=((0.0, 1.0),)),
    "flat": Histogram(
        contents=tuple(map(float, range(6))), errors=(0.1, 0.0, 2.0, 0.3, 0.4, 0.5), edges=(EDGES, (0.0, 1.0, 5.0))
    ),
    "solid": Histogram(
        contents=tuple(map(float, range(12))), errors=None, edges=((0.0, 0.5, 1.0), EDGES, (-1.0, 0.0, 1.0))
    ),
    "name_" + "x" * 400: Histogram(contents=(1.0,) * 300, errors=None, edges=(tuple(map(float, range(301))),)),
    "ünïcode": Histogram(contents=(1.0,), errors=None, edges=((0.0, 1.0),)),
}

values = st.floats(-1e100, 1e100)


@st.composite
def histograms(draw):
    edges = draw(st.lists(st.sets(values, min_size=2, max_size=4).map(sorted).map(tuple), min_size=1, max_size=3))
    n = prod(len(e) - 1 for e in edges)
    contents = tuple(draw(st.lists(values, min_size=n, max_size=n)))
    sizes = st.one_of(st.just(0.0), st.floats(1e-150, 1e150))
    errors = draw(st.none() | st.lists(sizes, min_size=n, max_size=n).map(tuple))
    return Histogram(contents=contents, errors=errors, edges=tuple(edges))


@settings(max_examples=50, deadline=None)
@given(written=st.dictionaries(st.text("abcé_0", min_size=1), histograms(), max_size=4))
def test_round_trip(written, tmp_path_factory):
    """Bit by bit, but for errors, which are stored squared."""
    path = tmp_path_factory.getbasetemp() / "written.root"
    write_histograms(path, written)
    with HistogramFiles() as files:
        for name, h in written.items():
            own = files.get(path, "", name)
            assert (own.contents, own.edges) == (h.contents, h.edges)
            if h.errors is None:
                assert own.errors is None
            else:
                assert own.errors == pytest.approx(h.errors, rel=1e-15, abs=0.0)


def test_uproot_reads_what_is_written(tmp_path):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    with uproot.open(tmp_path / "data.root") as file:
        assert file.classnames() == {f"{name};1": f"TH{len(h.edges)}D" for name, h in HISTOGRAMS.items()}
        h = file["errors"]
        assert h.values().tolist() == [0.0, 1e-300, -2.0]
        assert h.errors().tolist() == [0.3, 0.0, 1.7]
        assert h.axis().edges().tolist() == list(EDGES)
        assert len(file["plain"].member("fSumw2")) == 0
        flat, solid = file["flat"], file["solid"]
        assert flat.values().tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
        assert flat.errors().tolist() == [[0.1, 0.3], [0.0, 0.4], [2.0, 0.5]]
        assert solid.values()[1, 2, 0] == 1.0 + 2.0 * 2.0
        assert solid.values()[0, 1, 1] == 2.0 + 6.0
        for name, written in HISTOGRAMS.items():
            h = file[name]
            assert h.values().T.ravel().tolist() == list(written.contents)
            for axis, edges in zip(h.axes, written.edges, strict=True):
                assert list(axis.edges()) == pytest.approx(edges, rel=1e-15)
            assert h.member("fEntries") == len(written.contents)
            assert h.member("fTsumw2") == pytest.approx(sum(e * e for e in written.bin_errors))
            check_moments(h, written)


def check_moments(h, written):
    """The sums of w, w x, w x y and so on over the centres of the bins, as ROOT's statistics have them."""
    centres = [(np.array(e[1:]) + np.array(e[:-1])) / 2 for e in written.edges]
    grid = np.meshgrid(*centres, indexing="ij")
    x, y, z = [*grid, None, None][:3]
    w = h.values()
    expected = {"fTsumw": 1.0, "fTsumwx": x, "fTsumwx2": x * x}
    if y is not None:
        expected |= {"fTsumwy": y, "fTsumwy2": y * y, "fTsumwxy": x * y}
    if z is not None:
        expected |= {"fTsumwz": z, "fTsumwz2": z * z, "fTsumwxz": x * z, "fTsumwyz": y * z}
    for member, factor in expected.items():
        assert h.member(member) == pytest.approx((w * factor).sum()), member


def test_the_file_describes_its_classes_as_uproot_does(tmp_path):
    """Names, types, sizes and order of all members; what else uproot writes are remarks."""

    def described(file):
        return {
            (s.name, s.class_version, s.member("fCheckSum")): [
                {k: v for k, v in e.all_members.items() if not k.startswith("@") and k not in ("fTitle", "fMaxIndex")}
                for e in s.elements
            ]
            for versions in file.file.streamers.values()
            for s in versions.values()
        }

    write_histograms(tmp_path / "own.root", HISTOGRAMS)
    with uproot.recreate(tmp_path / "uproot.root") as file, uproot.open(tmp_path / "own.root") as own:
        for name in ("plain", "flat", "solid"):
            file[name] = own[name].to_hist()
    with uproot.open(tmp_path / "own.root") as own, uproot.open(tmp_path / "uproot.root") as theirs:
        expected = {k: v for k, v in described(theirs).items() if k[0] != "TString"}  # which has no members
        assert described(own) == expected
        for name in ("TH1D", "TH1"):  # the checksums of base classes
            bases = [e for e in own.file.streamer_named(name).elements if e.member("fTypeName") == "BASE"]
            for base in bases:
                if base.member("fName") in own.file.streamers:
                    checksum = own.file.streamer_named(base.member("fName")).member("fCheckSum")
                    assert int(base.member("fMaxIndex")[1]) & 0xFFFFFFFF == checksum


def test_same_histograms_same_bytes(tmp_path):
    write_histograms(tmp_path / "a.root", HISTOGRAMS)
    write_histograms(tmp_path / "b.root", HISTOGRAMS)
    assert (tmp_path / "a.root").read_bytes() == (tmp_path / "b.root").read_bytes()


def test_records_follow_each_other_to_the_end(tmp_path):
    write_histograms(tmp_path / "a.root", HISTOGRAMS)
    data = (tmp_path / "a.root").read_bytes()
    at, end = struct.unpack_from(">ii", data, 8)
    records = 0
    while at < end:
        (size,) = struct.unpack_from(">i", data, at)
        assert size > 0
        assert struct.unpack_from(">i", data, at + 18) == (at,)  # a key knows its place
        at += size
        records += 1
    assert at == end == len(data)
    assert records == len(HISTOGRAMS) + 4  # and the directory, its keys, the streamers, the free segments


def test_no_histograms(tmp_path):
    write_histograms(tmp_path / "a.root", {})
    with uproot.open(tmp_path / "a.root") as file:
        assert file.keys() == []


def test_limits(tmp_path, monkeypatch):
    with pytest.raises(Unsupported, match=r"holds no histogram with a name of 40000 letters: 'n{40}'\.\.\."):
        write_histograms(tmp_path / "a.root", {"n" * 40000: HISTOGRAMS["plain"]})
    monkeypatch.setattr(writing, "_MAX_POSITION", 2000)
    with pytest.raises(Unsupported, match="more than 2 GB"):
        write_histograms(tmp_path / "a.root", HISTOGRAMS)


@pytest.mark.parametrize(("n", "head"), [(3, b"\x03"), (254, b"\xfe"), (255, b"\xff\x00\x00\x00\xff")])
def test_strings(n, head):
    assert string("a" * n) == head + b"a" * n


#: Opens a file in ROOT, prints all that it holds as JSON, adds a histogram to it, and closes it.
IN_ROOT = """
import itertools, json, sys, ROOT
file = ROOT.TFile.Open(sys.argv[1])
assert not file.IsZombie() and not file.TestBit(ROOT.TFile.kRecovered)
found = {}
for key in file.GetListOfKeys():
    h = file.Get(key.GetName())
    axes = [h.GetXaxis(), h.GetYaxis(), h.GetZaxis()][: h.GetDimension()]
    bins = [range(1, a.GetNbins() + 1) for a in axes]
    inner = [i[::-1] for i in itertools.product(*reversed(bins))]
    found[key.GetName()] = {
        "class": key.GetClassName(),
        "contents": [h.GetBinContent(*i) for i in inner],
        "errors": [h.GetBinError(*i) for i in inner],
        "all": sum(h.GetBinContent(i) for i in range(h.GetNcells())),
        "edges": [[a.GetBinLowEdge(i) for i in range(1, a.GetNbins() + 2)] for a in axes],
        "stored": h.GetSumw2N() > 0, "entries": h.GetEntries(), "mean": h.GetMean(), "integral": h.Integral(),
    }
assert file.GetStreamerInfoList().GetSize() == 18
file.Close()
file = ROOT.TFile.Open(sys.argv[1], "UPDATE")
file.Get("plain").Clone("more").Write()
file.Close()
file = ROOT.TFile.Open(sys.argv[1])
assert file.Get("more").GetBinContent(1) == file.Get("plain").GetBinContent(1)
assert file.GetListOfKeys().GetSize() == len(found) + 1
print(json.dumps(found))
"""


@pytest.mark.root
def test_root_reads_and_extends_what_is_written(warm_root, tmp_path):
    write_histograms(tmp_path / "data.root", HISTOGRAMS)
    command = [warm_root, "-W", "ignore", "-c", IN_ROOT, str(tmp_path / "data.root")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")  # not a word of warning
    found = json.loads(run.stdout)
    assert list(found) == list(HISTOGRAMS)
    for name, h in HISTOGRAMS.items():
        assert found[name]["class"] == f"TH{len(h.edges)}D"
        assert found[name]["contents"] == list(h.contents)
        assert found[name]["errors"] == pytest.approx(h.bin_errors, rel=1e-15)
        assert found[name]["all"] == pytest.approx(sum(h.contents))
        for edges, expected in zip(found[name]["edges"], h.edges, strict=True):
            assert edges == pytest.approx(expected, rel=1e-15)
        assert found[name]["stored"] == (h.errors is not None)
        assert found[name]["entries"] == len(h.contents)
        assert found[name]["integral"] == pytest.approx(sum(h.contents))
