"""The check of a submission: what HEPData's validator looks at, and what is inside the likelihood archive."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.errors import HFTranslateError, InputError, MissingInput
from hftranslate.formats import pyhf_json
from hftranslate.formats.json_text import read_bytes
from hftranslate.hepdata.archives import DEFAULT_LIMITS, folder_names, kind_of, unpack_into
from hftranslate.hepdata.bundle import SUBMISSION, size_problems
from hftranslate.hepdata.check_likelihood import hs3_entries, likelihood_entries
from hftranslate.hepdata.check_points import point_entries, yield_entries
from hftranslate.hepdata.contents import Contents, contents_of
from hftranslate.hepdata.entries import CheckReport, Entry, Status
from hftranslate.hepdata.published import PublishedTable, published_table
from hftranslate.hepdata.readme import Facts, facts, readme
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.submission import HS3_TYPE, MISLEADING, MISLEADING_LOCATIONS, RESOURCE_TYPE
from hftranslate.hepdata.yaml_files import validate_submission, yaml_documents

#: So many points of a patch set are computed where nothing else is asked for.
POINTS = 5


def check(
    folder: Path,
    *,
    points: int | None = POINTS,
    validator: bool = True,
    batch: BatchOptions = DEFAULT_BATCH,
) -> CheckReport:
    """Check a submission, or a folder with a likelihood that was unpacked from one.

    Parameters
    ----------
    folder
        with ``submission.yaml``, or with workspaces and patch sets.
    points
        how many points of each patch set are computed and compared with published tables; ``None`` for all.
    validator
        ask HEPData's validator, too.
    batch
        where points are computed, and who listens.

    Raises
    ------
    MissingInput
        There is no such folder.
    Unsupported
        A package that reads records is not installed.
    """
    if not folder.is_dir():
        raise MissingInput(f"{folder} is no folder")
    entries: list[Entry] = []
    with tempfile.TemporaryDirectory() as scratch:
        likelihoods, tables, in_hs3 = folder, [], []
        if (folder / SUBMISSION).is_file():
            likelihoods = Path(scratch)
            if validator:
                entries += _validator_entries(folder)
            documents = _documents(folder, entries)
            entries += _size_entries(folder)
            entries += _unpacked(folder, documents, likelihoods)
            tables = _published(folder, documents, entries)
            in_hs3 = [r for d in documents if "data_file" not in d for r in _listed(d) if _is_of_type(r, HS3_TYPE)]
        else:
            what = "there is no submission.yaml: only the likelihoods were checked"
            entries.append(Entry(status="note", check="submission", where=str(folder), what=what))
        contents = contents_of(likelihoods)
        entries += contents.entries
        entries += _contents_entries(contents)
        for likelihood in contents.likelihoods:
            entries += likelihood_entries(likelihood, batch.progress)
            entries += _safely(likelihood.name, point_entries(likelihood, tables, points, batch=batch))
            entries += yield_entries(likelihood, tables)
        for resource in in_hs3:
            location = str(resource.get("location", ""))
            entries += _safely(location, hs3_entries(folder, location, contents.likelihoods))
    return CheckReport(folder=str(folder), entries=tuple(entries))


def _safely(where: str, found: Iterator[Entry]) -> Iterator[Entry]:
    try:
        yield from found
    except InputError as error:
        yield Entry(status="error", check="model", where=where, what=str(error))


# ---------------------------------------------------------------------------------------------------------- submission
def _validator_entries(folder: Path) -> Iterator[Entry]:
    problems = validate_submission(str(folder))
    for problem in problems:
        yield Entry(status="error", check="hepdata-validator", where=SUBMISSION, what=problem)
    if not problems:
        yield Entry(
            status="passed",
            check="hepdata-validator",
            where=SUBMISSION,
            what="HEPData's validator accepts the submission",
        )


def _documents(folder: Path, entries: list[Entry]) -> list[Mapping[str, Any]]:
    try:
        found = yaml_documents((folder / SUBMISSION).read_text("utf-8"), SUBMISSION)
    except (InputError, UnicodeDecodeError) as error:
        entries.append(Entry(status="error", check="submission", where=SUBMISSION, what=str(error)))
        return []
    return [d for d in found if isinstance(d, dict)]


def _size_entries(folder: Path) -> Iterator[Entry]:
    sizes = {p.name: p.stat().st_size for p in folder.iterdir() if p.is_file()}
    problems = size_problems(sizes)
    for problem in problems:
        yield Entry(status="error", check="size", where=str(folder), what=problem)
    if not problems:
        what = f"{sum(sizes.values()) / 1e6:.1f} MB in {len(sizes)} files"
        yield Entry(status="passed", check="size", where=str(folder), what=what)


def _unpacked(folder: Path, documents: list[Mapping[str, Any]], target: Path) -> Iterator[Entry]:
    """The likelihoods that the record lists, unpacked into a folder; several into folders of their own."""
    resources = [r for d in documents if "data_file" not in d for r in _listed(d)]
    of_tables = [r for d in documents if "data_file" in d for r in _listed(d)]
    chosen = [r for r in resources if _is_likelihood(r)]
    if any(_is_likelihood(r) for r in of_tables):
        what = f"a resource of type {RESOURCE_TYPE} belongs to a table; HEPData finds it only at the whole record"
        yield Entry(status="error", check="resource", where=SUBMISSION, what=what)
    if not chosen:
        what = f"no resource of the record has the type {RESOURCE_TYPE}: HEPData shows no likelihood"
        yield Entry(status="error", check="resource", where=SUBMISSION, what=what)
    places = folder_names(str(resource.get("location", "")).split(".")[0] for resource in chosen)
    for resource, name in zip(chosen, places, strict=True):
        location = str(resource.get("location", ""))
        yield from _resource_entries(resource, location)
        path = folder / location
        if "/" in location or not path.is_file():
            what = "it is not in the folder, and was not looked into"
            yield Entry(status="warning", check="archive", where=location, what=what)
            continue
        place = target / name if len(chosen) > 1 else target
        try:
            place.mkdir(exist_ok=True)
            if kind_of(path) == "json":
                (place / PurePosixPath(location).name).write_bytes(read_bytes(path))
            else:
                unpack_into(path, place, DEFAULT_LIMITS.beside(target))
        except InputError as error:
            yield Entry(status="error", check="archive", where=location, what=str(error))
        else:
            yield Entry(status="passed", check="archive", where=location, what="unpacks safely")


def _listed(document: Mapping[str, Any]) -> list[Any]:
    resources = document.get("additional_resources")
    return resources if isinstance(resources, list) else []  # the validator says what is wrong with another form


def _is_likelihood(resource: Any) -> bool:
    return _is_of_type(resource, RESOURCE_TYPE)


def _is_of_type(resource: Any, kind: str) -> bool:
    return isinstance(resource, dict) and str(resource.get("type", "")).casefold() == kind.casefold()


def _resource_entries(resource: Mapping[str, Any], location: str) -> Iterator[Entry]:
    description = str(resource.get("description", ""))
    for word in MISLEADING:
        if word.lower() in description.lower():
            what = f"its description has the letters {word!r}, by which HEPData takes it for another kind of resource"
            yield Entry(status="error", check="resource", where=location, what=what)
    for word in MISLEADING_LOCATIONS:
        if word in location.lower():
            what = f"its location has the letters {word!r}, by which HEPData takes it for another kind of resource"
            yield Entry(status="error", check="resource", where=location, what=what)
    licence = resource.get("license")
    name = licence.get("name") if isinstance(licence, dict) else None
    what = f"licence {name}" if name else "no licence is stated; HEPData's default is CC0"
    status: Status = "passed" if name else "note"
    yield Entry(status=status, check="licence", where=location, what=what)


def _published(folder: Path, documents: list[Mapping[str, Any]], entries: list[Entry]) -> list[PublishedTable]:
    tables = []
    for document in documents:
        file = document.get("data_file")
        if not isinstance(file, str) or "/" in file or not (folder / file).is_file():
            continue  # the validator says so
        try:
            content = yaml_documents((folder / file).read_text("utf-8"), file, as_written=True)
        except (InputError, UnicodeDecodeError) as error:
            entries.append(Entry(status="error", check="table", where=file, what=str(error)))
            continue
        table = published_table(str(document.get("name", file)), content[0] if content else None)
        if table is None:
            what = "it has not the form of a table"
            entries.append(Entry(status="error", check="table", where=file, what=what))
        else:
            tables.append(table)
    return tables


# ------------------------------------------------------------------------------------------------------------ contents
def _contents_entries(contents: Contents) -> Iterator[Entry]:
    if not contents.likelihoods:
        what = f"there is no workspace among {len(contents.files)} files"
        yield Entry(status="error", check="archive", where="archive", what=what)
    if not contents.readmes:
        what = "there is no README that says what the files are and how to use them"
        yield Entry(status="warning", check="readme", where="archive", what=what)
    for name, text in contents.readmes.items():
        yield from _readme_entries(name, text, contents)


def _readme_entries(name: str, text: str, contents: Contents) -> Iterator[Entry]:
    known = {PurePosixPath(f).name for f in contents.files}
    mentioned = {PurePosixPath(m).name for m in re.findall(r"`([\w./-]+\.json(?:\.gz)?)`", text)}
    strangers = sorted(mentioned - known - {m for m in mentioned if m.removesuffix(".gz") in known})
    if strangers:
        what = f"names files that are not there: {', '.join(strangers[:3])}"
        yield Entry(status="error", check="readme", where=name, what=what)
    stated = facts(text)
    if not stated:
        channels = {c for lk in contents.likelihoods for c in _channel_names(lk.document)}
        missing = sorted(c for c in channels if c not in text)
        what = "written by hand: its words were not checked"
        if missing:
            what += f"; it does not mention {len(missing)} of {len(channels)} channels"
        yield Entry(status="note", check="readme", where=name, what=what)
        return
    right = _right_facts(contents)
    problems = [
        p for region in {**right, **stated} for p in _differences(region, stated.get(region), right.get(region))
    ]
    for problem in problems:
        yield Entry(status="error", check="readme", where=name, what=problem)
    if not problems and not strangers:
        yield Entry(status="passed", check="readme", where=name, what="says what the models are")


def _channel_names(document: Mapping[str, Any]) -> Iterator[str]:
    channels = document.get("channels")
    for channel in channels if isinstance(channels, list) else ():
        if isinstance(channel, dict) and isinstance(channel.get("name"), str):
            yield channel["name"]


def _right_facts(contents: Contents) -> dict[str, Facts]:
    """What a README written from the models now would state."""
    regions = []
    for likelihood in contents.likelihoods:
        try:
            workspace = pyhf_json.from_document(likelihood.document, likelihood.name)
        except HFTranslateError:
            continue  # said elsewhere
        regions.append(
            Region(
                name=likelihood.region,
                document=likelihood.document,
                workspace=workspace,
                patches=likelihood.patches,
            )
        )
    return facts(readme(regions)) if regions else {}


def _differences(region: str, stated: Facts | None, right: Facts | None) -> Iterator[str]:
    of = f" of region {region}" if region else ""
    if stated is None:
        yield f"says nothing of the model{of}"
    elif right is None:
        yield f"describes a model{of} that is not there"
    else:
        for what, one, other in (
            ("channels", stated.channels, right.channels),
            ("parameters", stated.parameters, right.parameters),
        ):
            changed = [row for row in one if row not in other] + [row for row in other if row not in one]
            if changed:
                names = ", ".join(dict.fromkeys(row[0] for row in changed if row))
                yield f"its {what}{of} are not those of the model: {names[:200]}"
        for line in stated.statements:
            if line not in right.statements:
                yield f"is wrong{of}: {line}"
