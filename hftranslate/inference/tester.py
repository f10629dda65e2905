r"""Test statistics of one data set (arXiv:1007.1727v3, "CCGV").

With the profile likelihood ratio ``lambda(mu) = L(mu, theta_hat_hat) / L(mu_hat, theta_hat)`` (CCGV Eq. 7):

* ``t_mu = -2 ln lambda(mu)`` (Eq. 8), two-sided;
* ``t~_mu``: the same, but where ``mu_hat < 0`` the comparison is with the fit at ``mu = 0`` (Eqs. 10 and 11);
* ``q_mu``: ``t_mu``, but zero where ``mu_hat > mu`` (Eq. 14), for upper limits;
* ``q~_mu``: ``t~_mu``, but zero where ``mu_hat > mu`` (Eq. 16), for upper limits on what cannot be negative;
* ``q_0``: ``t_0``, but zero where ``mu_hat < 0`` (Eq. 12), for a discovery (:mod:`hftranslate.inference.discovery`).

A test statistic is defined by its name: the range that a model happens to give its parameter of interest does not
change it, unless ``poi_range="model"`` asks for that (ROOT's and pyhf's behaviour).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf, isfinite, nan
from typing import Any, Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

from hftranslate.display.speaking import Result, Table, plain, short
from hftranslate.errors import FitFailed, InputError, did_you_mean
from hftranslate.inference.asymptotics import BANDS, TestStat, asymptotic_cls, asymptotic_pvalues, expected_pvalues
from hftranslate.inference.fit import FitResult, fit, lowest
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.together import Fits
from hftranslate.likelihood.model import Data, Model, check_model_and_data
from hftranslate.workspace.arrays import as_float, is_number

#: What users have to know of tests that ended well otherwise.
_doubts = logging.getLogger("hftranslate.doubts")

Floats = NDArray[np.float64]
PoiRange = Literal["named", "model"]
#: Every statistic, that of a discovery too.
AnyStat = Literal["qtilde", "q", "ttilde", "t", "q0"]
#: What is fitted: what was observed, or the background-only Asimov data.
Which = Literal["data", "asimov"]
#: What fits leave of a best fit at the end of a range, in units of the range (of at most ten).
_ROUNDING = 1e-7
#: A difference of two minima of the NLL that is nothing but rounding.
_NOTHING = 1e-14


def poi_bounds(model: Model) -> tuple[float, float]:
    """The model's range of the parameter of interest."""
    low, high = (float(b) for b in model.parameters.bounds[model.parameters.poi_index])
    return low, high


def free_range(model: Model, poi_test: float, test_stat: AnyStat, poi_range: PoiRange) -> tuple[float, float]:
    """The range of the parameter of interest in the free fit of a test statistic.

    Above the tested value it does not matter for the statistics that are zero there: the model's range is kept.
    """
    low, high = poi_bounds(model)
    if poi_range == "model":
        return low, high
    match test_stat:
        case "q" | "qtilde":
            high = max(high, poi_test)
        case "t" | "ttilde" | "q0":
            high = inf
        case _ as unreachable:
            assert_never(unreachable)
    return (-inf if test_stat in ("q", "t") else 0.0), high


def statistic(test_stat: AnyStat, poi_test: float, muhat: float, difference: float) -> float:
    """A test statistic from the best fit of the parameter of interest and the difference of the two minima.

    Parameters
    ----------
    muhat
        the best fit within the range that belongs to the statistic (:func:`free_range`).
    difference
        NLL of the fit at the tested value minus that of the best fit; a negative one, from rounding, counts as zero.
    """
    match test_stat:
        case "t" | "ttilde":
            counts = True
        case "q" | "qtilde":
            counts = muhat <= poi_test
        case "q0":
            counts = muhat > 0.0
        case _ as unreachable:
            assert_never(unreachable)
    return max(0.0, 2.0 * difference) if counts else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OfPoi(Result):
    """A result about the parameter of interest.

    Attributes
    ----------
    poi, poi_bounds
        its name, and the range that the model gives it; no bounds where nobody knows.
    conventions
        whose evaluation the model follows.
    """

    poi: str = ""
    poi_bounds: tuple[float, float] = (-inf, inf)
    conventions: str = ""

    def outside_range(self, values: Mapping[str, float]) -> list[str]:
        """Which values of the parameter of interest, by what they are, lie outside the model's range of it."""
        low, high = self.poi_bounds
        rounding = _ROUNDING * min(high - low, 10.0)
        return [what for what, value in values.items() if value < low - rounding or value > high + rounding]

    def poi_dict(self) -> dict[str, Any]:
        """Name and range of the parameter of interest as plain JSON values; an open end is ``None``."""
        return {"name": self.poi, "range": [plain(end) for end in self.poi_bounds]}

    @property
    def note(self) -> str:
        """The line below its table."""
        return f"conventions: {self.conventions}"


