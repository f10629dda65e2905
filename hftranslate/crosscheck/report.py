"""The report of a crosscheck: as Markdown, and as one self-contained HTML page."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hftranslate.crosscheck.comparison import TOLERANCES, Rung
from hftranslate.crosscheck.document import Bins, Discovery, FitRecord, HypoTestRecord, LimitRecord, Results
from hftranslate.crosscheck.ladder import compared_uncertainties
from hftranslate.crosscheck.pages import render
from hftranslate.crosscheck.pictures import SMALLEST_CORRELATION, asymptotic_tests, pictures
from hftranslate.crosscheck.report_text import WORDS, allowed, cls_rows, difference, explanation, report_text
from hftranslate.formats.files import write_files

if TYPE_CHECKING:
    from hftranslate.crosscheck.report_text import Report

__all__ = ["report_html", "report_markdown", "report_text", "write_html", "write_markdown"]

_AT_LIMIT = "at a limit"
_COMPARED = ("reference", "ours", "difference")
#: The columns of a table, and its rows, each of which begins with its name.
Row = tuple[str, ...]
Table = tuple[str, tuple[str, ...], list[Row]]


def write_html(report: "Report", path: str | Path) -> None:
    """Write the HTML page to a file.

    Parameters
    ----------
    report
        a comparison.
    path
        the file; it is replaced as a whole.

    Raises
    ------
    MissingExtra
        matplotlib, which draws its pictures, is not installed.
    InputError
        The file cannot be written.
    """
    write_files({Path(path): report_html(report)})


def write_markdown(report: "Report", path: str | Path) -> None:
    """Write the Markdown text to a file.

    Parameters
    ----------
    report
        a comparison.
    path
        the file; it is replaced as a whole.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    write_files({Path(path): report_markdown(report)})


def report_html(report: "Report") -> str:
    """One page without external resources: verdicts, causes, yields, best fit, CLs, and what fails.

    Parameters
    ----------
    report
        a comparison.

    Returns
    -------
    str
        the page, as HTML.

    Raises
    ------
    MissingExtra
        matplotlib, which draws its pictures, is not installed.
    """
    return render(
        "crosscheck/report.html.jinja",
        report=report,
        lower=[
            (f"{rung.name}: {x.where}", value(x.reference, 10), value(x.ours, 10), f"{x.by:.2g}")
            for rung in report.rungs
            for x in rung.lower
        ],
        failures=lambda rung: [
            (e.where, _shown(e.ours, 10), _shown(e.reference, 10), difference(e)) for e in rung.failures
        ],
        regions=_regions(report),
        other_points=sum(p.yields is not None for p in report.reference.points) - 1,
        fit=_fit(report),
        tests=list(_tests(report)),
        pictures=pictures(report),
        smallest=SMALLEST_CORRELATION,
        tolerances=TOLERANCES,
        value=value,
        difference=difference,
        allowed=allowed,
    )


def value(x: float | None, digits: int = 6) -> str:
    """A number, or a dash."""
    return "–" if x is None else f"{x:.{digits}g}".replace("-", "−")


def delta(ours: float | None, reference: float | None) -> str:
    """The difference of two numbers, or a dash."""
    if ours is None or reference is None:
        return "–"
    return "0" if ours == reference else f"{ours - reference:+.1e}".replace("-", "−")


def _pair(label: str, reference: float | None, ours: float | None) -> Row:
    return label, value(reference), value(ours), delta(ours, reference)


# --------------------------------------------------------------------------------------------------------------- yields
def _regions(report: "Report") -> list[dict[str, object]]:
    """Per region, for each sample and each bin: reference, ours, difference; with totals, and the observed events."""
    point = next((p for p in report.reference.points if not p.values and p.yields), None)
    if point is None or point.yields is None:
        return []
    own = next((p.yields for p in report.ours.points if p.label == point.label), None) or {}
    return [
        {
            "name": channel,
            "observed": ", ".join(f"{n:g}" for n in report.reference.data.get(channel, ())),
            "samples": list(_samples(samples, own.get(channel, {}))),
        }
        for channel, samples in point.yields.items()
    ]


