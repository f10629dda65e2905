"""The likelihoods of a record: each a workspace with, perhaps, the patch set of its signals."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hftranslate.errors import FormatError, InputError, VerificationFailed
from hftranslate.formats import pyhf_json
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.signal_grid import PatchSet, digest
from hftranslate.signal_grid.document import from_document
from hftranslate.signal_grid.scan import Scan
from hftranslate.signal_grid.signal_files import background_of
from hftranslate.workspace import Workspace

WORKSPACE, PATCHSET, README = "BkgOnly.json", "patchset.json", "README.md"
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
    patches
        the patch set of its signals.
    texts
        the files as they will be published, by their names below the folder: bytes count for digests.
    scans
        results at the points of the patch set.
    """

    name: str
    document: Mapping[str, Any] = field(repr=False)
    workspace: Workspace = field(repr=False)
    patches: PatchSet | None = field(default=None, repr=False)
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    scans: tuple[Scan, ...] = field(default=(), repr=False)

    @property
    def folder(self) -> str:
        """What stands before the names of its files in the archive."""
        return f"{self.name}/" if self.name else ""


def read_region(
    name: str, workspace: str | Path, patchset: str | Path | None = None, scans: tuple[Scan, ...] = ()
) -> Region:
    """Read a likelihood for publication; gzip is undone, otherwise the files stay byte for byte what they are.

    Raises
    ------
    InputError
        A file cannot be read or describes no valid model, the name is no name of a folder, or a scan belongs to another
        background.
    VerificationFailed
        The patch set was made for another workspace.
    """
    if name and not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a region: letters, digits and ._- only, 40 at most")
    texts = {WORKSPACE: read_bytes(workspace)}
    document = background_of(texts[WORKSPACE], str(workspace))
    patches = None
    if patchset is not None:
        texts[PATCHSET] = read_bytes(patchset)
        patches = from_document(parse_json(texts[PATCHSET], str(patchset)), str(patchset))
        if mismatches := patches.mismatches(document):
            raise VerificationFailed(
                f"{workspace}: {'; '.join(mismatches)} ({patchset}); make one for this workspace with "
                "hftranslate patchset create"
            )
    for path, data in zip((workspace, patchset), texts.values(), strict=False):
        _check_utf8(data, f"{path}")
    for scan in scans:
        _check_scan(scan, document, patches, str(workspace))
    return Region(
        name=name,
        document=document,
        workspace=pyhf_json.from_document(document, str(workspace)),
        patches=patches,
        texts=texts,
        scans=scans,
    )


def _check_utf8(data: bytes, source: str) -> None:
    """Refuse what others, who read it as UTF-8, could not."""
    try:
        data.decode()
    except UnicodeDecodeError:
        raise FormatError(f"{source}: what is published must be UTF-8; convert it (iconv -t utf-8)") from None


def _check_scan(scan: Scan, document: Mapping[str, Any], patches: PatchSet | None, source: str) -> None:
    made_for = scan.task.get("background_sha256")
    if made_for is not None and made_for != digest(document):
        raise InputError(f"the scan was made for another background-only workspace than {source}")
    if not scan.points:
        raise InputError(f"the scan for {source} has no point with a result: there is nothing to make a table of")
    known = {p.name for p in patches or ()}
    strangers = [p.name for p in scan.points if p.name not in known]
    if strangers:
        raise InputError(
            f"the scan has points that the patch set of {source} does not have: {', '.join(strangers[:3])}"
        )
