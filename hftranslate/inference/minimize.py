"""One signature for three minimisers: our bounded Newton, iminuit and scipy, all given exact derivatives."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.inference.newton import NewtonResult, newton
from hftranslate.inference.second_minima import other_starts
from hftranslate.likelihood.model import Data, Model

_log = logging.getLogger("hftranslate.fit")

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
MinimizerName = Literal["newton", "minuit", "scipy"]
Status = Literal["converged", "kink", "iterations", "stuck", "outside_domain"]

#: A dense Hessian of more free parameters takes gigabytes, and each step of a fit minutes.
MAX_FREE = 10_000
#: A fit that takes more Newton steps than this went through a difficult place, where it may have gone the wrong way.
_SUSPICIOUS = 25
#: NLL above the saturated model, per bin, from which the data are described very badly.
_BAD = 10.0
#: Events within which a cell counts as standing at the clip: what is left of the smoothing that leads there.
_AT_THE_CLIP = 1e-5
#: Expectation of a bin without observed events below which a fit may be on its way to the edge of the domain, or there.
_EMPTY = 1e-2
_AT_THE_EDGE = 1e-6
#: Distance from the kink of an interpolation code within which a fit that got stuck may be on its way there.
_AT_THE_BEND = 1e-3

#: What each status means and what helps: the sentence and the remedy that users read.
STATUS: dict[Status, str] = {
    "converged": "the minimum was found",
    "kink": (
        "the minimum lies on a kink or at the edge of the likelihood, where a sample's bin is clipped at zero, an "
        "interpolation code bends or a bin without observed events reaches zero; uncertainties from second "
        "derivatives mean little there (use profile scans)"
    ),
    "iterations": (
        "the limit of iterations was reached before the minimum; raise it (--optconf maxiter=N, max_iterations in "
        "Python) or start elsewhere"
    ),
    "stuck": (
        "no further decrease was possible although the gradient does not vanish; "
        "try another starting point or minimizer"
    ),
    "outside_domain": (
        "at the starting point a bin with observed events has no or a negative expectation, and no better one is near; "
        "choose other initial values, or look at the model with 'inspect'"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How to minimise; shared by every function that fits.

    Attributes
    ----------
    minimizer
        ``"newton"`` (exact Hessian), ``"minuit"`` (MIGRAD with our gradient) or ``"scipy"`` (L-BFGS-B with
        our gradient, restarted until the EDM is small).
    tolerance
        expected distance to the minimum, in units of the NLL, at which to stop.
    max_iterations
        limit of Newton steps, of all iterations of L-BFGS-B, or of MIGRAD's calls of the likelihood; by default 200,
        2000 between two restarts, and 10 000.
    strategy
        MIGRAD's strategy.
    solver_options
        of SciPy's L-BFGS-B (:data:`SOLVER_OPTIONS`), by name.
    other_minima
        look for a second, lower minimum along the parameters with a very uneven effect (``"newton"`` only).
    raise_on_failure
        raise :class:`~hftranslate.errors.FitFailed` where the minimum was not reached; otherwise the status tells.

    Raises
    ------
    InputError
        There is no such minimizer, or a setting is out of its range.
    """

    minimizer: MinimizerName = "newton"
    tolerance: float = 1e-8
    max_iterations: int | None = None
    strategy: int = 1
    solver_options: tuple[tuple[str, float], ...] = ()
    other_minima: bool = True
    raise_on_failure: bool = True

    def __post_init__(self) -> None:
        """Refuse what no minimiser can do."""
        known = get_args(MinimizerName)
        if self.minimizer not in known:
            raise InputError(f"no minimizer {self.minimizer!r}" + did_you_mean(str(self.minimizer), known))
        if not (isfinite(self.tolerance) and self.tolerance > 0.0):
            raise InputError(f"the tolerance of a fit is above zero, not {self.tolerance}")
        if self.max_iterations is not None and self.max_iterations < 1:
            raise InputError(f"a fit takes one iteration at least, not {self.max_iterations}")
        if self.strategy not in (0, 1, 2):
            raise InputError(f"the strategy of MIGRAD is 0, 1 or 2, not {self.strategy}")
        for name, value in self.solver_options:
            if name not in SOLVER_OPTIONS:
                raise InputError(f"L-BFGS-B has no setting {name!r} here" + did_you_mean(name, SOLVER_OPTIONS))
            if not (isfinite(value) and value > 0.0):
                raise InputError(f"the setting {name!r} of L-BFGS-B is above zero, not {value}")


