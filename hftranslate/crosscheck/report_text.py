"""The report of a crosscheck, its table for a terminal, and the words that all forms of it share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hftranslate.crosscheck.causes import Diagnosis
from hftranslate.crosscheck.comparison import TOLERANCES, Pair, Rung
from hftranslate.crosscheck.document import Provenance, Results, to_json
from hftranslate.display import terminal
from hftranslate.display.speaking import Result, Table

_SHOWN = 5  # failing entries per rung
#: What the verdicts are called, in all forms of the report.
WORDS = {"passed": "passed", "failed": "failed", "skipped": "skipped", "lower": "ours lower"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report(Result):
    """The ladder of two result documents, and the documents themselves.

    ``diagnosis`` says what explains a failure, where the model was at hand to look for it; ``beside`` are results of
    ours under other conventions, shown and not judged.
    """

    rungs: tuple[Rung, ...]
    ours: Results
    reference: Results
    diagnosis: Diagnosis | None = None
    beside: Results | None = None

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

    to_dict = to_document

    def tables(self) -> tuple[Table, ...]:
        """The ladder: a line for each rung."""
        verdict = "PASSED" if self.passed else f"FAILED at {self.first_failure.name}" if self.first_failure else ""
        return (
            Table(
                caption=f"crosscheck of measurement {self.reference.measurement}: {verdict}",
                columns=("rung", "verdict", "compared", "worst difference", "allowed", "where"),
                rows=[(r.name, WORDS[r.verdict], r.comparisons, *_worst(r)) for r in self.rungs],
                note=self.conventions_note or "",
            ),
        )

    def text(self) -> str:
        """The ladder as a table for a terminal."""
        return report_text(self)


def _worst(rung: Rung) -> tuple[str, ...]:
    worst = rung.worst
    return ("", "", "") if worst is None else (difference(worst), allowed(worst), worst.where)


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
        lines += ["", *explanation(report)]
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


def difference(entry: Pair) -> str:
    """How far the two numbers of an entry lie apart."""
    if entry.difference is None:
        return "differs"
    return f"{abs(entry.difference):.1e}" if entry.difference else "0"


def allowed(entry: Pair) -> str:
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


def explanation(report: Report) -> Iterator[str]:
    """What explains the first difference."""
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
