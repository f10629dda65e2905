"""Upper limits: where CLs falls to a level, by root finding on fits that the six limits share."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite, isnan, nan
from typing import Any

from hftranslate.display.speaking import Table, plain, short
from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.asymptotics import (
    BANDS,
    ONE_SIDED,
    TestStat,
    asymptotic_cls,
    expected_pvalues,
    significance_of,
)
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.root_finding import NoCrossing, crossing
from hftranslate.inference.tester import OfPoi, PoiRange, Tester, bands_table
from hftranslate.likelihood.model import Data, Model

#: What the limits are called where one of them is missing: the expected ones in the order of the bands.
EXPECTED = ("expected -2 sigma", "expected -1 sigma", "expected", "expected +1 sigma", "expected +2 sigma")
OBSERVED = "observed"

#: The smallest p-value that is told from zero.
_SMALLEST = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class UpperLimitResult(OfPoi):
    """Upper limits at the confidence level ``1 - level``: where CLs falls to ``level``.

    Attributes
    ----------
    level
        CLs at the limits.
    observed, expected
        the observed limit, and those at -2 ... +2 standard deviations of the background-only expectation, ``(5,)``
        (empty where they were not asked for); NaN for a limit that was not found.
    test_stat, poi_range
        as they were asked for.
    scan
        every tested value with its observed and expected CLs, in increasing order.
    failures
        for each limit that was not found, its name and why.
    """

    level: float
    test_stat: TestStat = "qtilde"
    poi_range: PoiRange = "named"
    observed: float
    expected: tuple[float, ...]
    scan: tuple[tuple[float, float, tuple[float, ...]], ...]
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_name(self) -> dict[str, float]:
        """The limits by their names."""
        return {OBSERVED: self.observed, **dict(zip(EXPECTED, self.expected, strict=bool(self.expected)))}

    def tables(self) -> tuple[Table, ...]:
        """The limits."""
        return (limit_table(self.poi, self.level, self.observed, self.expected, self.note),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``limit``; ``None`` for a limit that was not found, whose reason is in ``failures``.

        ``outside_range`` names the limits that lie outside the model's range of the parameter of interest.
        """
        return {
            "poi": self.poi_dict(),
            "observed": plain(self.observed),
            "expected": list(map(plain, self.expected)),
            "outside_range": self.outside_range(self.by_name),
            "level": self.level,
            "scan": [{"poi": mu, "CLs_obs": observed, "CLs_exp": list(exp)} for mu, observed, exp in self.scan],
            **({"failures": dict(self.failures)} if self.failures else {}),
            "conventions": self.conventions,
        }


def limit_table(poi: str, level: float, observed: float, expected: tuple[float, ...], note: str) -> Table:
    """Upper limits, observed and expected."""
    percent = f"{100.0 * (1.0 - level):g} % CL"
    caption = f"{poi} < {short(observed)} at {percent}" + (f", expected {short(expected[2])}" if expected else "")
    return bands_table(caption, {f"upper limit on {poi}": (observed, expected)}, note)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curves:
    """CLs of tested values, observed and expected; fits are made when they are asked for, and once."""

    tester: Tester
    _asimov: dict[float, float | FitFailed] = field(default_factory=dict)
    _observed: dict[float, float | FitFailed] = field(default_factory=dict)

    def cls(self, band: int | None, poi: float) -> float:
        """The observed CLs, or the expected one of a band; raises why it has no value."""
        if band is not None:
            return self._expected(poi)[band]
        return _kept(self._observed, poi, self._observe)

    def tested(self, band: int | None) -> list[float]:
        """The values where a curve is known, which the expected ones are together."""
        return sorted(self._observed if band is None else self._asimov)

    def scan(self) -> tuple[tuple[float, float, tuple[float, ...]], ...]:
        """Every tested value with its observed and expected CLs, but for those whose fits fail."""
        found = []
        for poi in self.tested(0):
            with suppress(FitFailed):
                found.append((poi, self.cls(None, poi), self._expected(poi)))
        return tuple(found)

    def _q_asimov(self, poi: float) -> float:
        return _kept(self._asimov, poi, self.tester.q_asimov)

    def _expected(self, poi: float) -> tuple[float, ...]:
        return expected_pvalues(self._q_asimov(poi), self.tester.test_stat)[2]

    def _observe(self, poi: float) -> float:
        q_asimov = self._q_asimov(poi)
        return asymptotic_cls(self.tester.q(poi)[0], q_asimov, self.tester.test_stat)


def _kept(values: dict[float, float | FitFailed], poi: float, value: Callable[[float], float]) -> float:
    """A value that is computed once; where that failed, it fails again."""
    if poi not in values:
        try:
            values[poi] = value(poi)
        except FitFailed as error:
            values[poi] = error
    found = values[poi]
    if isinstance(found, FitFailed):
        raise found
    return found


