"""The page over all cases: verdicts, how close each rung came, what was not compared."""

from dataclasses import replace

from pytest_regressions.file_regression import FileRegressionFixture

from hftranslate.crosscheck.compare import crosscheck
from hftranslate.crosscheck.index import CaseResult, case_line, index_html
from tests.crosscheck.test_report import early, ours, reference, with_toys


def results() -> list[CaseResult]:
    good = CaseResult(name="good", description="all <well>", report=crosscheck(ours(), reference()), link="good.html")
    bad = CaseResult(name="bad", description="wrong", report=crosscheck(ours(wrong=True), reference()))
    lower = CaseResult(name="lower", description="early", report=crosscheck(with_toys(), early()))
    gone = CaseResult(name="gone", description="elsewhere", report=None, reason="x.json is not there")
    return [good, bad, lower, gone]


def test_verdicts() -> None:
    assert [r.verdict for r in results()] == ["passed", "failed", "lower", "skipped"]
    assert [r.numbers > 50 for r in results()] == [True, True, True, False]
    lines = [case_line(r) for r in results()]
    assert lines[0].startswith("passed     good: ")
    assert lines[1].startswith("FAILED     bad: ")
    assert lines[2].startswith("ours lower lower: ")
    assert lines[3] == "skipped    gone: x.json is not there"


def test_page(file_regression: FileRegressionFixture) -> None:
    import re

    text = index_html(results())
    assert "1 passed, 1 failed, 1 skipped, 1 ours lower" in text
    assert "all &lt;well&gt;" in text
    assert text.count("<a ") == 1
    file_regression.check(re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL), extension=".html")


def test_page_without_reports() -> None:
    (gone,) = [replace(r) for r in results() if r.report is None]
    assert "1 skipped" in index_html([gone])
