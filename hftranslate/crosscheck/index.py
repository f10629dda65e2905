"""The page over all cases: a line for each, with the verdict of every rung and how close it came to its tolerance."""

from collections.abc import Sequence
from dataclasses import dataclass

from hftranslate.crosscheck.compare import Report
from hftranslate.crosscheck.comparison import Rung
from hftranslate.crosscheck.pages import render
from hftranslate.crosscheck.report_text import WORDS, allowed, difference
from hftranslate.display import terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came out of one case: its report, or why there is none.

    ``link`` is the name of the page with its report, beside the index.
    """

    name: str
    description: str
    report: Report | None
    reason: str = ""
    link: str | None = None

    @property
    def verdict(self) -> str:
        """Passed, failed, skipped, or that some minima of the reference lie above ours."""
        if self.report is None:
            return "failed" if self.reason.startswith("error") else "skipped"
        if not self.report.passed:
            return "failed"
        return "lower" if any(rung.lower for rung in self.report.rungs) else "passed"

    @property
    def numbers(self) -> int:
        """How many numbers were compared."""
        return 0 if self.report is None else sum(rung.comparisons for rung in self.report.rungs)


def case_line(result: CaseResult) -> str:
    """A line for a terminal."""
    verdict = WORDS[result.verdict] if result.verdict != "failed" else "FAILED"
    what = f"{result.numbers} numbers, {result.description}" if result.report is not None else result.reason
    return terminal(f"{verdict:<11}{result.name}: {what}")


def index_html(results: Sequence[CaseResult]) -> str:
    """The page.

    Parameters
    ----------
    results
        what came out of each case, in the order of the page.

    Returns
    -------
    str
        the page, as HTML without anything from elsewhere, with links to ``CASE.html`` beside it.
    """
    reports = [r.report for r in results if r.report is not None]
    engines = dict.fromkeys(
        f"{of.reference.provenance.engine} {of.reference.provenance.version} against "
        f"{of.ours.provenance.engine} {of.ours.provenance.version}"
        for of in reports
    )
    return render(
        "crosscheck/index.html.jinja",
        results=results,
        counts={verdict: sum(r.verdict == verdict for r in results) for verdict in WORDS},
        engines="; ".join(engines),
        rungs=[rung.name for rung in reports[0].rungs] if reports else [],
        closest=_closest(results),
        closeness=_closeness,
        difference=difference,
        allowed=allowed,
    )


def _closeness(rung: Rung) -> str:
    worst = rung.worst
    if rung.verdict == "skipped" or worst is None:
        return f"{rung.name}: {WORDS[rung.verdict]}" + (f", {rung.reason}" if rung.reason else "")
    return f"{rung.name}: {rung.comparisons} compared, worst {difference(worst)} of {allowed(worst)} at {worst.where}"


def _closest(results: Sequence[CaseResult]) -> list[tuple[CaseResult, Rung]]:
    """On each rung, the case that comes closest to the tolerance."""
    best: dict[str, tuple[float, CaseResult, Rung]] = {}
    for result in results:
        for rung in result.report.rungs if result.report is not None else ():
            if rung.worst is not None and rung.worst.excess > best.get(rung.name, (-1.0,))[0]:
                best[rung.name] = rung.worst.excess, result, rung
    return [(result, rung) for _, result, rung in best.values()]
