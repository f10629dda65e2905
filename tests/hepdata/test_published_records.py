"""Bundles of published likelihoods: made, checked, and broken as published patches have been."""

import gzip
import io
import json
import shutil
import tarfile

import pytest

from hftranslate.errors import VerificationFailed
from hftranslate.hepdata.archives import pack, unpack
from hftranslate.hepdata.bundle import make_bundle, write_bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.regions import read_region
from hftranslate.signal_grid import Signal, create
from hftranslate.signal_grid.scan import scan

SBOTTOM = {"RegionA": "RegionA_sbottom_1200_1150_60", "RegionC": "RegionC_sbottom_600_280_150"}


@pytest.fixture(scope="module")
def sbottom(shared, tmp_path_factory):
    """A submission of two regions of the sbottom multi-b search, with the CLs of one signal each."""
    folder = tmp_path_factory.mktemp("sbottom")
    regions = []
    for name, patch in SBOTTOM.items():
        text = gzip.decompress((shared / f"workspaces/ATLAS-SUSY-2018-31/{name}/BkgOnly.json.gz").read_bytes())
        operations = json.loads((shared / f"patches/ATLAS-SUSY-2018-31/{patch}.json").read_bytes())
        (folder / f"{name}.json").write_bytes(text)
        background = json.loads(text)
        values = tuple(int(v) for v in patch.split("_")[2:])
        applied = read_applied(background, operations)
        signal = Signal(source=patch, name=patch, values=values, document=applied)
        patches = create(background, [signal], labels=("m_b", "m_2", "m_1"), reference="ins1748602")
        (folder / f"{name}_patchset.json").write_text(json.dumps(patches.to_document()))
        scans = (scan(background, patches),)
        regions.append(read_region(name, folder / f"{name}.json", folder / f"{name}_patchset.json", scans))
    write_bundle(make_bundle(regions), folder / "out")
    return folder / "out"


def read_applied(background, operations):
    from hftranslate.formats.json_patch import patched

    return patched(background, operations)


def test_the_sbottom_record_is_good(sbottom):
    report = check(sbottom)
    assert report.of("error") == ()
    passed = {(e.check, e.where) for e in report.of("passed")}
    assert {("table", "table 'CLs, RegionA'"), ("table", "table 'CLs, RegionC'"), ("readme", "README.md")} <= passed
    assert {e.what for e in report.of("note") if e.check == "patch"} == {
        "1 of 1 patches (RegionA_sbottom_1200_1150_60): removes channels: VRtt_meff",
        "1 of 1 patches (RegionC_sbottom_600_280_150): removes channels: VRzAlt_cuts, VRtt_cuts, VRz_cuts",
    }


def test_a_patch_with_wrong_indices_is_found(shared, sbottom, tmp_path):
    """It applies and builds, but takes a background sample away where a channel was meant."""
    unpack(sbottom / "Likelihoods.tar.gz", tmp_path / "in")
    (tmp_path / "in" / "RegionA" / "patchset.json").unlink()
    shutil.copy(shared / "broken/patches/MA5_RegionA_sig.json", tmp_path / "in" / "RegionA")
    (problem,) = check(tmp_path / "in", points=0).of("error")
    assert problem.where == "RegionA/*"
    assert "removes background samples: diboson of VRtt_meff, diboson of CRtt_meff" in problem.what


def test_a_table_of_another_region_is_found(sbottom, tmp_path):
    shutil.copytree(sbottom, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "Likelihoods.tar.gz") as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive}
    swapped = {
        n.replace("RegionA", "X").replace("RegionC", "RegionA").replace("X", "RegionC"): d for n, d in files.items()
    }
    (tmp_path / "out" / "Likelihoods.tar.gz").write_bytes(pack(swapped))
    problems = {(e.check, e.where) for e in check(tmp_path / "out", validator=False).of("error")}
    assert ("yields", "table 'Yields, RegionA'") in problems
    assert ("readme", "README.md") in problems


def test_a_patch_set_made_for_the_full_likelihood_is_refused_for_the_simplified_one(shared, tmp_path):
    with pytest.raises(VerificationFailed, match="but the patch set was made for"):
        read_region(
            "",
            shared / "workspaces/ATLAS-SUSY-2019-08/simplified/BkgOnly.json",
            shared / "patchsets/ATLAS-SUSY-2019-08/simplified_patchset.json.gz",
        )


@pytest.mark.slow
def test_the_whole_1lbb_record_passes(shared, tmp_path):
    region = read_region(
        "",
        shared / "workspaces/ATLAS-SUSY-2019-08/BkgOnly.json.gz",
        shared / "patchsets/ATLAS-SUSY-2019-08/patchset.json.gz",
    )
    made = make_bundle([region])
    assert sum(map(len, made.files.values())) < 3_000_000
    with tarfile.open(fileobj=io.BytesIO(made.files[made.archive])) as archive:
        assert archive.getmember("patchset.json").size > 50_000_000
    write_bundle(made, tmp_path / "out")
    report = check(tmp_path / "out", points=1)
    assert report.passed
    assert any(e.what == "125 patches of 125 apply and add a signal" for e in report.of("passed"))
