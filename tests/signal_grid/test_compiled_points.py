"""Models of points, of which only what a patch changes is read and compiled: the same to the last bit as in full."""

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hftranslate.formats.json_patch import apply_patch
from hftranslate.formats.pyhf_json import from_document
from hftranslate.likelihood.compile import compile_model
from hftranslate.signal_grid import Patch, PatchSet, read_patchset
from hftranslate.signal_grid.tasks import Background, ScanSettings, model_of
from hftranslate.workspace import CONVENTIONS
from tests.likelihood.arrays import arrays
from tests.signal_grid.grid import background, patches

Json = dict[str, Any]


def assert_same(document: Json, found: PatchSet | list[Patch], conventions: str) -> None:
    """Each point as part of a scan, and alone from a document of its own."""
    shared, settings = Background(document), ScanSettings(conventions=conventions)
    before = deepcopy(document)
    for patch in found:
        operations = deepcopy(patch.operations)
        alone = from_document(apply_patch(deepcopy(document), deepcopy(operations)))
        for one, other in zip(
            model_of(shared, patch, settings), compile_model(alone, None, CONVENTIONS[conventions]), strict=True
        ):
            assert arrays(one) == arrays(other)
        assert patch.operations == operations
    assert document == before


@pytest.mark.parametrize("conventions", sorted(CONVENTIONS))
def test_of_the_small_grid(conventions: str) -> None:
    assert_same(background(), patches(), conventions)


@pytest.mark.parametrize("conventions", sorted(CONVENTIONS))
def test_patches_that_change_the_background(conventions: str) -> None:
    sample = deepcopy(background()["channels"][0]["samples"][1])
    inside = "/channels/0/samples/-"
    several: list[list[Json]] = [
        [],
        [{"op": "replace", "path": "/channels/0/samples/0/data/1", "value": 60.0}],
        [{"op": "replace", "path": "/channels/0/samples/0/modifiers/0/data/hi", "value": 1.3}],
        [{"op": "remove", "path": "/channels/1"}],
        [{"op": "remove", "path": "/channels/0/samples/0"}],
        [{"op": "add", "path": inside, "value": {**sample, "name": "new"}}],
        [
            {"op": "add", "path": inside, "value": {**sample, "name": "new"}},
            {"op": "replace", "path": "/channels/0/samples/2/data/0", "value": 5.0},
        ],
        [{"op": "copy", "from": "/channels/0/samples/0/modifiers/0", "path": "/channels/0/samples/1/modifiers/-"}],
        [{"op": "move", "from": "/channels/0/samples/1", "path": "/channels/0/samples/0"}],
        [{"op": "replace", "path": "/observations/1/data", "value": [70, 80]}],
    ]
    points = [Patch(name=f"p{i}", values=(i,), operations=operations) for i, operations in enumerate(several)]
    assert_same(background(), points, conventions)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "workspace"),
    [
        ("ATLAS-SUSY-2018-04/Region-combined/patchset.json.gz", None),
        ("ATLAS-SUSY-2018-04/Region-highMass/patchset.json.gz", None),
        ("ATLAS-SUSY-2018-04/Region-lowMass/patchset.json.gz", None),
        ("ATLAS-SUSY-2018-32/simplified_patchset.json.gz", "ATLAS-SUSY-2018-32/simplified_BkgOnly.json"),
        ("ATLAS-SUSY-2019-08/patchset.json.gz", None),
    ],
)
def test_of_published_grids(name: str, workspace: str | None, shared: Path) -> None:
    path = shared / "workspaces" / (workspace or name.replace("patchset.json.gz", "BkgOnly.json.gz"))
    data = path.read_bytes()
    document = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    found = read_patchset(shared / "patchsets" / name).patches
    chosen = [found[i] for i in (0, len(found) // 2, -1)]
    for conventions in sorted(CONVENTIONS):
        assert_same(document, chosen, conventions)
