"""How the classes of a ROOT file are laid out: what the file itself says, read by the few layouts that are fixed.

A file lists, for each class and version in it, the members with their types (TStreamerInfo). The layout of that list
cannot be read from itself; it stands here, as data of the same kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: Numbers of types (TVirtualStreamerInfo::EReadWrite) and their letters for :mod:`struct`.
BASIC = {
    1: "b",
    2: "h",
    3: "i",
    4: "q",
    5: "f",
    6: "i",
    8: "d",
    11: "B",
    12: "H",
    13: "I",
    14: "Q",
    15: "I",
    16: "q",
    17: "Q",
    18: "?",
}
#: Fixed arrays of a type have its number with this added.
ARRAY = 20
#: Arrays whose length is another member.
COUNTED = 40
BASE, OBJECT, ANY, OBJECT_POINTERS, ANY_POINTERS, STRING, TOBJECT, TNAMED, STL = (
    0,
    61,
    62,
    (63, 64),
    (68, 69),
    65,
    66,
    67,
    500,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a class, or a base class: name, number and name of its type, and of an array the length.

    ``count`` is the member that says the length, where it is not always the same.
    """

    name: str
    number: int
    type_name: str = ""
    length: int = 0
    count: str = ""


def _integers(*names: str) -> tuple[Member, ...]:
    return tuple(Member(name, 3) for name in names)


_ELEMENT = Member("TStreamerElement", BASE)
#: The classes that describe classes, by name and version.
_FIXED: dict[tuple[str, int], tuple[Member, ...]] = {
    **{
        ("TStreamerInfo", version): (
            Member("TNamed", TNAMED),
            Member("fCheckSum", 13),
            Member("fClassVersion", 3),
            Member("fElements", 63, "TObjArray"),
        )
        for version in (9, 10)
    },
    ("TStreamerElement", 4): (
        Member("TNamed", TNAMED),
        *_integers("fType", "fSize", "fArrayLength", "fArrayDim"),
        Member("fMaxIndex", 3 + ARRAY, length=5),
        Member("fTypeName", STRING),
    ),
    ("TStreamerBase", 3): (_ELEMENT, Member("fBaseVersion", 3)),
    ("TStreamerSTL", 3): (_ELEMENT, *_integers("fSTLtype", "fCtype")),
    ("TStreamerSTLstring", 2): (Member("TStreamerSTL", BASE),),
    **{
        (name, 2): (_ELEMENT, Member("fCountVersion", 3), Member("fCountName", STRING), Member("fCountClass", STRING))
        for name in ("TStreamerBasicPointer", "TStreamerLoop")
    },
    **{
        (name, 2): (_ELEMENT,)
        for name in (
            "TStreamerBasicType",
            "TStreamerObject",
            "TStreamerObjectAny",
            "TStreamerObjectPointer",
            "TStreamerObjectAnyPointer",
            "TStreamerString",
        )
    },
}


_HISTFACTORY = "RooStats::HistFactory::"
_UNCERTAINTY = Member(f"{_HISTFACTORY}HistogramUncertaintyBase", BASE)
#: Classes of HistFactory that files of ROOT since 6.24 hold and do not describe, by name and checksum: ROOT forgets
#: those with a base class where they are in a collection. The base class is described, because StatError has it, too.
_FORGOTTEN: dict[tuple[str, int], tuple[Member, ...]] = {
    (f"{_HISTFACTORY}HistoSys", 0xF3D0913B): (_UNCERTAINTY,),
    (f"{_HISTFACTORY}HistoFactor", 0x94DD4875): (_UNCERTAINTY,),
    (f"{_HISTFACTORY}ShapeSys", 0x6BA8A5FB): (_UNCERTAINTY, Member("fConstraintType", 3)),
    (f"{_HISTFACTORY}ShapeFactor", 0x6D9BB57A): (
        _UNCERTAINTY,
        Member("fConstant", 18),
        Member("fHasInitialShape", 18),
    ),
}


#: Classes that files describe wrongly or not at all, by name and first version: RooFit streams them itself.
_OWN: dict[tuple[str, int], tuple[Member, ...]] = {
    ("RooRealVar", 4): (
        Member("RooAbsRealLValue", BASE),
        *(Member(name, 8) for name in ("_error", "_asymErrLo", "_asymErrHi")),
        Member("_binning", 64, "RooAbsBinning*"),
        Member("_sharedProp", ANY, "RooRealVarSharedProperties"),
    ),
    ("RooCategory", 2): (
        Member("RooAbsCategoryLValue", BASE),
        Member("_sharedProp", ANY, "RooCategorySharedProperties"),
    ),
}
#: From which version on they are as described.
_AS_DESCRIBED = {"RooCategory": 3}


@dataclass(frozen=True, slots=True)
class Layouts:
    """The members of classes, by name and version, and the version of a class by its checksum."""

    members: Mapping[tuple[str, int], tuple[Member, ...]] = field(default_factory=lambda: _FIXED)
    versions: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def of(self, name: str, version: int) -> tuple[Member, ...] | None:
        """The members of that version of a class."""
        return _own(name, version) or self.members.get((name, version))

    def by_checksum(self, name: str, checksum: int) -> tuple[Member, ...] | None:
        """The members of a class without versions."""
        version = self.versions.get((name, checksum))
        return _FORGOTTEN.get((name, checksum)) if version is None else self.members.get((name, version))

    def only(self, name: str) -> tuple[Member, ...] | None:
        """The members of a class of which there is one version."""
        found = [members for (known, _), members in self.members.items() if known == name]
        return found[0] if len(found) == 1 else None


#: Those of the classes that describe classes.
FIXED = Layouts()


def layouts_of(infos: Iterable[Mapping[str, object]]) -> Layouts:
    """The layouts that a file describes.

    Parameters
    ----------
    infos
        the objects of its list of TStreamerInfo, each by its members.
    """
    members: dict[tuple[str, int], tuple[Member, ...]] = {}
    versions: dict[tuple[str, int], int] = {}
    for info in infos:
        name, version = info.get("fName"), info.get("fClassVersion")
        checksum, elements = info.get("fCheckSum"), info.get("fElements")
        if not (isinstance(name, str) and isinstance(version, int) and isinstance(elements, list)):
            continue  # a list of rules, which is among them
        members[name, version] = tuple(_member(e) for e in elements if isinstance(e, Mapping))
        if isinstance(checksum, int):
            versions[name, checksum] = version
    return Layouts(members, versions)


def _own(name: str, version: int) -> tuple[Member, ...] | None:
    """The members of a class that RooFit streams itself in that version."""
    found = [of for (known, first), of in _OWN.items() if known == name and first <= version]
    return found[-1] if found and version < _AS_DESCRIBED.get(name, version + 1) else None


def _member(element: Mapping[str, object]) -> Member:
    name, type_name = str(element.get("fName")), str(element.get("fTypeName"))
    number, length = element.get("fType"), element.get("fArrayLength")
    if not (isinstance(number, int) and isinstance(length, int)):
        number, length = -1, 0
    return Member(name, number, type_name, length, str(element.get("fCountName", "")))
