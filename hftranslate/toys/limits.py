"""Upper limits by toys: CLs of a few values of the parameter of interest, and lines through them.

Every tested value gives all six CLs. Values are added where a limit seems to lie until one was tested nearby; the limit
is then where a straight line through the tests around it, weighted by their errors, reaches the level. The line is in
the significance of CLs, which is nearly linear in the parameter of interest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import exp, isfinite, nan, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.display.speaking import Table, plain
from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.asymptotics import BANDS, ONE_SIDED, TestStat, significance_of
from hftranslate.inference.limits import EXPECTED, OBSERVED, first_guess, limit_table, limits_of
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import OfPoi, PoiRange, Tester
from hftranslate.likelihood.model import Data, Model
from hftranslate.toys.hypotest import ToyTestResult, experiment_of, run_toy_test
from hftranslate.toys.samples import DEFAULT_TOYS, ToyOptions, journal_of

Floats = NDArray[np.float64]

#: How near, relatively, to a limit a value must have been tested.
_NEAR = 0.1
#: Significances around that of the level through which the line is drawn.
_AROUND = 0.6
#: By how much values are moved where the limit lies beyond all tested ones, and how often.
_STRIDE = 1.5
_STEPS = 12
#: How often a limit is looked for again at most.
_ROUNDS = 6


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ToyLimitResult(OfPoi):
    """Upper limits by toys.

    Attributes
    ----------
    level
        CLs at the limits.
    observed, expected
        the observed limit, and those at -2 ... +2 standard deviations of the toys without signal, ``(5,)`` (empty where
        they were not asked for); NaN for a limit that was not found.
    observed_error, expected_errors
        their standard deviations, from the number of toys.
    scan
        the test of every value, in increasing order.
    failures
        for each limit that was not found, its name and why.
    seed
        what the toys follow from.
    """

    level: float
    observed: float
    observed_error: float
    expected: tuple[float, ...]
    expected_errors: tuple[float, ...]
    scan: tuple[ToyTestResult, ...]
    failures: Mapping[str, str] = field(default_factory=dict)
    seed: int

    def tables(self) -> tuple[Table, ...]:
        """The limits with their errors."""
        table = limit_table(self.poi, self.level, self.observed, self.expected, f"by toys; {self.note}")
        return (replace(table, rows=[*table.rows, ("error", self.observed_error, *self.expected_errors)]),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``limit --toys``; ``None`` for a limit that was not found, see ``failures``."""
        names = dict(zip((OBSERVED, *EXPECTED), (self.observed, *self.expected), strict=False))
        errors = {"observed": plain(self.observed_error), "expected": list(map(plain, self.expected_errors))}
        return {
            "poi": self.poi_dict(),
            "observed": plain(self.observed),
            "expected": list(map(plain, self.expected)),
            "errors": errors,
            "outside_range": self.outside_range(names),
            "level": self.level,
            "scan": [
                {
                    "poi": t.poi_test,
                    "CLs_obs": t.cls.value,
                    "CLs_exp": list(t.cls_exp),
                    "errors": {"CLs_obs": t.cls.error, "CLs_exp": list(t.cls_exp_error)},
                }
                for t in self.scan
            ],
            "toys": {
                "signal": sum(t.n_signal for t in self.scan),
                "background": sum(t.n_background for t in self.scan),
                "failed": sum(t.failed_signal + t.failed_background for t in self.scan),
                "seeds": [self.seed],
            },
            **({"failures": dict(self.failures)} if self.failures else {}),
            "conventions": self.conventions,
        }


