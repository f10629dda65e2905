"""The objects of a RooWorkspace, each read where it lies when it is asked for.

RooFit writes an object where it is first pointed to, so that a model lies in the file as one object in another, as deep
as it is large. Here nothing is followed: what a pointer leads to is a place, and an object is read by its place. What
nobody asks for need not be understood.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hftranslate.formats.root_histograms.container import Damaged, Key, RootFile
from hftranslate.formats.root_histograms.records import HAS_BYTE_COUNT, SHORT, UNSIGNED
from hftranslate.formats.root_workspace.layouts import ANY, OBJECT, STL, Layouts, Member
from hftranslate.formats.root_workspace.streamed import MAX_VALUES, OFFSET, Object, Reader, Undecoded

#: The member that says of which class an object is.
CLASS = "(class)"
_CLASS_BIT, _NEW_CLASS = 1 << 31, 0xFFFFFFFF
_LINKED_LIST = "RooLinkedList"
_CODE = "RooWorkspace::CodeRepo"
#: What is passed over: who uses whom (it follows from the members), caches, and what ranges are shared by whom.
_PASSED_OVER = (
    "RooRefArray",
    "RooRefCountList",
    "RooSTLRefCountList<RooAbsArg>",
    "RooObjCacheManager",
    "RooExpensiveObjectCache",
    "RooRealVarSharedProperties",
    "RooCategorySharedProperties",
    _CODE,
    "TUUID",
    "deque<RooAbsCache*>",
    "map<string,vector<int> >",
)


@dataclass(frozen=True, slots=True)
class At:
    """Where the object lies that a pointer leads to, as references count."""

    place: int


class Graph(Reader):
    """The objects of one record, by place. ``n_classes`` is how many classes have their code in it."""

    def __init__(self, file: RootFile, key: Key, layouts: Layouts) -> None:
        super().__init__(file.payload(key), key.key_bytes, layouts)
        self._most = max(MAX_VALUES, len(self._data))
        self.name = key.name
        self.n_classes = 0
        self.top = self.object(key.class_name)

    def at(self, place: Any) -> Object:
        """The object that a pointer leads to.

        Raises
        ------
        Damaged
            There is none, or it cannot be read.
        """
        if not isinstance(place, At):
            raise Damaged("a pointer leads to nothing")
        if place.place not in self._references:
            start = place.place - OFFSET + self._origin
            if not 0 <= start <= len(self._data):
                raise Damaged("a reference leads to nothing")
            self._at, self._depth = start, 0
            super()._pointer()
        found = self._references.get(place.place)
        if not isinstance(found, dict):
            raise Damaged(f"a {found.class_name} cannot be read" if isinstance(found, Undecoded) else "no object")
        return found

    def all(self, places: Any) -> Iterator[Object]:
        """The objects that the pointers of a list lead to, in order; null pointers are left out."""
        yield from (self.at(place) for place in _listed(places) if place is not None)

    def _one(self, class_name: str) -> Any:
        if class_name in _PASSED_OVER:
            return self._pass_over(class_name)
        if class_name == "TRef":
            return self._reference()
        found = self._linked() if class_name == _LINKED_LIST else super()._one(class_name)
        return {**found, CLASS: class_name} if isinstance(found, dict) else found

    def _member(self, class_name: str, member: Member, n: int) -> list[Any]:
        type_name = member.type_name.rstrip("*")
        if member.number in (OBJECT, ANY, STL) and type_name in _PASSED_OVER:
            return [self._pass_over(type_name) for _ in range(n)]
        return super()._member(class_name, member, n)

    def _pointer(self) -> At | None:
        """Where a pointer leads to; an object that lies here is passed over."""
        start = self._at
        tag = self._take(UNSIGNED)
        if not tag & HAS_BYTE_COUNT or tag == _NEW_CLASS:
            if tag & _CLASS_BIT:
                raise Damaged("an object has no length")
            return At(tag) if tag else None
        self._at += tag & ~HAS_BYTE_COUNT
        if self._at > len(self._data):
            raise Damaged("an object ends after its record")
        return At(start - self._origin + OFFSET)

    def _linked(self) -> list[Any]:
        """A RooLinkedList: pointers, and its name."""
        end, version = self._header()
        self._tobject("TObject")
        found = [self._pointer() for _ in range(self._count())]
        if version > 1:
            self._string()
        self._ended(end, _LINKED_LIST)
        return found

    def _pass_over(self, class_name: str) -> Undecoded:
        end, _ = self._header()
        if end is None:
            raise Damaged(f"a {class_name} has no length")
        if class_name == _CODE:
            self.n_classes += self._count()
        self._at = end
        return Undecoded(class_name)

    def _reference(self) -> Undecoded:
        """A TRef, whose process follows its number."""
        self._tobject("TObject")
        self._take(SHORT)
        return Undecoded("TRef")


def _listed(places: Any) -> list[Any]:
    """The pointers in a list, a set, a proxy of either, or a linked list."""
    if isinstance(places, dict):
        places = places.get("_list")
    return places if isinstance(places, list) else []