def _samples(theirs: Mapping[str, Bins], mine: Mapping[str, Bins]) -> Iterator[tuple[str, str, list[Row]]]:
    for sample, bins in theirs.items():
        yield sample, "", _bins(bins, mine.get(sample, ()))
    if theirs and len({len(bins) for bins in (*theirs.values(), *mine.values())}) == 1:
        totals = [tuple(map(sum, zip(*of.values(), strict=True))) for of in (theirs, mine)]
        yield "total", "total", _bins(*totals)


def _bins(theirs: Bins, mine: Bins) -> list[Row]:
    own = (*mine, *[None] * len(theirs))
    return [_pair(str(i), x, own[i]) for i, x in enumerate(theirs)]


# ------------------------------------------------------------------------------------------------------------- best fit
def _fit(report: "Report") -> dict[str, object]:
    """All values of both engines with their uncertainties, and those of the parameter of interest in a sentence."""
    theirs, mine, poi = report.reference.fit, report.ours.fit, report.reference.poi
    if theirs is None:
        return {}
    errors, own_errors = theirs.uncertainties or {}, compared_uncertainties(report.ours, report.reference)
    constant = {p.name for p in report.reference.parameters if p.fixed}
    rows = []
    for name, best in theirs.values.items():
        own = None if mine is None else mine.values.get(name)
        if name in constant and own == best:
            continue
        sigma = errors.get(name, own_errors.get(name))
        distance = "–" if own is None or not sigma else f"{(own - best) / sigma:+.1e}".replace("-", "−")
        both = (value(best, 5), _error(name, errors, theirs), value(own, 5), _error(name, own_errors, mine))
        rows.append((name, *both, distance))
    fits = ((theirs, errors), (mine, own_errors))
    return {
        "rows": rows,
        "poi": [_with_uncertainty(poi, *of) for of in fits] if poi in theirs.values else None,
        "note": next((r.reason for r in report.rungs if r.name == "uncertainties" and r.verdict != "skipped"), ""),
    }


def _with_uncertainty(name: str | None, fit: FitRecord | None, errors: Mapping[str, float]) -> str:
    """Value and uncertainty of a parameter, as a part of a sentence."""
    if fit is None or name is None or name not in fit.values:
        return "–"
    sigma = _error(name, errors, fit)
    return value(fit.values[name], 5) + (f" {sigma}" if sigma == _AT_LIMIT else f" ± {sigma}")


def _error(name: str, errors: Mapping[str, float], fit: FitRecord | None) -> str:
    """An uncertainty; why there is none where the parameter ended at a limit."""
    if name not in errors and fit is not None and name in (fit.at_limit or ()):
        return _AT_LIMIT
    return value(errors.get(name), 4)


# ---------------------------------------------------------------------------------------------------- tests and limits
def _tests(report: "Report") -> Iterator[Table]:
    """Tables of test statistics, CLs, limits, toys and RooStats' own numbers."""
    reference, ours = report.reference, report.ours
    yield "Test statistics", _COMPARED, list(_statistics(reference, ours))
    beside = report.beside
    columns = _COMPARED if beside is None else (*_COMPARED, f"ours, {beside.conventions.name}")
    rows = [
        (*_pair(f"{kind} ({poi:g})", theirs, mine), *([] if beside is None else [value(other)]))
        for poi, kind, theirs, mine, other in cls_rows(report)
    ]
    yield f"CLs at values of {reference.poi}", columns, rows
    if reference.limit is not None:
        level = f"{100 * (1 - reference.limit.level):g}%"
        labels = ("observed", *(f"expected, {k:+d} σ".replace("-", "−") for k in range(-2, 3)))
        limits = [_pair(*row) for row in zip(labels, _limits(reference.limit), _limits(ours.limit), strict=True)]
        yield f"Upper limits at {level} confidence level", _COMPARED, limits
    yield "CLs by other calculators", _COMPARED[:2], list(_other_calculators(reference, ours))


