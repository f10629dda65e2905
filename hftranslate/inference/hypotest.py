r"""Test statistics, asymptotic CLs and upper limits (arXiv:1007.1727, "CCGV"; CLs: J. Phys. G 28 (2002) 2693).

With the profile likelihood ratio ``lambda(mu) = L(mu, theta_hat_hat) / L(mu_hat, theta_hat)``:

* ``q_mu = -2 ln lambda(mu)``, zero where ``mu_hat > mu`` (CCGV Eq. 14);
* ``q~_mu``: the same, but where ``mu_hat < 0`` the comparison is with the fit at ``mu = 0`` (CCGV Eq. 16).

A test statistic is defined by its name: the range that a model happens to give its parameter of interest does not
change it, unless ``poi_range="model"`` asks for that (ROOT's and pyhf's behaviour).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, isfinite, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.fit import FitResult, fit
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.likelihood.model import Data, Model

Floats = NDArray[np.float64]
TestStat = Literal["qtilde", "q"]
PoiRange = Literal["named", "model"]

#: The quantiles of the background-only expectation at which expected results are given, in standard deviations.
BANDS = (-2.0, -1.0, 0.0, 1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HypoTestResult:
    """A test of one value of the parameter of interest.

    Attributes
    ----------
    poi_test, test_stat
        the tested value and the test statistic's name.
    q, q_asimov
        the test statistic in the data and in the background-only Asimov data.
    muhat, muhat_status
        best-fit value of the parameter of interest within the range of the test statistic, and how that fit ended.
    clsb_obs, clb_obs, cls_obs
        p-values of signal plus background and of background, and their ratio.
    clsb_exp, clb_exp, cls_exp
        the same at -2, -1, 0, +1, +2 standard deviations of the background-only expectation, ``(5,)``.
    free_nll, conditional_nll
        NLL at the two minima, constants included.
    """

    poi_test: float
    test_stat: TestStat
    q: float
    q_asimov: float
    muhat: float
    muhat_status: str
    clsb_obs: float
    clb_obs: float
    cls_obs: float
    clsb_exp: tuple[float, ...]
    clb_exp: tuple[float, ...]
    cls_exp: tuple[float, ...]
    free_nll: float
    conditional_nll: float


def free_range(model: Model, poi_test: float, test_stat: TestStat, poi_range: PoiRange) -> tuple[float, float]:
    """The range of the parameter of interest in the free fit of a test statistic."""
    low, high = (float(b) for b in model.parameters.bounds[model.parameters.poi_index])
    if poi_range == "named":
        return (0.0 if test_stat == "qtilde" else -inf), max(high, poi_test)
    return low, high


def _tail(z: float) -> float:
    """Probability of a standard normal variable above ``z``."""
    return float(ndtr(-z))


def asymptotic_pvalues(q: float, q_asimov: float, test_stat: TestStat = "qtilde") -> tuple[float, float]:
    """``CLs+b`` and ``CLb`` of an observed test statistic (CCGV Eqs. 59 and 66, with sigma from the Asimov data).

    For q the statistic is distributed as in Eq. 59 everywhere; for q-tilde Eq. 66 changes its form beyond ``q_asimov``.
    """
    root, root_a = sqrt(q), sqrt(q_asimov)
    if test_stat == "q" or q <= q_asimov:
        return _tail(root), _tail(root - root_a)
    if q_asimov == 0.0:
        return 0.0, 0.0
    return _tail((q + q_asimov) / (2.0 * root_a)), _tail((q - q_asimov) / (2.0 * root_a))


def expected_pvalues(q_asimov: float) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """``CLs+b``, ``CLb`` and ``CLs`` at the five quantiles of the background-only expectation (CCGV section 4.3)."""
    root_a = sqrt(q_asimov)
    clsb = tuple(_tail(root_a - k) for k in BANDS)
    clb = tuple(_tail(-k) for k in BANDS)
    return clsb, clb, tuple(a / b for a, b in zip(clsb, clb, strict=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class Tester:
    """Tests many values of the parameter of interest on one data set, fitting what they have in common once."""

    model: Model
    data: Data
    test_stat: TestStat = "qtilde"
    poi_range: PoiRange = "named"
    options: FitOptions = DEFAULT_OPTIONS
    _conditional: dict[tuple[str, float], FitResult] = field(default_factory=dict, repr=False)

    @cached_property
    def poi(self) -> str:
        """Name of the parameter of interest."""
        return self.model.parameters.names[self.model.parameters.poi_index]

    @cached_property
    def _asimov(self) -> tuple[Data, FitResult]:
        """Background-only Asimov data, and the fit at zero that made it."""
        background = self._at("data", 0.0)
        return self.model.expected_data(background.values), background

    @cached_property
    def _asimov_minimum(self) -> float:
        """NLL of the Asimov data at ``mu' = 0``: the point that made them, refitted where constraints are truncated."""
        data, background = self._asimov
        if not self.model.conventions.truncate_constraints:
            return self.model.excess_nll(background.values, data)
        return self._at("asimov", 0.0).excess_nll

    def free_fit(self, poi_test: float = 0.0) -> FitResult:
        """The fit with the parameter of interest free within the range that the test statistic's name defines."""
        low, high = self._range(poi_test)
        if ("free", high) not in self._conditional:
            start = self.model.parameters.init.copy()
            index = self.model.parameters.poi_index
            start[index] = min(max(start[index], low), high)
            self._conditional["free", high] = fit(
                self.model, self.data, bounds={self.poi: (low, high)}, start=start, options=self.options
            )
        return self._conditional["free", high]

    def _range(self, poi_test: float) -> tuple[float, float]:
        return free_range(self.model, poi_test, self.test_stat, self.poi_range)

    def _at(self, which: Literal["data", "asimov"], poi: float) -> FitResult:
        """The conditional fit of the data or the Asimov data at a value of the parameter of interest."""
        key = (which, poi)
        if key not in self._conditional:
            # Always from the same point, so that no result depends on what was asked before.
            data, near = (self.data, self.free_fit()) if which == "data" else self._asimov
            if which == "data" and near.value(self.poi) == poi:
                return near  # at a bound, say: the free fit is the conditional one
            start = near.moved(self.poi, poi)
            if not isfinite(self.model.excess_nll(start, data)):  # too far for a straight line
                start = near.values
            self._conditional[key] = fit(self.model, data, fixed={self.poi: poi}, start=start, options=self.options)
        return self._conditional[key]

    def q_asimov(self, poi_test: float) -> float:
        """The test statistic in the background-only Asimov data."""
        return max(0.0, 2.0 * (self._at("asimov", poi_test).excess_nll - self._asimov_minimum))

    def q(self, poi_test: float) -> tuple[float, FitResult, FitResult]:
        """The test statistic in the data, with the free and the conditional fit.

        A conditional fit that ends below the free one shows that the free one was not at its minimum: it is refitted
        from there.
        """
        free, conditional = self.free_fit(poi_test), self._at("data", poi_test)
        low, high = self._range(poi_test)
        if conditional.excess_nll < free.excess_nll - self.options.tolerance:
            free = fit(
                self.model,
                self.data,
                bounds={self.poi: (low, high)},
                start=conditional.values,
                options=self.options,
            )
            self._conditional["free", high] = free
        if free.value(self.poi) > poi_test:
            return 0.0, free, conditional
        return max(0.0, 2.0 * (conditional.excess_nll - free.excess_nll)), free, conditional

    def test(self, poi_test: float) -> HypoTestResult:
        """Observed and expected CLs of one value of the parameter of interest."""
        if not isfinite(poi_test):
            raise InputError(f"cannot test the parameter of interest at {poi_test}")
        q, free, conditional = self.q(poi_test)
        q_asimov = self.q_asimov(poi_test)
        clsb, clb = asymptotic_pvalues(q, q_asimov, self.test_stat)
        clsb_exp, clb_exp, cls_exp = expected_pvalues(q_asimov)
        return HypoTestResult(
            poi_test=poi_test,
            test_stat=self.test_stat,
            q=q,
            q_asimov=q_asimov,
            muhat=free.value(self.poi),
            muhat_status=free.status,
            clsb_obs=clsb,
            clb_obs=clb,
            cls_obs=clsb / clb if clb > 0.0 else 0.0,
            clsb_exp=clsb_exp,
            clb_exp=clb_exp,
            cls_exp=cls_exp,
            free_nll=free.nll,
            conditional_nll=conditional.nll,
        )


