from hftranslate.crosscheck.cases import Case, read_cases
from hftranslate.crosscheck.compare import crosscheck
from hftranslate.crosscheck.demo import demonstrate
from hftranslate.crosscheck.document import Results, read_results
from hftranslate.crosscheck.index import CaseResult, index_html
from hftranslate.crosscheck.read_through_root import read_through_root
from hftranslate.crosscheck.report import report_html, report_markdown, write_html, write_markdown
from hftranslate.crosscheck.report_text import Report
from hftranslate.crosscheck.results import results
from hftranslate.crosscheck.runs import crosscheck_model, run_cases
from hftranslate.crosscheck.with_root import RootInstallation, find_root, root_results

__all__ = [
    "Case",
    "CaseResult",
    "Report",
    "Results",
    "RootInstallation",
    "crosscheck",
    "crosscheck_model",
    "demonstrate",
    "find_root",
    "index_html",
    "read_cases",
    "read_results",
    "read_through_root",
    "report_html",
    "report_markdown",
    "results",
    "root_results",
    "run_cases",
    "write_html",
    "write_markdown",
]
