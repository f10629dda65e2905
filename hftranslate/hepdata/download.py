"""The likelihood of a published record: found by DOI, record or address, fetched, checked and unpacked.

HEPData gives each resource of a record a DOI (``10.17182/hepdata.90607.v3/r3``), the record itself one without the last
part, and a page by its INSPIRE number (``ins1755298``). A record lists its analyses with their type; those of type
HistFactory are the likelihoods. Zenodo lists the files of a record.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import FormatError, InputError, MissingInput, UnsafeInput, VerificationFailed, did_you_mean
from hftranslate.formats.files import fresh_folder, naming, working_folder
from hftranslate.hepdata.archives import DEFAULT_LIMITS, Limits, folder_names, kind_of, read_files, unpack_into
from hftranslate.hepdata.web import Fetched, Rules, fetch, fetch_json

#: What a likelihood comes as; HEPData gives a resource itself, not its page, where the type asked for is its own.
ACCEPT = (
    "application/x-tar",
    "application/zip",
    "application/gzip",
    "application/x-xz",
    "application/json;q=0.9",
    "application/octet-stream;q=0.8",
    "*/*;q=0.1",
)
_DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_RECORD = re.compile(r"(ins\d{1,10}|\d{1,10})(?:\.?v(\d{1,3}))?")
_ARCHIVE = re.compile(r"\.(tar|tar\.\w+|tgz|zip|json|json\.gz)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What was downloaded.

    Attributes
    ----------
    source
        what was asked for.
    folder, files
        where it lies, and the files in it, by their names below it.
    archives
        what was fetched to get them, each with its checksum.
    """

    source: str
    folder: Path
    files: tuple[str, ...]
    archives: tuple[Fetched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file that a record offers."""

    name: str
    url: str


def download(
    source: str,
    folder: str | Path,
    *,
    rules: Rules | None = None,
    limits: Limits = DEFAULT_LIMITS,
    sha256: str | None = None,
    resource: str | None = None,
    progress: Progress = silent,
) -> Download:
    """Fetch the likelihood of a record and unpack it.

    Parameters
    ----------
    source
        a DOI of a resource or of a record, a record of HEPData (``ins1755298``, ``ins1755298.v3``), or an address.
    folder
        where to put it: a new or an empty folder. Where a record has several likelihoods, each gets a folder in it.
    rules
        which addresses and sizes are allowed.
    limits
        of what is unpacked.
    sha256
        what the checksum of the archive must be.
    resource
        which resource of a record, by its file name; by default all of type HistFactory.
    progress
        is told how far it has come.

    Returns
    -------
    Download
        what was fetched from where, with checksums, and the files.

    Raises
    ------
    UnsafeInput
        An address, an archive or a size is refused.
    MissingInput
        It cannot be reached, or has no such resource.
    FormatError
        What is there is no likelihood: neither an archive nor JSON.
    VerificationFailed
        The checksum is another one.
    InputError
        The folder holds something already.
    """
    rules = Rules() if rules is None else rules
    target = Path(folder)
    with fresh_folder(target) as work, tempfile.TemporaryDirectory() as scratch:
        fetched = _fetched(address_of(source), Path(scratch), rules, resource, progress)
        if sha256 is not None:
            _verify(fetched, sha256)
        places = _places(fetched)
        for one, place in zip(fetched, places, strict=True):
            _put(one, work / place, limits.beside(work))
        files = tuple(read_files(work))
    return Download(source=source, folder=target, files=files, archives=tuple(fetched))


def download_archive(
    source: str, path: Path, *, rules: Rules | None = None, resource: str | None = None, progress: Progress = silent
) -> Fetched:
    """Fetch the archive of a record and keep it as it is; parameters and errors as for :func:`download`.

    Parameters
    ----------
    source
        a DOI, a record or an address.
    path
        the file that it becomes.
    rules
        which addresses and sizes are allowed.
    resource
        which resource of a record, by its file name.
    progress
        is told how far it has come.

    Returns
    -------
    Fetched
        the address that it came from in the end, its size in bytes and its checksum.

    Raises
    ------
    InputError
        The file is there already or cannot be written, or the record has several archives.
    """
    if path.exists():
        raise InputError(f"{path} is there already; give a new name")
    with tempfile.TemporaryDirectory() as scratch:
        fetched = _fetched(address_of(source), Path(scratch), Rules() if rules is None else rules, resource, progress)
        if len(fetched) > 1:
            names = ", ".join(f.name for f in fetched)
            raise InputError(f"{source} has several archives ({names}); unpack them into a folder instead")
        if kind_of(fetched[0].path) not in ("tar", "zip"):
            raise FormatError(f"{fetched[0].url} gives {fetched[0].content_type}, which is no archive")
        with naming(path), working_folder(path.parent) as work:
            os.rename(shutil.copyfile(fetched[0].path, work / path.name), path)
    return replace(fetched[0], path=path)


def address_of(source: str) -> str:
    """The address of a DOI, of a record of HEPData, or the address that was given.

    Raises
    ------
    InputError
        It is none of them.
    """
    text = source.strip()
    if found := _DOI.fullmatch(text):
        return f"https://doi.org/{found[1]}"
    if found := _RECORD.fullmatch(text):
        version = f"?version={int(found[2])}" if found[2] else ""
        return f"https://www.hepdata.net/record/{found[1]}{version}"
    if "://" in text:
        return text
    raise InputError(
        f"{source!r} is no DOI (10.17182/hepdata.90607.v3/r3), no record of HEPData (ins1755298) and no https address"
    )


def _fetched(url: str, scratch: Path, rules: Rules, resource: str | None, progress: Progress) -> list[Fetched]:
    """What lies at an address: the file itself, or the files that its record lists; one download of all."""
    rules = rules.metered()
    first = fetch(url, scratch / "0", rules, accept=ACCEPT, progress=progress)
    if kind_of(first.path) is not None and not _is_record(first):
        if resource is not None and resource != first.name:
            raise MissingInput(f"{url} is one file, {first.name!r}, not a record with a resource {resource!r}")
        return [first]
    parts = urlsplit(first.final_url)
    if "/record/resource/" in parts.path:
        again = fetch(_with_query(first.final_url, view="true"), scratch / "0", rules, accept=ACCEPT, progress=progress)
        return [replace(again, url=url)]
    offered = _offered(first, scratch, rules)
    chosen = _chosen(offered, resource, first.final_url)
    if len(chosen) > rules.max_files:
        raise UnsafeInput(
            f"{first.final_url}: the record has {len(chosen)} likelihoods; more than {rules.max_files} are refused; "
            "choose one with --resource"
        )
    return [
        fetch(r.url, scratch / str(i), rules, accept=ACCEPT, progress=progress) for i, r in enumerate(chosen, start=1)
    ]


def _is_record(fetched: Fetched) -> bool:
    """Whether a JSON answer is the description of a record: of these only HEPData and Zenodo send one."""
    path = urlsplit(fetched.final_url).path
    is_page = re.search(r"/record/(ins)?\d+$|/records?/\d+$", path.rstrip("/")) is not None
    return is_page and kind_of(fetched.path) == "json"


def _offered(page: Fetched, scratch: Path, rules: Rules) -> list[Resource]:
    """The likelihoods that a record lists."""
    parts = urlsplit(page.final_url)
    number = re.search(r"/records?/(?:ins)?(\d+)/?$", parts.path)
    if number is None:
        raise FormatError(f"{page.final_url} is {page.content_type}: neither an archive, nor JSON, nor a known record")
    if "zenodo" in (parts.hostname or ""):
        document, _ = fetch_json(urlunsplit((*parts[:2], f"/api/records/{number[1]}", "", "")), scratch, rules)
        return _of_zenodo(document)
    document, address = fetch_json(_with_query(page.final_url, format="json"), scratch, rules)
    return _of_hepdata(document, address)


def _of_hepdata(document: Any, address: str) -> list[Resource]:
    """The analyses of type HistFactory; of a record that names no types, archives that its resources point to."""
    record = document.get("record") if isinstance(document, dict) else None
    analyses = record.get("analyses") if isinstance(record, dict) else None
    names = {
        str(r.get("doi")): str(r.get("filename"))
        for r in _dicts(document.get("resources_with_doi") if isinstance(document, dict) else None)
    }
    found = []
    for analysis in _dicts(analyses):
        if str(analysis.get("type", "")).casefold() == "histfactory" and isinstance(analysis.get("analysis"), str):
            url = _absolute(analysis["analysis"], address)
            if "/record/resource/" in url:
                url = _with_query(urlunsplit((*urlsplit(url)[:3], "", "")), view="true")
            found.append(Resource(name=str(analysis.get("filename") or url), url=url))
    if found:
        return found
    return [Resource(name=name, url=f"https://doi.org/{doi}") for doi, name in names.items() if _ARCHIVE.search(name)]


def _of_zenodo(document: Any) -> list[Resource]:
    files = document.get("files") if isinstance(document, dict) else None
    found = []
    for file in _dicts(files):
        links = file.get("links")
        url = links.get("self") if isinstance(links, dict) else None
        if isinstance(url, str) and _ARCHIVE.search(str(file.get("key", ""))):
            found.append(Resource(name=str(file["key"]), url=url))
    return found


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _absolute(url: str, base: str) -> str:
    return url if "://" in url else urlunsplit((*urlsplit(base)[:2], url if url.startswith("/") else f"/{url}", "", ""))


def _chosen(offered: Sequence[Resource], resource: str | None, address: str) -> list[Resource]:
    if not offered:
        raise MissingInput(f"{address}: the record has no likelihood (no resource of type HistFactory)")
    if resource is None:
        return list(offered)
    for one in offered:
        if one.name == resource:
            return [one]
    raise MissingInput(
        f"{address}: the record has no resource {resource!r}" + did_you_mean(resource, (r.name for r in offered))
    )


def _with_query(url: str, **more: str) -> str:
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    query.pop("landing_page", None)
    return urlunsplit((*parts[:3], urlencode({**query, **more}), ""))


def _verify(fetched: Sequence[Fetched], sha256: str) -> None:
    if len(fetched) > 1:
        names = ", ".join(f.name for f in fetched)
        raise InputError(f"one checksum for {len(fetched)} files ({names}); choose one with --resource")
    if fetched[0].sha256 != sha256.strip().lower():
        raise VerificationFailed(f"{fetched[0].url}: sha256 is {fetched[0].sha256}, expected {sha256.strip().lower()}")


def _places(fetched: Sequence[Fetched]) -> list[str]:
    """The folder of each: the one that was asked for, or one of its own where there are several."""
    return ["."] if len(fetched) == 1 else folder_names(_ARCHIVE.sub("", one.name) for one in fetched)


def _put(fetched: Fetched, folder: Path, limits: Limits) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    match kind_of(fetched.path):
        case "tar" | "zip":
            unpack_into(fetched.path, folder, limits)
        case "json":
            name = fetched.name if _ARCHIVE.search(fetched.name) else f"{fetched.name}.json"
            shutil.copyfile(fetched.path, folder / name)
        case None:
            raise FormatError(f"{fetched.url} gives {fetched.content_type}: neither an archive nor JSON")


def download_document(done: Download) -> dict[str, Any]:
    """A download as plain JSON values.

    Parameters
    ----------
    done
        what was downloaded.

    Returns
    -------
    dict
        as ``hftranslate hepdata download`` prints it.
    """
    return {
        "source": done.source,
        "folder": str(done.folder),
        "files": list(done.files),
        "archives": [
            {"url": a.final_url, "name": a.name, "bytes": a.n_bytes, "sha256": a.sha256} for a in done.archives
        ],
    }
