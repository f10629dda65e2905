"""What kept results are recognised by: a digest of a model as it evaluates, and of its data."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.model import Data, Model

#: Points at which the model is evaluated, besides its initial values.
_POINTS = 3


def fingerprint(model: Model, data: Data) -> str:
    """A short digest of what a likelihood says: names, ranges, data, and expectations at some points.

    Numbers enter with six digits, so that machines which round differently agree.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.

    Returns
    -------
    str
        hexadecimal digits; equal for likelihoods that say the same.
    """
    p, random = model.parameters, np.random.default_rng(1)
    shifts = [np.zeros(len(p)), *random.uniform(-0.7, 0.7, size=(_POINTS, len(p)))]
    words = [repr((p.names, p.poi_names, model.channels, model.samples, model.conventions.name))]
    words += [_text(a) for a in (p.init, p.bounds, p.fixed, p.width, data.observed, data.auxdata)]
    for shift in shifts:
        moved = np.where(p.width > 0.0, p.init + p.width * shift, p.init * (1.0 + 0.5 * shift))
        theta = np.clip(moved, p.bounds[:, 0], p.bounds[:, 1])
        words += [_text(model.state(theta).nu), _text(model.constraints.excess(theta, data.auxdata))]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _text(values: NDArray[np.float64] | NDArray[np.bool_] | float) -> str:
    return " ".join(f"{v:.6g}" for v in np.ravel(values))
