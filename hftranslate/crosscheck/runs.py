"""Whole crosschecks: of a model, with its tests under the other conventions beside, and of all stored cases."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hftranslate.crosscheck.cases import Case
from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.document import Results
from hftranslate.crosscheck.index import CaseResult, index_html
from hftranslate.crosscheck.report import report_html
from hftranslate.crosscheck.results import results
from hftranslate.errors import HFTranslateError
from hftranslate.workspace import PYHF, ROOT, Workspace


def crosscheck_model(
    workspace: Workspace, ours: Results, reference: Results, *, tell: Callable[[str], None] = lambda sentence: None
) -> Report:
    """Compare results of a model with a reference, look for the cause where they differ, and show our CLs under the
    other conventions beside.

    Parameters
    ----------
    workspace
        the model that both results are about.
    ours
        ``results(workspace, like=reference)``.
    reference
        what judges ours.
    tell
        is told, in a sentence, why there are none under the other conventions.

    Returns
    -------
    Report
        the verdicts, with causes, and our CLs under the other conventions.
    """
    return crosscheck(ours, reference, workspace=workspace, beside=_beside(workspace, ours, reference, tell))


def _beside(workspace: Workspace, ours: Results, reference: Results, tell: Callable[[str], None]) -> Results | None:
    """Our tests under the other conventions; none where these cannot evaluate the model."""
    tests = tuple(t for t in reference.hypotests or () if t.calculator == "asymptotic")
    if not tests:
        return None
    other = PYHF if ours.conventions.clip_samples else ROOT
    tests_only = replace(reference, points=(), fit=None, hypotests=tests, discovery=None, limit=None)
    try:
        return results(workspace, like=tests_only, measurement=ours.measurement, conventions=other)
    except HFTranslateError as error:
        tell(f"no CLs under {other.name} conventions: {error}")
        return None


def run_cases(cases: Iterable[Case]) -> Iterator[CaseResult]:
    """What comes out of each case: its report, or why there is none; one at a time.

    Parameters
    ----------
    cases
        what to compare, as :func:`~hftranslate.crosscheck.read_cases` gives it.

    Yields
    ------
    CaseResult
        of one case: its report; or the reason why there is none, as where its input is not here.
    """
    for case in cases:
        name, description = case.name, case.description
        if case.absent is not None:
            yield CaseResult(name=name, description=description, report=None, reason=f"{case.absent} is not there")
            continue
        try:
            yield CaseResult(name=name, description=description, report=case.run(), link=f"{name}.html")
        except HFTranslateError as error:
            yield CaseResult(name=name, description=description, report=None, reason=f"error: {error}")


def case_pages(found: Sequence[CaseResult], folder: Path) -> dict[Path, str]:
    """The page of every case and the index of them, by the files in a folder that they go to."""
    pages = {folder / r.link: report_html(r.report) for r in found if r.report is not None and r.link}
    return {folder / "index.html": index_html(found), **pages}
