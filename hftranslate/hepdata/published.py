"""Tables as they are published: numbers with their precision, and what they say about the points of a patch set."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import permutations
from math import isfinite
from typing import Any, Literal, TypeAlias

from hftranslate.hepdata.tables import IN_FB
from hftranslate.signal_grid import PatchSet
from hftranslate.signal_grid.document import parse_value
from hftranslate.signal_grid.tasks import What

#: The quantities of a point: observed, and expected at -2, ..., +2 standard deviations.
Quantity: TypeAlias = Literal["observed", 0, 1, 2, 3, 4]
#: How far apart two computations of one number may be: fits stop near the minimum, not at it.
RELATIVE, ABSOLUTE = 1e-3, 1e-5
#: What stands where a record says that there is no number.
BLANK = ("", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}")
_SCALES = {"%": 0.01, "tev": 1000.0, "mev": 1e-3}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedColumn:
    """A column of a table, with all entries as written."""

    name: str
    texts: Sequence[str]
    units: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """What turns its numbers into GeV, or into fractions of one."""
        return _SCALES.get(self.units.casefold(), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """A table with all entries as written."""

    name: str
    independent: Sequence[PublishedColumn]
    dependent: Sequence[PublishedColumn]

    @property
    def qualifiers(self) -> Mapping[str, str]:
        """Those of all its columns."""
        return {name: value for c in self.dependent for name, value in c.qualifiers.items()}


def published_table(name: str, document: Any) -> PublishedTable | None:
    """A table from its YAML document with scalars as text; ``None`` where it has not the form of one."""
    try:
        independent, dependent = (
            [_column(c) for c in document[f"{kind}_variables"]] for kind in ("independent", "dependent")
        )
    except (KeyError, TypeError, AttributeError):
        return None
    return PublishedTable(name=name, independent=independent, dependent=dependent)


def _column(node: Mapping[str, Any]) -> PublishedColumn:
    name = str(node["header"]["name"])
    in_brackets = re.search(r"[\[(/]\s*\$?(?:\\\w+\{)?([A-Za-z]{1,3}|%)\}?\$?\s*[\])]?\s*$", name)
    return PublishedColumn(
        name=name,
        texts=[str(v.get("value", v.get("low", ""))) for v in node["values"]],
        units=str(node["header"].get("units") or (in_brackets[1] if in_brackets else "")),
        qualifiers={q["name"]: str(q["value"]) for q in node.get("qualifiers") or ()},
    )


def number(text: str) -> tuple[float, float] | None:
    """A number as written, and the size of a unit of its last digit; ``None`` for text.

    >>> number("0.0130")
    (0.013, 0.0001)
    >>> number("1.2e-3")
    (0.0012, 0.0001)
    """
    try:
        decimal = Decimal(text.strip().replace("_", ""))
    except InvalidOperation:
        return None
    exponent, value = decimal.as_tuple().exponent, float(decimal)
    return (value, float(f"1e{exponent}")) if isinstance(exponent, int) and isfinite(value) else None


def agrees(text: str, computed: float, scale: float = 1.0) -> bool:
    """Whether a computed number is the published one, in units of ``scale``, within its digits and those of fits."""
    found = number(text)
    if found is None:
        return False
    value, unit = (scale * x for x in found)
    return abs(value - computed) <= 0.5 * unit * (1.0 + 1e-9) + RELATIVE * abs(computed) + ABSOLUTE


# --------------------------------------------------------------------------------------------------------------- words
def plain(text: str) -> str:
    r"""A header without the dress of LaTeX, in lower case.

    >>> plain(r"Observed $\mathrm{CL}_{\mathrm{s}}$"), plain("CLs_obs")
    ('observed cls', 'cls obs')
    """
    bare = re.sub(r"\\(?:math|text)?(?:rm|it|bf|tt|sf|text)\b|\\(?:tilde|hat|bar|left|right|[,;:! ])|[${}]", "", text)
    bare = (
        re.sub("[~^]", " ", bare)
        .replace("\N{MINUS SIGN}", "-")
        .replace("\N{GREEK SMALL LETTER SIGMA}", " sigma")
        .replace("\\", " ")
    )
    bare = re.sub(r"\bCL[\s_]*s(?![a-z])", "CLs", bare, flags=re.IGNORECASE)
    return " ".join(bare.replace("_", " ").casefold().split())


def _key(text: str) -> str:
    """What is compared of a label and a header: letters and digits, without units in brackets."""
    bare = re.sub(r"\[[^\]]*\]\s*$|\(\s*\W*[kMGT]?eV\W*\)\s*$|/\s*[kMGT]?eV\s*$", "", text)
    return re.sub(r"[^a-z0-9]", "", plain(bare).replace(" ", ""))


def _quantity(text: str) -> Quantity | None:
    """What a column says of CLs or limits, by its plain name; theory's variations are none of ours."""
    band = re.search(r"([+-]|\bminus|\bplus)\s*([12])(?![\d.]*\d)", text)
    worded = re.search(r"\b([12])\s*(?:sigma|s\.?d\.?)?\s*(up|down)\b", text)
    step = 0
    if band is not None:
        step = int(band[2]) * (-1 if band[1] in ("-", "minus") else 1)
    elif worded is not None:
        step = int(worded[1]) * (-1 if worded[2] == "down" else 1)
    elif re.search(r"\bsigma\b(?!\s*(?:vis|bsm|\())|theor", text) and re.search(r"[12]|theor", text):
        return None
    if re.search(r"\bobs", text):
        return None if step else "observed"
    steps: dict[int, Quantity] = {-2: 0, -1: 1, 0: 2, 1: 3, 2: 4}
    return steps[step] if re.search(r"\bexp", text) or step else None


