"""What stands beside a contour: those of other analyses, published ones, and uncertainties of the cross section."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hftranslate.errors import InputError, MissingInput, did_you_mean, needs_extra
from hftranslate.formats.json_text import parse_json, read_bytes
from hftranslate.signal_grid.contour import Floats, Lines, Slice, take_slice
from hftranslate.signal_grid.document import parse_value
from hftranslate.signal_grid.scan import scan_from_document

#: What the columns of uncertainties of the cross section may be called; the last one stands for both.
UP, DOWN, BOTH = "up", "down", "uncertainty"


def read_overlay(path: str | Path, labels: Sequence[str] = ()) -> Slice | Lines:
    """Another contour: a scan, the lines of ``plot contour --lines``, or points of a published one.

    Parameters
    ----------
    path
        of JSON that ``patchset scan`` or ``plot contour --lines`` wrote, of a table of HEPData as YAML or JSON (the
        first two columns), or of comma-separated values: two numbers a line, an empty line between two curves.
    labels
        of the plane that a scan is wanted in; its first ones by default.

    Raises
    ------
    InputError
        It is none of these.
    """
    source = str(path)
    ending = Path(path).suffix.lower()
    if ending in (".yaml", ".yml"):
        with needs_extra("hepdata", "a table of HEPData as YAML"):
            import yaml
        try:
            found: Any = yaml.safe_load(read_bytes(source))
        except (yaml.YAMLError, RecursionError) as error:
            raise InputError(f"{source} is no YAML: {' '.join(str(error).split())}") from None
        return _table(found, source)
    if ending == ".csv":
        return _curves(_rows(source), source)
    found = parse_json(read_bytes(source), source)
    if isinstance(found, dict) and "contours" in found:
        return _lines(found["contours"].get("observed"), source)
    if isinstance(found, dict) and ("values" in found or "independent_variables" in found):
        return _table(found, source)
    return take_slice(scan_from_document(found, source), *labels[:2])


def _rows(source: str) -> list[list[str]]:
    try:
        text = read_bytes(source).decode("utf-8-sig")
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if not _is_comment(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source} is no table of comma-separated values: {error}") from None


def _is_comment(row: Sequence[str]) -> bool:
    return bool(row) and row[0].lstrip().startswith("#")


def _curves(rows: Sequence[Sequence[str]], source: str) -> Lines:
    curves: list[list[list[float]]] = [[]]
    for i, row in enumerate(rows):
        try:
            point = [float(cell) for cell in row[:2]]
        except ValueError:
            if i and rows[i - 1]:  # else names of columns
                raise InputError(f"{source}: expected two numbers, not {', '.join(row)!r}") from None
            continue
        if len(point) == 2:
            curves[-1].append(point)
        elif curves[-1]:
            curves.append([])
    return _lines([curve for curve in curves if curve], source)


def _table(document: Any, source: str) -> Lines:
    """The first two columns of a table of HEPData: as its YAML, or as the JSON that its pages give."""
    try:
        if "values" in document:
            pairs = [[row["x"][0]["value"], row["y"][0]["value"]] for row in document["values"]]
        else:
            columns = [*document["independent_variables"], *document["dependent_variables"]]
            pairs = [[v["value"] for v in pair] for pair in zip(*(c["values"] for c in columns[:2]), strict=True)]
        return _lines([[[float(a), float(b)] for a, b in pairs]], source)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise InputError(f"{source} is no table of HEPData with two columns of numbers") from None


def _lines(found: Any, source: str) -> Lines:
    try:
        lines = tuple(np.array(line, dtype=np.float64).reshape(-1, 2) for line in found)
    except (TypeError, ValueError):
        lines = ()
    if not lines or not all(len(line) > 1 and np.isfinite(line).all() for line in lines):
        raise InputError(f"{source} holds no curve: expected two points at least, two finite numbers each")
    return lines


def read_theory(path: str | Path, plane: Slice) -> tuple[Floats, Floats]:
    """Relative uncertainties of the predicted cross section of each point of a plane, up and down, ``(n,)`` each.

    Parameters
    ----------
    path
        of comma-separated values with names of columns: the labels of the plane, or ``name`` of the points, and ``up``
        and ``down``, or ``uncertainty`` for both: 0.12 for 12 %.

    Raises
    ------
    MissingInput
        A column, or a point of the plane, is not there.
    InputError
        It is no such table.
    """
    source = str(path)
    columns = _columns(source)
    keys = ("name",) if "name" in columns else plane.labels
    for name in keys:
        if name not in columns:
            raise MissingInput(f"{source} has no column {name!r}" + did_you_mean(name, columns))
    both = columns.get(BOTH)
    sides = [side for side in (columns.get(UP, both), columns.get(DOWN, both)) if side is not None]
    if len(sides) < 2:
        raise MissingInput(f"{source} has neither columns {UP!r} and {DOWN!r} nor {BOTH!r}")
    places = zip(
        *([cell if name == "name" else parse_value(cell) for cell in columns[name]] for name in keys), strict=True
    )
    at = dict(
        zip(places, zip(*([_fraction(cell, source) for cell in side] for side in sides), strict=True), strict=True)
    )
    found = []
    for name, position in zip(plane.names, plane.positions.tolist(), strict=True):
        place = (name,) if "name" in columns else tuple(position)
        if place not in at:
            raise MissingInput(f"{source} has no line for {name!r} at {', '.join(f'{x:g}' for x in position)}")
        found.append(at[place])
    up, down = np.array(found, dtype=np.float64).T
    return up, down


def _columns(source: str) -> Mapping[str, tuple[str, ...]]:
    rows = [row for row in _rows(source) if row]
    if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(f"{source}: expected names of columns, and lines of as many values")
    return dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))


def read_columns(path: str | Path, names: Sequence[str]) -> list[list[float]]:
    """Columns of comma-separated values by their names, as rows of numbers.

    Raises
    ------
    MissingInput
        A column is not there.
    InputError
        It is no such table.
    """
    source = str(path)
    columns = _columns(source)
    for name in names:
        if name not in columns:
            raise MissingInput(f"{source} has no column {name!r}" + did_you_mean(name, columns))
    try:
        return [list(map(float, row)) for row in zip(*(columns[name] for name in names), strict=True)]
    except ValueError:
        raise InputError(f"{source}: expected numbers in columns {', '.join(names)}") from None


def _fraction(text: str, source: str) -> float:
    try:
        value = abs(float(text))
    except ValueError:
        value = np.nan
    if not value < 1.0:
        raise InputError(f"{source}: an uncertainty of {text!r}; expected a fraction below one")
    return value
