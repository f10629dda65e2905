"""Yields before and after a fit."""

from hftranslate.errors import InputError
from hftranslate.inference.fit import FitResult
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.yields import Yields, expected_yields, prior_covariance


def fitted_yields(model: Model, best: FitResult | None = None, data: Data | None = None) -> Yields:
    """The yields of a fit with its covariance; without a fit, those at the initial values with the constraints' widths.

    Uncertainties are propagated to first order with exact derivatives, ``J C J^T``, correlations included. Before a fit
    free parameters without constraint term contribute nothing. Beside them stand the data, by default those of the fit.

    Parameters
    ----------
    model
        the likelihood.
    best
        its fit; ``None`` for the yields before a fit.
    data
        what stands beside the expectation; by default what was fitted.

    Returns
    -------
    Yields
        events of each channel, sample and bin.

    Raises
    ------
    InputError
        The model is none, or the fit is that of another.
    """
    if not (isinstance(model, Model) and isinstance(best, FitResult | None)):
        given = f"{type(model).__name__} and {type(best).__name__}"
        raise InputError(f"expected a model and its fit (data by keyword: data=...), not {given}")
    if best is None:
        covariance = prior_covariance(model)
        return expected_yields(model, model.parameters.init, covariance, data=data, stage="prefit")
    return expected_yields(model, best.values, best.covariance, data=data or best.data, stage="postfit")
