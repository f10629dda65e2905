"""On published workspaces the results are those of pyhf's functions, to the last digit and in the same order."""

import gzip
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hftranslate.editing import combine, prune, rename, sort
from hftranslate.errors import InputError
from hftranslate.formats.pyhf_json import from_document, to_document
from hftranslate.translation.as_json import pyhf_digest
from hftranslate.workspace import Workspace
from tests.conftest import shared_files, shared_folder

#: Of large files of one analysis, which have the same in them, one is enough.
LIKE_ANOTHER = {
    "workspaces/ATLAS-SUSY-2018-04/Region-highMass/BkgOnly.json.gz",
    "workspaces/ATLAS-SUSY-2018-04/Region-lowMass/BkgOnly.json.gz",
    "workspaces/ATLAS-SUSY-2018-16/EWKinos_BkgOnly_SR2l.json.gz",
    "workspaces/ATLAS-SUSY-2018-16/Sleptons_BkgOnly.json.gz",
    "workspaces/ATLAS-SUSY-2018-31/RegionB/BkgOnly.json.gz",
    "workspaces/ATLAS-SUSY-2018-31/RegionC/sbottom_600_280_150_complete.json.gz",
    "workspaces/ATLAS-SUSY-2019-08/SRLMEM_single_channel.json.gz",
}
FILES = [name for name in shared_files("workspaces/**/*.json*") if name not in LIKE_ANOTHER]


@pytest.fixture(scope="module")
def pyhf() -> Iterator[Any]:
    """pyhf, without the judgement of a schema on each result: it takes longer than all else."""
    import pyhf

    validate = pyhf.schema.validate
    pyhf.schema.validate = lambda *_a, **_k: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield pyhf
    finally:
        pyhf.schema.validate = validate


def _document(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


@pytest.fixture(scope="module", params=FILES)
def document(request: pytest.FixtureRequest) -> Any:
    return _document(shared_folder() / request.param)


@pytest.fixture(scope="module")
def workspace(document: Any) -> Workspace:
    return from_document(document)


@pytest.fixture(scope="module")
def theirs(document: Any, pyhf: Any) -> Any:
    return pyhf.Workspace(document)


def same(ours: Workspace, theirs: Any) -> None:
    # as text: 50 is not 50.0, and the order of lists counts
    assert json.dumps(to_document(ours), sort_keys=True) == json.dumps(theirs, sort_keys=True)


def names(document: Any) -> dict[str, list[str]]:
    samples = [s for c in document["channels"] for s in c["samples"]]
    alone = {c["samples"][0]["name"] for c in document["channels"] if len(c["samples"]) == 1}
    return {
        "channels": [c["name"] for c in document["channels"]],
        "samples": sorted({s["name"] for s in samples} - alone),
        "modifiers": sorted({m["name"] for s in samples for m in s["modifiers"]}),
        "modifier_types": sorted({m["type"] for s in samples for m in s["modifiers"]}),
        "measurements": [m["name"] for m in document["measurements"]],
    }


@pytest.mark.slow
def test_prune(document: Any, workspace: Workspace, theirs: Any) -> None:
    known = names(document)
    for what, found in known.items():
        chosen = found[::2] if len(found) > 1 else []
        if what == "samples":
            chosen = found[:1]
        if what == "modifier_types":  # pyhf forgets a type whose names all have another type as well
            chosen = [t for t in found[::2] if t in dict(theirs.modifiers).values()]
        if what in ("channels", "measurements"):
            chosen = found[1::2]
        options = {what: chosen}
        same(prune(workspace, **options), theirs.prune(**options))  # type: ignore[arg-type]


@pytest.mark.slow
def test_rename(document: Any, workspace: Workspace, theirs: Any) -> None:
    known = names(document)
    for what in ("channels", "samples", "modifiers", "measurements"):
        mapping = {old: f"new {old}" for old in known[what][::2] if old != "lumi"}
        same(rename(workspace, **{what: mapping}), theirs.rename(**{what: mapping}))
    if len(known["channels"]) > 1:  # two exchange their names
        a, b = known["channels"][:2]
        same(rename(workspace, channels={a: b, b: a}), theirs.rename(channels={a: b, b: a}))


@pytest.mark.slow
def test_sort_and_digest(workspace: Workspace, theirs: Any, pyhf: Any) -> None:
    same(sort(workspace), pyhf.Workspace.sorted(theirs))
    for algorithm in ("sha256", "md5"):
        assert pyhf_digest(workspace, algorithm) == pyhf.utils.digest(theirs, algorithm=algorithm)


#: Combining is quadratic in pyhf: the large ones, which have nothing more in them, would take a minute.
SMALL = [f for f in FILES if (shared_folder() / f).stat().st_size < (50_000 if f.endswith(".gz") else 180_000)]


@pytest.mark.slow
@pytest.mark.parametrize("document", SMALL, indirect=True)
def test_combine_what_is_disjoint(document: Any, workspace: Workspace, theirs: Any, pyhf: Any) -> None:
    known = names(document)
    renamed = {
        "channels": {n: f"{n}_2" for n in known["channels"]},
        "measurements": {n: f"{n}_2" for n in known["measurements"]},
    }
    orphans = {o["name"] for o in document["observations"]} - set(known["channels"])
    one, two = theirs, theirs.rename(**renamed)
    for join in ("none", "outer", "left outer", "right outer"):
        if orphans and join == "none":
            with pytest.raises(pyhf.exceptions.InvalidWorkspaceOperation):
                pyhf.Workspace.combine(one, two, join=join)
            with pytest.raises(InputError, match="both workspaces have the observation"):
                combine(workspace, rename(workspace, **renamed), join=join)
            continue
        both = pyhf.Workspace.combine(one, two, join=join)
        same(combine(workspace, rename(workspace, **renamed), join=join), both)


@pytest.mark.slow
@pytest.mark.parametrize("document", SMALL, indirect=True)
def test_combine_what_overlaps(document: Any, workspace: Workspace, theirs: Any, pyhf: Any) -> None:
    known = names(document)
    mapping = {n: f"{n} of the other" for n in known["samples"][::2]}
    one, two = theirs, theirs.rename(samples=mapping)
    other = rename(workspace, samples=mapping)
    for join in ("outer", "left outer", "right outer"):
        same(combine(workspace, workspace, join=join), pyhf.Workspace.combine(one, one, join=join))
        for merge in (False, True):
            if join == "outer" and not merge and mapping:
                with pytest.raises(pyhf.exceptions.InvalidWorkspaceOperation):
                    pyhf.Workspace.combine(one, two, join=join)
                with pytest.raises(InputError, match="and they differ"):
                    combine(workspace, other, join=join)
                continue
            both = pyhf.Workspace.combine(one, two, join=join, merge_channels=merge)
            same(combine(workspace, other, join=join, merge_channels=merge), both)


@pytest.mark.parametrize("join", ["none", "outer", "left outer", "right outer"])
def test_combine_two_regions(join: Any, shared: Path, pyhf: Any) -> None:
    """Different workspaces that share a measurement with other settings, or not."""
    base = shared / "workspaces" / "ATLAS-SUSY-2018-31"
    documents = [_document(base / f"Region{r}" / "BkgOnly.json.gz") for r in "AC"]
    ours = [from_document(d) for d in documents]
    theirs = [pyhf.Workspace(d) for d in documents]
    try:
        expected = pyhf.Workspace.combine(*theirs, join=join)
    except pyhf.exceptions.InvalidWorkspaceOperation:
        with pytest.raises(InputError, match="both workspaces have the"):
            combine(*ours, join=join)
    else:
        same(combine(*ours, join=join), expected)
