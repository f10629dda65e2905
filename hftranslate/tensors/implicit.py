r"""Fits and tests as differentiable functions of templates and data.

The engine fits, at the numbers that templates and data have; the derivatives are those of the implicit function
theorem.
At a minimum ``theta`` the gradient of the NLL vanishes for all ``t`` (templates and data), so that one step of Newton's
method from there,

    theta(t) = theta - H^-1 d NLL(theta, t) / d theta,

with ``theta`` and the inverse Hessian ``H^-1`` taken as constants, has the value and the first derivatives of the
minimum. (``H^-1`` is zero for parameters that are held, or that ended at a bound.) The NLL *at* the minimum needs no
such step: its derivatives are those at fixed parameters. A limit is the root of a function of the parameter of
interest, and takes one step of the same kind from there. Second derivatives are not those of the minimum.

Where the minimum lies on a kink there are no derivatives: they are NaN.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.asymptotics import BANDS, OneSided
from hftranslate.inference.fit import FitResult, fit
from hftranslate.inference.limits import upper_limit as engine_limit
from hftranslate.inference.minimize import FitOptions
from hftranslate.inference.tester import Tester
from hftranslate.likelihood.model import Data, Model
from hftranslate.tensors.namespaces import Array
from hftranslate.tensors.templates import KEYS, with_templates

if TYPE_CHECKING:
    from hftranslate.tensors.likelihood import Arrays, TensorLikelihood

Floats = NDArray[np.float64]

#: So close to the minimum that derivatives there are those of the minimum.
_OPTIONS = FitOptions(tolerance=1e-12)


def best_fit(likelihood: "TensorLikelihood", templates: "Arrays", data: "Arrays", fixed: Mapping[str, float]) -> Array:
    """See :meth:`~hftranslate.tensors.likelihood.TensorLikelihood.best_fit`."""

    def fitted(*arrays: Floats) -> tuple[Floats, Floats]:
        found = fit(*_engine(likelihood.model, arrays), fixed=fixed, options=_OPTIONS)
        return found.values, _inverse(found)

    n = len(likelihood.model.parameters)
    theta, inverse = _on_host(likelihood, fitted, [(n,), (n, n)], templates, data)
    return _moved(likelihood, theta, inverse, templates, data)


def statistics(
    likelihood: "TensorLikelihood", poi_test: Array, templates: "Arrays", data: "Arrays", test_stat: OneSided
) -> tuple[Array, Array]:
    """The test statistic in the data and in the background-only Asimov data."""
    library, poi = likelihood.formulas.library, likelihood.model.parameters.poi_index
    xp = library.xp
    poi_test = library.floats(poi_test) if isinstance(poi_test, int | float) else poi_test

    def fitted(mu: Floats, *arrays: Floats) -> tuple[Floats, ...]:
        model, observed = _engine(likelihood.model, arrays)
        tester = Tester(model=model, data=observed, test_stat=test_stat, options=_OPTIONS)
        _, free, conditional = tester.q(float(mu))
        background = tester.conditional_fit(0.0)
        least = tester.asimov_fit(0.0) if model.conventions.truncate_constraints else background
        fits = (free, conditional, background, tester.asimov_fit(float(mu)), least)
        return *(f.values for f in fits), _inverse(background)

    n = len(likelihood.model.parameters)
    shapes: list[tuple[int, ...]] = [(n,)] * 5 + [(n, n)]
    found = _on_host(likelihood, fitted, shapes, templates, data, poi_test)
    free, conditional, background, asimov, least, inverse = found
    at_poi = library.indices(np.arange(n) == poi)

    def difference(higher: Array, lower: Array, to: "Arrays") -> Array:
        at = xp.where(at_poi, poi_test, higher)
        rise = likelihood.excess_nll(at, templates, to) - likelihood.excess_nll(lower, templates, to)
        return 2.0 * xp.where(rise > 0.0, rise, 0.0)

    q = xp.where(free[poi] <= poi_test, difference(conditional, free, data), 0.0)
    expected = likelihood.expected_data(_moved(likelihood, background, inverse, templates, data), templates)
    return q, difference(asimov, least, expected)


def cls(
    likelihood: "TensorLikelihood", poi_test: Array, templates: "Arrays", data: "Arrays", test_stat: OneSided
) -> Array:
    """See :meth:`~hftranslate.tensors.likelihood.TensorLikelihood.cls`."""
    return likelihood.formulas.library.xp.exp(_log_cls(likelihood, poi_test, templates, data, test_stat))


def _log_cls(
    likelihood: "TensorLikelihood", poi_test: Array, templates: "Arrays", data: "Arrays", test_stat: OneSided
) -> Array:
    """The formulas of :mod:`hftranslate.inference.asymptotics`."""
    library = likelihood.formulas.library
    xp, log_ndtr = library.xp, library.log_ndtr
    q, q_asimov = statistics(likelihood, poi_test, templates, data, test_stat)
    root, root_a = _root(xp, q), _root(xp, q_asimov)
    signal, background = root, root - root_a
    if test_stat == "qtilde":
        linear = (q > q_asimov) & (q_asimov > 0.0)
        safe = xp.where(linear, 2.0 * root_a, 1.0)
        signal = xp.where(linear, (q + q_asimov) / safe, signal)
        background = xp.where(linear, (q - q_asimov) / safe, background)
    bands = library.floats(np.array(BANDS))
    expected = log_ndtr(bands - root_a) - log_ndtr(bands)
    return xp.concatenate(((log_ndtr(-signal) - log_ndtr(-background))[None], expected))


def upper_limit(
    likelihood: "TensorLikelihood", templates: "Arrays", data: "Arrays", level: float, test_stat: OneSided
) -> Array:
    """See :meth:`~hftranslate.tensors.likelihood.TensorLikelihood.upper_limit`."""
    library = likelihood.formulas.library

    def found(*arrays: Floats) -> tuple[Floats]:
        limit = engine_limit(*_engine(likelihood.model, arrays), level, test_stat=test_stat, options=_OPTIONS)
        return (np.array([limit.observed, *limit.expected]),)

    (roots,) = _on_host(likelihood, found, [(1 + len(BANDS),)], templates, data)
    limits = []
    for band in range(1 + len(BANDS)):

        def above(mu: Array, band: int = band) -> Array:
            return _log_cls(likelihood, mu, templates, data, test_stat)[band] - np.log(level)

        slope = library.stop(library.gradient(above)(roots[band]))
        limits.append(roots[band] - above(roots[band]) / slope)
    return library.xp.stack(limits)


def _engine(model: Model, arrays: tuple[Floats, ...]) -> tuple[Model, Data]:
    """The engine's model and data of arrays in the order of :func:`_on_host`."""
    *templates, observed, auxdata = arrays
    varied = with_templates(model, dict(zip(KEYS, templates, strict=True)))
    return varied, varied.data(observed, auxdata)


def _on_host(
    likelihood: "TensorLikelihood",
    function: Any,
    shapes: list[tuple[int, ...]],
    t: "Arrays",
    data: "Arrays",
    *first: Any,
) -> tuple[Array, ...]:
    arrays = (*first, *(t[key] for key in KEYS), data["observed"], data["auxdata"])
    return likelihood.formulas.library.on_host(function, shapes, *arrays)


def _inverse(found: FitResult) -> Floats:
    """The inverse Hessian of what moves; parameters without effect on anything stay."""
    still = ~np.any(found.hessian != 0.0, axis=1)
    return np.where(still[:, None] | still, 0.0, found.covariance)


def _moved(likelihood: "TensorLikelihood", theta: Array, inverse: Array, templates: "Arrays", data: "Arrays") -> Array:
    """A minimum as a function of templates and data: one step of Newton's method from it."""
    slope = likelihood.formulas.library.gradient(likelihood.excess_nll)(theta, templates, data)
    step = inverse @ slope
    return theta - (step - likelihood.formulas.library.stop(step))


def _root(xp: Any, q: Array) -> Array:
    """The square root, with a derivative of zero at zero."""
    return xp.where(q > 0.0, xp.sqrt(xp.where(q > 0.0, q, 1.0)), 0.0)
