"""Distributions of test statistics: asymptotic, or by pseudo-experiments."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import ndtr

from hftranslate.inference.asymptotics import BANDS
from hftranslate.pyhf.infer import utils
from hftranslate.pyhf.infer.mle import fixed_poi_fit, settings_of
from hftranslate.toys.hypotest import fractions_above


def generate_asimov_data(asimov_mu: Any, data: Any, pdf: Any, *settings: Any, **kw: Any) -> Any:
    """The expectation at a value of the parameter of interest, the others fitted; with ``return_fitted_pars``."""
    with_pars = kw.pop("return_fitted_pars", False)
    pars = fixed_poi_fit(asimov_mu, data, pdf, *settings, **kw)
    asimov = pdf.expected_data(pars)
    return (asimov, pars) if with_pars else asimov


class AsymptoticTestStatDistribution:
    """A normal distribution of unit width around ``shift``, cut off from below."""

    def __init__(self, shift: Any, cutoff: float = float("-inf")) -> None:
        self.shift, self.cutoff = shift, cutoff

    def cdf(self, value: Any) -> Any:
        """The probability of less."""
        return ndtr(value - self.shift)

    def pvalue(self, value: Any) -> Any:
        """The probability of more."""
        return np.where(np.asarray(value) >= self.cutoff, ndtr(self.shift - value), np.nan)

    def expected_value(self, nsigma: Any) -> Any:
        """The quantile at a number of standard deviations."""
        return np.maximum(np.asarray(self.shift + nsigma, dtype=np.float64), self.cutoff)


class EmpiricalDistribution:
    """The values of pseudo-experiments."""

    def __init__(self, samples: Any) -> None:
        self.samples = np.ravel(samples)

    def pvalue(self, value: Any) -> Any:
        """The part at or above a value."""
        return np.asarray(fractions_above(self.samples, value))

    def expected_value(self, nsigma: Any) -> Any:
        """The quantile at a number of standard deviations."""
        return np.percentile(self.samples, ndtr(nsigma) * 100)


class _Calculator:
    """What both ways have in common: the settings of fits, given as to :func:`hftranslate.pyhf.infer.mle.fit`."""

    _bands = -np.array(BANDS)

    def __init__(self, data: Any, pdf: Any, *settings: Any, test_stat: str = "qtilde", **named: Any) -> None:
        self.data, self.pdf, self.test_stat = data, pdf, test_stat
        self.init_pars, self.par_bounds, self.fixed_params = settings_of(pdf, *settings, **named)
        self._settings = (pdf, self.init_pars, self.par_bounds, self.fixed_params)
        self._other = 1.0 if test_stat == "q0" else 0.0

    def _statistic(self, poi_test: Any, data: Any, **options: Any) -> Any:
        return utils.get_test_stat(self.test_stat)(poi_test, data, *self._settings, **options)

    def pvalues(self, teststat: Any, sig_plus_bkg_distribution: Any, bkg_only_distribution: Any) -> Any:
        """``CLs+b``, ``CLb`` and their ratio."""
        clsb, clb = sig_plus_bkg_distribution.pvalue(teststat), bkg_only_distribution.pvalue(teststat)
        return clsb, clb, np.asarray(clsb / clb)


class AsymptoticCalculator(_Calculator):
    """P-values by asymptotic formulae; ``fitted_pars`` are those of all fits that a test took."""

    def __init__(self, *args: Any, calc_base_dist: str = "normal", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calc_base_dist = calc_base_dist
        self.sqrtqmuA_v: Any = None
        self.fitted_pars: Any = None

    def teststatistic(self, poi_test: Any) -> Any:
        """The statistic of the data, in units of standard deviations of the background-only distribution."""
        q, (fixed, free) = self._statistic(poi_test, self.data, return_fitted_pars=True)
        asimov, asimov_pars = generate_asimov_data(self._other, self.data, *self._settings, return_fitted_pars=True)
        q_asimov, (fixed_asimov, free_asimov) = self._statistic(poi_test, asimov, return_fitted_pars=True)
        self.sqrtqmuA_v = np.sqrt(q_asimov)
        self.fitted_pars = SimpleNamespace(asimov_pars=asimov_pars, fixed_poi_fit_to_data=fixed, free_fit_to_data=free)
        vars(self.fitted_pars).update(fixed_poi_fit_to_asimov=fixed_asimov, free_fit_to_asimov=free_asimov)
        if self.test_stat == "qtilde" and q > q_asimov > 0.0:
            return np.asarray((q - q_asimov) / (2.0 * self.sqrtqmuA_v))
        return np.asarray(np.sqrt(q) - self.sqrtqmuA_v)

    def distributions(self, poi_test: Any) -> tuple[AsymptoticTestStatDistribution, ...]:
        """The distributions with the tested signal and without it, after :meth:`teststatistic`."""
        if self.sqrtqmuA_v is None:
            raise RuntimeError("need to call .teststatistic(poi_test) first")
        if self.calc_base_dist not in ("normal", "clipped_normal"):
            raise ValueError(f"unknown base distribution for asymptotics {self.calc_base_dist}")
        cutoff = -self.sqrtqmuA_v if self.calc_base_dist == "clipped_normal" else float("-inf")
        return tuple(AsymptoticTestStatDistribution(shift, cutoff) for shift in (-self.sqrtqmuA_v, 0.0))

    def expected_pvalues(self, sig_plus_bkg_distribution: Any, bkg_only_distribution: Any) -> list[list[Any]]:
        """``CLs+b``, ``CLb`` and ``CLs`` at -2 ... 2 standard deviations of the background-only expectation."""
        quantiles = bkg_only_distribution.expected_value(self._bands)
        pvalues = self.pvalues(quantiles, sig_plus_bkg_distribution, bkg_only_distribution)
        return [list(map(np.asarray, band)) for band in pvalues]


class ToyCalculator(_Calculator):
    """P-values by pseudo-experiments, drawn by NumPy's global generator."""

    def __init__(self, *args: Any, ntoys: int = 2000, track_progress: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ntoys, self.track_progress = ntoys, track_progress

    def distributions(self, poi_test: Any, track_progress: bool | None = None) -> tuple[EmpiricalDistribution, ...]:
        """The distributions with the tested signal and without it."""
        points = [fixed_poi_fit(mu, self.data, *self._settings) for mu in (poi_test, self._other)]
        samples = [self.pdf.make_pdf(point).sample((self.ntoys,)) for point in points]
        return tuple(EmpiricalDistribution([self._statistic(poi_test, toy) for toy in toys]) for toys in samples)

    def teststatistic(self, poi_test: Any) -> Any:
        """The statistic of the data."""
        return self._statistic(poi_test, self.data)

    def expected_pvalues(self, sig_plus_bkg_distribution: Any, bkg_only_distribution: Any) -> list[list[Any]]:
        """The quantiles of ``CLs+b``, ``CLb`` and ``CLs`` over the background-only pseudo-experiments."""
        pvalues = self.pvalues(bkg_only_distribution.samples, sig_plus_bkg_distribution, bkg_only_distribution)
        return [[np.asarray(np.percentile(band, 100.0 * ndtr(k))) for k in -self._bands] for band in pvalues]
