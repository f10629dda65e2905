"""The sections of the HTML report that show both engines' results: yields, best fit, tests and limits."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hftranslate.crosscheck import curves, pictures
from hftranslate.crosscheck.document import Bins, FitRecord, HypoTestRecord, Results
from hftranslate.crosscheck.html_parts import delta, number, numeric, table, value
from hftranslate.crosscheck.ladder import compared_uncertainties
from hftranslate.crosscheck.report_text import cls_rows
from hftranslate.display import html

if TYPE_CHECKING:
    from hftranslate.crosscheck.compare import Report

_OPEN_CHANNELS = 4  # tables of yields that are not folded
_OPEN_PARAMETERS = 60  # parameters up to which the table of the best fit is not folded
_MOST_PARAMETERS = 60  # drawn in the pull plot
_AT_LIMIT = "at a limit"


# --------------------------------------------------------------------------------------------------------------- yields
def yields_section(report: "Report") -> str:
    """One table per region: sample, bin, reference, ours, difference; with totals, and the observed events."""
    point = next((p for p in report.reference.points if not p.values and p.yields), None)
    if point is None or point.yields is None:
        return ""
    own = next((p.yields for p in report.ours.points if p.label == point.label), None) or {}
    engine = report.reference.provenance.engine
    parts = []
    for k, (channel, samples) in enumerate(point.yields.items()):
        rows = [
            row for sample, bins in samples.items() for row in _bins(sample, bins, own.get(channel, {}).get(sample))
        ]
        mine = own.get(channel, {})
        if samples and all(len(b) == len(next(iter(samples.values()))) for b in (*samples.values(), *mine.values())):
            total = tuple(map(sum, zip(*samples.values(), strict=True)))
            rows += _bins("total", total, tuple(map(sum, zip(*mine.values(), strict=True))) if mine else None, "total")
        observed = ", ".join(f"{n:g}" for n in report.reference.data.get(channel, ()))
        listed = table(["sample", *numeric("bin", engine, "ours", "difference")], rows, "yields")
        opened = " open" if k < _OPEN_CHANNELS else ""
        parts.append(
            f"<details{opened}><summary>Region <b>{html(channel)}</b></summary>"
            f'<p class="dim">observed: {observed}</p>{listed}</details>'
        )
    others = sum(p.yields is not None for p in report.reference.points) - 1
    note = f"Compared at {others} other parameter points too." if others > 0 else ""
    return (
        f"<section><h2>Yields at the initial values</h2><p class='dim'>{note}</p>"
        f"<div class='channels'>{''.join(parts)}</div></section>"
    )


def _bins(sample: str, bins: Bins, ours: Bins | None, kind: str = "") -> Iterator[list[str]]:
    for i, x in enumerate(bins):
        mine = ours[i] if ours is not None and i < len(ours) else None
        cells = [number(t, kind) for t in (str(i), value(x), value(mine), delta(mine, x))]
        first = [f'<th class="row {kind}" rowspan="{len(bins)}">{html(sample)}</th>'] if i == 0 else []
        yield [*first, *cells]


# ------------------------------------------------------------------------------------------------------------- best fit
def fit_section(report: "Report") -> str:
    """Pulls and correlations of both engines, and all values."""
    theirs, mine = report.reference.fit, report.ours.fit
    if theirs is None:
        return ""
    errors, own_errors = theirs.uncertainties or {}, compared_uncertainties(report.ours, report.reference)
    constant = {p.name for p in report.reference.parameters if p.fixed}
    rows = []
    for name, best in theirs.values.items():
        own = None if mine is None else mine.values.get(name)
        if name in constant and own == best:
            continue
        sigma = errors.get(name, own_errors.get(name))
        distance = "&ndash;" if own is None or not sigma else f"{(own - best) / sigma:+.1e}".replace("-", "&minus;")
        cells = (value(best, 5), _error(name, errors, theirs), value(own, 5), _error(name, own_errors, mine), distance)
        rows.append([f"<td><code>{html(name)}</code></td>", *(number(c) for c in cells)])
    header = ["parameter", *numeric("reference", "±", "ours", "±", "Δ / σ")]
    drawn = pictures.pulls_picture(report.reference, report.ours, own_errors, _MOST_PARAMETERS)
    matrix = pictures.correlations_picture(report.reference, report.ours)
    note = next((r.reason for r in report.rungs if r.name == "uncertainties" and r.verdict != "skipped"), "")
    opened = " open" if len(rows) <= _OPEN_PARAMETERS else ""
    listed = f"<details{opened}><summary>All values</summary>{table(header, rows)}</details>"
    nlls = (
        f"<p>NLL at the minimum: {value(theirs.nll, 10)} ({html(theirs.status)}), "
        f"ours {value(mine.nll if mine else None, 10)} ({html(mine.status) if mine else 'no fit'}).</p>"
    )
    poi = report.reference.poi
    if poi is not None and poi in theirs.values:
        both = (_told(poi, f, e) for f, e in ((theirs, errors), (mine, own_errors)))
        nlls += "<p><code>{}</code> = {}, ours {}.</p>".format(html(poi), *both)
    return (
        f'<section><h2>Best fit</h2>{nlls}{drawn}<div class="channels"><div>{listed}</div><div>{matrix}</div></div>'
        f'<p class="dim">{html(note)}</p></section>'
    )


def _told(name: str, fit: FitRecord | None, errors: Mapping[str, float]) -> str:
    """Value and uncertainty of a parameter, as a part of a sentence."""
    if fit is None or name not in fit.values:
        return "&ndash;"
    sigma = _error(name, errors, fit)
    return value(fit.values[name], 5) + (f" {sigma}" if sigma == _AT_LIMIT else f" &plusmn; {sigma}")


def _error(name: str, errors: Mapping[str, float], fit: FitRecord | None) -> str:
    """An uncertainty; why there is none where the parameter ended at a limit."""
    if name not in errors and fit is not None and name in (fit.at_limit or ()):
        return _AT_LIMIT
    return value(errors.get(name), 4)


# ---------------------------------------------------------------------------------------------------- tests and limits
def tests_section(report: "Report") -> str:
    """Curves of q and CLs of both engines, tables of tests, limits, toys and RooStats' own numbers."""
    reference, ours = report.reference, report.ours
    if not reference.hypotests:
        return ""
    header = [html(reference.poi or ""), "", *numeric("reference", "ours", "difference")]
    if report.beside is not None:
        header += numeric(f"ours, {report.beside.conventions.name}")
    rows = []
    for poi, kind, theirs, mine, other in cls_rows(report):
        row = [f"{poi:g}", kind, *(number(t) for t in (value(theirs), value(mine), delta(mine, theirs)))]
        rows.append(row + ([number(value(other))] if report.beside is not None else []))
    parts = [
        curves.statistic_picture(reference, ours),
        curves.cls_picture(reference, ours, report.beside),
        _statistics(reference, ours),
        "<h3>CLs</h3>" + table(header, rows),
        _limits(reference, ours),
        _other_calculators(reference, ours),
    ]
    boxes = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<section><h2>Tests and limits</h2><div class="channels">{boxes}</div></section>'


