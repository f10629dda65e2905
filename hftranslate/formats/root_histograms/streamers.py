"""The description of TH1D, TH2D, TH3D and their parts that a ROOT file carries, so that every ROOT can read it.

It is a list of TStreamerInfo, one for each class: its version, the checksum of its members, and the members with their
types. The layout of these objects is that of ROOT's own streamers.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from struct import Struct
from typing import TypeAlias

from hftranslate.formats.root_histograms.records import HAS_BYTE_COUNT, INT, OBJECT_HEAD, SHORT, UNSIGNED

#: Number, size and name of the basic types (TVirtualStreamerInfo::EReadWrite).
_BASIC = {
    "short": (2, 2),
    "int": (3, 4),
    "float": (5, 4),
    "double": (8, 8),
    "unsigned short": (12, 2),
    "unsigned int": (13, 4),
    "bool": (18, 1),
}
_OBJECT, _ANY_OBJECT, _OBJECT_POINTER, _ANY_POINTER = 61, 62, 63, 64
_STRING, _TOBJECT_BASE, _TNAMED_BASE, _BITS, _COUNTER, _COUNTED_DOUBLES = 65, 66, 67, 15, 6, 48
_POINTER_BYTES = 8
_TH1_VERSION = 8


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of a class: class of its element, name, type, number and size of the type, and a remark with meaning."""

    element: str
    name: str
    type_name: str
    number: int
    size: int
    remark: str = ""


def _basic(type_name: str, *names: str) -> list[_Member]:
    number, size = _BASIC[type_name]
    return [_Member("TStreamerBasicType", name, type_name, number, size) for name in names]


def _base(name: str) -> _Member:
    number = {"TObject": _TOBJECT_BASE, "TNamed": _TNAMED_BASE}.get(name, 0)
    return _Member("TStreamerBase", name, "BASE", number, 0)


def _strings(*names: str) -> list[_Member]:
    return [_Member("TStreamerString", name, "TString", _STRING, 24) for name in names]


def _arrays(*names: str) -> list[_Member]:
    return [_Member("TStreamerObjectAny", name, "TArrayD", _ANY_OBJECT, 24) for name in names]


def _pointer(name: str, type_name: str, *, always: bool = False) -> _Member:
    number, remark = (_OBJECT_POINTER, "->") if always else (_ANY_POINTER, "")
    return _Member("TStreamerObjectPointer", name, type_name, number, _POINTER_BYTES, remark)


