"""Test statistics, CLs and limits with asymptotic formulae (arXiv:1007.1727), from tight fits.

The definitions are RooStats' own (AsymptoticCalculator, one-sided); its fits are not, because it forces a tolerance
that leaves errors up to 1e-3 on CLs. Its results are recorded beside, as a check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import erfc, exp, log, pi, sqrt
from statistics import NormalDist

from evaluation import SAME_MINIMUM, Dataset, Minimum, RootModel

SIGMAS = (-2, -1, 0, 1, 2)
#: The last step of a search for a limit, relative to the limit: in small models, and where fits take long.
_FINE, _ROUGH = 1e-6, 1e-4
#: With more free parameters than this, conditional fits start from the free fit only, not from the initial values too.
MANY_PARAMETERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HypoTest:
    """The test of one value of the POI. ``cls_exp`` runs from -2 to +2 sigma."""

    poi: float
    q: float
    q_asimov: float
    muhat: float
    nll_conditional: float
    clsb: float
    clb: float
    cls_obs: float
    cls_exp: list[float]


def _cdf(x: float) -> float:
    return 0.5 * erfc(-x / sqrt(2.0))


def _tail(x: float) -> float:
    return 0.5 * erfc(x / sqrt(2.0))


def _log_tail(x: float) -> float:
    """The logarithm of the tail; beyond 30 standard deviations by its asymptotic series, good to 1e-11."""
    if x < 30.0:
        return log(_tail(x))
    terms = (1.0, -1.0 / x**2, 3.0 / x**4, -15.0 / x**6)
    return -0.5 * x**2 - log(x * sqrt(2.0 * pi)) + log(sum(terms))


class Asymptotics:
    """All hypothesis tests of one model; what they share is fitted once."""

    def __init__(self, model: RootModel) -> None:
        if model.poi is None:
            raise ValueError("the model has no parameter of interest")
        self.model = model
        self.poi: str = model.poi
        parameter = next(p for p in model.parameters if p.name == self.poi)
        self.low, self.high = parameter.low or 0.0, parameter.high or 0.0
        #: The comparison is with the minimum within the range of the POI: a range from zero makes it q-tilde.
        self.statistic = "qtilde" if self.low == 0.0 else "q"
        self.many = sum(not p.fixed for p in model.parameters) > MANY_PARAMETERS
        self._conditional_fits: dict[float, Minimum] = {}
        self._asimov_nlls: dict[float, float] = {}

    @cached_property
    def impossible(self) -> str | None:
        """Why nothing can be tested: all tests compare with zero signal."""
        if self.poi.startswith(("alpha_", "gamma_")) or self.poi == "Lumi":
            return "the parameter of interest is a nuisance parameter"
        if not self.low <= 0.0 < self.high:
            return "zero is outside the range of the parameter of interest"
        return "without signal a bin expects nothing" if self.model.nll({self.poi: 0.0})[1] else None

    @cached_property
    def free(self) -> Minimum:
        """The minimum within the range of the POI, also looked for from the conditional fits at both ends of interest.

        A large model is fitted from there only if one of these fits lies lower.
        """
        first = self.model.fit()
        one = min(1.0, self.high)
        neighbours = [self._fit_at(value, first) for value in ((0.0, one) if self.impossible is None else ())]
        if self.many:
            neighbours = [minimum for minimum in neighbours if minimum.nll < first.nll - SAME_MINIMUM]
        if not neighbours:
            return first
        other = self.model.fit(starts=[minimum.values for minimum in neighbours])
        return other if other.nll < first.nll - SAME_MINIMUM else first

    def _fit_at(self, value: float, near: Minimum) -> Minimum:
        # the fit at zero makes the Asimov data: a second minimum there changes everything expected
        starts = (near.values,) if self.many and value != 0.0 else (None, near.values)
        return self.model.fit(fixed={self.poi: value}, starts=starts)

    def conditional(self, value: float) -> Minimum:
        """The minimum at a value of the POI."""
        if value not in self._conditional_fits:
            self._conditional_fits[value] = self._fit_at(value, self.free)
        return self._conditional_fits[value]

    @cached_property
    def _asimov(self) -> Dataset:
        """The background-only Asimov data."""
        return self.model.asimov(self.conditional(0.0).values)

    def _asimov_nll(self, value: float) -> float:
        if value not in self._asimov_nlls:
            near = self.conditional(0.0).values
            starts = (near,) if self.many else (None, near)
            self._asimov_nlls[value] = self.model.fit(self._asimov, {self.poi: value}, starts=starts).nll
        return self._asimov_nlls[value]

    def q_asimov(self, value: float) -> float:
        """The statistic in the Asimov data, compared with the fit at zero signal.

        RooStats compares with that fit, not with the free minimum, which the truncated constraints move away.
        """
        return max(0.0, 2.0 * (self._asimov_nll(value) - self._asimov_nll(0.0)))

    def hypotest(self, value: float) -> HypoTest:
        """Test one value of the POI against the background-only hypothesis."""
        muhat, conditional = self.free.values[self.poi], self.conditional(value)
        q = 0.0 if muhat > value else max(0.0, 2.0 * (conditional.nll - self.free.nll))
        q_asimov = self.q_asimov(value)
        root, root_asimov = sqrt(q), sqrt(q_asimov)
        signal, background = root, root - root_asimov
        if self.statistic != "q" and q > q_asimov > 0.0:
            # muhat < 0 would be the best fit: the boundary changes the distribution of q-tilde
            signal, background = (q + q_asimov) / (2.0 * root_asimov), (q - q_asimov) / (2.0 * root_asimov)
        return HypoTest(
            poi=value,
            q=q,
            q_asimov=q_asimov,
            muhat=muhat,
            nll_conditional=conditional.nll,
            clsb=_tail(signal),
            clb=_tail(background),
            cls_obs=exp(_log_tail(signal) - _log_tail(background)),
            cls_exp=[_tail(root_asimov - k) / _cdf(k) for k in SIGMAS],
        )

    def discovery(self) -> dict[str, float]:
        """Test of the background-only hypothesis: q0, p-value and significance."""
        muhat, nll = self.free.values[self.poi], self.conditional(0.0).nll
        q0 = 0.0 if muhat <= 0.0 else max(0.0, 2.0 * (nll - self.free.nll))
        return {"q0": q0, "p0": _tail(sqrt(q0)), "z": sqrt(q0), "muhat": muhat, "nll_conditional": nll}

    def limits(self, level: float) -> tuple[float | None, list[float | None]]:
        """Observed and expected upper limits: where CLs falls to the given level, ``None`` where it does not."""
        expected: list[float | None] = []
        guess = max(self.free.values[self.poi], 0.0) + 1.0
        for k in SIGMAS:
            # CLs expected = tail(root - k) / cdf(k): the limit is where the root of q_asimov reaches this
            needed = k + NormalDist().inv_cdf(1.0 - level * _cdf(k))
            found = self._crossing(lambda mu, z=needed: 1.0 - sqrt(self.q_asimov(mu)) / z, guess)  # type: ignore[misc]
            expected.append(found)
            guess = found or guess
        guess = expected[2] or guess
        return self._crossing(lambda mu: log(max(self.hypotest(mu).cls_obs, 1e-300) / level), guess), expected

    def _crossing(self, excess: Callable[[float], float], guess: float) -> float | None:
        """Where a falling function is zero within the range; the bracket is widened or narrowed from a guess."""
        low, high = 0.0, min(guess, self.high)
        while excess(high) > 0.0:
            if high >= self.high:
                return None
            low, high = high, min(2.0 * high, self.high)
        while low == 0.0:
            middle = 0.5 * high
            if excess(middle) > 0.0:
                low = middle
            else:
                high = middle
        return find_zero(excess, low, high, _ROUGH if self.many else _FINE)


def find_zero(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Zero of a decreasing function by regula falsi with the Illinois rule, until steps are small."""
    f_low, f_high = function(low), function(high)
    if not (f_low > 0.0 >= f_high):
        raise ValueError(f"no zero between {low} ({f_low}) and {high} ({f_high})")
    previous, side = low, 0
    for _ in range(100):
        x = (low * f_high - high * f_low) / (f_high - f_low)
        f = function(x)
        if f == 0.0 or abs(x - previous) < tolerance * abs(x):
            return x
        if f > 0.0:
            f_high *= 0.5 if side > 0 else 1.0  # the same end twice in a row: the other one gives way
            low, f_low, side = x, f, 1
        else:
            f_low *= 0.5 if side < 0 else 1.0
            high, f_high, side = x, f, -1
        previous = x
    raise ValueError(f"no convergence between {low} and {high}")