def _limits(limit: LimitRecord | None) -> tuple[float | None, ...]:
    return (None,) * 6 if limit is None else (limit.observed, *limit.expected)


def _same_test(ours: Results, test: HypoTestRecord) -> HypoTestRecord | None:
    key = (test.poi, test.test_stat, test.calculator)
    return next((t for t in ours.hypotests or () if (t.poi, t.test_stat, t.calculator) == key), None)


def _statistics(reference: Results, ours: Results) -> Iterator[Row]:
    for test in asymptotic_tests(reference):
        own = _same_test(ours, test)
        for name, label in (("q", "q"), ("q_asimov", "q, Asimov data")):
            yield _pair(f"{label} ({test.poi:g})", getattr(test, name), getattr(own, name, None))
    theirs: Discovery | None = reference.discovery
    if theirs is not None:
        for name, label in (("q0", "q₀"), ("p0", "p₀"), ("z", "significance")):
            yield _pair(label, getattr(theirs, name), getattr(ours.discovery, name, None))


def _other_calculators(reference: Results, ours: Results) -> Iterator[Row]:
    """Toys of both engines with their errors, and what RooStats' asymptotic calculator says with its looser fits."""
    for test in reference.hypotests or ():
        if test.calculator == "toys" and test.toys is not None:
            label = f"toys ({test.poi:g}), {test.toys.n} of each hypothesis"
            yield label, _with_error(test), _with_error(_same_test(ours, test))
        elif test.calculator == "roostats":
            tight = next((t for t in asymptotic_tests(ours) if t.poi == test.poi), None)
            yield f"RooStats ({test.poi:g})", value(test.cls_obs), value(tight.cls_obs if tight else None)


def _with_error(test: HypoTestRecord | None) -> str:
    return "–" if test is None or test.toys is None else f"{test.cls_obs:.4f} ± {test.toys.cls_error:.4f}"


# ------------------------------------------------------------------------------------------------------------- Markdown
def report_markdown(report: "Report") -> str:
    """The report as Markdown: verdicts, causes, CLs and limits, provenance.

    Parameters
    ----------
    report
        a comparison.

    Returns
    -------
    str
        Markdown as GitHub shows it.
    """
    engines = [(r.provenance, r.conventions.name) for r in (report.reference, report.ours)]
    return render(
        "crosscheck/report.md.jinja",
        report=report,
        rungs=map(_markdown_rung, report.rungs),
        why=[line.strip() for line in explanation(report)] if report.diagnosis is not None else [],
        failures=lambda rung: [(e.where, _shown(e.ours), _shown(e.reference), difference(e)) for e in rung.failures],
        lower=[
            (e.where, f"{e.reference:.9g}", f"{e.ours:.9g}", f"{e.by:.2g}") for rung in report.rungs for e in rung.lower
        ],
        tests=list(_markdown_tests(report)),
        sources=[(p.engine, p.version, p.date, p.command, conventions) for p, conventions in engines],
        tolerances=[(name, str(t), t.reason) for name, t in TOLERANCES.items()],
    )


def _markdown_rung(rung: Rung) -> Row:
    if rung.verdict == "skipped":
        return rung.name, "skipped", "", "", "", rung.reason
    worst = rung.worst
    details = (
        ("0", "", "") if worst is None or worst.difference == 0.0 else (difference(worst), allowed(worst), worst.where)
    )
    return rung.name, WORDS[rung.verdict], f"{rung.comparisons}", *details


def _markdown_tests(report: "Report") -> Iterator[Row]:
    for poi, kind, theirs, ours, _ in cls_rows(report):
        yield f"CLs {kind}, {report.reference.poi} = {poi:g}", _shown(theirs), _shown(ours)
    if report.reference.limit is not None:
        labels = ("observed", "-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")
        for label, *both in zip(labels, _limits(report.reference.limit), _limits(report.ours.limit), strict=True):
            yield f"upper limit, {label}", *map(_shown, both)


def _shown(x: float | str | bool | None, digits: int = 8) -> str:
    return "-" if x is None else f"{x:.{digits}g}" if isinstance(x, float) else str(x)
