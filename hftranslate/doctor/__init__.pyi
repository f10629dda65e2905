from hftranslate.doctor.diagnosis import Diagnosis, diagnose
from hftranslate.doctor.findings import SEVERITIES, Finding, Place, Severity, at_least, found, worst
from hftranslate.doctor.inspect import summary, summary_document, summary_text
from hftranslate.doctor.report import document, findings_table, text
from hftranslate.doctor.systematics import SampleVariation, Systematics, systematics

__all__ = [
    "SEVERITIES",
    "Diagnosis",
    "Finding",
    "Place",
    "SampleVariation",
    "Severity",
    "Systematics",
    "at_least",
    "diagnose",
    "document",
    "findings_table",
    "found",
    "summary",
    "summary_document",
    "summary_text",
    "systematics",
    "text",
    "worst",
]
