"""Tables dressed for people: names with units, qualifiers, keywords, numbers rounded; and small pictures."""

import io
import re
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from math import floor, isfinite, log10
from typing import Literal

from hftranslate.errors import InputError, needs_extra
from hftranslate.hepdata.submission import Record, Resource, thumbnail_name
from hftranslate.hepdata.tables import Cell, Column, Table

_THUMBNAIL = 240
#: Of the number of the leading digits of an uncertainty: up to here it keeps two, up to there one (PDG, 5.3).
_TWO_DIGITS, _ONE_DIGIT = 354, 949


def dressed(table: Table, record: Record) -> Table:
    """A table with the names, qualifiers, keywords and digits that a record asks for."""
    more = record.keywords
    names = dict.fromkeys([*table.keywords, *more])
    common: dict[str, int | float | str] = {}
    if reactions := more.get("reactions"):
        common["RE"] = ", ".join(map(str, reactions))
    energies = more.get("cmenergies", ())
    if len(energies) == 1:
        common["SQRT(S)"] = energies[0]
    return replace(
        table,
        keywords={n: list(dict.fromkeys((*table.keywords.get(n, ()), *more.get(n, ())))) for n in names},
        independent=tuple(_named(c, record) for c in table.independent),
        dependent=tuple(
            _rounded(replace(_named(c, record), qualifiers={**common, **c.qualifiers}), record.rounding)
            for c in table.dependent
        ),
    )


def _named(column: Column, record: Record) -> Column:
    told = record.labels.get(column.name)
    if told is None:
        return column
    name, units = named_units(told)
    return replace(column, name=name, units=units or column.units)


def named_units(text: str) -> tuple[str, str | None]:
    r"""A name and the units in brackets at its end.

    >>> named_units(r"$m(\tilde\chi_1^\pm)$ [GeV]")
    ('$m(\\tilde\\chi_1^\\pm)$', 'GeV')
    """
    found = re.fullmatch(r"(.*\S)\s*\[([^\[\]]+)\]", text.strip())
    return (found[1], found[2]) if found else (text.strip(), None)


# ------------------------------------------------------------------------------------------------------------- rounding
def _rounded(column: Column, rule: int | Literal["pdg"] | None) -> Column:
    if rule is None:
        return column
    errors = column.errors or (None,) * len(column.values)
    pairs = [rounded(v, e, rule) for v, e in zip(column.values, errors, strict=True)]
    return replace(
        column, values=tuple(v for v, _ in pairs), errors=tuple(e for _, e in pairs) if column.errors else ()
    )


def rounded(value: Cell, error: Cell | None, rule: int | Literal["pdg"]) -> tuple[Cell, Cell | None]:
    """A number and its uncertainty, rounded; counts and words stay.

    An uncertainty has its digits by its three leading ones: two up to 354, one up to 949, and two of 1000 above. The
    number ends where its uncertainty ends. Without one, it keeps so many digits (three for ``"pdg"``).
    """
    if not isinstance(value, float) or not isfinite(value):
        return value, error
    if rule == "pdg" and isinstance(error, float) and error > 0.0:
        leading = round(error / 10.0 ** (floor(log10(error)) - 2))
        digits = 1 if _TWO_DIGITS < leading <= _ONE_DIGIT else 2
        short = _to(error, floor(log10(error)) - digits + 1 + (leading > _ONE_DIGIT))
        exponent = short.as_tuple().exponent
        assert isinstance(exponent, int)
        return _to(value, exponent), short
    kept = 3 if rule == "pdg" else rule
    place = floor(log10(abs(value))) - kept + 1 if value else 0
    return _to(value, place), _to(error, place) if isinstance(error, float) else error


def _to(value: float, exponent: int) -> Decimal:
    """A number rounded to a power of ten."""
    return Decimal(repr(value)).quantize(Decimal((0, (1,), exponent)), ROUND_HALF_EVEN)


# ------------------------------------------------------------------------------------------------------------- pictures
def thumbnail(figure: Resource) -> Resource:
    """A small picture of a picture, always with the same bytes.

    Raises
    ------
    InputError
        It is no picture that can be read; PDF is none.
    MissingExtra
        Pillow is not installed.
    """
    with needs_extra("plot", "a thumbnail"):
        from PIL import Image
    try:
        picture = Image.open(io.BytesIO(figure.data)).convert("RGB")
    except (OSError, ValueError) as error:
        raise InputError(f"{figure.name}: no picture to make a thumbnail of (expected PNG or JPEG): {error}") from None
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return Resource(name=thumbnail_name(figure.name), data=stream.getvalue(), description="Thumbnail image file")
