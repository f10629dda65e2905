r"""The likelihood as formulas over an array library: those of :mod:`hftranslate.likelihood`, in the same terms.

    nu_cell = (nominal + S alpha + A g(alpha)) * prod factors * prod direct factors,      nu_bin = sum of its cells

Derivatives are the library's own. What the engine's modules say of kinks holds here: the derivative at a kink is the
one from the right, or that of the clipped side. Each branch of a ``where`` is therefore finite wherever the other one
is taken, and nothing is divided by what may be zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood import constraints
from hftranslate.likelihood.codes import LINEAR
from hftranslate.likelihood.model import Model
from hftranslate.tensors.namespaces import Array, Namespace

_TINY = float(np.finfo(np.float64).tiny)
_LOG_TINY = log(_TINY)
#: As in :mod:`hftranslate.likelihood.poisson`.
_STIRLING, _CLOSE = 16.0, 1e-3
#: Code4, ``1 + sum_k a_k alpha^k``: 16 times what ``a_1 ... a_6`` are of ``lo - 1``, ``hi - 1``, ``lo ln lo``,
#: ``hi ln hi``, ``lo ln^2 lo`` and ``hi ln^2 hi``; :func:`hftranslate.likelihood.interpolation.code4_coefficients`.
_CODE4 = (
    (-15, 15, 7, -7, -1, 1),
    (24, 24, -9, -9, 1, 1),
    (10, -10, -10, 10, 2, -2),
    (-24, -24, 14, 14, -2, -2),
    (-3, 3, 3, -3, -1, 1),
    (8, 8, -5, -5, 1, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
    code4: Array
    nodes: Array
    log_weights: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, model: Model, library: Namespace) -> "Formulas":
        """The structure of a model."""
        cells, c, index = model.cells, model.constraints, library.indices
        m = cells.multiplicative
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
            code4=library.floats(np.array(_CODE4) / 16.0),
            nodes=library.floats(constraints.NODES),
            log_weights=library.floats(constraints.LOG_WEIGHTS),
            low=library.floats(c.low),
            high=library.floats(c.high),
        )

    # ---------------------------------------------------------------------------------------------------------- yields
    def rates(self, theta: Array, t: Mapping[str, Array]) -> Array:
        """Expected events ``(n_bins,)``."""
        return self._rates(self._looked_up(theta), t)

    def _looked_up(self, theta: Array) -> list[Array]:
        """The parameters of everything, in ``shapes``."""
        xp = self.library.xp
        found = xp.concatenate((self._extended(theta), xp.ones_like(theta[:1])))[self.places]
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
        """Parameters followed by the derived ones, of which the engine gives value and two derivatives at the point.

        Their expansion there has the same ones; third derivatives are lost.
        """
        derived, xp, n = self.model.derived, self.library.xp, len(self.model.parameters)
        k = len(derived.expressions)
        if not k:
            return theta

        def jets(point: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
            return derived.extend(point)[n:], derived.jacobian(point), derived.curvatures(point)

        value, slopes, bends = self.library.on_host(jets, [(k,), (k, n), (k, n, n)], theta)
        step = theta - self.library.stop(theta)
        return xp.concatenate((theta, value + slopes @ step + 0.5 * (bends @ step) @ step))

    def _shift(self, alpha: Array, t: Mapping[str, Array]) -> Array:
        xp, additive = self.library.xp, self.model.cells.additive
        pairs = zip(additive.codes, additive.code_columns, strict=True)
        g = xp.concatenate([_curve(xp, code, alpha[columns]) for code, columns in pairs])
        return t["shift_hi"] @ (0.5 * (g + alpha)) + t["shift_lo"] @ (0.5 * (g - alpha))

    def _rows(self, alpha: Array, t: Mapping[str, Array]) -> Array:
        """The product of the factors of each row ``(n_rows,)``, by logarithms: few operations, also in derivatives."""
        xp, cells = self.library.xp, self.model.cells
        logs, signs = self._factors(alpha, t["factor_lo"], t["factor_hi"])
        total = self.library.segment_sum(xp.stack((logs, signs), -1), self.factor_row, cells.n_rows)
        rows = xp.exp(total[:, 0])
        negative = total[:, 1] % 2.0 == 1.0
        return xp.where(negative, _TINY if cells.floor_factors else -rows, rows)

    def _factors(self, alpha: Array, lo: Array, hi: Array) -> tuple[Array, Array]:
        """Logarithms of the sizes of factors, and 1 where they are negative; code4 unless a mask says otherwise."""
        xp = self.library.xp
        inside = abs(alpha) < 1.0
        polynomial = inside if self.exponential is None else inside & ~self.exponential
        ends = xp.stack((lo, hi))
        positive = ends > 0.0
        logs = xp.log(xp.where(positive, ends, 1.0))
        log_lo, log_hi = xp.where(positive, logs, _LOG_TINY)
        power = xp.where(alpha >= 0.0, log_hi, -log_lo) * alpha
        factor = self._code4(xp.where(inside, alpha, 0.0), ends, logs)
        factor = xp.where(abs(factor) < 1e-15, _TINY, factor)
        for code, mask in self.linear:
            value = 1.0 + 0.5 * (hi - lo) * alpha + (0.5 * (hi + lo) - 1.0) * _curve(xp, code, alpha)
            factor = xp.where(mask, xp.where(value == 0.0, _TINY, value), factor)
            polynomial = polynomial | mask
        log_factor = xp.log(xp.where(polynomial, abs(factor), 1.0))
        log_power = xp.where(power > _LOG_TINY, power, _LOG_TINY)
        negative = polynomial & (factor < 0.0)
        return xp.where(polynomial, log_factor, log_power), xp.where(negative, xp.ones_like(alpha), 0.0)

    def _code4(self, alpha: Array, ends: Array, logs: Array) -> Array:
        """The polynomial of code4."""
        slopes = ends * logs
        made_of = self.library.xp.concatenate((ends - 1.0, slopes, slopes * logs))
        coefficients = self.code4 @ made_of
        value = coefficients[-1]
        for k in reversed(range(len(_CODE4) - 1)):
            value = coefficients[k] + alpha * value
        return 1.0 + alpha * value

    # ------------------------------------------------------------------------------------------------------ likelihood
    def excess(self, theta: Array, t: Mapping[str, Array], data: Mapping[str, Array]) -> Array:
        """The NLL above that of the saturated model; infinite outside the domain, with derivatives of zero."""
        xp = self.library.xp
        parts = self._looked_up(theta)
        nu, n = self._rates(parts, t), data["observed"]
        terms, inside = _poisson(xp, nu, n, nu - n)
        of_constraints, admitted = self._constraints(parts[3:], t, data["auxdata"])
        total = xp.sum(terms) + of_constraints
        return xp.where(xp.all(inside) & admitted & xp.isfinite(total), total, xp.inf)

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
        total = 0.5 * xp.sum(((auxdata[index(c.gauss_aux)] - mean) / width) ** 2)
        admitted = xp.isfinite(total)
        if c.low.size:
            total = total + xp.sum(self._log_probability(mean, width))
        if c.scale.size:
            mean, x, scale = means[1], auxdata[index(c.poisson_aux)], t["scale"]
            terms, inside = _poisson(xp, mean * scale, x, (mean - x / scale) * scale)
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


def _poisson(xp: Array, mean: Array, x: Array, deviation: Array) -> tuple[Array, Array]:
    """``mean - x - x ln(mean / x)`` and where it is defined; :func:`hftranslate.likelihood.poisson.excess`."""
    counted, positive = x > 0.0, mean > 0.0
    both = counted & positive
    n, nu = xp.where(counted, x, 1.0), xp.where(both, mean, 1.0)
    d = xp.where(both, deviation, 0.0)
    r = d / n
    low = r < -0.5
    direct = d - n * xp.where(low, xp.log(xp.where(low, nu / n, 1.0)), xp.log1p(xp.where(low, 0.0, r)))
    v = d / (nu + n)
    series = v * (d - n * v * v * (2 / 3 + 2 / 5 * v * v))
    terms = xp.where(both, xp.where(abs(r) < _CLOSE, series, direct), mean)
    return terms, positive | (~counted & (mean == 0.0))
