"""A diagnosis as JSON and as text."""

import textwrap
from collections import Counter
from typing import Any

from hftranslate.display import terminal
from hftranslate.display.speaking import Table
from hftranslate.doctor import SEVERITIES, Diagnosis, Finding, Place

_WIDTH = 116


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as plain JSON values, with every place of every finding.

    Parameters
    ----------
    diagnosis
        what was found.

    Returns
    -------
    dict
        as ``hftranslate doctor --json`` prints it.
    """
    return {
        "measurement": diagnosis.measurement,
        "conventions": diagnosis.conventions,
        "counts": counts(diagnosis),
        "findings": [finding_document(f) for f in diagnosis.findings],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON values."""
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "reason": finding.reason,
        "suggestion": finding.suggestion,
        "count": finding.count,
        "places": [_place(p) for p in finding.places],
    }


def _place(place: Place) -> dict[str, Any]:
    values = {
        "channel": place.channel,
        "sample": place.sample,
        "bin": place.bin,
        "parameter": place.parameter,
        "detail": place.detail or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def counts(diagnosis: Diagnosis) -> dict[str, int]:
    """Number of findings of each severity."""
    of_severity = Counter(f.severity for f in diagnosis.findings)
    return {s: of_severity[s] for s in SEVERITIES}


def findings_table(diagnosis: Diagnosis) -> Table:
    """Every place of every finding, the worst first, as a table.

    Parameters
    ----------
    diagnosis
        what was found.

    Returns
    -------
    Table
        with a row for each place; a finding about the whole model has one without a place.
    """
    rows = [
        (f.severity, f.kind, p.channel, p.sample, p.bin, p.parameter, p.detail, f.suggestion)
        for f in diagnosis.findings
        for p in f.places or (Place(),)
    ]
    columns = ("severity", "finding", "channel", "sample", "bin", "parameter", "detail", "what helps")
    return Table(caption=headline(diagnosis), columns=columns, rows=rows)


def headline(diagnosis: Diagnosis) -> str:
    """How many findings of each severity there are, in a line."""
    number = counts(diagnosis)
    told = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in number.items() if n) or "nothing suspicious"
    return f"measurement {diagnosis.measurement} ({diagnosis.conventions} conventions): {told}"


def text(diagnosis: Diagnosis, *, n_examples: int = 3) -> str:
    """A diagnosis to read: each finding with the worst of its places.

    Parameters
    ----------
    diagnosis
        what was found.
    n_examples
        how many places of each finding are named.

    Returns
    -------
    str
        lines for a terminal.
    """
    lines = [headline(diagnosis)]
    for finding in diagnosis.findings:
        lines += ["", *finding_lines(finding, n_examples=n_examples)]
    return "\n".join(map(terminal, lines)) + "\n"


def finding_lines(finding: Finding, *, n_examples: int = 3) -> list[str]:
    """A finding as lines of text."""
    times = "" if finding.count == 1 else f" ({finding.count} places)"
    lines = [f"{finding.severity}: {finding.kind}{times}"]
    lines += _wrapped(finding.reason, "  ")
    for place in finding.places[:n_examples]:
        if str(place):
            lines += _wrapped(f"- {place}", "  ", "    ")
    if finding.count > n_examples:
        lines.append(f"  ... and {finding.count - n_examples} more")
    lines += _wrapped(f"try: {finding.suggestion}", "  ", "    ")
    return lines


def _wrapped(line: str, indent: str, further: str | None = None) -> list[str]:
    return textwrap.wrap(
        line,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_long_words=False,
        break_on_hyphens=False,
    )