def upper_limit(
    model: Model,
    data: Data,
    level: float = 0.05,
    *,
    test_stat: TestStat = "qtilde",
    poi_range: PoiRange = "named",
    bands: bool = True,
    options: FitOptions = DEFAULT_OPTIONS,
) -> UpperLimitResult:
    """Observed and expected upper limits on the parameter of interest, by root finding on CLs.

    The fits of tested values are shared by the six limits; the bracket grows until it holds each of them. A limit that
    does not exist, or whose fits fail, leaves the others standing.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    level
        CLs at the limit, one minus the confidence level.
    test_stat
        ``"qtilde"`` or ``"q"``.
    poi_range
        ``"named"``: limits may lie outside the model's range of the parameter of interest, which is a setting of fits;
        ``"model"``: fits and limits keep to it, as in ROOT and pyhf, and a limit beyond does not exist.
    bands
        whether to look for the expected limits too.
    options
        how to minimise.

    Returns
    -------
    UpperLimitResult
        ``observed``, ``expected (5,)`` at -2 to +2 standard deviations, and the tested values.

    Raises
    ------
    FitFailed
        No limit at all was found: the fit without signal failed, CLs does not fall to ``level`` however large the
        parameter of interest, or not within its range.
    InputError
        The level lies not between 0 and 1, the test statistic is two-sided, or the parameter of interest is constant.
    """
    tester = Tester(model=model, data=data, test_stat=test_stat, poi_range=poi_range, options=options)
    return limits_of(tester, level, tester.range[1], bands=bands)


def limits_of(
    tester: Tester,
    level: float,
    highest: float,
    *,
    relative_tolerance: float = 1e-6,
    bands: bool = True,
    scan: bool = True,
) -> UpperLimitResult:
    """:func:`upper_limit` with a tester, which may have fitted the data already, up to a highest value.

    Each limit is found to a relative tolerance. Without the scan the data are fitted only where the observed limit is
    looked for: where only the Asimov data say something, far from the best fit, fits are dear and searches long.
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"the level of a limit lies between 0 and 1, not {level}")
    if tester.test_stat not in ONE_SIDED:
        needed = " or ".join(ONE_SIDED)
        raise InputError(f"an upper limit needs a one-sided test statistic, {needed}, not {tester.test_stat}")
    guess = first_guess(tester)
    curves = _Curves(tester=tester)
    limits: dict[int | None, float] = {}
    failures: dict[str, str] = {}
    for band in (None, 2, 0, 1, 3, 4) if bands else (None,):
        curve = partial(_above_level, curves, band, level)
        try:
            limits[band] = guess = crossing(curve, curves.tested(band), guess, relative_tolerance, highest)
        except NoCrossing as none:
            limits[band] = nan
            failures[OBSERVED if band is None else EXPECTED[band]] = _reason(none, level, curves, band, highest)
    if all(map(isnan, limits.values())):
        raise FitFailed(f"no upper limit: {failures[EXPECTED[2] if bands else OBSERVED]}")
    return UpperLimitResult(
        **tester.about,
        level=level,
        test_stat=tester.test_stat,
        poi_range=tester.poi_range,
        observed=limits[None],
        expected=tuple(limits[band] for band in range(len(BANDS))) if bands else (),
        scan=curves.scan() if scan else (),
        failures=failures,
    )


def with_points(
    limit: UpperLimitResult, model: Model, data: Data, points: int, *, options: FitOptions = DEFAULT_OPTIONS
) -> UpperLimitResult:
    """A limit with more tested values: so many, evenly spaced from zero to beyond the largest limit.

    The limits stay what they are; a picture of the scan goes through more of CLs. A value whose fits fail is left out.

    Parameters
    ----------
    limit
        what :func:`upper_limit` found.
    model, data
        the likelihood and the data that it was found with.
    points
        how many values.
    options
        how to minimise.

    Returns
    -------
    UpperLimitResult
        the same limits with more tested values.

    Raises
    ------
    InputError
        There are fewer than two points.
    """
    if points < 2:
        raise InputError(f"{points} more tested values show nothing; take two at least")
    tester = Tester(model=model, data=data, test_stat=limit.test_stat, poi_range=limit.poi_range, options=options)
    lowest, highest = max(tester.range[0], 0.0), tester.range[1]
    end = min(1.1 * max(filter(isfinite, limit.by_name.values())), highest)
    known, curves = {mu for mu, _, _ in limit.scan}, _Curves(tester=tester)
    for mu in {lowest + (end - lowest) * i / (points - 1) for i in range(points)} - known:
        with suppress(FitFailed):
            curves.cls(None, mu)
    return replace(limit, scan=tuple(sorted((*limit.scan, *curves.scan()))))


def _above_level(curves: _Curves, band: int | None, level: float, poi: float) -> float:
    """By how many standard deviations CLs is above the level: nearly linear in the parameter of interest."""
    cls = curves.cls(band, poi)
    return significance_of(level) - significance_of(max(cls, _SMALLEST))


def _reason(none: NoCrossing, level: float, curves: _Curves, band: int | None, highest: float) -> str:
    """Why CLs does not cross the level."""
    if none.last == 0.0:
        text = f"CLs is below {level} down to a parameter of interest of {none.first:.3g}"
        return text + (f"; below, {none.beyond}" if none.beyond else "")
    cls = curves.cls(band, none.last)
    text = f"CLs is still {cls:.3g} at a parameter of interest of {none.last:.3g}; "
    if none.beyond:
        return text + f"beyond, {none.beyond}"
    if cls > 0.99:
        return text + "does the parameter change the expectation?"
    if none.last >= highest:
        return text + "the model's range ends there, and --poi-range named looks beyond it"
    return text + "it levels off there, because larger values describe the data no worse"


def first_guess(tester: Tester) -> float:
    """Two standard deviations above the best fit; the fit without signal, which all tests need, is tried first."""
    try:
        tester.conditional_fit(0.0)
    except FitFailed as error:
        raise FitFailed(
            f"no upper limit: CLs compares with the background alone, which cannot be fitted to the data: {error}"
        ) from error
    free = tester.free_fit()
    way = free.reach(tester.poi, rise=2.0)
    return max(free.value(tester.poi), 0.0) + (way if isfinite(way) and way > 0.0 else 2.0)
