"""Objects from the bytes that ROOT's streamers make of them, by the layouts that the file describes.

Collections of objects may be streamed memberwise: the first member of all objects, then the second of all, and so on.
An object alone is the same with one object, so one function reads both.

Nothing is believed that can be checked: counts are bounded by the bytes that are left, depth and number of values by
constants. Nothing is executed: a layout is data.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any, TypeAlias

from hftranslate.formats.root_histograms import Histogram
from hftranslate.formats.root_histograms.container import Damaged
from hftranslate.formats.root_histograms.objects import HISTOGRAM_CLASSES, BadObject, UnknownLayout, from_bytes
from hftranslate.formats.root_histograms.records import HAS_BYTE_COUNT, INT, UNSIGNED
from hftranslate.formats.root_workspace.layouts import (
    ANY,
    ANY_POINTERS,
    ARRAY,
    BASE,
    BASIC,
    COUNTED,
    FIXED,
    OBJECT,
    OBJECT_POINTERS,
    STL,
    STRING,
    TNAMED,
    TOBJECT,
    Layouts,
    Member,
    layouts_of,
)

#: The members of an object, those of its base classes among them.
Object: TypeAlias = dict[str, Any]

MAX_DEPTH = 64
#: Values that one object may consist of; histograms, of which the bytes are bounded already, count as less.
MAX_VALUES = 5_000_000
MAX_TYPE_NAME = 1000
_MEMBERWISE = 1 << 14
_CLASS, _NEW_CLASS = 0x80000000, 0xFFFFFFFF
_NAMED_HERE = UNSIGNED.pack(_NEW_CLASS)
#: Positions in references count from here.
OFFSET = 2
_IS_REFERENCED = 1 << 4
_LONG_STRING = 255
_SHORT = Struct(">H")
_STRUCTS = {number: Struct(f">{letter}") for number, letter in BASIC.items()}
_NUMBERS = {"int": 3, "double": 8, "float": 5, "bool": 18, "short": 2, "unsigned int": 13, "long": 4}
_COLLECTION = re.compile(r"(?:std::)?(vector|list|deque|set|map|unordered_map)<(.*?)\s*>")
_STRINGS = ("string", "std::string")


class NoLayout(Damaged):
    """The file does not describe a class of which there is an object in it, and it is not known here."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """An object that is passed over: its class, for which the file has no layout that can be followed."""

    class_name: str


def read_layouts(data: bytes, key_bytes: int) -> Layouts:
    """The layouts of a file from the record that describes them."""
    infos = Reader(data, key_bytes, FIXED).list_of_objects()
    return layouts_of(info for info in infos if isinstance(info, dict))


class Reader:
    """Reads one record. ``key_bytes`` were in front of it, which references count in."""

    def __init__(self, data: bytes, key_bytes: int, layouts: Layouts) -> None:
        self._data = data
        self._origin = -key_bytes
        self._layouts = layouts
        self._at = 0
        self._depth = 0
        self._values = 0
        self._most = MAX_VALUES
        self._references: dict[int, Any] = {}

    def object(self, class_name: str) -> Object:
        """The object that the record holds."""
        [found] = self._objects(class_name, 1)
        if not isinstance(found, dict):
            raise NoLayout(f"it does not describe its {class_name}")
        return found

    def list_of_objects(self) -> list[Any]:
        """The objects of a TList, which is the whole record."""
        return self._list("TList")

    # ------------------------------------------------------------------------------------------------------- pieces
    def _take(self, layout: Struct) -> Any:
        if self._at + layout.size > len(self._data):
            raise Damaged("an object is cut off")
        (value,) = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return value

    def _count(self, each: int = 1) -> int:
        """A number of things, each of so many bytes at least."""
        n: int = self._take(INT)
        if not 0 <= n * each <= len(self._data) - self._at:
            raise Damaged(f"a collection claims {n} entries, more than its bytes can hold")
        return self._spend(n)

    def _spend(self, n: int) -> int:
        self._values += n
        if n < 0 or self._values > self._most:
            raise Damaged(f"an object has more than {self._most} values")
        return n

    def _string(self) -> str:
        n = self._take(_STRUCTS[11])
        if n == _LONG_STRING:
            n = self._take(INT)
        if not 0 <= n <= len(self._data) - self._at:
            raise Damaged("a text is cut off")
        self._at += n
        return self._data[self._at - n : self._at].decode("utf-8", "surrogateescape")

    def _c_string(self) -> str:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise Damaged("the name of a class is cut off")
        text = self._data[self._at : end].decode("utf-8", "surrogateescape")
        self._at = end + 1
        return text

    def _header(self) -> tuple[int | None, int]:
        """Where the object ends that starts here, if that is said, and its version."""
        count = self._take(UNSIGNED)
        if not count & HAS_BYTE_COUNT:
            self._at -= UNSIGNED.size
            return None, self._take(_SHORT)
        end = self._at + (count & ~HAS_BYTE_COUNT)
        if end > len(self._data):
            raise Damaged("an object ends after its record")
        return end, self._take(_SHORT)

    def _ended(self, end: int | None, what: str) -> None:
        if end is not None and self._at != end:
            raise Damaged(f"{what} does not end where it says")

    def _deeper(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Damaged(f"objects lie deeper than {MAX_DEPTH} in each other")
        value = read(*arguments, **options)
        self._depth -= 1
        return value

    # ------------------------------------------------------------------------------------------------------ objects
    def _objects(self, class_name: str, n: int) -> list[Any]:
        """So many objects of a class one after the other, each with its head."""
        return [self._deeper(self._one, class_name) for _ in range(self._spend(n))]

    def _one(self, class_name: str) -> Any:
        special = {"TList": self._list, "TObjArray": self._list, "TNamed": self._named, "TObject": self._tobject}
        if class_name in special:
            return special[class_name](class_name)
        if class_name in HISTOGRAM_CLASSES:
            return self._histogram(class_name)
        end, version = self._header()
        layout = self._layout(class_name, version)
        if layout is None:
            if end is None:
                raise NoLayout(f"it does not describe version {version} of its {class_name}")
            self._at = end
            return Undecoded(class_name)
        [found] = self._members(class_name, layout, 1)
        self._ended(end, class_name)
        return found

    def _layout(self, class_name: str, version: int) -> tuple[Member, ...] | None:
        """The members of a class; classes without versions say a checksum instead."""
        if version == 0:
            return self._layouts.by_checksum(class_name, self._take(UNSIGNED))
        return self._layouts.of(class_name, version)

    def _members(
        self, class_name: str, layout: tuple[Member, ...], n: int, *, memberwise: bool = False
    ) -> list[Object]:
        """So many objects without a head; of none, nothing is there. Memberwise, base classes have no heads either."""
        if n == 0:
            return []
        found: list[Object] = [{} for _ in range(self._spend(n))]
        for member in layout:
            if memberwise and member.number == BASE:
                base = self._layouts.only(member.name)
                if base is None:
                    raise NoLayout(f"it does not describe its {member.name}")
                values = self._deeper(self._members, member.name, base, n, memberwise=True)
            elif member.number - COUNTED in BASIC:
                values = [self._counted(member, one.get(member.count)) for one in found]
            else:
                values = self._deeper(self._member, class_name, member, n)
            for one, value in zip(found, values, strict=True):
                if member.number in (BASE, TNAMED, TOBJECT):
                    one.update(value if isinstance(value, dict) else {})
                else:
                    one[member.name] = value
        return found

    def _member(self, class_name: str, member: Member, n: int) -> list[Any]:
        """One member of so many objects."""
        number = member.number
        if number in BASIC:
            self._spend(n)
            return [self._take(_STRUCTS[number]) for _ in range(n)]
        if number - ARRAY in BASIC:
            return [self._numbers(number - ARRAY, self._spend(member.length)) for _ in range(n)]
        type_name = member.type_name.rstrip("*")
        if number == BASE or number in (OBJECT, ANY) or number in (TNAMED, TOBJECT):
            return self._objects(type_name if number in (OBJECT, ANY) else member.name, n)
        if number == STRING:
            return [self._string() for _ in range(self._spend(n))]
        if number in (*OBJECT_POINTERS, *ANY_POINTERS):
            return [self._deeper(self._pointer) for _ in range(self._spend(n))]
        if number == STL:
            return self._collections(type_name, n)
        raise Damaged(f"the type {number} ({member.type_name}) of {class_name}::{member.name} is not known")

    def _counted(self, member: Member, n: Any) -> list[Any]:
        """An array whose length is another member; whether it is there, is said in front of it."""
        there = self._take(_STRUCTS[11])
        return self._numbers(member.number - COUNTED, self._spend(n) if isinstance(n, int) and there else 0)

    def _numbers(self, number: int, n: int) -> list[Any]:
        """So many numbers one after the other."""
        if n * _STRUCTS[number].size > len(self._data) - self._at:
            raise Damaged("an array is cut off")
        layout = Struct(f">{n}{BASIC[number]}")
        found = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return list(found)

    def _histogram(self, class_name: str) -> Histogram:
        start = self._at
        end, _ = self._header()
        if end is None:
            raise Damaged(f"a {class_name} has no length")
        self._at = end
        self._spend((end - start) // 64)
        try:
            return from_bytes(self._data[start:end], class_name)
        except (BadObject, UnknownLayout) as error:
            raise Damaged(f"a histogram in an object: {error}") from None

    def _tobject(self, _: str) -> Object:
        self._header()
        self._take(UNSIGNED)
        bits = self._take(UNSIGNED)
        if bits & _IS_REFERENCED:
            self._take(_SHORT)
        return {}

    def _named(self, class_name: str) -> Object:
        end, _ = self._header()
        self._tobject(class_name)
        found: Object = {"fName": self._string(), "fTitle": self._string()}
        self._ended(end, class_name)
        return found

    def _list(self, class_name: str) -> list[Any]:
        """A TList, each object of which has an option after it, or a TObjArray."""
        end, _ = self._header()
        self._tobject(class_name)
        self._string()
        n = self._count()
        if class_name == "TObjArray":
            self._take(INT)
        found = []
        for _ in range(n):
            found.append(self._deeper(self._pointer))
            if class_name == "TList":
                self._string()
        self._ended(end, class_name)
        return found

    def _pointer(self) -> Any:
        """An object behind a pointer, with its class in front: none, a new one, or one that was read before."""
        start = self._at
        tag = self._take(UNSIGNED)
        counted, end = False, start
        if tag & HAS_BYTE_COUNT and tag != _NEW_CLASS:
            counted, end = True, self._at + (tag & ~HAS_BYTE_COUNT)
            if end > len(self._data):
                raise Damaged("an object ends after its record")
        if counted:
            tag = self._take(UNSIGNED)
        if not tag & _CLASS:
            return self._referred(tag) if tag else None
        class_name = self._c_string() if tag == _NEW_CLASS else self._class_at(tag)
        value = self._one(class_name)
        self._references[start - self._origin + OFFSET] = value
        if counted:
            self._ended(end, class_name)
        return value

    def _referred(self, tag: int) -> Any:
        """The object that a reference leads to."""
        if tag not in self._references:
            raise Damaged("a reference leads to nothing")
        return self._references[tag]

    def _class_at(self, tag: int) -> str:
        """The class that was named where a reference to it leads, whether that was read or passed over."""
        place = (tag & ~_CLASS) - OFFSET + self._origin
        if place < 0 or self._data[place : place + UNSIGNED.size] != _NAMED_HERE:
            raise Damaged("a reference to a class leads to none")
        end = self._data.find(b"\0", place)
        return self._data[place + UNSIGNED.size : end].decode("utf-8", "surrogateescape")

    # -------------------------------------------------------------------------------------------------- collections
    def _collections(self, type_name: str, n: int) -> list[Any]:
        """So many collections of the standard library, or strings: one head in front of all."""
        end, version = self._header()
        read = self._memberwise if version & _MEMBERWISE else self._objectwise
        found = read(type_name, n)
        self._ended(end, type_name)
        return found

    def _objectwise(self, type_name: str, n: int) -> list[Any]:
        if type_name in _STRINGS:
            return [self._string() for _ in range(self._spend(n))]
        kind, items = _items(type_name)
        found: list[Any] = []
        for _ in range(n):
            count = self._count()
            if kind.endswith("map"):
                pairs = [[self._deeper(self._item, item, 1)[0] for item in items] for _ in range(count)]
                found.append({_key(k): v for k, v in pairs})
            else:
                found.append(self._deeper(self._item, items[0], count))
        return found

    def _item(self, type_name: str, n: int) -> list[Any]:
        """So many things in a collection, one after the other."""
        if type_name in _NUMBERS:
            return self._numbers(_NUMBERS[type_name], n)
        if type_name in _STRINGS:
            return [self._string() for _ in range(n)]
        if type_name.endswith("*"):
            return [self._deeper(self._pointer) for _ in range(n)]
        if len(type_name) <= MAX_TYPE_NAME and _COLLECTION.fullmatch(type_name):
            return self._objectwise(type_name, n)
        return self._objects(type_name, n)

    def _memberwise(self, type_name: str, n: int) -> list[Any]:
        kind, items = _items(type_name)
        class_name = f"pair<{','.join(items)}>" if kind.endswith("map") else items[0]
        layout = self._layout(class_name, self._take(_SHORT))
        if kind.endswith("map"):
            layout = tuple(_pair_member(name, item) for name, item in zip(("first", "second"), items, strict=True))
        found: list[Any] = []
        for _ in range(n):
            count = self._count()
            if layout is None and count:  # classes of which there is nothing have none
                raise NoLayout(f"it does not describe its {class_name}")
            objects = self._deeper(self._members, class_name, layout or (), count, memberwise=True)
            found.append({_key(o["first"]): o["second"] for o in objects} if kind.endswith("map") else objects)
        return found


def _items(type_name: str) -> tuple[str, list[str]]:
    """The kind of a collection, and the types of what is in it."""
    match = _COLLECTION.fullmatch(type_name) if len(type_name) <= MAX_TYPE_NAME else None
    if match is None:
        raise Damaged(f"the type {type_name[:MAX_TYPE_NAME]} is not known")
    kind, inner = match[1], match[2].strip()
    if not kind.endswith("map"):
        return kind, [inner.split(",")[0].strip() if "<" not in inner else inner]
    first, _, second = inner.partition(",")
    return kind, [first.strip(), second.strip()]


def _pair_member(name: str, type_name: str) -> Member:
    number = _NUMBERS.get(type_name)
    if number is not None:
        return Member(name, number)
    is_collection = type_name in _STRINGS or _COLLECTION.fullmatch(type_name)
    return Member(name, STL if is_collection else ANY, type_name)


def _key(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise Damaged("a map has an object as its key")
    return value
