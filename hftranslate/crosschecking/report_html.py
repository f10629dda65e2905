"""The report of a crosscheck as one self-contained HTML page: the frame, verdicts, causes and failures."""

from html import escape
from typing import TYPE_CHECKING

from hftranslate.crosschecking.comparison import TOLERANCES
from hftranslate.crosschecking.document import Results
from hftranslate.crosschecking.html_parts import chip, number, numeric, page, plain, table, value
from hftranslate.crosschecking.report_results import fit_section, tests_section, yields_section
from hftranslate.crosschecking.report_text import allowed, difference

if TYPE_CHECKING:
    from hftranslate.crosschecking.compare import Report


def report_html(report: "Report") -> str:
    """One page without external resources: verdicts, causes, yields, best fit, CLs, and what fails."""
    sections = [
        _header(report),
        _diagnosis(report),
        _ladder(report),
        _minima(report),
        _failures(report),
        yields_section(report),
        fit_section(report),
        tests_section(report),
        _tolerances(),
    ]
    return page(f"Crosscheck of {report.reference.measurement}", sections)


def _header(report: "Report") -> str:
    first = report.first_failure
    total = sum(rung.comparisons for rung in report.rungs)
    if first is None:
        skipped = [rung.name for rung in report.rungs if rung.verdict == "skipped"]
        says = f"All {total:,} compared numbers agree within their tolerances."
        if any(rung.lower for rung in report.rungs):
            says = f"{total:,} numbers were compared. Where the reference reached its minima, all agree."
        says += f" Not compared: {', '.join(skipped)}." if skipped else ""
    else:
        failed = sum(rung.n_failures for rung in report.rungs)
        says = (
            f"{failed:,} of {total:,} compared numbers differ. The first failing rung is <b>{escape(first.name)}</b>; "
        )
        says += "those after it may only echo it."
    note = f'<p class="warning">{escape(report.conventions_note)}</p>' if report.conventions_note else ""
    return (
        f"<header>{note}\n<h1>Crosscheck of <span>{escape(report.reference.measurement)}</span> "
        f"{chip('passed' if report.passed else 'failed')}</h1>\n<p>{says}</p>\n"
        f'<div class="pair">{_source("Reference", report.reference)}{_source("Ours", report.ours)}</div></header>'
    )


def _source(role: str, results: Results) -> str:
    p, c = results.provenance, results.conventions
    rules = [
        f"samples with HistoSys {'are clipped at zero' if c.clip_samples else 'are not clipped'}",
        f"Gaussian constraints are {'' if c.truncate_constraints else 'not '}truncated",
        f"{'ROOT' if c.root_ranges else 'pyhf'}&rsquo;s default ranges",
    ]
    inputs = "".join(
        f"<li><code>{escape(i.path)}</code> "
        f"<code class='sum' title='{i.sha256}'>sha256 {i.sha256[:12]}&hellip;</code></li>"
        for i in p.inputs
    )
    notes = "".join(f"<li>{escape(n)}</li>" for n in p.notes)
    return (
        f'<section class="card"><h2>{role}: {escape(p.engine)} {escape(p.version)}</h2><dl>'
        f"<dt>made</dt><dd>{escape(p.date)} by <code>{escape(p.command)}</code></dd>"
        f"<dt>conventions</dt><dd><b>{escape(c.name)}</b>: {', '.join(rules)}</dd>"
        + (f"<dt>from</dt><dd><ul>{inputs}</ul></dd>" if inputs else "")
        + (f"<dt>notes</dt><dd><ul>{notes}</ul></dd>" if notes else "")
        + "</dl></section>"
    )


def _diagnosis(report: "Report") -> str:
    found = report.diagnosis
    if found is None:
        return ""
    if not found.causes:
        says = "<p>None of the known causes explains the difference.</p>"
    else:
        says = "<ul>" + "".join(f"<li><b>{escape(c.name)}</b>: {escape(c.says)}</li>" for c in found.causes) + "</ul>"
    for other in found.alternatives:
        says += "<p>or " + " and ".join(f"<b>{escape(c.name)}</b>: {escape(c.says)}" for c in other) + "</p>"
    if found.remaining is not None:
        says += f"<p>With that, the rung <b>{escape(found.remaining)}</b> still fails.</p>"
    return (
        f'<section class="card cause"><h2>Why</h2><p>The first difference is on the rung <b>{escape(found.rung)}</b>: '
        f"{escape(str(found.where))}.</p>{says}</section>"
    )


def _ladder(report: "Report") -> str:
    rows = []
    for rung in report.rungs:
        worst = rung.worst
        if rung.verdict == "skipped":
            details = [number("&ndash;"), number("&ndash;"), number("&ndash;"), escape(rung.reason)]
        else:
            details = [
                number(f"{rung.comparisons:,}"),
                number(difference(worst) if worst else "0"),
                number(allowed(worst) if worst else ""),
                escape(worst.where) if worst and worst.difference != 0.0 else "",
            ]
        what = f'<td><b>{escape(rung.name)}</b><br><span class="dim">{escape(rung.title)}</span></td>'
        rows.append([what, chip(rung.verdict), *details])
    header = ["rung", "verdict", *numeric("compared", "worst difference", "allowed"), "where"]
    remarks = "".join(
        f"<li><b>{escape(r.name)}</b>: {escape(r.reason)}</li>"
        for r in report.rungs
        if r.reason and r.verdict != "skipped"
    )
    notes = f"<ul class='dim'>{remarks}</ul>" if remarks else ""
    return f"<section><h2>The ladder</h2>{table(header, rows, 'ladder')}{notes}</section>"


def _minima(report: "Report") -> str:
    rows = [
        [
            escape(rung.name),
            escape(x.where),
            *(number(t) for t in (value(x.reference, 10), value(x.ours, 10), f"{x.by:.2g}")),
        ]
        for rung in report.rungs
        for x in rung.lower
    ]
    if not rows:
        return ""
    header = ["rung", "fit", *numeric("NLL of the reference", "ours", "ours lower by")]
    unjudged = sum(rung.unjudged for rung in report.rungs)
    follows = (
        f" {unjudged:,} numbers that follow from these fits differ, which is"
        if unjudged
        else " What follows from them is"
    )
    return (
        "<section><h2>Minima that the reference did not reach</h2><p class='dim'>Both engines evaluate the same "
        "function, so the lower value is nearer to the minimum."
        f"{follows} not judged.</p>"
        f"{table(header, rows)}</section>"
    )


def _failures(report: "Report") -> str:
    parts = []
    for rung in report.rungs:
        if not rung.n_failures:
            continue
        rows = [
            [escape(e.where), number(plain(e.ours)), number(plain(e.reference)), number(difference(e))]
            for e in rung.failures
        ]
        more = rung.n_failures - len(rung.failures)
        listed = table(["where", *numeric("ours", "reference", "difference")], rows)
        parts.append(
            f"<h3>{escape(rung.name)}: {rung.n_failures} of {rung.comparisons}</h3>{listed}"
            + (f'<p class="dim">&hellip; and {more} more</p>' if more else "")
        )
    return f"<section><h2>What fails</h2>{''.join(parts)}</section>" if parts else ""


def _tolerances() -> str:
    rows = [[f"<b>{escape(name)}</b>", number(escape(str(t))), escape(t.reason)] for name, t in TOLERANCES.items()]
    return f"<section><h2>Tolerances</h2>{table(['of', *numeric('allowed'), 'because'], rows)}</section>"
