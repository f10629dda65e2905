"""Upper limits: where CLs falls to a level, by root finding on fits that the six limits share."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from math import isfinite, isnan, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.display.speaking import Table, plain, short
from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.asymptotics import (
    BANDS,
    ONE_SIDED,
    TestStat,
    asymptotic_cls,
    expected_pvalues,
    significance_of,
    tail,
)
from hftranslate.inference.minimize import AT_A_MINIMUM, DEFAULT_OPTIONS, FitOptions, minimize_many
from hftranslate.inference.root_finding import NoCrossing, crossing, foreseen
from hftranslate.inference.tester import OfPoi, PoiRange, Tester, Which, bands_table
from hftranslate.inference.together import Fits
from hftranslate.likelihood.model import Data, Model
from hftranslate.records import record

Floats = NDArray[np.float64]
#: The observed CLs, or the expected one at a place among the bands.
Band = int | None

#: What the limits are called where one of them is missing: the expected ones in the order of the bands.
EXPECTED = ("expected -2 sigma", "expected -1 sigma", "expected", "expected +1 sigma", "expected +2 sigma")
OBSERVED = "observed"

#: The smallest p-value that is told from zero.
_SMALLEST = 1e-300
#: How often many values are looked at together, and how well a limit is known then, relatively, that needs no more.
_ROUNDS, _SURE = 4, 1e-6
#: Where is looked first, in units of a guess.
_GRID = (0.25, 0.5, 1.0, 2.0)


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


@record
class _Look:
    """The NLL of the data and the Asimov data at many values, by fits at once; NaN where one fails.

    They tell where limits are, and make the scan; the limits themselves rest on single fits, which search in full.
    """

    tester: Tester
    excess: dict[Which, dict[float, float]] = field(default_factory=lambda: {"data": {}, "asimov": {}})
    _thetas: dict[Which, dict[float, Floats]] = field(default_factory=lambda: {"data": {}, "asimov": {}})

    def at(self, *, data: Iterable[float], asimov: Iterable[float], search: bool = True) -> None:
        """Look at values where nobody did yet, and for lower minima as toys do, if at any."""
        asked: dict[Which, Iterable[float]] = {"data": data, "asimov": asimov}
        new = {which: sorted({*pois} - self.excess[which].keys()) for which, pois in asked.items()}
        fits = [self.tester.many(which, pois, self._thetas[which]) for which, pois in new.items() if pois]
        if not fits:
            return
        options = self.tester.options
        if options.other_minima is not False:
            options = replace(options, other_minima="quick" if search else False)
        found = minimize_many(self.tester.model, reduce(Fits.and_of, fits), options)
        each = [(which, poi) for which, pois in new.items() for poi in pois]
        for (which, poi), minimum in zip(each, found, strict=True):
            self.excess[which][poi] = minimum.excess_nll if minimum.status in AT_A_MINIMUM else nan
            self._thetas[which][poi] = minimum.theta
        below = self.tester.free_fit().excess_nll - self.tester.options.tolerance
        for poi, excess in self.excess["data"].items():
            if excess < below:  # the free fit was not at its minimum: a test refits it
                with suppress(FitFailed):
                    self.tester.q(poi)

    def limits(
        self, bands: Sequence[Band], level: float, highest: float, *, data: Collection[float], asimov: Collection[float]
    ) -> dict[Band, tuple[float, float]]:
        """Where limits are, and how steep their curves there, as far as that can be told; where to begin is given."""
        found: dict[Band, tuple[float, float]] = {}
        self.at(data=data, asimov=data)
        for _ in range(_ROUNDS):
            self.at(data=data, asimov={*data, *asimov}, search=False)
            curves, asked = self._above(level), {}
            for band in bands:
                x, doubt, slope = foreseen(curves[band])
                if not self.tester.range[0] <= x <= highest:
                    continue
                if doubt < _SURE * x:
                    found[band] = x, slope
                else:
                    asked[band] = x
            data, asimov = [x for band, x in asked.items() if band is None], asked.values()
        return found

    def scan(self, pois: Iterable[float]) -> tuple[tuple[float, float, tuple[float, ...]], ...]:
        """Observed and expected CLs of values, but for those whose fits fail."""
        shown = {*pois}
        self.at(data=shown, asimov=shown)
        q, q_asimov, stat = *self._statistics(), self.tester.test_stat
        return tuple(
            (poi, asymptotic_cls(q[poi], q_asimov[poi], stat), expected_pvalues(q_asimov[poi], stat)[2])
            for poi in sorted(shown & q.keys() & q_asimov.keys())
        )

    def _statistics(self) -> tuple[dict[float, float], dict[float, float]]:
        """In the data and in the Asimov data, where fits did not fail."""
        return self.tester.statistics("data", self.excess["data"]), self.tester.statistics(
            "asimov", self.excess["asimov"]
        )

    def _above(self, level: float) -> dict[Band, dict[float, float]]:
        """:func:`_above_level` of the values that were looked at, and what it is at zero where that is known."""
        (q, q_asimov), stat = self._statistics(), self.tester.test_stat
        both = sorted(q.keys() & q_asimov.keys())
        curves: dict[Band, dict[float, float]]
        curves = {None: {poi: _above_level(None, level, q[poi], q_asimov[poi], stat) for poi in both}}
        for band in range(len(BANDS)):
            known = {0.0: 0.0, **q_asimov}
            curves[band] = {poi: _above_level(band, level, 0.0, x, stat) for poi, x in known.items()}
        return curves


@record
class _Curves:
    """CLs of tested values, observed and expected; fits are made when they are asked for, and once."""

    tester: Tester
    level: float
    _asimov: dict[float, float | FitFailed] = field(default_factory=dict)
    _observed: dict[float, float | FitFailed] = field(default_factory=dict)

    def above(self, band: Band, poi: float) -> float:
        """:func:`_above_level` of a value; raises why it has none."""
        return _above_level(band, self.level, *self._both(band, poi), self.tester.test_stat)

    def cls(self, band: Band, poi: float) -> float:
        """The observed CLs, or the expected one of a band."""
        q, q_asimov = self._both(band, poi)
        stat = self.tester.test_stat
        return asymptotic_cls(q, q_asimov, stat) if band is None else expected_pvalues(q_asimov, stat)[2][band]

    def tested(self, band: Band) -> list[float]:
        """The values where a curve is known, which the expected ones are together."""
        return sorted(self._observed if band is None else self._asimov)

    def put_into(self, look: _Look) -> None:
        """Let what was looked at be what was found here."""
        fits, seen = (self.tester.conditional_fit, self.tester.asimov_fit), look.excess
        for fit, known, into in zip(fits, (self._observed, self._asimov), (seen["data"], seen["asimov"]), strict=True):
            into.update((poi, fit(poi).excess_nll) for poi, q in known.items() if not isinstance(q, FitFailed))

    def _both(self, band: Band, poi: float) -> tuple[float, float]:
        """The test statistics in the data, if the band is that of the observed CLs, and in the Asimov data."""
        q_asimov = _kept(self._asimov, poi, self.tester.q_asimov)
        return 0.0 if band is not None else _kept(self._observed, poi, lambda x: self.tester.q(x)[0]), q_asimov


def _above_level(band: Band, level: float, q: float, q_asimov: float, test_stat: TestStat) -> float:
    """By how many standard deviations CLs is above the level: nearly linear in the parameter of interest."""
    if band is None:
        return significance_of(level) - significance_of(max(asymptotic_cls(q, q_asimov, test_stat), _SMALLEST))
    return BANDS[band] + significance_of(level * tail(-BANDS[band])) - sqrt(q_asimov)


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
    best, way = _first_way(tester)
    guess, wanted = best + way, (None, 2, 0, 1, 3, 4) if bands else (None,)
    curves, look = _Curves(tester=tester, level=level), _Look(tester=tester)
    offset = best if best > _GRID[0] * way else 0.0  # two points close together tell less than one
    own, grid = ([min(max(x + part * way, tester.range[0]), highest) for part in _GRID] for x in (offset, 0.0))
    seen = look.limits(wanted, level, highest, data=own, asimov=grid if bands else ())
    asked: list[tuple[Which, float]] = [("asimov", x) for x, _ in seen.values()]
    tester.prepare([*asked, *(("data", x) for band, (x, _) in seen.items() if band is None)])
    limits: dict[Band, float] = {}
    failures: dict[str, str] = {}
    for band in wanted:
        near, slope = seen.get(band, (guess, nan))
        try:
            limits[band] = guess = crossing(
                partial(curves.above, band), curves.tested(band), near, relative_tolerance, highest, slope
            )
        except NoCrossing as none:
            limits[band] = nan
            failures[OBSERVED if band is None else EXPECTED[band]] = _reason(none, level, curves, band, highest)
    curves.put_into(look)
    shown = [*own, *curves.tested(0)]
    if all(map(isnan, limits.values())):
        raise FitFailed(f"no upper limit: {failures[EXPECTED[2] if bands else OBSERVED]}")
    return UpperLimitResult(
        **tester.about,
        level=level,
        test_stat=tester.test_stat,
        poi_range=tester.poi_range,
        observed=limits[None],
        expected=tuple(limits[band] for band in range(len(BANDS))) if bands else (),
        scan=look.scan([max(0.5 * min(shown), tester.range[0]), *shown]) if scan else (),
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
    new = {lowest + (end - lowest) * i / (points - 1) for i in range(points)} - {mu for mu, _, _ in limit.scan}
    return replace(limit, scan=tuple(sorted((*limit.scan, *_Look(tester=tester).scan(new)))))


def _reason(none: NoCrossing, level: float, curves: _Curves, band: Band, highest: float) -> str:
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
    return sum(_first_way(tester))


def _first_way(tester: Tester) -> tuple[float, float]:
    """The best fit, or zero if that is above, and two standard deviations."""
    try:
        tester.conditional_fit(0.0)
    except FitFailed as error:
        raise FitFailed(
            f"no upper limit: CLs compares with the background alone, which cannot be fitted to the data: {error}"
        ) from error
    free = tester.free_fit()
    way = free.reach(tester.poi, rise=2.0)
    return max(free.value(tester.poi), 0.0), way if isfinite(way) and way > 0.0 else 2.0
