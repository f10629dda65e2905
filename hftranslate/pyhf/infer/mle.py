"""Maximum-likelihood fits, by our minimisers."""

from dataclasses import replace
from typing import Any

import numpy as np

from hftranslate import inference
from hftranslate.pyhf import exceptions
from hftranslate.pyhf.tensor import get_backend


def twice_nll(pars: Any, data: Any, pdf: Any) -> Any:
    """Twice the negative logarithm of the likelihood."""
    return -2 * pdf.logpdf(pars, data)


def settings_of(pdf: Any, init_pars: Any = None, par_bounds: Any = None, fixed_params: Any = None) -> Any:
    """Starting values, ranges and constants, those of the model where they are not given."""
    given = zip((init_pars, par_bounds, fixed_params), ("init", "bounds", "fixed"), strict=True)
    return tuple(list(v if v is not None and len(v) else getattr(pdf.config, f"suggested_{of}")()) for v, of in given)


def with_poi(poi_val: Any, pdf: Any, *given: Any) -> tuple[list[Any], ...]:
    """The settings of a fit with the parameter of interest held at a value."""
    if pdf.config.poi_index is None:
        raise exceptions.UnspecifiedPOI("No POI is defined. A POI is required to fit with a fixed POI.")
    init, bounds, fixed = settings_of(pdf, *given)
    init[pdf.config.poi_index], fixed[pdf.config.poi_index] = float(poi_val), True
    return init, bounds, fixed


def best_fit(data: Any, pdf: Any, init: Any, bounds: Any, fixed: Any, **options: Any) -> inference.FitResult:
    """Our engine's fit."""
    for i, (value, (low, high)) in enumerate(zip(init, bounds, strict=True)):
        if not low <= value <= high:
            raise ValueError(f"initial parameter {i}, {value}, lies outside of its bounds, {low} to {high}")
    columns = {"init": np.array(init, dtype=float), "bounds": np.array(bounds, dtype=float), "fixed": np.array(fixed)}
    engine = replace(pdf.engine, parameters=replace(pdf.engine.parameters, **columns))
    return inference.fit(engine, pdf.split(data), options=get_backend()[1].fit_options(**options))


def fit(data: Any, pdf: Any, init_pars: Any = None, par_bounds: Any = None, fixed_params: Any = None, **kw: Any) -> Any:
    """The best-fit parameters ``(n,)``; with uncertainties ``(n, 2)``; in a tuple with what else was asked for."""
    from scipy.optimize import OptimizeResult

    wanted = [kw.pop(f"return_{what}", False) for what in ("uncertainties", "correlations", "fitted_val", "result_obj")]
    best = best_fit(data, pdf, *settings_of(pdf, init_pars, par_bounds, fixed_params), **kw)
    pars, unc, fun = np.array(best.values), best.uncertainties, np.asarray(2.0 * best.nll)
    corr = best.correlation * np.outer(~best.fixed, ~best.fixed)  # with constants nothing is correlated
    pars = np.stack([pars, unc], axis=1) if wanted[0] else pars
    result: Any = OptimizeResult()
    result.update(x=pars, unc=unc, corr=corr, fun=fun, success=True, message=best.message, fit=best)
    if wanted[3] and get_backend()[1].name == "minuit":
        result.minuit = best.to_minuit()
    found = [pars, *(value for value, is_wanted in zip((corr, fun, result), wanted[1:], strict=True) if is_wanted)]
    return tuple(found) if len(found) > 1 else pars


def fixed_poi_fit(poi_val: Any, data: Any, pdf: Any, *settings: Any, **kw: Any) -> Any:
    """:func:`fit` with the parameter of interest held at a value; settings and options are those of :func:`fit`."""
    named = [kw.pop(name, None) for name in ("init_pars", "par_bounds", "fixed_params")]
    return fit(data, pdf, *with_poi(poi_val, pdf, *settings, *named[len(settings) :]), **kw)
