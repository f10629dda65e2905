"""What a histogram is, whatever file it comes from."""

from dataclasses import dataclass
from math import sqrt


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
    """

    contents: tuple[float, ...]
    errors: tuple[float, ...] | None = None
    edges: tuple[tuple[float, ...], ...]

    @property
    def bin_errors(self) -> tuple[float, ...]:
        """The errors as ROOT gives them: ``sqrt(|content|)`` where none are stored."""
        return self.errors if self.errors is not None else tuple([sqrt(abs(c)) for c in self.contents])


def uniform_edges(n: int, low: float, high: float) -> tuple[float, ...]:
    """The edges of equal bins, to the last digit as ROOT computes them."""
    width = (high - low) / n
    return (*[low + i * width for i in range(n)], high)
