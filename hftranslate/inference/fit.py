"""Maximum-likelihood fits with uncertainties, and Asimov data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.display.speaking import Result, Table, measured, plain, short
from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.low_rank import Hessian, following
from hftranslate.inference.minimize import (
    AT_A_MINIMUM,
    DEFAULT_OPTIONS,
    FitOptions,
    Minimum,
    Status,
    minimize,
    search_from,
)
from hftranslate.inference.newton import MinimizerName
from hftranslate.likelihood.model import Data, Model, check_model_and_data
from hftranslate.likelihood.sizes import unwarned
from hftranslate.workspace.arrays import as_float

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Of an eigenvalue of a matrix with a unit diagonal, for each of its rows.
_ROUNDING = 100.0 * float(np.finfo(np.float64).eps)
#: A parameter is at its bound where the NLL rises by no more than this on the way there (a thousandth of an
#: uncertainty), which no minimiser could tell, and where that is a small part of its range (ten, if that is open).
_UNTOLD, _NEAR, _OPEN = 5e-7, 1e-3, 10.0
#: What stands for infinity where MINUIT asks outside the domain, above twice the NLL of the minimum.
_FAR = 1e6


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FitResult(Result):
    """A fit. Vectors are in the order of ``names`` (the model's parameters); ``fit["mu"]`` is a best-fit value.

    Attributes
    ----------
    values
        the best-fit point ``(n,)``.
    nll
        negative log-likelihood at the minimum, constants included; ``excess_nll`` is that above the saturated model.
    edm
        expected distance to the minimum, in units of the NLL.
    status, message
        how the fit ended; the sentence says what it means and what helps.
    minimizer
        which minimiser found the minimum: another one than was asked for where that one reached none, or a higher one.
    sure
        whether the search for a lower minimum was conclusive.
    fixed
        which parameters were held constant, ``(n,)``.
    bounds
        the ranges of the parameters in this fit, ``(n, 2)``.
    model, data
        what was fitted.
    minimum
        what the minimiser found, with second derivatives that served for its last steps.
    """

    names: tuple[str, ...]
    values: Floats
    nll: float
    excess_nll: float
    edm: float
    status: Status
    message: str
    iterations: int
    minimizer: MinimizerName
    sure: bool
    fixed: Booleans
    bounds: Floats
    model: Model
    data: Data
    minimum: Minimum | None = None

    @cached_property
    def hessian(self) -> Floats:
        """Second derivatives of the NLL by all parameters, constant ones included, ``(n, n)``."""
        return self.model.hessian(self.values, self.data)

    def to_minuit(self) -> Any:
        """An ``iminuit.Minuit`` of twice the NLL at this minimum, with HESSE's errors: for MINOS and contours."""
        from iminuit import Minuit

        def value(x: Floats) -> float:
            nll = self.model.excess_nll(x, self.data)
            return 2.0 * (nll + self.data.saturated_nll) if isfinite(nll) else _FAR + 2.0 * self.nll

        def gradient(x: Floats) -> Floats:
            return np.nan_to_num(2.0 * self.model.excess_and_gradient(x, self.data)[1])

        m = Minuit(value, self.values, grad=gradient, name=self.names)
        m.errordef, m.fixed, m.limits = Minuit.LEAST_SQUARES, self.fixed, self.bounds
        m.migrad()
        m.hesse()
        return m

    @cached_property
    @unwarned
    def at_bound(self) -> Booleans:
        """Which free parameters ended at an end of their range, ``(n,)``.

        MINUIT never quite reaches it, and a minimum may happen to lie there: what is so near that the NLL does not rise
        on the way counts, too.
        """
        low, high = self.bounds.T
        below, above = self.values - low, high - self.values
        distance = np.minimum(below, above)
        found: Booleans = ~self.fixed & (distance <= 0.0)
        length = np.where(np.isfinite(high - low), high - low, _OPEN)
        near = np.flatnonzero(~self.fixed & ~found & (distance < _NEAR * length))
        if near.size and np.isfinite(self.nll):
            step = np.where(below < above, -below, above)[near]
            curvature = np.diagonal(self.hessian)[near]
            found[near] = self._gradient[near] * step + 0.5 * curvature * step**2 <= _UNTOLD
        return found

    @cached_property
    def _gradient(self) -> Floats:
        return self.model.nll_and_gradient(self.values, self.data)[1]

    @cached_property
    def covariance(self) -> Floats:
        """Inverse of the exact Hessian of the free parameters that are not at a bound (HESSE), ``(n, n)``.

        Rows and columns of the others are zero: constant parameters are held, and those at a bound are held there, as
        MINUIT does. The variance of parameters without any effect is NaN; all are NaN where the Hessian is not positive
        definite, or where the minimum lies on a kink.
        """
        free = ~self.fixed
        inverse = None if self.status == "kink" else _covariance(self.hessian, free & ~self.at_bound)
        if inverse is None:
            inverse = np.zeros((len(free), len(free)))
            inverse[np.ix_(free, free)] = np.nan
        return inverse

    @cached_property
    @unwarned
    def uncertainties(self) -> Floats:
        """Standard deviations ``(n,)``; zero for constant parameters, NaN where there are none, as at a bound."""
        deviations: Floats = np.sqrt(np.diagonal(self.covariance))
        return np.where(self.at_bound, np.nan, deviations)

    @property
    def no_uncertainty(self) -> dict[str, str]:
        """Why free parameters have no uncertainty, by name."""
        return {self.names[i]: self._why_none(i) for i in np.flatnonzero(np.isnan(self.uncertainties)).tolist()}

    def _why_none(self, index: int) -> str:
        if self.at_bound[index]:
            (low, high), value = self.bounds[index], self.values[index]
            which, end = ("lower", low) if value - low < high - value else ("upper", high)
            return f"it ended at the {which} end of its range, {end:g}, and is held there; MINOS gives the other side"
        if self.status == "kink":
            return "the minimum lies on a kink or at the edge of the likelihood, where second derivatives mean little"
        if not np.any(self.hessian[index, ~self.fixed & ~self.at_bound] != 0.0):
            return "it has no effect on the likelihood here"
        return "the matrix of second derivatives is not positive definite: the data cannot tell some parameters apart"

    @property
    @unwarned
    def correlation(self) -> Floats:
        """Correlation matrix ``(n, n)``; NaN for parameters at a bound, which have none."""
        sigma = np.where(self.uncertainties > 0.0, self.uncertainties, 1.0)
        matrix: Floats = self.covariance / np.outer(sigma, sigma)
        matrix[self.at_bound] = matrix[:, self.at_bound] = np.nan
        np.fill_diagonal(matrix, 1.0)
        return matrix

    def reach(self, name: str, rise: float = 0.5) -> float:
        """How far a parameter moves until the NLL, minimised over the others, has risen, by its first two derivatives.

        For a rise of 0.5 that is the uncertainty; from a bound it is the way into the range. NaN where it is unknown.
        """
        index = self._index(name)
        if not self.at_bound[index]:
            return float(np.sqrt(2.0 * rise) * self.uncertainties[index])
        slope, row = abs(float(self._gradient[index])), self.hessian[index]
        curvature = max(float(row[index] - row @ self.covariance @ row), 0.0)
        down = slope + float(np.hypot(slope, np.sqrt(2.0 * rise) * np.sqrt(curvature)))  # which does not overflow
        return 2.0 * rise / down if down > 0.0 else float("nan")

    def value(self, name: str) -> float:
        """Best-fit value of one parameter."""
        return float(self.values[self._index(name)])

    __getitem__ = value

    def uncertainty(self, name: str) -> float:
        """Uncertainty of one parameter."""
        return float(self.uncertainties[self._index(name)])

    def moved(self, name: str, value: float) -> Floats:
        """Where the minimum would be with one parameter held at a value, to first order: a start for that fit."""
        start: Floats = self.all_moved((name,), np.array([[value]], dtype=np.float64))[0]
        return start

    @unwarned
    def all_moved(self, names: Sequence[str], values: Floats) -> Floats:
        """:meth:`moved` for parameters held together, at each of many points ``(n_points, n_names)``."""
        at = np.array([self._index(n) for n in names])
        starts = np.tile(self.values, (len(values), 1))
        starts[:, at] = values
        follow = ~self.fixed & ~self.at_bound
        follow[at] = False
        i = np.flatnonzero(follow)
        if i.size and self.status in ("converged", "unsure"):
            near, index = self._near(at)
            slopes = following(near, np.searchsorted(index, i), np.searchsorted(index, at))
            if slopes is not None:
                starts[:, i] -= (values - self.values[at]) @ slopes
                starts[:, i] = np.clip(starts[:, i], self.bounds[i, 0], self.bounds[i, 1])
        return starts

    def _near(self, at: Integers) -> tuple[Hessian, Integers]:
        """What there is of the Hessian at or near the minimum, and the parameters it is of, some held ones too."""
        every, found = np.arange(len(self.names)), self.minimum
        if found is not None and found.hessian is not None and not self.fixed[at].any():
            return found.hessian, np.flatnonzero(~self.fixed)
        if found is not None and found.reached is not None and found.reached.problem.few_bins:
            return replace(found.reached.problem, index=every, bounds=self.bounds).rough(self.values)[2], every
        return self.hessian, every

    def _index(self, name: str) -> int:
        return self.model.parameters.index(name)

    def _worded(self, name: str) -> str:
        """A best-fit value as one says it; what ended at a bound has one side only."""
        if not self.at_bound[self._index(name)]:
            return measured(self[name], self.uncertainty(name))
        low, high = self.bounds[self._index(name)]
        end, sign = ("lower", "+") if self[name] - low < high - self[name] else ("upper", "-")
        return f"{self[name]:.6g} ({sign}{short(self.reach(name))}) at the {end} end of its range"

    def tables(self) -> tuple[Table, ...]:
        """The parameters: value, uncertainty, and why there is none."""
        why = {name: "at its bound" if self.at_bound[self._index(name)] else "?" for name in self.no_uncertainty}
        why |= {name: "constant" for name, fixed in zip(self.names, self.fixed, strict=True) if fixed}
        rows = [
            (name, value, None if name in why else sigma, why.get(name, ""))
            for name, value, sigma in zip(self.names, self.values.tolist(), self.uncertainties.tolist(), strict=True)
        ]
        poi = next((n for n in self.model.parameters.poi_names if n in self.names), None)
        best = f"{poi} = {self._worded(poi)}, " if poi else ""
        conventions = self.model.conventions.name
        return (
            Table(
                caption=f"fit {self.status}: {best}{len(rows)} parameters, twice NLL {2.0 * self.nll:.8g}",
                columns=("parameter", "value", "uncertainty", "remark"),
                rows=rows,
                note=f"{self.minimizer}: {self.message}; conventions: {conventions}",
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``fit``, with the keys that pyhf uses where it has them.

        Parameters of a set (bin factors) are gathered under its name; what could not be computed is ``None``.
        """
        p, free = self.model.parameters, np.flatnonzero(~self.fixed)
        return {
            "mle_parameters": self._gathered(self.values),
            "uncertainties": self._gathered(self.uncertainties),
            "initial_values": self._gathered(p.init),
            "prior_uncertainties": self._gathered(np.where(p.width > 0.0, p.width, np.nan)),
            "correlations": {
                "names": [self.names[i] for i in free],
                "matrix": [list(map(plain, row)) for row in self.correlation[np.ix_(free, free)].tolist()],
            },
            "twice_nll": 2.0 * self.nll,
            "status": self.status,
            "message": self.message,
            "minimizer": self.minimizer,
            "edm": self.edm,
            "at_bound": [self.names[i] for i in np.flatnonzero(self.at_bound)],
            "no_uncertainty": self.no_uncertainty,
            "conventions": self.model.conventions.name,
        }

    def _gathered(self, values: Floats) -> dict[str, list[float | None]]:
        sets: dict[str, list[float | None]] = {}
        for name, value in zip(self.model.parameters.sets, values.tolist(), strict=True):
            sets.setdefault(name, []).append(plain(value))
        return sets


def fit(
    model: Model,
    data: Data,
    *,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    start: Floats | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
) -> FitResult:
    """Maximise the likelihood.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    fixed
        parameters to hold at a value, by name, besides those the model holds constant.
    bounds
        ranges to use in place of the model's, by name.
    start
        starting point ``(n_parameters,)``; the model's initial values by default.
    options
        how to minimise, how hard to look for lower minima, and whether a failure raises.

    Returns
    -------
    FitResult
        the best-fit point; uncertainties and correlations are computed when they are asked for.

    Raises
    ------
    FitFailed
        No minimum was reached (unless ``options.raise_on_failure`` is off); the message says why and what to try.
    """
    check_model_and_data(model, data)
    p = model.parameters
    theta = np.array(p.init if start is None else start, dtype=np.float64)
    if theta.shape != p.init.shape:
        raise InputError(f"starting point of shape {theta.shape} for {len(p)} parameters")
    free, box = ~p.fixed, p.bounds.copy()
    for name, (low, high) in (bounds or {}).items():
        if not low <= high:
            raise InputError(f"parameter {name!r} cannot be bounded by {low} from below and {high} from above")
        box[p.index(name)] = as_float(low), as_float(high)
    for name, place in (fixed or {}).items():
        value = as_float(place)
        if not isfinite(value):
            raise InputError(f"parameter {name!r} cannot be fixed at {value}")
        theta[p.index(name)], free[p.index(name)] = value, False
    return _result(model, data, minimize(model, data, theta, free, box, options), free, box, options)


def lowest(fits: Sequence[FitResult], options: FitOptions) -> Iterator[FitResult]:
    """Fits of one model that did not look for other minima, with the lowest ones near theirs: mostly they are the same.

    They are looked at together, which takes less time than one by one; a search begins when its fit is asked for.

    Parameters
    ----------
    fits
        made with ``other_minima=False``.
    options
        how hard to look, and whether a failure raises.

    Returns
    -------
    iterator
        a fit for each of them, or the same one.
    """
    minima = [fit.minimum for fit in fits if fit.minimum is not None]
    for fit, before, after in zip(fits, minima, search_from(minima, options), strict=True):
        yield fit if after is before else _result(fit.model, fit.data, after, ~fit.fixed, fit.bounds, options)


def failure_message(model: Model, data: Data, minimum: Minimum) -> str:
    """The sentence of a failed fit, with the place where the likelihood leaves its domain if that is the cause."""
    text = f"fit failed: {minimum.message}"
    if minimum.status != "outside_domain":
        return text
    rates = model.rates(minimum.theta)
    bad = int(np.argmax((rates < 0.0) | ((rates == 0.0) & (data.observed > 0.0))))
    place = f" ({model.place(bad)}: {rates[bad]:g} expected, {data.observed[bad]:g} observed)"
    if _only_signal(model, minimum.theta, bad):
        text = (
            "fit failed: events are observed where only the signal expects any: the fit without signal is impossible; "
            "give the bin a background, or leave it out ('doctor' lists all such bins)"
        )
        if not rates.any():
            text += ". Is this the signal without its background?"
    return text + place


def _only_signal(model: Model, theta: Floats, index: int) -> bool:
    """Whether a bin expects events as soon as the parameter of interest leaves zero, and none without it."""
    p = model.parameters
    if not p.poi_names or p.poi_names[0] not in p.names or theta[p.poi_index] != 0.0:
        return False
    with_signal = theta.copy()
    with_signal[p.poi_index] = 1.0
    return bool(model.rates(theta)[index] == 0.0 and model.rates(with_signal)[index] > 0.0)


def _result(model: Model, data: Data, minimum: Minimum, free: Booleans, box: Floats, options: FitOptions) -> FitResult:
    if options.raise_on_failure and minimum.status not in AT_A_MINIMUM:
        raise FitFailed(failure_message(model, data, minimum))
    return FitResult(
        names=model.parameters.names,
        values=minimum.theta,
        nll=minimum.excess_nll + data.saturated_nll,
        excess_nll=minimum.excess_nll,
        edm=minimum.edm,
        status=minimum.status,
        message=minimum.message,
        iterations=minimum.iterations,
        minimizer=minimum.minimizer,
        sure=minimum.sure,
        fixed=~free,
        bounds=box,
        model=model,
        data=data,
        minimum=minimum,
    )


def _covariance(hessian: Floats, free: Booleans) -> Floats | None:
    """Inverse of the Hessian of the free parameters; of those with any effect where that alone is positive definite.

    The variance of those without is then NaN.
    """
    if not np.isfinite(hessian[np.ix_(free, free)]).all():  # the likelihood has no value there
        return None
    idle = free & ~np.any(hessian[:, free] != 0.0, axis=1)
    for chosen in (free, free & ~idle):
        index = np.ix_(np.flatnonzero(chosen), np.flatnonzero(chosen))
        inverse = inverse_of(hessian[index])
        if inverse is not None:
            covariance = np.zeros_like(hessian)
            covariance[index] = inverse
            np.fill_diagonal(covariance, np.where(free & ~chosen, np.nan, covariance.diagonal()))
            return covariance
    return None


@unwarned
def inverse_of(hessian: Floats) -> Floats | None:
    """Inverse of a Hessian; ``None`` where it is not positive definite, as far as its rounding errors can tell.

    Where the data tell two parameters not apart, its smallest eigenvalue is zero but for rounding, and an inverse would
    be made of nothing else.
    """
    diagonal = np.diagonal(hessian)
    if not (diagonal > 0.0).all():
        return None
    unit = 1.0 / np.sqrt(diagonal)
    scaled = hessian * unit[:, None] * unit  # parameters may be of very different sizes
    if not np.isfinite(scaled).all():
        return None
    if diagonal.size and np.linalg.eigvalsh(scaled)[0] <= _ROUNDING * len(diagonal):
        return None
    return np.asarray(np.linalg.inv(scaled) * unit[:, None] * unit, dtype=np.float64)


def asimov_data(
    model: Model,
    data: Data,
    poi: float,
    *,
    start: Floats | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
) -> tuple[Data, Floats]:
    """The Asimov data set of a value of the parameter of interest, and the parameter point that it came from.

    The nuisance parameters are fitted to the data at that value (arXiv:1007.1727, section 3.2, as RooStats and pyhf
    do); observed events and global observables are then set to their expectations.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    poi
        the value of the parameter of interest.
    start
        where the fit begins, ``(n_parameters,)``; at the initial values by default.
    options
        how to minimise.

    Returns
    -------
    Data, array
        the Asimov data, and the point ``(n_parameters,)`` that they are the expectation of.

    Raises
    ------
    FitFailed
        The fit at that value reached no minimum.
    MissingInput
        The measurement names no parameter of interest that the model has.
    """
    check_model_and_data(model, data)
    name = model.parameters.names[model.parameters.poi_index]
    best = fit(model, data, fixed={name: poi}, start=start, options=options)
    return model.expected_data(best.values), best.values