def _pair(ours: Results, test: HypoTestRecord) -> HypoTestRecord | None:
    key = (test.poi, test.test_stat, test.calculator)
    return next((t for t in ours.hypotests or () if (t.poi, t.test_stat, t.calculator) == key), None)


def _statistics(reference: Results, ours: Results) -> str:
    rows = []
    for test in curves.asymptotic_tests(reference):
        own = _pair(ours, test)
        for name, label in (("q", "q"), ("q_asimov", "q, Asimov data")):
            a, b = getattr(test, name), getattr(own, name, None)
            rows.append([f"{label} ({test.poi:g})", *(number(t) for t in (value(a), value(b), delta(b, a)))])
    if reference.discovery is not None:
        for name, label in (("q0", "q<sub>0</sub>"), ("p0", "p<sub>0</sub>"), ("z", "significance")):
            a, b = getattr(reference.discovery, name), getattr(ours.discovery, name, None)
            rows.append([label, *(number(t) for t in (value(a), value(b), delta(b, a)))])
    return "<h3>Test statistics</h3>" + table(["", *numeric("reference", "ours", "difference")], rows) if rows else ""


def _limits(reference: Results, ours: Results) -> str:
    if reference.limit is None:
        return ""
    labels = ["observed", *(f"expected, {k:+d} &sigma;".replace("-", "&minus;") for k in range(-2, 3))]
    theirs = (reference.limit.observed, *reference.limit.expected)
    mine = (None,) * 6 if ours.limit is None else (ours.limit.observed, *ours.limit.expected)
    rows = [
        [label, *(number(t) for t in (value(a), value(b), delta(b, a)))]
        for label, a, b in zip(labels, theirs, mine, strict=True)
    ]
    title = f"<h3>Upper limits at {100 * (1 - reference.limit.level):g}% confidence level</h3>"
    return title + table(["", *numeric("reference", "ours", "difference")], rows)


def _other_calculators(reference: Results, ours: Results) -> str:
    """Toys of both engines with their errors, and what RooStats' asymptotic calculator says with its looser fits."""
    rows = []
    for test in reference.hypotests or ():
        if test.calculator == "toys" and test.toys is not None:
            own = _pair(ours, test)
            mine = "&ndash;" if own is None or own.toys is None else _with_error(own.cls_obs, own.toys.cls_error)
            label = f"toys ({test.poi:g}), {test.toys.n} of each hypothesis"
            rows.append([label, number(_with_error(test.cls_obs, test.toys.cls_error)), number(mine)])
        elif test.calculator == "roostats":
            tight = next((t for t in curves.asymptotic_tests(ours) if t.poi == test.poi), None)
            rows.append(
                [
                    f"RooStats ({test.poi:g})",
                    number(value(test.cls_obs)),
                    number(value(tight.cls_obs if tight else None)),
                ]
            )
    if not rows:
        return ""
    note = (
        '<p class="dim">RooStats&rsquo; AsymptoticCalculator stops its fits early; its numbers are a check of the '
        "reference to 1e-3, not a part of the ladder.</p>"
    )
    return "<h3>CLs by other calculators</h3>" + table(["", *numeric("reference", "ours")], rows) + note


def _with_error(x: float, error: float) -> str:
    return f"{x:.4f} &plusmn; {error:.4f}"
