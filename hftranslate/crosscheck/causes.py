"""Why two engines differ: known causes, each tried by evaluating our model with it.

The ladder says where two documents differ first. Here our model is evaluated again with one thing changed, as if the
reference had been made that way; a cause is named only if the failing rung and all below it then pass. Causes hide each
other, so pairs are tried where no single one explains a rung, and the climb goes on with what was found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from hftranslate.crosscheck.candidates import Candidate, Setup, candidates
from hftranslate.crosscheck.comparison import Pair, Rung
from hftranslate.crosscheck.document import Results
from hftranslate.crosscheck.ladder import climb
from hftranslate.crosscheck.results import results
from hftranslate.errors import HFTranslateError
from hftranslate.workspace import Workspace

__all__ = ["Cause", "Diagnosis", "diagnose"]

#: At most so many causes are found together.
MOST_CAUSES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A known cause: its name, and what it says about the reference and about ours."""

    name: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What explains that two documents differ.

    Attributes
    ----------
    rung
        the first failing rung.
    where
        its worst entry: the channel, sample, bin or parameter.
    causes
        together they make the rung pass, and all below it; empty where no known cause does.
    alternatives
        other sets of causes that do as much.
    remaining
        the first rung that still fails with all of them; ``None`` where everything agrees.
    """

    rung: str
    where: Pair
    causes: tuple[Cause, ...]
    alternatives: tuple[tuple[Cause, ...], ...] = ()
    remaining: str | None = None

    def __str__(self) -> str:
        place = f"the first difference is on the rung {self.rung!r} ({self.where})"
        if not self.causes:
            return f"{place}; no known cause explains it"
        named = " and ".join(f"{c.name}: {c.says}" for c in self.causes)
        rest = "" if self.remaining is None else f"; with that, {self.remaining!r} still differs"
        other = "".join(f"; or {' and '.join(c.name + ': ' + c.says for c in a)}" for a in self.alternatives)
        return f"{place}. Explained by {named}{other}{rest}"


def diagnose(
    ours: Results, reference: Results, workspace: Workspace, *, measurement: str | None = None
) -> Diagnosis | None:
    """Look for the causes of the differences between our results and a reference; ``None`` where there are none.

    Parameters
    ----------
    workspace
        what our results are about.
    measurement
        that of the reference where it is not given.
    """
    trial = _Trial(ours=ours, reference=reference, measurement=measurement)
    rungs = climb(ours, reference)
    first = _failing(rungs)
    if first is None:
        return _of_minima(rungs)
    setup = Setup(workspace=workspace, conventions=ours.conventions)
    found: tuple[Candidate, ...] = ()
    alternatives: list[tuple[Candidate, ...]] = []
    level: int | None = first
    while level is not None and len(found) < MOST_CAUSES:
        explanations = trial.explanations(setup, level)
        if not explanations:
            break
        best = explanations[0]
        if not found:
            alternatives = [e.candidates for e in explanations[1:] if e.reaches == best.reaches]
        found += best.candidates
        setup, level = best.setup, best.reaches
    where = rungs[first].worst
    assert where is not None
    return Diagnosis(
        rung=rungs[first].name,
        where=where,
        causes=tuple(map(_cause_of, found)),
        alternatives=tuple(tuple(map(_cause_of, a)) for a in alternatives) if len(found) <= 2 else (),
        remaining=None if level is None else rungs[level].name,
    )


def _of_minima(rungs: Sequence[Rung]) -> Diagnosis | None:
    """Minima that the reference did not reach, where nothing else differs."""
    for rung in rungs:
        if rung.lower:
            worst = max(rung.lower, key=lambda lower: lower.by)
            says = f"the reference's fit ends {worst.by:.2g} above ours ({worst.reference:.8g}, ours {worst.ours:.8g})"
            return Diagnosis(
                rung=rung.name,
                where=Pair(where=worst.where, ours=worst.ours, reference=worst.reference, difference=-worst.by),
                causes=(Cause(name="minimum not reached", says=says),),
            )
    return None


def _cause_of(candidate: Candidate) -> Cause:
    return Cause(name=candidate.name, says=candidate.says)


def _failing(rungs: Sequence[Rung]) -> int | None:
    return next((i for i, rung in enumerate(rungs) if rung.verdict == "failed"), None)


@dataclass(frozen=True, kw_only=True)
class _Explanation:
    """Changes that make a rung pass, the setup with them, and the rung that fails next."""

    candidates: tuple[Candidate, ...]
    setup: Setup
    reaches: int | None


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """Evaluates our model in changed ways, at the points of a reference."""

    ours: Results
    reference: Results
    measurement: str | None

    def explanations(self, setup: Setup, level: int) -> list[_Explanation]:
        """What makes the rung of a level pass: single changes, else pairs; those first that reach furthest."""
        tried: list[tuple[float, Candidate]] = []
        singles: list[_Explanation] = []
        if LADDER[level] == "toys":  # random numbers: nothing to evaluate again
            return []
        fits_only = level > LADDER.index("nll")  # the functions agree: what changes them cannot be the cause
        for candidate in candidates(setup, self.ours, self.reference):
            if fits_only and not candidate.of_fits:
                continue
            rung = self._rungs(candidate.change(setup), level)
            if rung is None:
                continue
            failing = _failing(rung)
            if failing is None:
                singles.append(self._explanation((candidate,), candidate.change(setup), level))
            elif failing == level:
                tried.append((_badness(rung[level]), candidate))
        found = singles
        if not found:
            order = [candidate for _, candidate in sorted(tried, key=lambda entry: entry[0])]
            found = list(self._pairs(setup, order, level))
        # the furthest first; of equal ones, what changes least
        return sorted(found, key=lambda e: (-(len(LADDER) if e.reaches is None else e.reaches), len(e.candidates)))

    def _pairs(self, setup: Setup, order: Sequence[Candidate], level: int) -> Iterator[_Explanation]:
        pairs = sorted(combinations(range(len(order)), 2), key=sum)  # those first that helped most alone
        for i, j in pairs:
            if order[i].excludes(order[j]):
                continue
            changed = order[j].change(order[i].change(setup))
            rungs = self._rungs(changed, level)
            if rungs is not None and _failing(rungs) is None:
                yield self._explanation((order[i], order[j]), changed, level)
                return

    def _explanation(self, chosen: tuple[Candidate, ...], setup: Setup, level: int) -> _Explanation:
        rungs = self._rungs(setup, len(LADDER) - 1)
        reaches = level if rungs is None else _failing(rungs)
        return _Explanation(candidates=chosen, setup=setup, reaches=reaches)

    def _rungs(self, setup: Setup, level: int) -> tuple[Rung, ...] | None:
        """The rungs up to a level; ``None`` where the changed model cannot be evaluated."""
        like = _what_rungs_need(self.reference, level)
        try:
            ours = results(
                setup.workspace,
                like=like,
                measurement=self.measurement,
                conventions=setup.conventions,
                variation=setup.variation,
            )
        except HFTranslateError:
            return None
        return climb(ours, like)[: level + 1]


#: Names of the rungs in their order.
LADDER = ("model", "yields", "nll", "best fit", "uncertainties", "test statistic", "CLs", "limit", "toys")


def _what_rungs_need(reference: Results, level: int) -> Results:
    """Only what the rungs up to a level need."""
    name = LADDER[level]
    like = replace(reference, limit=reference.limit if LADDER.index("limit") <= level else None)
    if name in ("model", "yields", "nll", "best fit", "uncertainties"):
        like = replace(like, hypotests=None, discovery=None)
    elif name != "toys":
        tests = tuple(t for t in like.hypotests or () if t.calculator != "toys")
        like = replace(like, hypotests=None if like.hypotests is None else tests)
    if name in ("model", "yields", "nll"):
        like = replace(like, fit=None)
    if name == "model":
        like = replace(like, points=())
    return like


def _badness(rung: Rung) -> float:
    return rung.n_failures + (0.0 if rung.worst is None else min(rung.worst.excess, 1e300) * 1e-301)
