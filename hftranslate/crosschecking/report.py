"""The report of a crosscheck, for a terminal and as one self-contained HTML page."""

from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from hftranslate.crosschecking import pictures
from hftranslate.crosschecking.comparison import TOLERANCES, Entry, Rung
from hftranslate.crosschecking.document import Provenance, Results

if TYPE_CHECKING:
    from hftranslate.crosschecking.compare import Report

_SHOWN_IN_TEXT = 5  # failing entries per rung in a terminal
_OPEN_CHANNELS = 4  # tables of yields that are not folded
_MOST_PARAMETERS = 60  # drawn in the pull plot


# ------------------------------------------------------------------------------------------------------------- terminal
def report_text(report: "Report") -> str:
    """The ladder as a table, then the failing entries."""
    reference = report.reference
    lines = []
    if report.conventions_note:
        lines += [f"Note: {report.conventions_note}", ""]
    lines += [
        f"Crosscheck of measurement {reference.measurement!r}: {'PASSED' if report.passed else 'FAILED'}",
        f"  ours       {_engine(report.ours.provenance)}, conventions {report.ours.conventions.name}",
        f"  reference  {_engine(reference.provenance)}, conventions {reference.conventions.name}",
        "",
        f"  {'rung':<15}{'verdict':<9}{'compared':>9}  {'worst difference':<17} {'allowed':<9}where",
    ]
    for rung in report.rungs:
        lines.append(f"  {rung.name:<15}{rung.verdict:<9}" + _rung_details(rung))
    for rung in report.rungs:
        if rung.n_failures:
            lines += ["", f"  {rung.name}: {rung.n_failures} of {rung.comparisons} comparisons fail"]
            lines += [f"    {entry}" for entry in rung.failures[:_SHOWN_IN_TEXT]]
            if rung.n_failures > _SHOWN_IN_TEXT:
                lines.append(f"    ... and {rung.n_failures - _SHOWN_IN_TEXT} more")
            lines += [f"    ({rung.reason})"] if rung.reason else []
    first = report.first_failure
    if first is not None and sum(rung.verdict == "failed" for rung in report.rungs) > 1:
        lines += ["", f"  The first failing rung is {first.name!r}; those after it may only echo it."]
    lines += _beside_text(report)
    return "\n".join(lines) + "\n"


def _engine(p: Provenance) -> str:
    return f"{p.engine} {p.version}, {p.date}"


def _rung_details(rung: Rung) -> str:
    if rung.verdict == "skipped":
        return f"{'':>9}  {rung.reason}"
    worst = rung.worst
    if worst is None or worst.difference == 0.0:
        return f"{rung.comparisons:>9}  none"
    return f"{rung.comparisons:>9}  {_difference(worst):<17} {_allowed(worst):<9}{worst.where}"


def _difference(entry: Entry) -> str:
    if entry.difference is None:
        return "differs"
    return f"{abs(entry.difference):.1e}" if entry.difference else "0"


def _allowed(entry: Entry) -> str:
    return "equality" if entry.allowed is None else f"{entry.allowed:.1e}"


def _beside_text(report: "Report") -> list[str]:
    if report.beside is None or not report.beside.hypotests:
        return []
    lines = ["", "  CLs, observed and expected     reference        ours  " + _under(report.beside)]
    for poi, kind, theirs, ours, other in _cls_rows(report):
        cells = "".join("           -" if x is None else f"{x:12.6f}" for x in (theirs, ours, other))
        lines.append(f"    {report.reference.poi} = {poi:<6g} {kind:<13}{cells}")
    return lines


def _under(beside: Results) -> str:
    return f"ours under {beside.conventions.name} conventions"


def _cls_rows(report: "Report") -> Iterator[tuple[float, str, float | None, float | None, float | None]]:
    """POI, ``observed`` or ``expected``, and CLs of the reference, ours, and ours under the other conventions."""

    def of(results: Results | None, poi: float, stat: str) -> tuple[float | None, float | None]:
        tests = (results.hypotests if results is not None else None) or ()
        found = next((t for t in tests if (t.poi, t.test_stat) == (poi, stat)), None)
        return (None, None) if found is None else (found.cls_obs, found.cls_exp[2])

    for test in report.reference.hypotests or ():
        columns = [of(r, test.poi, test.test_stat) for r in (report.reference, report.ours, report.beside)]
        for k, kind in enumerate(("observed", "expected")):
            yield test.poi, kind, columns[0][k], columns[1][k], columns[2][k]


# ----------------------------------------------------------------------------------------------------------------- HTML
def report_html(report: "Report") -> str:
    """One page without external resources: verdicts, yields, best fit, CLs, and what fails."""
    style = (files("hftranslate.crosschecking") / "report.css").read_text(encoding="utf-8")
    sections = [
        _header(report),
        _ladder(report),
        _failures(report),
        _cls_section(report),
        _fit_section(report),
        _yields_section(report),
        _tolerances(),
    ]
    title = escape(f"Crosscheck of {report.reference.measurement}")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(s for s in sections if s)
        + "\n</main>\n</body>\n</html>\n"
    )


