"""Profile likelihoods of single parameters."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from hftranslate.errors import InputError
from hftranslate.inference.fit import FitResult, Floats, fit
from hftranslate.inference.minimize import AT_A_MINIMUM, DEFAULT_OPTIONS, FitOptions
from hftranslate.likelihood.model import Data, Model, check_model_and_data

_GROWTH = 1.5  # of the distance from the best fit, while the interval's end is searched
_MOST_STEPS = 100  # until the search is given up
_PRECISION = 1e-8  # of an interval's end, relative to its distance from the best fit


def profile_interval(
    model: Model,
    data: Data,
    fit_result: FitResult,
    name: str,
    level_up: float = 0.5,
    *,
    fixed: Mapping[str, float] | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
) -> tuple[float | None, float | None]:
    """Where the profiled NLL of a parameter is ``level_up`` above its minimum (MINOS; 0.5 is one standard deviation).

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    fit_result
        the free fit of the same data.
    name
        the parameter, by pyhf's or ROOT's name.
    level_up
        the rise of the NLL at the ends; 2 is two standard deviations.
    fixed
        the parameters that were held at a value in that fit, besides those the model holds constant.
    options
        how to minimise.

    Returns
    -------
    low, high
        the ends of the interval as values of the parameter; ``None`` where its range or the domain of the likelihood
        ends first, or where no fit succeeds on the way.

    Raises
    ------
    InputError
        These are no model, data and fit; the parameter was constant in the fit, or the level is not above zero.
    """
    check_model_and_data(model, data)
    if not isinstance(fit_result, FitResult):
        raise InputError(f"expected the fit of the model to the data, not {type(fit_result).__name__}")
    if not (isfinite(level_up) and level_up > 0.0):
        raise InputError(f"the NLL at the ends of an interval is above its minimum, not by {level_up}")
    index = model.parameters.index(name)
    if fit_result.fixed[index]:
        raise InputError(f"{name!r} was constant in the fit and has no profile interval")
    profile = _Profile(model, data, fit_result, index, fixed or {}, replace(options, raise_on_failure=False))
    return profile.end(-1.0, level_up), profile.end(1.0, level_up)


class _Profile:
    """The profiled NLL above its minimum along one parameter."""

    def __init__(
        self, model: Model, data: Data, best: FitResult, index: int, fixed: Mapping[str, float], options: FitOptions
    ) -> None:
        self.model, self.data, self.best, self.index, self.options = model, data, best, index, options
        self.fixed = fixed
        self.name = model.parameters.names[index]

    def rise(self, x: float, start: Floats) -> tuple[float, Floats]:
        """How far the profiled NLL lies above the minimum, infinite where no fit succeeds; and the fitted point."""
        found = fit(self.model, self.data, fixed={**self.fixed, self.name: x}, start=start, options=self.options)
        good = found.status in AT_A_MINIMUM
        return (found.excess_nll - self.best.excess_nll if good else float("inf")), found.values

    def end(self, direction: float, level_up: float) -> float | None:
        """The end of the interval on one side."""
        from scipy.optimize import brentq

        centre = float(self.best.values[self.index])
        bound = float(self.model.parameters.bounds[self.index, 0 if direction < 0.0 else 1])
        way = self.best.reach(self.name, level_up)
        step = way if isfinite(way) and way > 0.0 else 0.1
        inside, point, below = 0.0, self.best.values, 0.0
        value, distance = 0.0, 0.0
        for _ in range(_MOST_STEPS):
            distance = min(inside + step, abs(bound - centre))
            if distance <= inside:
                return None
            value, fitted = self.rise(centre + direction * distance, point)
            if value >= level_up and isfinite(value):
                break
            if not isfinite(value):  # beyond the domain, or too far for the start: a shorter step
                step = 0.5 * min(step, distance - inside)
                if step < 1e-6 * max(inside, way if isfinite(way) else 1.0):
                    return None
                continue
            inside, point, below, step = distance, fitted, value, max(step, (_GROWTH - 1.0) * distance)
        else:
            return None
        known = {inside: below, distance: value}  # from another start the fit at an end may find something else

        def excess(d: float) -> float:
            rise = known[d] if d in known else self.rise(centre + direction * d, point)[0]
            return min(rise, 1e3 * level_up) - level_up

        root = brentq(excess, inside, distance, xtol=_PRECISION * distance, rtol=_PRECISION)
        return centre + direction * float(root)
