"""Numbers for bins in whatever holds them: lists, arrays, histograms (hist, boost-histogram, uproot)."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from hftranslate.errors import InvalidWorkspace

Number: TypeAlias = int | float
Numbers: TypeAlias = tuple[Number, ...]
#: One number for each bin: a list, an array, or a histogram.
Bins: TypeAlias = Any


def is_number(value: object) -> TypeGuard[Number]:
    """Whether a value is a number; true and false are none.

    Parameters
    ----------
    value
        anything.

    Returns
    -------
    bool
        as a type guard.
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_float(value: "float | np.number[Any]") -> float:
    """A number as a floating-point one, which is infinite for whole numbers that are too large."""
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def contents(values: Any) -> Any:
    """The contents of a histogram's bins, flattened with x running fastest; what is none stays as it is."""
    if isinstance(values, Mapping) or not (callable(getattr(values, "values", None)) and hasattr(values, "axes")):
        return values
    return np.asarray(values.values()).ravel(order="F")


_NUMBERS = frozenset((int, float))


def are_taken(values: object) -> bool:
    """Whether these are finite numbers in a tuple, as nearly all numbers of a model are from the beginning."""
    return type(values) is tuple and _NUMBERS.issuperset(map(type, values)) and all(map(isfinite, values))


def take_numbers(values: Any, what: str) -> Numbers:
    """The finite numbers of a sequence, an array or a histogram as Python has them, integers as integers.

    Raises
    ------
    InvalidWorkspace
        There is something else, or an array with several axes; ``what`` says whose it is.
    """
    taken = values if are_taken(values) else _numbers_of(values, what)
    for i, value in enumerate(taken):
        if not isfinite(value):
            raise InvalidWorkspace(f"{what}: entry {i} is {value}; all numbers must be finite")
    return taken


def _numbers_of(values: Any, what: str) -> Numbers:
    found = contents(values)
    if not isinstance(found, list | tuple):
        array = np.asarray(found)
        if array.ndim != 1 or array.dtype.kind not in "iufO":
            shape = f"an array of shape {array.shape}" if array.ndim else f"{type(values).__name__} {values!r:.60}"
            raise InvalidWorkspace(f"{what}: found {shape}, expected a list of numbers, one for each bin")
        found = found.tolist() if isinstance(found, np.ndarray) else array.tolist()
    plain = [v.item() if isinstance(v, np.generic) else v for v in found]
    for i, value in enumerate(plain):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InvalidWorkspace(f"{what}: entry {i} is {value!r:.60}; expected a number")
    return tuple(plain)
