"""From the likelihoods of a published record to exclusion contours.

A record is a folder or an archive with background-only workspaces and patch sets, whatever they are called and however
deep they lie. Which patch set belongs to which workspace is said by the digests in it.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from hftranslate.batch.executors import settled
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.progress import Progress, silent
from hftranslate.display import csv_text, terminal
from hftranslate.errors import InputError, MissingInput
from hftranslate.formats.files import Content, write_files
from hftranslate.formats.json_text import dump_json
from hftranslate.hepdata.archives import unpack
from hftranslate.hepdata.check_likelihood import likelihood_entries
from hftranslate.hepdata.check_report import check_document
from hftranslate.hepdata.contents import Likelihood, contents_of, with_values
from hftranslate.hepdata.download import address_of, download
from hftranslate.hepdata.entries import CheckReport, Entry
from hftranslate.signal_grid import PatchSet, PointNames, digest
from hftranslate.signal_grid.contour import Interpolation, contour_document, take_slice
from hftranslate.signal_grid.scan import Scan, scan, scan_task
from hftranslate.signal_grid.smoothing import USUAL
from hftranslate.signal_grid.tasks import Background, ScanSettings

#: What a scan cannot go on from; a patch that is wrong, say, fails alone.
_STOPPING = {"schema", "model", "digest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A background-only workspace of a record with its patches.

    Attributes
    ----------
    name
        the folder that it lies in, with underscores for slashes; unique in the record.
    likelihood
        the workspace and the patch set.
    """

    name: str
    likelihood: Likelihood = field(repr=False)
    patches: PatchSet = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The likelihoods of a record, and what was found wrong while they were looked for."""

    regions: tuple[Region, ...]
    entries: tuple[Entry, ...] = ()


# ------------------------------------------------------------------------------------------------------------- finding
def fetched(what: str, directory: Path, progress: Progress = silent) -> Path:
    """The folder or archive of a record: as it is where it lies here, else downloaded.

    Parameters
    ----------
    what
        a folder, an archive, or a DOI, address or number of a record (``ins1755298``).
    directory
        where a download goes; what was downloaded there before is taken again.

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
        return target
    return download(what, target, progress=progress).folder


def read_record(path: Path, names: PointNames | None = None) -> Record:
    """The likelihoods in a folder or an archive; archives in it are looked into. What lies there twice is taken once.

    Parameters
    ----------
    path
        the folder or the archive.
    names
        how values are found in the names of loose patches, which older records have instead of patch sets.

    Returns
    -------
    Record
        the regions that were found in it.

    Raises
    ------
    MissingInput
        There is no such folder, or no workspace with patches in it.
    UnsafeInput, FormatError
        An archive holds what could do harm, or is damaged.
    InputError
        The names of loose patches do not follow the pattern.
    """
    with tempfile.TemporaryDirectory() as scratch:
        if path.is_file():
            unpack(path, Path(scratch) / "record")
        elif not path.is_dir():
            raise MissingInput(f"{path}: no such folder or archive")
        contents = contents_of(Path(scratch) / "record" if path.is_file() else path)
    entries = tuple(e for e in contents.entries if e.check not in ("private", "junk"))
    found: list[tuple[Likelihood, PatchSet]] = []
    for one in contents.likelihoods:
        if one.patches is not None and not any(one.document == x.document and one.patches == p for x, p in found):
            found.append((one, one.patches))
    if not found:
        wrong = "; ".join(f"{e.where}: {e.what}" for e in entries if e.status == "error")
        n = len(contents.likelihoods)
        what = wrong or f"{n or 'no'} workspace{'' if n == 1 else 's'} and no patches (patchset create makes them)"
        raise MissingInput(f"{path}: there is no likelihood with signals: {what}")
    if names is not None:
        found = [(x, with_values(patches, names)) for x, patches in found]
    several = [x.name for x, _ in found]
    taken = _unique([_region_name(x.region, x.patchset if several.count(x.name) > 1 else "") for x, _ in found])
    regions = [
        Region(name=name, likelihood=x, patches=patches) for name, (x, patches) in zip(taken, found, strict=True)
    ]
    return Record(regions=tuple(regions), entries=entries)


def _region_name(folder: str, patchset: str = "") -> str:
    """The name of a folder, and of a patch set where the workspace has several."""
    name = "_".join([folder, Path(patchset).name.split(".")[0]] if patchset else [folder])
    return re.sub(r"[^\w.-]+", "_", name.replace("/", "_")).strip("_.") or "likelihood"


def _unique(names: Sequence[str]) -> list[str]:
    """Names of folders that differ, in more than case: those that appear more than once get a number."""
    plain = [name.casefold() for name in names]
    taken = {name for name in plain if plain.count(name) == 1}
    found = []
    for name in names:
        numbered = (f"{name}_{i}" for i in count(1))
        chosen = name if name.casefold() in taken else next(n for n in numbered if n.casefold() not in taken)
        taken.add(chosen.casefold())
        found.append(chosen)
    return found


# --------------------------------------------------------------------------------------------------------- reproducing
@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """A region with what its check says, its scan, and the files that were written."""

    region: Region
    report: CheckReport
    scan: Scan
    files: tuple[Path, ...]
    remarks: tuple[str, ...] = ()


