"""Archives laid out as in practice, with made-up content: each finds its way through check and reproduce."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.errors import MissingInput
from hftranslate.hepdata.archives import pack
from hftranslate.hepdata.bundle import make_bundle, write_bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.check_points import Hints
from hftranslate.hepdata.regions import read_region
from hftranslate.hepdata.reproduce import read_record
from hftranslate.signal_grid import PointNames
from hftranslate.signal_grid.scan import scan
from tests.hepdata import likelihoods

B, P = likelihoods.BACKGROUND, likelihoods.patchset()
OTHER = {**B, "observations": [{"name": "SR", "data": [50.0, 31.0, 11.0]}, B["observations"][1]]}
P_OTHER = likelihoods.patchset(OTHER)
MORE = {**P, "metadata": {**P["metadata"], "description": "others"}, "patches": P["patches"][:2]}
FULL = json.loads(json.dumps(B))
FULL["channels"][0]["samples"].append(likelihoods.signal(6.0)[0]["value"])
LOOSE = {f"{name}.json": patch["patch"] for name, patch in zip(likelihoods.SIGNALS, P["patches"], strict=True)}


def tar(files, mode="w:gz"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def text(documents):
    return {n: d if isinstance(d, bytes) else json.dumps(d).encode() for n, d in documents.items()}


PAIR = {"BkgOnly.json": B, "patchset.json": P}
#: The files of an archive, and for each likelihood how many signals it has.
LAYOUTS = {
    "two files": (PAIR, [3]),
    "other names": ({"bkg_workspace.json": B, "signals.json": P}, [3]),
    "a folder at the top": ({f"Likelihoods/{n}": d for n, d in PAIR.items()}, [3]),
    "deep folders": ({f"a/b/c/{n}": d for n, d in PAIR.items()}, [3]),
    "compressed files": ({f"{n}.gz": gzip.compress(json.dumps(d).encode()) for n, d in PAIR.items()}, [3]),
    "a folder for each region": (
        {"A/BkgOnly.json": B, "A/patchset.json": P, "B/BkgOnly.json": OTHER, "B/patchset.json": P_OTHER},
        [3, 3],
    ),
    "regions in one folder, by digest": (
        {"A_bkg.json": B, "A_patches.json": P, "B_bkg.json": OTHER, "B_patches.json": P_OTHER},
        [3, 3],
    ),
    "patch sets in a folder of their own": (
        {"workspaces/A.json": B, "workspaces/B.json": OTHER, "patchsets/B.json": P_OTHER, "patchsets/A.json": P},
        [3, 3],
    ),
    "two patch sets of one workspace": (
        {"BkgOnly.json": B, "Wino_patchset.json": P, "Higgsino_patchset.json": MORE},
        [2, 3],
    ),
    "two patch sets in folders": ({"BkgOnly.json": B, "Wino/patchset.json": P, "Higgsino/patchset.json": MORE}, [2, 3]),
    "loose patches": ({"BkgOnly.json": B, **LOOSE}, [3]),
    "loose patches in a folder": ({"BkgOnly.json": B, **{f"patches/{n}": d for n, d in LOOSE.items()}}, [3]),
    "loose patches of two regions": (
        {
            "A/BkgOnly.json": B,
            **{f"A/{n}": d for n, d in LOOSE.items()},
            "B/BkgOnly.json": OTHER,
            **{f"B/{n}": d for n, d in LOOSE.items()},
        },
        [3, 3],
    ),
    "an archive in the archive": ({"likelihoods.tar.gz": tar(text(PAIR))}, [3]),
    "a zip in the archive": ({"README.txt": b"SR CR", "likelihoods.zip": zipped(text(PAIR))}, [3]),
    "an archive for each region": (
        {"A.tar.gz": tar(text(PAIR)), "B.tar": tar(text({"BkgOnly.json": OTHER, "patchset.json": P_OTHER}), "w")},
        [3, 3],
    ),
    "archives three deep": ({"x.tar.gz": tar({"y.zip": zipped({"z.tar": tar(text(PAIR), "w")})})}, [3]),
    "beside other things": (
        {**PAIR, "slha/a.slha": b"BLOCK MASS", "code.cxx": b"int main() {}", "eff.csv": b"1,2"},
        [3],
    ),
    "with left-overs": (
        {**PAIR, "._BkgOnly.json": b"\0\5\x16\7", "__MACOSX/._patchset.json": b"\0", ".DS_Store": b"\0"},
        [3],
    ),
    "a full model": ({"full.json": FULL}, [0]),
    "full models for each signal": (
        {"s1.json": FULL, "s2.json": {**FULL, "observations": OTHER["observations"]}},
        [0, 0],
    ),
    "a full model beside the pair": ({**PAIR, "full/combined.json": FULL}, [0, 3]),
}


def written(folder, files):
    for name, data in text(files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def submission(folder, archive, name="Likelihoods.tar.gz"):
    folder.mkdir()
    (folder / name).write_bytes(archive)
    record = [
        {"additional_resources": [{"location": name, "type": "HistFactory", "description": "likelihoods"}]},
        {"name": "T", "description": "d", "keywords": [], "data_file": "t.yaml"},
    ]
    (folder / "submission.yaml").write_text("".join(f"---\n{json.dumps(d)}\n" for d in record))
    (folder / "t.yaml").write_text('{"independent_variables": [], "dependent_variables": []}')
    return folder


def signals(report):
    """How many signals of how many were good, for each likelihood that has some."""
    return sorted(int(e.what.split()[0]) for e in report.of("passed") if e.check == "patch")


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("form", ["folder", "tar", "zip"])
def test_every_layout_is_checked_and_reproduced(tmp_path, name, form):
    files, n_signals = LAYOUTS[name]
    if form == "folder":
        folder = record = written(tmp_path / "in", files)
    else:
        folder = record = submission(tmp_path / "in", {"tar": pack, "zip": zipped}[form](text(files)))
    report = check(folder, validator=False)
    assert not report.of("error")
    assert signals(report) == [n for n in n_signals if n]
    names = PointNames.compiled("(?P<m1>[0-9]+)_(?P<m2>[0-9]+)")
    if any(n_signals):
        found = read_record(record, names)
        assert sorted(len(r.patches) for r in found.regions) == [n for n in n_signals if n]
        assert len({r.name for r in found.regions}) == len(found.regions)
    else:
        with pytest.raises(MissingInput, match="patchset create"):
            read_record(record, names)


def test_there_are_twenty():
    assert len(LAYOUTS) >= 20


# ------------------------------------------------------------------------------------------------ of bundles, and back
def grid(name, yields):
    """A patch set on the same workspace with other masses."""
    patches = [
        {"metadata": {"name": f"{name}_{m}", "values": [m, 50]}, "patch": likelihoods.signal(n)}
        for m, n in yields.items()
    ]
    return {**P, "metadata": {**P["metadata"], "description": name}, "patches": patches}


def test_two_patch_sets_of_one_workspace_come_back_from_a_bundle(tmp_path):
    sets = {"Wino": grid("wino", {300: 12.0, 400: 6.0}), "Higgsino": grid("higgsino", {300: 4.0, 400: 2.0})}
    paths = [tmp_path / f"{n}.json" for n in ("bkg", *sets)]
    for path, document in zip(paths, (B, *sets.values()), strict=True):
        path.write_text(json.dumps(document))
    plain = read_region("", paths[0], paths[1:])
    assert list(plain.patchsets) == ["Wino.json", "Higgsino.json"]
    scans = tuple(scan(B, patches) for patches in plain.patchsets.values())
    write_bundle(make_bundle([read_region("", paths[0], paths[1:], scans)]), tmp_path / "out")
    report = check(tmp_path / "out")
    assert report.passed
    assert not report.of("warning")
    agree = [e.where for e in report.of("passed") if "CLs of 2 points agree" in e.what]
    assert agree == ["table 'CLs, Higgsino'", "table 'CLs, Wino'"]
    assert any(e.what == "says what the models are" for e in report.entries)
    text_of = (tmp_path / "out" / "cls_Wino.yaml").read_text()
    (tmp_path / "out" / "cls_Wino.yaml").write_text(text_of.replace("value: 0.", "value: 0.1", 1))
    (wrong,) = check(tmp_path / "out", validator=False).of("error")
    assert wrong.where == "table 'CLs, Wino'"


def test_the_command_takes_several_patch_sets(tmp_path):
    written(tmp_path, {"bkg.json": B, "wino.json": P, "higgsino.json": MORE})
    arguments = ["hepdata", "bundle", tmp_path / "out", "--licence", "cc0", "--region"]
    arguments.append(f"A={tmp_path}/bkg.json,{tmp_path}/wino.json,{tmp_path}/higgsino.json")
    CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False, standalone_mode=False)
    with tarfile.open(tmp_path / "out" / "Likelihoods.tar.gz") as archive:
        assert archive.getnames() == ["A/BkgOnly.json", "A/higgsino.json", "A/wino.json", "README.md"]
        readme = archive.extractfile("README.md").read().decode()
    assert "- `A/higgsino.json`: the patch set of region A: 2 signals in m1, m2" in readme
    assert "- signals: 2 in `higgsino.json`" in readme


def test_a_full_model_is_called_so(tmp_path):
    written(tmp_path, {"full.json": FULL})
    region = read_region("", tmp_path / "full.json")
    write_bundle(make_bundle([region]), tmp_path / "out")
    assert region.file == "Workspace.json"
    with tarfile.open(tmp_path / "out" / "Likelihoods.tar.gz") as archive:
        readme = archive.extractfile("README.md").read().decode()
    assert "- `Workspace.json`: the full workspace, with its signal in it (`signal`)" in readme
    assert "hftranslate cls Workspace.json" in readme
    report = check(tmp_path / "out")
    assert report.passed
    described = " ".join((tmp_path / "out" / "submission.yaml").read_text().split())
    assert "Workspace.json is the workspace with its signal" in described


def test_loose_patches_are_compared_where_their_names_have_values(tmp_path):
    region = likelihoods.region(tmp_path / "in", scans=[likelihoods.scanned()])
    write_bundle(make_bundle([region]), tmp_path / "out")
    files = text({"BkgOnly.json": B, **{f"patch_{n}": d for n, d in LOOSE.items()}, "README.md": b"SR, CR"})
    (tmp_path / "out" / "Likelihoods.tar.gz").write_bytes(pack(files))
    (told,) = (e.what for e in check(tmp_path / "out").of("warning"))
    assert "--values-from REGEX" in told
    report = check(tmp_path / "out", hints=Hints(names=PointNames.compiled("(?P<m1>[0-9]+)_(?P<m2>[0-9]+)")))
    assert not report.of("warning")
    assert any("18 CLs of 3 points agree" in e.what for e in report.of("passed"))
