r"""The likelihood as formulas over an array library: those of :mod:`hftranslate.likelihood`, in the same terms.

    nu_cell = (nominal + S alpha + A g(alpha)) * prod factors * prod direct factors,      nu_bin = sum of its cells

Derivatives are the library's own. What the engine's modules say of kinks holds here: the derivative at a kink is the
one from the right, or that of the clipped side. Each branch of a ``where`` is therefore finite wherever the other one
is taken, and nothing is divided by what may be zero.
"""

from collections.abc import Callable, Mapping
from math import log, pi, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood import constraints
from hftranslate.likelihood.codes import LINEAR
from hftranslate.likelihood.model import Model
from hftranslate.records import record
from hftranslate.tensors.namespaces import Array, Namespace

_TINY = float(np.finfo(np.float64).tiny)
_LOG_TINY = log(_TINY)
#: As in :mod:`hftranslate.likelihood.poisson`.
_STIRLING, _CLOSE = 16.0, 1e-3
#: Code4 is ``1 + c(alpha; hi) + c(-alpha; lo)``, where ``c(x; y)`` has ``y - 1``, ``y ln y`` and ``y ln^2 y`` times
#: a polynomial each: 16 times their coefficients of ``1, x, ..., x^6``, those of
#: :func:`hftranslate.likelihood.interpolation.code4_coefficients`; and of their derivatives.
_CODE4 = np.array(((0, 15, 24, -10, -24, 3, 8), (0, -7, -9, 10, 14, -3, -5), (0, 1, 1, -2, -2, 1, 1))) / 16.0
_CODE4_SLOPE = _CODE4[:, 1:] * np.arange(1.0, 7.0)


