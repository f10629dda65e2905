"""CLs of a model with an exponential normalisation (code1), which has a kink, against extended precision."""

import mpmath
import pytest
from mpmath import mpf

from hftranslate.inference.hypotest import hypotest
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import NormFactor, NormSys
from tests.likelihood.builders import channel, workspace
from tests.likelihood.extended import DIGITS

SIGNAL, BACKGROUND, OBSERVED, LO, HI = (30.0, 95.0), (100.0, 150.0), (120.0, 180.0), 0.9, 1.1


def factor(alpha):
    """Code1 and its logarithmic slope; at zero, that of the side it is called from is the caller's to know."""
    return mpf(HI) ** alpha if alpha >= 0 else mpf(LO) ** -alpha


def rates(mu, alpha):
    return [mu * mpf(s) + mpf(b) * factor(alpha) for s, b in zip(SIGNAL, BACKGROUND, strict=True)]


def excess(mu, alpha, observed, centre):
    terms = (nu - n - n * mpmath.log(nu / n) for nu, n in zip(rates(mu, alpha), observed, strict=True))
    return sum(terms) + (centre - alpha) ** 2 / 2


def slope(mu, alpha, observed, centre, base):
    """Derivative by alpha with the logarithmic slope of one side, ``ln HI`` or ``-ln LO``."""
    log = mpmath.log(HI) if base == "hi" else -mpmath.log(LO)
    nominal = [mpf(b) * factor(alpha) for b in BACKGROUND]
    pulls = zip(nominal, observed, rates(mu, alpha), strict=True)
    return alpha - centre + log * sum(y * (1 - n / nu) for y, n, nu in pulls)


def root(function, low, high):
    """Where a rising function of the range crosses zero; the nearer end where it does not."""
    if function(low) >= 0:
        return low
    if function(high) <= 0:
        return high
    return mpmath.findroot(function, (low, high), solver="anderson", tol=mpf(10) ** -60, maxsteps=300)


def profiled(mu, observed, centre):
    """The least NLL at a signal strength and the alpha there, on either side of the kink or on it."""
    below = root(lambda a: slope(mu, a, observed, centre, "lo"), mpf(-6), mpf(0))
    above = root(lambda a: slope(mu, a, observed, centre, "hi"), mpf(0), mpf(6))
    return min((excess(mu, a, observed, centre), a) for a in (below, above))


def best(observed, centre):
    """The free minimum; the derivative of the profile by mu is that at fixed alpha."""

    def by_mu(mu):
        nu = rates(mu, profiled(mu, observed, centre)[1])
        return sum(s * (1 - n / v) for s, n, v in zip(map(mpf, SIGNAL), observed, nu, strict=True))

    mu = root(by_mu, mpf(-1) / 2, mpf(3))
    return mu, profiled(mu, observed, centre)[0]


def exact_cls(poi):
    observed, centre = [mpf(n) for n in OBSERVED], mpf(0)
    muhat, least = best(observed, centre)
    q = 2 * (profiled(mpf(poi), observed, centre)[0] - least) if muhat <= poi else mpf(0)
    without = profiled(mpf(0), observed, centre)[1]
    q_asimov = 2 * profiled(mpf(poi), rates(mpf(0), without), without)[0]  # whose own minimum is zero
    return q, q_asimov, mpmath.ncdf(-mpmath.sqrt(q)) / mpmath.ncdf(mpmath.sqrt(q_asimov) - mpmath.sqrt(q))


@pytest.mark.parametrize("poi", [0.1, 0.35, 0.4, 0.44, 0.5, 0.7, 1.0, 1.5])
def test_cls_with_an_exponential_normalisation(poi):
    """Newton is right to ten digits; Minuit, stopped at an EDM of 1e-6, by what that leaves of the test statistic."""
    model, data = compile_model(
        workspace(
            channel(
                "SR",
                OBSERVED,
                ("signal", SIGNAL, NormFactor(name="mu")),
                ("background", BACKGROUND, NormSys(name="norm", lo=LO, hi=HI, interpolation="code1")),
            )
        )
    )
    with mpmath.workdps(DIGITS):
        q, q_asimov, cls = map(float, exact_cls(poi))
    found = hypotest(model, data, poi, test_stat="q")
    assert found.q == pytest.approx(q, rel=1e-10, abs=1e-10)
    assert found.q_asimov == pytest.approx(q_asimov, rel=1e-10)
    assert found.cls_obs == pytest.approx(cls, rel=1e-10)
    rough = hypotest(model, data, poi, test_stat="q", options=FitOptions(minimizer="minuit", tolerance=1e-6))
    assert rough.q_asimov == pytest.approx(q_asimov, abs=1e-3)
    assert rough.cls_obs == pytest.approx(cls, rel=1e-4)
