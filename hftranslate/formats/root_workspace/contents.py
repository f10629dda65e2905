"""What lies in a ROOT file: workspaces with their data sets, model configurations and snapshots, and measurements.

A RooWorkspace is skimmed: the lists in it are followed for classes and names, everything else is passed over by the
length that is written in front of it. So files can be looked into whose models cannot be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hftranslate.display import terminal
from hftranslate.formats.json_text import read_bytes, source_name
from hftranslate.formats.root_histograms.container import Damaged, Key, RootFile
from hftranslate.formats.root_histograms.records import HAS_BYTE_COUNT, SHORT, UNSIGNED
from hftranslate.formats.root_workspace.layouts import ANY, ANY_POINTERS, OBJECT, OBJECT_POINTERS, STL, Layouts, Member
from hftranslate.formats.root_workspace.measurement import MEASUREMENT
from hftranslate.formats.root_workspace.read import WORKSPACE, layouts_in, readable
from hftranslate.formats.root_workspace.streamed import Reader, Undecoded

#: The lists of a RooWorkspace that are shown.
_LISTS = {"data_sets": ("_dataList",), "objects": ("_genObjects",), "snapshots": ("_snapshots",)}
_MODEL_CONFIG = "RooStats::ModelConfig"
_LINKED_LIST = "RooLinkedList"
_CLASS_NAME = "(class)"
_NO_COUNT = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A RooWorkspace: the names of what is in it; ``unreadable`` says why there are none."""

    name: str
    data_sets: tuple[str, ...] = ()
    model_configs: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies at the top of a ROOT file.

    Attributes
    ----------
    version
        of the ROOT that wrote it, as 6.40/00.
    workspaces
        what is in each RooWorkspace.
    measurements
        names of the Measurement objects.
    others
        how many other objects there are, by class.
    """

    version: str
    workspaces: tuple[Space, ...]
    measurements: tuple[str, ...]
    others: Mapping[str, int]


def contents(path: str | Path, *, data: bytes | None = None) -> Contents:
    """Look into a ROOT file.

    Parameters
    ----------
    path
        the file, ``-`` for standard input.
    data
        its content, where it was read already.

    Raises
    ------
    InputError
        It is missing, no ROOT file, or damaged.
    """
    with readable(source_name(path)):
        file = RootFile(read_bytes(path) if data is None else data)
        keys = list(file.top.values())
        others: dict[str, int] = {}
        for key in keys:
            if key.class_name not in (WORKSPACE, MEASUREMENT):
                others[key.class_name] = others.get(key.class_name, 0) + 1
        spaces = [key for key in keys if key.class_name == WORKSPACE]
        layouts = layouts_in(file) if spaces else Layouts()
        number = file.version
        return Contents(
            version=f"{number // 10000}.{number // 100 % 100:02d}/{number % 100:02d}",
            workspaces=tuple(_space(file, key, layouts) for key in spaces),
            measurements=tuple(key.name for key in keys if key.class_name == MEASUREMENT),
            others=others,
        )


def contents_text(found: Contents) -> str:
    """The same in lines of text."""
    lines = [f"ROOT file, written by ROOT {found.version}"]
    for space in found.workspaces:
        lines.append(f"  RooWorkspace {terminal(space.name)}")
        parts = {"data sets": space.data_sets, "model configs": space.model_configs, "snapshots": space.snapshots}
        lines += [f"    {what}: {', '.join(map(terminal, names))}" for what, names in parts.items() if names]
        lines += [f"    cannot be looked into: {space.unreadable}"] if space.unreadable else []
    lines += [f"  Measurement {terminal(name)}" for name in found.measurements]
    lines += [f"  {n} {terminal(class_name)}" for class_name, n in found.others.items()]
    return "\n".join(lines) + "\n"


def contents_document(found: Contents) -> dict[str, Any]:
    """The same as plain JSON values."""
    return {
        "version": found.version,
        "workspaces": [
            {
                "name": space.name,
                "data_sets": list(space.data_sets),
                "model_configs": list(space.model_configs),
                "snapshots": list(space.snapshots),
            }
            for space in found.workspaces
        ],
        "measurements": list(found.measurements),
        "others": dict(found.others),
    }


def _space(file: RootFile, key: Key, layouts: Layouts) -> Space:
    try:
        members = _Skimmer(file.payload(key), key.key_bytes, layouts).object(key.class_name)
    except Damaged as error:
        return Space(name=key.name, unreadable=str(error))
    listed = {
        what: [one for name in names for one in members.get(name) or [] if isinstance(one, dict)]
        for what, names in _LISTS.items()
    }
    return Space(
        name=key.name,
        data_sets=tuple(_name(one) for one in listed["data_sets"]),
        model_configs=tuple(
            _name(one)
            for wrapped in listed["objects"]
            for one in (wrapped, *(wrapped.get("_list") or ()))
            if isinstance(one, dict) and one[_CLASS_NAME] == _MODEL_CONFIG
        ),
        snapshots=tuple(_name(one) for one in listed["snapshots"]),
    )


def _name(one: Mapping[str, Any]) -> str:
    """Of an object, or of a set."""
    return str(one.get("fName") or one.get("_name") or "(without a name)")


class _Skimmer(Reader):
    """Reads names and numbers, follows linked lists, and passes over all else."""

    def _one(self, class_name: str) -> Any:
        found = self._linked() if class_name == _LINKED_LIST else super()._one(class_name)
        return {**found, _CLASS_NAME: class_name} if isinstance(found, dict) else found

    def _member(self, class_name: str, member: Member, n: int) -> list[Any]:
        is_list = member.type_name == _LINKED_LIST
        if member.type_name == "TRef":
            return [self._reference() for _ in range(n)]
        if member.number in (OBJECT, ANY, STL) and not is_list:
            return [self._passed_over(member.type_name) for _ in range(n)]
        if member.number in (*OBJECT_POINTERS, *ANY_POINTERS):
            return [self._pointer_passed_over(member.type_name) for _ in range(n)]
        return super()._member(class_name, member, n)

    def _linked(self) -> list[Any]:
        """A RooLinkedList: its objects behind pointers, and its name."""
        end, version = self._header()
        self._tobject("TObject")
        found = [self._deeper(self._pointer) for _ in range(self._count())]
        if version > 1:
            self._string()
        self._ended(end, _LINKED_LIST)
        return found

    def _pointer(self) -> Any:
        """An object behind a pointer, passed over where it cannot be followed to its end."""
        start, depth = self._at, self._depth
        try:
            return super()._pointer()
        except Damaged:
            self._at, self._depth = start, depth
            return self._pointer_passed_over("an object")

    def _referred(self, tag: int) -> Any:
        """The object that a reference leads to, if it was not passed over."""
        return self._references.get(tag)

    def _passed_over(self, class_name: str) -> Undecoded:
        end, _ = self._header()
        if end is None:
            raise Damaged(f"a {class_name} has no length")
        self._at = end
        return Undecoded(class_name)

    def _pointer_passed_over(self, class_name: str) -> Undecoded:
        tag = self._take(UNSIGNED)
        if tag & HAS_BYTE_COUNT and not tag & _NO_COUNT:
            self._at += tag & ~HAS_BYTE_COUNT
            if self._at > len(self._data):
                raise Damaged("an object ends after its record")
        return Undecoded(class_name)

    def _reference(self) -> Undecoded:
        """A TRef, whose process follows its number."""
        self._tobject("TObject")
        self._take(SHORT)
        return Undecoded("TRef")
