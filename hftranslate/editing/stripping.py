"""The background-only workspace of a full one."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from hftranslate.display.speaking import named
from hftranslate.editing.names import sample_names
from hftranslate.errors import InvalidWorkspace, MissingInput, did_you_mean
from hftranslate.workspace import Workspace
from hftranslate.workspace.model import check_workspaces


def strip(workspace: Workspace, signals: str | Sequence[str]) -> Workspace:
    """The workspace without its signal samples, ready to be patched with others.

    Measurements stay as they are, with the parameter of interest and all settings: a patch that adds a signal then
    needs to add nothing else.

    Parameters
    ----------
    workspace
        the model with signal.
    signals
        names of samples, or patterns of names as shells have them (``C1N2_*``); a name that exists is no pattern.

    Returns
    -------
    Workspace
        the background, with its measurements.

    Raises
    ------
    MissingInput
        No sample has such a name.
    InvalidWorkspace
        A channel would be left without samples.
    """
    check_workspaces(workspace)
    names = sample_names(workspace)
    chosen: set[str] = set()
    for signal in named(signals):
        found = {signal} if signal in names else {n for n in names if fnmatchcase(n, signal)}
        if not found:
            raise MissingInput(f"no sample {signal!r}" + did_you_mean(signal, names))
        chosen |= found
    channels = []
    for channel in workspace.channels:
        rest = tuple(s for s in channel.samples if s.name not in chosen)
        if not rest:
            gone = ", ".join(repr(s.name) for s in channel.samples)
            raise InvalidWorkspace(
                f"nothing would be left of channel {channel.name!r}: all its samples are signal ({gone}); "
                "leave the channel out first (hftranslate prune --channel)"
            )
        channels.append(replace(channel, samples=rest))
    return replace(workspace, channels=tuple(channels))
