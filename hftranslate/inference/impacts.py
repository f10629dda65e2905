"""Impacts: how far the parameter of interest moves with each nuisance parameter, and with groups of them.

The impact of a parameter is the shift of the fitted parameter of interest when that parameter is held one standard
deviation above or below its best-fit value and all others are fitted again. *Pre-fit* the standard deviation is that
of the constraint; *post-fit* it is what the fit leaves of it, by HESSE or MINOS. Values are held within the range of
their parameter.

The impact of a group is the part of the uncertainty of the parameter of interest that goes away when the group is held
at its best-fit values, subtracted in quadrature: ``sqrt(total^2 - held^2)``. Parameters of different groups are
correlated by the fit, so that the squares of the groups need not sum up to the total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite, sqrt
from typing import Any, Literal, get_args

import numpy as np

from hftranslate.batch.journal import are_numbers
from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.batch.run_kept import run_kept
from hftranslate.batch.run_many import Failed
from hftranslate.display.speaking import Cell, Result, Table, named, plain, short
from hftranslate.errors import FitFailed, InputError, MissingInput, did_you_mean
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import FitResult, failure_message, fit
from hftranslate.inference.minimize import AT_A_MINIMUM, DEFAULT_OPTIONS, FitOptions, minimize_many
from hftranslate.inference.profiles import step_of
from hftranslate.inference.pulls import Pull, pulls
from hftranslate.inference.together import Fits
from hftranslate.likelihood.model import Data, Model, check_model_and_data
from hftranslate.likelihood.restricted import restricted
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Widths = Literal["hesse", "minos"]
#: Shifts of the parameter of interest with the nuisance parameter below and above; ``None`` where there is no fit.
Shifts = tuple[float | None, float | None]

#: The groups that are always there: what remains without the constrained parameters, and what they add.
STATISTICAL, SYSTEMATIC = "statistical", "systematic"
#: Parameters whose fits are made at once.
_TOGETHER = 8
#: Relative precision of squared uncertainties: ends of intervals are found to 1e-8.
_PRECISION: dict[Widths, float] = {"hesse": 1e-12, "minos": 1e-7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """One nuisance parameter and what it does to the parameter of interest.

    Attributes
    ----------
    parameter
        its value, uncertainty and pull in the fit.
    low, high
        how far below and above its best-fit value it was held for the post-fit impact; NaN by HESSE at a bound, where
        there is no post-fit impact.
    prefit, postfit
        shifts of the parameter of interest with the parameter below and above; ``prefit`` is ``None`` for a free one.
    """

    parameter: Pull
    low: float
    high: float
    prefit: Shifts | None
    postfit: Shifts

    @property
    def size(self) -> float:
        """The larger post-fit shift, by which parameters are ranked."""
        return max((abs(s) for s in self.postfit if s is not None), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        p = self.parameter
        return {
            "name": p.name,
            "value": p.value,
            "uncertainty": [plain(self.low), plain(self.high)],
            "pull": plain(p.pull),
            "constraint": plain(p.constraint),
            "prior": None if p.centre is None else [p.centre, p.width],
            "prefit": None if self.prefit is None else list(self.prefit),
            "postfit": list(self.postfit),
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Impacts(Result):
    """The impacts on a parameter of interest.

    Attributes
    ----------
    poi, value, low, high
        the parameter of interest, its best-fit value, and how far its uncertainty reaches below and above.
    widths
        whether uncertainties are by HESSE or MINOS.
    parameters
        the nuisance parameters, those with the largest impact first.
    groups
        the part of each group in the lower and upper uncertainty; ``statistical`` is what remains when all constrained
        parameters are held, ``systematic`` the rest.
    failures
        why shifts are missing.
    conventions
        whose evaluation the model follows.
    """

    poi: str
    value: float
    low: float
    high: float
    widths: Widths
    parameters: tuple[Impact, ...]
    groups: Mapping[str, tuple[float, float]]
    failures: tuple[str, ...]
    conventions: str

    def __getitem__(self, name: str) -> Impact:
        """The impact of one parameter."""
        for impact in self.parameters:
            if impact.parameter.name == name:
                return impact
        raise MissingInput(f"no impact of {name!r}" + did_you_mean(name, (i.parameter.name for i in self.parameters)))

    def tables(self, top: int = 30) -> tuple[Table, ...]:
        """The parameters with the largest impacts, and the groups."""
        by, left = self.widths.upper(), len(self.parameters) - top
        parameters = Table(
            caption=f"impacts on {self.poi} = {self.value:.4g}  -{short(self.low)} +{short(self.high)} ({by})",
            columns=("parameter", "pull", "constraint", *(f"{kind} {d}" for kind in ("pre", "post") for d in "+-")),
            rows=[(*i.parameter.row, *_up_and_down(i.prefit), *_up_and_down(i.postfit)) for i in self.parameters[:top]],
            note=f"... and {left} more with smaller impacts" if left > 0 else "",
        )
        groups = Table(
            caption="groups",
            columns=("", "below", "above"),
            rows=[(name, *pair) for name, pair in self.groups.items()],
            note=f"conventions: {self.conventions}",
        )
        return parameters, groups

    def records(self, top: int | None = None) -> Table:
        """The parameters with the largest impact, by default all, and the groups: their parts above and below."""
        rows: list[tuple[Cell, ...]] = [
            (
                "parameter",
                i.parameter.name,
                plain(i.parameter.pull),
                plain(i.parameter.constraint),
                *_up_and_down(i.prefit),
                *_up_and_down(i.postfit),
            )
            for i in self.parameters[:top]
        ]
        rows += [("group", name, *(None,) * 4, plain(high), plain(low)) for name, (low, high) in self.groups.items()]
        columns = ("kind", "name", "pull", "constraint", "pre +", "pre -", "post +", "post -")
        return Table(caption=self.headline(), columns=columns, rows=rows)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``impacts``."""
        return {
            "poi": {
                "name": self.poi,
                "value": self.value,
                "uncertainty": [plain(self.low), plain(self.high)],
                "at_bound": False,  # there are no impacts where it is
            },
            "widths": self.widths,
            "parameters": [i.to_dict() for i in self.parameters],
            "groups": {name: list(map(plain, pair)) for name, pair in self.groups.items()},
            "failed": list(self.failures),
            "conventions": self.conventions,
        }


