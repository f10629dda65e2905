"""Carry HistFactory models between ROOT and JSON, compute with them, and prove that the result agrees with ROOT."""

from hftranslate.inference.fit import FitResult, asimov_data, fit
from hftranslate.inference.hypotest import HypoTestResult, UpperLimitResult, hypotest, upper_limit
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.translate import read, write
from hftranslate.workspace import (
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
    "HistoSys",
    "HypoTestResult",
    "Lumi",
    "Measurement",
    "Model",
    "NormFactor",
    "NormSys",
    "ParameterConfig",
    "Sample",
    "ShapeFactor",
    "ShapeSys",
    "StatError",
    "UpperLimitResult",
    "Workspace",
    "asimov_data",
    "compile_model",
    "fit",
    "hypotest",
    "read",
    "upper_limit",
    "write",
]
