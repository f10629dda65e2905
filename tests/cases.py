"""The runnable cases of the shared data: published models with reference numbers from pyhf."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonpatch

from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.formats.pyhf_json import from_document
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import Workspace
from tests.conftest import shared_files, shared_folder


def load_json(relative: str) -> Any:
    """A JSON document of the shared data, compressed or not."""
    path = shared_folder() / relative
    return parse_json(read_bytes(path), str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One entry of ``cases.json``: a workspace, perhaps with a signal patch."""

    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.entry["id"])

    @property
    def poi(self) -> str | None:
        return self.entry["poi"]

    @property
    def reference(self) -> Mapping[str, Any]:
        """What pyhf 0.7.6 found: ``nll_at_suggested_init``, ``CLs_mu1_obs``, ``CLs_mu1_exp``."""
        return self.entry["pyhf_0.7.6"]

    def document(self) -> Any:
        """The raw document with its patch applied."""
        document = load_json(self.entry["workspace"])
        if self.entry.get("patch"):
            return jsonpatch.apply_patch(document, load_json(self.entry["patch"]))
        if self.entry.get("patchset"):
            patches = load_json(self.entry["patchset"])["patches"]
            patch = next(p for p in patches if p["metadata"]["name"] == self.entry["patch_name"])
            return jsonpatch.apply_patch(document, patch["patch"])
        return document


def entries(kind: str) -> list[Any]:
    """What the table of the shared data lists: ``cases`` or ``xml``; nothing where the shared data are absent."""
    return [entry for name in shared_files("cases.json") for entry in load_json(name)[kind]]


@cache
def _all() -> dict[str, Case]:
    return {c["id"]: Case(entry=c) for c in entries("cases")}


def case_ids() -> list[str]:
    """Names of all cases; empty where the shared data are absent, so that tests over them are skipped."""
    return list(_all())


def case(name: str) -> Case:
    """A case by its name; where the shared data are absent, the test that asks is skipped."""
    shared_folder()
    return _all()[name]


@cache
def workspace(name: str) -> Workspace:
    return from_document(case(name).document(), name)


@cache
def compiled(name: str) -> tuple[Model, Data]:
    """Our model and data of a case, under pyhf's conventions."""
    return compile_model(workspace(name))


@cache
def pyhf_model(name: str) -> tuple[Any, Any]:
    """pyhf's model and data of a case."""
    import pyhf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyhf.set_backend("numpy", precision="64b")
        space = pyhf.Workspace(case(name).document(), validate=False)
        known = case(name).poi in (p for m in space.modifiers for p in m[:1])
        model = space.model(validate=False) if known else space.model(validate=False, poi_name=None)
        return model, space.data(model)