#: Name, version, checksum and members of a class.
_Class: TypeAlias = tuple[str, int, int, list[_Member]]
#: The class of histograms of so many axes, and those of its base classes that no other one has.
_HISTOGRAMS: dict[int, list[_Class]] = {
    1: [("TH1D", 3, 0xF9B1569F, [_base("TH1"), _base("TArrayD")])],
    2: [
        ("TH2D", 4, 0x7FBA82F0, [_base("TH2"), _base("TArrayD")]),
        ("TH2", 5, 0x0182347F, [_base("TH1"), *_basic("double", "fScalefactor", "fTsumwy", "fTsumwy2", "fTsumwxy")]),
    ],
    3: [
        ("TH3D", 4, 0x64B9FF86, [_base("TH3"), _base("TArrayD")]),
        (
            "TH3",
            6,
            0x42D2445F,
            [
                *map(_base, ("TH1", "TAtt3D")),
                *_basic("double", "fTsumwy", "fTsumwy2", "fTsumwxy"),
                *_basic("double", "fTsumwz", "fTsumwz2", "fTsumwxz", "fTsumwyz"),
            ],
        ),
        ("TAtt3D", 1, 0x757A, []),
    ],
}
#: The classes that are in all of them.
_CLASSES: list[_Class] = [
    (
        "TH1",
        _TH1_VERSION,
        0x1C3740C4,
        [
            *map(_base, ("TNamed", "TAttLine", "TAttFill", "TAttMarker")),
            *_basic("int", "fNcells"),
            *(_Member("TStreamerObject", f"f{axis}axis", "TAxis", _OBJECT, 216) for axis in "XYZ"),
            *_basic("short", "fBarOffset", "fBarWidth"),
            *_basic("double", "fEntries", "fTsumw", "fTsumw2", "fTsumwx", "fTsumwx2"),
            *_basic("double", "fMaximum", "fMinimum", "fNormFactor"),
            *_arrays("fContour", "fSumw2"),
            *_strings("fOption"),
            _pointer("fFunctions", "TList*", always=True),
            _Member("TStreamerBasicType", "fBufferSize", "int", _COUNTER, 4),
            _Member("TStreamerBasicPointer", "fBuffer", "double*", _COUNTED_DOUBLES, _POINTER_BYTES, "[fBufferSize]"),
            _Member("TStreamerBasicType", "fBinStatErrOpt", "TH1::EBinErrorOpt", *_BASIC["int"]),
            _Member("TStreamerBasicType", "fStatOverflows", "TH1::EStatOverflows", *_BASIC["int"]),
        ],
    ),
    ("TNamed", 1, 0xDFB74A3C, [_base("TObject"), *_strings("fName", "fTitle")]),
    (
        "TObject",
        1,
        0x901BC02D,
        [
            *_basic("unsigned int", "fUniqueID"),
            _Member("TStreamerBasicType", "fBits", "unsigned int", _BITS, 4),
        ],
    ),
    ("TAttLine", 2, 0x94074549, _basic("short", "fLineColor", "fLineStyle", "fLineWidth")),
    ("TAttFill", 2, 0xFFD92A92, _basic("short", "fFillColor", "fFillStyle")),
    (
        "TAttMarker",
        2,
        0x291D8BEC,
        [*_basic("short", "fMarkerColor", "fMarkerStyle"), *_basic("float", "fMarkerSize")],
    ),
    (
        "TAxis",
        10,
        0x5A496E70,
        [
            *map(_base, ("TNamed", "TAttAxis")),
            *_basic("int", "fNbins"),
            *_basic("double", "fXmin", "fXmax"),
            *_arrays("fXbins"),
            *_basic("int", "fFirst", "fLast"),
            *_basic("unsigned short", "fBits2"),
            *_basic("bool", "fTimeDisplay"),
            *_strings("fTimeFormat"),
            _pointer("fLabels", "THashList*"),
            _pointer("fModLabs", "TList*"),
        ],
    ),
    (
        "TAttAxis",
        4,
        0x5C6FFF3E,
        [
            *_basic("int", "fNdivisions"),
            *_basic("short", "fAxisColor", "fLabelColor", "fLabelFont"),
            *_basic("float", "fLabelOffset", "fLabelSize", "fTickLength", "fTitleOffset", "fTitleSize"),
            *_basic("short", "fTitleColor", "fTitleFont"),
        ],
    ),
    ("THashList", 0, 0xCC7E49C1, [_base("TList")]),
    ("TList", 5, 0x69C5C3BB, [_base("TSeqCollection")]),
    ("TSeqCollection", 0, 0xFC6C3BC6, [_base("TCollection")]),
    ("TCollection", 3, 0x57E3CB9C, [_base("TObject"), *_strings("fName"), *_basic("int", "fSize")]),
]

_VERSIONS = {"TArrayD": (1, 0x7139EF34)} | {
    name: (version, checksum) for name, version, checksum, _ in chain(_CLASSES, *_HISTOGRAMS.values())
}
_ELEMENT_VERSIONS = {"TStreamerBase": 3}
_IS_STREAMER_INFO = 1 << 16  # a bit that ROOT sets on each
_TOBJECT = Struct(">HII")
_CHECKSUM_AND_VERSION = Struct(">Ii")
_SIZE_AND_LOWEST = Struct(">ii")
#: Type, size, array length and dimensions; five array sizes, the second of which is a base class's checksum.
_ELEMENT = Struct(">iiiiiIiii")
_NEW_CLASS = 0xFFFFFFFF
_KNOWN_CLASS = 0x80000000
#: References to a class count from two bytes before the key.
_REFERENCE_OFFSET = 2


