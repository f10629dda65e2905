"""Likelihoods with kinks, edges and several valleys, as problems over their free parameters."""

from dataclasses import replace

import numpy as np
from scipy.optimize import Bounds
from scipy.optimize import minimize as scipy_minimize

from hftranslate.inference.problem import Problem
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import ROOT, HistoSys, NormFactor, ParameterConfig
from tests.likelihood.builders import channel, workspace


def problem_of(model, data, **start):
    """Over all free parameters, from where they are at first but for the given ones."""
    p = model.parameters
    free = np.flatnonzero(~p.fixed)
    return Problem(model=model, data=data, theta=p.vector(**start), index=free, bounds=p.bounds[free])


def clipped(observed=(0.0, 8.0)):
    """``h`` wants to go below -1, where a sample's bin is clipped at zero: the minimum is on that kink, at -1."""
    shift = HistoSys(name="h", lo_data=(0.0, 2.0), hi_data=(2.0, 2.0), interpolation="code0")
    pull = HistoSys(name="h", lo_data=(2.5,), hi_data=(3.5,), interpolation="code0")
    space = workspace(
        channel("SR", observed, ("b", [1.0, 2.0], shift), ("c", [3.0, 8.0])),
        channel("pull", [0.0], ("b", [3.0], pull)),
        poi=None,
        conventions=ROOT,
    )
    return compile_model(space)


def edge():
    """A bin without events expects ``1 + h + 2 k``, which both want below zero: the minimum lies on the edge."""
    modifiers = [
        HistoSys(name="h", lo_data=(0.0, 4.0), hi_data=(2.0, 6.0), interpolation="code0"),
        HistoSys(name="k", lo_data=(-1.0, 5.0), hi_data=(3.0, 5.0), interpolation="code0"),
    ]
    return compile_model(workspace(channel("SR", [0.0, 8.0], ("b", [1.0, 5.0], *modifiers)), poi=None))


def walled():
    """The first bin, without events, expects ``-k``: every step of ``k`` from its bound, zero, is outside the domain.

    The second one, of ``8 + 3 k + h``, would like it larger.
    """
    shift = HistoSys(name="h", lo_data=(-2.0, 7.0), hi_data=(-1.5, 9.0), interpolation="code0")
    space = workspace(
        channel("SR", [0.0, 14.0], ("b", [-1.0, 8.0], shift), ("c", [-1.0, 3.0], NormFactor(name="k"))),
        parameters=(ParameterConfig(name="k", inits=(0.0,), bounds=((0.0, 10.0),)),),
        poi=None,
        conventions=ROOT,
    )
    return compile_model(space)


def random_clipped(seed):
    """Two systematics that may empty some bins of a sample, and random data."""
    rng = np.random.default_rng(seed)
    b, c = rng.uniform(1.0, 5.0, 3), rng.uniform(2.0, 9.0, 3)
    shifts = rng.uniform(-1.5, 1.5, (2, 3)) * b
    modifiers = [
        HistoSys(name=n, lo_data=tuple(b - s), hi_data=tuple(b + s), interpolation="code0")
        for n, s in zip("hk", shifts, strict=True)
    ]
    observed = rng.poisson(c + 0.5 * b).astype(float)
    space = workspace(channel("SR", observed, ("b", b, *modifiers), ("c", c)), poi=None, conventions=ROOT)
    return compile_model(space)


def nowhere_lower(problem, x, sizes=(1e-3, 1e-5), n=200, rounding=1e-11):
    """Whether the function is nowhere lower on small spheres around a point."""
    rng, unit = np.random.default_rng(1), problem.unit(1.0)
    ways = rng.normal(size=(n, len(x)))
    ways = np.concatenate([ways / np.linalg.norm(ways, axis=1, keepdims=True), np.eye(len(x)), -np.eye(len(x))])
    here = problem.value(x)
    return all(problem.value(problem.inside(x + s * unit * w)) >= here - rounding for s in sizes for w in ways)


def lowest_by_simplex(problem, n=6, seed=4):
    """The lowest value that Nelder and Mead's simplex reaches, which needs no derivatives, from many points."""
    rng, unit = np.random.default_rng(seed), problem.unit(1.0)
    found = []
    for _ in range(n):
        x = problem.inside(problem.start + unit * rng.normal(size=len(unit)))
        if np.isfinite(problem.value(x)):
            for _ in range(2):
                result = scipy_minimize(
                    lambda z: min(problem.value(problem.inside(z)), 1e10),
                    x,
                    method="Nelder-Mead",
                    bounds=Bounds(*problem.bounds.T),
                    options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000},
                )
                x = problem.inside(result.x)
            found.append(problem.value(x))
    return min(found)


def held(problem, **values):
    """The same with some parameters held."""
    names = problem.model.parameters.names
    keep = np.array([names[i] not in values for i in problem.index])
    theta = problem.theta.copy()
    for name, value in values.items():
        theta[names.index(name)] = value
    return replace(problem, theta=theta, index=problem.index[keep], bounds=problem.bounds[keep])
