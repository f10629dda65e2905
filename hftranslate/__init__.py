"""Carry HistFactory models between ROOT and JSON, compute with them, and prove that the result agrees with ROOT."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hftranslate.crosscheck.compare import Report as Report
    from hftranslate.crosscheck.compare import crosscheck as crosscheck
    from hftranslate.crosscheck.document import Results as Results
    from hftranslate.crosscheck.document import read_results as read_results
    from hftranslate.crosscheck.results import results as results
    from hftranslate.inference.diagnostics import profile_interval as profile_interval
    from hftranslate.inference.discovery import Significance as Significance
    from hftranslate.inference.discovery import significance as significance
    from hftranslate.inference.fit import FitResult as FitResult
    from hftranslate.inference.fit import asimov_data as asimov_data
    from hftranslate.inference.fit import fit as fit
    from hftranslate.inference.goodness import GoodnessOfFit as GoodnessOfFit
    from hftranslate.inference.goodness import goodness_of_fit as goodness_of_fit
    from hftranslate.inference.hypotest import HypoTestResult as HypoTestResult
    from hftranslate.inference.hypotest import UpperLimitResult as UpperLimitResult
    from hftranslate.inference.hypotest import hypotest as hypotest
    from hftranslate.inference.hypotest import upper_limit as upper_limit
    from hftranslate.inference.impacts import Impacts as Impacts
    from hftranslate.inference.impacts import impacts as impacts
    from hftranslate.inference.minimize import FitOptions as FitOptions
    from hftranslate.inference.profiles import ProfileScan as ProfileScan
    from hftranslate.inference.profiles import profile_scan as profile_scan
    from hftranslate.likelihood.compile import compile_model as compile_model
    from hftranslate.likelihood.model import Data as Data
    from hftranslate.likelihood.model import Model as Model
    from hftranslate.likelihood.yields import Yields as Yields
    from hftranslate.likelihood.yields import expected_yields as expected_yields
    from hftranslate.toys.discovery import ToySignificance as ToySignificance
    from hftranslate.toys.discovery import toy_significance as toy_significance
    from hftranslate.toys.hypotest import ToyTestResult as ToyTestResult
    from hftranslate.toys.hypotest import toy_test as toy_test
    from hftranslate.toys.limits import ToyLimitResult as ToyLimitResult
    from hftranslate.toys.limits import toy_limit as toy_limit
    from hftranslate.translation.load import read as read
    from hftranslate.translation.write import write as write
    from hftranslate.workspace import PYHF as PYHF
    from hftranslate.workspace import ROOT as ROOT
    from hftranslate.workspace import Channel as Channel
    from hftranslate.workspace import ConstraintTerm as ConstraintTerm
    from hftranslate.workspace import Conventions as Conventions
    from hftranslate.workspace import Function as Function
    from hftranslate.workspace import HistoSys as HistoSys
    from hftranslate.workspace import Lumi as Lumi
    from hftranslate.workspace import Measurement as Measurement
    from hftranslate.workspace import NormFactor as NormFactor
    from hftranslate.workspace import NormSys as NormSys
    from hftranslate.workspace import ParameterConfig as ParameterConfig
    from hftranslate.workspace import Sample as Sample
    from hftranslate.workspace import ShapeFactor as ShapeFactor
    from hftranslate.workspace import ShapeSys as ShapeSys
    from hftranslate.workspace import StatError as StatError
    from hftranslate.workspace import Workspace as Workspace
    from hftranslate.workspace import simplemodels as simplemodels
    from hftranslate.workspace.from_hist import from_hist as from_hist

__version__ = "0.1.0"

#: Where each public name lives. Modules are imported when one of their names is used: a translation needs no fits.
_HOMES = {
    "crosscheck.compare": ("Report", "crosscheck"),
    "crosscheck.document": ("Results", "read_results"),
    "crosscheck.results": ("results",),
    "workspace.from_hist": ("from_hist",),
    "inference.diagnostics": ("profile_interval",),
    "inference.discovery": ("Significance", "significance"),
    "inference.fit": ("FitResult", "asimov_data", "fit"),
    "inference.goodness": ("GoodnessOfFit", "goodness_of_fit"),
    "inference.hypotest": ("HypoTestResult", "UpperLimitResult", "hypotest", "upper_limit"),
    "inference.impacts": ("Impacts", "impacts"),
    "inference.minimize": ("FitOptions",),
    "inference.profiles": ("ProfileScan", "profile_scan"),
    "toys.discovery": ("ToySignificance", "toy_significance"),
    "toys.limits": ("ToyLimitResult", "toy_limit"),
    "toys.hypotest": ("ToyTestResult", "toy_test"),
    "likelihood.compile": ("compile_model",),
    "likelihood.model": ("Data", "Model"),
    "likelihood.yields": ("Yields", "expected_yields"),
    "translation.load": ("read",),
    "translation.write": ("write",),
    "workspace": (
        "PYHF",
        "ROOT",
        "Channel",
        "ConstraintTerm",
        "Conventions",
        "Function",
        "HistoSys",
        "Lumi",
        "Measurement",
        "NormFactor",
        "NormSys",
        "ParameterConfig",
        "Sample",
        "ShapeFactor",
        "ShapeSys",
        "StatError",
        "Workspace",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "simplemodels"])


def __getattr__(name: str) -> Any:
    if name == "simplemodels":
        return import_module("hftranslate.workspace.simplemodels")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'hftranslate' has no attribute {name!r}")
    value = getattr(import_module(f"hftranslate.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
