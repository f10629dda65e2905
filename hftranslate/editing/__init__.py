"""Workspace in, Workspace out: prune, rename, combine, sort, strip.

For what pyhf JSON can say the results are those of pyhf's functions of the same names. Whatever else a workspace holds
(bin edges, constraint terms, functions, several parameters of interest) follows. :func:`consequences` says what an edit
did besides; :func:`negligible` finds modifiers that do next to nothing, :func:`prune_negligible` takes them out.
"""

from hftranslate.faces import open_face

__getattr__, __dir__, __all__ = open_face(__name__)
