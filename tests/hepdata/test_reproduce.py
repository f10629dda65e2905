"""From the likelihoods of a record to contours."""

import csv
import gzip
import io
import json
import tarfile
import zipfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from hftranslate.batch.options import BatchOptions
from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.hepdata.reproduce import Region, Reproduced, fetched, read_record, reproduce, summary_text
from hftranslate.signal_grid import Patch, PatchSet, PointNames, digest
from hftranslate.signal_grid.scan import scan, scan_from_document
from hftranslate.signal_grid.tasks import ScanSettings
from tests.signal_grid.grid import background, patches

GRID = [(100, 0), (100, 100), (250, 0), (250, 100), (600, 0), (600, 100)]


def record(folder: Path, *, compressed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (("BkgOnly.json", background()), ("patchset.json", patches(GRID).to_document())):
        data = json.dumps(document).encode()
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)
    return folder


def other_background() -> dict[str, Any]:
    document = background()
    document["observations"][0]["data"] = [520]
    return document


def other_patches() -> PatchSet:
    return replace(patches(GRID), digests={"md5": digest(other_background(), "md5")})


# ------------------------------------------------------------------------------------------------------------- finding
@pytest.mark.parametrize("compressed", [False, True])
def test_a_folder(compressed: bool, tmp_path: Path) -> None:
    folder = record(tmp_path / "rec", compressed=compressed)
    (folder / "README.md").write_text("{not json")
    (folder / "other.json").write_text("[1, 2]")
    found = read_record(folder)
    [region] = found.regions
    assert region.name == "likelihood"
    assert region.likelihood.document == background()
    assert region.patches == patches(GRID)
    assert [(e.status, e.where) for e in found.entries] == [("warning", "other.json")]


def test_regions_go_by_digest_and_are_named_by_their_folders(tmp_path: Path) -> None:
    record(tmp_path / "rec" / "Region A")
    (tmp_path / "rec" / "sub" / "B").mkdir(parents=True)
    (tmp_path / "rec" / "sub" / "B" / "b.json").write_text(json.dumps(other_background()))
    (tmp_path / "rec" / "p.json").write_text(json.dumps(other_patches().to_document()))
    found = read_record(tmp_path / "rec")
    assert [(r.name, r.likelihood.name, r.likelihood.patchset) for r in found.regions] == [
        ("Region_A", "Region A/BkgOnly.json", "Region A/patchset.json"),
        ("sub_B", "sub/B/b.json", "p.json"),
    ]
    assert found.entries == ()


