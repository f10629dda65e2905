"""ROOT files of TH1D, TH2D and TH3D, written front to back in one go."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise, product
from operator import mul
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from hftranslate.errors import Unsupported
from hftranslate.formats.files import naming
from hftranslate.formats.root_histograms.histogram import Histogram, uniform_edges
from hftranslate.formats.root_histograms.records import DIRECTORY, FILE_HEAD, INT, KEY_HEAD, MAGIC, SHORT
from hftranslate.formats.root_histograms.streamers import streamer_list, string, t_named, t_object, versioned

_VERSION = 62400  # the layout of ROOT 6.24, which all later versions read
_BEGIN = 100
_MAX_POSITION = 2_000_000_000  # where ROOT, too, turns to positions of 8 bytes
_MAX_KEY = 0x7FFF
#: The file's own name; ROOT goes by the name that it is opened with.
_NAME = "histograms.root"
#: 1 January 1995, midnight: as early as a date can be. Files with the same content shall have the same bytes.
_NO_DATE = 1 << 22 | 1 << 17
_NO_UUID = SHORT.pack(1) + bytes(16)
_KEY_VERSION, _DIRECTORY_VERSION = 4, 5


def write_histograms(target: Path | BinaryIO, histograms: Mapping[str, Histogram]) -> None:
    """Write a ROOT file of TH1D, TH2D and TH3D in its top directory; the same histograms give the same bytes.

    Squared errors are stored only for histograms that have errors.

    Parameters
    ----------
    target
        file to write, where an existing one is replaced, or one that is open.
    histograms
        by name; one, two or three axes each.

    Raises
    ------
    Unsupported
        A name is too long, or the file would have more than 2 GB.
    """
    if isinstance(target, Path):
        with naming(target), target.open("wb") as stream:
            _File(stream).write(histograms)
    else:
        _File(target).write(histograms)


class _File:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at = _BEGIN

    def write(self, histograms: Mapping[str, Histogram]) -> None:
        top = string(_NAME) + string("")
        own_key_bytes = KEY_HEAD.size + len(string("TFile") + top)
        name_bytes = own_key_bytes + len(top)
        directory_bytes = DIRECTORY.size + len(_NO_UUID) + 3 * INT.size  # room for positions of 8 bytes
        self._stream.write(bytes(_BEGIN + name_bytes + directory_bytes))
        self._at += name_bytes + directory_bytes
        keys = [self._record(f"TH{len(h.edges)}D", name, "", _histogram(name, h)) for name, h in histograms.items()]
        list_at = self._at
        self._record("TFile", _NAME, "", INT.pack(len(keys)) + b"".join(keys))
        info_at = self._at
        info_names = ("TList", "StreamerInfo", "Doubly linked list")
        n_axes = sorted({len(h.edges) for h in histograms.values()})
        self._record(*info_names, streamer_list(n_axes, KEY_HEAD.size + len(b"".join(map(string, info_names)))))
        free_at = self._at
        self._record("TFile", _NAME, "", _FREE.pack(1, free_at + own_key_bytes + _FREE.size, _MAX_POSITION))
        end = self._at
        directory = DIRECTORY.pack(
            _DIRECTORY_VERSION, _NO_DATE, _NO_DATE, info_at - list_at, name_bytes, _BEGIN, 0, list_at
        )
        self._stream.seek(0)
        self._stream.write(
            FILE_HEAD.pack(
                *(MAGIC, _VERSION, _BEGIN, end, free_at, end - free_at, 1, name_bytes, 4, 0, info_at, free_at - info_at)
            )
            + _NO_UUID
        )
        self._stream.seek(_BEGIN)
        self._at = _BEGIN
        self._record("TFile", _NAME, "", top + directory + _NO_UUID + bytes(3 * INT.size), parent=0)

    def _record(self, class_name: str, name: str, title: str, content: bytes, parent: int = _BEGIN) -> bytes:
        """Write an object with its key, and return the key."""
        strings = string(class_name) + string(name) + string(title)
        key_bytes = KEY_HEAD.size + len(strings)
        size = key_bytes + len(content)
        if key_bytes > _MAX_KEY:
            raise Unsupported(f"a ROOT file holds no histogram with a name of {len(name)} letters: {name[:40]!r}...")
        if self._at + size > _MAX_POSITION:
            raise Unsupported("the histograms are more than 2 GB, which is too much for one ROOT file")
        key = KEY_HEAD.pack(size, _KEY_VERSION, len(content), _NO_DATE, key_bytes, 1, self._at, parent) + strings
        self._stream.write(key)
        self._stream.write(content)
        self._at += size
        return key


_FREE = Struct(">hii")  # version, first free byte, last free byte
_ATTRIBUTES = b"".join(
    [
        versioned(2, Struct(">hhh").pack(602, 1, 1)),  # colour, style and width of lines, as ROOT's default style
        versioned(2, Struct(">hh").pack(0, 1001)),  # colour and style of filling
        versioned(2, Struct(">hhf").pack(1, 1, 1.0)),  # colour, style and size of markers
    ]
)
#: Divisions, colours of axis and labels, font, offset and size of labels, length of ticks, offset, size, colour and
#: font of the title.
_AXIS_ATTRIBUTES = versioned(4, Struct(">ihhhfffffhh").pack(510, 1, 1, 42, 0.005, 0.035, 0.03, 1.0, 0.035, 1, 42))
_AXIS = Struct(">idd")  # number of bins, lowest and highest edge
#: First and last bin shown, bits, display of times, their format (a string), labels and modified labels (no objects).
_AXIS_END = Struct(">iihBBii").pack(0, 0, 0, 0, 0, 0, 0)
#: Offset and width of bars, entries, sums of w, w^2, w x and w x^2, maximum, minimum (-1111: none set), norm.
_STATISTICS = Struct(">hhdddddddd")
_NONE_SET = -1111.0
_NO_ENTRIES = INT.pack(0)
#: Option (a string), functions (a TList), size of the buffer, buffer, kind of errors, treatment of overflows (neutral).
_TH1_END = string("") + versioned(5, t_object(), string(""), INT.pack(0)) + Struct(">iBii").pack(0, 0, 0, 2)
_MUST_CLEAN_UP = 1 << 3
_UNUSED = ((0.0, 1.0), (0.0, 1.0))


def _histogram(name: str, histogram: Histogram) -> bytes:
    """A TH1D, TH2D or TH3D as its streamer writes it."""
    contents, edges = histogram.contents, histogram.edges
    axes, centres = _axes(edges)
    if histogram.errors is None:
        squares = list(map(abs, contents))
        sumw2 = _NO_ENTRIES
    else:
        squares = [e * e for e in histogram.errors]
        sumw2 = _cells(squares, edges)
    moments = [list(map(mul, contents, x)) for x in centres]
    second = [[sum(map(mul, m, x)) for x in centres[: i + 1]] for i, m in enumerate(moments)]  # of w x_i x_j, j <= i
    statistics = _STATISTICS.pack(
        *(0, 1000, len(contents), sum(contents), sum(squares), sum(moments[0]), second[0][0]),
        *(_NONE_SET, _NONE_SET, 0.0),
    )
    cells = _cells(contents, edges)
    th1 = versioned(
        8,
        t_named(name, bits=_MUST_CLEAN_UP),
        _ATTRIBUTES,
        cells[: INT.size],
        axes,
        statistics,
        _NO_ENTRIES,  # contours
        sumw2,
        _TH1_END,
    )
    if len(edges) == 1:
        return versioned(3, th1, cells)
    y = (sum(moments[1]), second[1][1], second[1][0])  # of w y, w y^2, w x y
    if len(edges) == 2:
        return versioned(4, versioned(5, th1, Struct(">dddd").pack(1.0, *y)), cells)  # after the scale factor
    z = (sum(moments[2]), second[2][2], *second[2][:2])
    return versioned(4, versioned(6, th1, versioned(1), Struct(">ddddddd").pack(*y, *z)), cells)  # after TAtt3D


def _cells(values: Sequence[float], edges: tuple[tuple[float, ...], ...]) -> bytes:
    """A TArrayD of all bins, with empty under- and overflow on each axis; x runs fastest."""
    n = len(edges[0]) - 1
    if len(edges) == 1:
        return _array(n + 2).pack(n + 2, 0.0, *values, 0.0)
    rows = [[0.0, *values[i : i + n], 0.0] for i in range(0, len(values), n)]
    for axis in edges[1:]:
        n = len(axis) - 1
        empty = [0.0] * len(rows[0])
        rows = [[*empty, *chain.from_iterable(rows[i : i + n]), *empty] for i in range(0, len(rows), n)]
    (cells,) = rows
    return _array(len(cells)).pack(len(cells), *cells)


@lru_cache(maxsize=256)
def _array(n: int) -> Struct:
    return Struct(f">i{n}d")


@lru_cache(maxsize=256)  # the histograms of a channel have the same edges
def _axes(edges: tuple[tuple[float, ...], ...]) -> tuple[bytes, tuple[tuple[float, ...], ...]]:
    """The three axes, and the centres of all bins on each axis in use."""
    axes = b"".join([_axis(f"{letter}axis", e) for letter, e in zip("xyz", (*edges, *_UNUSED)[:3], strict=True)])
    each = [[(a + b) / 2.0 for a, b in pairwise(e)] for e in edges]
    grid = product(*reversed(each))  # its last axis runs fastest
    return axes, tuple(zip(*grid, strict=True))[::-1]


def _axis(name: str, edges: tuple[float, ...]) -> bytes:
    n = len(edges) - 1
    uniform = uniform_edges(n, edges[0], edges[-1]) == edges
    variable = _NO_ENTRIES if uniform else _array(n + 1).pack(n + 1, *edges)
    return versioned(10, t_named(name), _AXIS_ATTRIBUTES, _AXIS.pack(n, edges[0], edges[-1]), variable, _AXIS_END)