def _up_and_down(shifts: Shifts | None) -> tuple[Cell, Cell]:
    """The shifts with the parameter above and below, in all their digits: parameters of interest have many scales."""
    if shifts is None:
        return None, None
    low, high = ("?" if s is None else s for s in shifts)
    return high, low


@unwarned
def impacts(
    model: Model,
    data: Data,
    *,
    names: str | Sequence[str] | None = None,
    groups: Mapping[str, str | Sequence[str]] | None = None,
    widths: Widths = "hesse",
    options: FitOptions = DEFAULT_OPTIONS,
    batch: BatchOptions = DEFAULT_BATCH,
) -> Impacts:
    """The impact of nuisance parameters, one by one and in groups, on the parameter of interest.

    Parameters
    ----------
    model, data
        the likelihood and what was observed.
    names
        which parameters, by pyhf's or ROOT's name; default: every one that the fit is free to move.
    groups
        patterns (``*`` and ``?`` as in file names) of the parameters of each group.
    widths
        the post-fit standard deviations: by HESSE, or by MINOS, to both sides.
    options
        how to minimise.
    batch
        where the fits run, who listens, and where their results are kept.

    Returns
    -------
    Impacts
        shifts in units of the parameter of interest, the largest first.

    Raises
    ------
    InputError
        The parameter of interest is constant, not there, or at its bound, where it cannot move; a named parameter is
        constant or the one of interest; or a group has the name of one that is always there.
    MissingInput
        There is no such parameter, or a pattern fits none.
    FitFailed
        The free fit failed, or it gives no uncertainties by HESSE. Failed fits of single parameters are reported with
        the result.
    """
    check_model_and_data(model, data)
    if widths not in get_args(Widths):
        raise InputError(f"uncertainties are by 'hesse' or 'minos', not {widths!r}")
    p = model.parameters
    poi = p.names[p.poi_index]
    if p.fixed[p.poi_index]:
        raise InputError(f"the parameter of interest {poi!r} is constant and shows no impacts")
    members = _members(model, groups or {})
    journal = batch.journal(model, data, minimizer=options.minimizer, command="impacts", widths=widths)
    best = _free_fit(model, data, poi, widths, options)
    chosen = [n for n in _chosen(model, best, names) if n != poi]
    task = _Shift(model=model, data=data, best=best, widths=widths, options=options)
    found = run_kept(task, chosen, fits=_is_shift, step="impacts", together=_TOGETHER, batch=batch, journal=journal)
    failures: list[str] = []
    ranked = []
    for parameter, shift in zip(pulls(model, data, best, chosen), found, strict=True):
        if isinstance(shift, Failed):
            failures.append(f"{parameter.name}: {shift.reason}")
            continue
        failures += shift["why"]
        pre, post = shift["prefit"], shift["postfit"]
        ranked.append(
            Impact(
                parameter=parameter,
                low=_or_nan(shift["widths"][0]),
                high=_or_nan(shift["widths"][1]),
                prefit=None if pre is None else (pre[0], pre[1]),
                postfit=(post[0], post[1]),
            )
        )
    low, high = _poi_uncertainty(model, data, best, widths, options)
    return Impacts(
        poi=poi,
        value=best.value(poi),
        low=low,
        high=high,
        widths=widths,
        parameters=tuple(sorted(ranked, key=lambda i: -i.size)),
        groups=_group_impacts(model, data, best, members, (low, high), widths, options),
        failures=tuple(failures),
        conventions=model.conventions.name,
    )


