"""What a check says: entries that passed, that are worth knowing, or that are wrong, and all of them as a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["error", "warning", "note", "passed"]
STATUSES: tuple[Status, ...] = ("error", "warning", "note", "passed")
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was checked.

    Attributes
    ----------
    status
        an error makes the whole check fail.
    check
        a fixed word for what was checked, for example ``digest``.
    where
        the file, table, patch or region concerned.
    what
        what was found.
    """

    status: Status
    check: str
    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All that was checked in a folder, in the order in which it was checked."""

    folder: str
    entries: tuple[Entry, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(e.status == "error" for e in self.entries)

    def of(self, *statuses: Status) -> tuple[Entry, ...]:
        """The entries with these statuses."""
        return tuple(e for e in self.entries if e.status in statuses)


def gathered(names: Sequence[str], total: int, thing: str) -> str:
    """Names of some of many things: ``3 of 125 patches (a, b, c)``."""
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} of {total} {thing} ({shown})"
