"""Histograms from the bytes that ROOT's streamers make of them."""

from functools import lru_cache
from math import nan, sqrt
from struct import Struct
from struct import error as StructError
from typing import Any

import numpy as np

from hftranslate.formats.root_histograms.histogram import Histogram, uniform_edges
from hftranslate.formats.root_histograms.records import HAS_BYTE_COUNT, INT, OBJECT_HEAD

#: Format letter of the bin contents (of :mod:`struct` and NumPy), by the last letter of the class name.
CONTENT_TYPES = {"D": "d", "F": "f", "I": "i", "S": "h", "C": "b", "L": "q"}
#: Every class of histogram that can be read.
HISTOGRAM_CLASSES = frozenset(f"TH{d}{letter}" for d in "123" for letter in CONTENT_TYPES)
#: Layout versions of TH1 whose members up to the bin contents are as in :func:`from_bytes`; those of ROOT 4 to 6.
KNOWN_TH1_VERSIONS = (5, 6, 7, 8)
#: Bar offset and width, entries, four sums, maximum, minimum, normalisation.
_STATISTICS_BYTES = 2 + 2 + 8 * 8
_AXIS = Struct(">idd")
#: A TObject: version, unique number, bits; the number of its process follows where it is referenced.
_OBJECT_BITS, _IS_REFERENCED = Struct(">6xI"), 1 << 4
_LONG_STRING = 255


class UnknownLayout(Exception):
    """The object was written by a version of ROOT whose layout is not known here."""


class BadObject(Exception):
    """The bytes contradict the layout that they claim."""


def from_bytes(data: bytes, kind: str) -> Histogram:
    """Take the few members that are wanted straight from a serialised histogram.

    Parameters
    ----------
    data
        the object, without its key.
    kind
        its class, one of :data:`HISTOGRAM_CLASSES`.

    Raises
    ------
    UnknownLayout
        The object is older than ROOT 4, or is of a version that is not known yet.
    BadObject
        The bytes contradict themselves.
    """
    try:
        return _from_bytes(data, kind)[0]
    except (StructError, IndexError, ValueError, OverflowError):
        raise BadObject(f"its {len(data)} bytes do not follow the layout of a {kind}") from None


def number_of_functions(data: bytes, kind: str) -> int:
    """How many functions (fits, texts, ...) hang on a serialised histogram; parameters and errors as above."""
    try:
        _, at = _from_bytes(data, kind)
        at = _after_string(data, at)  # an option
        _, _, at = _header(data, at)  # of the list
        (bits,) = _OBJECT_BITS.unpack_from(data, at)
        at = _after_string(data, at + _OBJECT_BITS.size + (2 if bits & _IS_REFERENCED else 0))
        return int(INT.unpack_from(data, at)[0])
    except (StructError, IndexError, ValueError, OverflowError):
        raise BadObject(f"its {len(data)} bytes do not follow the layout of a {kind}") from None


def _after_string(data: bytes, at: int) -> int:
    length = data[at]
    return at + 1 + length if length < _LONG_STRING else at + 5 + int(INT.unpack_from(data, at + 1)[0])


def _from_bytes(data: bytes, kind: str) -> tuple[Histogram, int]:
    """The histogram, and where the members follow that are not wanted."""
    n_axes = int(kind[2])
    end, _, at = _header(data, 0)
    cells_at = end
    if n_axes > 1:
        cells_at, _, at = _header(data, at)
    th1_end, version, at = _header(data, at)
    if version not in KNOWN_TH1_VERSIONS:
        raise UnknownLayout(f"version {version} of TH1 is not known")
    cells, after = _array(data, th1_end if n_axes == 1 else cells_at, CONTENT_TYPES[kind[3]])
    for _ in range(4):  # name and title, line, fill and marker attributes
        at, _, _ = _header(data, at)
    (n_cells,) = INT.unpack_from(data, at)
    if after != end or len(cells) != n_cells:
        raise ValueError
    at += INT.size
    edges = []
    for axis in range(3):
        axis_at = at
        at, _, _ = _header(data, at)
        if axis < n_axes:
            edges.append(_axis(data[axis_at:at], n_cells))
    at += _STATISTICS_BYTES
    _, at = _array(data, at, "d")  # contours
    sumw2, at = _array(data, at, "d")
    return make_histogram(kind, cells, sumw2, tuple(edges)), at


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """End and version of the object that starts here, and where its members start."""
    count, version = OBJECT_HEAD.unpack_from(data, at)
    end = at + 4 + (count & ~HAS_BYTE_COUNT)
    if not count & HAS_BYTE_COUNT or end > len(data):
        raise ValueError
    return end, version, at + OBJECT_HEAD.size


def _array(data: bytes, at: int, letter: str) -> tuple[tuple[Any, ...], int]:
    """A TArray: its values and its end."""
    (n,) = INT.unpack_from(data, at)
    at += INT.size
    if not 0 <= n <= len(data) - at:
        raise ValueError
    layout = _layout(n, letter)
    return layout.unpack_from(data, at), at + layout.size


@lru_cache(maxsize=256)
def _layout(n: int, letter: str) -> Struct:
    return Struct(f">{n}{letter}")


@lru_cache(maxsize=256)  # the histograms of a channel have the same axis
def _axis(data: bytes, n_cells: int) -> tuple[float, ...]:
    _, _, at = _header(data, 0)
    for _ in range(2):  # name and title, drawing attributes
        at, _, _ = _header(data, at)
    n, low, high = _AXIS.unpack_from(data, at)
    variable, _ = _array(data, at + _AXIS.size, "d")
    if not 0 < n < n_cells or len(variable) not in (0, n + 1):
        raise ValueError
    return variable or uniform_edges(n, low, high)


def make_histogram(
    kind: str, cells: tuple[Any, ...], sumw2: tuple[float, ...], edges: tuple[tuple[float, ...], ...]
) -> Histogram:
    """A histogram of a class from all of its cells, under- and overflow included, x running fastest.

    Raises
    ------
    ValueError
        The number of cells or of squared errors is not that of the axes.
    """
    n_cells = 1
    for axis in edges:
        n_cells *= len(axis) + 1
    if len(cells) != n_cells or len(sumw2) not in (0, n_cells):
        raise ValueError
    shape = tuple(len(axis) + 1 for axis in reversed(edges))
    errors = None
    if sumw2:
        errors = tuple([sqrt(v) if v >= 0.0 else nan for v in _inner(sumw2, shape)])
    contents = tuple(map(float, _inner(cells, shape)))
    return Histogram(contents=contents, errors=errors, edges=edges, letter=kind[3])


def _inner(values: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    if len(shape) == 1:
        return values[1:-1]
    return np.reshape(np.asarray(values), shape)[(slice(1, -1),) * len(shape)].ravel().tolist()
