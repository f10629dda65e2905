"""Fits of many data sets at once by JAX, on whatever device it computes.

A damped method of scoring within bounds, in the terms of a program for a device. The curvature is the expected one,
``J^T diag(1 / nu) J`` with ``J = d nu / d theta``, and that of the constraint terms: many times cheaper than the exact
one. Some of the fits advance together; where one ends, the next data set takes its place. Nothing here looks for kinks,
edges or second minima. What did not converge is for the engine (:func:`hftranslate.inference.fit`).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hftranslate.errors import InputError
from hftranslate.likelihood.restricted import restricted
from hftranslate.records import record
from hftranslate.tensors.namespaces import Array

if TYPE_CHECKING:
    from hftranslate.tensors.likelihood import TensorLikelihood

#: The expected distance to the minimum, in units of the NLL, at which to stop, and steps to give up after.
_TOLERANCE, _STEPS = 1e-8, 200
#: The part of all fits that advances together: the last ones leave few places empty.
_TOGETHER = 1 / 16
#: The first damping, in units of the curvatures; how it grows where a step leads up and shrinks where it leads down,
#: slowly, since what makes up for the expected curvature being too small does so at the next step, too; and below what
#: there is none.
_DAMPING, _GROWTH, _SHRINKAGE, _NONE = 0.1, 3.0, 0.9, 3e-2
#: What a curvature that is zero but for rounding is raised by, in units of the curvatures.
_RIDGE = 1e-14


@record
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
        at most so many fits advance together: a bound on memory.

    Returns
    -------
    ManyFits
        parameters, NLL and status of each fit.

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
    start = np.clip(p.init[index], low, high)

    def full(x: Array) -> Array:
        return xp.asarray(p.init).at[index].set(x)

    advanced = _stepper(likelihood, full, low, high)

    def run(sets: Mapping[str, Array]) -> tuple[Array, ...]:
        n = len(sets["observed"])
        together = max(1, min(at_once, round(n * _TOGETHER)))

        def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
            which, following, x, damping, steps, (thetas, values, converged) = state
            x, damping, value, done = jax.vmap(advanced)(x, damping, {k: v[which] for k, v in sets.items()})
            made = (thetas.at[which].set(x), values.at[which].set(value), converged.at[which].set(done))
            ended = done | (steps + 1 >= _STEPS)
            which = xp.where(ended, following + xp.cumsum(ended) - 1, which)  # n and above: none is left
            x, damping = xp.where(ended[:, None], start, x), xp.where(ended, 0.0, damping)
            return which, following + xp.sum(ended), x, damping, xp.where(ended, 0, steps + 1), made

        none = (xp.zeros((n, len(index))), xp.zeros(n), xp.zeros(n, dtype=bool))
        at_first = (np.arange(together), together, np.tile(start, (together, 1)), np.zeros(together))
        first = (*map(xp.asarray, at_first), xp.zeros(together, dtype=int), none)
        thetas, values, converged = jax.lax.while_loop(lambda s: xp.any(s[0] < n), step, first)[-1]
        return jax.vmap(full)(thetas), values, converged

    compiled = jax.jit(run)

    def fit_all(observed: ArrayLike, auxdata: ArrayLike) -> ManyFits:
        thetas, values, converged = compiled({"observed": xp.asarray(observed), "auxdata": xp.asarray(auxdata)})
        return ManyFits(thetas=thetas, excess_nll=values, converged=converged)

    return fit_all


def _stepper(
    likelihood: "TensorLikelihood", full: Callable[[Array], Array], low: Array, high: Array
) -> Callable[..., tuple[Array, ...]]:
    """One step of a fit of free parameters within bounds; ``full`` has them all."""
    import jax

    xp, templates, one = likelihood.formulas.library.xp, likelihood.templates, np.eye(len(low))
    jacobian = jax.jacrev if likelihood.model.cells.n_bins < len(low) else jax.jacfwd

    def advanced(x: Array, damping: Array, data: Mapping[str, Array]) -> tuple[Array, ...]:
        """A point further on, its damping and NLL, and whether it is the minimum."""

        def value(x: Array) -> Array:
            return likelihood.excess_nll(full(x), templates, data)

        def rates(x: Array) -> tuple[Array, Array]:
            nu = likelihood.rates(full(x), templates)
            return nu, nu

        def constraints(x: Array) -> Array:
            return likelihood.formulas.constraints(full(x), templates, data)

        here, slope = jax.value_and_grad(value)(x)
        moved, nu = jacobian(rates, has_aux=True)(x)
        # each constraint term has one parameter: along all of them at once there is the diagonal
        bent = jax.jvp(jax.grad(constraints), (x,), (xp.ones_like(x),))[1]
        weighted = xp.where(nu > 0.0, 1.0 / xp.where(nu > 0.0, nu, 1.0), 0.0)[:, None] * moved
        bend = moved.T @ weighted + one * xp.where(bent > 0.0, bent, 0.0)
        held = ((x <= low) & (slope > 0.0)) | ((x >= high) & (slope < 0.0))
        slope, bend = xp.where(held, 0.0, slope), xp.where(held[:, None] | held, one, bend)
        curvature = xp.diagonal(bend)
        stiff = bend + one * ((damping + _RIDGE) * curvature + xp.where(curvature > 0.0, 0.0, 1.0))
        way = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(stiff), -slope)
        trial = xp.clip(x + way, low, high)
        there = value(trial)
        better = there <= here + 0.1 * _TOLERANCE  # rounding
        edm = -0.5 * (1.0 + damping) * slope @ way
        smaller = xp.where(damping < _NONE, 0.0, damping * _SHRINKAGE)
        damping = xp.where(better, smaller, xp.maximum(damping * _GROWTH, _DAMPING))
        return xp.where(better, trial, x), damping, xp.where(better, there, here), better & (edm <= _TOLERANCE)

    return advanced
