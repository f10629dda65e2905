"""Functions of a model that are plain arithmetic: ROOT compiles and runs whatever a Function says.

The command judges models by hftranslate's own grammar before these scripts see them; this is for scripts run by hand.
"""

import re

_WORDS = re.compile(r"[A-Za-z_][\w.]*(?:::\w+)*", re.ASCII)
_CALL = re.compile(r"([A-Za-z_][\w.]*(?:::\w+)*)\s*\(", re.ASCII)
_SIGNS = re.compile(r"[\w\s.,()+*/^@<>=!&|?:-]*", re.ASCII)
_DEPENDENTS = re.compile(r"\s*[A-Za-z_][\w.]*\s*(\[[\d\s.,eE+-]*\])?\s*(,|$)", re.ASCII)
#: What may be called, without namespace; TMath is mathematics only.
_FUNCTIONS = frozenset(
    (
        "abs",
        "fabs",
        "sqrt",
        "exp",
        "log",
        "log10",
        "log2",
        "pow",
        "min",
        "max",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "sinh",
        "cosh",
        "tanh",
        "erf",
        "erfc",
        "floor",
        "ceil",
        "sq",
        "sign",
        "int",
    )
)


class NotPlain(ValueError):
    """A Function is more than arithmetic of parameters."""


def plain_function(name: str, expression: str, dependents: str) -> tuple[str, str, str]:
    """The three texts, if they are arithmetic of parameters.

    Raises
    ------
    NotPlain
        They say more than that.
    """
    called = [f.removeprefix("std::") for f in _CALL.findall(expression)]
    unknown = [f for f in called if not f.startswith("TMath::") and f not in _FUNCTIONS]
    rest = dependents
    while (match := _DEPENDENTS.match(rest)) is not None and match.end() > 0:
        rest = rest[match.end() :]
    if not _WORDS.fullmatch(name) or not _SIGNS.fullmatch(expression) or "->" in expression or unknown or rest.strip():
        raise NotPlain(f"Function {name!r}: {expression!r} of {dependents!r} is more than arithmetic of parameters")
    return name, expression, dependents
