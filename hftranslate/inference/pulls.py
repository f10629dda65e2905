"""What a fit did to its parameters: pulls and constraints."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.display.speaking import named
from hftranslate.inference.fit import FitResult
from hftranslate.likelihood.model import Data, Model, check_model_and_data

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A free parameter of a fit.

    Attributes
    ----------
    value, uncertainty
        in the fit; the uncertainty is NaN where it could not be computed.
    centre, width
        of its constraint term; ``None`` and 0 for a parameter without one.
    pull, constraint
        ``(value - centre) / width`` and ``uncertainty / width``; ``None`` for a parameter without constraint term.
    """

    name: str
    value: float
    uncertainty: float
    centre: float | None
    width: float

    @property
    def pull(self) -> float | None:
        """How far the fit moved the parameter, in units of the width of its constraint."""
        return None if self.centre is None else (self.value - self.centre) / self.width

    @property
    def constraint(self) -> float | None:
        """What the fit left of the uncertainty, relative to the width of the constraint."""
        return None if self.centre is None else self.uncertainty / self.width

    @property
    def row(self) -> tuple[str, str, str]:
        """Name, pull and constraint in a table; the value of a free parameter, which has neither."""
        if self.pull is None or self.constraint is None:
            sigma = f"{self.uncertainty:.2g}" if np.isfinite(self.uncertainty) else "?"
            return self.name, f"{self.value:.3g} ± {sigma}", "free"
        constraint = f"{self.constraint:.2f}" if np.isfinite(self.constraint) else "?"
        return self.name, f"{round(self.pull, 2) + 0.0:+.2f}", constraint


def pulls(model: Model, data: Data, best: FitResult, names: str | Sequence[str] | None = None) -> tuple[Pull, ...]:
    """The pulls of all free parameters, or of some, in the order of the model.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    best
        its fit.
    names
        which parameters, by pyhf's or ROOT's name; by default all that are free.

    Returns
    -------
    tuple of Pull
        ``(value - centre) / width of the constraint``, and the uncertainty in units of that width.

    Raises
    ------
    MissingInput
        There is no such parameter; the message names the nearest one.
    """
    check_model_and_data(model, data)
    centres, widths = model.constraints.centres(data.auxdata), model.parameters.width
    p = model.parameters
    chosen = {p.names[p.index(n)] for n in (best.names if names is None else named(names))}
    return tuple(
        Pull(
            name=name,
            value=float(best.values[i]),
            uncertainty=float(best.uncertainties[i]),
            centre=float(centres[i]) if widths[i] > 0.0 and np.isfinite(centres[i]) else None,
            width=float(widths[i]),
        )
        for i, name in enumerate(best.names)
        if name in chosen and not best.fixed[i]
    )