@record
class Formulas:
    """A model's structure: which parameter moves what, in the indices of an array library.

    Attributes
    ----------
    places, shapes
        where the parameters of everything stand, one after the other, and in which shapes: of the columns of HistoSys,
        of NormSys ``(n_factors,)``, of the direct factors ``(n_slots, n_cells)``, of Gaussian, Poisson and Gamma terms.
        All of them are looked up at once: it is the lookups that take long to compile.
    linear, exponential
        which factors of NormSys have a code that is linear in ``g``, by code, and which have code1; ``None`` where
        there are none.
    term, uncertainty, growth
        those of :class:`~hftranslate.likelihood.derived.Terms`.
    """

    library: Namespace
    model: Model
    places: Array
    shapes: tuple[tuple[int, ...], ...]
    linear: tuple[tuple[str, Array], ...]
    exponential: Array | None
    factor_row: Array
    row: Array
    bin: Array
    clipped: Array | None
    nodes: Array
    log_weights: Array
    low: Array
    high: Array
    term: Array
    uncertainty: Array
    growth: Array

    @classmethod
    def of(cls, model: Model, library: Namespace) -> "Formulas":
        """The structure of a model."""
        cells, c, index = model.cells, model.constraints, library.indices
        m, terms = cells.multiplicative, model.derived.terms
        nodes, log_weights = constraints.gamma_nodes()
        by_code = [(LINEAR.get(code, code), np.isin(np.arange(len(m.row)), which)) for code, which in m.linear]
        power = ~m.polynomial & ~sum((mask for _, mask in by_code), np.zeros_like(m.polynomial))
        users = (
            cells.additive.parameter,
            m.parameter,
            cells.direct,
            c.gauss_parameter,
            c.poisson_parameter,
            c.gamma_parameter,
        )
        return cls(
            library=library,
            model=model,
            places=index(np.concatenate([u.ravel() for u in users])),
            shapes=tuple(u.shape for u in users),
            linear=tuple((code, index(mask)) for code, mask in by_code),
            exponential=index(power) if power.any() else None,
            factor_row=index(m.row),
            row=index(cells.row),
            bin=index(cells.bin),
            clipped=None if cells.clipped is None else index(cells.clipped),
            nodes=library.floats(nodes),
            log_weights=library.floats(log_weights),
            low=library.floats(c.low),
            high=library.floats(c.high),
            term=index(terms.parameter),
            uncertainty=library.floats(terms.uncertainty),
            growth=library.floats(terms.growth),
        )

    # ---------------------------------------------------------------------------------------------------------- yields
    def rates(self, theta: Array, t: Mapping[str, Array]) -> Array:
        """Expected events ``(n_bins,)``."""
        return self._rates(self._looked_up(theta), t)

    def _looked_up(self, theta: Array) -> list[Array]:
        """The parameters of everything, in ``shapes``."""
        xp = self.library.xp
        found = xp.concatenate((self._extended(theta), self.library.floats([1.0])))[self.places]  # in double precision
        parts, start = [], 0
        for shape in self.shapes:
            stop = start + prod(shape)
            parts.append(found[start:stop].reshape(shape))
            start = stop
        return parts

    def _rates(self, parts: list[Array], t: Mapping[str, Array]) -> Array:
        """The formula of :meth:`hftranslate.likelihood.cells.Cells.evaluate`."""
        xp, cells = self.library.xp, self.model.cells
        columns, alpha, slots = parts[:3]
        nu = t["nominal"]
        if cells.additive.codes:
            nu = nu + self._shift(columns, t)
        if self.clipped is not None:
            nu = xp.where(self.clipped & (nu <= 0.0), 0.0, nu)
        if len(alpha):
            nu = nu * self._rows(alpha, t)[self.row]
        for slot in slots:
            nu = nu * slot
        return self.library.segment_sum(nu, self.bin, cells.n_bins)

    def _extended(self, theta: Array) -> Array:
        """Parameters followed by the derived ones.

        Of those that Functions make the engine gives value and two derivatives at the point. Their expansion there has
        the same ones; third derivatives are lost.
        """
        derived, xp, n = self.model.derived, self.library.xp, len(self.model.parameters)
        parts, k = [theta], len(derived.expressions)
        if k:

            def jets(point: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
                return derived.extend(point)[n : n + k], derived.jacobian(point)[:k], derived.curvatures(point)[:k]

            value, slopes, bends = self.library.on_host(jets, [(k,), (k, n), (k, n, n)], theta)
            step = theta - self.library.stop(theta)
            parts.append(value + slopes @ step + 0.5 * (bends @ step) @ step)
        if len(derived.names) > k:
            moved = theta[self.term]
            parts.append(xp.where(self.growth == 0.0, moved - 1.0, xp.expm1(self.growth * moved)) / self.uncertainty)
        return xp.concatenate(parts) if len(parts) > 1 else theta

    def _shift(self, alpha: Array, t: Mapping[str, Array]) -> Array:
        xp, additive = self.library.xp, self.model.cells.additive
        pairs = zip(additive.codes, additive.code_columns, strict=True)
        g = xp.concatenate([self._g(code)(alpha[columns]) for code, columns in pairs])
        return t["shift_hi"] @ (0.5 * (g + alpha)) + t["shift_lo"] @ (0.5 * (g - alpha))

    def _g(self, code: str) -> Callable[[Array], Array]:
        """``g`` of an additive code."""
        xp = self.library.xp

        def value(alpha: Array) -> Array:
            return _curve(xp, code, alpha)

        def moved(step: Array, alpha: Array) -> Array:
            return step * _curve_slope(xp, code, alpha)

        return self.library.with_slope(value, moved)

    def _rows(self, alpha: Array, t: Mapping[str, Array]) -> Array:
        """The product of the factors of each row ``(n_rows,)``, by logarithms: few operations, also in derivatives."""
        xp, cells, lo, hi = self.library.xp, self.model.cells, t["factor_lo"], t["factor_hi"]
        log_lo, log_hi = xp.log(xp.where(lo > 0.0, lo, 1.0)), xp.log(xp.where(hi > 0.0, hi, 1.0))
        factors = self.library.with_slope(self._factors, self._slopes)(alpha, lo, hi, log_lo, log_hi)
        total = self.library.segment_sum(factors, self.factor_row, cells.n_rows)
        rows, pairs = xp.exp(total[:, 0]), 0.5 * total[:, 1]
        return xp.where(pairs != xp.floor(pairs), _TINY if cells.floor_factors else -rows, rows)

    def _factors(self, alpha: Array, *ends: Array) -> Array:
        """Logarithms of the sizes of factors, and 1 where they are negative, ``(n_factors, 2)``."""
        xp = self.library.xp
        polynomial, factor, vanishes = self._polynomials(alpha, *ends)
        factor, power = xp.where(vanishes, _TINY, factor), self._exponents(alpha, *ends) * alpha
        logs = xp.where(polynomial, xp.log(abs(factor)), xp.where(power > _LOG_TINY, power, _LOG_TINY))
        return xp.stack((logs, xp.where(polynomial & (factor < 0.0), xp.ones_like(logs), 0.0)), -1)

    def _slopes(self, step: Array, alpha: Array, *ends: Array) -> Array:
        """How the logarithms move with steps of ``alpha``, ``(n_factors, 2)``."""
        xp = self.library.xp
        (polynomial, factor, vanishes), exponent = self._polynomials(alpha, *ends), self._exponents(alpha, *ends)
        still = xp.where(polynomial, vanishes, exponent * alpha <= _LOG_TINY)
        slope = self._polynomials(alpha, *ends, slope=True)[1] / xp.where(vanishes, 1.0, factor)
        moved = step * xp.where(still, 0.0, xp.where(polynomial, slope, exponent))
        return xp.stack((moved, xp.zeros_like(moved)), -1)

    def _exponents(self, alpha: Array, lo: Array, hi: Array, log_lo: Array, log_hi: Array) -> Array:
        """What multiplies ``alpha`` in the logarithm of code1."""
        xp = self.library.xp
        log_lo, log_hi = xp.where(lo > 0.0, log_lo, _LOG_TINY), xp.where(hi > 0.0, log_hi, _LOG_TINY)
        return xp.where(alpha >= 0.0, log_hi, -log_lo)

    def _polynomials(
        self, alpha: Array, lo: Array, hi: Array, log_lo: Array, log_hi: Array, *, slope: bool = False
    ) -> tuple[Array, Array, Array]:
        """Which factors are polynomials of ``alpha`` (code4 within 1, or as a mask says), their values, and zeros.

        Slopes by ``alpha`` instead of values, if asked for.
        """
        xp = self.library.xp
        inside = abs(alpha) < 1.0
        polynomial = inside if self.exponential is None else inside & ~self.exponential
        x = xp.where(inside, alpha, 0.0)
        if slope:
            value = _half_of_code4(_CODE4_SLOPE, x, hi, log_hi) - _half_of_code4(_CODE4_SLOPE, -x, lo, log_lo)
        else:
            value = 1.0 + _half_of_code4(_CODE4, x, hi, log_hi) + _half_of_code4(_CODE4, -x, lo, log_lo)
        vanishes = abs(value) < 1e-15
        for code, mask in self.linear:
            s, a = 0.5 * (hi - lo), 0.5 * (hi + lo) - 1.0
            linear = s + a * _curve_slope(xp, code, alpha) if slope else 1.0 + s * alpha + a * _curve(xp, code, alpha)
            value = xp.where(mask, linear, value)
            vanishes = xp.where(mask, linear == 0.0, vanishes)
            polynomial = polynomial | mask
        return polynomial, value, vanishes

    # ------------------------------------------------------------------------------------------------------ likelihood
    def excess(self, theta: Array, t: Mapping[str, Array], data: Mapping[str, Array]) -> Array:
        """The NLL above that of the saturated model; infinite outside the domain, with derivatives of zero."""
        xp = self.library.xp
        parts = self._looked_up(theta)
        nu, n = self._rates(parts, t), data["observed"]
        terms, inside = self._poisson(nu, n)
        of_constraints, admitted = self._constraints(parts[3:], t, data["auxdata"])
        total = xp.sum(terms) + of_constraints
        return xp.where(xp.all(inside) & admitted & xp.isfinite(total), total, xp.inf)

    def constraints(self, theta: Array, t: Mapping[str, Array], data: Mapping[str, Array]) -> Array:
        """The constraint terms above their saturated value: their part of ``excess``."""
        return self._constraints(self._looked_up(theta)[3:], t, data["auxdata"])[0]

    def saturated(self, t: Mapping[str, Array], data: Mapping[str, Array]) -> Array:
        """The NLL of the saturated model, a constant of the data and of the widths."""
        xp, c = self.library.xp, self.model.constraints
        counts = xp.concatenate((data["observed"], data["auxdata"][self.library.indices(c.poisson_aux)]))
        return xp.sum(self._least(counts)) + xp.sum(xp.log(t["width"] * sqrt(2.0 * pi)))

    def expected_data(self, theta: Array, t: Mapping[str, Array]) -> dict[str, Array]:
        """The Asimov data of a parameter point."""
        xp, c, index = self.library.xp, self.model.constraints, self.library.indices
        parts = self._looked_up(theta)
        peaks, highest = parts[5] / t["gamma_scale"], constraints.HIGHEST
        aux = xp.concatenate(
            (
                parts[3],
                parts[4] * t["scale"],
                xp.where(peaks < highest, xp.where(peaks > 0.0, peaks, 0.0), highest),
            )
        )
        places = np.argsort(np.concatenate((c.gauss_aux, c.poisson_aux, c.gamma_aux)))
        return {"observed": self._rates(parts, t), "auxdata": aux[index(places)]}

    def _poisson(self, mean: Array, x: Array) -> tuple[Array, Array]:
        """``mean - x - x ln(mean / x)`` and where it is defined; :func:`hftranslate.likelihood.poisson.excess`."""
        xp = self.library.xp

        def value(mean: Array, x: Array) -> Array:
            both = (x > 0.0) & (mean > 0.0)
            n, nu = xp.where(x > 0.0, x, 1.0), xp.where(both, mean, 1.0)
            d = xp.where(both, mean - x, 0.0)
            low = d < -0.5 * n
            direct = d - n * xp.where(low, xp.log(xp.where(low, nu, n) / n), xp.log1p(xp.where(low, 0.0, d) / n))
            v = d / (nu + n)
            series = v * (d - n * v * v * (2 / 3 + 2 / 5 * v * v))
            return xp.where(both, xp.where(abs(d) < _CLOSE * n, series, direct), mean)

        def moved(step: Array, mean: Array, x: Array) -> Array:
            both = (x > 0.0) & (mean > 0.0)
            return step * xp.where(both, (mean - x) / xp.where(both, mean, 1.0), 1.0)

        inside = (mean > 0.0) | ((x <= 0.0) & (mean == 0.0))
        return self.library.with_slope(value, moved)(mean, x), inside

    def _least(self, x: Array) -> Array:
        """``x - x ln x + ln Gamma(x + 1)``; :func:`hftranslate.likelihood.poisson.saturated`."""
        xp = self.library.xp
        large = x >= _STIRLING
        few, inverse = xp.where(large, 1.0, x), 1.0 / xp.where(large, x, _STIRLING)
        z = inverse * inverse
        series = inverse * (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188))))
        exact = few - few * xp.log(xp.where(few > 0.0, few, 1.0)) + self.library.gammaln(few + 1.0)
        return xp.where(large, 0.5 * (log(2.0 * pi) - xp.log(inverse)) + series, exact)

    def _constraints(self, means: list[Array], t: Mapping[str, Array], auxdata: Array) -> tuple[Array, Array]:
        """The constraint terms above their saturated value, and whether their parameters are inside the domain.

        The formulas of :mod:`hftranslate.likelihood.constraints`.
        """
        xp, c, index = self.library.xp, self.model.constraints, self.library.indices
        mean, width = means[0], t["width"]
        pull = (auxdata[index(c.gauss_aux)] - mean) / width
        total = 0.5 * (pull @ pull)
        admitted = xp.isfinite(total)
        if c.low.size:
            total = total + xp.sum(self._log_probability(mean, width))
        if c.scale.size:
            terms, inside = self._poisson(means[1] * t["scale"], auxdata[index(c.poisson_aux)])
            total, admitted = total + xp.sum(terms), admitted & xp.all(inside)
        if c.gamma_scale.size:
            mean, x = means[2], auxdata[index(c.gamma_aux)]
            u = xp.log(xp.where(mean > 0.0, mean, 1.0) / t["gamma_scale"])
            peak = xp.where(u > 0.0, u * constraints.HIGHEST, 0.0)
            weights = xp.exp(self.log_weights + self.nodes * u[:, None] - peak[:, None])
            terms = self.library.gammaln(x + 1.0) - x * u + xp.log(weights.sum(-1)) + peak
            total, admitted = total + xp.sum(terms), admitted & xp.all(mean > 0.0)
        return total, admitted

    def _log_probability(self, mean: Array, width: Array) -> Array:
        """``ln[Phi(b) - Phi(a)]`` with ``a, b = (low, high - mean) / width``."""
        xp, log_ndtr = self.library.xp, self.library.log_ndtr
        a, b = (self.low - mean) / width, (self.high - mean) / width
        flip = a + b > 0.0  # to the side on which neither probability is close to one
        upper, lower = log_ndtr(xp.where(flip, -a, b)), log_ndtr(xp.where(flip, -b, a))
        ratio = lower - upper
        near = ratio > -log(2.0)
        rest = xp.where(near, xp.log(-xp.expm1(xp.where(near, ratio, -1.0))), xp.log1p(-xp.exp(ratio)))
        return upper + rest


