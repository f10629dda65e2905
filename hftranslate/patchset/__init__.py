"""Patch sets: the signals of a grid as JSON patches of one background-only workspace (pyhf's schema 1.0.0).

Read, verify, look up and apply them (:mod:`~hftranslate.patchset.document`), find the patch between two workspaces
(:mod:`~hftranslate.patchset.changes`), name points by a pattern (:mod:`~hftranslate.patchset.naming`) and make a patch
set of them (:mod:`~hftranslate.patchset.creation`).
"""

from hftranslate.patchset.changes import changes, same_model
from hftranslate.patchset.creation import Signal, create
from hftranslate.patchset.document import Patch, PatchSet, digest, read_patchset
from hftranslate.patchset.naming import PointNames

__all__ = [
    "Patch",
    "PatchSet",
    "PointNames",
    "Signal",
    "changes",
    "create",
    "digest",
    "read_patchset",
    "same_model",
]
