"""Random formulas, as people write them and as nobody would: ROOT and we must read them alike."""

import random

from hftranslate.workspace.constants import CONSTANT_FUNCTIONS, CONSTANTS
from hftranslate.workspace.formula_functions import FUNCTIONS

#: Names that ROOT's search for names stumbles over are among them: short ones, and ones inside others.
NAMES = (
    ("mu", "nu", "xx"),
    ("alpha_JES", "k_bkg"),
    ("a", "b"),
    ("x", "y"),
    ("mu",),
    ("alpha_a", "alpha_ab", "alpha"),
    ("p", "pp", "e1"),
    ("t", "mu_t"),
)
_OPERATORS = ["+", "-", "*", "/", "+", "-", "*", "/", "^", "**", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "%"]


def formula(r: random.Random, names: tuple[str, ...], depth: int) -> str:
    """A text of the language of formulas; many of them mean nothing."""

    def part() -> str:
        return formula(r, names, depth - 1)

    def blank() -> str:
        return r.choice(("", "", " "))

    kind = r.random() if depth > 0 else 0.0
    if kind < 0.15:
        return _atom(r, names)
    if kind < 0.5:
        return f"{part()}{blank()}{r.choice(_OPERATORS)}{blank()}{part()}"
    if kind < 0.62:
        return f"({blank()}{part()})"
    if kind < 0.72:
        return f"{r.choice('-+!-')}{blank()}{part()}"
    if kind < 0.8:
        return f"{part()}{blank()}?{blank()}{part()}{blank()}:{part()}"
    name = r.choice([*FUNCTIONS, "sq", "sign"])
    function = FUNCTIONS.get(name)
    n = 1 if name == "sq" else 2 if function is None else r.randint(function.least, function.most)
    return f"{name}({','.join(part() for _ in range(n))})"


def _atom(r: random.Random, names: tuple[str, ...]) -> str:
    kind = r.random()
    if kind < 0.5:
        return r.choice(names)
    if kind < 0.55:
        return f"@{r.randrange(len(names))}"
    if kind < 0.6:
        return f"x[{r.randrange(len(names))}]"
    if kind < 0.66:
        return r.choice([*CONSTANTS, *(f"{name}()" for name in CONSTANT_FUNCTIONS)])
    numbers = (
        str(r.randint(0, 50)),
        f"{r.uniform(0, 5):.2f}",
        f"{r.uniform(0.1, 5):.1e}",
        f"{r.randint(1, 9)}.",
        f".{r.randint(1, 9)}",
        f"{r.randint(1, 3)}e{r.randint(-2, 2)}",
    )
    return r.choice(numbers)


def cases(seed: int, n: int) -> list[tuple[str, tuple[str, ...], list[list[float]]]]:
    """Formulas, their parameters, and values of these: whole, short and long numbers."""
    r = random.Random(seed)
    found = []
    while len(found) < n:
        names = r.choice(NAMES)
        text = formula(r, names, r.randint(1, 4))
        points = [[0.0 + round(r.uniform(-2.0, 4.0), r.choice((0, 1, 4))) for _ in names] for _ in range(3)]
        if len(text) <= 150:
            found.append((text, names, points))
    return found
