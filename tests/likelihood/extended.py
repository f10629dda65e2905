"""Poisson terms and counting experiments in extended precision: formulas as they stand in the papers, 60 digits."""

import mpmath
from mpmath import mpf

DIGITS = 60


def term(mean, x):
    """``mean - x ln(mean) + ln Gamma(x + 1)``."""
    return mean - (x * mpmath.log(mean) if x else 0) + mpmath.loggamma(x + 1)


def saturated(x):
    """The term where the mean is the count."""
    return term(x, x) if x else mpf(0)


class Counting:
    """Bins with a signal ``s`` and a background ``b``, whose factor ``gamma`` a Poisson term of scale ``tau`` knows.

    For a given signal strength each factor is the root of a quadratic equation, and bins have nothing else in common.
    """

    def __init__(self, signal, background, relative, observed):
        self.s, self.b, self.n = ([mpf(v) for v in values] for values in (signal, background, observed))
        # what a workspace states is the uncertainty in events, and tau = (b / uncertainty)^2
        self.tau = [(b / (mpf(r * float(b)))) ** 2 for b, r in zip(self.b, relative, strict=True)]
        self.x = list(self.tau)

    def factor(self, i, mu):
        """The factor that minimises bin ``i`` and its term: ``d/dgamma`` times ``nu gamma / b`` is a quadratic."""
        s, b, n, tau, x = mu * self.s[i], self.b[i], self.n[i], self.tau[i], self.x[i]
        # b - n b / (s + gamma b) + tau - x / gamma = 0
        a2, a1, a0 = b * (b + tau), (b + tau) * s - n * b - x * b, -x * s
        return (-a1 + mpmath.sqrt(a1 * a1 - 4 * a2 * a0)) / (2 * a2)

    def profiled(self, mu):
        """The NLL at a signal strength, factors at their best, above the saturated model."""
        total = mpf(0)
        for i in range(len(self.n)):
            g = self.factor(i, mu)
            total += term(mu * self.s[i] + g * self.b[i], self.n[i]) - saturated(self.n[i])
            total += term(g * self.tau[i], self.x[i]) - saturated(self.x[i])
        return total

    def slope(self, mu):
        """Its derivative: factors at their best do not count."""
        return sum(
            s * (1 - n / (mu * s + self.factor(i, mu) * self.b[i]))
            for i, (s, n) in enumerate(zip(self.s, self.n, strict=True))
        )

    def best(self):
        """The signal strength of the least NLL, not below zero."""
        if self.slope(mpf(0)) >= 0:
            return mpf(0)
        high = mpf(1)
        while self.slope(high) < 0:
            high *= 2
        return mpmath.findroot(self.slope, (mpf(0), high), solver="anderson", tol=mpf(10) ** (-2 * DIGITS + 20))

    def asimov(self):
        """The same bins with the data that are expected without signal."""
        other = Counting.__new__(Counting)
        other.s, other.b, other.tau = self.s, self.b, self.tau
        factors = [self.factor(i, mpf(0)) for i in range(len(self.n))]
        other.n = [g * b for g, b in zip(factors, self.b, strict=True)]
        other.x = [g * t for g, t in zip(factors, self.tau, strict=True)]
        return other

    def cls(self):
        """CLs of a strength of one by q-tilde (arXiv:1007.1727, Eqs. 16, 65 and 66)."""
        best = self.best()
        q = 2 * (self.profiled(mpf(1)) - self.profiled(best)) if best <= 1 else mpf(0)
        q_a = 2 * self.asimov().profiled(mpf(1))
        root, root_a = mpmath.sqrt(q), mpmath.sqrt(q_a)
        if q > q_a:
            return mpmath.ncdf(-(q + q_a) / (2 * root_a)) / mpmath.ncdf(-(q - q_a) / (2 * root_a))
        return mpmath.ncdf(-root) / mpmath.ncdf(root_a - root)