#: What L-BFGS-B is told, unless the settings of a fit say otherwise; it is restarted until the EDM is small.
SOLVER_OPTIONS: dict[str, float] = {"ftol": 1e-15, "gtol": 1e-9, "maxcor": 30, "maxfun": 15_000, "maxls": 20}
_NEWTON_STEPS, _LBFGSB_ITERATIONS, _MIGRAD_CALLS = 200, 2000, 10_000

DEFAULT_OPTIONS = FitOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """A minimum over some of the parameters: the whole vector, the excess NLL, the EDM and how it ended."""

    theta: Floats
    excess_nll: float
    edm: float
    status: Status
    iterations: int


def minimize(model: Model, data: Data, start: Floats, free: Booleans, bounds: Floats, options: FitOptions) -> Minimum:
    """Minimise the NLL over the ``free`` parameters within ``bounds (n_parameters, 2)``, from ``start``."""
    index = np.flatnonzero(free)
    if index.size > MAX_FREE:
        raise Unsupported(f"{index.size} free parameters cannot be fitted; at most {MAX_FREE}: the Hessian is dense")
    theta = np.where(free, np.clip(start, bounds[:, 0], bounds[:, 1]), start)
    if index.size == 0:
        value = model.excess_nll(theta, data)
        status: Status = "converged" if np.isfinite(value) else "outside_domain"
        return Minimum(theta=theta, excess_nll=value, edm=0.0, status=status, iterations=0)
    problem = _Problem(model=model, data=data, theta=theta, index=index, bounds=bounds[index])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step may lead to where nothing is finite
        found = _run(problem, options)
        if found.status == "outside_domain":
            inside = _into_domain(problem)
            if inside is not None:
                found = _run(replace(problem, theta=problem.full(inside)), options)
    _log.info(
        "%s: %s after %d iterations, NLL %.6g above the saturated model, EDM %.2g",
        *(options.minimizer, found.status, found.iterations, found.excess_nll, found.edm),
    )
    return found


