"""What the steps of a dialect (:mod:`hftranslate.formats.pyhf_json.dialect` is one) are made of."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from hftranslate.formats.outcomes import Kind, Outcome
from hftranslate.records import record
from hftranslate.workspace import Modifier, Workspace

Outcomes: TypeAlias = tuple[Outcome, ...]
Rewriting: TypeAlias = tuple[Workspace, Outcomes]
#: What a modifier becomes, by channel, sample and name.
Replacements: TypeAlias = dict[tuple[str, str, str], Modifier]


@record
class Step:
    """One rewriting of a dialect, with a name for reports."""

    name: str
    apply: Callable[[Workspace], Rewriting]


def outcome(kind: Kind, where: str, what: str) -> Outcome:
    """An outcome without a measured effect."""
    return Outcome(kind=kind, where=where, what=what)


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first few of many."""
    all_names = list(names)
    shown = ", ".join(repr(n) for n in all_names[:4])
    return shown + (f" and {len(all_names) - 4} more" if len(all_names) > 4 else "")
