from hftranslate import (
    batch,
    difference,
    editing,
    formats,
    hepdata,
    inference,
    likelihood,
    plots,
    signal_grid,
    tensors,
    toys,
    translation,
    workspace,
)
from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.document import Results, read_results
from hftranslate.crosscheck.results import results
from hftranslate.difference.compare import difference as diff
from hftranslate.doctor.diagnosis import diagnose as doctor
from hftranslate.doctor.inspect import summary as inspect
from hftranslate.editing.combining import combine
from hftranslate.editing.ordering import sort
from hftranslate.editing.pruning import prune
from hftranslate.editing.renaming import rename
from hftranslate.editing.stripping import strip
from hftranslate.hepdata.bundle import make_bundle as bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.download import download
from hftranslate.hepdata.reproduce import reproduce
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.discovery import Significance, significance
from hftranslate.inference.fit import FitResult, asimov_data, fit
from hftranslate.inference.goodness import GoodnessOfFit, goodness_of_fit
from hftranslate.inference.hypotest import HypoTestResult, UpperLimitResult, hypotest, upper_limit
from hftranslate.inference.impacts import Impacts, impacts
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.postfit import fitted_yields
from hftranslate.inference.profiles import ProfileScan, profile_scan
from hftranslate.inference.pulls import pulls
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.yields import Yields, expected_yields
from hftranslate.report.contents import report
from hftranslate.signal_grid.creation import create as patchset_create
from hftranslate.signal_grid.document import PatchSet, read_patchset
from hftranslate.signal_grid.scan import scan as patchset_scan
from hftranslate.tensors.likelihood import to_jax, to_torch
from hftranslate.toys.discovery import ToySignificance, toy_significance
from hftranslate.toys.hypotest import ToyTestResult, toy_test
from hftranslate.toys.limits import ToyLimitResult, toy_limit
from hftranslate.translation.as_json import digest
from hftranslate.translation.load import read
from hftranslate.translation.write import write
from hftranslate.workspace import simplemodels
from hftranslate.workspace.from_hist import from_hist
from hftranslate.workspace.model import (
    PYHF,
    ROOT,
    Channel,
    ConstraintTerm,
    Conventions,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)

__version__: str

__all__ = [
    "PYHF",
    "ROOT",
    "Channel",
    "ConstraintTerm",
    "Conventions",
    "Data",
    "FitOptions",
    "FitResult",
    "Function",
    "GoodnessOfFit",
    "HistoSys",
    "HypoTestResult",
    "Impacts",
    "Lumi",
    "Measurement",
    "Model",
    "NormFactor",
    "NormSys",
    "ParameterConfig",
    "PatchSet",
    "ProfileScan",
    "Report",
    "Results",
    "Sample",
    "ShapeFactor",
    "ShapeSys",
    "Significance",
    "StatError",
    "ToyLimitResult",
    "ToySignificance",
    "ToyTestResult",
    "UpperLimitResult",
    "Workspace",
    "Yields",
    "asimov_data",
    "batch",
    "bundle",
    "check",
    "combine",
    "compile_model",
    "crosscheck",
    "diff",
    "difference",
    "digest",
    "doctor",
    "download",
    "editing",
    "expected_yields",
    "fit",
    "fitted_yields",
    "formats",
    "from_hist",
    "goodness_of_fit",
    "hepdata",
    "hypotest",
    "impacts",
    "inference",
    "inspect",
    "likelihood",
    "patchset_create",
    "patchset_scan",
    "plots",
    "profile_interval",
    "profile_scan",
    "prune",
    "pulls",
    "read",
    "read_patchset",
    "read_results",
    "rename",
    "report",
    "reproduce",
    "results",
    "signal_grid",
    "significance",
    "simplemodels",
    "sort",
    "strip",
    "tensors",
    "to_jax",
    "to_torch",
    "toy_limit",
    "toy_significance",
    "toy_test",
    "toys",
    "translation",
    "upper_limit",
    "workspace",
    "write",
]
