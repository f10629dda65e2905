"""What lies in a folder of likelihoods: workspaces with the patches that belong to them, found by content."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from hftranslate.errors import InputError
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.hepdata.archives import DEFAULT_LIMITS, kind_of, read_files, unpack
from hftranslate.hepdata.entries import Entry
from hftranslate.hepdata.private import junk, tidiness
from hftranslate.hepdata.regions import WORKSPACE
from hftranslate.signal_grid import Patch, PatchSet, PointNames
from hftranslate.signal_grid.document import from_document

Json: TypeAlias = dict[str, Any]
DocumentKind: TypeAlias = Literal["workspace", "patchset", "patch", "hs3", "other"]

#: The label of loose patches, which have no values.
FILE_LABEL = "file"
#: How the names of archives end.
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """A workspace and the patches that belong to it.

    Attributes
    ----------
    region
        the folder that it lies in, empty for the top.
    name, document
        of the workspace: its file and content.
    patchset
        the file of the patch set, empty for loose patches. A workspace with several stands in as many likelihoods.
    is_read
        whether all that lies beside it could be read; else missing patches say nothing.
    """

    region: str
    name: str
    document: Json = field(repr=False)
    patchset: str = ""
    patches: PatchSet | None = field(default=None, repr=False)
    is_read: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The likelihoods of a folder, its READMEs by their names, all files, and what is wrong with some of them."""

    likelihoods: tuple[Likelihood, ...]
    readmes: Mapping[str, str]
    files: tuple[str, ...]
    entries: tuple[Entry, ...]


def contents_of(folder: Path) -> Contents:
    """Read all JSON documents of a folder, and those in archives in it, and find out what belongs together.

    Patch sets belong to the workspace of their digest, else to the one in their folder; so do loose patches.
    """
    own = _contents(folder)
    parts = [own]
    with tempfile.TemporaryDirectory() as scratch:
        for i, name in enumerate(own.files):
            if not name.lower().endswith(ARCHIVES) or kind_of(folder / name) == "json":
                continue
            try:
                unpack(folder / name, Path(scratch) / str(i), DEFAULT_LIMITS.beside(Path(scratch)))
            except InputError as error:
                entry = Entry(status="error", check="archive", where=name, what=str(error))
                parts.append(replace(own, likelihoods=(), readmes={}, files=(), entries=(entry,)))
            else:
                parts.append(_below(name, contents_of(Path(scratch) / str(i))))
    return Contents(
        likelihoods=tuple(x for part in parts for x in part.likelihoods),
        readmes={name: text for part in parts for name, text in part.readmes.items()},
        files=tuple(f for part in parts for f in part.files),
        entries=tuple(e for part in parts for e in part.entries),
    )


def _below(archive: str, inside: Contents) -> Contents:
    """What lies in an archive, with its name before all names."""
    region = PurePosixPath(archive).name.split(".")[0]
    return Contents(
        likelihoods=tuple(
            replace(x, region=x.region or region, name=f"{archive}/{x.name}", patchset=f"{archive}/{x.patchset}")
            for x in inside.likelihoods
        ),
        readmes={f"{archive}/{name}": text for name, text in inside.readmes.items()},
        files=tuple(f"{archive}/{name}" for name in inside.files),
        entries=tuple(replace(e, where=f"{archive}/{e.where}") for e in inside.entries),
    )