def hypotest(
    model: Model,
    data: Data,
    poi_test: float = 1.0,
    *,
    test_stat: TestStat = "qtilde",
    poi_range: PoiRange = "named",
    options: FitOptions = DEFAULT_OPTIONS,
) -> HypoTestResult:
    """Asymptotic CLs, observed and expected, of one value of the parameter of interest.

    Parameters
    ----------
    poi_test
        the value to test.
    test_stat
        ``"qtilde"`` (for signals that cannot be negative) or ``"q"``.
    poi_range
        ``"named"``: the statistic is what its name says; ``"model"``: its fits stay within the model's range of the
        parameter of interest, whatever that is, as in ROOT and pyhf.

    Raises
    ------
    FitFailed
        One of the fits reached no minimum.
    MissingInput
        The measurement names no parameter of interest that the model has.
    """
    return Tester(model=model, data=data, test_stat=test_stat, poi_range=poi_range, options=options).test(poi_test)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperLimitResult:
    """Upper limits at the confidence level ``1 - level``: where CLs falls to ``level``.

    ``expected`` holds the five limits at -2 ... +2 standard deviations; ``scan`` every tested value with its observed
    and expected CLs, in increasing order.
    """

    level: float
    observed: float
    expected: tuple[float, ...]
    scan: tuple[tuple[float, float, tuple[float, ...]], ...]


