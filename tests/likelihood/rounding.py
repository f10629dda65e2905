r"""A HistFactory likelihood in extended precision, and how far an evaluation in double precision may be from it.

The formulas are those of CERN-OPEN-2012-016 and of ROOT's interpolation code 4, one operation after the other, at many
points at once; of the engine nothing takes part but what a workspace calls its parameters, and their values and
constraints. Each number carries a bound of the error that it has where every operation is rounded to double
precision: running error analysis (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", section 3.3). An
operation ``z = f(x, y)`` adds the rounding of ``z`` to the errors of ``x`` and ``y``, times the derivatives by them;
nothing is tuned, and a bound grows exactly where numbers cancel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from hftranslate.workspace import (
    ROOT,
    Channel,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.functions import used_functions
from hftranslate.workspace.parameter_names import declared_parameters
from hftranslate.workspace.parameters import Constraint, parameter_sets

#: What sums, products and quotients are rounded by, relative; a function of the C library by twice as much.
ULP = float(np.finfo(np.float64).eps) / 2.0
#: What stands for a product of NormSys factors that is not positive, in ROOT.
TINY = float(np.finfo(np.float64).tiny)


class Rounded:
    """Numbers in extended precision; ``error`` bounds that of each in double precision."""

    __slots__ = ("error", "value")
    __array_ufunc__ = None  # an array times one of these is one of these

    def __init__(self, value: Any, error: Any = 0.0) -> None:
        self.value = np.asarray(value, dtype=np.longdouble)
        self.error = np.broadcast_to(np.asarray(error, dtype=np.float64), self.value.shape)

    def rounded(self, times: int = 1) -> "Rounded":
        """The same after operations that change nothing but its last digits."""
        return Rounded(self.value, self.error + times * ULP * np.abs(self.value).astype(np.float64))

    def __add__(self, other: Any) -> "Rounded":
        y = number(other)
        return Rounded(self.value + y.value, self.error + y.error).rounded()

    def __mul__(self, other: Any) -> "Rounded":
        y = number(other)
        return Rounded(self.value * y.value, self.error * size(y) + y.error * size(self)).rounded()

    def __truediv__(self, other: Any) -> "Rounded":
        y = number(other)
        value = self.value / y.value
        return Rounded(value, (self.error + y.error * np.abs(value).astype(np.float64)) / size(y)).rounded()

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Rounded":
        return Rounded(-self.value, self.error)

    def __sub__(self, other: Any) -> "Rounded":
        return self + -number(other)

    def __rsub__(self, other: Any) -> "Rounded":
        return number(other) + -self

    def log(self) -> "Rounded":
        return Rounded(np.log(self.value), self.error / size(self)).rounded(2)

    def exp(self) -> "Rounded":
        value = np.exp(self.value)
        return Rounded(value, self.error * value.astype(np.float64)).rounded(2)


def number(x: Any) -> Rounded:
    """A number that double precision holds exactly, unless it is one with an error."""
    return x if isinstance(x, Rounded) else Rounded(x)


def size(x: Rounded) -> NDArray[np.float64]:
    return np.abs(x.value).astype(np.float64)


def where(condition: NDArray[np.bool_], x: Any, y: Any) -> Rounded:
    one, other = number(x), number(y)
    return Rounded(np.where(condition, one.value, other.value), np.where(condition, one.error, other.error))


# ------------------------------------------------------------------------------------------------------ interpolation
def curve(a: Rounded, code: str) -> Rounded:
    """``g`` of an additive code."""
    far = where(a.value >= 0.0, a, -a)
    square = a * a
    near = {
        "code0": lambda: far,
        "code2": lambda: square,
        "code4p": lambda: square * (1.875 + square * (-1.25 + square * 0.375)),
    }[code]()
    return where(far.value < 1.0, near, 2.0 * far - 1.0 if code == "code2" else far)


def shift(a: Rounded, code: str, templates: Sequence[Any]) -> Rounded:
    """What a systematic adds to the nominal yield; ``templates`` are the nominal yield and those at -1 and +1."""
    nominal, lo, hi = map(number, templates)
    return (hi - lo) * 0.5 * a + ((hi + lo) * 0.5 - nominal) * curve(a, code)


def factor(a: Rounded, m: NormSys) -> Rounded:
    """The factor of a NormSys of code 1 or 4: a power, and a polynomial that meets it at -1 and +1.

    The logarithm of a factor that is not positive counts as zero in the polynomial.
    """
    lo, hi = number(float(m.lo)), number(float(m.hi))
    log_lo, log_hi = (where(x.value > 0.0, x.log(), 0.0) for x in (lo, hi))
    up, down = (where(x.value > 0.0, power.exp(), 0.0) for x, power in ((hi, a * log_hi), (lo, -(a * log_lo))))
    far = where(a.value >= 0.0, up, down)
    if m.interpolation == "code1":
        return far
    pairs = [(hi, lo), (hi * log_hi, -(lo * log_lo)), (hi * log_hi * log_hi, lo * log_lo * log_lo)]
    s0, s1, s2 = ((up + down) * 0.5 for up, down in pairs)
    a0, a1, a2 = ((up - down) * 0.5 for up, down in pairs)
    near = number(0.0)
    for coefficient in (
        (-8 + 8 * s0 - 5 * a1 + s2) * 0.125,
        (3 * a0 - 3 * s1 + a2) * 0.125,
        (12 - 12 * s0 + 7 * a1 - s2) * 0.25,
        (-5 * a0 + 5 * s1 - a2) * 0.25,
        (-24 + 24 * s0 - 9 * a1 + s2) * 0.125,
        (15 * a0 - 7 * s1 + a2) * 0.125,
    ):
        near = (near + coefficient) * a
    return where(np.abs(a.value) < 1.0, 1.0 + near, far)


# -------------------------------------------------------------------------------------------------------- constraints
def minus_log(density: Rounded) -> Rounded:
    """ROOT takes the logarithm of a density, and of one with an exponential that of its rounded exponential."""
    return -density.log()


def gaussian(t: Rounded, c: Constraint) -> Rounded:
    """With ROOT's normalisation over the range of the global observable.

    ROOT settles the width of a bin factor from uncertainties in events (a sum of squares, its root, a quotient).
    """
    pull = (c.auxdata - t) / number(c.width).rounded(4)
    with mpmath.workdps(30):
        width, values = mpmath.mpf(c.width), [mpmath.mpf(float(v)) for v in t.value]
        falls = [mpmath.ncdf((c.domain[1] - v) / width) - mpmath.ncdf((c.domain[0] - v) / width) for v in values]
        norms = [mpmath.nstr(fall * width * mpmath.sqrt(2 * mpmath.pi), 25) for fall in falls]
    # a difference of two error functions times two factors
    return minus_log((pull * pull * -0.5).exp() / Rounded(np.array(norms, dtype=np.longdouble)).rounded(7))


def poisson(t: Rounded, c: Constraint) -> Rounded:
    """The scale is a width, settled as a Gaussian's is, to the power of -2."""
    mean = t * number(c.width).rounded(10)
    return minus_log((c.auxdata * mean.log() - log_factorial(c.auxdata) - mean).exp())


