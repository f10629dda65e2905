"""From the likelihoods of a published record to exclusion contours.

A record is a folder or an archive with background-only workspaces and patch sets, whatever they are called and however
deep they lie. Which patch set belongs to which workspace is said by the digests in it.
"""

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from hftranslate.contour import Interpolation, contour_document, take_slice
from hftranslate.errors import InputError, MissingInput
from hftranslate.formats import pyhf_json
from hftranslate.formats.documents import dump_json, parse_json, read_bytes
from hftranslate.hepdata.archives import unpack
from hftranslate.hepdata.download import address_of, download
from hftranslate.journal import Journal
from hftranslate.patchset import PatchSet, digest
from hftranslate.patchset.document import from_document
from hftranslate.progress import Progress, silent
from hftranslate.scanning import Scan, ScanSettings, csv_text, scan, scan_task
from hftranslate.translate import write_texts

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")
_JSON = (".json", ".json.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A background-only workspace of a record and the patch set that was made for it.

    Attributes
    ----------
    name
        the folder that they lie in, with underscores for slashes; unique in the record.
    background, patchset
        where they lie.
    document, patches
        what they hold.
    """

    name: str
    background: str
    patchset: str
    document: dict[str, Any] = field(repr=False)
    patches: PatchSet = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The likelihoods of a record, and sentences about what in it cannot be used."""

    regions: tuple[Region, ...]
    remarks: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------------------- finding
def read_record(path: Path) -> Record:
    """The likelihoods in a folder or an archive; archives in a folder are looked into.

    Raises
    ------
    MissingInput
        There is no such folder, or no patch set with its workspace in it.
    InputError
        A patch set or an archive is damaged.
    UnsafeInput
        An archive holds what could do harm.
    """
    workspaces: dict[str, tuple[str, dict[str, Any]]] = {}
    sets: list[tuple[str, PatchSet]] = []
    others: list[str] = []
    for name, data in _json_files(path):
        document = parse_json(data, name)
        if isinstance(document, dict) and "patches" in document:
            sets.append((name, from_document(document, name)))
        elif isinstance(document, dict) and {"channels", "observations"} <= document.keys():
            pyhf_json.from_document(document, name)
            workspaces[digest(document)] = (name, document)
            workspaces[digest(document, "md5")] = (name, document)
        else:
            others.append(name)
    remarks, regions = [], []
    for name, patches in sets:
        found = next((workspaces[d.lower()] for d in patches.digests.values() if d.lower() in workspaces), None)
        if found is None:
            remarks.append(f"{name}: no workspace here has the digest that this patch set was made for")
            continue
        regions.append(
            Region(name=_folder(name), background=found[0], patchset=name, document=found[1], patches=patches)
        )
    if not regions:
        what = "; ".join(remarks) or f"no patch set among its {len(workspaces) // 2 + len(others)} JSON files"
        raise MissingInput(f"{path}: there is no likelihood to reproduce: {what}")
    return Record(regions=_with_unique_names(regions), remarks=tuple(remarks))


def _folder(name: str) -> str:
    """A name of a region: the folder of its patch set, below the record."""
    parts = [p for p in PurePosixPath(name).parent.parts if p not in ("/", ".", "..")]
    return "_".join("".join(c if c.isalnum() or c in "-." else "_" for c in part) for part in parts) or "likelihood"


def _with_unique_names(regions: list[Region]) -> tuple[Region, ...]:
    names = [r.name for r in regions]
    if len(set(names)) == len(names):
        return tuple(regions)
    return tuple(
        Region(
            name=f"{r.name}_{PurePosixPath(r.patchset).name.split('.')[0]}_{i}",
            background=r.background,
            patchset=r.patchset,
            document=r.document,
            patches=r.patches,
        )
        for i, r in enumerate(regions)
    )


def _json_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names (below the record, with slashes) and contents of all JSON files, decompressed."""
    if path.is_file():
        yield from _unpacked(path)
        return
    if not path.is_dir():
        raise MissingInput(f"{path}: no such folder or archive")
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        name = file.relative_to(path).as_posix()
        if name.lower().endswith(_JSON):
            if not file.name.startswith("._"):  # those are notes of macOS about files
                yield name, read_bytes(file)
        elif name.lower().endswith(_ARCHIVES):
            for inside, data in _unpacked(file):
                yield f"{name}/{inside}", data


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as scratch:
        unpack(path, Path(scratch) / "record")
        yield from _json_files(Path(scratch) / "record")


# --------------------------------------------------------------------------------------------------------- reproducing
@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """A region with its scan and the files that were written."""

    region: Region
    scan: Scan
    files: tuple[Path, ...]
    remarks: tuple[str, ...] = ()


def reproduce(
    region: Region,
    directory: Path,
    settings: ScanSettings | None = None,
    *,
    interpolation: Interpolation = "linear",
    pictures: tuple[str, ...] = ("pdf", "png"),
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Reproduced:
    """Scan a region and draw its contour.

    Parameters
    ----------
    directory
        where ``scan.json``, ``scan.csv``, ``contour.json`` and the pictures go; it is made where it is not there. An
        interrupted scan leaves a file there from which the next one goes on.
    pictures
        the endings of the pictures.
    executor
        where the points are computed; here by default.

    Returns
    -------
    Reproduced
        with a remark in place of the contour where the points make none.
    """
    chosen = settings or ScanSettings()
    directory.mkdir(parents=True, exist_ok=True)
    task = scan_task(region.document, region.patches, chosen)
    journal = Journal.open(directory / f"scan-{digest(task)[:12]}.jsonl", task)
    done = scan(region.document, region.patches, chosen, executor=executor, progress=progress, journal=journal)
    texts = {
        directory / "scan.json": dump_json(done.to_document()),
        directory / "scan.csv": csv_text(done.rows()),
    }
    remarks: tuple[str, ...] = ()
    drawn: list[Path] = []
    try:
        from hftranslate.plots import save
        from hftranslate.plots_contour import contour as draw

        plane = take_slice(done)
        texts[directory / "contour.json"] = dump_json(contour_document(plane, interpolation))
        figure = draw(plane, interpolation=interpolation, title=region.patches.description)
        for ending in pictures:
            drawn.append(directory / f"contour.{ending}")
            save(figure, drawn[-1])
    except InputError as error:
        remarks = (f"no contour: {error}",)
    write_texts(texts)
    journal.path.unlink()
    return Reproduced(region=region, scan=done, files=(*texts, *drawn), remarks=remarks)


def summary_text(found: Reproduced) -> str:
    """What came out, for people: how many points are excluded, observed and expected, and which failed."""
    region, done = found.region, found.scan
    lines = [
        f"{region.name}: {len(done.points)} of {len(region.patches)} points in {', '.join(done.labels)}",
        f"  background  {region.background} (digest verified)",
        f"  patch set   {region.patchset}: {region.patches.description}",
    ]
    observed, expected = ("CLs_obs", "CLs_exp") if done.what == "cls" else ("observed", "expected")
    limit = done.level if done.what == "cls" else 1.0
    n_observed = sum(p.result[observed] is not None and p.result[observed] <= limit for p in done.points)
    n_expected = sum(p.result[expected][2] is not None and p.result[expected][2] <= limit for p in done.points)
    percent = f"{100.0 * (1.0 - done.level):.4g}%"
    lines.append(f"  excluded    {n_observed} at {percent} CL (expected {n_expected})")
    lines += [f"  failed      {sentence}" for sentence in done.failures()]
    lines += [f"  {remark}" for remark in found.remarks]
    lines.append(f"  written     {', '.join(str(f) for f in found.files)}")
    return "\n".join(lines) + "\n"


def fetched(what: str, directory: Path, progress: Progress = silent) -> Path:
    """The folder or archive of a record: as it is where it lies here, else downloaded.

    Parameters
    ----------
    what
        a folder, an archive, or a DOI, address or number of a record (``ins1755298``).
    directory
        where a download goes.

    Raises
    ------
    InputError
        There is no such folder, and it names no record; or the download fails.
    """
    if Path(what).exists():
        return Path(what)
    try:
        address_of(what)
    except InputError as error:
        raise MissingInput(f"{what}: no such folder or archive here, and {error}") from None
    target = directory / ("record-" + re.sub("[^a-zA-Z0-9.]+", "-", what).strip("-"))
    if target.is_dir() and any(target.iterdir()):
        return target  # fetched before
    return download(what, target, progress=progress).folder
