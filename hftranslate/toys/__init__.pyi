from hftranslate.toys.discovery import ToySignificance, toy_significance
from hftranslate.toys.fits import Toys, fit_toys, sample_toys
from hftranslate.toys.hypotest import ToyTestResult, toy_test
from hftranslate.toys.kept import kept_results
from hftranslate.toys.limits import ToyLimitResult, toy_limit
from hftranslate.toys.samples import KeptToys, ToyOptions, ToySample, kept_toys, merged

__all__ = [
    "KeptToys",
    "ToyLimitResult",
    "ToyOptions",
    "ToySample",
    "ToySignificance",
    "ToyTestResult",
    "Toys",
    "fit_toys",
    "kept_results",
    "kept_toys",
    "merged",
    "sample_toys",
    "toy_limit",
    "toy_significance",
    "toy_test",
]
