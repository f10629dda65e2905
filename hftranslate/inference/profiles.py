"""Profile scans: how far the NLL, minimised over everything else, rises as one or two parameters are moved.

    -2 Delta ln L(x) = 2 [min NLL with the scanned parameters held at x  -  min NLL]

Its asymptotic distribution is a chi-square with as many degrees of freedom as parameters are scanned (Wilks), which
gives the levels of intervals and contours (arXiv:1007.1727, section 2.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hftranslate.batch.journal import is_number
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_kept import run_kept
from hftranslate.batch.run_many import Failed
from hftranslate.display.speaking import Result, Table, measured, named, plain, short
from hftranslate.errors import InputError, MissingInput, did_you_mean
from hftranslate.inference.fit import FitResult, failure_message, fit
from hftranslate.inference.minimize import AT_A_MINIMUM, DEFAULT_OPTIONS, FitOptions, minimize_many
from hftranslate.inference.together import Fits
from hftranslate.likelihood.model import Data, Model, check_model_and_data
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]

#: A range that is chosen automatically reaches this ``-2 Delta ln L``, or between these: three standard deviations.
_WANTED, _ENOUGH, _TOO_FAR = 9.0, 7.0, 16.0
_MOST_TRIALS = 12  # of a range's end
#: Points that are fitted at once.
_TOGETHER = 16
_MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ProfileScan(Result):
    """A scan of the profile likelihood over a grid of one or two parameters.

    Attributes
    ----------
    names
        the scanned parameters (one or two).
    values
        the grid's values of each, ``(n_1,)`` and ``(n_2,)``.
    rise
        ``-2 Delta ln L``, ``(n_1,)`` or ``(n_1, n_2)``; NaN where no fit succeeded.
    best, uncertainties
        of the scanned parameters in the free fit.
    twice_nll
        twice the NLL of the free fit.
    failures
        why points have no value, by their indices in the grid.
    conventions
        whose evaluation the model follows.
    """

    names: tuple[str, ...]
    values: tuple[Floats, ...]
    rise: Floats
    best: tuple[float, ...]
    uncertainties: tuple[float, ...]
    twice_nll: float
    failures: Mapping[tuple[int, ...], str] = field(default_factory=dict)
    conventions: str = ""

    def __getitem__(self, name: str) -> Floats:
        """The values at which a parameter was scanned."""
        if name not in self.names:
            raise MissingInput(f"{name!r} was not scanned" + did_you_mean(name, self.names))
        return self.values[self.names.index(name)]

    def crossings(self, level: float = 1.0) -> list[float]:
        """Where a one-dimensional scan crosses a level of ``-2 Delta ln L``, between its points by interpolation.

        ``sqrt(-2 Delta ln L)`` is close to straight lines, so that it is what is interpolated.
        """
        x, y = self.values[0], np.sqrt(np.maximum(self.rise, 0.0)) - np.sqrt(level)
        good = np.isfinite(y)
        x, y = x[good], y[good]
        at = np.flatnonzero(np.sign(y[:-1]) * np.sign(y[1:]) < 0)
        between = [float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i])) for i in at]
        return sorted([*between, *(float(v) for v in x[y == 0.0])])

    def tables(self) -> tuple[Table, ...]:
        """The points."""
        found = zip(self.names, self.best, self.uncertainties, strict=True)
        best = ", ".join(f"{name} = {measured(value, sigma)}" for name, value, sigma in found)
        failed = f", {len(self.failures)} failed" if self.failures else ""
        grid = np.stack(np.meshgrid(*self.values, indexing="ij"), axis=-1).reshape(-1, len(self.names))
        note = f"twice NLL {short(self.twice_nll)}"
        if len(self.names) == 1:
            ends = " and ".join(map(short, self.crossings())) or "nowhere in this range"
            note += f"; 2 ΔNLL = 1 at {ends}"
        return (
            Table(
                caption=f"best fit {best}; {self.rise.size} points{failed}",
                columns=(*self.names, "2 ΔNLL"),
                rows=[(*map(float, point), plain(r)) for point, r in zip(grid, self.rise.flat, strict=True)],
                note=f"{note}; conventions: {self.conventions}",
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``scan``."""
        rows = [[plain(v) for v in row] for row in np.atleast_2d(self.rise)]
        one = len(self.names) == 1
        return {
            "parameters": list(self.names),
            "values": [axis.tolist() for axis in self.values],
            "twice_delta_nll": rows[0] if one else rows,
            "best_fit": list(self.best),
            "uncertainties": list(map(plain, self.uncertainties)),
            "twice_nll": self.twice_nll,
            "failed": [{"index": list(i), "reason": reason} for i, reason in self.failures.items()],
            "conventions": self.conventions,
            **({"crossings": {f"{level:g}": self.crossings(level) for level in (1.0, 4.0)}} if one else {}),
        }


