"""Results in, matplotlib figures out. matplotlib is imported when a figure is drawn, and no global state is touched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import FormatError, InputError
from hftranslate.inference.hypotest import UpperLimitResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_ONE_SIGMA, _TWO_SIGMA, _LEVEL = "#7bcf8b", "#f3dc6b", "#b3261e"


# ----------------------------------------------------------------------------------------------------------------- CLs
@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """CLs against the parameter of interest: ``(n,)`` observed, ``(n, 5)`` expected, and the limits."""

    poi: Floats
    observed: Floats
    expected: Floats
    level: float
    limit: float
    expected_limits: Sequence[float]


def _scan(limit: UpperLimitResult | Mapping[str, Any]) -> _Scan:
    if isinstance(limit, UpperLimitResult):
        rows = [(poi, observed, expected) for poi, observed, expected in limit.scan]
        level, observed_limit, expected_limits = limit.level, limit.observed, limit.expected
    else:
        try:
            rows = [(row["poi"], row["CLs_obs"], row["CLs_exp"]) for row in limit["scan"]]
            level, observed_limit, expected_limits = limit["level"], limit["observed"], limit["expected"]
        except (KeyError, TypeError) as error:
            raise FormatError(f"no upper limit as 'hftranslate limit' writes it: {error} is missing") from None
    if not rows:
        raise InputError("the upper limit holds no tested values to draw")
    if all(poi > 0.0 for poi, _, _ in rows):
        rows = [(0.0, 1.0, (1.0,) * 5), *rows]  # at zero both hypotheses are one
    return _Scan(
        poi=np.array([r[0] for r in rows]),
        observed=np.array([r[1] for r in rows]),
        expected=np.array([r[2] for r in rows]),
        level=level,
        limit=observed_limit,
        expected_limits=expected_limits,
    )


def brazil(
    limit: UpperLimitResult | Mapping[str, Any], *, poi_name: str = "parameter of interest", title: str = ""
) -> "Figure":
    """CLs against the parameter of interest, observed and expected with its bands, and where they reach the level.

    Parameters
    ----------
    limit
        an upper limit, or the JSON document that ``hftranslate limit`` writes. The curves go through its tested
        values, which are marked on the observed one.
    """
    scan = _scan(limit)
    figure, axes = _figure(6.4, 4.6)
    right = 1.1 * max(scan.limit, *scan.expected_limits)
    x = np.linspace(scan.poi[0], min(scan.poi[-1], right), 400)
    curve = [_smooth(scan.poi, values, x) for values in (scan.observed, *scan.expected.T)]
    axes.fill_between(x, curve[1], curve[5], color=_TWO_SIGMA, lw=0, label=r"expected $\pm 2\sigma$")
    axes.fill_between(x, curve[2], curve[4], color=_ONE_SIGMA, lw=0, label=r"expected $\pm 1\sigma$")
    axes.plot(x, curve[3], color="black", ls="--", lw=1.3, label=f"expected, limit {scan.expected_limits[2]:#.3g}")
    axes.plot(x, curve[0], color="black", lw=1.6, label=f"observed, limit {scan.limit:#.3g}")
    shown = scan.poi <= right
    axes.plot(scan.poi[shown], scan.observed[shown], "o", color="black", ms=2.5)
    axes.axhline(scan.level, color=_LEVEL, lw=1.2)
    axes.annotate(
        f"CLs = {scan.level:g}",
        (right, scan.level),
        (-4, 4),
        textcoords="offset points",
        ha="right",
        color=_LEVEL,
        fontsize=9,
    )
    for value, style in ((scan.limit, "-"), (scan.expected_limits[2], "--")):
        axes.plot([value, value], [0.0, scan.level], color=_LEVEL, ls=style, lw=1.2)
    axes.set(xlim=(x[0], right), ylim=(0.0, 1.0), xlabel=poi_name, ylabel="CLs", title=title)
    handles, labels = axes.get_legend_handles_labels()
    order = [3, 2, 1, 0]
    axes.legend([handles[i] for i in order], [labels[i] for i in order], frameon=False, loc="upper right")
    return figure


def _smooth(poi: Floats, cls: Floats, x: Floats) -> Floats:
    """A curve through the tested values: ln CLs is smooth, except for a kink that this interpolation respects."""
    from scipy.interpolate import Akima1DInterpolator

    apart = np.concatenate([[True], np.diff(poi) > 1e-4 * (poi[-1] - poi[0])])  # root finding tests close neighbours
    if apart.sum() < 2:
        return np.full_like(x, cls[0])
    logs = np.log(np.maximum(cls[apart], 1e-300))
    return np.minimum(np.exp(Akima1DInterpolator(poi[apart], logs)(x)), 1.0)


# --------------------------------------------------------------------------------------------------------------- pulls
def pulls(fit: Mapping[str, Any], *, title: str = "", most: int = 80) -> "Figure":
    """Pulls of the constrained parameters, and the values of the free ones.

    Parameters
    ----------
    fit
        the JSON document that ``hftranslate fit`` writes. A pull is (fitted - initial value) / prior uncertainty.
    most
        how many constrained parameters are drawn: the ones pulled or constrained most.
    """
    constrained, free = _fitted(fit)
    names, pull, error = _most_notable(constrained, most)
    rows = len(names) + len(free) + 1.5 * bool(free)
    figure, axes = _figure(6.4, 1.2 + 0.24 * max(rows, 4))
    reach = 1.1 * max(2.2, *(abs(p) + e for p, e in zip(pull, error, strict=True))) if names else 2.4
    y = np.arange(len(names), dtype=float)
    span = [-0.8, len(y) - 0.2]
    axes.fill_betweenx(span, -2.0, 2.0, color=_TWO_SIGMA, lw=0, alpha=0.6)
    axes.fill_betweenx(span, -1.0, 1.0, color=_ONE_SIGMA, lw=0, alpha=0.8)
    axes.plot([0.0, 0.0], span, color="black", lw=0.8, ls=":")
    axes.errorbar(pull, y, xerr=error, fmt="o", color="black", ms=3.5, lw=1.2)
    for k, (name, value, sigma) in enumerate(free):
        at = len(y) + 0.5 + k
        text = f"{value:.3f}" + ("" if sigma is None else f" ± {sigma:.3f}")
        axes.annotate(
            text,
            (0.0, at),
            ha="center",
            va="center",
            fontsize=9,
            bbox={"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none"},
        )
        names = [*names, name]
    ticks = [*y, *(len(y) + 0.5 + k for k in range(len(free)))]
    axes.set_yticks(ticks, names, fontsize=8.5)
    axes.set(xlim=(-reach, reach), ylim=(len(y) + len(free) + 0.2, -0.8), title=title)
    axes.set_xlabel(r"(fitted $-$ initial value) / prior uncertainty; free parameters: value")
    axes.tick_params(axis="y", length=0)
    return figure


def _fitted(fit: Mapping[str, Any]) -> tuple[list[tuple[str, float, float]], list[tuple[str, float, float | None]]]:
    """Constrained parameters with pull and its uncertainty, and free ones with value and uncertainty."""
    constrained: list[tuple[str, float, float]] = []
    free: list[tuple[str, float, float | None]] = []
    try:
        for name, values in fit["mle_parameters"].items():
            columns = (fit["uncertainties"][name], fit["initial_values"][name], fit["prior_uncertainties"][name])
            for i, (value, sigma, initial, prior) in enumerate(zip(values, *columns, strict=True)):
                label = name if len(values) == 1 else f"{name}[{i}]"
                if sigma == 0.0:
                    continue  # constant
                if prior:
                    constrained.append((label, (value - initial) / prior, (sigma or 0.0) / prior))
                else:
                    free.append((label, value, sigma))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"no fit as 'hftranslate fit' writes it: {error} is missing or of another shape") from None
    return constrained, free


def _most_notable(constrained: list[tuple[str, float, float]], most: int) -> tuple[list[str], list[float], list[float]]:
    """Those farthest from a pull of 0 with an uncertainty of 1, in their original order."""
    ranked = sorted(range(len(constrained)), key=lambda i: -(abs(constrained[i][1]) + abs(1.0 - constrained[i][2])))
    chosen = [constrained[i] for i in sorted(ranked[:most])]
    return [c[0] for c in chosen], [c[1] for c in chosen], [c[2] for c in chosen]


# -------------------------------------------------------------------------------------------------------------- figures
def _figure(width: float, height: float) -> tuple["Figure", "Axes"]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure; the ending of the path says how (png, pdf, svg).

    Raises
    ------
    InputError
        No picture has that ending, or the file cannot be written.
    """
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
