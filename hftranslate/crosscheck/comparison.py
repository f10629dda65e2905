"""How two numbers are compared: the tolerances, and what one rung of the ladder collects."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Literal

from hftranslate.crosscheck.document import Bins

#: ``lower``: everything agrees but some minima of the reference, above which ours lie.
Verdict = Literal["passed", "failed", "skipped", "lower"]
Value = float | str | bool | None

#: How many failing entries of a rung a report lists.
MAX_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far two numbers may lie apart: ``value`` times a scale, but never less than ``floor``, and why."""

    value: float
    of: Literal["reference", "uncertainty", "one"]
    reason: str
    floor: float = 0.0

    def allowed(self, reference: float, uncertainty: float | None = None) -> float:
        """The largest difference that passes."""
        scale = 1.0
        if self.of == "reference":
            scale = abs(reference)
        elif self.of == "uncertainty":
            scale = uncertainty or 0.0
        return max(self.value * scale, self.floor)

    def __str__(self) -> str:
        words = {"reference": " relative", "uncertainty": " of its uncertainty", "one": ""}
        return f"{self.value:g}{words[self.of]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lower:
    """A minimum that one engine did not reach: both NLLs, and how far the lower one lies below."""

    where: str
    ours: float
    reference: float

    @property
    def by(self) -> float:
        """How far ours lies below the reference's."""
        return self.reference - self.ours


