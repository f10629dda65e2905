"""What a histogram is, whatever file it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

#: What a histogram keeps its contents in, by the last letter of its class.
_STORAGE: dict[str, Any] = {
    "D": np.float64,
    "F": np.float32,
    "L": np.int64,
    "I": np.int32,
    "S": np.int16,
    "C": np.int8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Bin contents and edges; under- and overflow left out.

    Attributes
    ----------
    contents
        one entry per bin, several axes flattened with x running fastest.
    errors
        bin errors, ``None`` where none are stored (see :attr:`bin_errors`).
    edges
        bin edges of each axis, x first.
    letter
        last letter of its class: what the contents are stored in (D, F; integers: L, I, S, C).
    """

    contents: tuple[float, ...]
    errors: tuple[float, ...] | None = None
    edges: tuple[tuple[float, ...], ...]
    letter: str = "D"

    @property
    def bin_errors(self) -> tuple[float, ...]:
        """The errors as ROOT gives them: ``sqrt(|content|)`` where none are stored."""
        return self.errors if self.errors is not None else tuple([sqrt(abs(c)) for c in self.contents])

    @property
    def class_name(self) -> str:
        """ROOT's class."""
        return f"TH{len(self.edges)}{self.letter}"

    def stored(self, values: Sequence[float]) -> tuple[float, ...]:
        """Numbers as a histogram of this class keeps them: rounded to single precision, or cut off to integers."""
        if self.letter == "D":
            return tuple(values)
        with np.errstate(invalid="ignore", over="ignore"):  # beyond the largest integer, as C++ converts
            return tuple(np.asarray(values, dtype=np.float64).astype(_STORAGE[self.letter]).astype(float).tolist())


def uniform_edges(n: int, low: float, high: float) -> tuple[float, ...]:
    """The edges of equal bins, to the last digit as ROOT computes them."""
    width = (high - low) / n
    return (*[low + i * width for i in range(n)], high)
