"""Two files compared in meaning, and what is said of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hftranslate.difference import Difference, document, text
from hftranslate.translation.load import Loaded
from hftranslate.workspace import Workspace

#: How ROOT calls an analysis of the measurement whose name it does not write to HS3.
_NAMELESS = "simPdf_"


def with_common_measurement(one: Loaded, two: Loaded) -> tuple[Workspace, Workspace, str]:
    """Two workspaces, the only measurement of what ROOT exported as HS3 under the other's name; and what was done."""
    first, second = one.workspace, two.workspace
    if len(first.measurements) == len(second.measurements) == 1:
        mine, theirs = first.measurements[0], second.measurements[0]
        told = "HS3 of ROOT does not name its measurement: {!r} is compared with {!r}"
        if one.format == "hs3" and mine.name.startswith(_NAMELESS) and mine.name != theirs.name:
            renamed = replace(first, measurements=(replace(mine, name=theirs.name),))
            return renamed, second, told.format(mine.name, theirs.name)
        if two.format == "hs3" and theirs.name.startswith(_NAMELESS) and mine.name != theirs.name:
            renamed = replace(second, measurements=(replace(theirs, name=mine.name),))
            return first, renamed, told.format(theirs.name, mine.name)
    return first, second, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What differs between the workspaces of two files.

    Attributes
    ----------
    files
        their names.
    loaded
        what was read from them.
    found
        the :func:`~hftranslate.difference.difference`.
    """

    files: tuple[str, str]
    loaded: tuple[Loaded, Loaded]
    found: Difference

    def _each(self) -> Iterator[tuple[str, str, Loaded]]:
        yield from zip(("first", "second"), self.files, self.loaded, strict=True)

    def document(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return {
            f"{place}_file": {
                "file": file,
                "format": loaded.format,
                "with_sidecar": loaded.with_sidecar,
                "conventions": loaded.workspace.conventions.name,
            }
            for place, file, loaded in self._each()
        } | document(self.found)

    def text(self) -> str:
        """The comparison for people."""
        header = "".join(
            f"{place}: {file} ({loaded.format}{' with its sidecar' if loaded.with_sidecar else ''})\n"
            for place, file, loaded in self._each()
        )
        return header + text(self.found)
