from hftranslate.hepdata.archives import Limits, pack, unpack
from hftranslate.hepdata.bundle import MoreTables, make_bundle, write_bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.check_points import Hints
from hftranslate.hepdata.check_report import check_document, check_html, check_text
from hftranslate.hepdata.description import Submission, read_description, submission_of
from hftranslate.hepdata.download import download, download_archive, download_document
from hftranslate.hepdata.entries import CheckReport
from hftranslate.hepdata.regions import Region, read_region
from hftranslate.hepdata.reproduce import Reproduced, read_record, reproduce, reproduce_record
from hftranslate.hepdata.submission import Record, Resource
from hftranslate.hepdata.web import Rules

__all__ = [
    "CheckReport",
    "Hints",
    "Limits",
    "MoreTables",
    "Record",
    "Region",
    "Reproduced",
    "Resource",
    "Rules",
    "Submission",
    "check",
    "check_document",
    "check_html",
    "check_text",
    "download",
    "download_archive",
    "download_document",
    "make_bundle",
    "pack",
    "read_description",
    "read_record",
    "read_region",
    "reproduce",
    "reproduce_record",
    "submission_of",
    "unpack",
    "write_bundle",
]