def write_html(report: "Report", path: str | Path) -> None:
    """Write the HTML page to a file."""
    from hftranslate.translate import write_texts

    write_texts({Path(path): report_html(report)})


def _table(header: Iterable[str], rows: Iterable[Iterable[str]], classes: str = "") -> str:
    """A table of cells that are HTML already; a cell that begins with ``<t`` brings its own element."""

    def cell(text: str) -> str:
        return text if text.startswith("<t") else f"<td>{text}</td>"

    head = "".join(h if h.startswith("<t") else f"<th>{h}</th>" for h in header)
    body = "\n".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{classes}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _number(text: str, extra: str = "") -> str:
    return f'<td class="n {extra}">{text}</td>'


def _chip(verdict: str) -> str:
    marks = {"passed": "&#10003;", "failed": "&#10007;", "skipped": "&ndash;"}
    return f'<span class="chip {verdict}">{marks[verdict]}&nbsp;{verdict}</span>'


def _value(x: float | None, digits: int = 6) -> str:
    return "&ndash;" if x is None else f"{x:.{digits}g}".replace("-", "&minus;")


def _delta(ours: float | None, reference: float | None) -> str:
    if ours is None or reference is None:
        return "&ndash;"
    return "0" if ours == reference else f"{ours - reference:+.1e}".replace("-", "&minus;")


def _header(report: "Report") -> str:
    first = report.first_failure
    total = sum(rung.comparisons for rung in report.rungs)
    if first is None:
        skipped = [rung.name for rung in report.rungs if rung.verdict == "skipped"]
        says = f"All {total:,} compared numbers agree within their tolerances."
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
        f"{_chip('passed' if report.passed else 'failed')}</h1>\n<p>{says}</p>\n"
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


def _ladder(report: "Report") -> str:
    rows = []
    for rung in report.rungs:
        worst = rung.worst
        if rung.verdict == "skipped":
            details = [_number("&ndash;"), _number("&ndash;"), _number("&ndash;"), escape(rung.reason)]
        else:
            details = [
                _number(f"{rung.comparisons:,}"),
                _number(_difference(worst) if worst else "0"),
                _number(_allowed(worst) if worst else ""),
                escape(worst.where) if worst and worst.difference != 0.0 else "",
            ]
        what = f'<td><b>{escape(rung.name)}</b><br><span class="dim">{escape(rung.title)}</span></td>'
        rows.append([what, _chip(rung.verdict), *details])
    header = [
        "rung",
        "verdict",
        '<th class="n">compared</th>',
        '<th class="n">worst difference</th>',
        '<th class="n">allowed</th>',
        "where",
    ]
    remarks = "".join(
        f"<li><b>{escape(r.name)}</b>: {escape(r.reason)}</li>"
        for r in report.rungs
        if r.reason and r.verdict != "skipped"
    )
    return f"<section><h2>The ladder</h2>{_table(header, rows, 'ladder')}<ul class='dim'>{remarks}</ul></section>"


def _failures(report: "Report") -> str:
    parts = []
    for rung in report.rungs:
        if not rung.n_failures:
            continue
        rows = [
            [escape(e.where), _number(_plain(e.ours)), _number(_plain(e.reference)), _number(_difference(e))]
            for e in rung.failures
        ]
        more = rung.n_failures - len(rung.failures)
        table = _table(
            ["where", '<th class="n">ours</th>', '<th class="n">reference</th>', '<th class="n">difference</th>'], rows
        )
        parts.append(
            f"<h3>{escape(rung.name)}: {rung.n_failures} of {rung.comparisons}</h3>{table}"
            + (f'<p class="dim">&hellip; and {more} more</p>' if more else "")
        )
    return f"<section><h2>What fails</h2>{''.join(parts)}</section>" if parts else ""


def _plain(value: float | str | bool | None) -> str:
    if value is None:
        return "&ndash;"
    return _value(value, 10) if isinstance(value, float) else escape(str(value))


def _cls_section(report: "Report") -> str:
    reference, ours = report.reference, report.ours
    if not reference.hypotests:
        return ""
    poi = escape(reference.poi or "")
    header = [poi, "", *_numeric("reference", "ours", "difference")]
    if report.beside is not None:
        header += _numeric(f"ours, {report.beside.conventions.name}")
    rows = []
    for value, kind, theirs, mine, other in _cls_rows(report):
        row = [f"{value:g}", kind, *(_number(t) for t in (_value(theirs), _value(mine), _delta(mine, theirs)))]
        rows.append(row + ([_number(_value(other))] if report.beside is not None else []))
    picture = pictures.cls_picture(reference, ours, report.beside)
    return (
        f'<section><h2>CLs and limits</h2><div class="channels"><div>{picture}</div><div>{_table(header, rows)}</div>'
        f"<div>{_statistics_table(reference, ours)}</div><div>{_limit_table(reference, ours)}</div></div></section>"
    )


