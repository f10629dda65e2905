"""A model as ROOT holds it: the workspace built by HistFactory, and what a reader of its numbers must know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quiet import ROOT, no_standard_output

Range = tuple[float, float]

#: ROOT's classes that interpolate, by the type of modifier.
_INTERPOLATING = {"histosys": "PiecewiseInterpolation", "normsys": "RooStats::HistFactory::FlexibleInterpVar"}


class ModelError(Exception):
    """The input says something that cannot be described to ROOT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reparametrised:
    """``parameter = offset + scale * name``: ROOT's model has ``name`` where the input has ``parameter``."""

    name: str
    parameter: str
    offset: float
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A measurement described to ROOT, before the workspace is built, or a finished workspace.

    Attributes
    ----------
    measurement
        the ``RooStats.HistFactory.Measurement``; ``None`` where the workspace is finished.
    workspace
        the finished workspace.
    from_files
        the histograms are in files; otherwise they are attached to the measurement.
    ranges
        ranges that the input states and HistFactory cannot be told, set on the finished workspace.
    parametrisation
        parameters that stand for others.
    interpolation
        interpolation codes (ROOT's numbers) of all HistoSys (``histosys``) and OverallSys (``normsys``), where they are
        not ROOT's defaults: neither XML nor the HistFactory classes have a word for them, the workspace has.
    entries
        ROOT's names of the entries of each parameter of the input, by its name there; empty where they are the same.
    hidden
        ROOT's parameters that are no part of the model as the input states it, and constant.
    notes
        what was done, for the provenance of the results.
    keep_alive
        Python owners of C++ objects that ROOT only points to.
    """

    measurement: Any
    from_files: bool = False
    workspace: Any = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    parametrisation: tuple[Reparametrised, ...] = ()
    interpolation: Mapping[str, int] = field(default_factory=dict)
    entries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    keep_alive: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the measurement."""
        return str(self.measurement.GetName()) if self.measurement is not None else ""

    @property
    def lumi_error(self) -> float:
        """Relative uncertainty of the luminosity."""
        return float(self.measurement.GetLumiRelErr()) if self.measurement is not None else 0.02


def finished(path: Path, parametrisation: tuple[Reparametrised, ...] = ()) -> Description:
    """The combined workspace that ``hist2workspace`` wrote to a file.

    Where the luminosity is a function of ``alpha_lumi``, ROOT's own is no part of the model.
    """
    file = ROOT.TFile.Open(str(path))
    workspace = file.Get("combined")
    if not workspace:
        raise ModelError(f"{path} holds no workspace 'combined'")
    return Description(
        measurement=None,
        workspace=workspace,
        parametrisation=parametrisation,
        hidden=frozenset({"Lumi"} if parametrisation else ()),
        notes=("the workspace was made by ROOT's hist2workspace from XML",),
        keep_alive=[file],
    )


def imported(path: Path) -> Description:
    """The workspace that ROOT's importer makes of an HS3 document."""
    workspace = ROOT.RooWorkspace("combined")
    with no_standard_output():
        if not ROOT.RooJSONFactoryWSTool(workspace).importJSONfromString(path.read_text(encoding="utf-8")):
            raise ModelError(f"ROOT does not import {path}")
    return Description(measurement=None, workspace=workspace, notes=("ROOT imported the model from HS3",))


def build_workspace(description: Description) -> Any:
    """Let HistFactory build the combined workspace, unless it is finished; nothing is written to disk."""
    if description.workspace is not None:
        return description.workspace
    factory = ROOT.RooStats.HistFactory
    configuration = factory.HistoToWorkspaceFactoryFast.Configuration()
    configuration.createWorkspaceFile = False
    configuration.createPerRegionWorkspaces = False
    with no_standard_output():
        if description.from_files:
            description.measurement.CollectHistograms()
        workspace = factory.MakeModelAndMeasurementFast(description.measurement, configuration)
    for name, (low, high) in description.ranges.items():
        variable = workspace.var(name)
        if not variable:
            raise ModelError(f"bounds are given for {name!r}, which ROOT's workspace does not have")
        variable.setRange(low, high)
    for modifier, code in description.interpolation.items():
        functions = [f for f in workspace.allFunctions() if f.ClassName() == _INTERPOLATING[modifier]]
        if not functions:
            raise ModelError(f"no {modifier} that could have interpolation code {code}")
        for function in functions:
            function.setAllInterpCodes(code)
    return workspace
