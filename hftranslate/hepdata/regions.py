"""The likelihoods of a record: each a workspace with, perhaps, the patch sets of its signals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hftranslate.errors import FormatError, InputError, VerificationFailed
from hftranslate.formats import pyhf_json, which_format
from hftranslate.formats.json_text import dump_json, parse_json, read_bytes
from hftranslate.signal_grid import PatchSet, digest
from hftranslate.signal_grid.document import Value, from_document
from hftranslate.signal_grid.scan import Scan
from hftranslate.signal_grid.signal_files import background_of
from hftranslate.translation.as_json import as_json
from hftranslate.translation.load import load
from hftranslate.workspace import Workspace
from hftranslate.workspace.map import signal_samples

#: Names of files: of a workspace without signal, of one with its signal in it, of the only patch set.
WORKSPACE, FULL_WORKSPACE, PATCHSET, README = "BkgOnly.json", "Workspace.json", "patchset.json", "README.md"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One likelihood.

    Attributes
    ----------
    name
        of its folder in the archive; empty where the record has one likelihood only.
    document, workspace
        the workspace as parsed JSON and as read.
    patchsets
        the patch sets of its signals, by their files.
    texts
        the files as they will be published, by their names below the folder: bytes count for digests.
    scans
        results at the points of the patch sets.
    notes
        what was changed where the model comes from another format: conventions, losses and their effect.
    cross_sections
        of the signals in fb, by the values of their points.
    """

    name: str
    document: Mapping[str, Any] = field(repr=False)
    workspace: Workspace = field(repr=False)
    patchsets: Mapping[str, PatchSet] = field(default_factory=dict, repr=False)
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    scans: tuple[Scan, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    cross_sections: Mapping[tuple[Value, ...], float] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> str:
        """What stands before the names of its files in the archive."""
        return f"{self.name}/" if self.name else ""

    @property
    def file(self) -> str:
        """The name of the workspace's file: one with a signal in it is not called background-only."""
        return next(iter(self.texts), WORKSPACE)

    @property
    def is_full(self) -> bool:
        """Whether the signal is in the workspace, and no patch set adds it."""
        return not self.patchsets and bool(signal_samples(self.workspace))

    def patchset_of(self, scan: Scan) -> str | None:
        """The file of the patch set that holds the points of a scan; ``None`` where there is none."""
        points = {p.name for p in scan.points} | {p.name for p in scan.failed}
        return next((f for f, patches in self.patchsets.items() if points <= {p.name for p in patches.patches}), None)


def read_region(
    name: str,
    workspace: str | Path,
    patchset: str | Path | Sequence[str | Path] | None = None,
    scans: tuple[Scan, ...] = (),
) -> Region:
    """Read a likelihood for publication; gzip is undone, otherwise JSON files stay byte for byte what they are.

    XML and ROOT files are translated; what that changed is noted.

    Parameters
    ----------
    name
        of the region, which becomes the name of a folder; empty for the only one.
    workspace
        the file of the background-only workspace, in any readable format.
    patchset
        the file of its patch set, or several.
    scans
        results of ``patchset scan`` that belong to it.

    Returns
    -------
    Region
        the likelihood with its files, byte for byte.

    Raises
    ------
    InputError
        A file cannot be read or describes no valid model, the name is no name of a folder, or a scan belongs to another
        background.
    VerificationFailed
        A patch set was made for another workspace.
    """
    if name and not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a region: letters, digits and ._- only, 40 at most")
    data, notes = read_bytes(workspace), tuple[str, ...]()
    if which_format(data, str(workspace)) != "pyhf-json":
        loaded = load(workspace)
        translated = as_json(loaded.workspace)
        data = dump_json(translated.document).encode()
        notes = tuple(map(str, (*loaded.outcomes, *translated.outcomes)))
    document = background_of(data, str(workspace))
    _check_utf8(data, str(workspace))
    sources = [patchset] if isinstance(patchset, str | Path) else list(patchset or ())
    model = pyhf_json.from_document(document, str(workspace))
    is_full = not sources and bool(signal_samples(model))
    texts, patchsets = {FULL_WORKSPACE if is_full else WORKSPACE: data}, dict[str, PatchSet]()
    for source in sources:
        file = PATCHSET if len(sources) == 1 else Path(source).name.removesuffix(".gz")
        if file in texts or not _NAME.fullmatch(file):
            raise InputError(f"{source}: several patch sets keep their names, which must differ; {file!r} cannot stay")
        texts[file] = read_bytes(source)
        patchsets[file] = from_document(parse_json(texts[file], str(source)), str(source))
        if mismatches := patchsets[file].mismatches(document):
            raise VerificationFailed(
                f"{workspace}: {'; '.join(mismatches)} ({source}); make one for this workspace with "
                "hftranslate patchset create"
            )
        _check_utf8(texts[file], str(source))
    region = Region(
        name=name, document=document, workspace=model, patchsets=patchsets, texts=texts, scans=scans, notes=notes
    )
    for scan in scans:
        _check_scan(scan, region, str(workspace))
    return region


def _check_utf8(data: bytes, source: str) -> None:
    """Refuse what others, who read it as UTF-8, could not."""
    try:
        data.decode()
    except UnicodeDecodeError:
        raise FormatError(f"{source}: what is published must be UTF-8; convert it (iconv -t utf-8)") from None


def _check_scan(scan: Scan, region: Region, source: str) -> None:
    made_for = scan.task.get("background_sha256")
    if made_for is not None and made_for != digest(region.document):
        raise InputError(f"the scan was made for another background-only workspace than {source}")
    if not scan.points:
        raise InputError(f"the scan for {source} has no point with a result: there is nothing to make a table of")
    if region.patchset_of(scan) is None:
        known = {p.name for patches in region.patchsets.values() for p in patches}
        strangers = [p.name for p in scan.points if p.name not in known] or ["those of several sets"]
        raise InputError(
            f"the scan has points that the patch set of {source} does not have: {', '.join(strangers[:3])}"
        )
