"""The report of a crosscheck, as a table for a terminal and as Markdown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hftranslate.crosscheck.causes import Diagnosis
from hftranslate.crosscheck.comparison import TOLERANCES, Entry, Rung
from hftranslate.crosscheck.document import Provenance, Results, to_json
from hftranslate.display import markdown, markdown_code, terminal

_SHOWN = 5  # failing entries per rung
WORDS = {"passed": "passed", "failed": "failed", "skipped": "skipped", "lower": "ours lower"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The ladder of two result documents, and the documents themselves.

    ``diagnosis`` says what explains a failure, where the model was at hand to look for it; ``beside`` are results of
    ours under other conventions, shown and not judged.
    """

    rungs: tuple[Rung, ...]
    ours: Results = field(repr=False)
    reference: Results = field(repr=False)
    diagnosis: Diagnosis | None = None
    beside: Results | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """Whether no rung failed."""
        return all(rung.verdict != "failed" for rung in self.rungs)

    @property
    def first_failure(self) -> Rung | None:
        """The lowest failing rung, which those above it may only echo."""
        return next((rung for rung in self.rungs if rung.verdict == "failed"), None)

    @property
    def conventions_note(self) -> str | None:
        """A sentence where the two documents follow different conventions."""
        ours, reference = to_json(self.ours.conventions), to_json(self.reference.conventions)
        differing = [key for key in ours if key != "name" and ours[key] != reference[key]]
        if not differing:
            return None
        listed = ", ".join(f"{key} is {ours[key]} in ours and {reference[key]} in the reference" for key in differing)
        return f"the two documents follow different conventions, so differences are to be expected: {listed}"

    def to_document(self) -> dict[str, Any]:
        """The verdicts as plain JSON values; the compared documents are named by their provenance."""
        document: dict[str, Any] = {
            "schema": "hftranslate-crosscheck/1",
            "passed": self.passed,
            "measurement": self.reference.measurement,
            "poi": self.reference.poi,
            "conventions": {
                "ours": to_json(self.ours.conventions),
                "reference": to_json(self.reference.conventions),
                "note": self.conventions_note,
            },
            "provenance": {
                "ours": to_json(self.ours.provenance),
                "reference": to_json(self.reference.provenance),
            },
            "tolerances": {
                name: {"tolerance": str(t), "floor": t.floor, "reason": t.reason} for name, t in TOLERANCES.items()
            },
            "rungs": to_json(self.rungs),
        }
        if self.diagnosis is not None:
            document["diagnosis"] = to_json(self.diagnosis)
        if self.beside is not None:
            document["beside"] = {
                "conventions": self.beside.conventions.name,
                "hypotests": to_json(self.beside.hypotests or ()),
            }
        return document

    def text(self) -> str:
        """The ladder as a table for a terminal."""
        return report_text(self)


def report_text(report: Report) -> str:
    """The ladder as a table, then the failing entries, and what explains them."""
    reference = report.reference
    lines = []
    if report.conventions_note:
        lines += [f"Note: {report.conventions_note}", ""]
    lines += [
        f"Crosscheck of measurement {reference.measurement!r}: {'PASSED' if report.passed else 'FAILED'}",
        f"  ours       {engine(report.ours.provenance)}, conventions {report.ours.conventions.name}",
        f"  reference  {engine(reference.provenance)}, conventions {reference.conventions.name}",
        "",
        f"  {'rung':<15}{'verdict':<11}{'compared':>9}  {'worst difference':<17} {'allowed':<9}where",
    ]
    for rung in report.rungs:
        lines.append(f"  {rung.name:<15}{WORDS[rung.verdict]:<11}" + _rung_details(rung))
    for rung in report.rungs:
        if rung.n_failures:
            lines += ["", f"  {rung.name}: {rung.n_failures} of {rung.comparisons} comparisons fail"]
            lines += [f"    {entry}" for entry in rung.failures[:_SHOWN]]
            if rung.n_failures > _SHOWN:
                lines.append(f"    ... and {rung.n_failures - _SHOWN} more")
            lines += [f"    ({rung.reason})"] if rung.reason else []
    lines += [f"  {line}" if line else "" for line in _minima(report)]
    first = report.first_failure
    if first is not None and sum(rung.verdict == "failed" for rung in report.rungs) > 1:
        lines += ["", f"  The first failing rung is {first.name!r}; those after it may only echo it."]
    if report.diagnosis is not None:
        lines += ["", *_diagnosis(report)]
    lines += _beside(report)
    return "\n".join(map(terminal, lines)) + "\n"


