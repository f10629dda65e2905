"""The pictures of the HTML report: both engines' best fits, correlations, test statistics and CLs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hftranslate.crosscheck.document import FitRecord, HypoTestRecord, Results
from hftranslate.crosscheck.ladder import compared_uncertainties

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

    from hftranslate.crosscheck.compare import Report

#: A parameter is drawn that is correlated so much with another.
SMALLEST_CORRELATION = 0.05
_OURS = "ours"


def pictures(report: "Report") -> "dict[str, Markup]":
    """Those that there is something to draw for, by their names, as SVG for the page."""
    from markupsafe import Markup

    from hftranslate.plots.figures import inline_svg

    return {name: Markup(inline_svg(figure, name)) for name, figure in figures(report).items()}


def figures(report: "Report") -> "dict[str, Figure]":
    """Pulls, factors, correlations, test statistics and CLs, as far as both engines have them."""
    drawn = {**_fits(report), "correlations": _correlations(report.reference.fit, report.ours.fit), **_tests(report)}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def asymptotic_tests(results: Results | None) -> list[HypoTestRecord]:
    """The tests from tight fits, by increasing value of the parameter of interest."""
    tests = (results.hypotests if results is not None else None) or ()
    return sorted((t for t in tests if t.calculator == "asymptotic"), key=lambda t: t.poi)


def _fits(report: "Report") -> "dict[str, Figure]":
    """Systematics in prior standard deviations, and factors relative to their initial values."""
    from hftranslate.plots import engines

    reference, ours = report.reference, report.ours
    if reference.fit is None or ours.fit is None:
        return {}
    initial = {p.name: p.init for p in reference.parameters if not p.fixed}
    units = {name: value or 1.0 for name, value in initial.items()}
    names = [n for n in reference.fit.values if n in initial and n in ours.fit.values]
    alphas = [n for n in names if n.startswith("alpha_") and initial[n] == 0.0]
    fits = (
        (reference.provenance.engine, reference.fit.values, reference.fit.uncertainties or {}),
        (_OURS, ours.fit.values, compared_uncertainties(ours, reference)),
    )
    return {
        kind: engines.pulls(
            chosen,
            [
                (engine, [(values[n] / units[n], errors.get(n, 0.0) / abs(units[n])) for n in chosen])
                for engine, values, errors in fits
            ],
            factors=kind == "factors",
        )
        for kind, chosen in (("pulls", alphas), ("factors", [n for n in names if n not in alphas]))
        if chosen
    }


def _correlations(reference: FitRecord | None, ours: FitRecord | None) -> "Figure | None":
    """Those of the reference below the diagonal, ours above it."""
    from hftranslate.plots import correlations

    theirs, mine = reference and reference.correlation, ours and ours.correlation
    if not theirs or not mine:
        return None
    names = [n for n in theirs.names if n in mine.names]
    lower, upper = (np.array(of.matrix)[np.ix_(*2 * [[of.names.index(n) for n in names]])] for of in (theirs, mine))
    both = np.tril(lower) + np.triu(upper, 1)
    if np.abs(both - np.diag(np.diag(both))).max(initial=0.0) < SMALLEST_CORRELATION:
        return None
    return correlations({"correlations": {"names": names, "matrix": both}}, threshold=SMALLEST_CORRELATION)


def _tests(report: "Report") -> "dict[str, Figure]":
    """Test statistics and CLs against the parameter of interest."""
    from hftranslate.plots import engines

    reference, beside = report.reference, report.beside
    tests = [(reference.provenance.engine, asymptotic_tests(reference)), (_OURS, asymptotic_tests(report.ours))]
    if not tests[0][1] or reference.poi is None:
        return {}
    drawn = {}
    statistics = [(engine, _columns(of, "poi", "q", "q_asimov")) for engine, of in tests]
    if any(np.isfinite(columns[1:]).any() for _, columns in statistics):
        drawn["statistic"] = engines.statistics(statistics, poi_name=reference.poi)
    if beside is not None:
        tests.append((f"{beside.conventions.name} conventions", asymptotic_tests(beside)))
    observed = [(engine, _columns(of, "poi", "cls_obs")) for engine, of in tests]
    expected = np.array([t.cls_exp for t in tests[0][1]], dtype=np.float64).T
    level = 0.05 if reference.limit is None else reference.limit.level
    return {**drawn, "cls": engines.cls(observed, expected, level=level, poi_name=reference.poi)}


def _columns(tests: Sequence[HypoTestRecord], *names: str) -> NDArray[np.float64]:
    """Attributes of tests, ``(n_names, n_tests)``; NaN where there is none."""
    return np.array([[getattr(t, name) for t in tests] for name in names], dtype=np.float64)
