"""The doctor: what is suspicious in a model, where, why it matters, and what helps.

Three kinds of questions are asked. Of the description: negative and empty bins, uncertainties on nothing, variations
that are one-sided, huge, not normalised or given twice, names and settings that nothing uses. Of the compiled
likelihood: expectations within one and three standard deviations of every parameter, the parameter of interest, ranges.
And of a fit to the data: whether it converges, what limits it, and what it cannot tell apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hftranslate.display.speaking import Result, Table
from hftranslate.doctor.expectations import expectation_findings
from hftranslate.doctor.findings import SEVERITIES, Finding, Place, Severity, at_least, by_severity, found, worst
from hftranslate.doctor.fitting import fit_findings
from hftranslate.doctor.nominal import nominal_findings
from hftranslate.doctor.settings import misread_findings, poi_findings, range_findings, unused_findings
from hftranslate.doctor.shapes import shape_findings
from hftranslate.doctor.variations import variation_findings, variations
from hftranslate.errors import InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import Conventions, Measurement, Workspace
from hftranslate.workspace.model import check_workspaces
from hftranslate.workspace.parameters import parameter_sets

__all__ = ["SEVERITIES", "Diagnosis", "Finding", "Place", "Severity", "at_least", "diagnose", "found", "worst"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Diagnosis(Result):
    """All findings about one measurement of a workspace, the worst first."""

    measurement: str
    conventions: str
    findings: tuple[Finding, ...]

    def of_kind(self, kind: str) -> Finding | None:
        """The finding of a kind, if there is one."""
        return next((f for f in self.findings if f.kind == kind), None)

    def tables(self) -> tuple[Table, ...]:
        """Every place of every finding."""
        from hftranslate.doctor.report import findings_table

        return (findings_table(self),)

    def to_dict(self) -> dict[str, Any]:
        """As ``hftranslate doctor`` writes it."""
        from hftranslate.doctor.report import document

        return document(self)


def diagnose(
    workspace: Workspace,
    measurement: str | None = None,
    conventions: Conventions | None = None,
    *,
    with_fit: bool = True,
) -> Diagnosis:
    """Examine one measurement of a workspace.

    Parameters
    ----------
    workspace
        the model.
    measurement
        its name; the first one by default.
    conventions
        how to evaluate what ROOT and pyhf evaluate differently; the workspace's own by default.
    with_fit
        fit the model to its data and look at the result, too.

    Returns
    -------
    Diagnosis
        the findings, the worst first.

    Raises
    ------
    MissingInput
        There is no such measurement.
    """
    check_workspaces(workspace)
    chosen = workspace.measurement(measurement)
    rules = workspace.conventions if conventions is None else conventions
    with np.errstate(all="ignore"):  # models that overflow are told of, not warned about
        findings = _findings(workspace, chosen, rules, with_fit)
    return Diagnosis(measurement=chosen.name, conventions=rules.name, findings=by_severity(findings))


def _findings(workspace: Workspace, chosen: Measurement, rules: Conventions, with_fit: bool) -> list[Finding]:
    findings = [*_of_description(workspace, chosen.name)]
    try:
        findings += range_findings(parameter_sets(workspace, chosen, rules))
        model, data = compile_model(workspace, chosen.name, rules)
    except InputError as error:
        findings += found(
            "no-likelihood",
            "error",
            [Place(detail=str(error))],
            reason="no likelihood can be made of the model, and what depends on it was not examined",
            suggestion="correct what the message names",
        )
    else:
        findings += poi_findings(chosen, model)
        findings += expectation_findings(model, data)
        if with_fit:
            findings += fit_findings(model, data)
    return findings


def _of_description(workspace: Workspace, measurement: str) -> list[Finding]:
    chosen = workspace.measurement(measurement)
    findings: list[Finding] = []
    try:
        findings += nominal_findings(workspace, chosen)
        findings += variation_findings(workspace)
        findings += shape_findings(variations(workspace))
        findings += unused_findings(workspace, chosen)
        findings += misread_findings(workspace)
    except InputError as error:
        findings += found(
            "invalid-names",
            "error",
            [Place(detail=str(error))],
            reason="the names of modifiers contradict each other",
            suggestion="correct what the message names",
        )
    return findings
