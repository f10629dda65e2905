"""What a patch set holds, for people."""

from collections import Counter
from typing import Any

from hftranslate.display import terminal
from hftranslate.display.speaking import counted
from hftranslate.signal_grid.document import Patch, PatchSet


def summary_text(patches: PatchSet) -> str:
    """Labels, references and digests of a patch set, and a line for each patch: name, values, what it does.

    Parameters
    ----------
    patches
        a patch set.

    Returns
    -------
    str
        lines for a terminal.
    """
    lines = [
        f"{counted(len(patches), 'patch')} of a background-only workspace",
        f"description  {patches.description}",
        f"labels       {', '.join(patches.labels)}",
        *(f"reference    {name}: {reference}" for name, reference in sorted(patches.references.items())),
        *(f"digest       {algorithm}:{value}" for algorithm, value in sorted(patches.digests.items())),
        *(f"{key:12} {value}" for key, value in sorted(patches.metadata.items())),
        "",
    ]
    rows = [("name", *patches.labels, "operations")]
    rows += [(p.name, *map(str, p.values), what_it_does(p)) for p in patches]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:], strict=True)), row[-1]]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(map(terminal, lines)) + "\n"


def what_it_does(patch: Patch) -> str:
    """The operations of a patch by kind: ``add sample (8)``.

    >>> add = {"op": "add", "path": "/channels/0/samples/-", "value": {}}
    >>> what_it_does(Patch(name="a", values=(1,), operations=[add, {"op": "remove", "path": "/channels/3"}]))
    'add sample (1), remove channel (1)'
    """
    kinds = Counter(f"{o['op']} {_thing(o['path'])}" for o in patch.operations)
    return ", ".join(f"{kind} ({n})" for kind, n in kinds.items())


_LISTS = {
    "channels": "channel",
    "samples": "sample",
    "modifiers": "modifier",
    "observations": "observation",
    "measurements": "measurement",
    "parameters": "setting",
}


def _thing(path: Any) -> str:
    """What lies at a place in a workspace: an item of the last named list, or something in it."""
    parts = str(path).split("/")
    last = max((k for k, part in enumerate(parts) if part in _LISTS), default=None)
    if last is None:
        return str(path)
    inside = " ".join(p for p in parts[last + 2 :] if not p.isdigit())
    return _LISTS[parts[last]] + (f" {inside}" if inside else "")
