"""Imports ROOT without its chatter; all other modules of this folder take ``ROOT`` from here."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel announces that it is an alpha distribution
    import ROOT

ROOT.gROOT.SetBatch(True)
ROOT.gErrorIgnoreLevel = ROOT.kWarning
ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.ERROR)
ROOT.Math.MinimizerOptions.SetDefaultPrintLevel(-1)
# libraries and macros of ROOT's own only: the working directory may hold a model from anywhere
for _path, _set in (
    (ROOT.gSystem.GetDynamicPath(), ROOT.gSystem.SetDynamicPath),
    (ROOT.gROOT.GetMacroPath(), ROOT.gROOT.SetMacroPath),
):
    _set(":".join(folder for folder in str(_path).split(":") if folder not in ("", ".")))

__all__ = ["ROOT", "no_standard_output"]


@contextmanager
def no_standard_output() -> Iterator[None]:
    """Discard what ROOT's C++ code prints: a model with a Function prints its workspaces whatever the print level."""
    sys.stdout.flush()
    saved = os.dup(1)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    try:
        yield
    finally:
        ROOT.std.cout.flush()
        os.dup2(saved, 1)
        os.close(saved)
        os.close(sink)
