r"""What a likelihood is made of, as a dictionary of arrays that may vary; and the engine's model with other ones.

=====================  ====================  ===========================================================================
key                    shape                 what
=====================  ====================  ===========================================================================
``nominal``            ``(n_cells,)``        yields of each cell: a bin of a sample, ordered by channel, bin, sample
``shift_lo, shift_hi`` ``(n_cells, n)``      what the ``n`` HistoSys add at -1 and +1: their histograms minus nominal
``factor_lo, _hi``     ``(n_factors,)``      factors that the NormSys of each row (a sample of a channel) are at -1 and
                                             +1, row by row
``width``              ``(n_gaussian,)``     widths of the Gaussian constraint terms
``scale``              ``(n_poisson,)``      scales (tau) of the Poisson ones
``gamma_scale``        ``(n_gamma,)``        squares of the relative uncertainties of the Gamma ones
=====================  ====================  ===========================================================================
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import InputError
from hftranslate.likelihood.cells import Cells
from hftranslate.likelihood.interpolation import code4_coefficients, polynomial_table, safe_log
from hftranslate.likelihood.model import Model
from hftranslate.likelihood.storage import DenseShifts, SparseShifts

Floats = NDArray[np.float64]

#: The keys, in the order in which they travel.
KEYS = ("nominal", "shift_lo", "shift_hi", "factor_lo", "factor_hi", "width", "scale", "gamma_scale")


def templates_of(model: Model) -> dict[str, Floats]:
    """The templates of a model, by the keys above.

    Parameters
    ----------
    model
        of :func:`~hftranslate.compile_model`.

    Returns
    -------
    dict
        arrays in double precision, which are copies.
    """
    cells, c = model.cells, model.constraints
    s, a = _slopes_and_bends(cells)
    return {
        "nominal": cells.nominal.copy(),
        "shift_lo": a - s,
        "shift_hi": a + s,
        "factor_lo": cells.multiplicative.lo.copy(),
        "factor_hi": cells.multiplicative.hi.copy(),
        "width": c.width.copy(),
        "scale": c.scale.copy(),
        "gamma_scale": c.gamma_scale.copy(),
    }


def with_templates(model: Model, templates: Mapping[str, Any]) -> Model:
    """The engine's model with other templates.

    Parameters
    ----------
    model
        of :func:`~hftranslate.compile_model`.
    templates
        as :func:`templates_of` gives them, of the same shapes.

    Returns
    -------
    Model
        with everything else as it was.

    Raises
    ------
    InputError
        They are not those of this model: a key is missing, or a shape differs.
    """
    own = templates_of(model)
    t = {key: np.asarray(templates[key], dtype=np.float64) for key in KEYS if key in templates}
    wrong = [key for key in KEYS if key not in t or t[key].shape != own[key].shape]
    if wrong:
        raise InputError(f"the templates of this model have a {wrong[0]!r} of the shape {own[wrong[0]].shape}")
    cells, c, p = model.cells, model.constraints, model.parameters
    lo, hi = t["factor_lo"], t["factor_hi"]
    s, a = (t["shift_hi"] - t["shift_lo"]) / 2.0, (t["shift_hi"] + t["shift_lo"]) / 2.0
    factors = replace(
        cells.multiplicative,
        lo=lo,
        hi=hi,
        log_lo=safe_log(lo),
        log_hi=safe_log(hi),
        table=polynomial_table(code4_coefficients(lo, hi)),
    )
    width = p.width.copy()
    width[c.gauss_parameter], width[c.poisson_parameter] = t["width"], 1.0 / np.sqrt(t["scale"])
    width[c.gamma_parameter] = np.sqrt(t["gamma_scale"])
    additive = replace(cells.additive, shifts=DenseShifts(matrix=np.hstack([s, a])))
    return replace(
        model,
        parameters=replace(p, width=width),
        cells=replace(cells, nominal=t["nominal"], additive=additive, multiplicative=factors),
        constraints=replace(c, width=t["width"], scale=t["scale"], gamma_scale=t["gamma_scale"]),
    )


def _slopes_and_bends(cells: Cells) -> tuple[Floats, Floats]:
    """``S`` and ``A`` of every cell and column, dense."""
    shifts = cells.additive.shifts
    if isinstance(shifts, DenseShifts):
        n = shifts.matrix.shape[1] // 2
        return shifts.matrix[:, :n], shifts.matrix[:, n:]
    assert isinstance(shifts, SparseShifts)
    rows = np.repeat(np.arange(shifts.shape[0]), np.diff(shifts.indptr))
    s, a = np.zeros(shifts.shape), np.zeros(shifts.shape)
    s[rows, shifts.indices], a[rows, shifts.indices] = shifts.s, shifts.a
    return s, a