def log_factorial(n: Any) -> Any:
    """The same double number at all points: its own error cancels in differences, but others' sums with it do not."""
    return gammaln(np.asarray(n, dtype=np.float64) + 1.0)


TERMS: Mapping[str, Callable[[Rounded, Constraint], Rounded]] = {"gaussian": gaussian, "poisson": poisson}


# --------------------------------------------------------------------------------------------------------- likelihood
class ExtendedLikelihood:
    """A workspace's first measurement as ROOT evaluates it, at points by ROOT's names of parameters.

    ``rates`` are the events of each channel's bins ``(n_points, n_bins)``, ``nll`` is ``(n_points,)``; it is infinite
    where a probability is zero.
    """

    def __init__(self, workspace: Workspace, points: Sequence[Mapping[str, float]]) -> None:
        self.workspace = replace(workspace, conventions=ROOT)
        self.declared = declared_parameters(workspace.channels)
        terms = workspace.measurements[0].constraint_terms
        assert {t.kind for t in terms} <= {"none", "uniform"}, "Gamma and LogNormal terms are not known here"
        self.removed = {t.name for t in terms if t.kind == "none"}
        self.sets = parameter_sets(self.workspace, workspace.measurements[0], ROOT, self.declared)
        inits = {r: v for s in self.sets.values() for r, v in zip(s.root_names, s.inits, strict=True)}
        self.theta = {root: Rounded([p.get(root, v) for p in points]) for root, v in inits.items()}
        for name, e in used_functions(self.workspace).items():
            x = np.array([self.theta[n].value for n in e.names], dtype=np.float64).reshape(len(e.names), len(points))
            values = [e.evaluate(x[:, i])[0] for i in range(len(points))]
            self.theta[name] = Rounded(values).rounded(len(e.text))  # no formula has more operations than letters
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            self.rates = {c.name: self._rates(c) for c in workspace.channels}
            self.nll = self._nll()

    def _single(self, name: str) -> Rounded:
        """A parameter, or what a Function makes: one number for all bins."""
        t = self.theta[self.sets[name].root_names[0] if name in self.sets else name]
        return Rounded(t.value[:, None], t.error[:, None])

    def _bin_factors(self, m: StatError | ShapeSys | ShapeFactor, channel: Channel) -> Rounded:
        """Those of a staterror over several channels are strung together."""
        strung = self.declared[m.name].bin_channels if isinstance(m, StatError) else ()
        start = sum(self.workspace.channel(c).n_bins for c in strung[: strung.index(channel.name)]) if strung else 0
        names = self.sets[m.name].root_names[start : start + channel.n_bins]
        return Rounded(np.stack([self.theta[root].value for root in names], axis=1))

    def _rates(self, channel: Channel) -> Rounded:
        total = number(0.0)
        for sample in channel.samples:
            total = total + self._sample(channel, sample)
        return total

    def _sample(self, channel: Channel, sample: Sample) -> Rounded:
        nominal = np.array(sample.nominal, dtype=np.float64)
        events = number(nominal).rounded(2)  # divided by, and multiplied with, the width of their bin
        shapes = [m for m in sample.modifiers if isinstance(m, HistoSys)]
        for m in shapes:
            events = events + shift(self._single(m.name), m.interpolation, (nominal, m.lo_data, m.hi_data))
        if shapes:
            events = where(events.value <= 0.0, 0.0, events)
        norms = [m for m in sample.modifiers if isinstance(m, NormSys) and m.name not in self.removed]
        events = events * self._norms(norms)
        for m in sample.modifiers:
            if isinstance(m, Lumi | NormFactor):
                for _ in range(m.power if isinstance(m, NormFactor) else 1):
                    events = events * self._single(m.name)
            elif isinstance(m, StatError | ShapeSys | ShapeFactor):
                events = events * self._bin_factors(m, channel)
        return events

    def _norms(self, modifiers: Sequence[NormSys]) -> Rounded:
        """ROOT multiplies by adding what a factor changes, ``t + t (f - 1)``.

        A small factor then leaves the rounding of ``f - 1`` and ``t (f - 1)``, which are larger than the product. (As a
        sum of two terms the errors of ``t`` in both would count as if they had nothing to do with each other.)
        """
        total = number(1.0)
        for m in modifiers:
            a = self._single(m.name)
            if m.interpolation in ("code1", "code4"):
                f = factor(a, m)
                product, changes = total * f, total * (f - 1.0)
                total = Rounded(product.value, product.error + 2.0 * ULP * size(changes))
            else:
                total = total + shift(a, m.interpolation, (1.0, float(m.lo), float(m.hi)))
        return where(total.value <= 0.0, TINY, total)

    def _nll(self) -> Rounded:
        """Channels one after the other, each with the probability of its events to be of it, then the constraints."""
        total = number(0.0)
        for name in sorted(self.rates):
            total = total + self._channel(name)
        terms = number(0.0)
        for s in self.sets.values():
            for root, c in zip(s.root_names, s.constraints, strict=True):
                if c is not None:
                    terms = terms + TERMS[c.kind](self.theta[root], c)
        return total + terms

    def _channel(self, name: str) -> Rounded:
        mean = self.rates[name]
        n = np.array(self.workspace.channel(name).observed, dtype=np.float64)
        bins = mean - where(n > 0.0, n * mean.log(), 0.0) + log_factorial(n)
        impossible = np.any((mean.value < 0.0) | ((mean.value == 0.0) & (n > 0.0)), axis=1)
        value = np.where(impossible, np.inf, np.sum(bins.value, axis=1))
        summed = Rounded(value, np.sum(bins.error, axis=1)).rounded(2)  # compensated (Kahan): not of partial sums
        return summed + float(np.sum(n) * np.log(len(self.rates)))