def upper_limit(
    model: Model,
    data: Data,
    level: float = 0.05,
    *,
    test_stat: TestStat = "qtilde",
    poi_range: PoiRange = "named",
    relative_tolerance: float = 1e-6,
    options: FitOptions = DEFAULT_OPTIONS,
) -> UpperLimitResult:
    """Observed and expected upper limits on the parameter of interest, by root finding on CLs.

    The fits of tested values are shared by the six limits; the bracket grows until it holds each of them.

    Raises
    ------
    FitFailed
        A fit failed, or CLs does not fall to ``level`` however large the parameter of interest.
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"the level of a limit lies between 0 and 1, not {level}")
    tester = Tester(model=model, data=data, test_stat=test_stat, poi_range=poi_range, options=options)
    results: dict[float, HypoTestResult] = {}

    def cls(poi: float, band: int | None) -> float:
        if poi not in results:
            results[poi] = tester.test(poi)
        return results[poi].cls_obs if band is None else results[poi].cls_exp[band]

    free = tester.free_fit()
    sigma = free.uncertainty(tester.poi)
    guess = max(free.value(tester.poi), 0.0) + 2.0 * (sigma if isfinite(sigma) and sigma > 0.0 else 1.0)
    limits = []
    for band in (2, None, 0, 1, 3, 4):
        limit = _crossing(lambda mu, b=band: cls(mu, b), level, guess, results, relative_tolerance)  # type: ignore[misc]
        limits.append(limit)
        guess = limit
    median, observed, *rest = limits
    return UpperLimitResult(
        level=level,
        observed=observed,
        expected=(rest[0], rest[1], median, rest[2], rest[3]),
        scan=tuple((mu, r.cls_obs, r.cls_exp) for mu, r in sorted(results.items())),
    )


def _crossing(
    cls: Callable[[float], float],
    level: float,
    guess: float,
    tested: dict[float, HypoTestResult],
    relative_tolerance: float,
) -> float:
    """Where a falling CLs curve reaches ``level``: an expanding bracket that reuses what was tested, then Brent."""
    from scipy.optimize import brentq

    known = sorted(mu for mu in tested if mu > 0.0)
    low = max((mu for mu in known if cls(mu) > level), default=0.0)
    high = min((mu for mu in known if mu > low and cls(mu) <= level), default=None)
    step = guess if high is None else high
    while high is None:
        try:
            excluded = cls(step) <= level
        except FitFailed as error:
            if low == 0.0:
                raise
            raise FitFailed(
                f"no upper limit: CLs is still {cls(low):.3g} at a parameter of interest of {low:.3g}; "
                f"beyond, at {step:.3g}: {error}"
            ) from error
        if excluded:
            high = step
        else:
            low, step = step, 2.0 * step
            if step > 1e12 * guess:
                raise FitFailed(
                    f"no upper limit: CLs is still {cls(low):.3g} at a parameter of interest of {low:.3g}; "
                    "does the parameter change the expectation?"
                )
    while low == 0.0:  # CLs tends to one at zero, but a fit exactly there may not exist
        middle = high / 2.0
        if cls(middle) > level:
            low = middle
        else:
            high = middle
            if high < 1e-12 * guess:
                raise FitFailed(f"no upper limit: CLs is below {level} down to a parameter of interest of {high:.3g}")
    # ln CLs is nearly linear in the parameter of interest, CLs is not
    root = brentq(
        lambda mu: np.log(max(cls(mu), 1e-300) / level), low, high, rtol=relative_tolerance, xtol=1e-12 * high
    )
    return float(root)


def hypotest_document(model: Model, result: HypoTestResult) -> dict[str, Any]:
    """A test as plain JSON values, with pyhf's keys ``CLs_obs`` and ``CLs_exp``."""
    return {
        "CLs_obs": result.cls_obs,
        "CLs_exp": list(result.cls_exp),
        "CLsb": result.clsb_obs,
        "CLb": result.clb_obs,
        "poi_test": result.poi_test,
        "test_stat": result.test_stat,
        "q": result.q,
        "q_asimov": result.q_asimov,
        "muhat": result.muhat,
        "status": result.muhat_status,
        "conventions": model.conventions.name,
    }


def limit_document(model: Model, result: UpperLimitResult) -> dict[str, Any]:
    """An upper limit as plain JSON values."""
    return {
        "observed": result.observed,
        "expected": list(result.expected),
        "level": result.level,
        "scan": [{"poi": mu, "CLs_obs": observed, "CLs_exp": list(expected)} for mu, observed, expected in result.scan],
        "conventions": model.conventions.name,
    }
