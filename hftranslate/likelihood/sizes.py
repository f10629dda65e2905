"""Numbers that can be evaluated."""

import numpy as np

from hftranslate.errors import Unsupported
from hftranslate.likelihood.constraints import Floats

#: Yields, factors, uncertainties and settings that are larger, and uncertainties smaller than its inverse, are not
#: evaluated: their products leave the range of double precision.
LARGEST = 1e30


def check_size(what: str, *values: Floats) -> None:
    """Refuse finite numbers that are too large.

    Raises
    ------
    Unsupported
        The message begins with ``what`` and says how large.
    """
    for array in values:
        size = np.abs(array[np.isfinite(array)]).max(initial=0.0)
        if size > LARGEST:
            raise Unsupported(f"{what}: numbers of the size of {size:.0e} cannot be evaluated")
