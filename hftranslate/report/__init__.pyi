from hftranslate.report.contents import Subject, report
from hftranslate.report.page import report_page

__all__ = ["Subject", "report", "report_page"]
