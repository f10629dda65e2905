"""Two files compared in meaning, and what is said of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hftranslate.difference import Difference, document, text
from hftranslate.translation.load import Loaded


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
