"""p-values from toys, with their statistical errors, and what they expect (as RooStats' FrequentistCalculator).

Toys of a hypothesis are drawn, events and global observables, at the nuisance parameters that fit the data best at its
value of the parameter of interest. A p-value is the fraction of toys whose test statistic is at least as large as that
of the data. Toys without a valid fit are left out of it; how far they could move it is given, and where they are more
than one in a hundred there is no p-value.

Where the statistic of the data is zero (best fit beyond the tested value) every toy is at least as large: ``CLs+b`` and
``CLb`` are one, where the asymptotic formulae say one half and ``Phi(sqrt(q_A))``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.journal import Journal
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.display.speaking import Table, short
from hftranslate.inference.asymptotics import BANDS, TestStat
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import OfPoi, PoiRange, Tester, bands_table, check_poi_test
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.scipy_parts import ndtr
from hftranslate.toys.samples import (
    DEFAULT_TOYS,
    HYPOTHESES,
    ToyExperiment,
    ToyOptions,
    ToySample,
    journal_of,
    observed_key,
    run_toys,
)

Floats = NDArray[np.float64]

#: Statistics that differ by less are the same: what the fits leave of it.
TIE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class PValue:
    """A p-value from toys.

    Attributes
    ----------
    value, error
        the fraction of valid toys, and its standard deviation (binomial; where none or all of them count, that of one
        toy more or less).
    low, high
        the fraction if all failed toys were below the data, or above.
    """

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OfToys(OfPoi):
    """A result by toys.

    Attributes
    ----------
    n_signal, n_background, failed_signal, failed_background
        toys of each hypothesis, and how many of them could not be fitted.
    seeds
        what the toys follow from.
    """

    n_signal: int
    n_background: int
    failed_signal: int
    failed_background: int
    seeds: tuple[int, ...] = ()

    @property
    def note(self) -> str:
        """The line below its table."""
        return f"{self.n_signal} and {self.n_background} toys with and without signal; conventions: {self.conventions}"

    def toys_dict(self, p_values: Mapping[str, PValue]) -> dict[str, Any]:
        """How many toys there were, and between which bounds failed ones leave the p-values."""
        failed = self.failed_signal or self.failed_background
        return {
            "signal": self.n_signal,
            "background": self.n_background,
            "failed_signal": self.failed_signal,
            "failed_background": self.failed_background,
            "seeds": list(self.seeds),
            **({"bounds": {name: [p.low, p.high] for name, p in p_values.items()}} if failed else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ToyTestResult(OfToys):
    """A test of one value of the parameter of interest by toys.

    Attributes
    ----------
    poi_test, test_stat, q, muhat
        as in :class:`~hftranslate.inference.tester.HypoTestResult`.
    clsb, clb, cls
        p-values of signal plus background and of background, and their ratio.
    clsb_exp, clb_exp, cls_exp
        the same at -2, -1, 0, +1, +2 standard deviations of their distribution over the toys without signal, ``(5,)``.
    cls_exp_error
        standard deviations of ``cls_exp``, from the number of toys.
    """

    poi_test: float
    test_stat: TestStat
    q: float
    muhat: float
    clsb: PValue
    clb: PValue
    cls: PValue
    clsb_exp: tuple[float, ...]
    clb_exp: tuple[float, ...]
    cls_exp: tuple[float, ...]
    cls_exp_error: tuple[float, ...]

    @property
    def clsb_obs(self) -> float:
        """The observed ``CLs+b``."""
        return self.clsb.value

    @property
    def clb_obs(self) -> float:
        """The observed ``CLb``."""
        return self.clb.value

    @property
    def cls_obs(self) -> float:
        """The observed ``CLs``."""
        return self.cls.value

    def tables(self) -> tuple[Table, ...]:
        """The p-values with their errors."""
        rows = {
            "CLs": (self.cls_obs, self.cls_exp),
            "error": (self.cls.error, self.cls_exp_error),
            "CLs+b": (self.clsb_obs, self.clsb_exp),
            "CLb": (self.clb_obs, self.clb_exp),
        }
        where = f"at {self.poi or 'POI'} = {self.poi_test:g}, expected {self.cls_exp[2]:.4g}"
        caption = f"CLs = {self.cls_obs:.4g} ± {self.cls.error:.1g} {where}"
        return (bands_table(caption, rows, f"best fit {short(self.muhat)}; {self.test_stat}; {self.note}"),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``cls --toys``, with pyhf's keys ``CLs_obs`` and ``CLs_exp``.

        ``outside_range`` names what lies outside the range of the parameter of interest, if anything does.
        """
        outside = self.outside_range({"poi_test": self.poi_test, "muhat": self.muhat})
        p_values = {"CLs": self.cls, "CLsb": self.clsb, "CLb": self.clb}
        return {
            "CLs_obs": self.cls.value,
            "CLs_exp": list(self.cls_exp),
            "CLsb": self.clsb.value,
            "CLb": self.clb.value,
            "errors": {**{name: p.error for name, p in p_values.items()}, "CLs_exp": list(self.cls_exp_error)},
            "poi_test": self.poi_test,
            "test_stat": self.test_stat,
            "q": self.q,
            "muhat": self.muhat,
            "toys": self.toys_dict(p_values),
            "conventions": self.conventions,
            **({"outside_range": outside} if outside else {}),
        }


