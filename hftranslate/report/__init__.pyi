from hftranslate.report.contents import Subject, report
from hftranslate.report.page import report_page
from hftranslate.report.systematics import systematics_page

__all__ = ["Subject", "report", "report_page", "systematics_page"]
