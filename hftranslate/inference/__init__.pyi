from hftranslate.inference.asymptotics import TestStat
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.discovery import Significance, significance
from hftranslate.inference.fit import FitResult, asimov_data, fit
from hftranslate.inference.goodness import GoodnessOfFit, goodness_of_fit
from hftranslate.inference.hypotest import hypotest
from hftranslate.inference.impacts import Impacts, impacts
from hftranslate.inference.limits import UpperLimitResult, upper_limit, with_points
from hftranslate.inference.minimize import FitOptions, Minimum, minimize
from hftranslate.inference.postfit import fitted_yields
from hftranslate.inference.profiles import ProfileScan, profile_scan
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
    "TestStat",
    "UpperLimitResult",
    "asimov_data",
    "fit",
    "fitted_yields",
    "goodness_of_fit",
    "hypotest",
    "impacts",
    "minimize",
    "profile_interval",
    "profile_scan",
    "pulls",
    "significance",
    "upper_limit",
    "with_points",
]