def _free_fit(model: Model, data: Data, poi: str, widths: Widths, options: FitOptions) -> FitResult:
    """The fit that impacts are about; refused where it shows none."""
    best = fit(model, data, options=options)
    at_bound = {name for name, at in zip(best.names, best.at_bound, strict=True) if at}
    if poi in at_bound:
        raise InputError(
            f"the best fit of {poi!r} lies at its bound, {best.value(poi):.3g}, and cannot move beyond: it shows no "
            f"impacts; take the Asimov data of a signal (--asimov 1), or give it room (--bounds {poi}=LOW:HIGH)"
        )
    unknown = next((name for name in best.no_uncertainty if name not in at_bound), None)
    if widths == "hesse" and unknown is not None:
        raise FitFailed(
            f"the fit gives no uncertainties by HESSE (of {unknown!r}, for one; {best.message}): 'doctor' tells which "
            "parameters have no effect or cannot be told apart; use those by MINOS"
        )
    return best


def _or_nan(width: float | None) -> float:
    return float("nan") if width is None else width


def _chosen(model: Model, best: FitResult, names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        return [n for n, constant in zip(best.names, best.fixed, strict=True) if not constant]
    indices = sorted({model.parameters.index(n) for n in named(names)})
    if model.parameters.poi_index in indices:
        raise InputError(f"{best.names[model.parameters.poi_index]!r} is the parameter of interest itself")
    for i in indices:
        if best.fixed[i]:
            raise InputError(f"{best.names[i]!r} is constant in this fit and has no impact")
    return [best.names[i] for i in indices]


def _members(model: Model, groups: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The parameters of each group."""
    for name in (STATISTICAL, SYSTEMATIC):
        if name in groups:
            raise InputError(f"the group {name!r} is always there; give yours another name")
    return {name: matching(model, named(patterns)) for name, patterns in groups.items()}


def matching(model: Model, patterns: Sequence[str]) -> tuple[str, ...]:
    """The parameters whose name, pyhf's or ROOT's, fits one of the patterns.

    Raises
    ------
    MissingInput
        A pattern fits none.
    """
    p = model.parameters
    found: set[int] = set()
    for pattern in patterns:
        fits = {i for i, both in enumerate(zip(p.names, p.root_names, strict=True)) if _fits(both, pattern)}
        if not fits:
            raise MissingInput(f"no parameter fits {pattern!r}" + did_you_mean(pattern, p.names))
        found |= fits
    return tuple(p.names[i] for i in sorted(found))


def _fits(names: tuple[str, str], pattern: str) -> bool:
    """Whether a name is the pattern or fits it. Brackets, which bin factors have, stand for themselves."""
    literal = pattern.replace("[", "[[]")
    return any(name == pattern or fnmatchcase(name, literal) for name in names)


# ------------------------------------------------------------------------------------------------------ one parameter
@record
class _Shift:
    """The task of some parameters: the widths of each and the shifts they cause, as JSON values; it pickles."""

    model: Model
    data: Data
    best: FitResult
    widths: Widths
    options: FitOptions

    @unwarned
    def __call__(self, names: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        asked: list[tuple[str, float]] = []
        for name in names:
            index = self.best.names.index(name)
            centre, prior = float(self.best.values[index]), float(self.model.parameters.width[index])
            reasons: list[str] = []
            widths = self._widths(name, index)
            if widths is None:
                reasons.append(f"{name}, post-fit: {self.best.no_uncertainty[name]}")
            else:
                asked += self._ends(name, index, centre - widths[0], centre + widths[1])
            if prior > 0.0:
                asked += self._ends(name, index, centre - prior, centre + prior)
            found.append({"widths": widths or [None, None], "postfit": widths, "prefit": prior > 0.0, "why": reasons})
        shifts = iter(self._shifts(asked))
        for one in found:
            for which in ("postfit", "prefit"):
                pair = [next(shifts), next(shifts)] if one[which] else []
                one["why"] += [reason for _, reason in pair if reason is not None]
                one[which] = [shift for shift, _ in pair] or ([None, None] if which == "postfit" else None)
        return found

    def _widths(self, name: str, index: int) -> list[float] | None:
        """How far to move the parameter; to the end of its range where the interval does not end before.

        ``None`` by HESSE where it ended there.
        """
        if self.widths == "hesse":
            sigma = float(self.best.uncertainties[index])
            return [sigma, sigma] if isfinite(sigma) else None
        centre, box = float(self.best.values[index]), self.best.bounds[index]
        ends = profile_interval(self.model, self.data, self.best, name, options=self.options)
        guess = step_of(self.model, self.best, index)
        below, above = (
            min(guess, abs(float(bound) - centre)) if end is None else abs(end - centre)
            for end, bound in zip(ends, box, strict=True)
        )
        return [below, above]

    def _ends(self, name: str, index: int, low: float, high: float) -> list[tuple[str, float]]:
        """The parameter at both values, moved into its range."""
        box = self.best.bounds[index]
        return [(name, max(low, float(box[0]))), (name, min(high, float(box[1])))]

    def _shifts(self, asked: Sequence[tuple[str, float]]) -> list[tuple[float | None, str | None]]:
        """How far the parameter of interest moves where each parameter is held at a value, or why there is no fit."""
        if not asked:
            return []
        poi, at = self.model.parameters.poi_index, [self.best.names.index(name) for name, _ in asked]
        starts = np.concatenate([self.best.all_moved((name,), np.array([[value]])) for name, value in asked])
        held = np.zeros(starts.shape, dtype=np.bool_)
        held[np.arange(len(at)), at] = True
        fits = Fits.of(self.data, starts, ~self.best.fixed, self.best.bounds, held)
        shifts: list[tuple[float | None, str | None]] = []
        for (name, value), minimum in zip(asked, minimize_many(self.model, fits, self.options), strict=True):
            if self.options.raise_on_failure and minimum.status not in AT_A_MINIMUM:
                shifts.append((None, f"{name} = {value:g}: {failure_message(self.model, self.data, minimum)}"))
            else:
                shifts.append((float(minimum.theta[poi] - self.best.values[poi]), None))
        return shifts


def _is_shift(_name: str, kept: Any) -> bool:
    """Whether a JSON value can be what :class:`_Shift` gives."""
    if not isinstance(kept, dict) or kept.keys() != {"widths", "postfit", "prefit", "why"}:
        return False
    widths, prefit, why = kept["widths"], kept["prefit"], kept["why"]
    return (
        are_numbers(widths, 2)
        and min(widths) >= 0.0
        and are_numbers(kept["postfit"], 2, or_null=True)
        and (prefit is None or are_numbers(prefit, 2, or_null=True))
        and isinstance(why, list)
        and all(isinstance(reason, str) for reason in why)
    )


# ------------------------------------------------------------------------------------------------------------- groups
def _poi_uncertainty(
    model: Model, data: Data, best: FitResult, widths: Widths, options: FitOptions
) -> tuple[float, float]:
    """How far the uncertainty of the parameter of interest reaches below and above; NaN where that is unknown."""
    index = model.parameters.poi_index
    if widths == "hesse":
        sigma = float(best.uncertainties[index])
        return sigma, sigma
    ends = profile_interval(model, data, best, best.names[index], options=options)
    below, above = (float("nan") if e is None else abs(e - float(best.values[index])) for e in ends)
    return below, above


def _group_impacts(
    model: Model,
    data: Data,
    best: FitResult,
    members: Mapping[str, tuple[str, ...]],
    total: tuple[float, float],
    widths: Widths,
    options: FitOptions,
) -> dict[str, tuple[float, float]]:
    p = model.parameters
    constrained = tuple(n for n, width in zip(p.names, p.width, strict=True) if width > 0.0)
    poi = p.names[p.poi_index]
    left = {}
    for name, held in {**members, STATISTICAL: constrained}.items():
        quiet = restricted(model, fixed={n: best.value(n) for n in held if n != poi})
        again = fit(quiet, data, start=best.values, options=options)
        left[name] = _poi_uncertainty(quiet, data, again, widths, options)
    statistical = left.pop(STATISTICAL)
    parts = {name: _without(total, rest, widths) for name, rest in left.items()}
    return {**parts, STATISTICAL: statistical, SYSTEMATIC: _without(total, statistical, widths)}


def _without(total: tuple[float, float], rest: tuple[float, float], widths: Widths) -> tuple[float, float]:
    """What is left of an uncertainty, below and above, when a part of it is subtracted in quadrature.

    A difference below the precision of the two is none.
    """

    def left(t: float, r: float) -> float:
        square = t * t - r * r
        return float("nan") if not isfinite(square) else sqrt(square) if square > _PRECISION[widths] * t * t else 0.0

    return left(total[0], rest[0]), left(total[1], rest[1])
