"""The signals of a grid: patch sets of one background-only workspace, scanned point by point.

A :class:`PatchSet` is read (:func:`read_patchset`), verified, looked up, applied, or made (:func:`create`) from the
workspaces or patches of the signals; :func:`scan` gives CLs or limits of all its points, :func:`take_slice` and
:func:`contour_lines` the lines where they cross the level.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