def bands_table(caption: str, rows: Mapping[str, tuple[float, Sequence[float]]], note: str) -> Table:
    """Values, each observed and expected at -2 ... +2 standard deviations."""
    columns = ("", "observed", *(f"expected {k:+.0f}σ" if k else "expected" for k in BANDS))
    return Table(
        caption=caption,
        columns=columns if any(len(expected) for _, expected in rows.values()) else columns[:2],
        rows=[(name, observed, *expected) for name, (observed, expected) in rows.items()],
        note=note,
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HypoTestResult(OfPoi):
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

    def tables(self) -> tuple[Table, ...]:
        """The p-values."""
        rows = {
            "CLs": (self.cls_obs, self.cls_exp),
            "CLs+b": (self.clsb_obs, self.clsb_exp),
            "CLb": (self.clb_obs, self.clb_exp),
        }
        caption = f"CLs = {self.cls_obs:.4g} at {self.poi or 'POI'} = {self.poi_test:g}, expected {self.cls_exp[2]:.4g}"
        best = f"best fit {short(self.muhat)} ({self.muhat_status}); {self.test_stat}; {self.note}"
        return (bands_table(caption, rows, best),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``cls``, with pyhf's keys ``CLs_obs`` and ``CLs_exp``.

        ``outside_range`` names what lies outside the model's range of the parameter of interest.
        """
        return {
            "CLs_obs": self.cls_obs,
            "CLs_exp": list(self.cls_exp),
            "CLsb": self.clsb_obs,
            "CLb": self.clb_obs,
            "poi_test": self.poi_test,
            "test_stat": self.test_stat,
            "q": self.q,
            "q_asimov": self.q_asimov,
            "muhat": self.muhat,
            "status": self.muhat_status,
            "outside_range": self.outside_range({"poi_test": self.poi_test, "muhat": self.muhat}),
            "conventions": self.conventions,
        }


def check_poi_test(poi_test: object) -> float:
    """A value to test as a floating-point number; what is none, or not finite, is refused."""
    value = as_float(poi_test) if is_number(poi_test) or isinstance(poi_test, np.number) else nan
    if not isfinite(value):
        raise InputError(f"cannot test the parameter of interest at {poi_test!r}; expected a finite number")
    return value


@dataclass(frozen=True, kw_only=True, eq=False)
class Tester:
    """Tests many values of the parameter of interest on one data set, fitting what they have in common once."""

    model: Model
    data: Data
    test_stat: TestStat = "qtilde"
    poi_range: PoiRange = "named"
    options: FitOptions = DEFAULT_OPTIONS
    _conditional: dict[tuple[str, float], FitResult] = field(default_factory=dict, repr=False)
    _made: dict[FitResult, Data] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse names that mean nothing, which come from users of the Python interface, and what cannot be tested."""
        check_model_and_data(self.model, self.data)
        for what, name, kind in (("test statistic", self.test_stat, TestStat), ("range", self.poi_range, PoiRange)):
            if name not in get_args(kind):
                raise InputError(f"no {what} {name!r} of tests" + did_you_mean(str(name), get_args(kind)))
        p = self.model.parameters
        if p.fixed[p.poi_index]:
            raise InputError(
                f"the parameter of interest {self.poi!r} is constant, at {p.init[p.poi_index]:g}, and tests move it; "
                "free it ('fixed' in JSON, ParamSetting Const in XML), or choose another measurement"
            )

    @cached_property
    def poi(self) -> str:
        """Name of the parameter of interest."""
        return self.model.parameters.names[self.model.parameters.poi_index]

    @cached_property
    def about(self) -> dict[str, Any]:
        """What its results know of the model: the fields of :class:`OfPoi`."""
        return {"poi": self.poi, "poi_bounds": poi_bounds(self.model), "conventions": self.model.conventions.name}

    @property
    def range(self) -> tuple[float, float]:
        """The values of the parameter of interest that can be tested."""
        low, high = poi_bounds(self.model) if self.poi_range == "model" else (-inf, inf)
        return (max(low, 0.0) if self.test_stat.endswith("tilde") else low), high

    def _admit(self, poi: float) -> None:
        """Refuse a value for which the test statistic has no meaning."""
        low, high = self.range
        if low <= poi <= high:
            return
        if poi < 0.0 and self.test_stat.endswith("tilde"):
            raise InputError(
                f"{self.test_stat} is for signals that cannot be negative: it tests no {self.poi} = {poi:g}; take "
                f"{self.test_stat.removesuffix('tilde')!r}"
            )
        low, high = poi_bounds(self.model)
        raise InputError(
            f"{self.poi} = {poi:g} lies outside the model's range, [{low:g}, {high:g}], to which tests are to keep; "
            "--poi-range named looks beyond it"
        )

    @property
    def _asimov(self) -> tuple[Data, FitResult]:
        """Background-only Asimov data, and the fit at zero that made it."""
        background = self._at("data", 0.0)
        if background not in self._made:
            self._made[background] = self.model.expected_data(background.values)
        return self._made[background], background

    @property
    def _asimov_minimum(self) -> float:
        """NLL of the Asimov data at ``mu' = 0``: the point that made them, refitted where constraints are truncated."""
        if self.model.conventions.truncate_constraints:
            return self._at("asimov", 0.0).excess_nll
        data, background = self._asimov
        return self.model.excess_nll(background.values, data)

    def free_fit(self, poi_test: float = 0.0) -> FitResult:
        """The fit with the parameter of interest free within the range that the test statistic's name defines."""
        return self._free(*free_range(self.model, poi_test, self.test_stat, self.poi_range))

    def _free(self, low: float, high: float) -> FitResult:
        if self._begun(low, high) and low <= 0.0 <= high:
            self._not_above(self._at("data", 0.0), low, high)  # which makes the Asimov data, and is no lower either
        return self._conditional["free", high]

    def _begun(self, low: float, high: float) -> bool:
        """Make the free fit, by itself, if it is not there; whether it was not."""
        if ("free", high) in self._conditional:
            return False
        start = self.model.parameters.init.copy()
        index = self.model.parameters.poi_index
        start[index] = min(max(start[index], low), high)
        self._conditional["free", high] = self._fit_within(low, high, start)
        return True

    def _fit_within(self, low: float, high: float, start: Floats) -> FitResult:
        return fit(self.model, self.data, bounds={self.poi: (low, high)}, start=start, options=self.options)

    def _not_above(self, conditional: FitResult, low: float, high: float) -> None:
        """Refit the free fit from a conditional one that ended below it: it was not at its minimum."""
        if conditional.excess_nll < self._conditional["free", high].excess_nll - self.options.tolerance:
            self._conditional["free", high] = self._fit_within(low, high, conditional.values)

    def conditional_fit(self, poi: float) -> FitResult:
        """The fit with the parameter of interest held at a value."""
        return self._at("data", poi)

    def _at(self, which: Which, poi: float) -> FitResult:
        """The conditional fit of the data or the Asimov data at a value of the parameter of interest."""
        self._admit(poi)
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

    def asimov_fit(self, poi: float) -> FitResult:
        """The fit of the background-only Asimov data with the parameter of interest held at a value."""
        return self._at("asimov", poi)

    def q_asimov(self, poi_test: float) -> float:
        """The test statistic in the background-only Asimov data."""
        difference = self._at("asimov", poi_test).excess_nll - self._asimov_minimum
        return 2.0 * difference if difference > _NOTHING else 0.0

    def q(self, poi_test: float) -> tuple[float, FitResult, FitResult]:
        """The test statistic in the data, with the free and the conditional fit.

        A conditional fit that ends below the free one shows that the free one was not at its minimum: it is refitted
        from there.
        """
        low, _ = poi_bounds(self.model)
        if self.poi_range == "model" and self.test_stat.endswith("tilde") and low < 0.0:
            _doubts.warning(
                "%s is for signals that cannot be negative, and tests keep to the model's range of %r, which begins at "
                "%g: with a best fit below zero its formulae do not hold; take %r, or leave out --poi-range model",
                *(self.test_stat, self.poi, low, self.test_stat.removesuffix("tilde")),
            )
        return self._compare(self.test_stat, poi_test)

    def many(self, which: Which, pois: Sequence[float], known: Mapping[float, Floats]) -> Fits:
        """The conditional fits of the data or the Asimov data at many values, which are made elsewhere, and at once.

        They start where single ones do, or on the line through the two nearest points that are ``known`` if the NLL is
        lower there: what they find may depend on what else was fitted, and is kept out of the results of single fits.
        """
        data, near = (self.data, self.free_fit()) if which == "data" else self._asimov
        p, at = self.model.parameters, np.array(pois)
        starts = np.stack([near.all_moved((self.poi,), at[:, None]), np.tile(near.values, (len(at), 1))])
        if len(known) > 1:
            x, points = np.array(list(known)), np.array(list(known.values()))
            a, b = np.argsort(np.abs(x - at[:, None]), axis=1)[:, :2].T
            lines = points[a] + ((at - x[a]) / (x[b] - x[a]))[:, None] * (points[b] - points[a])
            starts = np.concatenate([starts, np.clip(lines, *p.bounds.T)[None]])
        starts[:, :, p.poi_index] = at
        values = self.model.excess_of_many(starts.reshape(-1, len(p)), data).reshape(starts.shape[:2])
        lowest = np.argmin(np.where(np.isfinite(values), values, inf), axis=0)
        free = ~near.fixed
        free[p.poi_index] = False
        return Fits.of(data, starts[lowest, np.arange(len(at))], free, p.bounds)

    def statistics(self, which: Which, excesses: Mapping[float, float]) -> dict[float, float]:
        """The test statistics of conditional minima of the NLL that were found elsewhere, but for infinite ones."""
        found = {poi: excess for poi, excess in excesses.items() if isfinite(excess)}
        if which == "asimov":
            least = self._asimov_minimum
            return {poi: max(0.0, 2.0 * (excess - least)) for poi, excess in found.items()}
        free, index = self.free_fit(), self.model.parameters.poi_index
        at_end = free.at_bound[index] and free.values[index] > free.bounds[index].mean()
        for poi, excess in found.items():
            if at_end:
                free = self._free(*free_range(self.model, poi, self.test_stat, self.poi_range))
            found[poi] = statistic(self.test_stat, poi, free.value(self.poi), excess - free.excess_nll)
        return found

    def q0(self) -> tuple[float, FitResult, FitResult]:
        """The discovery statistic in the data, with the free fit and the one without signal."""
        return self._compare("q0", 0.0)

    def _range(self, test_stat: AnyStat, poi_test: float) -> tuple[float, float]:
        """The range of the parameter of interest in the free fit."""
        low, high = free_range(self.model, poi_test, test_stat, self.poi_range)
        return min(low, free_range(self.model, poi_test, self.test_stat, self.poi_range)[0]), high  # one for both

    def _compare(self, test_stat: AnyStat, poi_test: float) -> tuple[float, FitResult, FitResult]:
        low, high = self._range(test_stat, poi_test)
        self._free(low, high)
        conditional = self._at("data", poi_test)
        self._not_above(conditional, low, high)
        free = self._conditional["free", high]
        difference = conditional.excess_nll - free.excess_nll
        return statistic(test_stat, poi_test, free.value(self.poi), difference), free, conditional

    def _look_together(self, poi_test: float) -> None:
        """Make the fits of a test without a search for other minima, and then search from all of them at once.

        But for the free fit, which all others begin from: a lower minimum would send them back to their start, as one
        without signal does for the Asimov data.
        """
        low, high = self._range(self.test_stat, poi_test)
        self._begun(low, high)

        def make(first: "Tester") -> None:
            first._compare(self.test_stat, poi_test)
            first.q_asimov(poi_test)

        while self._searched(make):  # as long as that changes what the others begin from
            pass
        if low <= 0.0 <= high:
            self._not_above(self._at("data", 0.0), low, high)

    def prepare(self, asked: Iterable[tuple[Which, float]]) -> None:
        """Make conditional fits that are about to be asked for, so that their searches for other minima are one."""

        def make(first: "Tester") -> None:
            for which, poi in asked:
                with suppress(FitFailed):
                    first._at(which, poi)

        with suppress(FitFailed):  # who asks for the fit is told
            self._searched(make)

    def _searched(self, make: Callable[["Tester"], None]) -> bool:
        """Fits that are made without a search for other minima, and then search together; whether others depend on it.

        A fit that fails is left to be made by itself: a search may help.
        """
        if self.options.other_minima is False:
            return False
        first = replace(self, options=replace(self.options, other_minima=False), _conditional={**self._conditional})
        with suppress(FitFailed):
            make(first)
        new = {key: fit for key, fit in first._conditional.items() if key not in self._conditional}
        for (key, before), after in zip(new.items(), lowest(list(new.values()), self.options), strict=True):
            self._conditional[key] = after
            if after is not before and (key[0] == "free" or key == ("data", 0.0)):
                return True
        return False

    def test(self, poi_test: float) -> HypoTestResult:
        """Observed and expected CLs of one value of the parameter of interest."""
        poi_test = check_poi_test(poi_test)
        self._look_together(poi_test)
        q, free, conditional = self.q(poi_test)
        q_asimov = self.q_asimov(poi_test)
        clsb, clb = asymptotic_pvalues(q, q_asimov, self.test_stat)
        clsb_exp, clb_exp, cls_exp = expected_pvalues(q_asimov, self.test_stat)
        return HypoTestResult(
            **self.about,
            poi_test=poi_test,
            test_stat=self.test_stat,
            q=q,
            q_asimov=q_asimov,
            muhat=free.value(self.poi),
            muhat_status=free.status,
            clsb_obs=clsb,
            clb_obs=clb,
            cls_obs=asymptotic_cls(q, q_asimov, self.test_stat),
            clsb_exp=clsb_exp,
            clb_exp=clb_exp,
            cls_exp=cls_exp,
            free_nll=free.nll,
            conditional_nll=conditional.nll,
        )
