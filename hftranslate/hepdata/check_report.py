"""The report of a check: for the terminal, as JSON, and as one HTML page."""

import textwrap
from collections import Counter
from typing import Any

from hftranslate.crosscheck.pages import render
from hftranslate.display import terminal
from hftranslate.hepdata.entries import STATUSES, CheckReport

_WIDTH = 116


def check_document(report: CheckReport) -> dict[str, Any]:
    """A report as plain JSON values.

    Parameters
    ----------
    report
        of a check.

    Returns
    -------
    dict
        as ``hftranslate hepdata check --json`` prints it.
    """
    return {
        "folder": report.folder,
        "passed": report.passed,
        "counts": _counts(report),
        "entries": [{"status": e.status, "check": e.check, "where": e.where, "what": e.what} for e in report.entries],
    }


def _counts(report: CheckReport) -> dict[str, int]:
    found = Counter(e.status for e in report.entries)
    return {status: found[status] for status in STATUSES}


def verdict(report: CheckReport) -> str:
    """One sentence on the whole."""
    counts = _counts(report)
    told = [f"{counts[s]} {s}{'' if counts[s] == 1 else 's'}" for s in ("error", "warning", "note") if counts[s]]
    rest = f" ({', '.join(told)})" if told else ""
    return ("nothing is wrong" if report.passed else "something is wrong") + rest


def check_text(report: CheckReport) -> str:
    """A report to read: what is wrong first.

    Parameters
    ----------
    report
        of a check.

    Returns
    -------
    str
        lines for a terminal.
    """
    lines = [f"{report.folder}: {verdict(report)}", ""]
    for status in STATUSES:
        for e in report.of(status):
            lines += textwrap.wrap(
                f"{status:7}  {e.check}: {e.where}: {e.what}",
                _WIDTH,
                subsequent_indent=" " * 9,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(map(terminal, lines)) + "\n"


def check_html(report: CheckReport) -> str:
    """A report as one page without external resources.

    Parameters
    ----------
    report
        of a check.

    Returns
    -------
    str
        the page, as HTML.
    """
    return render("hepdata/check.html.jinja", report=report, verdict=verdict(report))
