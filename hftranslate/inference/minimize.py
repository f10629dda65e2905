"""One signature for three minimisers: our bounded Newton, iminuit and scipy, all given exact derivatives.

What they find is judged in the same way: where one of them reaches no minimum, the others are asked, and all of them
look for a lower one (:mod:`hftranslate.inference.second_minima`).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.inference.descent import descend, into_domain, on_a_kink
from hftranslate.inference.low_rank import Hessian
from hftranslate.inference.newton import End, MinimizerName
from hftranslate.inference.packages import lbfgsb, migrad
from hftranslate.inference.problem import Problem
from hftranslate.inference.second_minima import View, search, views
from hftranslate.inference.together import Ends, Fits
from hftranslate.inference.valleys import fit_many, worth_it
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.sizes import unwarned

_log = logging.getLogger("hftranslate.fit")
#: What users have to know of fits that ended well otherwise.
_doubts = logging.getLogger("hftranslate.doubts")
_doubts.addHandler(logging.NullHandler())

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
OtherMinima = Literal[True, False, "quick"]
Status = Literal["converged", "kink", "unsure", "iterations", "stuck", "outside_domain"]

#: A dense Hessian of more free parameters takes gigabytes, and each step of a fit minutes.
MAX_FREE = 10_000
#: What each status means and what helps: the sentence and the remedy that users read.
STATUS: dict[Status, str] = {
    "converged": "the minimum was found",
    "kink": (
        "the minimum lies on a kink or at the edge of the likelihood, where a sample's bin is clipped at zero, an "
        "interpolation code bends or a bin without observed events reaches zero; uncertainties from second "
        "derivatives mean little there (use profile scans)"
    ),
    "unsure": (
        "a minimum was found, but the likelihood has several, and the search for the lowest one was not conclusive: a "
        "lower one may exist (start elsewhere, or take another minimizer, and compare)"
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
        look for a lower minimum: ``True``, ``"quick"`` (with at most one cloud of few points, and without saying that
        it is not sure: what toys do) or ``False``.
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
    other_minima: OtherMinima = True
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
_NEWTON_STEPS, _MIGRAD_CALLS, _MIGRAD_ROUNDS = 200, 10_000, 10
#: Who is asked, in this order, where a minimiser reached no minimum: the slowest one last.
_IN_TURN: tuple[MinimizerName, ...] = ("newton", "scipy", "minuit")
_ROUGH_STEPS, _ROUGH_TOLERANCE = 50, 1e-3
#: L-BFGS-B and MIGRAD, which may go on for very long where nothing is smooth, or numbers are too large for progress to
#: show, have so many calls of the likelihood each to step in.
_RESCUE_CALLS = 5000
#: So many fits of a search, at most, are tried by other minimisers where ours is stuck.
_RESCUES = 2
#: Two values of the NLL that differ by less are the same minimum.
_SAME = 1e-6

DEFAULT_OPTIONS = FitOptions()


#: Statuses of a fit that reached a minimum.
AT_A_MINIMUM: tuple[Status, ...] = ("converged", "kink", "unsure")
#: How the ends of minimisations are called in results.
_STATUS_OF: dict[str, Status] = {
    "converged": "converged",
    "kink": "kink",
    "iterations": "iterations",
    "stuck": "stuck",
    "outside": "outside_domain",
}


@dataclass(frozen=True, slots=True)
class Reached:
    """What a minimiser was given, and where it ended: the place from where to look for other minima.

    ``below`` is a lower place where it got stuck before another minimiser reached a minimum.
    """

    problem: Problem
    end: End
    below: End | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """A minimum over some of the parameters: the whole vector, the excess NLL, the EDM, how it ended, and who found it.

    ``asked`` is whom the fit asked first; ``sure`` says whether the search for a lower one was conclusive. ``hessian``
    is that of the free parameters at or near the minimum, if it is known, and ``reached`` where the minimiser ended.
    """

    theta: Floats
    excess_nll: float
    edm: float
    status: Status
    iterations: int
    minimizer: MinimizerName
    asked: MinimizerName
    sure: bool = True
    hessian: Hessian | None = None
    reached: Reached | None = None

    @property
    def message(self) -> str:
        """What the status means and what helps."""
        if self.status == "iterations" and self.minimizer != self.asked:
            return (
                f"{self.asked} reached no minimum, nor did the others; {self.minimizer}, which came lowest, used up "
                "the steps that it has for stepping in; start elsewhere, or ask it first and give it more "
                f"(--minimizer {self.minimizer} --optconf maxiter=N)"
            )
        doubt = "" if self.sure or self.status == "unsure" else f"; {STATUS['unsure']}"
        return STATUS[self.status] + doubt


def minimize(model: Model, data: Data, start: Floats, free: Booleans, bounds: Floats, options: FitOptions) -> Minimum:
    """Minimise the NLL over the ``free`` parameters within ``bounds (n_parameters, 2)``, from ``start``.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    start
        where to begin, ``(n_parameters,)``; parameters that are not free stay there.
    free
        which parameters move, ``(n_parameters,)``.
    bounds
        their ranges, ``(n_parameters, 2)``.
    options
        which minimiser, and when to stop.

    Returns
    -------
    Minimum
        the point, the NLL above that of the saturated model, and how it ended.

    Raises
    ------
    Unsupported
        The minimiser has no such option.
    """
    index = np.flatnonzero(free)
    if index.size > MAX_FREE:
        raise Unsupported(f"{index.size} free parameters cannot be fitted; at most {MAX_FREE}: the Hessian is dense")
    theta = np.where(free, np.clip(start, bounds[:, 0], bounds[:, 1]), start)
    if index.size == 0:
        value = model.excess_nll(theta, data)
        status: Status = "converged" if np.isfinite(value) else "outside_domain"
        own = options.minimizer
        return Minimum(
            theta=theta, excess_nll=value, edm=0.0, status=status, iterations=0, minimizer=own, asked=own
        )  # fmt: skip
    problem = Problem(model=model, data=data, theta=theta, index=index, bounds=bounds[index])
    reached = _reached(problem, options)
    found = _minimum(reached, reached.end, options)
    if options.other_minima is not False:
        return next(search_from([found], options))
    _tell(found)
    return found


def search_from(minima: Sequence[Minimum], options: FitOptions) -> Iterator[Minimum]:
    """The lowest minima near those of some fits of one model that did not search; the same ones where nothing is lower.

    They are looked at together, and a search begins when its minimum is asked for.

    Parameters
    ----------
    minima
        where fits ended that were told not to look for other minima.
    options
        how to search.

    Returns
    -------
    iterator
        one minimum for each.
    """
    doubted = {
        i: m.reached for i, m in enumerate(minima) if m.reached is not None and _worth_a_look(m.reached, options)
    }
    seen = views([r.problem for r in doubted.values()], [r.end for r in doubted.values()])
    views_of = dict(zip(doubted, seen, strict=True))
    for i, minimum in enumerate(minima):
        if i in doubted and not (views_of[i].is_clear and doubted[i].end.at_a_minimum and doubted[i].below is None):
            minimum = _lowest(doubted[i], views_of[i], options)
        _tell(minimum)
        yield minimum


def _tell(found: Minimum) -> None:
    """Say how a fit ended to who listens."""
    _log.info(
        "%s: %s after %d iterations, NLL %.6g above the saturated model, EDM %.2g",
        *(found.minimizer, found.status, found.iterations, found.excess_nll, found.edm),
    )
    if not found.sure and found.status in AT_A_MINIMUM:
        _doubts.warning("a fit: %s", STATUS["unsure"])


def _worth_a_look(reached: Reached, options: FitOptions) -> bool:
    """Not where nothing is finite, or where users have limited how long a fit may take."""
    limited = reached.end.reason == "iterations" and options.max_iterations is not None
    return isfinite(reached.end.value) and not limited


def _minimum(reached: Reached, end: End, options: FitOptions, sure: bool = True) -> Minimum:
    return Minimum(
        theta=reached.problem.full(end.x),
        excess_nll=end.value,
        edm=end.edm,
        status="unsure" if end.reason == "converged" and not sure else _STATUS_OF[end.reason],
        iterations=end.iterations,
        minimizer=end.by,
        asked=options.minimizer,
        sure=sure,
        hessian=end.hessian,
        reached=reached,
    )


def minimize_many(model: Model, fits: Fits, options: FitOptions) -> list[Minimum]:
    """:func:`minimize` of many data sets at once; those that do not converge so are fitted one by one.

    Whatever is at once or alone: the NLL of the minima is the same to far below the tolerance.
    """
    together = options.minimizer == "newton" and options.max_iterations is None and len(fits) > 0
    ends, search = None, options.other_minima is not False
    if together and worth_it(model, fits):
        ends = fit_many(model, fits, tolerance=options.tolerance, search=search)
    return [_one_of(model, fits, i, ends, options) for i in range(len(fits))]


def _one_of(model: Model, fits: Fits, i: int, ends: Ends | None, options: FitOptions) -> Minimum:
    """The minimum of one of many fits, which had ``ends`` at once: from there goes the search that they left open."""
    if ends is None or not isfinite(ends.values[i]):
        data = model.data(fits.observed[i], fits.auxdata[i])
        return minimize(model, data, fits.starts[i], fits.free_in(i), fits.bounds, options)
    value, edm, iterations = float(ends.values[i]), float(ends.edm[i]), int(ends.iterations[i])
    status: Status = "kink" if ends.emptied[i] else "converged"
    if ends.converged[i]:
        return Minimum(
            theta=ends.thetas[i], excess_nll=value, edm=edm, status=status, iterations=iterations, minimizer="newton",
            asked="newton",
        )  # fmt: skip
    index = np.flatnonzero(fits.free_in(i))
    problem = Problem(
        model=model, data=model.data(fits.observed[i], fits.auxdata[i]), theta=ends.thetas[i], index=index,
        bounds=fits.bounds[index],
    )  # fmt: skip
    end = End(x=problem.start, value=value, edm=edm, hessian=None, iterations=iterations, reason=status)
    return next(search_from([_minimum(Reached(problem, end), end, options)], options))


@unwarned  # a step may lead to where nothing is finite
def _reached(problem: Problem, options: FitOptions) -> Reached:
    """What the minimiser reaches, and the problem with the start from where: inside the domain if that can be found."""
    end = _run(problem, options)
    if end.reason == "outside":
        inside = into_domain(problem)
        if inside is None:
            return Reached(problem, end)
        problem = replace(problem, theta=problem.full(inside))
        end = _run(problem, options)
    found = _by_others(problem, end, options)
    return Reached(problem, found, below=end if end.value < found.value else None)


def _by_others(problem: Problem, end: End, options: FitOptions) -> End:
    """Where a minimiser reached no minimum, and nobody limited its iterations: what another one reaches."""
    if options.max_iterations is None and not end.at_a_minimum:
        limited = replace(
            options, max_iterations=_RESCUE_CALLS, solver_options=(*options.solver_options, ("maxfun", _RESCUE_CALLS))
        )
        for name in _IN_TURN:
            if name != end.by and not end.at_a_minimum:
                other = _run(problem, replace(options if name == "newton" else limited, minimizer=name))
                better = other.at_a_minimum or other.value < end.value
                end = replace(other if better else end, iterations=end.iterations + other.iterations)
    return end


@unwarned
def _lowest(reached: Reached, view: View, options: FitOptions) -> Minimum:
    """The lowest minimum that is found, of which the minimiser of the fit has the last word."""
    problem, first = reached.problem, reached.end
    steps = options.max_iterations or _NEWTON_STEPS
    rescues = iter(range(_RESCUES))

    def fit(x: Floats, known: Sequence[End]) -> End:
        if known:
            rough = min(steps, _ROUGH_STEPS)
            return descend(problem, x, tolerance=_ROUGH_TOLERANCE, max_iterations=rough, known=known)
        end = descend(problem, x, tolerance=options.tolerance, max_iterations=steps)
        if end.at_a_minimum or next(rescues, None) is None:
            return end
        return _by_others(replace(problem, theta=problem.full(end.x)), end, options)

    quick = options.other_minima == "quick"
    if reached.below is not None:
        view = replace(view, starts=[reached.below.x, *view.starts])
    found = search(problem, first, fit, view=view, quick=quick)
    end, iterations = found.lowest, found.iterations
    if end is not first and options.minimizer != end.by:
        own = _run(replace(problem, theta=problem.full(end.x)), options)
        iterations += own.iterations
        if own.at_a_minimum and own.value < end.value + _SAME:
            end = own
    return _minimum(reached, replace(end, iterations=iterations), options, found.sure)


def _run(problem: Problem, options: FitOptions) -> End:
    start, tolerance, limit = problem.start, options.tolerance, options.max_iterations
    match options.minimizer:
        case "newton":
            return descend(problem, start, tolerance=tolerance, max_iterations=limit or _NEWTON_STEPS)
        case "minuit":
            calls, rounds = (limit, 1) if limit else (_MIGRAD_CALLS, _MIGRAD_ROUNDS)
            strategy = options.strategy
            end = migrad(problem, start, tolerance=tolerance, calls=calls, rounds=rounds, strategy=strategy)
        case "scipy":
            settings = SOLVER_OPTIONS | dict(options.solver_options)
            end = lbfgsb(problem, start, tolerance=tolerance, max_iterations=limit, settings=settings)
        case _ as unreachable:
            assert_never(unreachable)
    return on_a_kink(problem, end, tolerance=tolerance) if end.reason != "outside" else end