def toy_limit(
    model: Model,
    data: Data,
    level: float = 0.05,
    *,
    test_stat: TestStat = "qtilde",
    poi_range: PoiRange = "named",
    bands: bool = True,
    options: FitOptions = DEFAULT_OPTIONS,
    toy_options: ToyOptions = DEFAULT_TOYS,
    batch: BatchOptions = DEFAULT_BATCH,
) -> ToyLimitResult:
    """Observed and expected upper limits on the parameter of interest by toys.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    level, test_stat, poi_range, bands, options
        as in :func:`~hftranslate.inference.limits.upper_limit`.
    toy_options, batch
        as in :func:`~hftranslate.toys.hypotest.toy_test`, for every tested value.

    Returns
    -------
    ToyLimitResult
        limits with their statistical uncertainties, and the tested values.

    Raises
    ------
    FitFailed
        No limit at all was found.
    InputError
        The level lies not between 0 and 1, or the test statistic is two-sided.
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"the level of a limit lies between 0 and 1, not {level}")
    if test_stat not in ONE_SIDED:
        raise InputError(f"an upper limit needs a one-sided test statistic, {' or '.join(ONE_SIDED)}, not {test_stat}")
    tester = Tester(model=model, data=data, test_stat=test_stat, poi_range=poi_range, options=options)
    wanted: tuple[int | None, ...] = (2, None, 1, 3, 0, 4) if bands else (None,)
    guesses = _guesses(tester, level, bands)
    journal = journal_of(batch, experiment_of(tester, 0.0), data)
    tests: dict[float, ToyTestResult] = {}

    def test(poi: float) -> None:
        if poi not in tests:
            tests[poi] = run_toy_test(tester, poi, toy_options, batch=batch, journal=journal)

    limits: dict[int | None, tuple[float, float]] = {}
    failures: dict[str, str] = {}
    for band in wanted:
        try:
            test(min(guesses[band], tester.range[1]))
            limits[band] = _limit(test, tests, band, level, tester.range[1])
        except FitFailed as error:
            limits[band] = nan, nan
            failures[OBSERVED if band is None else EXPECTED[band]] = str(error)
    if not any(isfinite(value) for value, _ in limits.values()):
        raise FitFailed(f"no upper limit: {failures[EXPECTED[2] if bands else OBSERVED]}")
    expected = [limits[band] for band in range(len(BANDS))] if bands else []
    return ToyLimitResult(
        **tester.about,
        seed=toy_options.seed,
        level=level,
        observed=limits[None][0],
        observed_error=limits[None][1],
        expected=tuple(value for value, _ in expected),
        expected_errors=tuple(error for _, error in expected),
        scan=tuple(tests[poi] for poi in sorted(tests)),
        failures=failures,
    )


def _guesses(tester: Tester, level: float, bands: bool) -> dict[int | None, float]:
    """Where to begin: the asymptotic limits, or for those that do not exist the first guess of them."""
    guess = first_guess(tester)
    guesses: dict[int | None, float] = dict.fromkeys([None, *range(len(BANDS))], guess)
    try:
        found = limits_of(tester, level, tester.range[1], relative_tolerance=1e-3, bands=bands, scan=False)
    except FitFailed:
        return guesses
    limits: dict[int | None, float] = {None: found.observed, **dict(enumerate(found.expected))}
    return guesses | {band: limit for band, limit in limits.items() if isfinite(limit)}


def _limit(
    test: Callable[[float], None], tests: Mapping[float, ToyTestResult], band: int | None, level: float, highest: float
) -> tuple[float, float]:
    """One limit and its error; tests more values, up to the highest one, until one of them is near it."""
    for _ in range(_STEPS):
        points = _curve(tests, band, level)
        if not np.any(points[1] > 0.0):
            test(float(points[0].min()) / _STRIDE)
        elif not np.any(points[1] <= 0.0):
            if points[0].max() >= highest:
                raise FitFailed(f"CLs is still above {level:g} at {highest:.3g}, where the model's range ends")
            test(min(float(points[0].max()) * _STRIDE, highest))
        else:
            break
    else:
        lowest, highest = (points[0].min(), points[0].max())
        raise FitFailed(
            f"CLs does not cross {level:g} between a parameter of interest of {lowest:.3g} and one of {highest:.3g}, "
            "where the asymptotic limit would lead; more toys may help"
        )
    for _ in range(_ROUNDS):
        root, error = _root(*_curve(tests, band, level))
        if min(abs(poi - root) for poi in tests) < _NEAR * root:
            return root, error
        test(min(root, highest))
    return _root(*_curve(tests, band, level))


def _curve(tests: Mapping[float, ToyTestResult], band: int | None, level: float) -> tuple[Floats, Floats, Floats]:
    """Tested values, by how many standard deviations CLs is above the level there, and the error of that."""
    values = np.array(sorted(tests))
    excess, errors = np.zeros(len(values)), np.zeros(len(values))
    for i, poi in enumerate(values):
        t = tests[float(poi)]
        cls, error = (t.cls.value, t.cls.error) if band is None else (t.cls_exp[band], t.cls_exp_error[band])
        least = 0.5 / t.n_signal
        z = significance_of(min(max(cls, least), 1.0 - least))
        excess[i] = significance_of(level) - z
        errors[i] = max(error, least) * sqrt(2.0 * pi) * exp(0.5 * z * z)
    return values, excess, errors


def _root(values: Floats, excess: Floats, errors: Floats) -> tuple[float, float]:
    """Where the curve falls through zero, and the error of that.

    By the line that fits the points around best, where there are some on either side, else through the two nearest.
    """
    above = int(np.flatnonzero(excess > 0.0)[-1])  # the largest value that is not excluded
    if above + 1 == len(values):  # by a fluctuation: those before are excluded
        above = int(np.flatnonzero(excess <= 0.0)[-1]) - 1
    near = (np.abs(excess) < _AROUND) | (np.arange(len(values)) == above) | (np.arange(len(values)) == above + 1)
    x, y, weights = values[near], excess[near], 1.0 / errors[near]
    centre = float(np.average(x, weights=weights**2))
    design = np.stack([np.ones(len(x)), x - centre], axis=1) * weights[:, None]
    covariance = np.linalg.inv(design.T @ design)
    offset, slope = covariance @ design.T @ (y * weights)
    if slope >= 0.0:
        low, high = values[above], values[above + 1]
        return 0.5 * float(low + high), 0.5 * float(high - low)
    root = centre - offset / slope
    variance = covariance[0, 0] + 2.0 * covariance[0, 1] * (root - centre) + covariance[1, 1] * (root - centre) ** 2
    return float(root), float(sqrt(variance) / abs(slope))