#: All bytes, each alone.
_ONE_BYTE = [bytes([i]) for i in range(256)]


def string(text: str) -> bytes:
    """A TString: its length in one byte, or in five from 255 bytes on, and its bytes."""
    data = text.encode("utf-8", "surrogateescape")
    length = len(data)
    return (_ONE_BYTE[length] if length < 255 else b"\xff" + INT.pack(length)) + data


def versioned(version: int, *members: bytes) -> bytes:
    """An object with its byte count and version in front."""
    body = b"".join(members)
    return OBJECT_HEAD.pack(len(body) + 2 | HAS_BYTE_COUNT, version) + body


def t_object(bits: int = 0) -> bytes:
    """A TObject, which has no byte count."""
    return _TOBJECT.pack(1, 0, bits)


def t_named(name: str, title: str = "", *, bits: int = 0) -> bytes:
    """A TNamed."""
    return versioned(1, t_object(bits), string(name), string(title))


class _Buffer:
    """Bytes that grow, with objects behind pointers: the first of a class names it, later ones refer to its place."""

    def __init__(self, key_bytes: int) -> None:
        self.data = bytearray()
        self._origin = key_bytes + _REFERENCE_OFFSET
        self._known: dict[str, int] = {}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Put the number of bytes written inside in front of them."""
        start = len(self.data)
        self.data += INT.pack(0)
        yield
        INT.pack_into(self.data, start, len(self.data) - start - INT.size | HAS_BYTE_COUNT)

    @contextmanager
    def object(self, class_name: str, version: int) -> Iterator[None]:
        """A pointer to a new object of that class, whose members are written inside."""
        with self.counted():
            if class_name in self._known:
                self.data += UNSIGNED.pack(_KNOWN_CLASS | self._known[class_name])
            else:
                self._known[class_name] = len(self.data) + self._origin
                self.data += UNSIGNED.pack(_NEW_CLASS) + class_name.encode() + b"\0"
            with self.counted():
                self.data += SHORT.pack(version)
                yield


def streamer_list(n_axes: Iterable[int], key_bytes: int) -> bytes:
    """The TList of TStreamerInfo of everything in histograms.

    Parameters
    ----------
    n_axes
        numbers of axes that the histograms have.
    key_bytes
        size of the key in front of it, from which references to classes are counted.
    """
    buffer = _Buffer(key_bytes)
    classes = [*chain.from_iterable(_HISTOGRAMS[n] for n in n_axes), *_CLASSES]
    with buffer.counted():
        buffer.data += SHORT.pack(5) + t_object() + string("") + INT.pack(len(classes))
        for name, version, checksum, members in classes:
            with buffer.object("TStreamerInfo", 9):
                buffer.data += t_named(name, bits=_IS_STREAMER_INFO) + _CHECKSUM_AND_VERSION.pack(checksum, version)
                with buffer.object("TObjArray", 3):
                    buffer.data += t_object() + string("") + _SIZE_AND_LOWEST.pack(len(members), 0)
                    for member in members:
                        with buffer.object(member.element, _ELEMENT_VERSIONS.get(member.element, 2)):
                            buffer.data += _element(member)
            buffer.data += string("")  # the option of the list's entry
    return bytes(buffer.data)


def _element(member: _Member) -> bytes:
    version, checksum = _VERSIONS.get(member.name, (0, 0)) if member.element == "TStreamerBase" else (0, 0)
    numbers = _ELEMENT.pack(member.number, member.size, 0, 0, 0, checksum, 0, 0, 0)
    common = versioned(4, t_named(member.name, member.remark), numbers, string(member.type_name))
    match member.element:
        case "TStreamerBase":
            return common + INT.pack(version)
        case "TStreamerBasicPointer":  # version, name and class of the member that counts its entries
            return common + INT.pack(_TH1_VERSION) + string("fBufferSize") + string("TH1")
        case _:
            return common
