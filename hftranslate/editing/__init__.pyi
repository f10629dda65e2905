from hftranslate.editing.combining import Join, combine, set_aside
from hftranslate.editing.negligible import (
    Negligible,
    PruningEffect,
    negligible,
    prune_negligible,
    pruned_document,
    pruned_text,
    pruning_effects,
)
from hftranslate.editing.ordering import sort
from hftranslate.editing.pruning import Places, prune
from hftranslate.editing.renaming import rename
from hftranslate.editing.side_effects import consequences
from hftranslate.editing.stripping import strip

__all__ = [
    "Join",
    "Negligible",
    "Places",
    "PruningEffect",
    "combine",
    "consequences",
    "negligible",
    "prune",
    "prune_negligible",
    "pruned_document",
    "pruned_text",
    "pruning_effects",
    "rename",
    "set_aside",
    "sort",
    "strip",
]