def engine(p: Provenance) -> str:
    """Which program, which version, when."""
    return f"{p.engine} {p.version}, {p.date}"


def _rung_details(rung: Rung) -> str:
    if rung.verdict == "skipped":
        return f"{'':>9}  {rung.reason}"
    worst = rung.worst
    if worst is None or worst.difference == 0.0:
        return f"{rung.comparisons:>9}  none"
    return f"{rung.comparisons:>9}  {difference(worst):<17} {allowed(worst):<9}{worst.where}"


def difference(entry: Entry) -> str:
    """How far the two numbers of an entry lie apart."""
    if entry.difference is None:
        return "differs"
    return f"{abs(entry.difference):.1e}" if entry.difference else "0"


def allowed(entry: Entry) -> str:
    """How far they may lie apart."""
    return "equality" if entry.allowed is None else f"{entry.allowed:.1e}"


def _minima(report: Report) -> Iterator[str]:
    """Both NLLs where the reference did not reach the minimum."""
    found = [lower for rung in report.rungs for lower in rung.lower]
    if not found:
        return
    yield from ("", "Minima that the reference did not reach (NLL of the reference, ours, ours lower by)")
    for lower in found:
        yield f"  {lower.where}: {lower.reference:.9g}  {lower.ours:.9g}  {lower.by:.2g}"
    for rung in report.rungs:
        if rung.unjudged:
            yield f"  ({rung.name}: {rung.unjudged} numbers differ that follow from these minima)"


def _diagnosis(report: Report) -> Iterator[str]:
    found = report.diagnosis
    assert found is not None
    if not found.causes:
        yield "  Cause: none of the known ones explains it"
        return
    for cause in found.causes:
        yield f"  Cause: {cause.name}: {cause.says}"
    for other in found.alternatives:
        yield "  or:    " + " and ".join(f"{cause.name}: {cause.says}" for cause in other)
    if found.remaining is not None:
        yield f"  With that, the rung {found.remaining!r} still fails."


def _beside(report: Report) -> list[str]:
    if report.beside is None or not report.beside.hypotests:
        return []
    lines = ["", "  CLs, observed and expected     reference        ours  " + under(report.beside)]
    for poi, kind, theirs, ours, other in cls_rows(report):
        cells = "".join("           -" if x is None else f"{x:12.6f}" for x in (theirs, ours, other))
        lines.append(f"    {report.reference.poi} = {poi:<6g} {kind:<13}{cells}")
    return lines


def under(beside: Results) -> str:
    """A heading for results of ours under other conventions."""
    return f"ours under {beside.conventions.name} conventions"


def cls_rows(report: Report) -> Iterator[tuple[float, str, float | None, float | None, float | None]]:
    """POI, ``observed`` or ``expected``, and CLs of the reference, ours, and ours under the other conventions."""

    def of(results: Results | None, poi: float, stat: str) -> tuple[float | None, float | None]:
        tests = (results.hypotests if results is not None else None) or ()
        found = next((t for t in tests if (t.poi, t.test_stat, t.calculator) == (poi, stat, "asymptotic")), None)
        return (None, None) if found is None else (found.cls_obs, found.cls_exp[2])

    for test in report.reference.hypotests or ():
        if test.calculator != "asymptotic":
            continue
        columns = [of(r, test.poi, test.test_stat) for r in (report.reference, report.ours, report.beside)]
        for k, kind in enumerate(("observed", "expected")):
            yield test.poi, kind, columns[0][k], columns[1][k], columns[2][k]


