"""Tables as they are published: numbers with their precision, and what they say about the points of a patch set."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Literal, TypeAlias

from hftranslate.signal_grid.document import Value, parse_value
from hftranslate.signal_grid.scan import What

#: The quantities of a point: observed, and expected at -2, ..., +2 standard deviations.
Quantity: TypeAlias = Literal["observed", 0, 1, 2, 3, 4]
#: How far apart two computations of one number may be: fits stop near the minimum, not at it.
RELATIVE, ABSOLUTE = 1e-3, 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """A table with all entries as written: columns of text by their names, and the qualifiers of the dependent ones."""

    name: str
    independent: Mapping[str, Sequence[str]]
    dependent: Mapping[str, Sequence[str]]
    qualifiers: Mapping[str, str] = field(default_factory=dict)


def published_table(name: str, document: Any) -> PublishedTable | None:
    """A table from its YAML document with scalars as text; ``None`` where it has not the form of one."""
    try:
        return PublishedTable(
            name=name,
            independent={c["header"]["name"]: _texts(c) for c in document["independent_variables"]},
            dependent={c["header"]["name"]: _texts(c) for c in document["dependent_variables"]},
            qualifiers={
                q["name"]: q["value"] for c in document["dependent_variables"] for q in c.get("qualifiers") or ()
            },
        )
    except (KeyError, TypeError, AttributeError):
        return None


def _texts(column: Mapping[str, Any]) -> list[str]:
    return [str(v.get("value", v.get("low", ""))) for v in column["values"]]


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


def agrees(text: str, computed: float) -> bool:
    """Whether a computed number is the published one within the precision of its digits and of fits."""
    found = number(text)
    if found is None:
        return False
    value, unit = found
    return abs(value - computed) <= 0.5 * unit * (1.0 + 1e-9) + RELATIVE * abs(computed) + ABSOLUTE


# -------------------------------------------------------------------------------------------------------------- points
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPoints:
    """What a table says about points: for each, the text of every quantity that it has."""

    table: PublishedTable
    what: What
    points: Mapping[tuple[Value, ...], Mapping[Quantity, str]]


def points_of(table: PublishedTable, labels: Sequence[str], region: str) -> tuple[PublishedPoints, ...]:
    """CLs and limits of a table whose independent variables are the labels of a patch set.

    A table that is about another region has none.
    """
    columns = [_column_of(label, table.independent) for label in labels]
    if None in columns or not is_about(table, region):
        return ()
    values = list(zip(*(map(parse_value, column or ()) for column in columns), strict=False))
    found = []
    for what, word in (("cls", r"\bcls\b"), ("limit", r"\blimit")):
        quantities = {
            quantity: texts
            for name, texts in ((n.replace("_", " "), t) for n, t in table.dependent.items())
            if re.search(word, name, re.IGNORECASE) and (quantity := _quantity(name)) is not None
        }
        if quantities:
            points = {v: {q: t[i] for q, t in quantities.items() if i < len(t)} for i, v in enumerate(values)}
            found.append(PublishedPoints(table=table, what="cls" if what == "cls" else "limit", points=points))
    return tuple(found)


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


def _column_of(label: str, columns: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    """The column of a label: of its name, perhaps followed by units in brackets."""
    for name, texts in columns.items():
        if re.sub(r"\s*[\[(].*$", "", name).strip().casefold() == label.casefold():
            return texts
    return None


def _quantity(name: str) -> Quantity | None:
    if re.search(r"\bobs", name, re.IGNORECASE):
        return "observed"
    if not re.search(r"\bexp", name, re.IGNORECASE):
        return None
    band = re.search(r"([+-]|\bminus|\bplus)\s*([12])", name)
    if band is None:
        return 2
    steps: dict[int, Quantity] = {-2: 0, -1: 1, 1: 3, 2: 4}
    return steps[int(band[2]) * (-1 if band[1] in ("-", "minus") else 1)]


def matching(values: tuple[Value, ...], points: Mapping[tuple[Value, ...], Any]) -> Any:
    """What stands at a point, whose numbers may be written in another way (300 and 300.0); ``None`` if nothing."""
    if values in points:  # 300 == 300.0 as keys
        return points[values]
    wanted = tuple(str(v) for v in values)
    return next((found for other, found in points.items() if tuple(map(str, other)) == wanted), None)