def p_value(statistics: Floats, threshold: float) -> PValue:
    """The fraction of toys whose statistic is not below a threshold; NaN stands for a failed toy."""
    above = int(np.sum(statistics >= threshold - TIE * (1.0 + threshold)))
    return fraction(len(statistics), int(np.sum(np.isnan(statistics))), above)


def fraction(n: int, failed: int, above: int) -> PValue:
    """The p-value of ``n`` toys of which some failed and some are not below the data."""
    fitted = n - failed
    p = above / fitted
    spread = min(max(p, 1.0 / fitted), 1.0 - 1.0 / fitted)
    error = sqrt(max(spread * (1.0 - spread), 0.0) / fitted)
    return PValue(value=p, error=error, low=above / n, high=(above + failed) / n)


def ratio(clsb: PValue, clb: PValue) -> PValue:
    """CLs with the errors of both; zero, and as uncertain as can be, where no toy without signal is above the data."""
    if clb.value == 0.0:
        return PValue(value=0.0, error=1.0, low=0.0, high=1.0)
    value = clsb.value / clb.value
    error = sqrt(clsb.error**2 + (value * clb.error) ** 2) / clb.value
    high = min(1.0, clsb.high / clb.low) if clb.low > 0.0 else 1.0
    return PValue(value=value, error=error, low=clsb.low / clb.high, high=max(high, value))


def toy_test_of(sample: ToySample, poi_test: float, test_stat: TestStat, q: float, muhat: float) -> ToyTestResult:
    """The test of a value from its toys and the statistic of the data."""
    clsb, clb = (p_value(statistics, q) for statistics in (sample.signal, sample.background))
    signal, background = (valid(statistics) for statistics in (sample.signal, sample.background))
    # each toy without signal is data in its turn
    clsb_of, clb_of = (fractions_above(s, background) for s in (signal, background))
    order = np.argsort(-background, kind="stable")  # from the strongest exclusion to none
    ranks = [float(ndtr(k)) for k in BANDS]
    picked = [order[rank(p, len(order))] for p in ranks]
    clsb_exp, clb_exp = (tuple(float(values[i]) for i in picked) for values in (clsb_of, clb_of))
    cls_of = clsb_of / clb_of
    return ToyTestResult(
        poi_test=poi_test,
        test_stat=test_stat,
        q=q,
        muhat=muhat,
        clsb=clsb,
        clb=clb,
        cls=ratio(clsb, clb),
        clsb_exp=clsb_exp,
        clb_exp=clb_exp,
        cls_exp=tuple(a / b for a, b in zip(clsb_exp, clb_exp, strict=True)),
        cls_exp_error=tuple(_band_error_of(cls_of[order], clsb_of[order], p, len(signal)) for p in ranks),
        n_signal=len(sample.signal),
        n_background=len(sample.background),
        failed_signal=len(sample.signal) - len(signal),
        failed_background=len(sample.background) - len(background),
    )


def valid(statistics: Floats) -> Floats:
    """The statistics of the toys that could be fitted."""
    return statistics[~np.isnan(statistics)]


