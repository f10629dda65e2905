"""The report of a crosscheck: for a terminal, as Markdown, and as one self-contained HTML page."""

from pathlib import Path
from typing import TYPE_CHECKING

from hftranslate.crosscheck.report_html import report_html
from hftranslate.crosscheck.report_text import report_markdown, report_text
from hftranslate.formats.files import write_files

if TYPE_CHECKING:
    from hftranslate.crosscheck.compare import Report

__all__ = ["report_html", "report_markdown", "report_text", "write_html", "write_markdown"]


def write_html(report: "Report", path: str | Path) -> None:
    """Write the HTML page to a file."""
    write_files({Path(path): report_html(report)})


def write_markdown(report: "Report", path: str | Path) -> None:
    """Write the Markdown text to a file."""
    write_files({Path(path): report_markdown(report)})
