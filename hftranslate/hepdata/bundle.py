"""A folder ready for upload to HEPData: the likelihood archive, submission.yaml and the tables."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hftranslate.errors import InputError, TranslationLoss, did_you_mean
from hftranslate.formats.files import fresh_folder, naming, write_files
from hftranslate.formats.json_text import dump_json
from hftranslate.hepdata.archives import pack
from hftranslate.hepdata.paper_tables import contour_tables, correlation_table, cross_section_table, signal_tables
from hftranslate.hepdata.presentation import dressed, thumbnail
from hftranslate.hepdata.private import junk, private_texts
from hftranslate.hepdata.readme import readme
from hftranslate.hepdata.regions import README, Region
from hftranslate.hepdata.submission import HS3_TYPE, Record, Resource, hs3_file, submission_documents
from hftranslate.hepdata.tables import MAX_TABLE_BYTES, Table, scan_table, yields_table
from hftranslate.hepdata.yaml_files import yaml_text
from hftranslate.translation.write import to_hs3

#: Largest upload that HEPData takes.
MAX_UPLOAD_BYTES = 52_000_000
SUBMISSION = "submission.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The files of a submission by name, ready to be written; the same input gives the same bytes."""

    files: Mapping[str, bytes]
    archive: str

    def to_document(self) -> dict[str, Any]:
        """Names, sizes and checksums as plain JSON values."""
        return {
            "files": [
                {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for name, data in sorted(self.files.items())
            ],
            "archive": self.archive,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTables:
    """Tables beside those of yields and scans: of signal yields, contours, correlations, and ready ones."""

    signal_yields: bool = False
    contours: bool = False
    correlations: bool = False
    ready: tuple[Table, ...] = ()


def make_bundle(
    regions: Sequence[Region],
    record: Record | None = None,
    *,
    yields: bool = True,
    measurement: str | None = None,
    more: MoreTables | None = None,
    hs3: bool = False,
) -> Bundle:
    """Make a submission of likelihoods.

    Parameters
    ----------
    regions
        one without a name, or several with different names.
    record
        what is said about them.
    yields
        make a table of the yields of each region, after a fit without signal.
    measurement
        which one the yields are of; the first one by default.
    more
        tables beside these.
    hs3
        add each workspace in HS3, as ROOT reads it, as a resource of its own.

    Returns
    -------
    Bundle
        the files of the submission by their names, and remarks.

    Raises
    ------
    TranslationLoss
        HS3 cannot say all of a workspace.
    InputError
        Regions without or with the same names, nothing to make a table of, a size that HEPData refuses, or what is
        private and was not allowed.
    FitFailed
        The fit for the yields does not converge.
    Unsupported
        PyYAML is not installed.
    """
    record = Record() if record is None else record
    _check_names(regions)
    if hs3:
        record = replace(record, resources=(*record.resources, *map(_in_hs3, regions)))
    tables = [yields_table(r, measurement) for r in regions] if yields else []
    tables += [t for r in regions for t in _of_scans(r, contours=more is not None and more.contours)]
    if more is not None:
        tables += [t for r in regions for t in signal_tables(r)] if more.signal_yields else []
        tables += [correlation_table(r, measurement) for r in regions] if more.correlations else []
        tables += more.ready
    _check_labels(record, regions, tables)
    tables = [dressed(t, record) for t in tables]
    if not tables:
        raise InputError("HEPData takes no submission without a table: give a scan, or have the yields made")
    _check_tables(tables)
    contents = {f"{r.folder}{name}": text for r in regions for name, text in r.texts.items()}
    contents[README] = readme(regions, record.title).encode()
    texts = {
        SUBMISSION: yaml_text(submission_documents(record, regions, tables)).encode(),
        **{t.file: yaml_text([t.to_document()]).encode() for t in tables},
    }
    figures = {r.name: r for r in record.figures.values()}
    pictures = (*figures.values(), *map(thumbnail, figures.values()))
    beside = {r.name: r.data for r in (*pictures, *record.resources)}
    if len({name.casefold() for name in (record.archive, *texts, *beside)}) < 1 + len(texts) + len(beside):
        raise InputError("two files of the submission would have one name, in all but case")
    files = {record.archive: pack(contents), **texts, **beside}
    problems = size_problems({name: len(data) for name, data in files.items()})
    if problems:
        raise InputError("; ".join(problems))
    found = [f"{name}: {what}" for name, what in private_texts({**contents, **texts, **beside})]
    found += [f"{name}: it was left behind by a tool" for name in junk(beside)]
    if found and not record.allow_private:
        raise InputError(f"what goes to a public record holds {'; '.join(found)} (--allow-private publishes it)")
    return Bundle(files=files, archive=record.archive)


def _in_hs3(region: Region) -> Resource:
    """The workspace of a region in HS3.

    Raises
    ------
    TranslationLoss
        HS3 cannot say all of it.
    """
    written = to_hs3(region.workspace, measure=False)
    lost = [o for o in written.outcomes if o.kind == "loss"]
    if lost:
        raise TranslationLoss(f"{region.name or 'the workspace'} in HS3 is not exact: {lost[0].where}: {lost[0].what}")
    of_region = f" of the region {region.name}" if region.name else ""
    return Resource(
        name=hs3_file(region.name, region.file),
        data=dump_json(written.document).encode(),
        description=f"{region.file}{of_region}, {'with its' if region.is_full else 'without'} signal, in HS3",
        type=HS3_TYPE,
    )


def _of_scans(region: Region, *, contours: bool) -> Iterator[Table]:
    """Tables of the results at the points of a region, and what is made of them."""
    for scan in region.scans:
        table = scan_table(region, scan)
        yield table
        if scan.what == "limit" and region.cross_sections:
            yield cross_section_table(table, scan, region.cross_sections)
    if contours and region.scans:
        kinds = {region.patchset_of(scan): scan for scan in reversed(region.scans)}  # the first one of each patch set
        for scan in kinds.values():
            try:
                yield from contour_tables(region, scan)
            except InputError as error:
                raise InputError(f"{region.name or 'the scan'} has no contour: {error}; leave --contours out") from None


def _check_names(regions: Sequence[Region]) -> None:
    if not regions:
        raise InputError("there is nothing to bundle: give a workspace")
    names = [r.name.casefold() for r in regions]
    if len(regions) > 1 and (not all(names) or len(set(names)) < len(names)):
        raise InputError(f"several regions need names that differ; found {', '.join(repr(r.name) for r in regions)}")


def _check_labels(record: Record, regions: Sequence[Region], tables: Sequence[Table]) -> None:
    """Refuse a name for what is nowhere: it would be left out in silence."""
    columns = (c.name for t in tables for c in (*t.independent, *t.dependent))
    labels = (label for r in regions for patches in r.patchsets.values() for label in patches.labels)
    samples = (s.name for r in regions for c in r.workspace.channels for s in c.samples)
    known = list(dict.fromkeys([*labels, *samples, *columns]))
    for name in record.labels:
        if name not in known:
            raise InputError(f"there is no label, sample or column {name!r} to name" + did_you_mean(name, known))


def _check_tables(tables: Sequence[Table]) -> None:
    names = [t.name for t in tables]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"two tables would be called {twice[0]!r}; give each region one scan of a kind")


def size_problems(sizes: Mapping[str, int]) -> list[str]:
    """What HEPData refuses about the sizes of the files of a submission (in bytes): a sentence for each."""
    problems = [
        f"{name} has {size} bytes; HEPData takes tables of {MAX_TABLE_BYTES} bytes at most"
        for name, size in sizes.items()
        if name.endswith((".yaml", ".yml")) and size > MAX_TABLE_BYTES
    ]
    total = sum(sizes.values())
    if total > MAX_UPLOAD_BYTES:
        problems.append(
            f"all files together have {total} bytes; HEPData takes uploads of {MAX_UPLOAD_BYTES} bytes at most"
        )
    return problems


def write_bundle(bundle: Bundle, folder: Path, upload: Path | None = None) -> None:
    """Write a submission into a new or empty folder, and where wanted as one file for the upload, too.

    Parameters
    ----------
    bundle
        what :func:`make_bundle` made.
    folder
        where its files go; it is made where it is not there.
    upload
        the path of the archive for the upload.

    Raises
    ------
    InputError
        The folder holds something already, or a file cannot be written.
    """
    with fresh_folder(folder) as work:
        for name, data in bundle.files.items():
            with naming(folder / name):
                (work / name).write_bytes(data)
        if upload is not None:
            write_files({upload: upload_file(bundle)})


def upload_file(bundle: Bundle) -> bytes:
    """The submission as the one ``.tar.gz`` file that HEPData's upload takes."""
    return pack(bundle.files)
