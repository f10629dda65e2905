"""Patch sets: the signals of a grid as JSON patches of one background-only workspace (pyhf's schema 1.0.0).

Read, verify, look up and apply them (:mod:`~hftranslate.signal_grid.document`), find the patch between two workspaces
(:mod:`~hftranslate.signal_grid.changes`), name points by a pattern (:mod:`~hftranslate.signal_grid.point_names`) and
make a patch set of them (:mod:`~hftranslate.signal_grid.creation`).
"""

from hftranslate.signal_grid.changes import changes, same_model
from hftranslate.signal_grid.creation import Signal, create
from hftranslate.signal_grid.document import Patch, PatchSet, digest, read_patchset
from hftranslate.signal_grid.point_names import PointNames

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