def _curve(xp: Array, code: str, alpha: Array) -> Array:
    """``g`` of an additive code; the table of :mod:`hftranslate.likelihood.interpolation`."""
    size = xp.where(alpha < 0.0, -alpha, alpha)
    inside = size < 1.0
    square = xp.where(inside, alpha * alpha, 0.0)
    match code:
        case "code0":
            return size
        case "code2":
            return xp.where(inside, square, 2.0 * size - 1.0)
        case "code4p":
            return xp.where(inside, square * (1.875 + square * (-1.25 + 0.375 * square)), size)
    raise AssertionError(f"no additive code {code!r}")


def _curve_slope(xp: Array, code: str, alpha: Array) -> Array:
    """The derivative of ``g``, that from the right at a kink."""
    inside = abs(alpha) < 1.0
    x, sign = xp.where(inside, alpha, 0.0), xp.where(alpha < 0.0, -1.0, 1.0)
    match code:
        case "code0":
            return sign
        case "code2":
            return xp.where(inside, 2.0 * x, 2.0 * sign)
        case "code4p":
            return xp.where(inside, x * (3.75 + x * x * (-5.0 + 2.25 * x * x)), sign)
    raise AssertionError(f"no additive code {code!r}")


def _half_of_code4(coefficients: NDArray[np.float64], x: Array, end: Array, log_end: Array) -> Array:
    """``c(x; end)``, or its derivative by ``x``."""
    columns = coefficients.T.tolist()
    p, q, r = columns.pop()
    while columns:
        p, q, r = (x * value + c for value, c in zip((p, q, r), columns.pop(), strict=True))
    return p * (end - 1.0) + end * log_end * (q + log_end * r)
