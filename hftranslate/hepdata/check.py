"""The check of a submission: what HEPData's validator looks at, and what is inside the likelihood archive."""

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.errors import HFTranslateError, InputError, MissingInput
from hftranslate.formats import pyhf_json
from hftranslate.formats.files import naming
from hftranslate.formats.json_text import read_bytes
from hftranslate.hepdata.archives import DEFAULT_LIMITS, folder_names, kind_of, read_files, unpack_into
from hftranslate.hepdata.bundle import SUBMISSION, size_problems
from hftranslate.hepdata.check_likelihood import Judgement, hs3_entries, likelihood_entries
from hftranslate.hepdata.check_points import Comparison, Hints, poi_entries, point_entries, yield_entries
from hftranslate.hepdata.contents import ARCHIVES, Contents, Likelihood, contents_of, with_values
from hftranslate.hepdata.entries import CheckReport, Entry, Status
from hftranslate.hepdata.private import tidiness
from hftranslate.hepdata.published import PublishedTable, published_table
from hftranslate.hepdata.readme import Facts, facts, readme
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.submission import HS3_TYPE, MISLEADING, MISLEADING_LOCATIONS, RESOURCE_TYPE
from hftranslate.hepdata.yaml_files import validate_submission, yaml_documents
from hftranslate.signal_grid import PointNames


