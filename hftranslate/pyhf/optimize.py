"""pyhf's optimizers, as names of the minimisers that are here."""

from typing import Any

from hftranslate.inference import FitOptions
from hftranslate.pyhf import exceptions

#: pyhf's settings, and ours that they are; the others make no difference here.
_SETTINGS = {"maxiter": "max_iterations", "strategy": "strategy"}
_WITHOUT_EFFECT = ("do_grad", "do_stitch", "errordef", "solver_options", "steps", "tolerance", "verbose")


class scipy_optimizer:
    """What pyhf has by default: here it is our Newton."""

    name, minimizer = "scipy", "newton"

    def __init__(self, **settings: Any) -> None:
        self._given = settings
        self.fit_options()

    def fit_options(self, **settings: Any) -> FitOptions:
        """The options of a fit with settings beside those of the optimizer."""
        given = {key: v for key, v in (self._given | settings).items() if v is not None and key not in _WITHOUT_EFFECT}
        unknown = sorted(given.keys() - _SETTINGS.keys())
        if unknown:
            raise exceptions.Unsupported(f"Unsupported kwargs were passed in: {unknown}.")
        ours: dict[str, Any] = {_SETTINGS[key]: value for key, value in given.items()}
        return FitOptions(**{"minimizer": self.minimizer, **ours})


class minuit_optimizer(scipy_optimizer):
    """MIGRAD with our exact gradients."""

    name = minimizer = "minuit"