def _run(problem: "_Problem", options: FitOptions) -> Minimum:
    match options.minimizer:
        case "newton":
            return _newton(problem, options)
        case "minuit":
            return _minuit(problem, options)
        case "scipy":
            return _scipy(problem, options)
        case _ as unreachable:
            assert_never(unreachable)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """The likelihood as a function of its free parameters only."""

    model: Model
    data: Data
    theta: Floats
    index: NDArray[np.int64]
    bounds: Floats

    def full(self, x: Floats) -> Floats:
        theta = self.theta.copy()
        theta[self.index] = x
        return theta

    def value(self, x: Floats) -> float:
        return self.model.excess_nll(self.full(x), self.data)

    def gradient(self, x: Floats) -> Floats:
        return self.model.excess_and_gradient(self.full(x), self.data)[1][self.index]

    def value_and_gradient(self, x: Floats) -> tuple[float, Floats]:
        value, gradient = self.model.excess_and_gradient(self.full(x), self.data)
        return value, gradient[self.index]

    def expand(self, x: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, hessian = self.model.expansion(self.full(x), self.data)
        if len(self.index) < len(gradient):
            gradient, hessian = gradient[self.index], hessian[np.ix_(self.index, self.index)]
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            value = np.inf  # derivatives beyond the range of numbers: no step leads from there
        return value, gradient, hessian

    def convex(self, x: Floats) -> Floats:
        return self.model.convex_hessian(self.full(x), self.data)[np.ix_(self.index, self.index)]

    def edm(self, x: Floats) -> float:
        """``g^T H^-1 g / 2`` over the parameters that no bound holds."""
        value, g, hessian = self.expand(x)
        if not np.isfinite(value):
            return np.inf
        held = ((x <= self.bounds[:, 0]) & (g > 0.0)) | ((x >= self.bounds[:, 1]) & (g < 0.0))
        i = np.flatnonzero(~held)
        curvature = np.abs(np.diagonal(hessian))[i]  # in these units no parameter is lost beside a large one
        unit = 1.0 / np.sqrt(np.where(curvature > 0.0, curvature, 1.0))
        step = np.linalg.lstsq(hessian[np.ix_(i, i)] * unit[:, None] * unit, g[i] * unit, rcond=None)[0]
        return 0.5 * abs(float(g[i] * unit @ step))

    def minimum(self, x: Floats, value: float, status: Status, edm: float, iterations: int) -> Minimum:
        return Minimum(theta=self.full(x), excess_nll=value, edm=edm, status=status, iterations=iterations)


def _newton(problem: _Problem, options: FitOptions) -> Minimum:
    result = _run_newton(problem, problem.theta[problem.index], options)
    iterations = result.iterations
    for another in (_from_other_valleys, _at_the_bends, _by_another_way, _through_smooth_clips, _along_the_edge):
        if result.reason == "stuck" and _bent(problem, result.x).any():
            break
        for other in another(problem, result, options):
            iterations += other.iterations
            if other.value < result.value or (other.value == result.value and other.reason == "converged"):
                result = other
    status: Status
    match result.reason:
        case "converged":
            status = "converged"
        case "outside":
            status = "outside_domain"
        case "iterations":
            status = "iterations"
        case _:
            status = "kink" if _on_a_kink(problem, result.x) else "stuck"
    return problem.minimum(result.x, result.value, status, result.edm, iterations)


def _from_other_valleys(problem: _Problem, found: NewtonResult, options: FitOptions) -> Iterator[NewtonResult]:
    """Fits from where a profile through the minimum shows a second valley."""
    if found.reason != "converged" or found.hessian is None or not options.other_minima:
        return
    point = problem.full(found.x)
    for start in other_starts(problem.model, problem.data, point, found.hessian, problem.index, problem.bounds):
        other = _run_newton(problem, start[problem.index], options)
        if other.reason == "converged":
            yield other


def _by_another_way(problem: _Problem, found: NewtonResult, options: FitOptions) -> Iterator[NewtonResult]:
    """Newton's method after L-BFGS-B: with several minima a long first way may have led into the wrong one.

    Where the data are described very badly, also from nuisance parameters that are one prior uncertainty away, all of
    them downwards, and alternately.
    """
    badly = found.value > _BAD * len(problem.data.observed)
    if found.reason not in ("converged", "iterations") or not (badly or found.iterations > _SUSPICIOUS):
        return
    rough = _scipy(problem, replace(options, tolerance=1e-3, solver_options=(("maxfun", 2000),)), rounds=2)
    yield _run_newton(problem, rough.theta[problem.index], options)
    if badly:
        width = problem.model.parameters.width[problem.index]
        for sign in (-np.ones(len(width)), np.where(np.arange(len(width)) % 2, 1.0, -1.0)):
            yield _run_newton(problem, problem.theta[problem.index] + sign * width, options)


def _run_newton(problem: _Problem, start: Floats, options: FitOptions) -> NewtonResult:
    return newton(
        problem,
        start,
        problem.bounds[:, 0],
        problem.bounds[:, 1],
        tolerance=options.tolerance,
        max_iterations=options.max_iterations or _NEWTON_STEPS,
    )


def _through_smooth_clips(problem: _Problem, found: NewtonResult, options: FitOptions) -> Iterator[NewtonResult]:
    """Approach a minimum on a kink of the clip at zero by minima of ever less smoothed clips.

    The minimum of the smoothed function differs from the true one by the order of the width, in events.
    """
    if found.reason not in ("stuck", "iterations") or problem.model.cells.clipped is None:
        return
    x, iterations = found.x, 0
    for width in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        cells = replace(problem.model.cells, clip_width=width)
        smooth = replace(problem, model=replace(problem.model, cells=cells))
        result = _run_newton(smooth, x, options)
        x, iterations = result.x, iterations + result.iterations
    last = _run_newton(problem, x, options)
    yield replace(last, iterations=iterations + last.iterations)


def _at_the_bends(problem: _Problem, found: NewtonResult, options: FitOptions) -> Iterator[NewtonResult]:
    """With the parameters held at zero that got stuck near the kink of their interpolation code."""
    if found.reason not in ("stuck", "iterations"):
        return
    near = np.isin(problem.index, problem.model.bends) & (np.abs(found.x) < _AT_THE_BEND)
    if not near.any():
        return
    theta = problem.full(np.where(near, 0.0, found.x))
    rest = replace(problem, theta=theta, index=problem.index[~near], bounds=problem.bounds[~near])
    result = _run_newton(rest, theta[rest.index], options)
    x = rest.full(result.x)[problem.index]
    step = np.where(near, 1e-9, 0.0)
    left, right = problem.gradient(x - step)[near], problem.gradient(x + step)[near]
    if np.all((left <= 0.0) & (right >= 0.0)):
        yield replace(result, x=x, hessian=None, reason="stuck")
    else:  # the minimum is beside the kink after all, where the slopes lead
        x[near] += np.where(right < 0.0, 1e-2, np.where(left > 0.0, -1e-2, 0.0))
        yield _run_newton(problem, x, options)


def _bent(problem: _Problem, x: Floats) -> Booleans:
    """Which parameters stand exactly at the kink of their interpolation code."""
    found: Booleans = np.isin(problem.index, problem.model.bends) & (x == 0.0)
    return found


def _empty_bins(problem: _Problem, x: Floats) -> float:
    """The smallest expectation among the bins without observed events; infinite where there are none."""
    empty = problem.data.observed == 0.0
    return float(problem.model.rates(problem.full(x))[empty].min()) if empty.any() else np.inf


def _along_the_edge(problem: _Problem, found: NewtonResult, options: FitOptions) -> Iterator[NewtonResult]:
    """Approach a minimum at which a bin without observed events has no expectation: the edge of the domain.

    Ever smaller fractions of an event stand for the missing ones, ``nu - n ln nu`` in place of ``nu``, which keeps the
    path inside. The minimum differs from the true one by the order of the last fraction.
    """
    if found.reason not in ("stuck", "iterations") or _empty_bins(problem, found.x) >= _EMPTY:
        return
    x, iterations = problem.theta[problem.index], 0
    observed = problem.data.observed
    for fraction in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
        data = problem.model.data(np.where(observed == 0.0, fraction, observed), problem.data.auxdata)
        result = _run_newton(replace(problem, data=data), x, options)
        x, iterations = result.x, iterations + result.iterations
    yield replace(result, value=problem.value(x), iterations=iterations, reason="stuck")


def _into_domain(problem: _Problem) -> Floats | None:
    """A point inside the domain near a start outside of it; ``None`` where there is none to be found.

    Least squares of what each bin lacks of a tenth of its observed events, with a weak pull towards the start.
    """
    from scipy.optimize import Bounds
    from scipy.optimize import minimize as scipy_minimize

    start = problem.theta[problem.index]
    observed = problem.data.observed
    aim = np.where(observed > 0.0, 0.1 * observed, 1e-3)
    widths = problem.model.parameters.width[problem.index]
    unit = np.where(widths > 0.0, widths, np.maximum(np.abs(start), 0.1))

    def lack(y: Floats) -> tuple[float, Floats]:
        theta = problem.full(start + y * unit)
        missing = np.maximum(aim - problem.model.rates(theta), 0.0)
        slope = -(missing / aim**2) @ problem.model.jacobian(theta)
        return 0.5 * float(np.sum((missing / aim) ** 2)) + 5e-4 * float(y @ y), slope[problem.index] * unit + 1e-3 * y

    low, high = ((b - start) / unit for b in problem.bounds.T)
    result = scipy_minimize(
        lack, np.zeros_like(start), jac=True, method="L-BFGS-B", bounds=Bounds(low, high), options={"maxiter": 500}
    )
    x = np.clip(start + result.x * unit, problem.bounds[:, 0], problem.bounds[:, 1])
    return x if np.isfinite(problem.value(x)) else None


def _on_a_kink(problem: _Problem, x: Floats) -> bool:
    """Whether a cell stands at the clip, an empty bin at zero, or the function rises along every parameter.

    The last although its slope is not zero.
    """
    if np.any(problem.model.distance_to_clip(problem.full(x)) < _AT_THE_CLIP):
        return True
    if _bent(problem, x).any():
        return True
    if _empty_bins(problem, x) < _AT_THE_EDGE:
        return True
    value = problem.value(x)
    for i in range(len(x)):
        low, high = problem.bounds[i]
        size = 1e-6 * max(1.0, abs(x[i]))
        for step in (-size, size):
            moved = x.copy()
            moved[i] = min(max(x[i] + step, low), high)
            if problem.value(moved) < value - 1e-10:
                return False
    return True


def _finite(function: Callable[[Floats], float], ceiling: float) -> Callable[[Floats], float]:
    """Outside the domain a large number instead of infinity, which MIGRAD and scipy cannot digest."""

    def wrapped(x: Floats) -> float:
        value = function(x)
        return value if np.isfinite(value) else ceiling

    return wrapped


def _minuit(problem: _Problem, options: FitOptions) -> Minimum:
    from iminuit import Minuit

    x0 = problem.theta[problem.index]
    start_value = problem.value(x0)
    if not np.isfinite(start_value):
        return problem.minimum(x0, start_value, "outside_domain", np.inf, 0)
    value = _finite(problem.value, start_value + 1e6)

    def gradient(x: Floats) -> Floats:
        g = problem.gradient(x)
        return np.where(np.isfinite(g), g, 0.0)

    m = Minuit(value, x0, grad=gradient)
    m.errordef = Minuit.LIKELIHOOD
    m.limits = [tuple(b) for b in problem.bounds]
    widths = problem.model.parameters.width[problem.index]
    m.errors = np.where(widths > 0.0, widths, np.maximum(0.1 * np.abs(x0), 0.1))
    m.strategy = options.strategy
    m.tol = max(options.tolerance / 0.002 / 0.5, 1e-8)  # Minuit stops at an EDM of 0.002 * tol * errordef
    m.migrad(ncall=options.max_iterations or _MIGRAD_CALLS, iterate=10)
    x = np.clip(np.array(m.values), problem.bounds[:, 0], problem.bounds[:, 1])
    edm = float(m.fmin.edm) if m.fmin is not None else np.inf
    # Minuit's own verdict on its covariance is not ours to repeat: what counts is the distance to the minimum.
    status: Status = "stuck"
    if m.valid or problem.edm(x) < 1e-4:
        status = "converged"
    elif m.fmin is not None and m.fmin.has_reached_call_limit:
        status = "iterations"
    return problem.minimum(x, problem.value(x), status, edm, m.nfcn)


def _scipy(problem: _Problem, options: FitOptions, *, rounds: int = 20) -> Minimum:
    from scipy.optimize import Bounds
    from scipy.optimize import minimize as scipy_minimize

    x0 = problem.theta[problem.index]
    start_value = problem.value(x0)
    if not np.isfinite(start_value):
        return problem.minimum(x0, start_value, "outside_domain", np.inf, 0)

    def value_and_gradient(x: Floats) -> tuple[float, Floats]:
        value, gradient = problem.value_and_gradient(x)
        return (value, gradient) if np.isfinite(value) else (start_value + 1e6, np.zeros_like(gradient))

    # L-BFGS-B in units of the prior uncertainties: unscaled it stops early on parameters of very different sizes.
    widths = problem.model.parameters.width[problem.index]
    unit = np.where(widths > 0.0, widths, np.maximum(np.abs(x0), 0.1))

    def scaled(y: Floats) -> tuple[float, Floats]:
        value, gradient = value_and_gradient(y * unit)
        return value, gradient * unit

    box = Bounds(problem.bounds[:, 0] / unit, problem.bounds[:, 1] / unit)
    settings = SOLVER_OPTIONS | dict(options.solver_options)
    best, iterations = x0 / unit, 0
    for _ in range(rounds):
        left = _LBFGSB_ITERATIONS if options.max_iterations is None else options.max_iterations - iterations
        result = scipy_minimize(
            scaled,
            best,
            jac=True,
            method="L-BFGS-B",
            bounds=box,
            options={
                "maxiter": left,
                "maxfun": int(settings["maxfun"]),
                "maxcor": int(settings["maxcor"]),
                "maxls": int(settings["maxls"]),
                "ftol": settings["ftol"],
                "gtol": settings["gtol"],
            },
        )
        iterations += int(result.nit)
        moved = not np.array_equal(best, result.x)
        best = result.x
        edm = problem.edm(best * unit)
        exhausted = options.max_iterations is not None and iterations >= options.max_iterations
        if edm < options.tolerance or not moved or exhausted:
            break
    x = np.clip(best * unit, problem.bounds[:, 0], problem.bounds[:, 1])
    status: Status = "iterations" if exhausted else "stuck"
    if edm < max(options.tolerance, 1e-4):
        status = "converged"
    return problem.minimum(x, problem.value(x), status, edm, iterations)