#: Every tolerance of the crosscheck, with its reason.
TOLERANCES: dict[str, Tolerance] = {
    "settings": Tolerance(
        value=1e-9, of="reference", floor=1e-12, reason="settings and data are the same numbers up to rounding"
    ),
    "ranges": Tolerance(
        value=1e-7,
        of="reference",
        floor=1e-12,
        reason="1 + 5 sigma, and ROOT keeps sigma in the precision of the histogram, which may be single",
    ),
    "yields": Tolerance(
        value=1e-9,
        of="reference",
        floor=1e-9,
        reason="sums and products of a few numbers, up to rounding; references keep 14 digits",
    ),
    "nll": Tolerance(
        value=1e-6,
        of="one",
        reason="the same function up to rounding (1e-16 of sums up to 1e7), or its minimum up to what fits leave",
    ),
    "best fit": Tolerance(
        value=5e-3,
        of="uncertainty",
        floor=1e-6,
        reason="a minimiser stops near the minimum; half a percent of an uncertainty changes the NLL by 1e-5",
    ),
    "uncertainties": Tolerance(
        value=1e-2,
        of="reference",
        floor=1e-9,
        reason="HESSE's second derivatives are differences with steps chosen for a percent, ours are exact",
    ),
    "correlations": Tolerance(
        value=5e-3, of="one", reason="from the same differences; the errors of numerator and denominator cancel in part"
    ),
    "q": Tolerance(
        value=1e-3, of="one", reason="twice a difference of two fitted minima, and of Asimov data from a fit"
    ),
    "p-values": Tolerance(
        value=5e-4, of="one", reason="what a change of q by 1e-3 does to a p-value; below any digit that is quoted"
    ),
    "limits": Tolerance(value=1e-3, of="reference", floor=1e-9, reason="from CLs; below any digit that is quoted"),
    "toys": Tolerance(
        value=4.0,
        of="uncertainty",
        reason="both are random: four standard deviations of their difference, one false alarm in 16000",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two values compared: where in the documents, both of them, their difference and what is allowed."""

    where: str
    ours: Value
    reference: Value
    difference: float | None = None
    allowed: float | None = None

    @property
    def excess(self) -> float:
        """The difference in units of what is allowed; infinite for what cannot be subtracted."""
        if self.difference is None or self.allowed is None:
            return inf
        if self.allowed == 0.0:
            return 0.0 if self.difference == 0.0 else inf
        return abs(self.difference) / self.allowed

    def __str__(self) -> str:
        return f"{self.where}: ours {_shown(self.ours)}, reference {_shown(self.reference)}"


def _shown(value: Value) -> str:
    if value is None:
        return "nothing"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder.

    Attributes
    ----------
    name, title
        short name, and what is compared.
    verdict, reason
        how it ended; why, where it was skipped, and remarks otherwise.
    tolerances
        names of the entries of :data:`TOLERANCES` that apply.
    comparisons
        how many numbers were compared.
    worst
        the entry that comes closest to, or exceeds, what is allowed.
    failures, n_failures
        the failing entries, at most :data:`MAX_FAILURES` of them, and their number.
    lower
        minima of the reference below which ours lie.
    unjudged
        how many numbers differ that follow from such minima, which is no failure.
    """

    name: str
    title: str
    verdict: Verdict
    reason: str
    tolerances: tuple[str, ...]
    comparisons: int
    worst: Pair | None
    failures: tuple[Pair, ...]
    n_failures: int
    lower: tuple[Lower, ...] = ()
    unjudged: int = 0


class Comparison:
    """Collects the entries of one rung."""

    def __init__(self, name: str, title: str, *tolerances: str) -> None:
        self.name, self.title, self.tolerances = name, title, tolerances
        self.count = 0
        self.worst: Pair | None = None
        self.failures: list[Pair] = []
        self.lower: list[Lower] = []
        self.unjudged = 0
        self._judging = True
        self.remarks: list[str] = []

    def number(
        self, where: str, ours: float | None, reference: float | None, tolerance: str, sigma: float | None = None
    ) -> None:
        """Compare two numbers; ``None`` equals only itself."""
        self.count += 1
        if ours is None or reference is None:
            if ours is not reference:
                self._add(Pair(where=where, ours=ours, reference=reference))
            return
        difference, allowed = ours - reference, TOLERANCES[tolerance].allowed(reference, sigma)
        if abs(difference) > allowed or self.worst is None or abs(difference) > self.worst.excess * allowed:
            self._add(Pair(where=where, ours=ours, reference=reference, difference=difference, allowed=allowed))

    def minimum(self, where: str, ours: float | None, reference: float | None, *, same_function: bool) -> bool:
        """Compare two minima of the NLL; whether they are the same one, so that what follows may be compared.

        With the same function a lower value is proof that the other minimum was not reached, and no failure of ours.
        """
        if ours is None or reference is None or not same_function:
            self.number(where, ours, reference, "nll")
            return True
        if ours < reference - TOLERANCES["nll"].allowed(reference):
            self.count += 1
            self.lower.append(Lower(where=where, ours=ours, reference=reference))
            return False
        self.number(where, ours, reference, "nll")
        return True

    @contextmanager
    def following(self, *minima: bool) -> Iterator[None]:
        """Compare what follows from minima; where one was not the same, differences are counted and not judged."""
        before = self._judging
        self._judging = before and all(minima)
        yield
        self._judging = before

    def same(self, where: str, ours: Value, reference: Value) -> None:
        """Compare two things that are equal or not."""
        self.count += 1
        if ours != reference:
            self._add(Pair(where=where, ours=ours, reference=reference))

    def keys(self, where: str, ours: Iterable[str], reference: Iterable[str]) -> None:
        """Compare two sets of names."""
        mine, theirs = set(ours), set(reference)
        for name in sorted(mine ^ theirs):
            self.same(f"{where} {name}", "present" if name in mine else None, "present" if name in theirs else None)

    def bins(self, where: str, ours: Mapping[str, Bins], reference: Mapping[str, Bins], tolerance: str) -> None:
        """Compare numbers per bin, by name; ``where`` ends in what the names are."""
        self.keys(where, ours, reference)
        for name, theirs in reference.items():
            mine = ours.get(name, theirs)
            if len(mine) != len(theirs):
                self.same(f"{where} {name}, number of bins", len(mine), len(theirs))
            for i, (a, b) in enumerate(zip(mine, theirs, strict=False)):
                self.number(f"{where} {name}, bin {i}", a, b, tolerance)

    def _add(self, entry: Pair) -> None:
        if not self._judging:
            self.unjudged += entry.excess > 1.0
            return
        if self.worst is None or entry.excess > self.worst.excess:
            self.worst = entry
        if entry.excess > 1.0:
            self.failures.append(entry)

    def rung(self) -> Rung:
        """What was found, as a value."""
        if self.count == 0:
            verdict: Verdict = "skipped"
        else:
            verdict = "failed" if self.failures else "lower" if self.lower else "passed"
        return Rung(
            name=self.name,
            title=self.title,
            verdict=verdict,
            reason="; ".join(self.remarks),
            tolerances=self.tolerances,
            comparisons=self.count,
            worst=self.worst,
            failures=tuple(self.failures[:MAX_FAILURES]),
            n_failures=len(self.failures),
            lower=tuple(self.lower),
            unjudged=self.unjudged,
        )
