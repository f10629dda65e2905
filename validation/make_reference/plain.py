"""Functions of a model that are plain arithmetic: ROOT compiles and runs whatever a Function says.

The command judges models by hftranslate's own grammar before these scripts see them; this is for scripts run by hand.
"""

import re

_WORDS = re.compile(r"[A-Za-z_][\w.]*(?:::\w+)*", re.ASCII)
_CALL = re.compile(r"([A-Za-z_][\w.]*(?:::\w+)*)\s*\(", re.ASCII)
_SIGNS = re.compile(r"[\w\s.,()+*/%^@<>=!&|?:-]*", re.ASCII)
#: A parameter by its place.
_PLACE = re.compile(r"\bx\[\d+\]", re.ASCII)
_DEPENDENTS = re.compile(r"\s*[A-Za-z_][\w.]*\s*(\[[\d\s.,eE+-]*\])?\s*(,|$)", re.ASCII)
#: What may be called, with or without ``std::``; TMath is mathematics only.
_FUNCTIONS = frozenset(
    [
        "abs",
        "fabs",
        "sqrt",
        "cbrt",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "pow",
        "hypot",
        "min",
        "max",
        "fmin",
        "fmax",
        "fmod",
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
        "asinh",
        "acosh",
        "atanh",
        "erf",
        "erfc",
        "tgamma",
        "lgamma",
        "floor",
        "ceil",
        "round",
        "trunc",
        "int",
        "double",
        "sq",
        "sign",
    ]
)
#: What may be called of ROOT::Math, which has more than mathematics in it.
_OF_ROOT_MATH = frozenset(
    [
        "erf",
        "erfc",
        "expm1",
        "log1p",
        "tgamma",
        "lgamma",
        "gaussian_pdf",
        "gaussian_cdf",
        "gaussian_cdf_c",
        "normal_pdf",
        "normal_cdf",
        "normal_cdf_c",
    ]
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
    unknown = [f for f in _CALL.findall(expression) if not _may_be_called(f)]
    rest = dependents
    while (match := _DEPENDENTS.match(rest)) is not None and match.end() > 0:
        rest = rest[match.end() :]
    if (
        not _WORDS.fullmatch(name)
        or not _SIGNS.fullmatch(_PLACE.sub("x", expression))
        or "->" in expression
        or unknown
        or rest.strip()
    ):
        raise NotPlain(f"Function {name!r}: {expression!r} of {dependents!r} is more than arithmetic of parameters")
    return name, expression, dependents


def _may_be_called(name: str) -> bool:
    space, _, leaf = name.rpartition("::")
    return {"": leaf in _FUNCTIONS, "std": leaf in _FUNCTIONS, "ROOT::Math": leaf in _OF_ROOT_MATH, "TMath": True}.get(
        space, False
    )