def _numeric(*headers: str) -> list[str]:
    return [f'<th class="n">{escape(h)}</th>' for h in headers]


def _statistics_table(reference: Results, ours: Results) -> str:
    mine = {(t.poi, t.test_stat): t for t in ours.hypotests or ()}
    rows = []
    for test in reference.hypotests or ():
        own = mine.get((test.poi, test.test_stat))
        for name, label in (("q", "q"), ("q_asimov", "q, Asimov data")):
            a, b = getattr(test, name), getattr(own, name, None)
            rows.append([f"{label} ({test.poi:g})", *(_number(t) for t in (_value(a), _value(b), _delta(b, a)))])
    if reference.discovery is not None:
        for name, label in (("q0", "q<sub>0</sub>"), ("p0", "p<sub>0</sub>"), ("z", "significance")):
            a, b = getattr(reference.discovery, name), getattr(ours.discovery, name, None)
            rows.append([label, *(_number(t) for t in (_value(a), _value(b), _delta(b, a)))])
    return "<h3>Test statistics</h3>" + _table(["", *_numeric("reference", "ours", "difference")], rows)


def _limit_table(reference: Results, ours: Results) -> str:
    if reference.limit is None:
        return ""
    labels = ["observed", *(f"expected, {k:+d} &sigma;".replace("-", "&minus;") for k in range(-2, 3))]
    theirs = (reference.limit.observed, *reference.limit.expected)
    mine = (None,) * 6 if ours.limit is None else (ours.limit.observed, *ours.limit.expected)
    rows = [
        [label, *(_number(t) for t in (_value(a), _value(b), _delta(b, a)))]
        for label, a, b in zip(labels, theirs, mine, strict=True)
    ]
    title = f"<h3>Upper limits at {100 * (1 - reference.limit.level):g}% confidence level</h3>"
    return title + _table(["", *_numeric("reference", "ours", "difference")], rows)


def _fit_section(report: "Report") -> str:
    theirs, mine = report.reference.fit, report.ours.fit
    if theirs is None:
        return ""
    errors, own_errors = theirs.uncertainties or {}, (mine.uncertainties if mine else None) or {}
    rows = []
    for name, value in theirs.values.items():
        own = None if mine is None else mine.values.get(name)
        if name not in errors and name not in own_errors and own == value:
            continue  # constant in both
        sigma, own_sigma = errors.get(name), own_errors.get(name)
        distance = "&ndash;" if own is None or not sigma else f"{(own - value) / sigma:+.1e}".replace("-", "&minus;")
        cells = (_value(value, 5), _value(sigma, 4), _value(own, 5), _value(own_sigma, 4), distance)
        rows.append([f"<td><code>{escape(name)}</code></td>", *(_number(c) for c in cells)])
    header = ["parameter", *_numeric("reference", "±", "ours", "±", "difference / uncertainty")]
    drawn = pictures.pulls_picture(report.reference, report.ours, _MOST_PARAMETERS)
    note = next((r.reason for r in report.rungs if r.name == "uncertainties" and r.verdict != "skipped"), "")
    table = f"<details open><summary>All values</summary>{_table(header, rows)}</details>"
    return f'<section><h2>Best fit</h2>{drawn}{table}<p class="dim">{escape(note)}</p></section>'


def _yields_section(report: "Report") -> str:
    point = next((p for p in report.reference.points if not p.values and p.yields), None)
    if point is None or point.yields is None:
        return ""
    own = next((p.yields for p in report.ours.points if p.label == point.label), None) or {}
    parts = []
    for k, (channel, samples) in enumerate(point.yields.items()):
        rows = []
        for sample, bins in samples.items():
            mine = own.get(channel, {}).get(sample, ())
            for i, value in enumerate(bins):
                b = mine[i] if i < len(mine) else None
                cells = [_number(t) for t in (str(i), _value(value), _value(b), _delta(b, value))]
                first = [f'<th class="row" rowspan="{len(bins)}">{escape(sample)}</th>'] if i == 0 else []
                rows.append([*first, *cells])
        observed = ", ".join(f"{n:g}" for n in report.reference.data.get(channel, ()))
        table = _table(["sample", *_numeric("bin", report.reference.provenance.engine, "ours", "difference")], rows)
        opened = " open" if k < _OPEN_CHANNELS else ""
        parts.append(
            f"<details{opened}><summary>Channel <b>{escape(channel)}</b></summary>"
            f'<p class="dim">observed: {observed}</p>{table}</details>'
        )
    return f"<section><h2>Yields at the initial values</h2><div class='channels'>{''.join(parts)}</div></section>"


def _tolerances() -> str:
    rows = [[f"<b>{escape(name)}</b>", _number(escape(str(t))), escape(t.reason)] for name, t in TOLERANCES.items()]
    return f"<section><h2>Tolerances</h2>{_table(['of', *_numeric('allowed'), 'because'], rows)}</section>"
