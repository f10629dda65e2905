"""The report of a crosscheck as one self-contained HTML page: the frame, verdicts, causes and failures."""

from typing import TYPE_CHECKING

from hftranslate.crosscheck.comparison import TOLERANCES
from hftranslate.crosscheck.document import Results
from hftranslate.crosscheck.html_parts import chip, number, numeric, page, plain, table, value
from hftranslate.crosscheck.report_results import fit_section, tests_section, yields_section
from hftranslate.crosscheck.report_text import allowed, difference
from hftranslate.display import html

if TYPE_CHECKING:
    from hftranslate.crosscheck.compare import Report


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
        says = f"{failed:,} of {total:,} compared numbers differ. The first failing rung is <b>{html(first.name)}</b>; "
        says += "those after it may only echo it."
    note = f'<p class="warning">{html(report.conventions_note)}</p>' if report.conventions_note else ""
    return (
        f"<header>{note}\n<h1>Crosscheck of <span>{html(report.reference.measurement)}</span> "
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
        f"<li><code>{html(i.path)}</code> "
        f"<code class='sum' title='{i.sha256}'>sha256 {i.sha256[:12]}&hellip;</code></li>"
        for i in p.inputs
    )
    notes = "".join(f"<li>{html(n)}</li>" for n in p.notes)
    return (
        f'<section class="card"><h2>{role}: {html(p.engine)} {html(p.version)}</h2><dl>'
        f"<dt>made</dt><dd>{html(p.date)} by <code>{html(p.command)}</code></dd>"
        f"<dt>conventions</dt><dd><b>{html(c.name)}</b>: {', '.join(rules)}</dd>"
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
        says = "<ul>" + "".join(f"<li><b>{html(c.name)}</b>: {html(c.says)}</li>" for c in found.causes) + "</ul>"
    for other in found.alternatives:
        says += "<p>or " + " and ".join(f"<b>{html(c.name)}</b>: {html(c.says)}" for c in other) + "</p>"
    if found.remaining is not None:
        says += f"<p>With that, the rung <b>{html(found.remaining)}</b> still fails.</p>"
    return (
        f'<section class="card cause"><h2>Why</h2><p>The first difference is on the rung <b>{html(found.rung)}</b>: '
        f"{html(str(found.where))}.</p>{says}</section>"
    )


def _ladder(report: "Report") -> str:
    rows = []
    for rung in report.rungs:
        worst = rung.worst
        if rung.verdict == "skipped":
            details = [number("&ndash;"), number("&ndash;"), number("&ndash;"), html(rung.reason)]
        else:
            details = [
                number(f"{rung.comparisons:,}"),
                number(difference(worst) if worst else "0"),
                number(allowed(worst) if worst else ""),
                html(worst.where) if worst and worst.difference != 0.0 else "",
            ]
        what = f'<td><b>{html(rung.name)}</b><br><span class="dim">{html(rung.title)}</span></td>'
        rows.append([what, chip(rung.verdict), *details])
    header = ["rung", "verdict", *numeric("compared", "worst difference", "allowed"), "where"]
    remarks = "".join(
        f"<li><b>{html(r.name)}</b>: {html(r.reason)}</li>" for r in report.rungs if r.reason and r.verdict != "skipped"
    )
    notes = f"<ul class='dim'>{remarks}</ul>" if remarks else ""
    return f"<section><h2>The ladder</h2>{table(header, rows, 'ladder')}{notes}</section>"


def _minima(report: "Report") -> str:
    rows = [
        [
            html(rung.name),
            html(x.where),
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
            [html(e.where), number(plain(e.ours)), number(plain(e.reference)), number(difference(e))]
            for e in rung.failures
        ]
        more = rung.n_failures - len(rung.failures)
        listed = table(["where", *numeric("ours", "reference", "difference")], rows)
        parts.append(
            f"<h3>{html(rung.name)}: {rung.n_failures} of {rung.comparisons}</h3>{listed}"
            + (f'<p class="dim">&hellip; and {more} more</p>' if more else "")
        )
    return f"<section><h2>What fails</h2>{''.join(parts)}</section>" if parts else ""


def _tolerances() -> str:
    rows = [[f"<b>{html(name)}</b>", number(html(str(t))), html(t.reason)] for name, t in TOLERANCES.items()]
    return f"<section><h2>Tolerances</h2>{table(['of', *numeric('allowed'), 'because'], rows)}</section>"
