"""Brazil bands: CLs against the parameter of interest, and upper limits against a property of the signal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hftranslate.errors import FormatError, InputError
from hftranslate.plots.figures import (
    DEFAULT_PLOT,
    MARK,
    ONE_SIGMA,
    TWO_SIGMA,
    Drawn,
    Floats,
    PlotOptions,
    document,
    finite,
    in_style,
    literal,
    new_axes,
    worded,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """CLs against the parameter of interest: ``(n,)`` observed, ``(n, 5)`` expected, and the limits.

    ``errors`` of the observed values, ``(n,)``, where they come from toys; no ``expected_limits`` where nobody looked;
    ``name`` of the parameter of interest, where the document says it.
    """

    poi: Floats
    observed: Floats
    expected: Floats
    errors: Floats | None
    level: float
    limit: float
    expected_limits: Sequence[float] | None
    name: str | None


def _scan(limit: Drawn) -> _Scan:
    try:
        found = document(limit)
        rows = found["scan"]
        name = None if found.get("poi") is None else str(found["poi"]["name"])
        if rows == []:
            raise InputError("the upper limit holds no tested values to draw")
        poi, observed, expected = ([row[name] for row in rows] for name in ("poi", "CLs_obs", "CLs_exp"))
        errors = [row["errors"]["CLs_obs"] for row in rows] if "toys" in found else None
        return _completed(name, poi, observed, expected, errors, found["level"], found["observed"], found["expected"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"no upper limit as 'hftranslate limit' writes it: {error} is missing or of another shape"
        ) from None


def _completed(
    name: str | None,
    poi: Sequence[float],
    observed: Sequence[float],
    expected: Sequence[Sequence[float]],
    errors: Sequence[float] | None,
    level: float,
    limit: float | None,
    expected_limits: Sequence[float | None],
) -> _Scan:
    """The columns of a scan as arrays, with what is known at zero, where both hypotheses are one."""
    scan = _Scan(
        poi=finite(poi, len(poi)),
        observed=finite(observed, len(poi)),
        expected=finite(expected, len(poi), 5),
        errors=None if errors is None else finite(errors, len(poi)),
        level=float(level),
        limit=_number(limit),
        expected_limits=[_number(value) for value in expected_limits] or None,
        name=name,
    )
    if scan.expected_limits is not None and len(scan.expected_limits) != 5:
        raise ValueError(f"an expectation of {len(scan.expected_limits)} limits")
    if not all(low < high for low, high in pairwise(scan.poi)):
        raise ValueError("the order of the tested values")
    if not scan.poi[0] > 0.0:
        return scan
    return replace(
        scan,
        poi=np.concatenate([[0.0], scan.poi]),
        observed=np.concatenate([[1.0], scan.observed]),
        expected=np.concatenate([np.ones((1, 5)), scan.expected]),
        errors=None if scan.errors is None else np.concatenate([[0.0], scan.errors]),
    )


def _number(value: float | None) -> float:
    """A limit, NaN where there is none."""
    return np.nan if value is None else float(value)


def _axis(name: str | None, given: str | None) -> str:
    """What stands at the axis of the parameter of interest: what was asked for, or its name."""
    if given is not None:
        return worded(given)
    return "parameter of interest" if name is None else literal(name)


def _told(name: str, limit: float | None) -> str:
    if limit is None:
        return name
    return f"{name}, limit {f'{limit:#.3g}'.removesuffix('.')}" if np.isfinite(limit) else f"{name}, no limit"


@in_style
def brazil(
    limit: Drawn,
    *,
    poi_name: str | None = None,
    log: bool = False,
    ax: "Axes | None" = None,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """CLs against the parameter of interest, observed and expected with its bands, and where they reach the level.

    Parameters
    ----------
    limit
        an upper limit, or the JSON document that ``hftranslate limit`` writes. The curves go through its tested
        values, which are marked on the observed one; those from toys with their errors.
    poi_name
        of the axis, in place of the parameter's name.
    log
        whether CLs stands on a logarithmic axis.
    ax
        where to draw; by default in a figure of its own.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure, or that of ``ax``.

    Raises
    ------
    FormatError
        The document is none of a limit.
    InputError
        There is nothing to draw: no value was tested.
    """
    scan = _scan(limit)
    figure, axes = new_axes(6.4, 4.6, ax)
    median = None if scan.expected_limits is None else scan.expected_limits[2]
    found = [v for v in (scan.limit, *(scan.expected_limits or ())) if np.isfinite(v)]
    if not found:
        raise InputError("the upper limit holds no limit to draw")
    right = 1.1 * max(found)
    x = np.linspace(scan.poi[0], min(scan.poi[-1], right), 400)
    through = _smooth if scan.errors is None else _straight
    curve = [through(scan.poi, values, x) for values in (scan.observed, *scan.expected.T)]
    draw_bands(axes, x, curve[1:], _told("expected", median))
    axes.plot(x, curve[0], color="black", lw=1.6, label=_told("observed", scan.limit))
    shown = scan.poi <= right
    errors = None if scan.errors is None else scan.errors[shown]
    axes.errorbar(scan.poi[shown], scan.observed[shown], errors, fmt="o", color="black", ms=2.5, elinewidth=1.0)
    axes.axhline(scan.level, color=MARK, lw=1.2)
    axes.annotate(
        rf"CL$_\mathrm{{s}}$ = {scan.level:g}",
        (right, scan.level),
        (-4, 4),
        textcoords="offset points",
        ha="right",
        color=MARK,
        fontsize=9,
    )
    for value, dashes in ((scan.limit, "-"), (np.nan if median is None else median, "--")):
        axes.plot([value, value], [1e-9 if log else 0.0, scan.level], color=MARK, ls=dashes, lw=1.2)
    axes.set(
        xlim=(x[0], right),
        yscale="log" if log else "linear",
        ylim=(max(0.02 * scan.level, 1e-6), 3.0) if log else (0.0, 1.0),
        xlabel=_axis(scan.name, poi_name),
        ylabel=r"CL$_\mathrm{s}$",
        title=worded(options.title),
    )
    _legend(axes, [3, 2, 1, 0], loc="upper right")
    return figure


def draw_bands(axes: "Axes", x: Floats, expected: Floats | Sequence[Floats], median: str = "expected") -> None:
    """What is expected at -2 ... +2 standard deviations, ``(5, n)``: bands, and a dashed line for the median."""
    axes.fill_between(x, expected[0], expected[4], color=TWO_SIGMA, lw=0, label=r"expected $\pm 2\sigma$")
    axes.fill_between(x, expected[1], expected[3], color=ONE_SIGMA, lw=0, label=r"expected $\pm 1\sigma$")
    axes.plot(x, expected[2], color="black", ls="--", lw=1.3, label=median)


def _legend(axes: "Axes", order: Sequence[int], **where: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    axes.legend([handles[i] for i in order], [labels[i] for i in order], **where)


def _smooth(poi: Floats, cls: Floats, x: Floats) -> Floats:
    """A curve through the tested values that never swings beyond them: ln CLs has a kink at the best fit."""
    from scipy.interpolate import PchipInterpolator

    # root finding tests close neighbours
    apart = np.concatenate([[True], np.diff(poi) > 1e-4 * (x[-1] - x[0])])
    if apart.sum() < 2:
        return np.full_like(x, cls[0])
    logs = np.log(np.maximum(cls[apart], 1e-300))
    curve: Floats = np.exp(PchipInterpolator(poi[apart], logs, extrapolate=True)(x))
    return np.minimum(curve, 1.0)


def _straight(poi: Floats, cls: Floats, x: Floats) -> Floats:
    """Straight lines: values from toys scatter, and a smooth curve through them would swing."""
    return np.interp(x, poi, cls)


@in_style
def limit_band(
    at: Sequence[float],
    limits: Sequence[Drawn],
    *,
    x_name: str = "signal",
    poi_name: str | None = None,
    theory: float | Sequence[Sequence[float]] | None = 1.0,
    log: bool | None = None,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """Upper limits, observed and expected with its bands, against a property of the signal such as a mass.

    Parameters
    ----------
    at
        the property of each signal, in any order.
    limits
        the upper limit of each signal, or its JSON document; all at one level.
    x_name
        of the horizontal axis.
    poi_name
        of the vertical axis, in place of the parameter's name.
    theory
        where to draw the line of the predicted signal; signals with limits below are excluded. Where it depends on the
        property, or is uncertain: rows of the property, the prediction, and the ends of its band.
    log
        whether the limits stand on a logarithmic axis; by default where they span more than a factor of 30.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure.

    Raises
    ------
    FormatError
        A document is none of a limit.
    InputError
        There is not one limit for each value, or they are at different levels.
    """
    if len(at) != len(limits) or len(at) < 2:
        raise InputError(
            f"{len(limits)} upper limits at {len(at)} values: a band takes two at least, one for each value"
        )
    if not np.isfinite(at).all() or len(set(at)) < len(at):
        raise InputError(f"upper limits at {', '.join(f'{x:g}' for x in at)}: a band takes different finite values")
    scans = [_scan(limit) for limit in limits]
    levels = sorted({scan.level for scan in scans})
    if len(levels) > 1:
        raise InputError(f"the upper limits are at different levels: {levels}")
    one_name = scans[0].name if len({scan.name for scan in scans}) == 1 else None
    order = np.argsort(at)
    x = np.asarray(at, dtype=np.float64)[order]
    observed = np.array([scans[i].limit for i in order])
    expected = np.array([scans[i].expected_limits or [np.nan] * 5 for i in order])
    figure, axes = new_axes(6.4, 4.6)
    draw_bands(axes, x, expected.T)
    axes.plot(x, observed, "o-", color="black", lw=1.6, ms=3.0, label="observed")
    predicted = _draw_theory(axes, x, theory)
    every = np.column_stack([observed, expected])
    lowest, highest = float(np.nanmin(every)), float(np.nanmax([*every.ravel(), *predicted]))
    lowest = min([lowest, *predicted])
    if log if log is not None else lowest > 0.0 and highest / lowest > 30.0:
        axes.set_yscale("log")
        axes.set_ylim(0.5 * lowest, 8.0 * highest)
    else:
        axes.set_ylim(0.0, 1.35 * highest)
    axes.set(xlim=(x[0], x[-1]), xlabel=worded(x_name), title=worded(options.title))
    axes.set_ylabel(f"{100.0 * (1.0 - levels[0]):g} % CL upper limit on {_axis(one_name, poi_name)}")
    _legend(axes, [3, 2, 1, 0], loc="upper right", ncols=2)
    return figure


def _draw_theory(axes: "Axes", x: Floats, theory: float | Sequence[Sequence[float]] | None) -> list[float]:
    """The predicted signal as a line, with its band where there is one; and which values it has."""
    if theory is None:
        return []
    if isinstance(theory, int | float):
        axes.axhline(theory, color=MARK, lw=1.2)
        at, value, values = x[-1], float(theory), [float(theory)]
    else:
        try:
            rows = finite([list(row) for row in theory], len(theory), 4)
        except (TypeError, ValueError):
            raise InputError(
                "a prediction takes rows of four numbers: property, value, and the ends of its band"
            ) from None
        rows = rows[np.argsort(rows[:, 0])]
        axes.fill_between(rows[:, 0], rows[:, 2], rows[:, 3], color=MARK, alpha=0.25, lw=0)
        axes.plot(rows[:, 0], rows[:, 1], color=MARK, lw=1.2)
        inside = rows[(rows[:, 0] >= x[0]) & (rows[:, 0] <= x[-1])]
        last = inside[-1] if len(inside) else rows[-1]
        at, value, values = last[0], float(last[1]), inside[:, 1:].ravel().tolist()
    axes.annotate("predicted", (at, value), (-4, 3), textcoords="offset points", ha="right", color=MARK, fontsize=9)
    return values
