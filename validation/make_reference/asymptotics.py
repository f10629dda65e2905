"""Test statistics, CLs and limits with asymptotic formulae (arXiv:1007.1727), from tight fits.

The definitions are RooStats' own (AsymptoticCalculator, one-sided, q-tilde); its fits are not, because it forces a
tolerance that leaves errors up to 1e-3 on CLs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from math import erfc, log, sqrt
from operator import attrgetter

from evaluation import Dataset, RootModel

SIGMAS = (-2, -1, 0, 1, 2)


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


def _band(index: int, test: HypoTest) -> float:
    return test.cls_exp[index]


def _tail(x: float) -> float:
    return 0.5 * erfc(x / sqrt(2.0))


class Asymptotics:
    """All hypothesis tests of one model; the free fit and the Asimov data are made once."""

    def __init__(self, model: RootModel) -> None:
        if model.poi is None:
            raise ValueError("the model has no parameter of interest")
        self.model = model
        self.poi: str = model.poi
        self._tests: dict[float, HypoTest] = {}

    @cached_property
    def _free(self) -> tuple[float, float]:
        """NLL and POI at the best fit within the range of the POI."""
        fit = self.model.fit()
        return fit.nll, fit.values[self.poi]

    @cached_property
    def _asimov(self) -> tuple[Dataset, float]:
        """The background-only Asimov data and its NLL refitted at zero signal.

        RooStats compares with that fit, not with the free minimum, which the truncated constraints move away.
        """
        data = self.model.asimov(0.0)
        return data, self.model.fit(data, {self.poi: 0.0}).nll

    def hypotest(self, value: float) -> HypoTest:
        """Test one value of the POI against the background-only hypothesis."""
        if value not in self._tests:
            self._tests[value] = self._hypotest(value)
        return self._tests[value]

    def _hypotest(self, value: float) -> HypoTest:
        nll_free, muhat = self._free
        conditional = self.model.fit(fixed={self.poi: value}).nll
        q = 0.0 if muhat > value else max(0.0, 2.0 * (conditional - nll_free))
        data, nll_zero = self._asimov
        q_asimov = max(0.0, 2.0 * (self.model.fit(data, {self.poi: value}).nll - nll_zero))
        root, root_asimov = sqrt(q), sqrt(q_asimov)
        if q <= q_asimov:
            clsb, clb = _tail(root), _tail(root - root_asimov)
        else:  # muhat < 0 would be the best fit: the boundary changes the distribution of q-tilde
            clsb = _tail((q + q_asimov) / (2.0 * root_asimov))
            clb = _tail((q - q_asimov) / (2.0 * root_asimov))
        expected = [_tail(root_asimov - k) / _cdf(k) for k in SIGMAS]
        return HypoTest(
            poi=value,
            q=q,
            q_asimov=q_asimov,
            muhat=muhat,
            nll_conditional=conditional,
            clsb=clsb,
            clb=clb,
            cls_obs=clsb / clb,
            cls_exp=expected,
        )

    def discovery(self) -> dict[str, float]:
        """Test of the background-only hypothesis: q0, p-value and significance."""
        nll_free, muhat = self._free
        zero = self.model.fit(fixed={self.poi: 0.0}).nll
        q0 = 0.0 if muhat <= 0.0 else max(0.0, 2.0 * (zero - nll_free))
        return {"q0": q0, "p0": _tail(sqrt(q0)), "z": sqrt(q0), "muhat": muhat}

    def limits(self, level: float, high: float) -> tuple[float | None, list[float | None]]:
        """Observed and expected upper limits: where CLs falls to the given level, ``None`` where it does not."""
        observed = self._crossing(attrgetter("cls_obs"), level, high)
        expected = [self._crossing(partial(_band, i), level, high) for i in range(len(SIGMAS))]
        return observed, expected

    def _crossing(self, cls: Callable[[HypoTest], float], level: float, high: float) -> float | None:
        def excess(value: float) -> float:
            return log(max(cls(self.hypotest(value)), 1e-300) / level)

        return find_zero(excess, 1e-3 * high, high) if excess(high) < 0.0 else None


def find_zero(function: Callable[[float], float], low: float, high: float, tolerance: float = 1e-8) -> float:
    """Zero of a decreasing function by regula falsi with the Illinois rule, to a relative tolerance.

    The bracket is first narrowed by halving from above, so that no step goes far beyond the zero.
    """
    f_low, f_high = function(low), function(high)
    if not (f_low > 0.0 > f_high):
        raise ValueError(f"no zero between {low} ({f_low}) and {high} ({f_high})")
    while True:
        middle = 0.5 * (low + high)
        f_middle = function(middle)
        if f_middle > 0.0:
            low, f_low = middle, f_middle
            break
        high, f_high = middle, f_middle
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
