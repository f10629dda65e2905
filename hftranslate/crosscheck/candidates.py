"""What may have been done differently: changes of our model that would explain a reference, and their words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isclose, sqrt
from typing import get_args

from hftranslate.crosscheck.document import Results
from hftranslate.crosscheck.results import AS_STATED, Variation
from hftranslate.crosscheck.variants import (
    lumi_carriers,
    with_all,
    with_interpolation,
    with_lumi,
    with_lumi_width,
)
from hftranslate.workspace import (
    Conventions,
    HistoSys,
    HistoSysCode,
    Lumi,
    NormSys,
    NormSysCode,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.map import has, modifiers_of

#: So many parameters are listed in a sentence.
_LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A way to evaluate our model."""

    workspace: Workspace
    conventions: Conventions
    variation: Variation = AS_STATED

    def other(self, **changes: bool) -> "Setup":
        """With other conventions, which then have no name of their own."""
        name = (
            self.conventions.name if self.conventions.name.endswith("changed") else f"{self.conventions.name}, changed"
        )
        return replace(self, conventions=replace(self.conventions, name=name, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A change that may explain a difference.

    ``about`` is what it changes: two candidates about the same thing exclude each other. ``of_fits``: the likelihood
    stays the same function, and only its fits and tests are made in another way.
    """

    name: str
    about: str
    says: str
    change: Callable[[Setup], Setup]
    of_fits: bool = False

    def excludes(self, other: "Candidate") -> bool:
        """Whether both change the same thing."""
        return self.about == other.about


def candidates(setup: Setup, ours: Results, reference: Results) -> Iterator[Candidate]:
    """All changes that would change something. ``ours`` are our results as they stand, for the words."""
    sources = (_constraint_types, _thresholds, _lumi_carriers, _interpolation, _lumi_widths, _conventions, _fits)
    found = [candidate for source in sources for candidate in source(setup, reference)]
    yield from (c for c in (*found, *_ranges(ours, reference)) if c.change(setup) != setup)


def _on_workspace(change: Callable[[Workspace], Workspace]) -> Callable[[Setup], Setup]:
    return lambda setup: replace(setup, workspace=change(setup.workspace))


# ------------------------------------------------------------------------------------------------------ the constraints
def _constraint_types(setup: Setup, _: Results) -> Iterator[Candidate]:
    constrained = list(modifiers_of(setup.workspace.channels, StatError, ShapeSys))
    for kind in (StatError, ShapeSys):
        word, found = kind.__name__, sorted({m.constraint for m in constrained if isinstance(m, kind)})
        for constraint in ("gaussian", "poisson"):
            if found and found != [constraint]:
                yield Candidate(
                    name="constraint type",
                    about=f"constraint of {word}",
                    says=f"{word} is constrained by {_article(constraint)} in the reference, by "
                    f"{' and '.join(map(_article, found))} in ours",
                    change=_on_workspace(lambda w, k=kind, c=constraint: with_all(w, k, constraint=c)),  # type: ignore[misc]
                )


def _article(constraint: str) -> str:
    return "a Gaussian" if constraint == "gaussian" else "a Poisson term"


def _thresholds(setup: Setup, reference: Results) -> Iterator[Candidate]:
    ours = sorted({m.threshold for m in modifiers_of(setup.workspace.channels, StatError)})
    if not ours:
        return
    shown = " and ".join(f"{t:g}" for t in ours)
    for threshold, words in _possible_thresholds(reference):
        yield Candidate(
            name="stat threshold",
            about="threshold",
            says=f"the reference prunes StatErrors below {words}, ours below {shown}",
            change=_on_workspace(lambda w, t=threshold: with_all(w, StatError, threshold=t)),  # type: ignore[misc]
        )


def _possible_thresholds(reference: Results) -> Iterator[tuple[float, str]]:
    """Zero, ROOT's default, and what the reference's constant bin factors tell: their ranges are [0, 1 + 5 sigma]."""
    yield 0.0, "0 (none)"
    yield 0.05, "0.05"
    widths: dict[bool, list[float]] = {True: [], False: []}
    for p in reference.parameters:
        if p.name.startswith("gamma_stat_") and p.high is not None and 1.0 < p.high < 10.0:
            widths[p.fixed].append((p.high - 1.0) / 5.0)
    low, high = max(widths[True], default=0.0), min(widths[False], default=1.0)
    if 0.0 < low < high and not low < 0.05 <= high:
        middle = sqrt(low * high)
        yield middle, f"some {middle:.2g} (between {low:.3g} and {high:.3g})"


# ------------------------------------------------------------------------------------------------------- the luminosity
def _lumi_carriers(setup: Setup, reference: Results) -> Iterator[Candidate]:
    carriers, samples = lumi_carriers(setup.workspace)
    if not any(p.name == "lumi" for m in setup.workspace.measurements for p in m.parameters):
        return
    if 0 < carriers < samples:
        yield _lumi(lambda channel, sample: True, "all samples follow Lumi in the reference, some in ours")
    if carriers == samples:
        for constant in (None, _lumi_value(setup.workspace)):
            words = "do not follow Lumi" if constant is None else f"are multiplied by the constant {constant:g}"
            yield _lumi(
                lambda channel, sample: ("NormalizeByTheory", "False") not in sample.annotations,
                f"samples with NormalizeByTheory=False {words} in the reference; all follow Lumi in ours",
                constant,
            )
    follows = _seen_to_follow(setup, reference)
    if follows:
        names = sorted({sample for (_, sample), yes in follows.items() if not yes})
        yield _lumi(
            lambda channel, sample: follows.get((channel, sample.name), has(sample, Lumi)),
            f"samples that do not follow Lumi in the reference: {', '.join(names) or 'none'}",
        )


def _lumi(carries: Callable[[str, Sample], bool], says: str, constant: float | None = None) -> Candidate:
    return Candidate(
        name="NormalizeByTheory",
        about="lumi carriers",
        says=says,
        change=_on_workspace(lambda w: with_lumi(w, carries, constant=constant)),
    )


def _lumi_value(workspace: Workspace) -> float | None:
    found = (p.auxdata[0] for m in workspace.measurements for p in m.parameters if p.name == "lumi" and p.auxdata)
    return next((float(x) for x in found), None)


def _seen_to_follow(setup: Setup, reference: Results) -> dict[tuple[str, str], bool]:
    """Which samples change between the nominal point and one where only Lumi was moved."""
    nominal = next((p for p in reference.points if not p.values and p.yields), None)
    moved = next((p for p in reference.points if set(p.values) == {"Lumi"} and p.yields), None)
    if nominal is None or moved is None or nominal.yields is None or moved.yields is None:
        return {}
    found = {}
    for channel, samples in nominal.yields.items():
        for sample, bins in samples.items():
            others = moved.yields.get(channel, {}).get(sample, bins)
            if any(bins):
                found[channel, sample] = not all(
                    isclose(a, b, rel_tol=1e-9) for a, b in zip(bins, others, strict=False)
                )
    return found


def _lumi_widths(_: Setup, __: Results) -> Iterator[Candidate]:
    for says, width in (
        ("relative in the reference, absolute in ours", lambda lumi, sigma: sigma * lumi),
        ("absolute in the reference, relative in ours", lambda lumi, sigma: sigma / lumi if lumi else sigma),
    ):
        yield Candidate(
            name="lumi error",
            about="lumi error",
            says=f"the uncertainty of the luminosity was taken as {says}",
            change=_on_workspace(lambda w, f=width: with_lumi_width(w, f)),  # type: ignore[misc]
        )


# ---------------------------------------------------------------------------------------------------- the interpolation
def _interpolation(setup: Setup, _: Results) -> Iterator[Candidate]:
    for kind, word, codes in (
        (HistoSys, "histosys", get_args(HistoSysCode)),
        (NormSys, "normsys", get_args(NormSysCode)),
    ):
        interpolated = modifiers_of(setup.workspace.channels, HistoSys, NormSys)
        found = sorted({m.interpolation for m in interpolated if isinstance(m, kind)})
        for code in codes:
            if found and found != [code]:
                yield Candidate(
                    name="interpolation code",
                    about=f"interpolation of {word}",
                    says=f"{word} are interpolated with {code} in the reference, with {' and '.join(found)} in ours",
                    change=_on_workspace(lambda w, k=word, c=code: with_interpolation(w, **{k: c})),  # type: ignore[misc]
                )


# ------------------------------------------------------------------------------------------------ conventions, and fits
def _conventions(setup: Setup, _: Results) -> Iterator[Candidate]:
    c = setup.conventions
    yield Candidate(
        name="clip at zero",
        about="clip",
        says="samples with histosys are clipped at zero in "
        + ("ours only" if c.clip_samples else "the reference only"),
        change=lambda s: s.other(clip_samples=not s.conventions.clip_samples),
    )
    yield Candidate(
        name="truncated constraints",
        about="truncation",
        says="Gaussian constraints are normalised over a finite range in "
        + ("ours only" if c.truncate_constraints else "the reference only"),
        change=lambda s: s.other(truncate_constraints=not s.conventions.truncate_constraints),
    )


def _fits(_: Setup, reference: Results) -> Iterator[Candidate]:
    kinds = {t.test_stat for t in reference.hypotests or ()}
    if kinds:
        stated = "q-tilde" if "qtilde" in kinds else "q"
        other = "q" if stated == "q-tilde" else "q-tilde"
        yield Candidate(
            name="q against q-tilde",
            about="statistic",
            says=f"the reference's tests say {stated} and are made with {other}",
            change=lambda s: replace(s, variation=replace(s.variation, other_statistic=True)),
            of_fits=True,
        )
    if reference.fit is not None:
        yield Candidate(
            name="minimum not reached",
            about="minimum",
            says="our fit did not reach the minimum that the reference found; started from there, it does",
            change=lambda s: replace(s, variation=replace(s.variation, its_minimum=True)),
            of_fits=True,
        )


def _ranges(ours: Results, reference: Results) -> Iterator[Candidate]:
    mine = {p.name: (p.low, p.high) for p in ours.parameters}
    differing = [p for p in reference.parameters if mine.get(p.name, (p.low, p.high)) != (p.low, p.high)]
    if not differing:
        return
    listed = [f"{p.name} {_range(p.low, p.high)}, in ours {_range(*mine[p.name])}" for p in differing[:_LISTED]]
    more = f"; and {len(differing) - _LISTED} others" if len(differing) > _LISTED else ""
    yield Candidate(
        name="parameter range",
        about="ranges",
        says=f"ranges in the reference: {'; '.join(listed)}{more}",
        change=lambda s: replace(s, variation=replace(s.variation, its_ranges=True)),
        of_fits=True,
    )


def _range(low: float | None, high: float | None) -> str:
    return f"[{'-inf' if low is None else f'{low:g}'}, {'inf' if high is None else f'{high:g}'}]"
