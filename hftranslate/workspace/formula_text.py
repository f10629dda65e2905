"""What ROOT's RooFormula and TFormula make of the text of a formula before a C++ compiler sees it.

A formula means what the compiler reads, and the way there is by text, not by grammar: the search for the names of
parameters steps over some of them, ``^`` takes its exponent up to the next operator (neither ``,`` nor ``:`` is one),
and blanks are gone before numbers are read. ``x>1?x^2:1`` therefore becomes ``x[0]>1?pow(x[0],2:1)``, which no compiler
takes, and ``x^-(y+1)`` becomes ``pow(x[0],-(x[1])+1)``, which it does. The same steps are made here, as ROOT 6.40 makes
them.
"""

import re
from collections.abc import Sequence

from hftranslate.errors import Unsupported

_WORD_BOUNDARY = re.compile(r"\b", re.ASCII)
_REFERENCE = re.compile(r"@(\d*)(@?)", re.ASCII)  # of two in a row the second is passed over
#: Short names of TFormula; not known after the ``:`` of a choice.
_LONG = {"sq": "TMath::Sq", "sign": "TMath::Sign"}
_SHORT = re.compile(r"(?<![A-Za-z:])(sq|sign)(?=\()", re.ASCII)
_MOST_POWERS = 200
_OPERATORS = frozenset("+^-/*<>|&!=?%")
_BRACKETS = frozenset("(){}")


def compiled_text(text: str, names: Sequence[str]) -> str:
    """The C++ that ROOT compiles for a formula of the given parameters, which it calls ``x[0]``, ``x[1]``, ...

    Raises
    ------
    Unsupported
        ``++``, which makes a linear sum with coefficients of its own.
    """
    text = _with_indices(_REFERENCE.sub(r"x[\1]\2", text), names)
    if "++" in text:
        raise Unsupported(f"the expression {text[:40]!r} cannot be evaluated: '++' has a meaning of its own in ROOT")
    text = _with_powers(text.replace("**", "^").replace(" ", ""))
    text = text.replace("--", "- -").replace("++", "+ +")
    return _SHORT.sub(lambda match: _LONG[match[1]], text)


def _with_indices(text: str, names: Sequence[str]) -> str:
    """Names replaced by ``x[i]``, one name after the other.

    Where a name is found inside a longer word, ROOT goes on behind as many characters as ``x[i]`` has: it misses ``x``
    in ``exp(x)``.
    """
    boundaries = {match.start() for match in _WORD_BOUNDARY.finditer(text)} | {len(text)}
    flags = [i in boundaries for i in range(len(text) + 1)]
    for i, name in enumerate(names):
        new, n = f"x[{i}]", len(name)
        pieces: list[str] = []
        moved: list[bool] = []
        done, at = 0, text.find(name)
        while at >= 0:
            end = at + n
            if flags[at] and flags[end] and text[end : end + 1] not in ("[", "]"):
                pieces += (text[done:at], new)
                moved += flags[done:at] + (flags[at:end] + [False] * len(new))[: len(new)]
                done, at = end, text.find(name, end)
            else:
                at = text.find(name, at + len(new))
        text, flags = "".join((*pieces, text[done:])), moved + flags[done:]
    return text


def _with_powers(text: str) -> str:
    """``a^b`` as ``pow(a,b)``, from the last one to the first."""
    if text.count("^") > _MOST_POWERS:
        raise Unsupported(f"the expression {text[:40]!r}... has more than {_MOST_POWERS} powers")
    while (caret := text.rfind("^")) >= 0:
        if caret in (0, len(text) - 1):
            raise Unsupported(f"the expression {text[:40]!r} cannot be evaluated: '^' needs a number on both sides")
        start, end = _start_of_base(text, caret), _end_of_exponent(text, caret)
        text = f"{text[:start]}pow({text[start:caret]},{text[caret + 1 : end]}){text[end:]}"
    return text


def _start_of_base(text: str, caret: int) -> int:
    """A group in parentheses, then whatever stands before it up to an operator or a bracket."""
    at = caret - 1
    if text[at] == ")":
        depth = 1
        at -= 1
        while depth and at > 0:
            depth += {")": 1, "(": -1}.get(text[at], 0)
            at -= 1
        at += depth == 0
    while True:
        at -= 1
        if at >= 2 and _is_exponent_sign(text, at - 1):
            at -= 3
        if at < 0 or text[at] in _OPERATORS or text[at] in _BRACKETS:
            return max(at + 1, 0)  # a group that nothing opens begins with the text


def _end_of_exponent(text: str, caret: int) -> int:
    """A group in parentheses, or everything up to an operator or a closing parenthesis."""
    at, depth = caret + 1, 0
    if text[at] == "(":
        depth = 1
        while depth and at + 1 < len(text):
            at += 1
            depth += {"(": 1, ")": -1}.get(text[at], 0)
        return at + 1
    at += text[at] in "+-"
    while at < len(text) and (depth or text[at] not in _OPERATORS):
        at += 1
        if at >= 2 and _is_exponent_sign(text, at):
            at += 2
        if at < len(text) and text[at] == "(":
            depth += 1
        elif at < len(text) and text[at] == ")":
            if not depth:
                break
            depth -= 1
    return at


def _is_exponent_sign(text: str, at: int) -> bool:
    """Whether this is the ``e`` of a number such as ``2.e-3``."""
    if not (0 < at < len(text) - 1 and text[at] in "eE"):
        return False
    return (text[at - 1].isdigit() or text[at - 1] == ".") and (text[at + 1].isdigit() or text[at + 1] in "+-")
