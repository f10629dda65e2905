"""Workspace in, Workspace out: prune, rename, combine, sort, strip.

For what pyhf JSON can say the results are those of pyhf's functions of the same names. Whatever else a workspace holds
(bin edges, constraint terms, functions, several parameters of interest) follows.
"""

from hftranslate.editing.combining import Join, combine, set_aside
from hftranslate.editing.ordering import sort
from hftranslate.editing.pruning import Places, prune
from hftranslate.editing.renaming import rename
from hftranslate.editing.side_effects import consequences
from hftranslate.editing.stripping import strip

__all__ = ["Join", "Places", "combine", "consequences", "prune", "rename", "set_aside", "sort", "strip"]
