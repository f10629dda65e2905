"""Numbers that can be evaluated."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import Unsupported

Floats = NDArray[np.float64]

#: Yields, factors, uncertainties and settings that are larger, and uncertainties smaller than its inverse, are not
#: evaluated: their products leave the range of double precision.
LARGEST = 1e30


_P = ParamSpec("_P")
_R = TypeVar("_R")


def unwarned(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function whose numbers may leave double precision: they become infinite or NaN, and nobody is warned."""

    return np.errstate(over="ignore", invalid="ignore", divide="ignore")(function)


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
