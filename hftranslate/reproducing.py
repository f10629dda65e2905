"""From the likelihoods of a published record to exclusion contours.

A record is a folder or an archive with background-only workspaces and patch sets, whatever they are called and however
deep they lie. Which patch set belongs to which workspace is said by the digests in it.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from hftranslate.contour import Interpolation, contour_document, take_slice
from hftranslate.errors import FormatError, HFTranslateError, InputError, MissingInput, UnsafeInput
from hftranslate.formats import pyhf_json
from hftranslate.formats.documents import MAX_BYTES, decompressed, dump_json, parse_json, read_bytes
from hftranslate.journal import Journal
from hftranslate.patchset import PatchSet, digest
from hftranslate.patchset.document import from_document
from hftranslate.progress import Progress, silent
from hftranslate.scanning import Scan, ScanSettings, csv_text, scan, scan_task
from hftranslate.translate import write_texts

#: So many files of a record are looked at, and so many bytes of all of them together.
MAX_FILES = 10_000
MAX_TOTAL = 1 << 30
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

    Nothing is unpacked to the disk.

    Raises
    ------
    MissingInput
        There is no such folder, or no patch set with its workspace in it.
    InputError
        A patch set or an archive is damaged.
    UnsafeInput
        There is more in it than any record has.
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
    count = total = 0
    for name, data in _files(path):
        count, total = count + 1, total + len(data)
        if count > MAX_FILES or total > MAX_TOTAL:
            raise UnsafeInput(f"{path}: more than {MAX_FILES} files or {MAX_TOTAL} bytes of JSON; refused")
        yield name, data


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_file():
        yield from _in_archive(path, "")
        return
    if not path.is_dir():
        raise MissingInput(f"{path}: no such folder or archive")
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        name = file.relative_to(path).as_posix()
        if name.lower().endswith(_JSON):
            yield name, read_bytes(file)
        elif name.lower().endswith(_ARCHIVES):
            yield from _in_archive(file, f"{name}/")


def _in_archive(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    try:
        if zipfile.is_zipfile(path):
            yield from _in_zip(path, prefix)
        elif tarfile.is_tarfile(path):
            yield from _in_tar(path, prefix)
        else:
            raise FormatError(f"{path} is neither a folder nor a zip or tar archive")
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, RuntimeError) as error:
        raise FormatError(f"{path}: damaged archive: {error}") from None


def _in_zip(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and _wanted(member.filename):
                _check_size(path, member.filename, member.file_size)
                with archive.open(member) as stream:
                    data = stream.read(MAX_BYTES + 1)
                _check_size(path, member.filename, len(data))
                yield prefix + member.filename, decompressed(data, f"{path}/{member.filename}")


def _in_tar(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() and _wanted(member.name) else None
            if stream is not None:
                _check_size(path, member.name, member.size)
                yield prefix + member.name, decompressed(stream.read(), f"{path}/{member.name}")


def _wanted(name: str) -> bool:
    file = PurePosixPath(name).name
    return file.lower().endswith(_JSON) and not file.startswith("._")  # those are notes of macOS about files


def _check_size(path: Path, name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise UnsafeInput(f"{path}, {name}: larger than {MAX_BYTES} bytes; refused")


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
    lines += [f"  failed      {f.name}: {f.reason}" for f in done.failed]
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
    MissingInput
        There is no such folder, and it looks like no record.
    """
    if Path(what).exists():
        return Path(what)
    if not what.startswith(("https://", "http://", "doi:", "10.", "ins")):
        raise MissingInput(
            f"{what}: no such folder or archive; a record is given as DOI (10.17182/hepdata...), address or ins1234567"
        )
    try:
        from hftranslate.hepdata.download import download
    except ImportError as error:
        raise HFTranslateError(f"{what} cannot be downloaded: {error}") from None
    target = directory / "record"
    download(what, target)
    return target
