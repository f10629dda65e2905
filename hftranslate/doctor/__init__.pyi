from hftranslate.doctor.diagnosis import Diagnosis, diagnose
from hftranslate.doctor.findings import SEVERITIES, Finding, Place, Severity, at_least, found, worst
from hftranslate.doctor.inspect import summary, summary_document, summary_text
from hftranslate.doctor.report import document, findings_table, text

__all__ = [
    "SEVERITIES",
    "Diagnosis",
    "Finding",
    "Place",
    "Severity",
    "at_least",
    "diagnose",
    "document",
    "findings_table",
    "found",
    "summary",
    "summary_document",
    "summary_text",
    "text",
    "worst",
]
