"""Two result documents compared rung by rung, so that no difference is blamed on the wrong thing.

The ladder: the model's description, yields, NLL, best fit, uncertainties, test statistic, CLs, limits. A difference on
a rung explains those above it: where yields differ, nobody needs to look at the minimiser.
"""

from dataclasses import dataclass, field
from typing import Any

from hftranslate.crosscheck.causes import Diagnosis, diagnose
from hftranslate.crosscheck.comparison import TOLERANCES, Rung
from hftranslate.crosscheck.document import Results, to_json
from hftranslate.crosscheck.ladder import climb
from hftranslate.crosscheck.report_text import report_text
from hftranslate.workspace import Workspace

__all__ = ["TOLERANCES", "Report", "Rung", "crosscheck"]


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


def crosscheck(
    ours: Results, reference: Results, *, workspace: Workspace | None = None, beside: Results | None = None
) -> Report:
    """Compare two result documents, every number of the reference with ours.

    Ours should have been evaluated at the reference's points: ``results(workspace, like=reference)``. What only ours
    has is not looked at, except for parameters, channels and samples.

    Parameters
    ----------
    workspace
        the model that our results are about: where a rung fails, known causes are looked for by evaluating it again.
    beside
        results of ours under other conventions, to be shown beside; they are not judged.
    """
    diagnosis = None if workspace is None else diagnose(ours, reference, workspace)
    return Report(rungs=climb(ours, reference), ours=ours, reference=reference, diagnosis=diagnosis, beside=beside)