def _contents(folder: Path) -> Contents:
    files = tuple(read_files(folder))
    entries = list(tidiness(folder, files))
    documents: dict[str, Any] = {}
    left = junk(files)
    for name in (f for f in files if f not in left):
        if name.lower().endswith((".json", ".json.gz")):
            try:
                documents[name] = parse_json(read_bytes(folder / name), name)
            except InputError as error:
                entries.append(Entry(status="error", check="json", where=name, what=str(error)))
    kinds = {name: kind_of_document(d) for name, d in documents.items()}
    entries += [
        Entry(status="warning", check="json", where=name, what="neither a workspace, nor a patch set, nor a JSON patch")
        for name, kind in kinds.items()
        if kind == "other"
    ]
    workspaces = {n: documents[n] for n, kind in kinds.items() if kind == "workspace"}
    sets: dict[str, list[tuple[str, PatchSet | None]]] = {name: [] for name in workspaces}
    for name, patches in _patch_sets(documents, kinds, entries):
        owner = _owner(name, patches, workspaces)
        if owner is not None:
            sets[owner].append((name, patches))
        elif not any(e.check == "json" and e.status == "error" for e in entries):
            what = "there is no workspace in the archive that it could belong to"
            entries.append(Entry(status="error", check="patchset", where=name, what=what))
    is_read = not any(e.status == "error" for e in entries)
    likelihoods = tuple(
        Likelihood(region=_folder(name), name=name, document=document, patchset=of, patches=patches, is_read=is_read)
        for name, document in workspaces.items()
        for of, patches in sets[name] or [("", None)]
    )
    readmes = {
        name: read_bytes(folder / name).decode("utf-8", "replace")
        for name in files
        if name not in left and PurePosixPath(name).name.lower().startswith("readme")
    }
    return Contents(likelihoods=likelihoods, readmes=readmes, files=files, entries=tuple(entries))


def with_values(patches: PatchSet, names: PointNames) -> PatchSet:
    """Loose patches with the values in their names; a patch set as it is.

    Raises
    ------
    InputError
        A name does not follow the pattern.
    """
    if patches.labels != (FILE_LABEL,):
        return patches
    points = ((p, names.of(p.name)) for p in patches)
    return replace(
        patches,
        labels=names.labels,
        patches=tuple(replace(p, name=name, values=values) for p, (name, values) in points),
    )


def kind_of_document(document: object) -> DocumentKind:
    """What a JSON document is, by its keys."""
    if isinstance(document, list):
        is_patch = bool(document) and all(isinstance(o, dict) and "op" in o and "path" in o for o in document)
        return "patch" if is_patch else "other"
    if isinstance(document, dict) and "patches" in document:
        return "patchset"
    if isinstance(document, dict) and "distributions" in document:
        return "hs3"
    return "workspace" if isinstance(document, dict) and "channels" in document else "other"


def _folder(name: str) -> str:
    folder = PurePosixPath(name).parent.as_posix()
    return "" if folder == "." else folder


def _patch_sets(
    documents: Mapping[str, Any], kinds: Mapping[str, DocumentKind], entries: list[Entry]
) -> Iterator[tuple[str, PatchSet]]:
    for name, kind in kinds.items():
        if kind == "patchset":
            try:
                yield name, from_document(documents[name], name)
            except InputError as error:
                entries.append(Entry(status="error", check="schema", where=name, what=str(error)))
    loose: dict[str, list[Patch]] = {}
    for name, kind in kinds.items():
        if kind == "patch":
            stem = PurePosixPath(name).name.removesuffix(".gz").removesuffix(".json")
            loose.setdefault(_folder(name), []).append(Patch(name=stem, values=(stem,), operations=documents[name]))
    for folder, patches in loose.items():
        yield (
            f"{folder}/*" if folder else "*",
            PatchSet(labels=(FILE_LABEL,), patches=tuple(patches), digests={}, references={}),
        )


def _owner(name: str, patches: PatchSet, workspaces: Mapping[str, Json]) -> str | None:
    """The workspace of a patch set: that of its digest, else the background-only or the only one of its folder."""
    near = [w for w in workspaces if _folder(w) == _folder(name)]
    if patches.digests:
        for candidate in (*near, *workspaces):
            if not patches.mismatches(workspaces[candidate]):
                return candidate
    near = near or list(workspaces)
    named = [w for w in near if PurePosixPath(w).name.removesuffix(".gz") == WORKSPACE]
    return next(iter(named or near), None)
