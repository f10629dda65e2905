r"""Fits of many pseudo-experiments (toys) of one model, in a tight loop.

A toy needs two fits, the conditional one at the tested value and the free one. What all toys of one parameter point
share is computed once: the fits of its Asimov data set ``x_0``, and the response of their minima ``theta_0`` to the
data. To first order the minimum of a toy ``x`` lies at

    theta(x) = theta_0 - H_0^-1 M (x - x_0),     H_0 = d2 NLL / d theta2,   M = d2 NLL / d theta d x  at theta_0,

for events and global observables alike. The conditional fits of all toys at once start from there
(:mod:`hftranslate.inference.together`), and the free fit of each goes on from the last point of its conditional one, as
long as each converges; what does not is fitted alone, by the exact Newton method. The NLL of a minimum does not depend
on how many are fitted together to far below the tolerance. Toys that came out equal are fitted once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import InputError
from hftranslate.inference.minimize import AT_A_MINIMUM, FitOptions, Minimum, minimize, minimize_many
from hftranslate.inference.tester import AnyStat, PoiRange, free_range, statistic
from hftranslate.inference.together import Fits
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


#: Toys look for second minima with less effort than data: all of it would cost far more than their fits.
TOY_OPTIONS = FitOptions(other_minima="quick")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Toys:
    """Pseudo-experiments of one parameter point.

    Attributes
    ----------
    truth
        the point ``(n_parameters,)``.
    observed, auxdata
        events ``(n_toys, n_bins)`` and global observables ``(n_toys, n_aux)``.
    """

    truth: Floats
    observed: Floats
    auxdata: Floats

    def __len__(self) -> int:
        return len(self.observed)

    def first(self, n: int) -> "Toys":
        """The first ``n`` of them."""
        return Toys(truth=self.truth, observed=self.observed[:n], auxdata=self.auxdata[:n])

    @classmethod
    def joined(cls, parts: "Sequence[Toys]") -> "Toys":
        """Toys of one point, one after the other."""
        return cls(
            truth=parts[0].truth,
            observed=np.concatenate([part.observed for part in parts]),
            auxdata=np.concatenate([part.auxdata for part in parts]),
        )


@record
class ToyFits:
    """The fits of toys at one tested value of the parameter of interest, one entry per toy.

    Attributes
    ----------
    q
        the test statistic; NaN where one of the two fits failed.
    muhat
        best-fit value of the parameter of interest within the range of the test statistic.
    free_nll, conditional_nll
        NLL above the saturated model at the two minima.
    valid
        whether both fits reached a minimum.
    """

    q: Floats
    muhat: Floats
    free_nll: Floats
    conditional_nll: Floats
    valid: Booleans


def sample_toys(model: Model, truth: Floats, n_toys: int, rng: "np.random.Generator") -> Toys:
    """Draw pseudo-experiments, events and global observables, at a parameter point.

    Parameters
    ----------
    model
        the likelihood.
    truth
        the point that is true in the pseudo-experiments, ``(n_parameters,)``.
    n_toys
        how many.
    rng
        NumPy's generator, which is advanced.

    Returns
    -------
    Toys
        events ``(n_toys, n_bins)`` and global observables ``(n_toys, n_aux)``.

    Raises
    ------
    InputError
        The number of toys is negative, or a bin has a negative expectation at the point.
    """
    if n_toys < 0:
        raise InputError(f"{n_toys} toys cannot be drawn")
    observed, auxdata = model.sample(truth, n_toys, rng)
    return Toys(truth=np.array(truth, dtype=np.float64), observed=observed, auxdata=auxdata)


@unwarned
def fit_toys(
    model: Model,
    toys: Toys,
    poi_test: float,
    *,
    test_stat: AnyStat = "qtilde",
    poi_range: PoiRange = "named",
    options: FitOptions = TOY_OPTIONS,
) -> ToyFits:
    """Fit every toy with the parameter of interest at a value and free, and form the test statistic.

    A conditional fit that ends below the free one shows that the free one was not at its minimum: it is refitted from
    there, as for data. A fit that reaches no minimum is taken up once more from where it ended; one that fails again
    makes its toy invalid and never stops the others.

    Parameters
    ----------
    model
        the likelihood.
    toys
        events and global observables of each pseudo-experiment (:func:`sample_toys`).
    poi_test, test_stat, poi_range
        as in :func:`~hftranslate.inference.hypotest.hypotest`; with ``"q0"`` the tested value is zero.
    options
        how to minimise.

    Returns
    -------
    ToyFits
        of each toy the statistic ``(n_toys,)``, NaN where a fit failed, and both minima.

    Raises
    ------
    InputError
        The value cannot be tested with that statistic, or the parameter of interest is constant.
    """
    p = model.parameters
    poi = p.poi_index
    box = p.bounds.copy()
    box[poi] = free_range(model, poi_test, test_stat, poi_range)
    free = ~p.fixed
    free[poi] = True
    conditional = free.copy()
    conditional[poi] = False
    numbers, where = np.unique(np.hstack([toys.observed, toys.auxdata]), axis=0, return_inverse=True)
    observed, auxdata = np.hsplit(numbers, [toys.observed.shape[1]])

    def starts(mask: Booleans) -> Floats:
        point = toys.truth if mask[poi] else _at(toys.truth, poi, poi_test)
        first = _Starts.of(model, toys.truth, point, mask, box, options)
        return _inside(model, observed, auxdata, mask, box, first.base, first.steps(numbers))

    if box[poi, 0] <= poi_test <= box[poi, 1]:  # both fits of all toys at once
        n, first = len(numbers), starts(conditional)
        both = Fits(
            observed=np.vstack([observed, observed]),
            auxdata=np.vstack([auxdata, auxdata]),
            starts=np.vstack([first, first]),
            free=free,
            bounds=box,
            held=np.vstack([np.tile(free & ~conditional, (n, 1)), np.zeros((n, len(free)), dtype=np.bool_)]),
            after=np.concatenate([np.full(n, -1), np.arange(n)]),
        )
        found = _minima(model, both, options)
        at, best = found[:n], found[n:]
    else:
        at, best = (
            _minima(model, Fits(observed=observed, auxdata=auxdata, starts=starts(m), free=m, bounds=box), options)
            for m in (conditional, free)
        )
    for i, (one, other) in enumerate(zip(at, best, strict=True)):
        if one.excess_nll < other.excess_nll - options.tolerance:
            best[i] = _minimum(model, model.data(observed[i], auxdata[i]), one.theta, free, box, options)
    columns = np.full((5, len(numbers)), np.nan)
    for i, (one, other) in enumerate(zip(at, best, strict=True)):
        valid = all(m.status in AT_A_MINIMUM for m in (one, other))
        q = statistic(test_stat, poi_test, float(other.theta[poi]), one.excess_nll - other.excess_nll)
        columns[:, i] = q if valid else np.nan, other.theta[poi], other.excess_nll, one.excess_nll, valid
    columns = columns[:, where.reshape(-1)]
    return ToyFits(
        q=columns[0], muhat=columns[1], free_nll=columns[2], conditional_nll=columns[3], valid=columns[4] > 0.0
    )


def _at(theta: Floats, index: int, value: float) -> Floats:
    moved = theta.copy()
    moved[index] = value
    return moved


@record
class _Starts:
    """Where minima lie to first order: ``base`` for the ``expected`` data, and the response to other data.

    ``matrix`` is ``(n_parameters, n_bins + n_aux)``.
    """

    base: Floats
    matrix: Floats
    expected: Floats

    @classmethod
    def of(
        cls, model: Model, truth: Floats, start: Floats, free: Booleans, box: Floats, options: FitOptions
    ) -> "_Starts":
        """From the fit of the Asimov data of a point, from a start that holds the values of what is not free."""
        asimov = model.expected_data(truth)
        base = minimize(model, asimov, start, free, box, options).theta
        rates = model.rates(base)
        by_bins = -model.jacobian(base).T * np.where(rates > 0.0, 1.0 / np.where(rates > 0.0, rates, 1.0), 0.0)
        response = np.hstack([by_bins, model.constraints.response(base, model.n_aux)])
        index = np.flatnonzero(free)
        matrix = np.zeros_like(response)
        hessian = model.hessian(base, asimov)[np.ix_(index, index)]
        curvature = np.abs(np.diagonal(hessian))  # in units of which parameters of all sizes count
        unit = 1.0 / np.sqrt(np.where(curvature > 0.0, curvature, 1.0))[:, None]
        scaled = hessian * unit * unit.T
        if np.isfinite(scaled).all():
            matrix[index] = -unit * (np.linalg.pinv(scaled, hermitian=True) @ (unit * response[index]))
        return cls(base=base, matrix=matrix, expected=np.concatenate([asimov.observed, asimov.auxdata]))

    def steps(self, numbers: Floats) -> Floats:
        """From ``base`` to the minima for data sets ``(n_toys, n_bins + n_aux)``, ``(n_toys, n_parameters)``."""
        steps: Floats = (numbers - self.expected) @ self.matrix.T
        return steps


def _minima(model: Model, fits: Fits, options: FitOptions) -> list[Minimum]:
    """The fits, those that reach no minimum taken up once more from where they ended: kinks take many steps."""
    return [
        found if found.status in AT_A_MINIMUM else _again(model, fits, i, found.theta, options)
        for i, found in enumerate(minimize_many(model, fits, options))
    ]


def _again(model: Model, fits: Fits, i: int, start: Floats, options: FitOptions) -> Minimum:
    data = model.data(fits.observed[i], fits.auxdata[i])
    return minimize(model, data, start, fits.free_in(i), fits.bounds, options)


def _minimum(model: Model, data: Data, start: Floats, free: Booleans, box: Floats, options: FitOptions) -> Minimum:
    """The fit, taken up once more from where it ended if that is no minimum: kinks take many steps."""
    found = minimize(model, data, start, free, box, options)
    return found if found.status in AT_A_MINIMUM else minimize(model, data, found.theta, free, box, options)


def _inside(
    model: Model, observed: Floats, auxdata: Floats, free: Booleans, box: Floats, base: Floats, step: Floats
) -> Floats:
    """Starts ``(n_toys, n_parameters)`` within the ranges, as far along the steps as the NLL is below that at base."""
    theta, high = np.tile(base, (len(step), 1)), np.arange(len(step))
    if not len(step):
        return theta
    at_base = model.excess_of_rates(theta, np.broadcast_to(model.rates(base), observed.shape), observed, auxdata)
    for part in (1.0, 0.5, 0.25, 0.125):
        if not len(high):
            break
        moved = base + part * step[high]
        moved = np.where(free, np.clip(moved, box[:, 0], box[:, 1]), moved)
        lower = model.excess_of_pairs(moved, observed[high], auxdata[high]) < at_base[high]
        theta[high[lower]] = moved[lower]
        high = high[~lower]
    return theta