@record
class ProfileOf:
    """The profiled NLL of parameters as a function of their values; it pickles, so that workers can call it.

    Every fit starts from the free fit, moved along to first order: results depend on nothing but the point.
    """

    model: Model
    data: Data
    best: FitResult
    names: tuple[str, ...]
    options: FitOptions

    def __call__(self, point: Sequence[float]) -> FitResult:
        """The fit with the parameters held at a point.

        Raises
        ------
        FitFailed
            There is no minimum.
        """
        held = dict(zip(self.names, map(float, point), strict=True))
        start = self.best.all_moved(self.names, np.array([point]))[0]
        return fit(self.model, self.data, fixed=held, start=start, options=self.options)

    @unwarned
    def excesses(self, points: Sequence[Sequence[float]]) -> list[float | Failed]:
        """The NLL above the saturated model's at the fits of many points at once, or why one failed."""
        at = np.array([self.best.names.index(n) for n in self.names])
        free = ~self.best.fixed
        free[at] = False
        starts = self.best.all_moved(self.names, np.array(points, dtype=np.float64))
        found = minimize_many(self.model, Fits.of(self.data, starts, free, self.best.bounds), self.options)
        good = not self.options.raise_on_failure
        return [
            m.excess_nll if good or m.status in AT_A_MINIMUM else Failed(failure_message(self.model, self.data, m))
            for m in found
        ]


@unwarned
def profile_scan(
    model: Model,
    data: Data,
    names: str | Sequence[str],
    values: Sequence[ArrayLike | None] | None = None,
    *,
    points: Sequence[int] | int | None = None,
    options: FitOptions = DEFAULT_OPTIONS,
    batch: BatchOptions = DEFAULT_BATCH,
) -> ProfileScan:
    """Scan the profile likelihood over one or two parameters.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    names
        one or two parameters, by pyhf's or ROOT's name; of a single one the name alone, its values and how many.
    values
        where to scan each, ``(n_1,)`` and ``(n_2,)``; where it is ``None``, at ``points`` values of :func:`scan_range`.
    points
        how many values of each where they are chosen automatically; 41 in one dimension and 21 in two.
    options
        how to minimise.
    batch
        where the fits run, who listens, and where their results are kept.

    Returns
    -------
    ProfileScan
        ``-2 Delta ln L``, ``(n_1,)`` or ``(n_1, n_2)``, above the free fit; NaN where a fit failed.

    Raises
    ------
    InputError
        There are not one or two different parameters, one is constant, or the values are of no use.
    FitFailed
        The free fit failed.
    """
    check_model_and_data(model, data)
    if isinstance(names, str) and values is not None and np.ndim(values[0]) == 0:  # type: ignore[arg-type]
        values = [values]  # type: ignore[list-item]
    names, counts = named(names), [points] if isinstance(points, int) else points
    where = tuple(model.parameters.names[model.parameters.index(n)] for n in names)
    if len(set(where)) != len(where) or len(where) not in (1, 2):
        raise InputError(f"a scan takes one or two different parameters, not {', '.join(names)}")
    journal = batch.journal(model, data, minimizer=options.minimizer, command="scan", parameters=list(names))
    best = fit(model, data, options=options)
    for name in where:
        if best.fixed[best.names.index(name)]:
            raise InputError(f"{name!r} is constant in this fit and cannot be scanned")
    profile = ProfileOf(model=model, data=data, best=best, names=where, options=options)
    wanted = [None] * len(where) if values is None else values
    axes = _axes(profile, wanted, counts or ([41] if len(where) == 1 else [21, 21]))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    items = [tuple(p) for p in grid.tolist()]
    found = run_kept(
        profile.excesses,
        items,
        fits=lambda _, kept: is_number(kept),
        step="profile fits",
        together=_TOGETHER,
        batch=batch,
        journal=journal,
    )
    nll = np.array([np.nan if isinstance(f, Failed) else f for f in found])
    shape = tuple(len(a) for a in axes)
    best = _deepest(profile, nll, grid)
    return ProfileScan(
        names=where,
        values=tuple(axes),
        rise=2.0 * (nll - best.excess_nll).reshape(shape),
        best=tuple(best.value(n) for n in where),
        uncertainties=tuple(best.uncertainty(n) for n in where),
        twice_nll=2.0 * best.nll,
        failures={
            tuple(int(k) for k in np.unravel_index(i, shape)): f.reason
            for i, f in enumerate(found)
            if isinstance(f, Failed)
        },
        conventions=model.conventions.name,
    )


