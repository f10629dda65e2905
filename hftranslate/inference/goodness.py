"""Saturated goodness of fit: the likelihood ratio of the fit to a model that describes every observable exactly.

    t = 2 [min NLL - NLL of the saturated model]

In the saturated model every bin expects what was observed and every constraint term has its parameter where the global
observable puts it (S. Baker and R. Cousins, Nucl. Instrum. Meth. 221 (1984) 437). Asymptotically ``t`` follows a
chi-square; with few expected events per bin it does not, and pseudo-experiments of the fitted model say how it is
distributed.
"""

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.journal import Journal, are_numbers
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_kept import run_kept
from hftranslate.batch.run_many import Failed
from hftranslate.display.speaking import Result, Table, plain, short
from hftranslate.errors import FitFailed, InputError
from hftranslate.inference.fit import FitResult, fit
from hftranslate.inference.minimize import AT_A_MINIMUM, DEFAULT_OPTIONS, FitOptions, minimize_many
from hftranslate.inference.together import Fits
from hftranslate.likelihood import poisson
from hftranslate.likelihood.model import Data, Model, check_model_and_data
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]

#: Pseudo-experiments that one task draws and fits; their seed is that of the task.
_PER_TASK = 50
#: Singular values below this, relative to the largest one, belong to directions in which no observable moves.
_RANK = 1e-9
#: Statistics that differ by less are the same: what the fits leave of it. Few events make many equal ones.
_TIE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GoodnessOfFit(Result):
    """How well the model describes the data.

    Attributes
    ----------
    statistic
        twice the NLL above that of the saturated model.
    n_dof
        observables (bins and constraint terms) less the directions in which the free parameters move them.
    p_value
        of the chi-square with so many degrees of freedom; NaN where there are none.
    bins, constraints
        what bins and constraint terms contribute to the statistic.
    per_channel
        the contribution of each channel's bins.
    toys
        the statistic of pseudo-experiments at the fitted point, sorted; empty where none were asked for.
    failed_toys
        how many of them could not be fitted; they are left out.
    conventions
        whose evaluation the model follows.
    """

    statistic: float
    n_dof: int
    p_value: float
    bins: float
    constraints: float
    per_channel: tuple[tuple[str, float], ...]
    toys: Floats
    failed_toys: int
    conventions: str

    @property
    def p_value_toys(self) -> tuple[float, float] | None:
        """The fraction of pseudo-experiments that are described as badly, with its binomial uncertainty."""
        n = len(self.toys)
        if n == 0:
            return None
        p = float(np.sum(self.toys >= self.statistic - _TIE * (1.0 + self.statistic))) / n
        return p, sqrt(max(p * (1.0 - p), 1.0 / n) / n)

    def tables(self) -> tuple[Table, ...]:
        """What each channel, and the constraint terms, contribute."""
        caption = f"goodness of fit {short(self.statistic)} / {self.n_dof} degrees of freedom, p = {self.p_value:.3g}"
        if self.p_value_toys is not None:
            caption += "; by {} toys {:.3g} ± {:.1g}".format(len(self.toys), *self.p_value_toys)
        rows = [*self.per_channel, ("constraint terms", self.constraints), ("all", self.statistic)]
        note = f"conventions: {self.conventions}"
        return (Table(caption=caption, columns=("part", "contribution"), rows=rows, note=note),)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``gof``."""
        fraction = self.p_value_toys
        return {
            "statistic": self.statistic,
            "ndof": self.n_dof,
            "p_value": plain(self.p_value),
            "bins": self.bins,
            "constraints": self.constraints,
            "channels": dict(self.per_channel),
            "toys": None
            if fraction is None
            else {
                "p_value": fraction[0],
                "uncertainty": fraction[1],
                "failed": self.failed_toys,
                "statistics": self.toys.tolist(),
            },
            "conventions": self.conventions,
        }


@unwarned
def goodness_of_fit(
    model: Model,
    data: Data,
    *,
    toys: int = 0,
    seed: int = 0,
    options: FitOptions = DEFAULT_OPTIONS,
    batch: BatchOptions = DEFAULT_BATCH,
) -> GoodnessOfFit:
    """Fit, and compare with the saturated model.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    toys, seed
        how many pseudo-experiments to draw at the fitted point and to fit, and the seed they follow from.
    options
        how to minimise.
    batch
        where they run, who listens, and where their results are kept.

    Returns
    -------
    GoodnessOfFit
        the statistic ``2 (NLL - NLL of the saturated model)``, degrees of freedom and p-values.

    Raises
    ------
    InputError
        The number of pseudo-experiments is negative, or the seed.
    FitFailed
        The fit of the data failed.
    """
    from scipy.stats import chi2

    if toys < 0:
        raise InputError(f"{toys} pseudo-experiments cannot be drawn")
    if seed < 0:
        raise InputError(f"the seed of pseudo-experiments is not negative, as {seed} is")
    check_model_and_data(model, data)
    journal = batch.journal(model, data, minimizer=options.minimizer, command="gof", seed=seed)
    best = fit(model, data, options=options)
    by_bin = _deviance(model.rates(best.values), data)
    statistic = saturated_ratio(model, data, best.excess_nll)
    n_dof = _degrees_of_freedom(model, best)
    task = _Batch(
        model=model,
        truth=best.values,
        auxdata=data.auxdata,
        free=~best.fixed,
        bounds=best.bounds,
        seed=seed,
        options=options,
    )
    sampled, failed = _toys(task, toys, batch, journal)
    channels, start = [], 0
    for name, n_bins in model.channels:
        channels.append((name, float(np.sum(by_bin[start : start + n_bins]))))
        start += n_bins
    return GoodnessOfFit(
        statistic=statistic,
        n_dof=n_dof,
        p_value=float(chi2.sf(statistic, n_dof)) if n_dof > 0 else float("nan"),
        bins=float(np.sum(by_bin)),
        constraints=statistic - float(np.sum(by_bin)),
        per_channel=tuple(channels),
        toys=sampled,
        failed_toys=failed,
        conventions=model.conventions.name,
    )


def saturated_ratio(model: Model, data: Data, excess_nll: float) -> float:
    """The statistic from the NLL above that of bins without deviation and of plain constraint terms at their centre.

    Truncated Gaussian and Gamma terms have another value at their centre than the plain ones.
    """
    centres = model.constraints.centres(data.auxdata)
    centres = np.where(np.isfinite(centres), centres, model.parameters.init)
    return max(0.0, 2.0 * (excess_nll - model.constraints.excess(centres, data.auxdata)))


def _deviance(rates: Floats, data: Data) -> Floats:
    """Twice the NLL of each bin above its smallest possible value, ``(n_bins,)``."""
    return 2.0 * poisson.excess(rates, data.observed, rates - data.observed)


def _degrees_of_freedom(model: Model, best: FitResult) -> int:
    """Observables less the rank of their derivatives by the free parameters.

    A bin that expects and observes nothing, whatever the parameters, and the term of a constant parameter measure
    nothing; a parameter without effect fits nothing.
    """
    free = ~best.fixed
    width = model.parameters.width
    rates, slopes = model.rates(best.values), model.jacobian(best.values)[:, free]
    alive = (rates > 0.0) | np.any(slopes != 0.0, axis=1)
    counted = slopes[alive] / np.sqrt(np.maximum(rates[alive], 1e-12))[:, None]
    terms = np.diag(np.where(width > 0.0, 1.0 / np.where(width > 0.0, width, 1.0), 0.0))[free & (width > 0.0)]
    matrix = np.vstack([counted, terms[:, free]])
    scale = np.sqrt(np.sum(matrix * matrix, axis=0))
    matrix = matrix[:, scale > 0.0] / scale[scale > 0.0]
    rank = int(np.linalg.matrix_rank(matrix, tol=_RANK * max(1.0, sqrt(len(scale))))) if matrix.size else 0
    return int(alive.sum()) + len(terms) - rank


# --------------------------------------------------------------------------------------------------------------- toys
@record
class _Batch:
    """The task of some pseudo-experiments: their statistics; it pickles.

    The global observables of constant parameters stay as observed: their terms add the same to every statistic.
    """

    model: Model
    truth: Floats
    auxdata: Floats
    free: NDArray[np.bool_]
    bounds: Floats
    seed: int
    options: FitOptions

    @unwarned
    def __call__(self, item: tuple[int, int]) -> list[float | None]:
        number, size = item
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(number,)))
        observed, auxdata = self.model.sample(self.truth, size, rng)
        held = self.model.constraints.observables(~self.free)
        auxdata[:, held] = self.auxdata[held]
        starts = np.tile(self.truth, (size, 1))
        fits = Fits(observed=observed, auxdata=auxdata, starts=starts, free=self.free, bounds=self.bounds)
        found: list[float | None] = []
        for i, minimum in enumerate(minimize_many(self.model, fits, self.options)):
            data = self.model.data(observed[i], auxdata[i])
            good = minimum.status in AT_A_MINIMUM and isfinite(minimum.excess_nll)
            found.append(saturated_ratio(self.model, data, minimum.excess_nll) if good else None)
        return found


def _toys(task: _Batch, toys: int, batch: BatchOptions, journal: Journal | None) -> tuple[Floats, int]:
    """The sorted statistics of pseudo-experiments, and how many could not be fitted."""
    items = [(k, min(_PER_TASK, toys - first)) for k, first in enumerate(range(0, toys, _PER_TASK))]
    step = f"batches of {_PER_TASK} toys"
    found = run_kept(task, items, fits=_are_statistics, step=step, batch=batch, journal=journal)
    for statistics in found:
        if isinstance(statistics, Failed):
            raise FitFailed(f"pseudo-experiments could not be drawn: {statistics.reason}")
    values = [t for statistics in found for t in statistics]
    good = np.array(sorted(t for t in values if t is not None), dtype=np.float64)
    return good, len(values) - len(good)


def _are_statistics(item: tuple[int, int], kept: Any) -> bool:
    """Whether a JSON value can be what :class:`_Batch` gives."""
    return are_numbers(kept, item[1], or_null=True) and all(t is None or t >= 0.0 for t in kept)
