"""CLs by pseudo-experiments with its statistical errors, as RooStats' FrequentistCalculator defines it."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from hftranslate.crosschecking.document import HypoTestRecord, ToysRecord
from hftranslate.errors import FitFailed
from hftranslate.inference.hypotest import Tester
from hftranslate.inference.toys import fit_toys, sample_toys

#: What a difference of two minima leaves of a test statistic that is zero.
_ZERO = 1e-9


def toy_test(tester: Tester, poi: float, n: int, seed: int) -> HypoTestRecord:
    """Test a value of the parameter of interest with ``n`` toys of each hypothesis.

    The toys of a hypothesis are drawn, events and global observables, at the nuisance parameters that fit the data best
    at its value of the parameter of interest. Errors are binomial.

    Raises
    ------
    FitFailed
        A fit of the data failed, or more than one toy in a hundred.
    """
    q, _, signal = tester.q(poi)
    background = tester.q(0.0)[2]
    generator = np.random.default_rng(seed)
    found = []
    for truth in (signal.values, background.values):
        toys = sample_toys(tester.model, truth, n, generator)
        fits = fit_toys(
            tester.model, toys, poi, test_stat=tester.test_stat, poi_range=tester.poi_range, options=tester.options
        )
        found.append(fits.q[fits.valid])
        if len(found[-1]) < 0.99 * n:
            raise FitFailed(f"{n - len(found[-1])} of {n} toys could not be fitted")
    (clsb, clsb_error), (clb, clb_error) = (_fraction_above(values, q) for values in found)
    cls = clsb / clb if clb > 0.0 else 0.0
    relative = sqrt(sum((error / p) ** 2 for p, error in ((clsb, clsb_error), (clb, clb_error)) if p > 0.0))
    return HypoTestRecord(
        poi=poi,
        test_stat=tester.test_stat,
        calculator="toys",
        q=q,
        clsb=clsb,
        clb=clb,
        cls_obs=cls,
        cls_exp=(None,) * 5,
        toys=ToysRecord(n=n, seed=seed, clsb_error=clsb_error, clb_error=clb_error, cls_error=cls * relative),
    )


def _fraction_above(values: NDArray[np.float64], threshold: float) -> tuple[float, float]:
    """Fraction of values not below a threshold, and its binomial error."""
    p = float(np.mean(values >= threshold - _ZERO))
    return p, sqrt(p * (1.0 - p) / len(values))
