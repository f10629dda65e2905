from hftranslate.inference.asymptotics import TestStat
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.discovery import Significance, significance, significance_document
from hftranslate.inference.fit import FitResult, asimov_data, fit, fit_document
from hftranslate.inference.goodness import GoodnessOfFit, goodness_document, goodness_of_fit
from hftranslate.inference.hypotest import hypotest, hypotest_document
from hftranslate.inference.impacts import Impacts, impacts, impacts_document
from hftranslate.inference.impacts_table import impacts_table
from hftranslate.inference.limits import UpperLimitResult, limit_document, upper_limit
from hftranslate.inference.minimize import FitOptions, Minimum, minimize
from hftranslate.inference.postfit import Stage, fitted_yields, yields_document, yields_table
from hftranslate.inference.profiles import ProfileScan, profile_scan, scan_document
from hftranslate.inference.pulls import pulls
from hftranslate.inference.tester import HypoTestResult

__all__ = [
    "FitOptions",
    "FitResult",
    "GoodnessOfFit",
    "HypoTestResult",
    "Impacts",
    "Minimum",
    "ProfileScan",
    "Significance",
    "Stage",
    "TestStat",
    "UpperLimitResult",
    "asimov_data",
    "fit",
    "fit_document",
    "fitted_yields",
    "goodness_document",
    "goodness_of_fit",
    "hypotest",
    "hypotest_document",
    "impacts",
    "impacts_document",
    "impacts_table",
    "limit_document",
    "minimize",
    "profile_interval",
    "profile_scan",
    "pulls",
    "scan_document",
    "significance",
    "significance_document",
    "upper_limit",
    "yields_document",
    "yields_table",
]
