"""What a workspace says of itself: its channels with their samples and events, its parameters with their modifiers."""

from dataclasses import fields, is_dataclass
from typing import Any

from hftranslate.display.speaking import Table, counted, plain
from hftranslate.workspace.model import MODIFIER_TYPES, Modifier, Workspace
from hftranslate.workspace.parameter_names import declared_parameters


def plain_of(value: Any) -> Any:
    """A workspace, or a part of one, as plain JSON values; modifiers have their ``type``, infinities are ``None``."""
    if is_dataclass(value):
        type_of = {"type": MODIFIER_TYPES[type(value)]} if isinstance(value, Modifier) else {}
        return type_of | {f.name: plain_of(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, list | tuple):
        return [plain_of(v) for v in value]
    return plain(value) if isinstance(value, float) else value


def headline_of(workspace: Workspace) -> str:
    """What it is in a line."""
    channels, m = workspace.channels, workspace.measurements[0]
    samples = {s.name for c in channels for s in c.samples}
    numbers = ((len(channels), "channel"), (sum(c.n_bins for c in channels), "bin"), (len(samples), "sample"))
    what = ", ".join(counted(n, word) for n, word in numbers)
    return f"{what}; measurement {m.name} of {', '.join(m.pois) or 'nothing'}; conventions {workspace.conventions.name}"


def tables_of(workspace: Workspace) -> tuple[Table, ...]:
    """Channels and parameters."""
    channels = Table(
        caption=headline_of(workspace),
        columns=("channel", "bins", "nominal", "observed", "samples"),
        rows=[
            (
                c.name,
                c.n_bins,
                float(sum(sum(s.nominal) for s in c.samples)),
                None if c.observed is None else float(sum(c.observed)),
                ", ".join(s.name for s in c.samples),
            )
            for c in workspace.channels
        ],
    )
    parameters = Table(
        caption="parameters",
        columns=("name", "values", "modifiers"),
        rows=[
            (name, d.size, ", ".join(sorted({MODIFIER_TYPES[type(m)] for _, _, m in d.uses})))
            for name, d in declared_parameters(workspace.channels).items()
        ],
    )
    return channels, parameters
