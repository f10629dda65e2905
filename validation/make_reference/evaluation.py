"""Numbers from a ROOT workspace: expected yields, negative log-likelihood, tight fits, Asimov data."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import isfinite, log, prod
from typing import Any

import numpy as np
from models import Description, ModelError, build_workspace
from quiet import ROOT, no_standard_output
from second_differences import as_minuit_quotes, covariance

#: Minuit's default tolerance stops at an EDM near 1e-3. 1e-6 is enough for a minimum, but not for Asimov data, which
#: inherit the error of the fitted nuisance parameters at first order: it leaves 5e-6 on q, this one 1e-8.
TOLERANCE = 1e-8
#: Minuit's strategy from the initial values; near a minimum the lesser one ends closer to it, and sooner.
STRATEGY, STRATEGY_NEARBY = 2, 1
ATTEMPTS = 4
#: Minima that differ by less are one.
SAME_MINIMUM = 1e-7

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of ROOT's model; an open end of its range is ``None``."""

    name: str
    init: float
    low: float | None
    high: float | None
    fixed: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """A ROOT data set and the values of the global observables that go with it."""

    data: Any
    global_observables: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """Where a minimisation ended."""

    nll: float
    values: dict[str, float]
    status: str
    edm: float
    uncertainties: dict[str, float]
    minos: dict[str, list[float | None]]
    correlation: tuple[list[str], list[list[float]]] | None
    at_limit: list[str]


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sorting key under which ``bin_2`` comes before ``bin_10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