def _axes(profile: ProfileOf, values: Sequence[ArrayLike | None], points: Sequence[int]) -> list[Floats]:
    if len(values) != len(profile.names) or len(points) != len(profile.names):
        raise InputError(f"a scan of {' and '.join(profile.names)} takes values or points for each")
    total = prod(n if given is None else np.size(given) for given, n in zip(values, points, strict=True))
    if total > _MOST_POINTS:
        raise InputError(f"a scan of {total} points: each is a fit, and {_MOST_POINTS} are taken at most")
    axes: list[Floats] = []
    for name, given, n in zip(profile.names, values, points, strict=True):
        if given is None:
            if n < 2:
                raise InputError(f"a scan of {n} points shows nothing; take two at least")
            axes.append(np.linspace(*scan_range(replace(profile, names=(name,))), n))
        else:
            axes.append(np.asarray(given, dtype=np.float64))
        if axes[-1].ndim != 1 or not axes[-1].size or not np.isfinite(axes[-1]).all():
            raise InputError(f"the values at which {name!r} is scanned must be a list of finite numbers")
    return axes


def _deepest(profile: ProfileOf, nll: Floats, grid: Floats) -> FitResult:
    """The free fit, repeated from the lowest point of the scan where that lies below it."""
    best = profile.best
    if not np.isfinite(nll).any() or np.nanmin(nll) > best.excess_nll - profile.options.tolerance:
        return best
    held = profile(grid[int(np.nanargmin(nll))])
    again = fit(profile.model, profile.data, start=held.values, options=profile.options)
    return again if again.excess_nll < best.excess_nll else best


def scan_range(profile: ProfileOf) -> tuple[float, float]:
    """A range of one parameter that shows three standard deviations to each side, as far as its bounds allow.

    It starts from the uncertainty by HESSE; where the NLL rises by much more or less on the way there than a parabola
    would, the end moves.
    """
    index = profile.best.names.index(profile.names[0])
    centre, (low, high) = float(profile.best.values[index]), profile.best.bounds[index]
    step = 3.0 * step_of(profile.model, profile.best, index)
    ends = [centre, centre]
    for side, bound in enumerate((low, high)):
        direction = -1.0 if side == 0 else 1.0
        distance, most = step, abs(float(bound) - centre)
        for _ in range(_MOST_TRIALS if most > 0.0 else 0):
            distance = min(distance, most)
            rise = _rise(profile, centre + direction * distance)
            if rise > _TOO_FAR:
                distance *= max(0.1, (_WANTED / rise) ** 0.5)
            elif rise < _ENOUGH and distance < most:
                distance *= min(3.0, (_WANTED / max(rise, 0.5)) ** 0.5)
            else:
                break
        ends[side] = centre + direction * min(distance, most)
    if ends[0] == ends[1]:
        raise InputError(f"{profile.names[0]!r} has no room to be scanned: its range is [{low:g}, {high:g}]")
    return ends[0], ends[1]


def _rise(profile: ProfileOf, x: float) -> float:
    """``-2 Delta ln L`` at a value; infinite where no fit succeeds."""
    found = replace(profile, options=replace(profile.options, raise_on_failure=False))((x,))
    good = found.status in AT_A_MINIMUM
    return 2.0 * (found.excess_nll - profile.best.excess_nll) if good else float("inf")


def step_of(model: Model, best: FitResult, index: int) -> float:
    """How far to move a parameter first: its uncertainty, or a guess of it where there is none."""
    for sigma in (best.reach(best.names[index]), float(model.parameters.width[index])):
        if np.isfinite(sigma) and sigma > 0.0:
            return sigma
    return 0.1 * max(1.0, abs(float(best.values[index])))