def test_regions_of_one_folder_have_names_of_their_own(tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    (folder / "b.json").write_text(json.dumps(other_background()))
    (folder / "p.json").write_text(json.dumps(other_patches().to_document()))
    assert [r.name for r in read_record(folder).regions] == ["likelihood_1", "likelihood_2"]


@pytest.mark.parametrize("kind", ["tar.gz", "tar", "zip"])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("top", ["Region", ""])
def test_archives(kind: str, inside: bool, top: str, tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    archive = tmp_path / "download" / f"likelihoods.{kind}"
    archive.parent.mkdir()
    names = {file: f"{top}/{file.name}".lstrip("/") for file in sorted(folder.iterdir())}
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for file, name in names.items():
                packed.write(file, name)
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as tar:
            for file, name in names.items():
                tar.add(file, name)
    [region] = read_record(archive.parent if inside else archive).regions
    assert region.likelihood.document == background()
    assert region.name == (top or ("likelihoods" if inside else "likelihood"))
    assert region.likelihood.name.endswith("BkgOnly.json")


def test_an_archive_for_the_upload_has_another_in_it(tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    inner, outer = tmp_path / "Likelihoods.tar.gz", tmp_path / "upload.tar.gz"
    for archive, files in ((inner, sorted(folder.iterdir())), (outer, [inner])):
        with tarfile.open(archive, "w:gz") as tar:
            for file in files:
                tar.add(file, file.name)
    [region] = read_record(outer).regions
    assert region.likelihood.name == "Likelihoods.tar.gz/BkgOnly.json"
    folder.joinpath(inner.name).write_bytes(inner.read_bytes())
    [region] = read_record(folder).regions  # unpacked beside its archive: one likelihood
    assert region.likelihood.name == "BkgOnly.json"


def test_names_of_regions_never_meet(tmp_path: Path) -> None:
    for i, name in enumerate(("a/b", "a_b", "a_b_2", "A_b_1")):
        document = {**background(), "observations": [{"name": "CR", "data": [i]}, {"name": "SR", "data": [1, i]}]}
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "BkgOnly.json").write_text(json.dumps(document))
        (folder / "p.json").write_text(
            json.dumps(replace(patches(GRID), digests={"md5": digest(document, "md5")}).to_document())
        )
    names = [r.name for r in read_record(tmp_path).regions]
    assert len({name.casefold() for name in names}) == len(names) == 4
    assert {"a_b_2", "A_b_1"} < set(names)


def test_loose_patches_have_their_values_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "BkgOnly.json").write_text(json.dumps(background()))
    for patch in patches(GRID):
        (tmp_path / f"patch.{patch.name}.json").write_text(json.dumps(patch.operations))
    [region] = read_record(tmp_path).regions
    assert region.patches.labels == ("file",)
    names = PointNames.compiled(r"_(?P<m1>\d+)_(?P<m2>\d+)$")
    [region] = read_record(tmp_path, names).regions
    assert region.patches.labels == ("m1", "m2")
    assert sorted(p.values for p in region.patches) == sorted(GRID)
    assert region.patches.named("patch_sig_100_0").operations == patches(GRID).named("sig_100_0").operations
    with pytest.raises(InputError, match="is not found in its name"):
        read_record(tmp_path, PointNames.compiled(r"(?P<m1>[0-9]+)GeV"))
    folder = record(tmp_path / "with a set")
    assert read_record(folder, names).regions[0].patches == patches(GRID)


def test_what_holds_no_likelihood(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no such folder or archive"):
        read_record(tmp_path / "nowhere")
    (tmp_path / "some.json").write_text("{}")
    with pytest.raises(MissingInput, match="there is no likelihood with signals: no workspaces and no patches"):
        read_record(tmp_path)
    with pytest.raises(FormatError, match=r"some\.json"):
        read_record(tmp_path / "some.json")
    (tmp_path / "p.json").write_text(json.dumps(patches(GRID).to_document()))
    with pytest.raises(MissingInput, match=r"p\.json: there is no workspace in the archive"):
        read_record(tmp_path)


def test_a_hostile_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("../evil.json")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    with pytest.raises(InputError, match="evil"):
        read_record(archive)
    assert not (tmp_path.parent / "evil.json").exists()


# --------------------------------------------------------------------------------------------------------- reproducing
def test_scan_table_contour_and_pictures(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    done = reproduce(region, tmp_path / "out" / "deep")
    assert done.scan == scan(background(), patches(GRID))
    written = {f.name: f for f in done.files}
    assert set(written) == {"check.json", "scan.json", "scan.csv", "contour.json", "contour.pdf", "contour.png"}
    assert {f.name for f in (tmp_path / "out" / "deep").iterdir()} == set(written)
    assert scan_from_document(json.loads(written["scan.json"].read_text())) == done.scan
    assert len(list(csv.reader(written["scan.csv"].read_text().splitlines()))) == 7
    assert json.loads(written["contour.json"].read_text())["contours"]["observed"]
    assert written["contour.pdf"].read_bytes().startswith(b"%PDF")
    text = summary_text(done)
    excluded = sum(p.result["CLs_obs"] <= 0.05 for p in done.scan.points)
    assert 0 < excluded < 6
    assert f"excluded    {excluded} at 95% CL" in text
    assert "likelihood: 6 of 6 points in m1, m2" in text
    assert "6 patches of 6 apply and add a signal" in text
    assert json.loads(written["check.json"].read_text())["passed"]


def test_an_interrupted_scan_goes_on(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions

    def interrupted(step: str, done: int, total: int) -> None:
        if step == "points" and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(region, tmp_path / "out", batch=BatchOptions(progress=interrupted))
    [kept] = (tmp_path / "out").iterdir()
    assert len(kept.read_text().splitlines()) == 5
    totals: set[tuple[str, int]] = set()
    watched = BatchOptions(progress=lambda step, done, total: totals.add((step, total)))
    reproduce(region, tmp_path / "out", pictures=(), batch=watched)
    assert ("points", 2) in totals
    assert ("points", 6) not in totals
    assert not kept.exists()


def test_limits(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    by_limit = reproduce(region, tmp_path / "limit", ScanSettings(what="limit"), pictures=())
    by_cls = reproduce(region, tmp_path / "cls", pictures=())

    def excluded(done: Reproduced) -> list[str]:
        return [line for line in summary_text(done).splitlines() if "excluded  " in line]

    assert len(excluded(by_limit)) == 1
    assert excluded(by_limit) == excluded(by_cls)


def test_points_without_a_plane_and_points_that_fail(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    bad = Patch(name="bad", values=(1, 1), operations=[{"op": "remove", "path": "/channels/9"}])
    few = with_patches(region, (*region.patches.patches[:2], bad))
    done = reproduce(few, tmp_path / "out", pictures=("png",))
    text = summary_text(done)
    assert "no contour: 2 points make no plane" in text
    assert "failed      bad: operation 0" in text
    assert "error       patch: 1 of 3 patches (bad)" in text
    assert {f.name for f in done.files} == {"check.json", "scan.json", "scan.csv"}
    nothing = reproduce(with_patches(region, (bad,)), tmp_path / "none")
    assert "no contour: the scan has no point with a result" in summary_text(nothing)


def test_pictures_of_another_record_do_not_stay(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    reproduce(region, tmp_path / "out", pictures=("png",))
    assert (tmp_path / "out" / "contour.png").is_file()
    reproduce(with_patches(region, region.patches.patches[:1]), tmp_path / "out", pictures=("png",))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["check.json", "scan.csv", "scan.json"]


def test_without_the_measurement_nothing_is_written(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    with pytest.raises(MissingInput, match="no measurement 'other'"):
        reproduce(region, tmp_path / "out", ScanSettings(measurement="other"))
    assert not (tmp_path / "out").exists()


def with_patches(region: Region, chosen: tuple[Patch, ...]) -> Region:
    fewer = replace(region.patches, patches=chosen)
    return replace(region, patches=fewer, likelihood=replace(region.likelihood, patches=fewer))


def test_patches_of_another_background_are_not_scanned(tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    (folder / "BkgOnly.json").write_text(json.dumps(other_background()))
    [region] = read_record(folder).regions
    with pytest.raises(InputError, match=r"BkgOnly\.json: patchset\.json: its sha256 is"):
        reproduce(region, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------------ fetching
def test_records_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Done:
        folder = tmp_path / "out" / "record-10.17182-hepdata.1.v1-r1"

    def download(source: str, folder: Path, *, progress: Any) -> Any:
        asked.append(source)
        assert folder == Done.folder
        record(folder)
        return Done

    monkeypatch.setattr(import_module("hftranslate.hepdata.reproduce"), "download", download)
    for _ in range(2):
        assert fetched("10.17182/hepdata.1.v1/r1", tmp_path / "out") == Done.folder
    assert asked == ["10.17182/hepdata.1.v1/r1"]
    assert read_record(Done.folder).regions


def test_what_is_neither_here_nor_a_record(tmp_path: Path) -> None:
    assert fetched(str(tmp_path), tmp_path / "out") == tmp_path
    with pytest.raises(MissingInput, match=r"nowhere: no such folder or archive here, and .* is no DOI"):
        fetched("nowhere", tmp_path)
