"""The names that an edit may refer to."""

from collections.abc import Iterable

from hftranslate.errors import MissingInput, did_you_mean
from hftranslate.workspace import MODIFIER_TYPES, Workspace
from hftranslate.workspace.map import all_modifiers


def channel_names(workspace: Workspace) -> list[str]:
    """Names of all channels, in order."""
    return [c.name for c in workspace.channels]


def sample_names(workspace: Workspace) -> list[str]:
    """Names of all samples of all channels, each once."""
    return list(dict.fromkeys(s.name for c in workspace.channels for s in c.samples))


def modifier_names(workspace: Workspace) -> list[str]:
    """Names of all modifiers, each once."""
    return list(dict.fromkeys(m.name for m in all_modifiers(workspace.channels)))


def modifier_words(workspace: Workspace) -> list[str]:
    """The types of modifiers that are used."""
    return sorted({MODIFIER_TYPES[type(m)] for m in all_modifiers(workspace.channels)})


def measurement_names(workspace: Workspace) -> list[str]:
    """Names of all measurements, in order."""
    return [m.name for m in workspace.measurements]


def check_known(wanted: Iterable[str], known: Iterable[str], what: str) -> None:
    """Refuse a name that is not there.

    Raises
    ------
    MissingInput
        The message names the nearest one that is there.
    """
    valid = set(known)
    for name in wanted:
        if name not in valid:
            raise MissingInput(f"the workspace has no {what} {name!r}" + did_you_mean(name, valid))
