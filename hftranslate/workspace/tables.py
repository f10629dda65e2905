"""What a workspace says of itself: its channels with their samples and events, its parameters with their modifiers."""

from hftranslate.display.speaking import Table, counted
from hftranslate.workspace.model import MODIFIER_TYPES, Workspace
from hftranslate.workspace.parameter_names import declared_parameters


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