# ------------------------------------------------------------------------------------------------------------- Markdown
def report_markdown(report: Report) -> str:
    """The report as Markdown: verdicts, causes, CLs and limits, provenance."""
    reference, ours = report.reference, report.ours
    verdict = "passed" if report.passed else "failed"
    lines = [f"# Crosscheck of {markdown(reference.measurement)}: {verdict}", ""]
    if report.conventions_note:
        lines += [f"**Note:** {markdown(report.conventions_note)}", ""]
    lines += _table(
        ("rung", "verdict", "compared", "worst difference", "allowed", "where"),
        (_markdown_rung(rung) for rung in report.rungs),
    )
    if report.diagnosis is not None:
        lines += ["", "## Why", "", *(markdown(line.strip()) for line in _diagnosis(report))]
    for rung in report.rungs:
        if rung.n_failures:
            lines += ["", f"## {rung.name}: {rung.n_failures} of {rung.comparisons} comparisons fail", ""]
            rows = [(e.where, _shown(e.ours), _shown(e.reference), difference(e)) for e in rung.failures]
            lines += _table(("where", "ours", "reference", "difference"), rows)
    lower = [entry for rung in report.rungs for entry in rung.lower]
    if lower:
        lines += ["", "## Minima that the reference did not reach", ""]
        rows = [(e.where, f"{e.reference:.9g}", f"{e.ours:.9g}", f"{e.by:.2g}") for e in lower]
        lines += _table(("fit", "reference", "ours", "ours lower by"), rows)
    lines += _markdown_tests(report)
    lines += ["", "## Provenance", ""]
    sources = [
        (r.provenance.engine, r.provenance.version, r.provenance.date, r.provenance.command, r.conventions.name)
        for r in (reference, ours)
    ]
    lines += _table(("engine", "version", "date", "command", "conventions"), sources)
    lines += ["", *(f"- {markdown_code(i.path)} sha256 `{i.sha256}`" for i in reference.provenance.inputs)]
    lines += ["", "## Tolerances", ""]
    lines += _table(("of", "allowed", "because"), [(n, str(t), t.reason) for n, t in TOLERANCES.items()])
    return "\n".join(lines) + "\n"


def _markdown_rung(rung: Rung) -> tuple[str, ...]:
    if rung.verdict == "skipped":
        return rung.name, "skipped", "", "", "", rung.reason
    worst = rung.worst
    details = (
        ("0", "", "") if worst is None or not worst.difference else (difference(worst), allowed(worst), worst.where)
    )
    if worst is not None and worst.difference is None:
        details = (difference(worst), allowed(worst), worst.where)
    return rung.name, WORDS[rung.verdict], f"{rung.comparisons}", *details


def _markdown_tests(report: Report) -> list[str]:
    rows = [
        (f"CLs {kind}, {report.reference.poi} = {poi:g}", _shown(theirs), _shown(ours))
        for poi, kind, theirs, ours, _ in cls_rows(report)
    ]
    if report.reference.limit is not None:
        limits = (report.reference.limit, report.ours.limit)
        for k, label in enumerate(("observed", "-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")):
            values = [None if r is None else (r.observed, *r.expected)[k] for r in limits]
            rows.append((f"upper limit, {label}", _shown(values[0]), _shown(values[1])))
    if not rows:
        return []
    return ["", "## CLs and limits", "", *_table(("", "reference", "ours"), rows)]


def _shown(x: float | str | bool | None) -> str:
    return "-" if x is None else f"{x:.8g}" if isinstance(x, float) else str(x)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(markdown(cell) for cell in cells) + " |"

    return [line(header), "|" + "---|" * len(header), *map(line, rows)]
