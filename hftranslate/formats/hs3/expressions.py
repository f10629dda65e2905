"""Functions in the words of HS3's generic functions, which name their variables."""

import re

from hftranslate.workspace import Function
from hftranslate.workspace.expressions import parse_dependents

_INDEX = re.compile(r"@(\d+)|(?<![\w.])x\[(\d+)\]")


def as_formula(function: Function) -> str:
    """The expression with names in place of ``@0`` and ``x[0]``."""
    names = [d.name for d in parse_dependents(function.dependents)]

    def name(match: re.Match[str]) -> str:
        i = int(match[1] or match[2])
        return names[i] if i < len(names) else match[0]

    return _INDEX.sub(name, function.expression)


def only_word(function: Function) -> str | None:
    """The parameter that a function is, if it is nothing else."""
    text = as_formula(function).strip()
    return text if text in {d.name for d in parse_dependents(function.dependents)} else None