class RootModel:
    """A HistFactory workspace with its data. Every method starts from the initial state and leaves it behind."""

    def __init__(self, description: Description, dataset: str = "obsData") -> None:
        self._description = description
        self._workspace = build_workspace(description)
        self._config = self._workspace.obj("ModelConfig")
        self._pdf = self._config.GetPdf()
        data = self._workspace.data(dataset)
        if not data:
            raise ModelError(f"the model has no data set {dataset!r}; HistFactory makes obsData only of observed data")
        self._globals = {v.GetName(): v for v in self._config.GetGlobalObservables()}
        others = self._globals.keys() | {v.GetName() for v in self._config.GetObservables()} | description.hidden
        variables = {v.GetName(): v for v in self._workspace.allVars() if v.GetName() not in others}
        self._variables = {name: variables[name] for name in sorted(variables, key=natural_order)}
        self._start = {name: (v.getVal(), v.isConstant()) for name, v in self._variables.items()}
        self._first_steps = {name: v.getError() for name, v in self._variables.items()}
        self.observed = Dataset(data, {name: v.getVal() for name, v in self._globals.items()})
        pois = self._config.GetParametersOfInterest()
        self.n_pois = int(pois.size()) if pois else 0
        self.poi: str | None = str(pois.first().GetName()) if pois and pois.size() else None
        self._nlls: dict[tuple[int, str], Any] = {}

    # ---------------------------------------------------------------- what the model is
    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters in natural order of their names, the parameter of interest first."""
        found = []
        for name in sorted(self._variables, key=lambda n: (n != self.poi, natural_order(n))):
            variable, (init, fixed) = self._variables[name], self._start[name]
            low = float(variable.getMin()) if variable.hasMin() else None
            high = float(variable.getMax()) if variable.hasMax() else None
            found.append(Parameter(name, float(init), low, high, bool(fixed)))
        return tuple(found)

    @property
    def channels(self) -> list[str]:
        """Names of the channels in ROOT's (alphabetical) order."""
        return sorted(str(entry.first) for entry in self._workspace.cat("channelCat"))

    @property
    def pois(self) -> list[str]:
        """ROOT's parameters of interest, in order."""
        return [str(v.GetName()) for v in self._config.GetParametersOfInterest() or ()]

    @property
    def global_observables(self) -> dict[str, list[float]]:
        """Value and range of the centre of each constraint."""
        return {name: [v.getVal(), v.getMin(), v.getMax()] for name, v in sorted(self._globals.items())}

    @property
    def constant(self) -> float:
        """What a simultaneous pdf of several channels adds to the NLL: N ln(number of channels)."""
        n = len(self.channels)
        return float(self.observed.data.sumEntries()) * log(n) if n > 1 else 0.0

    def data(self) -> dict[str, list[float]]:
        """Observed events per channel and bin, x running fastest where there are several axes."""
        result = {c: [0.0] * prod(self._shape(c)) for c in self.channels}
        for i in range(self.observed.data.numEntries()):
            row = self.observed.data.get(i)
            channel = str(row.getCatLabel("channelCat"))
            place, stride = 0, 1
            for x, n in zip(self._axes(channel), self._shape(channel), strict=True):
                place += stride * x.getBinning().binNumber(row.getRealValue(x.GetName()))
                stride *= n
            result[channel][place] += self.observed.data.weight()
        return result

    def _axes(self, channel: str) -> list[Any]:
        """The observables of a channel, x first."""
        found = (self._workspace.var(f"obs_{letter}_{channel}") for letter in "xyz")
        return [variable for variable in found if variable]

    def _shape(self, channel: str) -> list[int]:
        return [x.getBinning().numBins() for x in self._axes(channel)]

    def _bins(self, channel: str) -> Iterator[float]:
        """Moves the observables to the centre of each bin in turn, x running fastest, and gives the bin's size."""
        binnings = [(x, x.getBinning()) for x in self._axes(channel)]
        for indices in product(*(range(n) for n in reversed(self._shape(channel)))):
            size = 1.0
            for (x, binning), i in zip(binnings, reversed(indices), strict=True):
                x.setVal(binning.binCenter(i))
                size *= binning.binWidth(i)
            yield size

    # ---------------------------------------------------------------- for calculators of RooStats
    @property
    def configuration(self) -> Any:
        """ROOT's ``ModelConfig``."""
        return self._config

    def is_free(self, name: str) -> bool:
        """Whether a parameter of the model floats in fits."""
        return name in self._start and not self._start[name][1]

    def reset(self) -> None:
        """Restore the initial values, constants and global observables."""
        self._reset()

    # ---------------------------------------------------------------- at a point
    def _reset(self, dataset: Dataset | None = None, values: Values | None = None) -> None:
        for name, (value, fixed) in self._start.items():
            variable = self._variables[name]
            variable.setVal(value)
            variable.setConstant(fixed)
            variable.setError(self._first_steps[name])  # else it would depend on the fit before
        for name, value in (dataset or self.observed).global_observables.items():
            self._globals[name].setVal(value)
        for name, value in (values or {}).items():
            variable = self._variables[name]
            if not variable.getMin() <= value <= variable.getMax():
                raise ModelError(f"{name} = {value} is outside [{variable.getMin()}, {variable.getMax()}]")
            variable.setVal(value)

    def yields(self, values: Values) -> dict[str, dict[str, list[float]]]:
        """Expected events per channel, sample and bin."""
        self._reset(values=values)
        result: dict[str, dict[str, list[float]]] = {}
        for channel in self.channels:
            total = self._workspace.pdf(f"{channel}_model")
            samples: dict[str, list[float]] = {}
            for shape, factor in zip(total.funcList(), total.coefList(), strict=True):
                # the shape is a density
                per_bin = [float(shape.getVal() * factor.getVal() * size) for size in self._bins(channel)]
                own = str(factor.GetName()).removesuffix(f"_{channel}_scaleFactors")
                if str(shape.GetName()).startswith(f"model_{channel}_"):  # imported from HS3
                    own = str(shape.GetName()).removeprefix(f"model_{channel}_").removesuffix("_shapes")
                samples[own] = per_bin
            result[channel] = dict(sorted(samples.items()))
        self._reset()
        return result

    def nll(self, values: Values) -> tuple[float, bool]:
        """The NLL of the observed data, and whether ROOT failed to evaluate it there (expected yield <= 0, NaN)."""
        nll = self._nll(self.observed)
        self._reset(values=values)
        mode = ROOT.RooAbsReal.evalErrorLoggingMode()
        ROOT.RooAbsReal.setEvalErrorLoggingMode(ROOT.RooAbsReal.CountErrors)
        ROOT.RooAbsReal.clearEvalErrorLog()
        value = float(nll.getVal())
        failed = ROOT.RooAbsReal.numEvalErrors() > 0 or not isfinite(value)
        ROOT.RooAbsReal.clearEvalErrorLog()
        ROOT.RooAbsReal.setEvalErrorLoggingMode(mode)
        self._reset()
        return value, failed

    def _nll(self, dataset: Dataset, offset: str = "none") -> Any:
        """The NLL; for fits with the offset ``initial``: then rounding does not grow with its absolute value."""
        key = (id(dataset), offset)
        if key not in self._nlls:
            fit = ROOT.RooFit
            arguments = [
                fit.GlobalObservables(self._config.GetGlobalObservables()),
                fit.EvalBackend("cpu"),
                fit.Offset(offset),
            ]
            self._nlls[key] = dataset, self._pdf.createNLL(dataset.data, *arguments)
        return self._nlls[key][1]

    # ---------------------------------------------------------------- fits
    def fit(
        self,
        dataset: Dataset | None = None,
        fixed: Values | None = None,
        *,
        starts: Sequence[Values | None] = (None,),
        uncertainties: bool = False,
        minos: Sequence[str] = (),
    ) -> Minimum:
        """Minimise the NLL; ``fixed`` parameters are held at the given values.

        Of several ``starts`` (``None``: the initial values) the lowest minimum counts, of equal ones the first.
        Uncertainties are taken on the same way again: the steps of HESSE are those that MIGRAD found on its way.
        """
        dataset = dataset or self.observed
        try:
            best, best_start = None, None
            for start in starts:
                found = self._fit_from(dataset, fixed or {}, start)
                if best is None or found.nll < best.nll - SAME_MINIMUM:
                    best, best_start = found, start
            if best is None:
                raise ModelError("a fit needs a start")
            if uncertainties and best.status != "nothing to fit":
                best = self._with_uncertainties(dataset, dict(fixed or {}), best, best_start, minos)
            return replace(best, status="converged") if best.status == "nothing to fit" else best
        finally:
            self._reset()

    def _with_uncertainties(
        self, dataset: Dataset, fixed: dict[str, float], best: Minimum, start: Values | None, minos: Sequence[str]
    ) -> Minimum:
        """The same fit with HESSE and MINOS; parameters that ended at a limit are held there.

        Minuit sees a sine of them, whose derivative vanishes at the limit: HESSE would mix them with the others.
        """
        held = {name: _limit(self._variables[name], best.values[name]) for name in best.at_limit}
        inside = [name for name in minos if name not in held]
        found = self._fit_from(dataset, fixed | held, start, uncertainties=True, minos=inside)
        nll = min(best.nll, found.nll)
        return replace(found, nll=nll, at_limit=[*best.at_limit, *found.at_limit])

    def _fit_from(
        self,
        dataset: Dataset,
        fixed: Values,
        start: Values | None,
        *,
        uncertainties: bool = False,
        minos: Sequence[str] = (),
    ) -> Minimum:
        free = {
            name: _off_the_limits(self._variables[name], value)
            for name, value in (start or {}).items()
            if not self._start[name][1]
        }
        self._reset(dataset, free | dict(fixed))
        for name in fixed:
            self._variables[name].setConstant(True)
        if all(v.isConstant() for v in self._variables.values()):
            return self._nothing_to_fit(self._nll(dataset))
        strategy = STRATEGY if start is None or uncertainties else STRATEGY_NEARBY
        return self._minimise(dataset, strategy, uncertainties, minos)

    def _nothing_to_fit(self, nll: Any) -> Minimum:
        return Minimum(
            nll=float(nll.getVal()),
            values={name: float(v.getVal()) for name, v in self._variables.items()},
            status="nothing to fit",
            edm=0.0,
            uncertainties={},
            minos={},
            correlation=None,
            at_limit=[],
        )

    def _minimise(self, dataset: Dataset, strategy: int, uncertainties: bool, minos: Sequence[str]) -> Minimum:
        minimizer = ROOT.RooMinimizer(self._nll(dataset, "initial"))
        minimizer.setPrintLevel(-1)
        minimizer.setStrategy(strategy)
        minimizer.setEps(TOLERANCE)
        minimizer.setOffsetting(True)
        minimizer.optimizeConst(0)
        for _ in range(ATTEMPTS):
            migrad = int(minimizer.minimize("Minuit2", "migrad"))
            if migrad == 0:
                break  # otherwise carry on from where it stopped
        edm = float(minimizer.save().edm())
        hesse = int(minimizer.hesse()) if uncertainties else 0
        if minos:
            chosen = ROOT.RooArgSet()
            for name in minos:
                chosen.add(self._variables[name])
            minimizer.minos(chosen)
        result = minimizer.save()
        final = list(result.floatParsFinal())
        problems = [f"migrad {migrad}"] * (migrad != 0) + [f"hesse {hesse}"] * (hesse != 0)
        at_limit = [str(p.GetName()) for p in final if _at_limit(p)]
        inside = [i for i, p in enumerate(final) if str(p.GetName()) not in at_limit] if uncertainties else []
        matrix = result.correlationMatrix() if uncertainties and hesse == 0 else None
        names = {str(p.GetName()): p for p in final}
        return Minimum(
            nll=float(self._nll(dataset).getVal()),
            values={name: float(v.getVal()) for name, v in self._variables.items()},
            status=", ".join(problems) or "converged",
            edm=edm,
            uncertainties={str(final[i].GetName()): float(final[i].getError()) for i in inside},
            minos={n: _minos(names[n]) for n in minos if names[n].hasAsymError()},
            correlation=None
            if matrix is None
            else (
                [str(final[i].GetName()) for i in inside],
                [[float(matrix[i][j]) for j in inside] for i in inside],
            ),
            at_limit=at_limit,
        )

    def exact_uncertainties(self, minimum: Minimum) -> tuple[dict[str, float], list[list[float]]] | None:
        """Uncertainties, as Minuit quotes them, and correlations of the parameters that are not at a limit.

        ``None`` where the second derivatives are not positive definite.
        """
        nll = self._nll(self.observed, "initial")
        self._reset(values=minimum.values)
        names = list(minimum.uncertainties)
        variables = [self._variables[name] for name in names]
        matrix = covariance(lambda: float(nll.getVal()), variables, list(minimum.uncertainties.values()))
        self._reset()
        if matrix is None:
            return None
        sigma = np.sqrt(np.diag(matrix))
        correlation = matrix / np.outer(sigma, sigma)
        np.fill_diagonal(correlation, 1.0)
        quoted = {
            name: as_minuit_quotes(float(s), minimum.values[name], v.getMin(), v.getMax())
            for name, s, v in zip(names, sigma, variables, strict=True)
        }
        return quoted, (0.5 * (correlation + correlation.T)).tolist()

    def asimov(self, values: Values) -> Dataset:
        """The Asimov data of a parameter point, which should be profiled on the observed data.

        The global observables move with it: to the fitted value (Gaussian) or to gamma tau (Poisson).
        """
        self._reset(values=values)
        parameters = ROOT.RooArgSet(self._config.GetParametersOfInterest())
        if self._config.GetNuisanceParameters():
            parameters.add(self._config.GetNuisanceParameters())
        moved = ROOT.RooArgSet()
        with no_standard_output():
            data = ROOT.RooStats.AsymptoticCalculator.MakeAsimovData(self._config, parameters, moved)
        values = dict(self.observed.global_observables) | {v.GetName(): float(v.getVal()) for v in moved}
        self._reset()
        return Dataset(data, values)


