"""Impacts as a table of text."""

from math import isfinite

from hftranslate.display import terminal
from hftranslate.inference.impacts import Impacts, Shifts


def impacts_table(result: Impacts, top: int = 30) -> str:
    """The parameters with the largest impacts, one a line, and the groups."""
    rows = [["parameter", "pull", "constraint", "pre-fit impact", "post-fit impact"]]
    for impact in result.parameters[:top]:
        p = impact.parameter
        if p.pull is None or p.constraint is None:
            sigma = f"{p.uncertainty:.2g}" if isfinite(p.uncertainty) else "?"
            rows.append([p.name, f"{p.value:.3g} ± {sigma}", "free", "", _pair(impact.postfit)])
            continue
        constraint = f"{p.constraint:.2f}" if isfinite(p.constraint) else "?"
        pre = "" if impact.prefit is None else _pair(impact.prefit)
        rows.append([p.name, f"{round(p.pull, 2) + 0.0:+.2f}", constraint, pre, _pair(impact.postfit)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    low, high = _known(result.low), _known(result.high)
    lines = [f"{result.poi} = {result.value:.4g}  -{low} +{high} ({result.widths.upper()})", ""]
    lines += [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]
    left = len(result.parameters) - top
    if left > 0:
        lines.append(f"... and {left} more with smaller impacts")
    lines += ["", "groups (below, above)"]
    width = max(map(len, result.groups))
    lines += [f"  {name.ljust(width)}  {_known(a):>9} {_known(b):>9}" for name, (a, b) in result.groups.items()]
    return "\n".join(map(terminal, lines)) + "\n"


def _known(value: float) -> str:
    return f"{value:.4g}" if isfinite(value) else "?"


def _pair(shifts: Shifts) -> str:
    """The shifts with the parameter above and below."""
    return " ".join("      ?" if s is None else f"{s:+9.4f}" for s in reversed(shifts))
