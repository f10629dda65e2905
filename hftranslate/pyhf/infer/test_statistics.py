"""Test statistics (arXiv:1007.1727v3, Eqs. 8 to 16) within the ranges that the fits are given."""

import logging
from functools import partial
from typing import Any

import numpy as np

from hftranslate.pyhf.infer.mle import best_fit, settings_of, with_poi

__all__ = ["q0", "qmu", "qmu_tilde", "tmu", "tmu_tilde"]

_log = logging.getLogger(__name__)
#: A difference of two minima that is nothing but rounding.
_NOTHING = 1e-14


def _statistic(
    name: str, mu: Any, data: Any, pdf: Any, init_pars: Any, par_bounds: Any, fixed_params: Any, **kw: bool
) -> Any:
    """A test statistic; with ``return_fitted_pars`` also the parameters of the conditional and of the free fit."""
    if name == "q0" and mu != 0.0:
        _log.warning("q0 test statistic only used for fit configuration with POI set to zero. Setting mu=0.")
        mu = 0.0
    settings = settings_of(pdf, init_pars, par_bounds, fixed_params)
    held, bounds, poi = with_poi(mu, pdf, *settings), settings[1], pdf.config.poi_index
    if name != "q0" and (bounds[poi][0] == 0) != name.endswith("tilde"):
        text = "%s test statistic used for fit configuration with POI %sbounded at zero.\nUse the other test statistic."
        _log.warning(text, name, "not " if name.endswith("tilde") else "")
    conditional, free = best_fit(data, pdf, *held), best_fit(data, pdf, *settings)
    if conditional.excess_nll < free.excess_nll:  # the free fit was in another minimum
        free = best_fit(data, pdf, conditional.values, *settings[1:])
    difference, muhat = conditional.excess_nll - free.excess_nll, free.values[poi]
    zero = difference < _NOTHING or (name == "q0" and muhat < 0.0) or (name[:3] == "qmu" and muhat > mu)
    found = np.asarray(0.0 if zero else 2.0 * difference)
    return (found, (np.array(conditional.values), np.array(free.values))) if kw.get("return_fitted_pars") else found


q0, qmu, qmu_tilde, tmu, tmu_tilde = (partial(_statistic, name) for name in __all__)
