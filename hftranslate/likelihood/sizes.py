"""Numbers that can be evaluated."""

import numpy as np

from hftranslate.errors import Unsupported
from hftranslate.likelihood.constraints import Floats

#: Yields, factors, uncertainties and settings that are larger, and uncertainties smaller than its inverse, are not
#: evaluated: their products leave the range of double precision.
LARGEST = 1e30


def check_size(what: str, *values: Floats) -> None:
    """Refuse numbers that are too large, or infinite.

    Raises
    ------
    Unsupported
        The message begins with ``what`` and says how large.
    """
    for array in values:
        size = np.abs(array).max(initial=0.0)
        if not size <= LARGEST:
            raise Unsupported(f"{what}: numbers of the size of {size:.0e} cannot be evaluated")
