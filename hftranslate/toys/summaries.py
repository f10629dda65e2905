r"""What the toys of a test leave behind where not every statistic is kept.

The p-values of the data need how many statistics are at least as large as the data's: a count. What is expected without
signal needs the two distributions: they are counted in bins of :math:`\sqrt q`, in which a test is nearly as far from
its threshold as in standard deviations. Bins are far narrower than what any number of toys resolves, and a straight
line joins the counts at their edges. Summaries of parts of the toys add up to that of all.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.journal import is_number
from hftranslate.inference.asymptotics import BANDS, TestStat
from hftranslate.likelihood.scipy_parts import ndtr
from hftranslate.records import record
from hftranslate.toys.hypotest import TIE, ToyTestResult, band_error, fraction, ratio

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Width of the bins of the square root of a statistic, and their number: what is larger is in the last one.
WIDTH = 0.01
N_BINS = 4000
_COUNTS = ("n", "failed", "above", "zero")


@record
class ToySummary:
    """The toys of one hypothesis.

    Attributes
    ----------
    n, failed
        how many there are, and how many of them could not be fitted.
    above
        how many of the others have a statistic that is not below that of the data.
    zero
        how many have a statistic of zero.
    counts
        of the others, ``(n_bins,)``, by the square root of the statistic.
    total, squares
        sums of the statistics and of their squares.
    """

    n: int
    failed: int
    above: int
    zero: int
    counts: Integers
    total: float
    squares: float

    @classmethod
    def of(cls, statistics: Floats, threshold: float) -> "ToySummary":
        """That of toys, NaN where a fit failed, and the statistic of the data."""
        q = statistics[~np.isnan(statistics)]
        positive = q[q > TIE]
        bins = np.minimum(np.sqrt(positive) / WIDTH, N_BINS - 1).astype(np.int64)
        return cls(
            n=len(statistics),
            failed=len(statistics) - len(q),
            above=int(np.sum(q >= threshold - TIE * (1.0 + threshold))),
            zero=len(q) - len(positive),
            counts=np.bincount(bins, minlength=1),
            total=float(q.sum()),
            squares=float(q @ q),
        )

    @classmethod
    def sum(cls, parts: "Sequence[ToySummary]") -> "ToySummary":
        """That of several parts together."""
        counts = np.zeros(max(len(p.counts) for p in parts), dtype=np.int64)
        for p in parts:
            counts[: len(p.counts)] += p.counts
        n, failed, above, zero = (sum(getattr(p, name) for p in parts) for name in _COUNTS)
        total, squares = (sum(getattr(p, name) for p in parts) for name in ("total", "squares"))
        return cls(n=n, failed=failed, above=above, zero=zero, counts=counts, total=total, squares=squares)

    @property
    def fitted(self) -> int:
        """How many of them could be fitted."""
        return self.n - self.failed

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the statistics."""
        mean = self.total / self.fitted
        return mean, sqrt(max(0.0, self.squares / self.fitted - mean * mean))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the counts as a text from the first that is not zero on."""
        filled = np.flatnonzero(self.counts)
        first = int(filled[0]) if filled.size else 0
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "total": self.total,
            "squares": self.squares,
            "first": first,
            "counts": " ".join(map(str, self.counts[first:])),
        }

    @classmethod
    def from_dict(cls, value: Any) -> "ToySummary":
        """The summary that JSON values are.

        Raises
        ------
        ValueError, TypeError, KeyError
            They are none.
        """
        n, failed, above, zero, first = (value[name] for name in (*_COUNTS, "first"))
        parts = np.array([int(count) for count in value["counts"].split()], dtype=np.int64)
        numbers = (n, failed, above, zero, first)
        whole = all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in numbers)
        if not whole or first + len(parts) > N_BINS or min(parts, default=0) < 0:
            raise ValueError("counts that are none")
        if zero + parts.sum() != n - failed or above > n - failed:
            raise ValueError("counts that do not add up")
        if not (is_number(value["total"]) and is_number(value["squares"])):
            raise ValueError("sums that are none")
        counts = np.concatenate([np.zeros(first, dtype=np.int64), parts])
        return cls(
            n=n,
            failed=failed,
            above=above,
            zero=zero,
            counts=counts if counts.size else np.zeros(1, dtype=np.int64),
            total=float(value["total"]),
            squares=float(value["squares"]),
        )

    def _edges_and_fractions(self) -> tuple[Floats, Floats]:
        """Edges of the bins, and the fraction of the toys above each; none has a statistic of zero there."""
        above = np.concatenate([np.cumsum(self.counts[::-1])[::-1], [0]])
        edges: Floats = WIDTH * np.arange(len(above), dtype=np.float64)
        fractions: Floats = above / self.fitted
        return edges, fractions

    def exceeded(self, fraction_above: float) -> float:
        """The square root of the statistic that a fraction of the toys exceeds; zero where that is no statistic."""
        edges, fractions = self._edges_and_fractions()
        if fraction_above >= fractions[0]:
            return 0.0
        return float(np.interp(-fraction_above, -fractions, edges))

    def fraction_above(self, root: float) -> float:
        """The fraction of the toys whose statistic is not below the square of a number."""
        edges, fractions = self._edges_and_fractions()
        return 1.0 if root <= 0.0 else float(np.interp(root, edges, fractions))


def toy_test_of_summaries(
    signal: ToySummary, background: ToySummary, poi_test: float, test_stat: TestStat, q: float, muhat: float
) -> ToyTestResult:
    """:func:`~hftranslate.toys.hypotest.toy_test_of` for toys that were summarised."""

    def expected(p: float) -> tuple[float, float]:
        """``CLs+b`` and ``CLb`` where a fraction of the toys without signal excludes more strongly."""
        root = background.exceeded(p)
        return signal.fraction_above(root), p if root > 0.0 else 1.0

    def cls(p: float) -> float:
        clsb, clb = expected(p)
        return clsb / clb

    clsb, clb = (fraction(s.n, s.failed, s.above) for s in (signal, background))
    ranks = [float(ndtr(k)) for k in BANDS]
    bands = [expected(p) for p in ranks]
    shifts = [sqrt(p * (1.0 - p) / background.fitted) for p in ranks]
    smallest = 1.0 / background.fitted
    around = [0.5 * abs(cls(min(p + s, 1.0)) - cls(max(p - s, smallest))) for p, s in zip(ranks, shifts, strict=True)]
    return ToyTestResult(
        poi_test=poi_test,
        test_stat=test_stat,
        q=q,
        muhat=muhat,
        clsb=clsb,
        clb=clb,
        cls=ratio(clsb, clb),
        clsb_exp=tuple(a for a, _ in bands),
        clb_exp=tuple(b for _, b in bands),
        cls_exp=tuple(a / b for a, b in bands),
        cls_exp_error=tuple(
            band_error(by_rank, a, 1.0 / b, signal.fitted) for by_rank, (a, b) in zip(around, bands, strict=True)
        ),
        n_signal=signal.n,
        n_background=background.n,
        failed_signal=signal.failed,
        failed_background=background.failed,
    )
