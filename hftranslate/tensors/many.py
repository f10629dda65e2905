"""Fits of many data sets at once by JAX, on whatever device it computes.

A damped Newton method with the exact Hessian within bounds, as :mod:`hftranslate.inference.newton` has it, in the terms
of a program for a device: all fits take the steps of the one that takes most, and nothing here looks for kinks, edges
or second minima. What did not converge is for the engine (:func:`hftranslate.inference.fit`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hftranslate.errors import InputError
from hftranslate.likelihood.restricted import restricted
from hftranslate.tensors.namespaces import Array

if TYPE_CHECKING:
    from hftranslate.tensors.likelihood import TensorLikelihood

#: The expected distance to the minimum, in units of the NLL, at which to stop, and steps to give up after.
_TOLERANCE, _STEPS = 1e-8, 60
#: The first damping, in units of the curvatures; how it grows where a step leads up and shrinks where it leads down;
#: and below what there is none.
_DAMPING, _GROWTH, _SHRINKAGE, _NONE = 1e-2, 8.0, 0.1, 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ManyFits:
    """Where many fits ended.

    Attributes
    ----------
    thetas
        all parameters, ``(n_fits, n_parameters)``.
    excess_nll
        the NLL above that of the saturated model, ``(n_fits,)``.
    converged
        whether each reached a minimum, ``(n_fits,)``.
    """

    thetas: Array
    excess_nll: Array
    converged: Array


def fit_many(
    likelihood: "TensorLikelihood",
    observed: ArrayLike,
    auxdata: ArrayLike,
    *,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    at_once: int = 1000,
) -> ManyFits:
    """Fit many data sets of one model.

    Parameters
    ----------
    likelihood
        of JAX (:func:`~hftranslate.tensors.likelihood.to_jax`).
    observed, auxdata
        events ``(n_fits, n_bins)`` and global observables ``(n_fits, n_aux)``.
    fixed, bounds
        parameters to hold at a value, and ranges to use in place of the model's, by name.
    at_once
        how many fits advance together: a bound on memory.

    Returns
    -------
    ManyFits
        parameters, ``-2 ln L`` and status of each fit.

    Raises
    ------
    InputError
        The likelihood is not of JAX.
    """
    return fitter(likelihood, fixed=fixed, bounds=bounds, at_once=at_once)(observed, auxdata)


def fitter(
    likelihood: "TensorLikelihood",
    *,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    at_once: int = 1000,
) -> Callable[[ArrayLike, ArrayLike], ManyFits]:
    """:func:`fit_many` as a function of the data, which is compiled once for data of one shape."""
    if likelihood.formulas.library.name != "jax":
        raise InputError("many fits at once need the likelihood of JAX, hftranslate.to_jax(model)")
    import jax

    xp, p = likelihood.formulas.library.xp, restricted(likelihood.model, fixed, bounds).parameters
    index = np.flatnonzero(~p.fixed)
    low, high = p.bounds[index].T
    one = np.eye(len(index), dtype=np.bool_)

    def fitted(data: Mapping[str, Array]) -> tuple[Array, ...]:
        def full(x: Array) -> Array:
            return xp.asarray(p.init).at[index].set(x)

        def value(x: Array) -> Array:
            return likelihood.excess_nll(full(x), likelihood.templates, data)

        def quadratic(x: Array) -> tuple[Array, ...]:
            """Gradient and Hessian without the parameters that are pushed against a bound."""
            slope, bend = jax.grad(value)(x), jax.hessian(value)(x)
            held = ((x <= low) & (slope > 0.0)) | ((x >= high) & (slope < 0.0))
            return xp.where(held, 0.0, slope), xp.where(held[:, None] | held, one, bend)

        def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
            x, here, slope, bend, damping, _, n = state
            curvature = xp.abs(xp.diagonal(bend))
            way = xp.linalg.solve(bend + one * (damping * curvature + xp.where(curvature > 0.0, 0.0, 1.0)), -slope)
            trial = xp.clip(x + way, low, high)
            there = value(trial)
            better = there <= here + 1e-3 * _TOLERANCE  # rounding
            edm = xp.where(damping == 0.0, -0.5 * slope @ way, xp.inf)
            done = better & (edm >= 0.0) & (edm <= _TOLERANCE)
            smaller = xp.where(damping < _NONE, 0.0, damping * _SHRINKAGE)
            damping = xp.where(better, smaller, xp.maximum(damping * _GROWTH, _DAMPING))
            x = xp.where(better, trial, x)
            return x, xp.where(better, there, here), *quadratic(x), damping, done, n + 1

        start = xp.clip(xp.asarray(p.init[index]), low, high)
        first = (start, value(start), *quadratic(start), xp.asarray(0.0), xp.asarray(False), 0)
        last = jax.lax.while_loop(lambda s: ~s[5] & (s[6] < _STEPS), step, first)
        return full(last[0]), last[1], last[5]

    run = jax.jit(lambda sets: jax.lax.map(fitted, sets, batch_size=at_once))

    def fit_all(observed: ArrayLike, auxdata: ArrayLike) -> ManyFits:
        thetas, values, converged = run({"observed": xp.asarray(observed), "auxdata": xp.asarray(auxdata)})
        return ManyFits(thetas=thetas, excess_nll=values, converged=converged)

    return fit_all
