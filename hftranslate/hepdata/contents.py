"""What lies in a folder of likelihoods: workspaces with the patches that belong to them, found by content."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from hftranslate.errors import InputError
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.hepdata.archives import read_files
from hftranslate.hepdata.entries import Entry
from hftranslate.hepdata.regions import WORKSPACE
from hftranslate.signal_grid import Patch, PatchSet
from hftranslate.signal_grid.document import from_document

Json: TypeAlias = dict[str, Any]
DocumentKind: TypeAlias = Literal["workspace", "patchset", "patch", "other"]

#: The label of loose patches, which have no values.
FILE_LABEL = "file"


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
        the file of the patch set, empty for loose patches.
    """

    region: str
    name: str
    document: Json = field(repr=False)
    patchset: str = ""
    patches: PatchSet | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The likelihoods of a folder, its READMEs by their names, all files, and what is wrong with some of them."""

    likelihoods: tuple[Likelihood, ...]
    readmes: Mapping[str, str]
    files: tuple[str, ...]
    entries: tuple[Entry, ...]


def contents_of(folder: Path) -> Contents:
    """Read all JSON documents of a folder and find out what belongs together.

    Patch sets belong to the workspace of their digest, else to the one in their folder; so do loose patches.
    """
    files = tuple(read_files(folder))
    entries: list[Entry] = []
    documents: dict[str, Any] = {}
    for name in files:
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
    sets: dict[str, tuple[str, PatchSet]] = {}
    for name, patches in _patch_sets(documents, kinds, entries):
        owner = _owner(name, patches, workspaces)
        if owner is None:
            what = "there is no workspace in the archive that it could belong to"
            entries.append(Entry(status="error", check="patchset", where=name, what=what))
        elif owner in sets:
            what = f"{owner} has the patch set {sets[owner][0]} already; only that one was checked"
            entries.append(Entry(status="warning", check="patchset", where=name, what=what))
        else:
            sets[owner] = (name, patches)
    likelihoods = tuple(
        Likelihood(
            region=_folder(name),
            name=name,
            document=document,
            patchset=sets[name][0] if name in sets else "",
            patches=sets[name][1] if name in sets else None,
        )
        for name, document in workspaces.items()
    )
    readmes = {
        name: read_bytes(folder / name).decode("utf-8", "replace")
        for name in files
        if PurePosixPath(name).name.lower().startswith("readme")
    }
    return Contents(likelihoods=likelihoods, readmes=readmes, files=files, entries=tuple(entries))


def kind_of_document(document: object) -> DocumentKind:
    """What a JSON document is, by its keys."""
    if isinstance(document, list):
        is_patch = bool(document) and all(isinstance(o, dict) and "op" in o and "path" in o for o in document)
        return "patch" if is_patch else "other"
    if isinstance(document, dict) and "patches" in document:
        return "patchset"
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
