"""The page over all cases: a line for each, with the verdict of every rung and how close it came to its tolerance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hftranslate.crosscheck.compare import Report
from hftranslate.crosscheck.comparison import Rung
from hftranslate.crosscheck.html_parts import chip, mark, number, numeric, page, table
from hftranslate.crosscheck.report_text import WORDS, allowed, difference
from hftranslate.display import html, terminal


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
    """The page."""
    counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in WORDS}
    compared = sum(r.numbers for r in results)
    said = ", ".join(f"{n} {WORDS[verdict]}" for verdict, n in counts.items() if n)
    rungs = next(([rung.name for rung in r.report.rungs] for r in results if r.report is not None), [])
    failed = counts["failed"] > 0
    header = (
        f"<header><h1>Crosscheck of {len(results)} cases {chip('failed' if failed else 'passed')}</h1>"
        f"<p>{said}; {compared:,} numbers compared.</p></header>"
    )
    head = ["case", "", *(f'<th class="mark" title="{html(n)}">{html(n)}</th>' for n in rungs), *numeric("numbers")]
    rows = [[*_name(r), *_marks(r, rungs), number(f"{r.numbers:,}" if r.numbers else "")] for r in results]
    return page(
        "Crosscheck of all cases",
        [
            header,
            _engines(results),
            f"<section><h2>Cases</h2>{table(head, rows, 'index')}</section>",
            _closest(results),
        ],
    )


def _name(result: CaseResult) -> tuple[str, str]:
    name = f"<b>{html(result.name)}</b>"
    if result.link is not None:
        name = f'<a href="{html(result.link)}">{name}</a>'
    what = result.description if result.report is not None else f"{result.description}: {result.reason}"
    return f'{name}<br><span class="dim">{html(what)}</span>', chip(result.verdict)


def _marks(result: CaseResult, rungs: Sequence[str]) -> list[str]:
    if result.report is None:
        return ['<td class="mark"></td>' for _ in rungs]
    return [f'<td class="mark">{mark(rung.verdict, _closeness(rung))}</td>' for rung in result.report.rungs]


def _closeness(rung: Rung) -> str:
    worst = rung.worst
    if rung.verdict == "skipped" or worst is None:
        return f"{rung.name}: {WORDS[rung.verdict]}" + (f", {rung.reason}" if rung.reason else "")
    return f"{rung.name}: {rung.comparisons} compared, worst {difference(worst)} of {allowed(worst)} at {worst.where}"


def _engines(results: Iterable[CaseResult]) -> str:
    found: Mapping[str, None] = dict.fromkeys(
        f"{r.report.reference.provenance.engine} {r.report.reference.provenance.version} against "
        f"{r.report.ours.provenance.engine} {r.report.ours.provenance.version}"
        for r in results
        if r.report is not None
    )
    return f"<p class='dim'>{html('; '.join(found))}</p>" if found else ""


def _closest(results: Sequence[CaseResult]) -> str:
    """On each rung, the case that comes closest to the tolerance."""
    best: dict[str, tuple[float, CaseResult, Rung]] = {}
    for result in results:
        for rung in result.report.rungs if result.report is not None else ():
            if rung.worst is not None and rung.worst.excess > best.get(rung.name, (-1.0,))[0]:
                best[rung.name] = rung.worst.excess, result, rung
    rows = []
    for name, (_, result, rung) in best.items():
        worst = rung.worst
        assert worst is not None
        cells = [number(difference(worst)), number(allowed(worst))]
        rows.append([f"<b>{html(name)}</b>", *cells, html(result.name), html(worst.where)])
    if not rows:
        return ""
    header = ["rung", *numeric("worst difference", "allowed"), "case", "where"]
    return f"<section><h2>Closest to the tolerances</h2>{table(header, rows)}</section>"