def check_region(region: Region, progress: Progress = silent) -> CheckReport:
    """What is right and wrong about a likelihood before its points are computed."""
    return CheckReport(folder=region.name, entries=likelihood_entries(region.likelihood, progress).entries)


def reproduce(
    region: Region,
    directory: Path,
    settings: ScanSettings | None = None,
    *,
    interpolation: Interpolation = USUAL,
    pictures: tuple[str, ...] = ("pdf", "png"),
    batch: BatchOptions = DEFAULT_BATCH,
) -> Reproduced:
    """Check a region, scan it and draw its contour.

    Parameters
    ----------
    region
        the likelihood with its patch set.
    directory
        where ``check.json``, ``scan.json``, ``scan.csv``, ``contour.json`` and the pictures go; it is made where it is
        not there. An interrupted scan leaves a file there from which the next one goes on.
    settings
        how points are tested; asymptotically with ``"qtilde"`` by default.
    interpolation
        between the points of the contour.
    pictures
        the endings of the pictures.
    batch
        where the points are computed, and who listens; what keeps them is in ``directory`` unless it says another file.

    Returns
    -------
    Reproduced
        with a remark in place of the contour where the points make none.

    Raises
    ------
    InputError
        The check finds that workspace and patches do not belong together, or that the workspace is no model; or it has
        no such measurement.
    """
    report = check_region(region, batch.progress)
    for entry in report.of("error"):
        if entry.check in _STOPPING:
            raise InputError(f"{entry.where}: {entry.what}")
    chosen = settings or ScanSettings()
    document = region.likelihood.document
    Background(document).workspace.measurement(chosen.measurement)  # else nothing is written
    directory.mkdir(parents=True, exist_ok=True)
    task = scan_task(document, region.patches, chosen)
    kept = batch.resume or directory / f"scan-{digest(task)[:12]}.jsonl"
    done = scan(document, region.patches, chosen, batch=replace(batch, resume=kept))
    texts: dict[str, Content] = {
        "scan.json": dump_json(done.to_document()),
        "scan.csv": csv_text(done.rows()),
        "check.json": dump_json(check_document(report)),
    }
    remarks: tuple[str, ...] = ()
    of_contour: dict[str, Content] = {}
    try:
        from hftranslate.plots import PlotOptions, picture
        from hftranslate.plots.contour import contour as draw

        plane = take_slice(done)
        figure = draw(plane, interpolation=interpolation, options=PlotOptions(title=region.patches.description))
        of_contour["contour.json"] = dump_json(contour_document(plane, interpolation))
        of_contour |= {name: picture(figure, name) for name in (f"contour.{ending}" for ending in pictures)}
    except InputError as error:
        remarks = (f"no contour: {error}",)
    # a contour of an earlier record does not belong to this one
    gone = dict.fromkeys(("contour.json", *(f"contour.{ending}" for ending in pictures)))
    write_files({directory / name: content for name, content in {**texts, **gone, **of_contour}.items()})
    if batch.resume is None:
        kept.unlink(missing_ok=True)
    files = tuple(directory / name for name in (*texts, *of_contour))
    return Reproduced(region=region, report=report, scan=done, files=files, remarks=remarks)


def reproduce_record(
    record: Record,
    directory: Path,
    settings: ScanSettings | None = None,
    *,
    interpolation: Interpolation = USUAL,
    batch: BatchOptions = DEFAULT_BATCH,
) -> Iterator[tuple[Region, Reproduced | InputError]]:
    """:func:`reproduce` each region of a record, in a folder of its own where there are several.

    Parameters
    ----------
    record
        the regions.
    directory
        where results go, in a folder of each region where there are several.
    settings
        how points are tested; asymptotically with ``"qtilde"`` by default.
    interpolation
        between the points of the contours.
    batch
        where the points are computed, and who listens.

    Yields
    ------
    tuple
        the region and what came out of it, or why nothing did.

    Raises
    ------
    InputError
        The folder cannot be made. What is wrong with a region is yielded with it.
    """
    with settled():
        for region in record.regions:
            folder = directory / region.name if len(record.regions) > 1 else directory
            try:
                yield region, reproduce(region, folder, settings, interpolation=interpolation, batch=batch)
            except InputError as error:
                yield region, error


def summary_text(found: Reproduced) -> str:
    """What came out, for people: how many points are excluded, observed and expected, and which failed.

    Of what the check warns of it gives the headlines; all of it is in the report.
    """
    region, done = found.region, found.scan
    warnings = found.report.of("error", "warning")
    lines = [
        f"{region.name}: {len(done.points)} of {len(region.patches)} points in {', '.join(done.labels)}",
        f"  background  {region.likelihood.name}",
        f"  patches     {region.likelihood.patchset}",
        f"  check       {'; '.join(f'{e.check}: {e.what}' for e in found.report.of('passed'))}",
        *(f"  {e.status:10}  {e.check}: {e.what.split(': ')[0]}" for e in warnings),
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
    return "\n".join(map(terminal, lines)) + "\n"