def _span(parameter: Any) -> float:
    """Length of a range, but at most what counts of it."""
    return float(min(parameter.getMax() - parameter.getMin(), 10.0))


def _off_the_limits(parameter: Any, value: float) -> float:
    # Minuit sees a sine of the parameter: started at a limit, it would stay there
    margin = 1e-3 * _span(parameter)
    return float(min(max(value, parameter.getMin() + margin), parameter.getMax() - margin))


def _limit(parameter: Any, value: float) -> float:
    """The end of the range that a value is near."""
    low, high = float(parameter.getMin()), float(parameter.getMax())
    return low if value - low < high - value else high


def _at_limit(parameter: Any) -> bool:
    # Minuit sees a sine of the parameter: at a limit its derivative vanishes and HESSE's numbers mean nothing. What is
    # small in units of its range only, and not of its uncertainty, is none at a limit.
    low, high = parameter.getMin(), parameter.getMax()
    nearest = min(parameter.getVal() - low, high - parameter.getVal())
    return bool(nearest <= 0.0 or nearest < 1e-3 * min(high - low, parameter.getError()))


def _minos(parameter: Any) -> list[float | None]:
    """Errors down and up; Minuit stops at the limits of the range, which is no answer."""
    value, near = parameter.getVal(), 1e-6 * _span(parameter)
    down, up = float(parameter.getErrorLo()), float(parameter.getErrorHi())
    stopped_down = value + down < parameter.getMin() + near
    stopped_up = value + up > parameter.getMax() - near
    return [None if stopped_down else down, None if stopped_up else up]