def check(
    folder: Path,
    *,
    points: int | Literal["auto"] | None = "auto",
    hints: Hints | None = None,
    validator: bool = True,
    batch: BatchOptions = DEFAULT_BATCH,
) -> CheckReport:
    """Check a submission, or a folder with a likelihood that was unpacked from one. One cause gives one finding.

    Parameters
    ----------
    folder
        with ``submission.yaml``, or with workspaces and patch sets.
    points
        how many points of each patch set are computed and compared with published tables; ``None`` for all, ``"auto"``
        for all where that takes seconds.
    hints
        what neither the tables nor the archive tell.
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
    hints = hints or Hints()
    names = hints.names
    with tempfile.TemporaryDirectory() as scratch:
        likelihoods, tables, in_hs3 = folder, [], []
        if (folder / SUBMISSION).is_file():
            likelihoods = Path(scratch)
            documents = _documents(folder, entries)
            if validator and documents:
                entries += _validator_entries(folder)
            entries += _size_entries(folder)
            beside = [n for n in read_files(folder) if not n.lower().endswith((".json", ".json.gz", *ARCHIVES))]
            entries += tidiness(folder, beside)
            entries += _unpacked(folder, documents, likelihoods) if documents else ()
            tables = _published(folder, documents, entries)
            in_hs3 = [r for d in documents if "data_file" not in d for r in _listed(d) if _is_of_type(r, HS3_TYPE)]
        else:
            what = "there is no submission.yaml: only the likelihoods were checked"
            entries.append(Entry(status="note", check="submission", where=str(folder), what=what))
        if likelihoods == folder or any(likelihoods.iterdir()):  # else nothing could be unpacked, which was said
            contents = contents_of(likelihoods)
            if names is not None:
                contents = replace(contents, likelihoods=tuple(_with_values(x, names) for x in contents.likelihoods))
            entries += _inside(contents, tables, Comparison(points=points, hints=hints), batch)
            for location in (str(r.get("location", "")) for r in in_hs3):
                entries += _safely(location, hs3_entries(folder, location, contents.likelihoods))
    return CheckReport(folder=str(folder), entries=tuple(dict.fromkeys(entries)))


def _with_values(x: Likelihood, names: PointNames) -> Likelihood:
    return x if x.patches is None else replace(x, patches=with_values(x.patches, names))


def _inside(
    contents: Contents, tables: list[PublishedTable], comparison: Comparison, batch: BatchOptions
) -> Iterator[Entry]:
    judged: dict[str, Judgement] = {}
    broken: set[str] = set()
    for x in contents.likelihoods:
        known = judged.get(x.name)
        found = likelihood_entries(x, batch.progress, is_known=known is not None)
        yield from found.entries
        judged.setdefault(x.name, found)
        if not found.belongs:
            broken.add(x.name)
        if not (found.can_be_compared and judged[x.name].can_be_compared):
            continue
        of_poi = list(poi_entries(x, found.wrong))
        yield from of_poi
        if not any(e.status == "error" for e in of_poi):
            siblings = [y for y in contents.likelihoods if y.name == x.name and y is not x]
            own = [t for t in tables if _is_of(t, x, siblings)]
            yield from _safely(x.name, point_entries(x, own, comparison, without=found.wrong, batch=batch))
        if known is None:
            yield from yield_entries(x, tables)
    yield from _contents_entries(contents, broken)


def _is_of(table: PublishedTable, x: Likelihood, siblings: Sequence[Likelihood]) -> bool:
    """Whether a table is about one of several patch sets of a workspace: by its qualifier, else by its name."""
    told = table.qualifiers.get("Patch set")
    if told is not None or not siblings:
        return told in (None, PurePosixPath(x.patchset).name)
    of_table = set(re.findall("[a-z0-9]+", table.name.casefold()))
    own, *others = (set(re.findall("[a-z0-9]+", y.patchset.casefold())) for y in (x, *siblings))
    shared = own.intersection(*others)
    return bool(own & of_table - shared) or not any(other & of_table - shared for other in others)


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
    documents: list[Mapping[str, Any]] = [d for d in found if isinstance(d, dict)]
    if not documents:
        what = "it holds no document that says anything"
        entries.append(Entry(status="error", check="submission", where=SUBMISSION, what=what))
    return documents


def _size_entries(folder: Path) -> Iterator[Entry]:
    sizes = {p.name: p.stat().st_size for p in folder.iterdir() if p.is_file()}
    problems = size_problems(sizes)
    for problem in problems:
        yield Entry(status="error", check="size", where=str(folder), what=problem)
    if not problems:
        what = f"{sum(sizes.values()) / 1e6:.1f} MB in {len(sizes)} files"
        yield Entry(status="passed", check="size", where=str(folder), what=what)


def _unpacked(folder: Path, documents: list[Mapping[str, Any]], target: Path) -> Iterator[Entry]:
    """The likelihoods that the record lists, unpacked into a folder; several into folders of their own.

    What has not the type of a likelihood, or stands elsewhere, is looked into nevertheless.
    """
    resources = [r for d in documents if "data_file" not in d for r in _listed(d)]
    of_tables = [r for d in documents if "data_file" in d for r in _listed(d)]
    chosen, misplaced = ([r for r in rs if _is_likelihood(r)] for rs in (resources, of_tables))
    if misplaced:
        what = f"a resource of type {RESOURCE_TYPE} belongs to a table; HEPData finds it only at the whole record"
        yield Entry(status="error", check="resource", where=SUBMISSION, what=what)
    elif not chosen:
        what = f"no resource of the record has the type {RESOURCE_TYPE}: HEPData shows no likelihood"
        yield Entry(status="error", check="resource", where=SUBMISSION, what=what)
    if not chosen:
        chosen = misplaced or [r for r in resources if isinstance(r, dict) and _is_archive(folder, r)]
    places = folder_names(str(resource.get("location", "")).split(".")[0] for resource in chosen)
    for resource, name in zip(chosen, places, strict=True):
        location = str(resource.get("location", ""))
        yield from _resource_entries(resource, location)
        path = folder / location
        if "/" in location or not path.is_file():
            what = "it is not in the folder, and was not looked into"
            status: Status = "warning" if "://" in location else "error"
            yield Entry(status=status, check="archive", where=location, what=what)
            continue
        place = target / name
        try:
            place.mkdir()
            if kind_of(path) == "json":
                copy = place / PurePosixPath(location).name
                with naming(copy):
                    copy.write_bytes(read_bytes(path))
            else:
                unpack_into(path, place, DEFAULT_LIMITS.beside(target))
        except InputError as error:
            shutil.rmtree(place)
            yield Entry(status="error", check="archive", where=location, what=str(error))
        else:
            if len(chosen) == 1:
                _lift(place)
            yield Entry(status="passed", check="archive", where=location, what="unpacks safely")


def _lift(place: Path) -> None:
    """What lies in a folder goes to where the folder lies."""
    free = place.with_name(f"{place.name} ")
    place.rename(free)
    for path in free.iterdir():
        path.rename(place.parent / path.name)
    free.rmdir()


def _is_archive(folder: Path, resource: Mapping[str, Any]) -> bool:
    path = folder / PurePosixPath(str(resource.get("location", ""))).name
    return path.is_file() and kind_of(path) is not None


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
def _contents_entries(contents: Contents, broken: Collection[str]) -> Iterator[Entry]:
    yield from contents.entries
    if not contents.likelihoods:
        if not any(e.status == "error" for e in contents.entries):
            what = f"there is no workspace among {len(contents.files)} files"
            yield Entry(status="error", check="archive", where="archive", what=what)
        return
    if not contents.readmes:
        what = "there is no README that says what the files are and how to use them"
        yield Entry(status="warning", check="readme", where="archive", what=what)
    for name, text in contents.readmes.items():
        yield from _readme_entries(name, text, contents, broken)


#: What a README may call a file, in code or as a word.
_FILE_NAME = re.compile(
    r"(?<![\w/.:<{*-])((?:[\w.-]+/)*[\w-][\w.-]*\.(?:json(?:\.gz)?|xml|root|slha|tar\.gz|tgz|zip))(?![\w*>}])"
)
_WRITTEN_BY_COMMANDS = re.compile(r"(?:-o|--output-file|>)[ =]*\S+")


def _readme_entries(name: str, text: str, contents: Contents, broken: Collection[str]) -> Iterator[Entry]:
    known = {PurePosixPath(f).name.removesuffix(".gz") for f in contents.files}
    made = {PurePosixPath(m.split("=")[-1].split()[-1]).name for m in _WRITTEN_BY_COMMANDS.findall(text)}
    mentioned = {PurePosixPath(m).name for m in _FILE_NAME.findall(text)}
    strangers = sorted(m for m in mentioned - made if m.removesuffix(".gz") not in known)
    if all(x.patches is None for x in contents.likelihoods):  # said where nothing can be tested
        strangers = [m for m in strangers if "patch" not in m]
    if strangers and not any(e.status == "error" for e in contents.entries):
        what = f"names files that are not there: {', '.join(strangers[:3])}"
        yield Entry(status="error", check="readme", where=name, what=what)
    stated = facts(text)
    if not stated:
        channels = {c for lk in contents.likelihoods for c in _channel_names(lk.document)}
        missing = sorted(c for c in channels if c not in text)
        what = "written by hand: its words were not checked, except the names of files"
        if missing:
            what += f"; it does not mention {len(missing)} of {len(channels)} channels"
        yield Entry(status="note", check="readme", where=name, what=what)
        return
    if broken or any(e.status == "error" for e in contents.entries) or strangers:
        return  # what follows from these was said
    right = _right_facts(contents)
    problems = _all_differences(stated, right)
    for problem in problems:
        yield Entry(status="error", check="readme", where=name, what=problem)
    if not problems:
        yield Entry(status="passed", check="readme", where=name, what="says what the models are")


def _channel_names(document: Mapping[str, Any]) -> Iterator[str]:
    channels = document.get("channels")
    for channel in channels if isinstance(channels, list) else ():
        if isinstance(channel, dict) and isinstance(channel.get("name"), str):
            yield channel["name"]


def _right_facts(contents: Contents) -> dict[str, Facts]:
    """What a README written from the models now would state."""
    regions: dict[str, Region] = {}
    for x in contents.likelihoods:
        known = regions.get(x.name)
        try:
            region = known or Region(
                name=x.region,
                document=x.document,
                workspace=pyhf_json.from_document(x.document, x.name),
                texts={PurePosixPath(x.name).name: b""},
            )
        except HFTranslateError:
            continue  # said elsewhere
        more = {} if x.patches is None else {PurePosixPath(x.patchset).name: x.patches}
        regions[x.name] = replace(region, patchsets={**region.patchsets, **more})
    return facts(readme(list(regions.values()))) if regions else {}


def _all_differences(stated: Mapping[str, Facts], right: Mapping[str, Facts]) -> list[str]:
    described, there = (
        [f"a model{f' of region {r}' if r else ''}" for r in one if r not in other]
        for one, other in ((stated, right), (right, stated))
    )
    sentences = [f"describes {', '.join(described)} that is not there"] if described else []
    sentences += [f"says nothing of {', '.join(there)}".replace(" a model", " the model")] if there else []
    found = [" and ".join(sentences)] if sentences else []
    for region in (r for r in stated if r in right):
        found += _differences(region, stated[region], right[region])
    return found


def _differences(region: str, stated: Facts, right: Facts) -> Iterator[str]:
    of = f" of region {region}" if region else ""
    for what, one, other in (
        ("channels", stated.channels, right.channels),
        ("parameters", stated.parameters, right.parameters),
    ):
        changed = [row for row in one if row not in other] + [row for row in other if row not in one]
        if changed:
            names = ", ".join(dict.fromkeys(row[0] for row in changed if row))
            yield f"its {what}{of} are not those of the model: {names[:200]}"
    for line in stated.statements:
        is_of_patches = line.startswith("signals: ") and not any(r.startswith("signals: ") for r in right.statements)
        if (
            line not in right.statements
            and not is_of_patches
            and not any(r.startswith(f"{line} in ") for r in right.statements)
        ):
            yield f"is wrong{of}: {line}"