def fractions_above(statistics: Floats, thresholds: Floats) -> Floats:
    """For each threshold, the fraction of statistics that are not below it."""
    ordered = np.sort(statistics)
    below = np.searchsorted(ordered, thresholds - TIE * (1.0 + thresholds), side="left")
    fractions: Floats = (len(ordered) - below) / len(ordered)
    return fractions


def rank(p: float, n: int) -> int:
    """Place of a quantile among ``n`` ordered values."""
    return min(max(int(np.ceil(p * n)) - 1, 0), n - 1)


def _band_error_of(cls: Floats, clsb: Floats, p: float, n_signal: int) -> float:
    """The error of a quantile of CLs over the toys without signal, which are in order."""
    n = len(cls)
    shift = sqrt(p * (1.0 - p) / n)
    by_rank = 0.5 * abs(float(cls[rank(p + shift, n)] - cls[rank(p - shift, n)]))
    i = rank(p, n)
    per_clsb = float(cls[i] / clsb[i]) if clsb[i] > 0.0 else 1.0 / p
    return band_error(by_rank, float(clsb[i]), per_clsb, n_signal)


def band_error(by_rank: float, clsb: float, per_clsb: float, n_signal: int) -> float:
    """Of an expected CLs: from the toys without signal, and from those with signal that make its ``CLs+b``."""
    b = max(clsb, 1.0 / n_signal)
    return sqrt(by_rank**2 + per_clsb**2 * b * max(1.0 - b, 0.0) / n_signal)


def experiment_of(tester: Tester, poi_test: float) -> ToyExperiment:
    """The toys that test a value: drawn where the data are fitted best at it and at zero."""
    values = (tester.conditional_fit(poi).values for poi in (poi_test, 0.0))
    return ToyExperiment(
        model=tester.model,
        test_stat=tester.test_stat,
        poi_range=tester.poi_range,
        truths=dict(zip(HYPOTHESES, values, strict=True)),
        options=replace(tester.options, other_minima="quick"),
    )


def toy_test(
    model: Model,
    data: Data,
    poi_test: float = 1.0,
    *,
    test_stat: TestStat = "qtilde",
    poi_range: PoiRange = "named",
    options: FitOptions = DEFAULT_OPTIONS,
    toy_options: ToyOptions = DEFAULT_TOYS,
    batch: BatchOptions = DEFAULT_BATCH,
) -> ToyTestResult:
    """CLs of one value of the parameter of interest by toys, observed and expected.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    poi_test, test_stat, poi_range, options
        as in :func:`~hftranslate.inference.hypotest.hypotest`; toys look for
        lower minima with less effort than data (:data:`~hftranslate.toys.fits.TOY_OPTIONS`).
    toy_options
        how many toys of each hypothesis.
    batch
        where chunks of toys are fitted, who listens, and what keeps them.

    Returns
    -------
    ToyTestResult
        CLs, observed and expected, with statistical uncertainties, and the toys.

    Raises
    ------
    FitFailed
        A fit of the data failed, or too many toys.
    """
    tester = Tester(model=model, data=data, test_stat=test_stat, poi_range=poi_range, options=options)
    poi_test = check_poi_test(poi_test)
    journal = journal_of(batch, experiment_of(tester, poi_test), data)
    return run_toy_test(tester, poi_test, toy_options, batch=batch, journal=journal)


def run_toy_test(
    tester: Tester,
    poi_test: float,
    toy_options: ToyOptions = DEFAULT_TOYS,
    *,
    batch: BatchOptions = DEFAULT_BATCH,
    journal: Journal | None = None,
) -> ToyTestResult:
    """:func:`toy_test` with a tester that has fitted the data."""
    q, free, _ = tester.q(poi_test)
    muhat = free.value(tester.poi)
    if journal is not None and observed_key(poi_test) not in journal.results:
        journal.keep(observed_key(poi_test), {"q": q, "muhat": muhat})
    sample = run_toys(experiment_of(tester, poi_test), poi_test, toy_options, batch=batch, journal=journal)
    found = toy_test_of(sample, poi_test, tester.test_stat, q, muhat)
    return replace(found, **tester.about, seeds=(toy_options.seed,))
