"""A comparison of two workspaces as text and as a document."""

from typing import Any

from hftranslate.difference.compare import Difference
from hftranslate.difference.likelihoods import LikelihoodComparison
from hftranslate.display import terminal
from hftranslate.display.speaking import Table, counted

#: So many differences of a kind are shown in the text; the document holds them all.
_SHOWN = 30


def text(found: Difference) -> str:
    """The comparison for people: differences by kind, then numbers and likelihoods, then the verdict.

    Parameters
    ----------
    found
        a comparison.

    Returns
    -------
    str
        lines for a terminal.
    """
    lines: list[str] = []
    for kind in ("structure", "numbers", "settings"):
        items = [str(item) for item in found.items if item.kind == kind]
        if items:
            lines.append(f"{kind}: {len(items)} difference(s)")
            lines += [f"  {item}" for item in items[:_SHOWN]]
            lines += [f"  and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    lines += [f"note: {note}" for note in found.notes]
    lines.append(_numbers(found))
    lines += [_likelihood(found, c) for c in found.likelihoods]
    lines.append("the two have the same meaning" if found.equal else "the two DIFFER")
    return "\n".join(map(terminal, lines)) + "\n"


def tables(found: Difference) -> tuple[Table, ...]:
    """What is different, and how far the likelihoods of each measurement are apart."""
    same = "the two have the same meaning" if found.equal else f"the two differ in {counted(len(found.items), 'item')}"
    items = [(i.kind, i.where, i.first, i.second, i.size) for i in found.items]
    likelihoods = [
        (c.measurement, "same" if found.same_likelihood(c) else c.why or "different", c.points, c.nll, c.yields)
        for c in found.likelihoods
    ]
    columns = ("kind", "where", "first", "second", "relative difference")
    return (
        Table(caption=same, columns=columns, rows=items, note=_numbers(found)),
        Table(
            caption="likelihoods",
            columns=("measurement", "", "points", "largest difference of NLL", "of yields"),
            rows=likelihoods,
        ),
    )


def _numbers(found: Difference) -> str:
    where = f" ({found.largest_at})" if found.largest else ""
    return (
        f"{found.compared} numbers compared, largest relative difference {found.largest:.2g}{where}, "
        f"tolerance {found.tolerance:g}"
    )


def _likelihood(found: Difference, c: LikelihoodComparison) -> str:
    begin = f"likelihood of measurement {c.measurement!r}: "
    if c.nll is None:
        return begin + f"not compared: {c.why}"
    if c.why:
        return begin + f"DIFFERENT: {c.why}"
    verdict = "same" if found.same_likelihood(c) else "DIFFERENT"
    at = f" at {point(c)}" if c.nll > found.nll_tolerance else ""
    outside = f", {c.outside} point(s) inside the domain of one only" if c.outside else ""
    return (
        f"{begin}{verdict}: NLL differs by at most {c.nll:.2g}{at}, yields by {c.yields:.2g}, "
        f"at {c.points} points{outside}"
    )


def point(c: LikelihoodComparison) -> str:
    """The point of the largest difference, the first few of the parameters that are not nominal."""
    if not c.at:
        return "the nominal point"
    shown = ", ".join(f"{name} = {value:g}" for name, value in c.at[:3])
    return shown + (f" and {len(c.at) - 3} more" if len(c.at) > 3 else "")


def document(found: Difference) -> dict[str, Any]:
    """The comparison as plain JSON values; numbers that are not finite become words.

    Parameters
    ----------
    found
        a comparison.

    Returns
    -------
    dict
        as ``hftranslate diff --json`` prints it.
    """
    return {
        "equal": found.equal,
        "tolerance": found.tolerance,
        "differences": [
            {
                "kind": item.kind,
                "where": item.where,
                "first": item.first,
                "second": item.second,
                "relative_difference": item.size,
            }
            for item in found.items
        ],
        "notes": list(found.notes),
        "numbers": {
            "compared": found.compared,
            "largest_relative_difference": found.largest,
            "where": found.largest_at,
        },
        "likelihoods": [
            {
                "measurement": c.measurement,
                "conventions": c.conventions,
                "same": found.same_likelihood(c),
                "largest_nll_difference": "infinite" if c.nll == float("inf") else c.nll,
                "at": dict(c.at),
                "largest_relative_yield_difference": c.yields,
                "points": c.points,
                "points_outside_one": c.outside,
                "why": c.why,
            }
            for c in found.likelihoods
        ],
    }