def what_of(column: PublishedColumn, name: str = "") -> What | Literal["cross section"] | None:
    """Whether a column holds CLs, limits on a signal strength, or limits on a cross section."""
    text = plain(name or column.name)
    if re.search(r"\bcls\b", text):
        return "cls"
    if not re.search(r"\blimits?\b", text):
        return None
    on_section = re.search(r"cross.?section|sigma vis|\bxsec|\bvisible\b", text)
    return "cross section" if on_section or column.units in IN_FB else "limit"


# -------------------------------------------------------------------------------------------------------------- points
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPoints:
    """What a table says about points.

    Attributes
    ----------
    rows
        for each row the name of its patch; ``None`` where there is no such patch.
    columns
        what each column of CLs or limits says.
    factors
        what the limits of each patch are multiplied with: its cross section in the units of the table.
    """

    table: PublishedTable
    what: What
    rows: Sequence[str | None]
    columns: Sequence[tuple[Quantity, PublishedColumn]]
    factors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Why CLs or limits of a table are not compared."""

    table: PublishedTable
    reason: str
    status: Literal["warning", "note"] = "warning"


def points_of(
    table: PublishedTable,
    patches: PatchSet,
    region: str = "",
    columns: Mapping[str, str] | None = None,
    sections: Mapping[str, float] | None = None,
) -> Iterator[PublishedPoints | Unread]:
    """CLs and limits of the points of a patch set in a table, or why they cannot be read; nothing where it has none.

    Parameters
    ----------
    region
        where another is named by the table, it has nothing for these patches.
    columns
        the header of a label of the patch set, or of a quantity (``CLs_obs``, ``limit_exp_-1``), where words and
        values do not tell.
    sections
        cross sections of patches in fb, by which limits on cross sections are read.
    """
    told = {header: key for key, header in (columns or {}).items()}
    found: dict[str, list[tuple[Quantity | None, PublishedColumn]]] = {}
    for c in table.dependent:
        name = told.get(c.name, c.name)
        what = what_of(c, name)
        if what is not None:
            quantity = _quantity(plain(" ".join([name, *c.qualifiers.values()]))) or _quantity(plain(name))
            found.setdefault(what, []).append((quantity, c))
    if not found or not is_about(table, region):
        return
    if not sections and (on_sections := found.pop("cross section", None)):
        reason = (
            f"{on_sections[0][1].name!r} is a limit on a cross section, not on the signal strength: it was left alone"
        )
        yield Unread(table=table, reason=f"{reason} (--cross-section XSEC.csv)", status="note")
    if not found:
        return
    rows = _rows(table, patches, columns or {})
    if isinstance(rows, str):
        yield Unread(table=table, reason=rows)
        return
    for kind, list_ in found.items():
        has_observed = any(q == "observed" for q, _ in list_)
        quantities = [(q, c) for q, c in list_ if q is not None]
        bare: list[tuple[Quantity, PublishedColumn]] = [
            ("observed", c) for q, c in list_ if q is None and plain(c.name) in ("cls", "limit", "upper limit")
        ]
        quantities += [] if has_observed else bare
        if quantities:
            in_fb = {n: x / IN_FB.get(quantities[0][1].units, 1.0) for n, x in (sections or {}).items()}
            yield PublishedPoints(
                table=table,
                what="cls" if kind == "cls" else "limit",
                rows=rows,
                columns=quantities,
                factors=in_fb if kind == "cross section" else {},
            )
        else:
            names = ", ".join(repr(c.name) for _, c in list_)
            reason = f"nothing says whether {names} {'is' if len(list_) == 1 else 'are'} observed or expected"
            yield Unread(table=table, reason=f"{reason} (--columns CLs_obs=HEADER)")


def is_about(table: PublishedTable, region: str) -> bool:
    """Whether a table is about a region (a folder of the archive, empty where there is only one).

    It says so by a qualifier ``Region``, else by having the name as a word in its own.
    """
    if not region:
        return True
    word = region.rsplit("/", 1)[-1]
    named = table.qualifiers.get("Region")
    if named is not None:
        return named in (region, word)
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", table.name, re.IGNORECASE) is not None


def _rows(table: PublishedTable, patches: PatchSet, told: Mapping[str, str]) -> list[str | None] | str:
    """The patch of each row; a sentence where that cannot be told.

    Columns belong to labels by what is said, then by their words, then by their values: of all ways to give the labels
    columns, the one that makes most rows points of the patch set; it must be the only one, and fit half of them.
    """
    known = {_point(p.values): p.name for p in patches}
    names = {p.name: p.name for p in patches}
    independent = list(table.independent)
    for c in independent:
        if sum(t in names for t in c.texts) * 2 > len(c.texts):
            return [names.get(t) for t in c.texts]
    fixed: dict[str, PublishedColumn] = {}
    for label in patches.labels:
        wanted = told.get(label)
        match = [c for c in independent if (c.name == wanted if wanted else _key(c.name) == _key(label))]
        if wanted and not match:
            return f"it has no column {wanted!r} for {label}; there are {', '.join(repr(c.name) for c in independent)}"
        if len(match) == 1:
            fixed[label] = match[0]
    open_labels = [label for label in patches.labels if label not in fixed]
    free = [c for c in independent if all(c is not f for f in fixed.values())]
    labels = ", ".join(patches.labels)
    if len(open_labels) > len(free) or len(free) > 6:
        return (
            f"its columns {', '.join(repr(c.name) for c in independent)} could not be told to be {labels} "
            "(--columns LABEL=HEADER)"
        )
    fits = []
    for chosen in permutations(free, len(open_labels)):
        columns = fixed | dict(zip(open_labels, chosen, strict=True))
        found = _looked_up([columns[label] for label in patches.labels], known)
        fits.append((sum(name is not None for name in found), [c.name for c in columns.values()], found))
    best = max(fits, key=lambda f: f[0])
    if open_labels and sum(f[0] == best[0] for f in fits) > 1 and best[0]:
        return f"its columns fit {labels} in several ways (--columns LABEL=HEADER)"
    if not best[0] or (open_labels and 2 * best[0] < len(best[2])):
        n = f"{best[0]} of {len(best[2])} rows" if best[0] else "no row"
        return f"{n} in {', '.join(map(repr, best[1]))} {'are points' if best[0] else 'is a point'} of the patch set"
    return best[2]


def _looked_up(columns: Sequence[PublishedColumn], known: Mapping[tuple[object, ...], str]) -> list[str | None]:
    """The patch of each row: with numbers as they stand, else with TeV and MeV made GeV."""
    rows = list(zip(*(c.texts for c in columns), strict=False))
    found = [known.get(_point(tuple(map(parse_value, row)))) for row in rows]
    if any(found) or all(c.scale == 1.0 for c in columns):
        return found
    scaled = [
        [v if isinstance(v, str) else v * c.scale for v, c in zip(map(parse_value, row), columns, strict=True)]
        for row in rows
    ]
    return [known.get(_point(row)) for row in scaled]


def _point(values: Sequence[object]) -> tuple[object, ...]:
    """Values as what they mean: 300, 300.0 and '300' are one point."""
    read = (parse_value(v) if isinstance(v, str) else v for v in values)
    return tuple(round(float(v), 9) if isinstance(v, int | float) else v for v in read)
